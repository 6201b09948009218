//! The two kinds of maps beneath a store: one that this process alone writes to, and one that is shared with other nodes.

use std::fmt::Debug;
use std::future::Future;
use std::sync::{Arc, PoisonError};

use bytes::Bytes;

use crate::store::commit::{Commit, Committed};
use crate::store::error::{CommitError, StoreError};
use crate::store::health::Health;
use crate::store::kv::key_value::{KeyValue, Write};
use crate::store::kv::reads::Reads;

use super::events::Numbers;
use super::{Reader, Shared};

/// What a [`KvStore`](super::KvStore) is made over. Every [`KeyValue`] is one.
pub trait Beneath: Sized + Send + Sync + 'static {
    /// What answers reads.
    type Reads: Reads;
    /// What is kept from one batch of commits to the next.
    type State: Default + Debug + Send + Sync;

    /// The value of a key if it is known without waiting, and not older than any answer.
    fn known(&self, key: &[u8]) -> Option<Option<Bytes>>;

    /// Whether the key may exist; `false` means certainly not.
    fn may_contain(&self, key: &[u8]) -> bool;

    /// The answer that `work` makes from reads. Each read is made after those before it.
    fn read<T: Send + 'static>(
        shared: &Arc<Shared<Self>>,
        work: impl Fn(&Reader<'_, Self::Reads>) -> Result<T, StoreError> + Send + 'static,
    ) -> impl Future<Output = Result<T, StoreError>> + Send;

    /// The same where the reads may be made in another order, as long as those come later whose keys come from values of
    /// others. So many of them are made at once.
    fn read_together<T: Send + 'static>(
        shared: &Arc<Shared<Self>>,
        work: impl Fn(&Reader<'_, Self::Reads>) -> Result<T, StoreError> + Send + 'static,
    ) -> impl Future<Output = Result<T, StoreError>> + Send {
        Self::read(shared, work)
    }

    /// Makes each commit, or returns why not.
    fn commit(
        shared: &Arc<Shared<Self>>,
        batch: Vec<Commit>,
    ) -> impl Future<Output = Vec<Result<Committed, CommitError>>> + Send;

    /// Writes without a plan: what an upgrade adds.
    fn write(
        shared: &Arc<Shared<Self>>,
        groups: Vec<Vec<Write>>,
        relaxed: bool,
    ) -> impl Future<Output = Result<(), CommitError>> + Send;

    /// Removes what earlier starts left that is of no use any more.
    fn tidy(_shared: &Arc<Shared<Self>>) -> impl Future<Output = Result<(), StoreError>> + Send {
        std::future::ready(Ok(()))
    }

    /// How many of these groups, from the first on, one write takes; at least one.
    fn fits(&self, groups: &[Vec<Write>]) -> usize {
        groups.len()
    }

    /// Whether other processes may write to it too.
    fn is_shared(&self) -> bool {
        false
    }

    /// Whether it can write now, or why not, found out without waiting.
    fn health(&self) -> Health;

    /// Writes what is still in memory and closes what is open.
    fn close(shared: &Arc<Shared<Self>>) -> impl Future<Output = ()> + Send;
}

/// One process writes: its plans need no comparison, and its reads are answered at once or by a disk.
impl<K: KeyValue> Beneath for K {
    type Reads = K;
    /// Held from the look-up of an identifier to its claim, so that no other commit can claim it in between; and from the
    /// choice of a number for events until they are written, so that they become readable in the order of their numbers.
    type State = std::sync::Mutex<Numbers>;

    fn known(&self, key: &[u8]) -> Option<Option<Bytes>> {
        self.get_cached(key)
    }

    fn may_contain(&self, key: &[u8]) -> bool {
        KeyValue::probably_contains(self, key)
    }

    async fn read<T: Send + 'static>(
        shared: &Arc<Shared<Self>>,
        work: impl Fn(&Reader<'_, Self>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let answer = run(shared, move |shared| work(&shared.reader(&shared.kv))).await;
        answer.unwrap_or_else(|| Err(StoreError::Unavailable("the read was aborted".into())))
    }

    async fn commit(shared: &Arc<Shared<Self>>, batch: Vec<Commit>) -> Vec<Result<Committed, CommitError>> {
        let count = batch.len();
        // The batch is large. It comes back to be freed by the threads that make batches: freed by another one, its
        // memory would not be used again for the next.
        let written = run(shared, move |shared| (shared.commit(&batch), batch)).await;
        written.map_or_else(|| (0..count).map(|_| Err(CommitError::Unknown)).collect(), |(results, _)| results)
    }

    async fn write(shared: &Arc<Shared<Self>>, groups: Vec<Vec<Write>>, relaxed: bool) -> Result<(), CommitError> {
        let written = run(shared, move |shared| {
            let _deciding = shared.state.lock().unwrap_or_else(PoisonError::into_inner);
            shared.kv.append(&shared.kv.prepare(groups), relaxed)
        });
        written.await.unwrap_or(Err(CommitError::Unknown))
    }

    fn fits(&self, groups: &[Vec<Write>]) -> usize {
        KeyValue::fits(self, groups)
    }

    fn health(&self) -> Health {
        KeyValue::health(self)
    }

    async fn close(shared: &Arc<Shared<Self>>) {
        run(shared, |shared| KeyValue::close(&shared.kv)).await;
    }
}

/// Runs `work` here if it can't wait for a disk, else on a thread that may block; `None` if it did not finish.
async fn run<K: KeyValue, T: Send + 'static>(
    shared: &Arc<Shared<K>>,
    work: impl FnOnce(&Shared<K>) -> T + Send + 'static,
) -> Option<T> {
    if !shared.kv.blocks() {
        return Some(work(shared));
    }
    let shared = Arc::clone(shared);
    let task = tokio::task::spawn_blocking(move || work(&shared));
    task.await.inspect_err(|error| tracing::error!(%error, "an operation of the store was aborted")).ok()
}
