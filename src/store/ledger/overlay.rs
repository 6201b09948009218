//! The writes since the last checkpoint, in memory.
//!
//! Kinds that are scanned often have an ordered map each; all others are in shards by hash, fast to look up and slow to
//! scan.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};

use bytes::Bytes;

use crate::store::hash;

const SHARDS: usize = 64;

/// A value or a removal, and the group that wrote it.
#[derive(Debug, Clone)]
struct Entry {
    value: Option<Bytes>,
    sequence: u64,
}

type Shard = HashMap<Bytes, Entry, hash::Keys>;
type Ordered = RwLock<BTreeMap<Bytes, Entry>>;

/// The writes that sled does not have yet.
#[derive(Debug)]
pub(super) struct Overlay {
    shards: Vec<RwLock<Shard>>,
    /// By the number of their kind.
    ordered: Vec<Option<Ordered>>,
    /// The number of keys, outside the maps' locks, for callers that must not wait.
    entries: AtomicUsize,
}

impl Overlay {
    pub(super) fn new(ordered_kinds: &[u8]) -> Overlay {
        Overlay {
            shards: (0..SHARDS).map(|_| RwLock::default()).collect(),
            ordered: (0..=u8::MAX).map(|kind| ordered_kinds.contains(&kind).then(RwLock::default)).collect(),
            entries: AtomicUsize::new(0),
        }
    }

    /// The known state of a key: unknown, removed, or its value.
    pub(super) fn get(&self, key: &[u8]) -> Option<Option<Bytes>> {
        match self.ordered_of(key) {
            Some(map) => read(map).get(key).map(|entry| entry.value.clone()),
            None => read(self.shard(key)).get(key).map(|entry| entry.value.clone()),
        }
    }

    /// Adds one write. Must be called in the order of the sequences.
    pub(super) fn insert(&self, key: Bytes, value: Option<Bytes>, sequence: u64) {
        let entry = Entry { value, sequence };
        let replaced = match self.ordered_of(&key) {
            Some(map) => write(map).insert(key, entry),
            None => write(self.shard(&key)).insert(key, entry),
        };
        if replaced.is_none() {
            self.entries.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Forgets a key, unless a group at or after `end` has written it again.
    pub(super) fn forget(&self, key: &[u8], end: u64) {
        match self.ordered_of(key) {
            Some(map) => {
                let mut map = write(map);
                if map.get(key).is_some_and(|entry| entry.sequence < end) {
                    map.remove(key);
                    self.entries.fetch_sub(1, Ordering::Relaxed);
                }
            }
            None => {
                let mut shard = write(self.shard(key));
                if shard.get(key).is_some_and(|entry| entry.sequence < end) {
                    shard.remove(key);
                    self.entries.fetch_sub(1, Ordering::Relaxed);
                    if shard.is_empty() {
                        shard.shrink_to(1024);
                    }
                }
            }
        }
    }

    /// The keys from `from` on with this prefix, in order; and whether these are all: they may not be when `limit` keys
    /// are returned.
    pub(super) fn range(&self, prefix: &[u8], from: &[u8], limit: usize) -> (Vec<(Bytes, Option<Bytes>)>, bool) {
        if let Some(map) = self.ordered_of(prefix) {
            let found: Vec<_> = read(map)
                .range::<[u8], _>((Bound::Included(from), Bound::Unbounded))
                .take_while(|(key, _)| key.starts_with(prefix))
                .take(limit)
                .map(|(key, entry)| (key.clone(), entry.value.clone()))
                .collect();
            let all = found.len() < limit;
            return (found, all);
        }
        let mut found = self.all_with(prefix, |key| *key >= *from);
        found.sort_unstable_by(|(left, _), (right, _)| left.cmp(right));
        (found, true)
    }

    /// The keys below `below` with this prefix, in descending order; and whether these are all.
    pub(super) fn range_back(&self, prefix: &[u8], below: &[u8], limit: usize) -> (Vec<(Bytes, Option<Bytes>)>, bool) {
        if below <= prefix {
            return (Vec::new(), true);
        }
        if let Some(map) = self.ordered_of(prefix) {
            let found: Vec<_> = read(map)
                .range::<[u8], _>((Bound::Included(prefix), Bound::Excluded(below)))
                .rev()
                .skip_while(|(key, _)| !key.starts_with(prefix))
                .take(limit)
                .map(|(key, entry)| (key.clone(), entry.value.clone()))
                .collect();
            let all = found.len() < limit;
            return (found, all);
        }
        let mut found = self.all_with(prefix, |key| *key < *below);
        found.sort_unstable_by(|(left, _), (right, _)| right.cmp(left));
        (found, true)
    }

    /// The keys of the shards with this prefix that `is_wanted`, in no order. A prefix without a kind includes the
    /// ordered kinds too.
    fn all_with(&self, prefix: &[u8], is_wanted: impl Fn(&[u8]) -> bool) -> Vec<(Bytes, Option<Bytes>)> {
        let matches = |key: &Bytes| key.starts_with(prefix) && is_wanted(key);
        let mut found = Vec::new();
        for shard in &self.shards {
            let shard = read(shard);
            let matching = shard.iter().filter(|(key, _)| matches(key));
            found.extend(matching.map(|(key, entry)| (key.clone(), entry.value.clone())));
        }
        for map in self.ordered.iter().flatten().filter(|_| prefix.is_empty()) {
            let map = read(map);
            let matching = map.iter().filter(|(key, _)| matches(key));
            found.extend(matching.map(|(key, entry)| (key.clone(), entry.value.clone())));
        }
        found
    }

    /// The number of keys.
    pub(super) fn len(&self) -> usize {
        self.entries.load(Ordering::Relaxed)
    }

    fn ordered_of(&self, key: &[u8]) -> Option<&Ordered> {
        self.ordered[usize::from(*key.first()?)].as_ref()
    }

    fn shard(&self, key: &[u8]) -> &RwLock<Shard> {
        &self.shards[hash::key(0, key) as usize % SHARDS]
    }
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_written_again_is_not_forgotten() {
        let overlay = Overlay::new(b"o");
        for key in [&b"ha"[..], b"oa"] {
            overlay.insert(Bytes::from(key), Some(Bytes::from("1")), 4);
            overlay.insert(Bytes::from(key), None, 7);
            overlay.forget(key, 7);
            assert_eq!(overlay.get(key), Some(None));
            overlay.forget(key, 8);
            assert_eq!(overlay.get(key), None);
        }
        assert_eq!(overlay.len(), 0);
    }
}
