//! The last time that was seen, kept with the data: an engine that starts again goes on from there, even where the
//! system's clock was put back meanwhile, so that no code, link or session lives longer for that.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::domain::time::{Span, Timestamp};
use crate::store::{Commit, LAST_SEEN, Store, StoreError};

/// What of the time is in the store.
#[derive(Debug, Default)]
pub struct LastSeen {
    stored_ms: AtomicU64,
}

impl LastSeen {
    /// The last time that the engines before have seen over this data; zero where there was none.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn stored(store: &dyn Store) -> Result<Timestamp, StoreError> {
        let stored = store.value(LAST_SEEN).await?;
        let bytes = stored.and_then(|bytes| <[u8; 8]>::try_from(bytes).ok());
        Ok(Timestamp::from_millis(bytes.map_or(0, u64::from_be_bytes)))
    }

    /// What a batch that was decided at `now` takes along, unless the store has a time that is recent enough.
    pub(super) fn note(&self, now: Timestamp) -> Option<Commit> {
        if now.since(self.last()) < ALONG_EVERY {
            return None;
        }
        let value = (LAST_SEEN.to_owned(), now.as_millis().to_be_bytes().to_vec());
        Some(Commit { at: now, values: vec![value], relaxed: true, ..Commit::default() })
    }

    /// The store has what [`Self::note`] gave.
    pub(super) fn noted(&self, at: Timestamp) {
        self.stored_ms.fetch_max(at.as_millis(), Ordering::AcqRel);
    }

    /// Whether it is long ago that the time went along with anything.
    pub(super) fn is_old(&self, now: Timestamp) -> bool {
        now.since(self.last()) >= ALONE_EVERY
    }

    fn last(&self) -> Timestamp {
        Timestamp::from_millis(self.stored_ms.load(Ordering::Acquire))
    }
}

/// It costs a few bytes of a batch that is written anyhow.
const ALONG_EVERY: Span = Span::from_secs(1);
/// Where nothing else is written it costs a batch of its own.
const ALONE_EVERY: Span = Span::from_secs(60);
