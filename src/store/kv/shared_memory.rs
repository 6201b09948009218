//! Maps in memory that several nodes share, for tests: one that does as it should, and one that is slow, and whose answers get
//! lost.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;

use super::key;
use super::key_value::{KeyValue, Write};
use super::kv_store::KvStore;
use super::kv_store::nodes::Nodes;
use super::memory::Memory;
use super::shared_map::{AppendError, Batch, ReadSet, SharedMap, Stamp, Versioned};
use crate::store::error::StoreError;
use crate::store::health::Health;
use crate::store::store::Store;

/// A map in memory that several nodes share.
#[derive(Clone, Debug, Default)]
pub(in crate::store) struct SharedMemory {
    shared: Arc<Mutex<Entries>>,
}

#[derive(Debug, Default)]
struct Entries {
    stamps: BTreeMap<Bytes, Stamp>,
    values: Memory,
    /// How many appends were written, and how many were refused because of what they expected.
    written: usize,
    refused: usize,
    /// How many keys had to stay absent without being written.
    guards: usize,
    /// The number of the next record of the log.
    next: u64,
}

/// The stores of two nodes that share one map.
pub(crate) fn nodes_in_memory() -> [Arc<dyn Store>; 2] {
    let memory = SharedMemory::default();
    [Arc::new(memory.node()), Arc::new(memory.node())]
}

impl SharedMemory {
    /// A store over it: another node with each call.
    pub(in crate::store) fn node(&self) -> KvStore<Nodes<Self>> {
        KvStore::over(Nodes::over(self.clone()))
    }

    /// How many appends were written, and how many were refused because of what they expected.
    pub(in crate::store) fn counts(&self) -> (usize, usize) {
        let entries = self.entries();
        (entries.written, entries.refused)
    }

    /// How many keys had to stay absent without being written.
    pub(in crate::store) fn guards(&self) -> usize {
        self.entries().guards
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    fn append(&mut self, stamp: Stamp, batch: &Batch) -> Result<u64, AppendError> {
        let changed = batch.expected.iter().filter(|(key, stamp)| self.stamps.get(*key) != stamp.as_ref());
        let changed: Vec<_> = changed.map(|(key, _)| key.clone()).collect();
        if !changed.is_empty() {
            self.refused += 1;
            return Err(AppendError::Conflict(changed));
        }
        let first = self.next;
        let log = (first..).zip(&batch.log).map(|(number, value)| (key::events(number), Some(value.clone())));
        let log: Vec<_> = log.collect();
        if first == 0 && !log.is_empty() || log.iter().any(|(key, _)| self.stamps.contains_key(key)) {
            return Err(AppendError::Unnumbered);
        }
        let writes: Vec<_> = batch.writes.clone().into_iter().chain(log).collect();
        let group = writes.iter().map(|(key, value)| Write { key: key.clone(), value: value.clone() });
        self.values.append(&[group.collect()], false).map_err(|_| AppendError::Unavailable)?;
        for (key, value) in writes {
            match value {
                Some(_) => self.stamps.insert(key, stamp),
                None => self.stamps.remove(&key),
            };
        }
        self.next += batch.log.len() as u64;
        self.written += 1;
        self.guards += batch.guards().count();
        Ok(first)
    }
}

impl SharedMap for SharedMemory {
    async fn get_many(&self, keys: &[Bytes]) -> Result<Vec<Option<Versioned>>, StoreError> {
        let entries = self.entries();
        let of = |key: &Bytes| {
            let value = entries.values.get(key)?;
            Ok(entries.stamps.get(key).copied().zip(value).map(|(stamp, value)| Versioned { stamp, value }))
        };
        keys.iter().map(of).collect()
    }

    async fn scan(&self, prefix: &[u8], from: &[u8], limit: usize) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        self.entries().values.scan(prefix, from, limit)
    }

    async fn scan_back(&self, prefix: &[u8], below: &[u8], limit: usize) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        self.entries().values.scan_back(prefix, below, limit)
    }

    async fn append(&self, stamp: Stamp, batch: &Batch) -> Result<u64, AppendError> {
        self.entries().append(stamp, batch)
    }

    async fn number_from(&self, first: u64) -> Result<(), StoreError> {
        let mut entries = self.entries();
        entries.next = entries.next.max(first);
        Ok(())
    }

    async fn pause(&self, _tries: u32) {}

    fn health(&self) -> Health {
        Ok(())
    }

    async fn close(&self) {}
}

