//! The state that the ledger's writer, readers and checkpoint thread share.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, TryLockError};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::error::{AppendError, ReadError, WriteError};
use super::file::Directory;
use super::filter::Filter;
use super::journal::Journal;
use super::last_keys::LastKeys;
use super::layout::SNAPSHOTS;
use super::manifest_file::ManifestFile;
use super::options::Options;
use super::overlay::Overlay;
use super::pool::{Pool, Stop};
use super::read_cache::ReadCache;
use super::refusals::RejectionLog;
use super::segment::capacity;
use super::tree::Tree;
use crate::store::hash;

/// The parts of an open ledger.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) options: Options,
    pub(super) stamp: u64,
    /// The data directory.
    pub(super) directory: Directory,
    pub(super) manifest: Arc<ManifestFile>,
    pub(super) pool: Pool,
    pub(super) overlay: Overlay,
    pub(super) last_keys: LastKeys,
    pub(super) read_cache: ReadCache,
    pub(super) filter: Option<Filter>,
    pub(super) tree: RwLock<Option<Tree>>,
    pub(super) journal: Mutex<Journal>,
    /// Number of active segments with groups: zero or one. Outside the journal's lock, which is held during fsyncs, for
    /// callers that must not wait.
    pub(super) active: AtomicUsize,
    pub(super) sequence: AtomicU64,
    pub(super) checkpointed: AtomicU64,
    pub(super) verified: AtomicBool,
    pub(super) snapshots_dead: OnceLock<String>,
    pub(super) fatal: OnceLock<String>,
    pub(super) closed: AtomicBool,
    /// Whether the checkpoint waits for free disk space.
    pub(super) low_on_room: AtomicBool,
    pub(super) refusals: RejectionLog,
    /// Until when the next group is delayed.
    pub(super) paced_until: Mutex<Option<Instant>>,
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
            last_keys: LastKeys::of(&tree),
            read_cache: ReadCache::new(options.read_cache_bytes),
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
            refusals: RejectionLog::default(),
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
        self.overlay.insert(key.clone(), value, sequence);
        self.read_cache.forget(&key);
    }

    /// The value of a key that was written since the last checkpoint, or that certainly was never written; `None` where
    /// sled has to be asked.
    pub(super) fn written(&self, key: &[u8]) -> Option<Option<Bytes>> {
        // In this order: what the checkpoint takes out of the overlay is noted among the last keys before.
        self.overlay.get(key).or_else(|| self.last_keys.is_before(key).then_some(None))
    }

    /// Stops the ledger for good.
    pub(super) fn fail(&self, reason: String) {
        if self.fatal.set(reason.clone()).is_ok() {
            tracing::error!(reason, "the ledger has stopped for good");
        }
        self.pool.halt();
    }

    /// Seals the active segment unless a write is in progress.
    pub(super) fn seal_if_idle(&self) {
        let Some(mut journal) = self.idle_journal() else { return };
        let rotated = journal.rotate(&self.pool, None);
        self.active.store(usize::from(journal.offset > 0), Ordering::Release);
        if let Err(WriteError::Fatal(reason)) = rotated {
            self.fail(reason);
        }
    }

    /// Where the last write failed, tries an empty one, so that recovery is noticed even though a server that reports
    /// itself as not ready gets no requests.
    pub(super) fn try_a_write(&self) {
        if !self.refusals.writes_fail() {
            return;
        }
        let Some(mut journal) = self.idle_journal() else { return };
        match journal.write(&self.pool, &[], true) {
            Ok(_) => self.refusals.end(),
            Err(WriteError::Fatal(reason)) => self.fail(reason),
            Err(WriteError::Full | WriteError::NoSegment(_) | WriteError::Failed(_)) => {}
        }
        self.active.store(usize::from(journal.offset > 0), Ordering::Release);
    }

    /// The journal, if it works and no write is in progress.
    fn idle_journal(&self) -> Option<MutexGuard<'_, Journal>> {
        let journal = match self.journal.try_lock() {
            Ok(journal) => journal,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        (self.fatal.get().is_none() && !self.closed.load(Ordering::Acquire)).then_some(journal)
    }

    /// Whether the checkpoint has retried a temporary error for long enough: never, unless the ledger is closing.
    pub(super) fn is_late(&self, waited: Duration) -> bool {
        match self.pool.stopping() {
            None => false,
            Some(Stop::Drained) => waited > Duration::from_secs(5),
            Some(Stop::Now) => true,
        }
    }

    /// How many bytes frames may use in a segment.
    pub(super) fn capacity(&self) -> u64 {
        capacity(self.options.segment_bytes)
    }

    pub(super) fn snapshots_path(&self) -> PathBuf {
        self.options.path.join(SNAPSHOTS)
    }

    /// Whether the filter covers a key.
    pub(super) fn filtered(&self, key: &[u8]) -> bool {
        key.first().copied() == self.options.filtered_kind
    }

    /// Whether reads are possible.
    pub(super) fn readable(&self) -> Result<(), ReadError> {
        match self.fatal.get() {
            Some(reason) => Err(ReadError::Fatal(reason.clone())),
            None if self.closed.load(Ordering::Acquire) => Err(ReadError::Closed),
            None => Ok(()),
        }
    }

    /// Whether appends are possible.
    pub(super) fn appendable(&self) -> Result<(), AppendError> {
        match self.fatal.get() {
            Some(reason) => Err(AppendError::Fatal(reason.clone())),
            None if self.closed.load(Ordering::Acquire) => Err(AppendError::Unavailable("the ledger is closed".into())),
            None => Ok(()),
        }
    }

    /// Reads sled.
    pub(super) fn with_tree<T>(&self, read: impl FnOnce(&Tree) -> Result<T, String>) -> Result<T, ReadError> {
        let tree = self.tree.read().unwrap_or_else(PoisonError::into_inner);
        match tree.as_ref() {
            Some(tree) => read(tree).map_err(ReadError::Snapshots),
            None => Err(ReadError::Closed),
        }
    }
}

/// The guarded value, even if an earlier holder of the lock panicked.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
