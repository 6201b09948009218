//! Whether commits succeed at present. The log gets one line when they begin to fail and one when they succeed again,
//! however many fail in between.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::store::{CommitError, Committed};

/// Whether the store refuses commits at present. Reading it never waits.
#[derive(Debug, Default)]
pub(super) struct Outage {
    on: AtomicBool,
    /// Whether a probe is running.
    is_probed: AtomicBool,
    failed: AtomicU64,
}

impl Outage {
    /// Whether the last batch could not be written.
    pub(super) fn is_on(&self) -> bool {
        self.on.load(Ordering::Acquire)
    }

    /// Whether the caller should start probing: the outage is on and no probe is running. Only one probe runs at a
    /// time, however often outages begin and end.
    pub(super) fn begin_probing(&self) -> bool {
        self.is_on() && !self.is_probed.swap(true, Ordering::AcqRel)
    }

    /// Records that the caller has stopped probing.
    pub(super) fn end_probing(&self) {
        self.is_probed.store(false, Ordering::Release);
    }

    /// Records the results of a batch. Returns true when an outage begins with it.
    pub(super) fn note(&self, results: &[Result<Committed, CommitError>]) -> bool {
        let failures = results.iter().filter_map(|result| result.as_ref().err()).filter(|error| is_of_the_store(error));
        let (count, last) = failures.fold((0, None), |(count, _), error| (count + 1, Some(error)));
        if results.iter().any(Result::is_ok) {
            if self.on.swap(false, Ordering::AcqRel) {
                tracing::info!(failed = self.failed.swap(0, Ordering::Relaxed), "commits succeed again");
            }
            return false;
        }
        let Some(error) = last else { return false };
        self.failed.fetch_add(count, Ordering::Relaxed);
        let begins = !self.on.swap(true, Ordering::AcqRel);
        if begins {
            tracing::error!(%error, "commits fail; one is tried every second until it succeeds");
        }
        begins
    }
}

/// Whether the store failed, as opposed to refusing this one commit. Overload is neither: it ends with the load.
const fn is_of_the_store(error: &CommitError) -> bool {
    matches!(error, CommitError::Unavailable | CommitError::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_lasts_from_the_first_failure_to_the_next_commit_that_stands() {
        let outage = Outage::default();
        assert!(!outage.note(&[Err(CommitError::Stale), Err(CommitError::Overloaded)]) && !outage.is_on());
        assert!(!outage.note(&[Err(CommitError::BadRecord)]) && !outage.is_on(), "one record is not the store");
        assert!(outage.note(&[Err(CommitError::Unavailable), Err(CommitError::Stale)]) && outage.is_on());
        assert!(!outage.note(&[Err(CommitError::Unavailable)]) && outage.is_on(), "it goes on");
        assert!(!outage.note(&[Err(CommitError::Stale)]) && outage.is_on(), "nothing was written");
        assert_eq!(outage.failed.load(Ordering::Relaxed), 2);
        assert!(!outage.note(&[Ok(Committed::default())]) && !outage.is_on());
        assert!(outage.note(&[Err(CommitError::Unknown)]), "another one");
    }
}
