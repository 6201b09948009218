//! The ledger: one writer, any number of readers.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, TryLockError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;

#[cfg(test)]
use super::checkpoint::Checkpoint;
use super::error::{AppendError, OpenError, ReadError};
use super::file::{Directory, Disk};
use super::filter::Filter;
use super::frame;
use super::hash;
use super::journal::{Journal, WriteError};
use super::manifest_file::ManifestFile;
use super::options::{Options, Write};
use super::overlay::Overlay;
use super::pool::{Pool, Stop};
use super::recovery::{self, Lock, Recovered};
use super::refusals::Refusals;
use super::segment::capacity;
use super::tree::Tree;
use crate::store::health::{Health, Unready};

/// A durable map from keys to values that takes groups of writes. Every method blocks; call them from blocking threads.
#[derive(Debug)]
pub struct Ledger {
    pub(super) shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// Held from the first look at the data to the last.
    lock: Mutex<Option<Lock>>,
}

/// What a ledger is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stats {
    /// Segments with groups that sled does not have, the active one included.
    pub segments_used: usize,
    /// How many there may be.
    pub segments_max: usize,
    /// The sequence that the next group will have.
    pub sequence: u64,
    /// Groups that only the journal has.
    pub checkpoint_lag: u64,
    /// Keys in the overlay.
    pub overlay_entries: usize,
    /// Whether the snapshots have been compared with what they should be.
    pub verified: bool,
    /// Why sled is dead until the next start, if it is.
    pub snapshots_dead: Option<String>,
    /// Why the ledger has stopped for good, if it has.
    pub fatal: Option<String>,
}

/// What the writer, the readers and the checkpoint thread share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) options: Options,
    pub(super) stamp: u64,
    /// The data directory.
    pub(super) directory: Directory,
    pub(super) manifest: Arc<ManifestFile>,
    pub(super) pool: Pool,
    pub(super) overlay: Overlay,
    pub(super) filter: Option<Filter>,
    pub(super) tree: RwLock<Option<Tree>>,
    pub(super) journal: Mutex<Journal>,
    /// Segments that the journal writes to and that have something: none or one. Beside the journal, whose lock is held over
    /// fsyncs, for those who must not wait.
    pub(super) active: AtomicUsize,
    pub(super) sequence: AtomicU64,
    pub(super) checkpointed: AtomicU64,
    pub(super) verified: AtomicBool,
    pub(super) snapshots_dead: OnceLock<String>,
    pub(super) fatal: OnceLock<String>,
    pub(super) closed: AtomicBool,
    /// Whether the checkpoint waits for room on the disk.
    pub(super) low_on_room: AtomicBool,
    pub(super) refusals: Refusals,
    /// Until when the next group is held back.
    pub(super) paced_until: Mutex<Option<Instant>>,
}

impl Ledger {
    /// Opens the ledger and brings back everything that was acknowledged.
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

    /// Opens the ledger without its thread: whoever opens it takes the checkpoint's turns.
    #[cfg(test)]
    pub(super) fn open_by_hand(options: Options, disk: Disk) -> Result<(Ledger, Checkpoint), OpenError> {
        let Recovered { lock, checkpoint } = recovery::recover(options, disk)?;
        let shared = Arc::clone(&checkpoint.shared);
        Ok((Ledger { shared, thread: Mutex::new(None), lock: Mutex::new(Some(lock)) }, checkpoint))
    }

    /// The value of a key.
    pub fn get(&self, key: &[u8]) -> Result<Option<Bytes>, ReadError> {
        self.shared.readable()?;
        match self.shared.overlay.get(key) {
            Some(known) => Ok(known),
            None => self.shared.with_tree(|tree| tree.get(key)),
        }
    }

    /// The value of a key as far as it was written since the last checkpoint, without touching a disk; `None` where only
    /// [`get`](Self::get) can tell.
    pub fn get_recent(&self, key: &[u8]) -> Option<Option<Bytes>> {
        self.shared.readable().ok()?;
        self.shared.overlay.get(key)
    }

