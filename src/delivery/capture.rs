//! The capture: keeps messages in memory instead of sending them, for development and tests.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use super::{BoxFuture, Message, Outcome, Transport};

/// A captured message.
pub type Captured = Arc<Message>;

/// Keeps the last 100 000 messages, indexed by address.
#[derive(Debug, Default)]
pub struct Capture(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    all: VecDeque<Captured>,
    by_address: HashMap<String, VecDeque<Captured>>,
}

impl Capture {
    /// An empty capture.
    pub fn new() -> Self {
        Self::default()
    }

    /// The messages to a normalised address, oldest first.
    pub fn to(&self, address: &str) -> Vec<Captured> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.by_address.get(address).map(|messages| messages.iter().cloned().collect()).unwrap_or_default()
    }

    /// The last `limit` messages, oldest first.
    pub fn latest(&self, limit: usize) -> Vec<Captured> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.all.iter().skip(kept.all.len().saturating_sub(limit)).cloned().collect()
    }
}

impl Transport for Capture {
    fn deliver<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Outcome> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).keep(Arc::new(message.clone()));
        Box::pin(std::future::ready(Outcome::Sent))
    }
}

impl Kept {
    fn keep(&mut self, message: Captured) {
        if self.all.len() == KEPT_MAX
            && let Some(oldest) = self.all.pop_front()
            && let Some(messages) = self.by_address.get_mut(&oldest.to)
        {
            messages.pop_front();
            if messages.is_empty() {
                self.by_address.remove(&oldest.to);
            }
        }
        self.by_address.entry(message.to.clone()).or_default().push_back(message.clone());
        self.all.push_back(message);
    }
}

const KEPT_MAX: usize = 100_000;
