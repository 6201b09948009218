//! Pool of idle connections. A caller never waits for one: if the pool is empty it opens a new one.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::session::Session;

/// Idle sessions; the one used last is taken first.
pub(super) struct Pool {
    idle: Mutex<Vec<(Instant, Session)>>,
    kept_max: usize,
}

impl Pool {
    /// An empty pool for at most `kept_max` sessions.
    pub(super) const fn new(kept_max: usize) -> Self {
        Self { idle: Mutex::new(Vec::new()), kept_max }
    }

    /// A session that was used a short time ago and that the server has not closed.
    pub(super) async fn take(&self) -> Option<Session> {
        loop {
            let (since, mut session) = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
            if since.elapsed() < IDLE_MAX && session.is_quiet().await {
                return Some(session);
            }
        }
    }

    /// Keeps a session for the next message, or closes it if the pool is full.
    pub(super) fn put(&self, session: Session) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < self.kept_max {
            idle.push((Instant::now(), session));
        } else {
            tokio::spawn(session.quit());
        }
    }

    /// Drops all sessions: if one is dead, the others are likely dead too.
    pub(super) fn clear(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// Maximum idle time, shorter than the idle timeouts of servers and NAT gateways.
const IDLE_MAX: Duration = Duration::from_secs(60);
