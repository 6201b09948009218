//! The ledger: one writer, any number of readers.

use std::iter::Peekable;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;
use std::vec::IntoIter;

use bytes::Bytes;

#[cfg(test)]
use super::checkpoint::Checkpoint;
use super::error::{AppendError, OpenError, ReadError, WriteError};
use super::file::Disk;
use super::frame;
use super::options::{Options, Write};
use super::pool::Stop;
use super::recovery::{self, Lock, Recovered};
use super::shared::{Shared, lock};
use crate::store::hash;
use crate::store::health::{Health, Unready};

/// A durable map from keys to values that takes groups of writes. Methods wait for the disk, so they need threads that
/// may block; [`get_recent`](Ledger::get_recent), [`probably_contains`](Ledger::probably_contains),
/// [`health`](Ledger::health) and [`stats`](Ledger::stats) do not wait.
#[derive(Debug)]
pub struct Ledger {
    pub(super) shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// Held from the first access to the data to the last.
    lock: Mutex<Option<Lock>>,
}

/// The state of a ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stats {
    /// Segments with groups that sled does not have, the active one included.
    pub segments_used: usize,
    /// The maximum number of segments.
    pub segments_max: usize,
    /// The sequence of the next group.
    pub sequence: u64,
    /// Number of groups that are only in the journal.
    pub checkpoint_lag: u64,
    /// Number of keys in the overlay.
    pub overlay_entries: usize,
    /// Whether the snapshots have been compared with the manifest.
    pub verified: bool,
    /// Why sled is not used until the next start; `None` if it works.
    pub snapshots_dead: Option<String>,
    /// Why the ledger has stopped for good; `None` if it has not.
    pub fatal: Option<String>,
}

impl Ledger {
    /// Opens the ledger and restores everything that was acknowledged.
    pub fn open(options: Options) -> Result<Ledger, OpenError> {
        Ledger::open_on(options, Disk::default())
    }

    pub(super) fn open_on(options: Options, disk: Disk) -> Result<Ledger, OpenError> {
        let Recovered { lock, checkpoint } = recovery::recover(options, disk)?;
        let shared = Arc::clone(&checkpoint.shared);
        let path = shared.options.path.clone();
        let thread = std::thread::Builder::new()
            .name("vestibule-checkpoint".into())
            .spawn(move || checkpoint.run())
            .map_err(|source| OpenError::Io { path, source })?;
        Ok(Ledger { shared, thread: Mutex::new(Some(thread)), lock: Mutex::new(Some(lock)) })
    }

    /// The directory's own random number.
    pub fn id(&self) -> u64 {
        self.shared.stamp
    }

    /// Opens the ledger without its thread: the caller runs the checkpoint.
    #[cfg(test)]
    pub(super) fn open_by_hand(options: Options, disk: Disk) -> Result<(Ledger, Checkpoint), OpenError> {
        let Recovered { lock, checkpoint } = recovery::recover(options, disk)?;
        let shared = Arc::clone(&checkpoint.shared);
        Ok((Ledger { shared, thread: Mutex::new(None), lock: Mutex::new(Some(lock)) }, checkpoint))
    }

    /// The value of a key.
    pub fn get(&self, key: &[u8]) -> Result<Option<Bytes>, ReadError> {
        self.shared.readable()?;
        if let Some(known) = self.shared.written(key) {
            return Ok(known);
        }
        let begun = self.shared.read_cache.begin(key);
        if let Some(known) = self.get_recent(key) {
            return Ok(known);
        }
        let found = self.shared.with_tree(|tree| tree.get(key))?;
        if let Some(value) = &found {
            self.shared.read_cache.keep(begun, key, value);
        }
        Ok(found)
    }

    /// The value of a key that was written since the last checkpoint, read lately, or never written, without disk access;
    /// `None` where [`get`](Self::get) is needed.
    pub fn get_recent(&self, key: &[u8]) -> Option<Option<Bytes>> {
        self.shared.readable().ok()?;
        self.shared.written(key).or_else(|| self.shared.read_cache.get(key).map(Some))
    }

    /// False only if the key is certainly absent; for the filtered kind without a disk read. Always true for other
    /// kinds.
    pub fn probably_contains(&self, key: &[u8]) -> bool {
        match &self.shared.filter {
            Some(filter) if self.shared.filtered(key) => filter.may_contain(hash::key(self.shared.stamp, key)),
            _ => true,
        }
    }

    /// The first entries, in the order of their keys, with this prefix and not below `from`. An empty prefix, or one
    /// whose kind is not among the ordered ones, scans the whole overlay.
    pub fn scan(&self, prefix: &[u8], from: &[u8], limit: usize) -> Result<Vec<(Bytes, Bytes)>, ReadError> {
        self.shared.readable()?;
        let mut from = from.max(prefix).to_vec();
        let mut found: Vec<(Bytes, Bytes)> = Vec::new();
        while found.len() < limit {
            // The overlay is read first: what a checkpoint moves to sled meanwhile is then found there.
            let chunk = (limit - found.len()).clamp(64, 4096);
            let (recent, all) = self.shared.overlay.range(prefix, &from, chunk);
            let until = if all { None } else { recent.last().map(|(key, _)| key.clone()) };
            self.merge(prefix, &from, until.as_deref(), recent, limit, &mut found)?;
            let Some(last) = until else { break };
            from = last.to_vec();
            from.push(0);
        }
        found.truncate(limit);
        Ok(found)
    }

