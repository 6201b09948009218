//! What plans and answers are made from: the entries of a map, as far as they are known.

use bytes::Bytes;

use super::key_value::KeyValue;
use crate::store::error::StoreError;

/// Reads of a map. A map that this process alone writes to answers them itself. For a map that is shared with other nodes,
/// and whose answers have to be waited for, a `View` answers them from what was fetched, and notes what is missing; whoever
/// reads is then run again. So what is made from reads must depend on nothing else.
pub trait Reads {
    /// The value of a key.
    ///
    /// # Errors
    /// When it can't be read now, or the value is damaged.
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError>;

    /// The value of a key of which it does not matter when another node makes it meanwhile: a plan that has not found it
    /// stays valid.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    fn glance(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.get(key)
    }

    /// Keeps commits apart that rest on the same scan, of this name: of two that are made at the same time on different
    /// nodes, the second is planned again. Within one process they are apart in any case.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    fn alone(&self, _name: &[u8]) -> Result<(), StoreError> {
        Ok(())
    }

    /// Whether the key may exist; `false` means certainly not.
    fn probably_contains(&self, key: &[u8]) -> bool;

    /// The first `limit` keys with this prefix from `from` on, in ascending order.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    fn scan(&self, prefix: &[u8], from: &[u8], limit: usize) -> Result<Vec<(Bytes, Bytes)>, StoreError>;

    /// The last `limit` keys with this prefix below `below`, in descending order.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    fn scan_back(&self, prefix: &[u8], below: &[u8], limit: usize) -> Result<Vec<(Bytes, Bytes)>, StoreError>;
}

impl<K: KeyValue> Reads for K {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        KeyValue::get(self, key)
    }

    fn probably_contains(&self, key: &[u8]) -> bool {
        KeyValue::probably_contains(self, key)
    }

    fn scan(&self, prefix: &[u8], from: &[u8], limit: usize) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        KeyValue::scan(self, prefix, from, limit)
    }

    fn scan_back(&self, prefix: &[u8], below: &[u8], limit: usize) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        KeyValue::scan_back(self, prefix, below, limit)
    }
}
