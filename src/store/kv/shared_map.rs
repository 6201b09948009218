//! The interface of a map that several nodes write to at once: optimistic transactions over keys, such as one table of a
//! database.

use std::collections::BTreeMap;
use std::future::Future;

use bytes::Bytes;

use super::key_value::Write;
#[cfg(feature = "postgres")]
use super::projection::ProjectedUsers;
use crate::domain::ports::Entropy;
#[cfg(feature = "postgres")]
use crate::domain::rejection::Rejection;
use crate::entropy::OsEntropy;
use crate::store::error::StoreError;
use crate::store::health::Health;

/// The random number of the append that wrote an entry: what a later append compares, and by which the writer finds out
/// whether an append without an answer was made. It is random and not counted, so a key that was removed and made again is
/// never taken for the old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp(i64);

impl Stamp {
    /// A new one; never negative, so that every database has a type for it.
    pub(in crate::store) fn draw() -> Self {
        let mut bytes = [0; 8];
        OsEntropy::new().fill(&mut bytes);
        Self(i64::from_be_bytes(bytes) & i64::MAX)
    }

    /// From its number.
    #[cfg(feature = "postgres")]
    pub(in crate::store) const fn from_number(number: i64) -> Self {
        Self(number)
    }

    /// Its number.
    #[cfg(feature = "postgres")]
    pub(in crate::store) const fn number(self) -> i64 {
        self.0
    }
}

/// A value, and the stamp of the append that wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versioned {
    pub(in crate::store) stamp: Stamp,
    pub(in crate::store) value: Bytes,
}

/// What plans have read: each key with the stamp that it had, or `None` where it was absent.
pub(in crate::store) type ReadSet = BTreeMap<Bytes, Option<Stamp>>;

/// What one append writes, and on what that rests.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// What must still be as it was read, whether it is written or not; keys that are written and not here are written
    /// whatever they hold.
    pub(in crate::store) expected: ReadSet,
    /// The keys that are set, and with `None` those that are removed.
    pub(in crate::store) writes: BTreeMap<Bytes, Option<Bytes>>,
    /// Records of the log of events, in their order. The map gives them their numbers: those behind all that were written before,
    /// whichever node wrote them.
    pub(in crate::store) log: Vec<Bytes>,
    /// What these writes mean for users, in maps that ask for it.
    #[cfg(feature = "postgres")]
    pub(in crate::store) users: ProjectedUsers,
}

impl Batch {
    /// Adds a group behind those that it has. Its reads were made from the same view as theirs.
    pub(in crate::store) fn add(&mut self, reads: &ReadSet, writes: Vec<Write>) {
        for (key, stamp) in reads {
            let known = self.expected.insert(key.clone(), *stamp);
            debug_assert!(known.is_none_or(|known| known == *stamp), "groups of one batch are planned from one view");
        }
        self.writes.extend(writes.into_iter().map(|write| (write.key, write.value)));
    }

    /// Keys that must stay absent and are not written. A map has to do more for these than for others.
    #[cfg(any(test, feature = "postgres"))]
    pub(in crate::store) fn guards(&self) -> impl Iterator<Item = &Bytes> {
        let absent = self.expected.iter().filter(|(_, stamp)| stamp.is_none()).map(|(key, _)| key);
        absent.filter(|key| !self.writes.contains_key(*key))
    }
}

/// Why a batch was not written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppendError {
    /// These keys are not as expected any more; nothing was written.
    Conflict(Vec<Bytes>),
    /// Nothing was written, because of others that write at the same time; it can be tried again as it is.
    Again,
    /// Nothing was written, because the map does not know the next numbers of the log: see [`SharedMap::number_from`].
    Unnumbered,
    /// Nothing was written, because the application refuses the user with this key.
    #[cfg(feature = "postgres")]
    Refused(Bytes, Rejection),
    /// Nothing was written, because the application's SQL for new users waits for a lock or takes too long: for the user with this
    /// key, or for all of them together.
    #[cfg(feature = "postgres")]
    Slow(Option<Bytes>),
    /// Nothing was written, because another connection holds a lock on rows that the batch writes, and users are among these rows.
    #[cfg(feature = "postgres")]
    Locked,
    /// Nothing was written, because of one of the commits: the others can be written without it.
    #[cfg(feature = "postgres")]
    OneOfThem,
    /// Nothing was written: the map can't write now.
    Unavailable,
    /// All of it may have been written, or nothing, or all of it may still be written later.
    Unknown,
}

/// An ordered map of bytes that several nodes write to.
pub trait SharedMap: Send + Sync + 'static {
    /// The values of keys, in their order. All are as they were at one moment after the call began.
    ///
    /// # Errors
    /// When the map can't be read now.
    fn get_many(&self, keys: &[Bytes]) -> impl Future<Output = Result<Vec<Option<Versioned>>, StoreError>> + Send;

    /// The first `limit` keys with this prefix from `from` on, in ascending order.
    ///
    /// # Errors
    /// When the map can't be read now.
    fn scan(
        &self,
        prefix: &[u8],
        from: &[u8],
        limit: usize,
    ) -> impl Future<Output = Result<Vec<(Bytes, Bytes)>, StoreError>> + Send;

    /// The last `limit` keys with this prefix below `below`, in descending order.
    ///
    /// # Errors
    /// When the map can't be read now.
    fn scan_back(
        &self,
        prefix: &[u8],
        below: &[u8],
        limit: usize,
    ) -> impl Future<Output = Result<Vec<(Bytes, Bytes)>, StoreError>> + Send;

    /// Writes all of a batch under this stamp, at one moment at which all that it expects is as expected; else nothing. Returns
    /// the number of the first record of its log; 0 without any. Who reads a record of the log can read all records before it.
    ///
    /// # Errors
    /// Why nothing was written, or [`AppendError::Unknown`].
    fn append(&self, stamp: Stamp, batch: &Batch) -> impl Future<Output = Result<u64, AppendError>> + Send;

    /// Gives the next records of the log numbers from `first` on, if those that it would give are smaller.
    ///
    /// # Errors
    /// When the map can't be written now.
    fn number_from(&self, first: u64) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Whether it has something of users beside its keys, so that batches must name those that they write.
    #[cfg(feature = "postgres")]
    fn asks_for_users(&self) -> bool {
        false
    }

    /// Waits before an append is tried again for the `tries`-th time.
    fn pause(&self, tries: u32) -> impl Future<Output = ()> + Send;

    /// Whether it can write now, or why not, found out without waiting.
    fn health(&self) -> Health;

    /// Closes what is open.
    fn close(&self) -> impl Future<Output = ()> + Send;
}
