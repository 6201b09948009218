//! Unreadable records: each is logged once and skipped, so that one damaged record does not stop the work on all
//! others.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use crate::domain::text::hex;
use crate::store::error::StoreError;

/// The records found unreadable since the start.
#[derive(Debug, Default)]
pub(in crate::store) struct Unreadable {
    told: Mutex<HashSet<Vec<u8>>>,
}

impl Unreadable {
    /// The value read, or `None` for a damaged record, which is logged the first time.
    ///
    /// # Errors
    /// Errors that say nothing about the record itself, such as a disk that can't be read now.
    pub(in crate::store) fn skip<T>(&self, key: &[u8], read: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
        match read {
            Ok(value) => Ok(Some(value)),
            Err(error @ (StoreError::Damaged(_) | StoreError::TooLarge(_))) => {
                self.tell(key, &error);
                Ok(None)
            }
            Err(error @ StoreError::Unavailable(_)) => Err(error),
        }
    }

    /// Logs a record, unless it was logged before or too many were.
    fn tell(&self, key: &[u8], error: &StoreError) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() >= TOLD_MAX || !told.insert(key.to_vec()) {
            return;
        }
        let shown = hex(key);
        tracing::error!(record.key = shown, %error, "a record can't be read; it is left in the store");
        if told.len() == TOLD_MAX {
            tracing::error!(count = TOLD_MAX, "further unreadable records are not logged until the next start");
        }
    }

    #[cfg(test)]
    pub(in crate::store) fn count(&self) -> usize {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

/// Maximum number of records that are remembered, and so logged.
const TOLD_MAX: usize = 1000;
