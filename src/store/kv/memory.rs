//! A store in memory: for tests, benches and instances that may lose all data.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{PoisonError, RwLock};

use bytes::Bytes;

use super::key_value::{KeyValue, Write};
use super::kv_store::KvStore;
use crate::store::error::{CommitError, StoreError};

/// A store in memory.
pub type MemoryStore = KvStore<Memory>;

/// An ordered map in memory.
#[derive(Debug, Default)]
pub struct Memory {
    entries: RwLock<BTreeMap<Bytes, Bytes>>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::over(Memory::default())
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl KeyValue for Memory {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        Ok(entries.get(key).cloned())
    }

    fn scan(&self, prefix: &[u8], from: &[u8], limit: usize) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        let start = Bound::Included(from.max(prefix));
        Ok(entries
            .range::<[u8], _>((start, Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(prefix))
            .take(limit)
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect())
    }

    fn scan_back(&self, prefix: &[u8], below: &[u8], limit: usize) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        if below <= prefix {
            return Ok(Vec::new());
        }
        Ok(entries
            .range::<[u8], _>((Bound::Included(prefix), Bound::Excluded(below)))
            .rev()
            .skip_while(|(key, _)| !key.starts_with(prefix))
            .take_while(|(key, _)| key.starts_with(prefix))
            .take(limit)
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect())
    }

    fn append(&self, groups: &[Vec<Write>], _relaxed: bool) -> Result<(), CommitError> {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        for write in groups.iter().flatten() {
            match &write.value {
                Some(value) => entries.insert(write.key.clone(), value.clone()),
                None => entries.remove(&write.key),
            };
        }
        Ok(())
    }

    fn close(&self) {}

    fn blocks(&self) -> bool {
        false
    }
}