/// A map around a [`SharedMemory`] that is slow by chance, so that the calls of several nodes overlap in every order, and
/// that fails by chance.
#[derive(Clone, Debug)]
pub(in crate::store) struct FaultyMap {
    memory: SharedMemory,
    chance: Arc<Mutex<Chance>>,
    /// Appends without an answer that may still be written.
    late: Arc<Mutex<Vec<(Stamp, Batch)>>>,
    /// How many of a thousand calls fail.
    faults: u64,
    /// Whether it compares what a batch expects, as it has to.
    compares: bool,
}

/// Numbers from a seed (xorshift64*).
#[derive(Clone, Debug)]
pub(in crate::store) struct Chance(u64);

impl Chance {
    pub(in crate::store) fn of(seed: u64) -> Self {
        let mut chance = Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        chance.below(2);
        chance
    }

    /// A number below `end`.
    pub(in crate::store) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % end
    }
}

impl FaultyMap {
    pub(in crate::store) fn over(memory: SharedMemory, seed: u64, faults: u64) -> Self {
        Self { memory, chance: Arc::new(Mutex::new(Chance::of(seed))), late: Arc::default(), faults, compares: true }
    }

    /// A map that writes whatever it is given: for a test of the tests.
    pub(in crate::store) fn that_compares_nothing(self) -> Self {
        Self { compares: false, ..self }
    }

    /// A store over it: another node with each call.
    pub(in crate::store) fn node(&self) -> KvStore<Nodes<Self>> {
        KvStore::over(Nodes::over(self.clone()))
    }

    fn write(&self, stamp: Stamp, batch: &Batch) -> Result<u64, AppendError> {
        let blind = Batch { expected: ReadSet::new(), ..batch.clone() };
        self.memory.entries().append(stamp, if self.compares { batch } else { &blind })
    }

    /// Writes what may still be written.
    pub(in crate::store) fn finish(&self) {
        for (stamp, batch) in self.late.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            drop(self.write(stamp, &batch));
        }
    }

    fn below(&self, end: u64) -> u64 {
        self.chance.lock().unwrap_or_else(PoisonError::into_inner).below(end)
    }

    fn fails(&self) -> bool {
        self.below(1000) < self.faults
    }

    /// Lets others go first, by chance.
    async fn dawdle(&self) {
        for _ in 0..self.below(4) {
            Once(false).await;
        }
        let late = {
            let mut late = self.late.lock().unwrap_or_else(PoisonError::into_inner);
            let is_now = !late.is_empty() && self.below(2) == 0;
            is_now.then(|| late.remove(0))
        };
        if let Some((stamp, batch)) = late {
            // It may be refused by now.
            drop(self.write(stamp, &batch));
        }
    }

    async fn read<T>(&self, read: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        self.dawdle().await;
        if self.fails() {
            return Err(StoreError::Unavailable("by chance".into()));
        }
        let found = read.await;
        self.dawdle().await;
        found
    }
}

impl SharedMap for FaultyMap {
    async fn get_many(&self, keys: &[Bytes]) -> Result<Vec<Option<Versioned>>, StoreError> {
        self.read(self.memory.get_many(keys)).await
    }

    async fn scan(&self, prefix: &[u8], from: &[u8], limit: usize) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        self.read(self.memory.scan(prefix, from, limit)).await
    }

    async fn scan_back(&self, prefix: &[u8], below: &[u8], limit: usize) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        self.read(self.memory.scan_back(prefix, below, limit)).await
    }

    async fn append(&self, stamp: Stamp, batch: &Batch) -> Result<u64, AppendError> {
        self.dawdle().await;
        let fault = if self.fails() { self.below(6) } else { u64::MAX };
        let appended = match fault {
            0 => Err(AppendError::Unavailable),
            1 => Err(AppendError::Again),
            2 => Err(AppendError::Unknown),
            3 | 4 => {
                self.late.lock().unwrap_or_else(PoisonError::into_inner).push((stamp, batch.clone()));
                Err(AppendError::Unknown)
            }
            5 => {
                drop(self.write(stamp, batch));
                Err(AppendError::Unknown)
            }
            _ => self.write(stamp, batch),
        };
        self.dawdle().await;
        appended
    }

    async fn number_from(&self, first: u64) -> Result<(), StoreError> {
        self.read(self.memory.number_from(first)).await
    }

    async fn pause(&self, _tries: u32) {
        Once(false).await;
    }

    fn health(&self) -> Health {
        Ok(())
    }

    async fn close(&self) {}
}

/// Waits until it is polled the second time.
struct Once(bool);

impl Future for Once {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) { Poll::Ready(()) } else { Poll::Pending }
    }
}
