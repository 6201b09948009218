//! Admission: how many requests may be in flight. Mailboxes have no limit, so this one stands before them.

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::domain::time::Span;

use super::EngineError;

/// A limit on requests in flight.
pub(super) struct Admission(Semaphore);

impl Admission {
    pub(super) fn new(requests_max: usize) -> Self {
        Self(Semaphore::new(requests_max))
    }

    /// A place, held until the request is answered.
    pub(super) fn enter(&self) -> Result<SemaphorePermit<'_>, EngineError> {
        self.0.try_acquire().map_err(|_| EngineError::Overloaded { retry_after: RETRY_AFTER })
    }

    /// Lets nobody in any more.
    pub(super) fn close(&self) {
        self.0.close();
    }
}

/// What an overloaded engine asks callers to wait.
pub(super) const RETRY_AFTER: Span = Span::from_secs(1);
