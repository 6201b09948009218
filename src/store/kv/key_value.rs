//! The interface between typed commits and bytes: the requirements for an ordered key-value store as a back end.

use bytes::Bytes;

use crate::store::error::{CommitError, StoreError};
use crate::store::health::Health;

/// One key that is set or removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// The key; its first byte is its kind.
    pub key: Bytes,
    /// The new value; `None` removes the key.
    pub value: Option<Bytes>,
}

/// An ordered map of bytes that takes groups of writes at once. A read sees everything appended before it.
///
/// One process writes to it: between a read and the `append` that depends on it, [`KvStore`](super::kv_store::KvStore)
/// holds a lock, under which it also numbers the records of events. A map with several writing processes, such as a
/// table of PostgreSQL, needs one thing more: an `append` whose groups name what they have read, and that refuses a group
/// if one of those values has changed. In tests each plan has that list (`Reads` in `planner.rs`); the guide's chapter on storage
/// has the details.
pub trait KeyValue: Send + Sync + 'static {
    /// The value of a key.
    ///
    /// # Errors
    /// When the store can't read now, or the value is damaged.
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError>;

    /// The value of a key if it is known without disk access; `None` where [`get`](Self::get) is needed.
    fn get_cached(&self, _key: &[u8]) -> Option<Option<Bytes>> {
        None
    }

    /// Whether the key may exist; `false` means certainly not, without disk access. Used for identifiers, most of which
    /// are free.
    fn probably_contains(&self, _key: &[u8]) -> bool {
        true
    }

    /// The first `limit` keys with this prefix from `from` on, in ascending order. Callers start from keys that can't
    /// exist, so it does not matter whether `from` itself is included.
    ///
    /// # Errors
    /// When the store can't read now, or a value is damaged.
    fn scan(&self, prefix: &[u8], from: &[u8], limit: usize) -> Result<Vec<(Bytes, Bytes)>, StoreError>;

    /// The last `limit` keys with this prefix below `below`, in descending order. Callers begin at keys that can't exist,
    /// or at one that they have read, which is then not read again.
    ///
    /// # Errors
    /// When the store can't read now, or a value is damaged.
    fn scan_back(&self, prefix: &[u8], below: &[u8], limit: usize) -> Result<Vec<(Bytes, Bytes)>, StoreError>;

    /// The groups in the form for [`append`](Self::append): a map that transforms values does so here, so that their
    /// size is known before the write.
    fn prepare(&self, groups: Vec<Vec<Write>>) -> Vec<Vec<Write>> {
        groups
    }

    /// Writes all groups or none, in order, as [`prepare`](Self::prepare) returned them. With `relaxed` they may reach
    /// the disk later.
    ///
    /// # Errors
    /// [`CommitError::Overloaded`] and [`CommitError::Unavailable`] when certainly nothing was written,
    /// [`CommitError::Unknown`] when something may have been.
    fn append(&self, groups: &[Vec<Write>], relaxed: bool) -> Result<(), CommitError>;

    /// How many of these groups, from the first on, one [`append`](Self::append) takes; at least one, whatever its
    /// size. A larger batch is appended in parts, each of which is written or not.
    fn fits(&self, groups: &[Vec<Write>]) -> usize {
        groups.len()
    }

    /// Whether it can write now, or why not, found out without waiting for a disk.
    fn health(&self) -> Health {
        Ok(())
    }

    /// Writes what is still in memory and closes the files.
    fn close(&self);

    /// Whether calls may wait for a disk, and so need a thread that may block.
    fn blocks(&self) -> bool;
}