    /// The last entries, in descending order of their keys, with this prefix and below `below`. Like
    /// [`scan`](Self::scan), it is fast for the ordered kinds.
    pub fn scan_back(&self, prefix: &[u8], below: &[u8], limit: usize) -> Result<Vec<(Bytes, Bytes)>, ReadError> {
        self.shared.readable()?;
        let mut below = below.to_vec();
        let mut found: Vec<(Bytes, Bytes)> = Vec::new();
        while found.len() < limit {
            // The overlay is read first, as in `scan`.
            let chunk = (limit - found.len()).clamp(64, 4096);
            let (recent, all) = self.shared.overlay.range_back(prefix, &below, chunk);
            let down_to = if all { None } else { recent.last().map(|(key, _)| key.clone()) };
            let mut merged = Merged { recent: recent.into_iter().peekable(), limit, found: &mut found };
            self.shared.with_tree(|tree| {
                tree.visit_back(&below, |key, value| {
                    let is_within = down_to.as_ref().is_none_or(|down_to| key >= &down_to[..]);
                    if !is_within || key < prefix {
                        return false;
                    }
                    // Above the keys with this prefix, if `below` is far above them.
                    !key.starts_with(prefix) || merged.take(key, value, |newer| newer > key)
                })
            })?;
            merged.end();
            let Some(last) = down_to else { break };
            below = last.to_vec();
        }
        found.truncate(limit);
        Ok(found)
    }

    /// Commits these groups together: they are written as one frame, synced as the durability requires, and then
    /// visible. Each group has one sequence number; after a crash all of them are found, or none. `sync` requests the
    /// sync in [`Relaxed`](super::Durability::Relaxed), where a group without it is acknowledged once written.
    pub fn append(&self, groups: &[Vec<Write>], sync: bool) -> Result<(), AppendError> {
        check(groups)?;
        self.pace();
        let mut journal = lock(&self.shared.journal);
        self.shared.appendable()?;
        if groups.is_empty() {
            return Ok(());
        }
        let began = Instant::now();
        let written = journal.write(&self.shared.pool, groups, sync);
        self.shared.active.store(usize::from(journal.offset > 0), Ordering::Release);
        let first = match written {
            Ok(first) => first,
            Err(WriteError::Full) => {
                self.shared.refusals.note("the journal is full", false);
                return Err(AppendError::Overloaded);
            }
            Err(WriteError::NoSegment(reason)) => {
                self.shared.refusals.note(&reason, false);
                return Err(AppendError::Unavailable(reason));
            }
            Err(WriteError::Failed(reason)) => {
                self.shared.refusals.note(&reason, true);
                return Err(AppendError::Unavailable(reason));
            }
            Err(WriteError::Fatal(reason)) => {
                self.shared.fail(reason.clone());
                return Err(AppendError::Fatal(reason));
            }
        };
        self.shared.refusals.end();
        for (sequence, group) in (first..).zip(groups) {
            for write in group {
                self.shared.publish(write.key.clone(), write.value.clone(), sequence);
            }
        }
        self.shared.sequence.store(journal.sequence, Ordering::Release);
        let pace = self.shared.pool.pace(frame::occupied(groups), journal.offset);
        let pace = pace.min(self.shared.options.pace_max);
        *lock(&self.shared.paced_until) = (!pace.is_zero()).then(|| began + pace);
        Ok(())
    }

    /// Waits as long as the checkpoint needs to keep up with the appends; call it after the acknowledgement. Otherwise
    /// the next `append` waits.
    pub fn pace(&self) {
        let until = lock(&self.shared.paced_until).take();
        let wait = until.map(|until| until.saturating_duration_since(Instant::now()));
        if let Some(wait) = wait.filter(|wait| !wait.is_zero()) {
            std::thread::sleep(wait);
        }
    }

    /// How many of these groups, from the first on, fit one frame for [`append`](Self::append): all of them, except for
    /// very many or very large ones. At least one.
    pub fn fits(&self, groups: &[Vec<Write>]) -> usize {
        let frames = frame::count_within(groups, self.shared.capacity());
        frames.clamp(1, groups.len().max(1))
    }

    /// Whether it can commit now, or why not. Does not wait.
    pub fn health(&self) -> Health {
        let shared = &self.shared;
        let reasons = [
            (shared.fatal.get().is_some(), Unready::Stopped),
            (shared.closed.load(Ordering::Acquire), Unready::Closed),
            (shared.snapshots_dead.get().is_some(), Unready::SnapshotsDead),
            (shared.refusals.writes_fail(), Unready::WritesFail),
            (shared.low_on_room.load(Ordering::Acquire), Unready::DiskFull),
            (shared.pool.is_exhausted(), Unready::JournalFull),
        ];
        reasons.into_iter().find(|(holds, _)| *holds).map_or(Ok(()), |(_, reason)| Err(reason))
    }

