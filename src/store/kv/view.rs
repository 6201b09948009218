//! What is known of a map that is shared with other nodes.

use std::cell::RefCell;
use std::collections::HashMap;
use std::mem;

use bytes::Bytes;

use super::key::bookkeeping::ALONE;
use super::key::{self, Kind};
use super::reads::Reads;
use super::shared_map::{ReadSet, SharedMap, Stamp, Versioned};
use crate::domain::text::hex;
use crate::store::error::StoreError;

/// The entries that were fetched from a shared map, or written to it. It notes which keys were read with which stamps, and
/// what was asked for and is missing.
#[derive(Debug, Default)]
pub struct View {
    /// Whether what is missing counts as absent, so that all further reads are noted too, and not as an error. What was
    /// made of it is of no use in either case.
    goes_on: bool,
    entries: HashMap<Bytes, Option<Versioned>>,
    /// Those of earlier times: see [`begin`](Self::begin).
    older: HashMap<Bytes, Option<Versioned>>,
    scans: HashMap<Scan, Vec<(Bytes, Bytes)>>,
    noted: RefCell<Noted>,
}

#[derive(Debug, Default)]
struct Noted {
    reads: ReadSet,
    /// Keys that are written for nothing but their stamps.
    alone: Vec<Bytes>,
    missing: Missing,
}

/// What was asked for and is not known.
#[derive(Debug, Default)]
pub(in crate::store) struct Missing {
    keys: Vec<Bytes>,
    scans: Vec<Scan>,
}

impl Missing {
    /// These keys.
    pub(in crate::store) fn of(keys: Vec<Bytes>) -> Self {
        Self { keys, scans: Vec::new() }
    }

    pub(in crate::store) fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.scans.is_empty()
    }
}

/// A scan of keys in order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Scan {
    prefix: Bytes,
    /// Where it begins.
    at: Bytes,
    is_back: bool,
    limit: usize,
}

impl View {
    /// An empty one that notes all that is missing, and not only the first.
    pub(in crate::store) fn going_on() -> Self {
        Self { goes_on: true, ..Self::default() }
    }

    /// Begins with the next batch: scans are forgotten, and old entries where there are too many.
    pub(in crate::store) fn begin(&mut self) {
        self.scans.clear();
        if self.entries.len() > HALF_MAX {
            self.older = mem::take(&mut self.entries);
        }
    }

    /// Forgets everything.
    pub(in crate::store) fn clear(&mut self) {
        *self = Self { goes_on: self.goes_on, ..Self::default() };
    }

    /// Forgets these entries, which have changed.
    pub(in crate::store) fn forget<'a>(&mut self, keys: impl IntoIterator<Item = &'a Bytes>) {
        self.scans.clear();
        for key in keys {
            self.entries.remove(key);
            self.older.remove(key);
        }
    }

    /// Takes an entry as it was found or written.
    pub(in crate::store) fn insert(&mut self, key: Bytes, entry: Option<Versioned>) {
        if is_planned_from(&key) {
            self.entries.insert(key, entry);
        } else {
            self.forget([&key]);
        }
    }

    /// The stamp of an entry; `None` where it is absent or not known.
    pub(in crate::store) fn stamp(&self, key: &[u8]) -> Option<Stamp> {
        Some(self.entry(key)?.1.as_ref()?.stamp)
    }

    /// What was read since this was asked the last time.
    pub(in crate::store) fn take_reads(&self) -> ReadSet {
        mem::take(&mut self.noted.borrow_mut().reads)
    }

    /// The keys by which commits are kept apart that were asked for since this was asked the last time.
    pub(in crate::store) fn take_alone(&self) -> Vec<Bytes> {
        mem::take(&mut self.noted.borrow_mut().alone)
    }

    /// What was missing since this was asked the last time.
    pub(in crate::store) fn take_missing(&self) -> Missing {
        mem::take(&mut self.noted.borrow_mut().missing)
    }

    /// Fetches what is missing.
    ///
    /// # Errors
    /// When the map can't be read now.
    pub(in crate::store) async fn fetch(&mut self, map: &impl SharedMap, missing: Missing) -> Result<(), StoreError> {
        let mut keys = missing.keys;
        keys.sort_unstable();
        keys.dedup();
        keys.retain(|key| self.entry(key).is_none());
        if !keys.is_empty() {
            let found = map.get_many(&keys).await?;
            // Also those that no plan is made from: they were asked for.
            self.entries.extend(keys.into_iter().zip(found));
        }
        for scan in missing.scans {
            let found = match scan.is_back {
                false => map.scan(&scan.prefix, &scan.at, scan.limit).await?,
                true => map.scan_back(&scan.prefix, &scan.at, scan.limit).await?,
            };
            self.scans.insert(scan, found);
        }
        Ok(())
    }

    fn entry(&self, key: &[u8]) -> Option<(&Bytes, &Option<Versioned>)> {
        self.entries.get_key_value(key).or_else(|| self.older.get_key_value(key))
    }

    /// The value of a key. That it is absent is noted only where that `matters`.
    fn find(&self, key: &[u8], matters: bool) -> Result<Option<Bytes>, StoreError> {
        let mut noted = self.noted.borrow_mut();
        let Some((key, entry)) = self.entry(key) else {
            noted.missing.keys.push(Bytes::copy_from_slice(key));
            return self.without();
        };
        let stamp = entry.as_ref().map(|entry| entry.stamp);
        if matters || stamp.is_some() {
            noted.reads.insert(key.clone(), stamp);
        }
        Ok(entry.as_ref().map(|entry| entry.value.clone()))
    }

    fn look(&self, scan: Scan) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        if let Some(found) = self.scans.get(&scan) {
            return Ok(found.clone());
        }
        self.noted.borrow_mut().missing.scans.push(scan);
        self.without()
    }

    /// The answer where something is missing.
    fn without<T: Default>(&self) -> Result<T, StoreError> {
        if self.goes_on { Ok(T::default()) } else { Err(StoreError::Unavailable("it is not fetched yet".into())) }
    }
}