    /// False only if the key is certainly absent, which costs no disk read for the filtered kind; true for all other kinds.
    pub fn probably_contains(&self, key: &[u8]) -> bool {
        match &self.shared.filter {
            Some(filter) if self.shared.filtered(key) => filter.may_contain(hash::key(self.shared.stamp, key)),
            _ => true,
        }
    }

    /// The first entries, in the order of their keys, with this prefix and not below `from`. An empty prefix or one of a kind
    /// that is not among the ordered ones looks at the whole overlay.
    pub fn scan(&self, prefix: &[u8], from: &[u8], limit: usize) -> Result<Vec<(Bytes, Bytes)>, ReadError> {
        self.shared.readable()?;
        let mut from = from.max(prefix).to_vec();
        let mut found: Vec<(Bytes, Bytes)> = Vec::new();
        while found.len() < limit {
            // The overlay is looked at first: what is carried into sled meanwhile is then found there.
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

    /// Commits these groups together: they are written as one frame, synced as the durability asks, and then visible. Each
    /// group is one sequence number; all of them are found after a crash, or none. `sync` asks for the sync in
    /// [`Relaxed`](super::Durability::Relaxed), where a group without it is acknowledged once written.
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

    /// Waits as long as the checkpoint needs to keep up with what has been appended; to be called after the acknowledgement.
    /// The next `append` does so itself otherwise.
    pub fn pace(&self) {
        let until = lock(&self.shared.paced_until).take();
        let wait = until.map(|until| until.saturating_duration_since(Instant::now()));
        if let Some(wait) = wait.filter(|wait| !wait.is_zero()) {
            std::thread::sleep(wait);
        }
    }

    /// How many of the first of these groups fit one frame, so that [`append`](Self::append) takes them at once: all of
    /// them, but for very many or very large ones. One at least is named.
    pub fn fits(&self, groups: &[Vec<Write>]) -> usize {
        let frames = frame::count_within(groups, self.shared.capacity());
        frames.clamp(1, groups.len().max(1))
    }

    /// Whether it can commit now, or why not. Waits for nothing.
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

    /// What the ledger is doing. Waits for nothing.
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

    /// Carries everything into sled, stops the thread and releases the data directory. Closing twice does nothing.
    pub fn close(&self) {
        {
            let mut journal = lock(&self.shared.journal);
            if self.shared.closed.swap(true, Ordering::AcqRel) {
                return;
            }
            // What is not sealed now is read from the journal at the next start.
            if self.shared.fatal.get().is_none()
                && let Err(error) = journal.rotate(&self.shared.pool, Duration::ZERO)
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
        let mut recent = recent.into_iter().peekable();
        self.shared.with_tree(|tree| {
            tree.visit(from, |key, value| {
                if !key.starts_with(prefix) || until.is_some_and(|until| key > until) {
                    return false;
                }
                while let Some((newer, changed)) = recent.next_if(|(newer, _)| newer[..] < *key) {
                    found.extend(changed.map(|value| (newer, value)));
                }
                match recent.next_if(|(newer, _)| newer[..] == *key) {
                    Some((newer, changed)) => found.extend(changed.map(|value| (newer, value))),
                    None => found.push((Bytes::copy_from_slice(key), Bytes::copy_from_slice(value))),
                }
                found.len() < limit
            })
        })?;
        for (key, changed) in recent.take_while(|_| found.len() < limit).collect::<Vec<_>>() {
            found.extend(changed.map(|value| (key, value)));
        }
        Ok(())
    }
}

impl Drop for Ledger {
    /// Without [`close`](Ledger::close) the journal keeps what sled does not have yet.
    fn drop(&mut self) {
        self.end(Stop::Now);
    }
}

impl Shared {
    pub(super) fn new(
        options: Options,
        directory: Directory,
        manifest: Arc<ManifestFile>,
        tree: Tree,
        filter: Option<Filter>,
        pool: Pool,
        journal: Journal,
    ) -> Shared {
        Shared {
            stamp: journal.stamp,
            directory,
            checkpointed: AtomicU64::new(manifest.current().sequence),
            manifest,
            pool,
            overlay: Overlay::new(&options.ordered_kinds),
            filter,
            tree: RwLock::new(Some(tree)),
            active: AtomicUsize::new(0),
            sequence: AtomicU64::new(journal.sequence),
            journal: Mutex::new(journal),
            verified: AtomicBool::new(false),
            snapshots_dead: OnceLock::new(),
            fatal: OnceLock::new(),
            closed: AtomicBool::new(false),
            low_on_room: AtomicBool::new(false),
            refusals: Refusals::default(),
            paced_until: Mutex::new(None),
            options,
        }
    }

    /// Makes one write visible.
    pub(super) fn publish(&self, key: Bytes, value: Option<Bytes>, sequence: u64) {
        if let Some(filter) = &self.filter
            && self.filtered(&key)
            && value.is_some()
        {
            filter.add(hash::key(self.stamp, &key));
        }
        self.overlay.insert(key, value, sequence);
    }

    /// Stops for good.
    pub(super) fn fail(&self, reason: String) {
        if self.fatal.set(reason.clone()).is_ok() {
            tracing::error!(reason, "the ledger has stopped for good");
        }
        self.pool.halt();
    }

    /// Seals the active segment unless somebody is writing.
    pub(super) fn seal_if_idle(&self) {
        let Some(mut journal) = self.idle_journal() else { return };
        let rotated = journal.rotate(&self.pool, Duration::ZERO);
        self.active.store(usize::from(journal.offset > 0), Ordering::Release);
        if let Err(WriteError::Fatal(reason)) = rotated {
            self.fail(reason);
        }
    }

    /// Where the last write failed, tries one that says nothing, so that the end of the trouble is noticed although nobody
    /// comes any more to a server that says it is not ready.
    pub(super) fn try_a_write(&self) {
        if !self.refusals.writes_fail() {
            return;
        }
        let Some(mut journal) = self.idle_journal() else { return };
        match journal.write(&self.pool, &[], true) {
            Ok(_) => self.refusals.end(),
            Err(WriteError::Fatal(reason)) => self.fail(reason),
            Err(WriteError::Full | WriteError::Failed(_)) => {}
        }
        self.active.store(usize::from(journal.offset > 0), Ordering::Release);
    }

    /// The journal, if it works and nobody is writing.
    fn idle_journal(&self) -> Option<MutexGuard<'_, Journal>> {
        let journal = match self.journal.try_lock() {
            Ok(journal) => journal,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        (self.fatal.get().is_none() && !self.closed.load(Ordering::Acquire)).then_some(journal)
    }

    /// Whether the checkpoint has waited long enough for an error to pass: without an end, unless the ledger is to end.
    pub(super) fn is_late(&self, waited: Duration) -> bool {
        match self.pool.stopping() {
            None => false,
            Some(Stop::Drained) => waited > Duration::from_secs(5),
            Some(Stop::Now) => true,
        }
    }

    fn capacity(&self) -> u64 {
        capacity(self.options.segment_bytes)
    }

    pub(super) fn snapshots_path(&self) -> PathBuf {
        self.options.path.join(recovery::SNAPSHOTS)
    }

    fn filtered(&self, key: &[u8]) -> bool {
        key.first().copied() == self.options.filtered_kind
    }

    fn readable(&self) -> Result<(), ReadError> {
        match self.fatal.get() {
            Some(reason) => Err(ReadError::Fatal(reason.clone())),
            None if self.closed.load(Ordering::Acquire) => Err(ReadError::Closed),
            None => Ok(()),
        }
    }

    fn appendable(&self) -> Result<(), AppendError> {
        match self.fatal.get() {
            Some(reason) => Err(AppendError::Fatal(reason.clone())),
            None if self.closed.load(Ordering::Acquire) => Err(AppendError::Unavailable("the ledger is closed".into())),
            None => Ok(()),
        }
    }

    fn with_tree<T>(&self, read: impl FnOnce(&Tree) -> Result<T, String>) -> Result<T, ReadError> {
        let tree = self.tree.read().unwrap_or_else(PoisonError::into_inner);
        match tree.as_ref() {
            Some(tree) => read(tree).map_err(ReadError::Snapshots),
            None => Err(ReadError::Closed),
        }
    }
}

/// What does not fit a frame is refused before anything is written.
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const KEY_MAX: usize = 1024;
const VALUE_MAX: usize = 64 << 10;
