//! Connections that wait for the next message. Nobody ever waits for one of them: whoever finds none makes another.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::session::Session;

/// Idle conversations, the last one used first.
#[derive(Default)]
pub(super) struct Pool(Mutex<Vec<(Instant, Session)>>);

impl Pool {
    /// A conversation that was used a moment ago and that the server has not ended.
    pub(super) async fn take(&self) -> Option<Session> {
        loop {
            let (since, mut session) = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
            if since.elapsed() < IDLE_MAX && session.is_quiet().await {
                return Some(session);
            }
        }
    }

    /// Keeps a conversation for the next message, or ends it where enough are kept.
    pub(super) fn put(&self, session: Session) {
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < KEPT_MAX {
            idle.push((Instant::now(), session));
        } else {
            tokio::spawn(session.quit());
        }
    }

    /// Lets all go: when one has gone silent, the others are no better.
    pub(super) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

const KEPT_MAX: usize = 8;
/// Shorter than servers keep silent connections open, and than gateways remember them.
const IDLE_MAX: Duration = Duration::from_secs(60);
