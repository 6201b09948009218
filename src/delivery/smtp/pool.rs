//! Connections that wait for the next message. Nobody ever waits for one of them: whoever finds none makes another.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::session::Session;

/// Idle conversations, the last one used first.
pub(super) struct Pool {
    idle: Mutex<Vec<(Instant, Session)>>,
    kept_max: usize,
}

impl Pool {
    /// An empty pool that keeps as many.
    pub(super) const fn new(kept_max: usize) -> Self {
        Self { idle: Mutex::new(Vec::new()), kept_max }
    }

    /// A conversation that was used a moment ago and that the server has not ended.
    pub(super) async fn take(&self) -> Option<Session> {
        loop {
            let (since, mut session) = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
            if since.elapsed() < IDLE_MAX && session.is_quiet().await {
                return Some(session);
            }
        }
    }

    /// Keeps a conversation for the next message, or ends it where enough are kept.
    pub(super) fn put(&self, session: Session) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < self.kept_max {
            idle.push((Instant::now(), session));
        } else {
            tokio::spawn(session.quit());
        }
    }

    /// Lets all go: when one has gone silent, the others are no better.
    pub(super) fn clear(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// Shorter than servers keep silent connections open, and than gateways remember them.
const IDLE_MAX: Duration = Duration::from_secs(60);
