//! The seam between typed commits and bytes: what an ordered key-value store has to do to be a back end.

use bytes::Bytes;

use crate::store::health::Health;
use crate::store::store::{CommitError, StoreError};

/// One key given a value, or removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// The key; its first byte is its kind.
    pub key: Bytes,
    /// The new value; `None` removes the key.
    pub value: Option<Bytes>,
}

/// An ordered map of bytes that takes groups of writes at once. A read sees everything appended before it.
///
/// One process writes to it: between a read and the `append` that rests on it, [`KvStore`](super::kv_store::KvStore) holds
/// a lock. A map that several processes write to, such as a table of PostgreSQL, needs one thing more than is here: an
/// `append` whose groups name what they have read, and that refuses a group of which a value has changed. Each plan has
/// that list (`Reads` in `planner.rs`); the guide's chapter on storage says the rest.
pub trait KeyValue: Send + Sync + 'static {
    /// The value of a key.
    ///
    /// # Errors
    /// When the store can't read now, or what it read is damaged.
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError>;

    /// The value of a key where that is known without touching a disk; `None` where only [`get`](Self::get) can tell.
    fn get_cached(&self, _key: &[u8]) -> Option<Option<Bytes>> {
        None
    }

    /// Whether the key may be there; `false` means that it certainly is not, at no cost. For identifiers, which are
    /// mostly free.
    fn probably_contains(&self, _key: &[u8]) -> bool {
        true
    }

    /// The first `limit` keys with this prefix from `from` on, in ascending order. Callers start from keys that
    /// can't exist, so it does not matter whether `from` itself is in.
    ///
    /// # Errors
    /// When the store can't read now, or what it read is damaged.
    fn scan(&self, prefix: &[u8], from: &[u8], limit: usize) -> Result<Vec<(Bytes, Bytes)>, StoreError>;

    /// The groups as [`append`](Self::append) takes them: where a map changes values on their way, it does so here, so
    /// that their size is known before they are written.
    fn prepare(&self, groups: Vec<Vec<Write>>) -> Vec<Vec<Write>> {
        groups
    }

    /// Writes all groups or none, in order, as [`prepare`](Self::prepare) gave them. With `relaxed` the disk may have them later.
    ///
    /// # Errors
    /// [`CommitError::Overloaded`] and [`CommitError::Unavailable`] when certainly nothing was written,
    /// [`CommitError::Unknown`] when something may have been.
    fn append(&self, groups: &[Vec<Write>], relaxed: bool) -> Result<(), CommitError>;

    /// How many of the first of these groups one [`append`](Self::append) takes; at least one, whatever its size. A batch
    /// beyond that is appended in parts, each of which is written or not.
    fn fits(&self, groups: &[Vec<Write>]) -> usize {
        groups.len()
    }

    /// Whether it can write now, or why not, told without waiting for a disk.
    fn health(&self) -> Health {
        Ok(())
    }

    /// Writes out what is still in memory and lets go of the files.
    fn close(&self);

    /// Whether calls may wait for a disk and so belong on a thread that may block.
    fn blocks(&self) -> bool;
}
