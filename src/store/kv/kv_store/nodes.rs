//! A store over a map that several nodes write to. Plans and answers are made as over any other map, from a view of it that
//! is filled as they need it. What a plan has read is compared when it is written; where something has changed meanwhile, the
//! commit is planned again.

mod commit;
#[cfg(feature = "postgres")]
mod patience;
#[cfg(test)]
mod tests;
mod usual_keys;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Mutex;

use crate::domain::text::hex;
use crate::entropy::unique_bytes;
use crate::store::commit::{Commit, Committed};
use crate::store::error::{CommitError, StoreError};
use crate::store::health::Health;
use crate::store::kv::codec;
use crate::store::kv::key::bookkeeping::NODE;
use crate::store::kv::key::{self, COUNTED_HERE, LAST_SEEN};
use crate::store::kv::key_value::Write;
use crate::store::kv::reads::Reads;
use crate::store::kv::record::ValueRecordV1;
use crate::store::kv::shared_map::{AppendError, Batch, ReadSet, SharedMap, Stamp};
use crate::store::kv::view::View;

use super::{Beneath, Reader, Shared};

/// A node's access to a map that is shared with other nodes.
pub struct Nodes<M> {
    map: M,
    /// The key of a value that this node writes with each batch, and no other node writes. So of two batches of this node that
    /// were planned from the same one before them only one can be written: that is how it finds out what became of a batch
    /// without an answer.
    fence: Bytes,
}

impl<M: SharedMap> Nodes<M> {
    /// A node over this map.
    pub(in crate::store) fn over(map: M) -> Self {
        Self { map, fence: key::value(&format!("{NODE}{}", hex(&unique_bytes()))) }
    }
}

impl<M> fmt::Debug for Nodes<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nodes").finish_non_exhaustive()
    }
}

/// What a node keeps from one batch to the next. All of it may be outdated at any time: then the next batch conflicts.
#[derive(Debug)]
pub struct Deciding {
    view: View,
    /// Whether the map knows the next numbers of the log of events.
    is_numbered: bool,
    /// The part in which this node counts users: another one as soon as it meets another node there.
    part: u8,
    #[cfg(feature = "postgres")]
    patience: patience::Patience,
}

impl Default for Deciding {
    fn default() -> Self {
        Self {
            view: View::going_on(),
            is_numbered: false,
            part: COUNTED_HERE,
            #[cfg(feature = "postgres")]
            patience: patience::Patience::default(),
        }
    }
}

impl<M: SharedMap> Beneath for Nodes<M> {
    type Reads = View;
    /// Held while a batch is made. It keeps the commits of this node apart, and spares conflicts with itself.
    type State = Mutex<Deciding>;

    fn known(&self, _key: &[u8]) -> Option<Option<Bytes>> {
        None
    }

    fn may_contain(&self, _key: &[u8]) -> bool {
        true
    }

    async fn read<T: Send + 'static>(
        shared: &Arc<Shared<Self>>,
        work: impl Fn(&Reader<'_, View>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        answer(shared, View::default(), work).await
    }

    async fn read_together<T: Send + 'static>(
        shared: &Arc<Shared<Self>>,
        work: impl Fn(&Reader<'_, View>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        answer(shared, View::going_on(), work).await
    }

    async fn commit(shared: &Arc<Shared<Self>>, batch: Vec<Commit>) -> Vec<Result<Committed, CommitError>> {
        commit::commit(shared, &batch).await
    }

    /// Removes the fences of nodes that ended without doing so, once they are a day old by the times that the nodes wrote. A node
    /// that goes on after all writes another one.
    async fn tidy(shared: &Arc<Shared<Self>>) -> Result<(), StoreError> {
        let time = |value: &[u8]| {
            let record = codec::decode::<ValueRecordV1>(value).ok()?;
            record.bytes.try_into().ok().map(u64::from_be_bytes)
        };
        let old = Self::read(shared, move |reader| {
            let last_seen = reader.kv.get(&key::value(LAST_SEEN))?.and_then(|value| time(&value)).unwrap_or_default();
            let fences = key::value(NODE);
            let fences = reader.kv.scan(&fences, &fences, FENCES_READ)?.into_iter();
            let is_old = |value: &[u8]| time(value).unwrap_or_default() + FENCE_KEPT_MS < last_seen;
            let old = fences.filter(|(_, value)| is_old(value));
            Ok(old.map(|(key, _)| Write { key, value: None }).collect::<Vec<_>>())
        })
        .await?;
        if old.is_empty() {
            return Ok(());
        }
        let failed = |error| StoreError::Unavailable(format!("what earlier starts left can't be removed: {error}"));
        Self::write(shared, vec![old], false).await.map_err(failed)
    }

    async fn write(shared: &Arc<Shared<Self>>, groups: Vec<Vec<Write>>, _relaxed: bool) -> Result<(), CommitError> {
        let mut batch = Batch::default();
        for group in groups {
            batch.add(&ReadSet::new(), group);
        }
        shared.state.lock().await.view.clear();
        for tries in 1..=WRITES_TRIED {
            match shared.kv.map.append(Stamp::draw(), &batch).await {
                Ok(_) => return Ok(()),
                Err(AppendError::Unavailable) => return Err(CommitError::Unavailable),
                // It expects nothing, so it may be written twice.
                Err(_) => {
                    shared.kv.map.pause(tries).await;
                }
            }
        }
        Err(CommitError::Unknown)
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn health(&self) -> Health {
        self.map.health()
    }

    async fn close(shared: &Arc<Shared<Self>>) {
        let fence = Batch { writes: [(shared.kv.fence.clone(), None)].into(), ..Batch::default() };
        if let Err(error) = shared.kv.map.append(Stamp::draw(), &fence).await {
            tracing::debug!(?error, "the value by which this node knew its batches stays in the store");
        }
        shared.kv.map.close().await;
    }
}

/// Makes an answer from a view, which is fetched as far as the answer needs it.
async fn answer<M: SharedMap, T: Send>(
    shared: &Shared<Nodes<M>>,
    mut view: View,
    work: impl Fn(&Reader<'_, View>) -> Result<T, StoreError> + Send,
) -> Result<T, StoreError> {
    for _ in 0..FETCHES_MAX {
        let answer = work(&shared.reader(&view));
        let missing = view.take_missing();
        if missing.is_empty() {
            return answer;
        }
        view.fetch(&shared.kv.map, missing).await?;
    }
    Err(StoreError::Unavailable("an answer needed too many reads one after the other".into()))
}

/// How long the fence of a node is kept that writes no more.
const FENCE_KEPT_MS: u64 = 86_400_000;
/// How many of them one start looks at.
const FENCES_READ: usize = 1000;
/// How often a read may need values that come from values. A long page of a list needs one scan for each part of it.
const FETCHES_MAX: usize = 1000;
/// How often a write without a plan is tried.
const WRITES_TRIED: u32 = 3;
