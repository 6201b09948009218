//! Values that were read from sled lately, in memory: reading one again needs no thread that may block.
//!
//! A reader notes the number of changes in the key's shard before it looks anywhere, and a value is kept only if that
//! number is still the same afterwards. A writer first puts the new value into the overlay, which is always asked first,
//! and then removes the key here. So no value from before a write is found after it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::store::hash;

const SHARDS: usize = 16;
/// What an entry costs beside its key and value.
const ENTRY_BYTES: usize = 160;

/// The values that were read lately.
#[derive(Debug)]
pub(super) struct ReadCache {
    shards: Vec<Mutex<Shard>>,
    /// How many bytes each half of a shard may have.
    half_bytes: usize,
}

/// Two halves: what is read goes into the new one. When that is full, it takes the place of the old one, so what was not
/// read for a while is forgotten.
#[derive(Debug, Default)]
struct Shard {
    new: HashMap<Bytes, Bytes, hash::Keys>,
    old: HashMap<Bytes, Bytes, hash::Keys>,
    new_bytes: usize,
    changes: u64,
}

/// How many changes a shard had had when a read began.
#[derive(Debug, Clone, Copy)]
pub(super) struct Begun(u64);

impl ReadCache {
    /// An empty cache for about so many bytes.
    pub(super) fn new(bytes: u64) -> ReadCache {
        let half_bytes = usize::try_from(bytes).unwrap_or(usize::MAX) / (2 * SHARDS);
        ReadCache { shards: (0..SHARDS).map(|_| Mutex::default()).collect(), half_bytes }
    }

    /// To be called before a read looks anywhere.
    pub(super) fn begin(&self, key: &[u8]) -> Begun {
        Begun(self.shard(key).changes)
    }

    /// The value of a key, if it is kept here.
    pub(super) fn get(&self, key: &[u8]) -> Option<Bytes> {
        let mut shard = self.shard(key);
        if let Some(value) = shard.new.get(key) {
            return Some(value.clone());
        }
        let (key, value) = shard.old.remove_entry(key)?;
        shard.add(key, value.clone(), self.half_bytes);
        Some(value)
    }

    /// Keeps what a read found, unless the shard has changed since it began.
    pub(super) fn keep(&self, begun: Begun, key: &[u8], value: &Bytes) {
        let mut shard = self.shard(key);
        if shard.changes == begun.0 {
            shard.add(Bytes::copy_from_slice(key), value.clone(), self.half_bytes);
        }
    }

    /// Forgets a key whose new value, or removal, is in the overlay.
    pub(super) fn forget(&self, key: &[u8]) {
        let mut shard = self.shard(key);
        shard.changes += 1;
        if shard.new.is_empty() && shard.old.is_empty() {
            return;
        }
        if let Some(value) = shard.new.remove(key) {
            shard.new_bytes = shard.new_bytes.saturating_sub(size(key, &value));
        }
        shard.old.remove(key);
    }

    fn shard(&self, key: &[u8]) -> MutexGuard<'_, Shard> {
        let shard = &self.shards[hash::key(0, key) as usize % SHARDS];
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shard {
    fn add(&mut self, key: Bytes, value: Bytes, half_bytes: usize) {
        let bytes = size(&key, &value);
        if bytes > half_bytes {
            return;
        }
        if self.new_bytes + bytes > half_bytes {
            self.old = std::mem::take(&mut self.new);
            self.new_bytes = 0;
        }
        self.new_bytes += bytes;
        if let Some(replaced) = self.new.insert(key.clone(), value) {
            self.new_bytes = self.new_bytes.saturating_sub(size(&key, &replaced));
        }
    }
}

fn size(key: &[u8], value: &[u8]) -> usize {
    key.len() + value.len() + ENTRY_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_from_before_a_write_is_not_kept_after_it() {
        let cache = ReadCache::new(1 << 20);
        let (before, after) = (Bytes::from("before"), Bytes::from("after"));
        let begun = cache.begin(b"ada");
        cache.keep(begun, b"ada", &before);
        assert_eq!(cache.get(b"ada"), Some(before.clone()));
        cache.forget(b"ada");
        assert_eq!(cache.get(b"ada"), None);
        cache.keep(begun, b"ada", &before);
        assert_eq!(cache.get(b"ada"), None, "the read began before the write");
        cache.keep(cache.begin(b"ada"), b"ada", &after);
        assert_eq!(cache.get(b"ada"), Some(after));
    }

    #[test]
    fn what_is_read_stays_and_the_rest_makes_room() {
        let cache = ReadCache::new(64 << 10);
        let value = Bytes::from(vec![7; 100]);
        for n in 0..10_000_u32 {
            let key = n.to_be_bytes();
            cache.keep(cache.begin(&key), &key, &value);
            cache.keep(cache.begin(b"often"), b"often", &value);
            assert_eq!(cache.get(b"often"), Some(value.clone()));
        }
        let kept = (0..10_000_u32).filter(|n| cache.get(&n.to_be_bytes()).is_some()).count();
        assert!((50..400).contains(&kept), "{kept} of them are kept in 64 KiB");
        cache.keep(cache.begin(b"large"), b"large", &Bytes::from(vec![7; 64 << 10]));
        assert_eq!(cache.get(b"large"), None, "it would drive all others out");
    }
}
