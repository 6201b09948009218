//! The embedded store: commits over the journal-and-sled ledger.

use std::path::Path;

use bytes::Bytes;

use super::key::Kind;
use super::kv::{KeyValue, Write};
use super::sled::{AppendError, Durability, Ledger, OpenError, Options, ReadError};
use super::{CommitError, Health, KvStore, StoreError};

/// The store on a local disk.
pub type EmbeddedStore = KvStore<Ledger>;

impl EmbeddedStore {
    /// Opens the store in a folder, which is made when missing, and brings back everything acknowledged.
    ///
    /// # Errors
    /// One sentence that says what to do; see [`OpenError`].
    pub fn open(path: &Path, durability: Durability) -> Result<Self, OpenError> {
        let options = Options {
            durability,
            filtered_kind: Some(Kind::Identifier.byte()),
            ordered_kinds: [Kind::Outbox, Kind::Deadline, Kind::Invitation, Kind::WaitlistEntry]
                .map(Kind::byte)
                .to_vec(),
            ..Options::new(path)
        };
        Ok(Self::over(Ledger::open(options)?))
    }
}

impl KeyValue for Ledger {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        Ok(Self::get(self, key)?)
    }

    fn get_cached(&self, key: &[u8]) -> Option<Option<Bytes>> {
        self.get_recent(key)
    }

    fn probably_contains(&self, key: &[u8]) -> bool {
        Self::probably_contains(self, key)
    }

    fn scan(&self, prefix: &[u8], from: &[u8], limit: usize) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        Ok(Self::scan(self, prefix, from, limit)?)
    }

    fn append(&self, groups: &[Vec<Write>], relaxed: bool) -> Result<(), CommitError> {
        Self::append(self, groups, !relaxed).map_err(|error| match error {
            AppendError::Overloaded => CommitError::Overloaded,
            AppendError::Unavailable(_) => CommitError::Unavailable,
            AppendError::Fatal(_) => CommitError::Unknown,
        })
    }

    fn fits(&self, groups: &[Vec<Write>]) -> usize {
        Self::fits(self, groups)
    }

    fn health(&self) -> Health {
        Self::health(self)
    }

    fn close(&self) {
        Self::close(self);
    }

    fn blocks(&self) -> bool {
        true
    }
}

impl From<ReadError> for StoreError {
    fn from(error: ReadError) -> Self {
        Self::Unavailable(error.to_string())
    }
}
