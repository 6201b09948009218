//! Requests turned away because the service is not available: a few lines in the log however many there are.

use std::sync::{Mutex, PoisonError};

use crate::domain::time::{Span, Timestamp};

use super::HttpError;

/// What is known of the refusals of one server.
#[derive(Default)]
pub(in crate::http) struct Refusals(Mutex<Told>);

#[derive(Default)]
struct Told {
    last: Option<Timestamp>,
    since: u64,
}

impl Refusals {
    /// Counts an error that is a refusal; the log hears of the first at once and then of all together, at most once
    /// in [`INTERVAL`].
    pub(in crate::http) fn note(&self, error: &HttpError, now: Timestamp) {
        if let Some(cause) = error.refusal()
            && let Some(requests) = self.count(now)
        {
            tracing::warn!(http.route = error.0.route, error.cause = cause, requests, "requests are turned away");
        }
    }

    fn count(&self, now: Timestamp) -> Option<u64> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.since += 1;
        if told.last.is_some_and(|last| now.since(last) < INTERVAL) {
            return None;
        }
        told.last = Some(now);
        Some(std::mem::take(&mut told.since))
    }
}

const INTERVAL: Span = Span::from_secs(10);