    /// The state of the ledger. Does not wait.
    pub fn stats(&self) -> Stats {
        let active = self.shared.active.load(Ordering::Acquire);
        let sequence = self.shared.sequence.load(Ordering::Acquire);
        Stats {
            segments_used: self.shared.pool.used() + active,
            segments_max: self.shared.options.segments_max,
            sequence,
            checkpoint_lag: sequence.saturating_sub(self.shared.checkpointed.load(Ordering::Acquire)),
            overlay_entries: self.shared.overlay.len(),
            verified: self.shared.verified.load(Ordering::Acquire),
            snapshots_dead: self.shared.snapshots_dead.get().cloned(),
            fatal: self.shared.fatal.get().cloned(),
        }
    }

    /// Writes everything into sled, stops the thread and releases the data directory. Closing twice has no effect.
    pub fn close(&self) {
        {
            let mut journal = lock(&self.shared.journal);
            if self.shared.closed.swap(true, Ordering::AcqRel) {
                return;
            }
            // What is not sealed now is read from the journal at the next start.
            if self.shared.fatal.get().is_none()
                && let Err(error) = journal.rotate(&self.shared.pool, None)
            {
                tracing::warn!(?error, "the last segment stays in the journal");
            }
        }
        self.end(Stop::Drained);
    }

    fn end(&self, stop: Stop) {
        self.shared.closed.store(true, Ordering::Release);
        self.shared.pool.stop(stop);
        if let Some(thread) = lock(&self.thread).take()
            && thread.join().is_err()
        {
            tracing::error!("the checkpoint thread panicked");
        }
        let tree = self.shared.tree.write().unwrap_or_else(PoisonError::into_inner).take();
        drop(tree);
        drop(lock(&self.lock).take());
    }

    fn merge(
        &self,
        prefix: &[u8],
        from: &[u8],
        until: Option<&[u8]>,
        recent: Vec<(Bytes, Option<Bytes>)>,
        limit: usize,
        found: &mut Vec<(Bytes, Bytes)>,
    ) -> Result<(), ReadError> {
        let mut merged = Merged { recent: recent.into_iter().peekable(), limit, found };
        self.shared.with_tree(|tree| {
            tree.visit(from, |key, value| {
                if !key.starts_with(prefix) || until.is_some_and(|until| key > until) {
                    return false;
                }
                merged.take(key, value, |newer| newer < key)
            })
        })?;
        merged.end();
        Ok(())
    }
}

/// A scan that merges the keys of the overlay, in the scan's order, with those of sled.
struct Merged<'a> {
    recent: Peekable<IntoIter<(Bytes, Option<Bytes>)>>,
    limit: usize,
    found: &'a mut Vec<(Bytes, Bytes)>,
}

impl Merged<'_> {
    /// Takes the next entry of sled, after the newer ones that come `before` it; a newer value or removal of the same
    /// key counts instead. Returns whether more are wanted.
    fn take(&mut self, key: &[u8], value: &[u8], before: impl Fn(&[u8]) -> bool) -> bool {
        while let Some((newer, changed)) = self.recent.next_if(|(newer, _)| before(newer)) {
            self.found.extend(changed.map(|value| (newer, value)));
        }
        match self.recent.next_if(|(newer, _)| newer[..] == *key) {
            Some((newer, changed)) => self.found.extend(changed.map(|value| (newer, value))),
            None => self.found.push((Bytes::copy_from_slice(key), Bytes::copy_from_slice(value))),
        }
        self.found.len() < self.limit
    }

    /// Takes the newer entries behind the last one of sled.
    fn end(self) {
        for (key, changed) in self.recent {
            if self.found.len() >= self.limit {
                break;
            }
            self.found.extend(changed.map(|value| (key, value)));
        }
    }
}

impl Drop for Ledger {
    /// Without [`close`](Ledger::close) the journal keeps what sled does not have yet.
    fn drop(&mut self) {
        self.end(Stop::Now);
    }
}

/// Refuses a group that does not fit a frame, before anything is written.
fn check(groups: &[Vec<Write>]) -> Result<(), AppendError> {
    for write in groups.iter().flatten() {
        let value = write.value.as_ref().map_or(0, Bytes::len);
        if write.key.is_empty() || write.key.len() > KEY_MAX || value > VALUE_MAX {
            let key = write.key.len();
            let reason =
                format!("a key of {key} bytes with a value of {value} is outside 1..={KEY_MAX} and 0..={VALUE_MAX}");
            return Err(AppendError::Unavailable(reason));
        }
    }
    Ok(())
}

const KEY_MAX: usize = 1024;
const VALUE_MAX: usize = 64 << 10;