impl Reads for View {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.find(key, true)
    }

    fn glance(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.find(key, false)
    }

    fn alone(&self, name: &[u8]) -> Result<(), StoreError> {
        let key = key::value(&format!("{ALONE}{}", hex(name)));
        self.noted.borrow_mut().alone.push(key.clone());
        self.find(&key, true).map(drop)
    }

    fn probably_contains(&self, _key: &[u8]) -> bool {
        true
    }

    fn scan(&self, prefix: &[u8], from: &[u8], limit: usize) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        let (prefix, at) = (Bytes::copy_from_slice(prefix), Bytes::copy_from_slice(from));
        self.look(Scan { prefix, at, is_back: false, limit })
    }

    fn scan_back(&self, prefix: &[u8], below: &[u8], limit: usize) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        let (prefix, at) = (Bytes::copy_from_slice(prefix), Bytes::copy_from_slice(below));
        self.look(Scan { prefix, at, is_back: true, limit })
    }
}

/// Whether plans look up such keys one by one. Others are only scanned, and need not be kept.
fn is_planned_from(key: &[u8]) -> bool {
    let scanned = [
        Kind::Deadline,
        Kind::UserCreated,
        Kind::UserSignedIn,
        Kind::UserSession,
        Kind::Event,
        Kind::AwaitingApproval,
        Kind::UserAddress,
    ];
    !scanned.iter().any(|kind| key.first() == Some(&kind.byte()))
}

/// How many entries are kept until the oldest make room; twice as many at most.
const HALF_MAX: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(value: &'static [u8]) -> Option<Versioned> {
        Some(Versioned { stamp: Stamp::draw(), value: Bytes::from_static(value) })
    }

    #[test]
    fn what_is_missing_is_noted_and_what_was_read_is_told_with_its_stamp() {
        let key = |n: u8| Bytes::from(vec![Kind::Value.byte(), n]);
        let mut view = View::going_on();
        let known = entry(b"a");
        view.insert(key(1), known.clone());
        view.insert(key(2), None);
        assert_eq!(view.get(&key(1)), Ok(Some(Bytes::from_static(b"a"))));
        assert_eq!((view.get(&key(2)), view.glance(&key(2))), (Ok(None), Ok(None)));
        assert!(view.take_missing().is_empty());
        let stamp = known.map(|entry| entry.stamp);
        assert_eq!(view.take_reads(), [(key(1), stamp), (key(2), None)].into());
        assert_eq!(view.glance(&key(2)), Ok(None));
        assert!(view.take_reads().is_empty(), "that it is absent does not matter");
        assert_eq!((view.get(&key(3)), view.glance(&key(4))), (Ok(None), Ok(None)));
        assert_eq!(view.take_missing().keys, [key(3), key(4)]);
        assert!(View::default().get(&key(3)).is_err());
    }

    #[test]
    fn old_entries_make_room_between_batches_only() {
        let key = |n: usize| Bytes::from([&[Kind::Value.byte()][..], &n.to_be_bytes()].concat());
        let mut view = View::going_on();
        for n in 0..3 * HALF_MAX {
            view.insert(key(n), entry(b"a"));
        }
        assert_eq!(view.entries.len(), 3 * HALF_MAX, "a batch keeps what it has fetched");
        view.begin();
        assert!(view.stamp(&key(0)).is_some());
        for n in 0..=HALF_MAX {
            view.insert(key(n), entry(b"b"));
        }
        view.begin();
        assert!(view.stamp(&key(0)).is_some() && view.stamp(&key(2 * HALF_MAX)).is_none());
    }
}
