//! The last time seen, stored with the data. A restarted engine continues from there, even if the system's clock was
//! set back meanwhile, so that no code, link or session is valid for longer because of that.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::domain::time::{Span, Timestamp};
use crate::store::{Commit, LAST_SEEN, Store, StoreError, Unready};

/// Which time was stored last.
#[derive(Debug, Default)]
pub struct LastSeen {
    stored_ms: AtomicU64,
}

impl LastSeen {
    /// The last time that earlier runs stored with this data; zero where there is none.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn stored(store: &dyn Store) -> Result<Timestamp, StoreError> {
        let stored = store.value(LAST_SEEN).await?;
        let bytes = stored.and_then(|bytes| <[u8; 8]>::try_from(bytes).ok());
        Ok(Timestamp::from_millis(bytes.map_or(0, u64::from_be_bytes)))
    }

    /// The commit that a batch decided at `now` should include to store the time; `None` while the stored time is
    /// recent, and where this node is known not to have the time: others would go on from there.
    pub(super) fn note(&self, store: &dyn Store, now: Timestamp) -> Option<Commit> {
        if now.since(self.last()) < ALONG_EVERY || is_apart(store) {
            return None;
        }
        let value = now.as_millis().to_be_bytes().to_vec();
        Some(Commit { relaxed: true, ..Commit::of_value(now, LAST_SEEN, value) })
    }

    /// Records that the time from [`Self::note`] is stored.
    pub(super) fn noted(&self, at: Timestamp) {
        self.stored_ms.fetch_max(at.as_millis(), Ordering::AcqRel);
    }

    /// Whether the stored time is so old that it needs a commit of its own.
    pub(super) fn is_old(&self, store: &dyn Store, now: Timestamp) -> bool {
        now.since(self.last()) >= ALONE_EVERY && !is_apart(store)
    }

    fn last(&self) -> Timestamp {
        Timestamp::from_millis(self.stored_ms.load(Ordering::Acquire))
    }
}

/// Whether the clock of this node is known to be apart from that of a store which several nodes share. What it takes for over
/// may not be over.
pub(super) fn is_apart(store: &dyn Store) -> bool {
    store.is_shared() && store.health() == Err(Unready::ClocksApart)
}

/// With other commits the time costs only a few bytes of the batch.
const ALONG_EVERY: Span = Span::from_secs(1);
/// Without other commits the time costs a batch of its own.
const ALONE_EVERY: Span = Span::from_secs(60);
