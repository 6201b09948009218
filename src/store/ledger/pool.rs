//! The segments of the journal that are not being written: free ones, and sealed ones that wait for their checkpoint.

use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::error::WriteError;
use super::file::{Directory, Disk};
use super::manifest::{Listed, Manifest};
use super::manifest_file::ManifestFile;
use super::patience::passes;
use super::segment::{Sealed, Segment, capacity};

/// All segments that are not being written.
#[derive(Debug)]
pub(super) struct Pool {
    disk: Disk,
    directory: Directory,
    manifest: Arc<ManifestFile>,
    stamp: u64,
    limits: Limits,
    state: Mutex<PoolState>,
    changed: Condvar,
    /// Number of sealed segments, including those that the checkpoint has taken; outside the lock, for callers that
    /// must not wait.
    used: AtomicUsize,
    /// Whether a group found no free segment, and none has become free since.
    exhausted: AtomicBool,
}

/// The maximum number of segments, and their size.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) segment_bytes: u64,
    pub(super) segments_max: usize,
    /// New segments leave at least this many bytes free on the disk.
    pub(super) free_bytes_min: u64,
    pub(super) sync: bool,
}

#[derive(Debug, Default)]
pub(super) struct PoolState {
    pub(super) free: Vec<Segment>,
    sealed: VecDeque<Sealed>,
    /// Number of segments that the checkpoint has taken.
    taken: usize,
    total: usize,
    /// The numbers in use by a file.
    numbers: BTreeSet<u32>,
    /// Journal bytes that the checkpoint finishes per second.
    rate: Option<f64>,
    /// Whether recycling has stopped for good.
    halted: bool,
    stop: Option<Stop>,
}

/// How the checkpoint thread should end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// After all sealed segments are in sled.
    Drained,
    /// After the checkpoint in progress.
    Now,
}

/// The next task of the checkpoint thread.
#[derive(Debug)]
pub(super) enum Task {
    Checkpoint(Vec<Sealed>),
    Idle,
    Stop,
}

impl Pool {
    pub(super) fn new(
        disk: Disk,
        directory: Directory,
        manifest: Arc<ManifestFile>,
        stamp: u64,
        limits: Limits,
    ) -> Pool {
        Pool {
            disk,
            directory,
            manifest,
            stamp,
            limits,
            state: Mutex::default(),
            changed: Condvar::new(),
            used: AtomicUsize::new(0),
            exhausted: AtomicBool::new(false),
        }
    }

    /// Adds the segments that recovery found.
    pub(super) fn fill(&self, free: Vec<Segment>, sealed: Vec<Sealed>, numbers: BTreeSet<u32>) {
        let mut state = self.lock();
        self.used.store(sealed.len(), Ordering::Release);
        // Free segments of another size are removed at the next start.
        state.free = free.into_iter().filter(|segment| segment.bytes == self.limits.segment_bytes).collect();
        state.total = state.free.len() + sealed.len();
        state.sealed = sealed.into();
        state.numbers = numbers;
    }

    /// A segment to write: a recycled one, a new one or, at the maximum number, the next one recycled in time. `wait`
    /// is how long a group may wait for it; `None` where no group waits.
    pub(super) fn take(&self, wait: Option<Duration>) -> Result<Segment, WriteError> {
        let deadline = Instant::now() + wait.unwrap_or_default();
        let mut state = self.lock();
        loop {
            if let Some(segment) = state.free.pop() {
                return Ok(segment);
            }
            let mut patience = Duration::MAX;
            if let Some(number) = self.reserve(&mut state) {
                // The lock is not held during disk access.
                drop(state);
                match self.create(number) {
                    Ok(Some(segment)) => return Ok(segment),
                    Ok(None) => patience = RETRY,
                    Err(error) if passes(&error) && Instant::now() < deadline => patience = RETRY,
                    Err(error) => {
                        self.exhausted.fetch_or(wait.is_some(), Ordering::AcqRel);
                        let directory = self.directory.path().display();
                        return Err(WriteError::NoSegment(format!("no segment could be made in {directory}: {error}")));
                    }
                }
                state = self.lock();
                if !state.free.is_empty() {
                    continue;
                }
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || state.halted {
                self.exhausted.fetch_or(wait.is_some(), Ordering::AcqRel);
                return Err(WriteError::Full);
            }
            state = self.wait(state, left.min(patience));
        }
    }

    /// The first segment that a start writes. It and a spare one are created whatever exists already: with two, one can
    /// be sealed and recycled even if the disk has no room for more.
    pub(super) fn take_first(&self) -> io::Result<Segment> {
        let active = self.recycled_or_new()?;
        let spare = self.recycled_or_new()?;
        self.lock().free.push(spare);
        Ok(active)
    }

    fn recycled_or_new(&self) -> io::Result<Segment> {
        let mut state = self.lock();
        if let Some(segment) = state.free.pop() {
            return Ok(segment);
        }
        let number = state.add();
        drop(state);
        self.make(number).inspect_err(|_| self.lock().give_back(number))
    }

    /// Ensures that the next segment exists before it is needed.
    pub(super) fn prepare(&self) {
        let mut state = self.lock();
        if !state.free.is_empty() {
            return;
        }
        let Some(number) = self.reserve(&mut state) else { return };
        drop(state);
        match self.create(number) {
            Ok(Some(segment)) => {
                self.lock().free.push(segment);
                self.changed.notify_all();
            }
            // Retried at the next turn, or by the append that needs it, which reports the error.
            Ok(None) => {}
            Err(error) => {
                let directory = self.directory.path().display();
                tracing::debug!(%error, %directory, "no spare journal segment could be made");
            }
        }
    }

    pub(super) fn seal(&self, sealed: Sealed) {
        self.lock().sealed.push_back(sealed);
        self.used.fetch_add(1, Ordering::AcqRel);
        self.changed.notify_all();
    }

    /// Waits for sealed segments: those below `to_epoch`, or at most two.
    pub(super) fn next(&self, to_epoch: Option<u64>, patience: Duration) -> Task {
        let mut state = self.lock();
        if state.stop.is_none() && state.sealed.is_empty() {
            state = self.wait(state, patience);
        }
        let count = match to_epoch {
            Some(end) => state.sealed.iter().take_while(|sealed| sealed.epoch < end).count(),
            None => state.sealed.len().min(2),
        };
        match state.stop {
            Some(Stop::Now) => Task::Stop,
            Some(Stop::Drained) if count == 0 => Task::Stop,
            _ if count == 0 => Task::Idle,
            _ => {
                state.taken = count;
                Task::Checkpoint(state.sealed.drain(..count).collect())
            }
        }
    }

    /// Returns segments whose groups are in sled.
    pub(super) fn recycle(&self, done: Vec<Sealed>, took: Duration) {
        let bytes: u64 = done.iter().map(|sealed| sealed.bytes).sum();
        let rate = bytes as f64 / took.as_secs_f64().max(1e-6);
        let mut state = self.lock();
        // A small checkpoint is mostly fixed cost and says little about the rate under load.
        if bytes >= self.limits.segment_bytes / 2 {
            state.rate = Some(state.rate.map_or(rate, |before| (before + rate) / 2.0));
        }
        state.taken = 0;
        self.used.fetch_sub(done.len(), Ordering::AcqRel);
        self.exhausted.store(false, Ordering::Release);
        let segments = done.into_iter().map(|sealed| sealed.segment);
        let before = segments.len();
        let kept: Vec<_> = segments.filter(|segment| segment.bytes == self.limits.segment_bytes).collect();
        state.total -= before - kept.len();
        state.free.extend(kept);
        drop(state);
        self.changed.notify_all();
    }

    /// Stops recycling for good.
    pub(super) fn halt(&self) {
        self.lock().halted = true;
        self.changed.notify_all();
    }

    pub(super) fn stop(&self, stop: Stop) {
        self.lock().stop = Some(stop);
        self.changed.notify_all();
    }

    pub(super) fn stopping(&self) -> Option<Stop> {
        self.lock().stop
    }

    /// Waits for `patience`, or until something changes.
    pub(super) fn pause(&self, patience: Duration) {
        let state = self.lock();
        if state.stop.is_none() {
            drop(self.wait(state, patience));
        }
    }

    /// Number of segments with groups that sled does not have, without the active one.
    pub(super) fn used(&self) -> usize {
        self.used.load(Ordering::Acquire)
    }

    /// Whether a group found no free segment, and none has become free since.
    pub(super) fn is_exhausted(&self) -> bool {
        self.exhausted.load(Ordering::Acquire)
    }

    /// How long the write of this many bytes should take, so that the checkpoint keeps up: zero up to half full, then
    /// rising to a little more than the checkpoint needs for as many bytes.
    pub(super) fn pace(&self, written: u64, active: u64) -> Duration {
        let state = self.lock();
        let Some(rate) = state.rate.filter(|_| !state.halted) else {
            return Duration::ZERO;
        };
        let used =
            (state.sealed.len() + state.taken) as f64 + active as f64 / capacity(self.limits.segment_bytes) as f64;
        let pressure = (2.0 * used / self.limits.segments_max as f64 - 1.0).clamp(0.0, 1.0);
        Duration::from_secs_f64(1.25 * pressure * written as f64 / rate.max(1.0))
    }

    fn reserve(&self, state: &mut PoolState) -> Option<u32> {
        (state.total < self.limits.segments_max).then(|| state.add())
    }

    /// Creates the segment of a reserved number; `None` if the disk space is needed otherwise.
    fn create(&self, number: u32) -> io::Result<Option<Segment>> {
        let made = if self.has_room() { self.make(number).map(Some) } else { Ok(None) };
        if !matches!(made, Ok(Some(_))) {
            self.lock().give_back(number);
        }
        made
    }

    /// Creates a segment and lists it in the manifest, before anything can be written to it.
    fn make(&self, number: u32) -> io::Result<Segment> {
        let Limits { segment_bytes, sync, .. } = self.limits;
        let segment = Segment::create(&self.disk, self.directory.path(), number, segment_bytes, self.stamp, sync)?;
        if sync {
            self.directory.sync()?;
        }
        let listed = Listed { bytes: segment_bytes, marked: true };
        let list = |manifest: &mut Manifest| {
            manifest.segments.get_or_insert_default().insert(number, listed);
        };
        self.manifest.update(|waited| waited > MANIFEST_PATIENCE, list)?;
        self.exhausted.store(false, Ordering::Release);
        Ok(segment)
    }

    /// New segments must not use the disk space that the checkpoint needs to free segments.
    fn has_room(&self) -> bool {
        let needed = self.limits.free_bytes_min.saturating_add(self.limits.segment_bytes);
        self.directory.free_bytes().map_or(true, |free| free >= needed)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, PoolState>, patience: Duration) -> MutexGuard<'a, PoolState> {
        let waited = self.changed.wait_timeout(state, patience);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, PoolState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PoolState {
    /// Counts one more segment, and reserves the lowest number without a file.
    fn add(&mut self) -> u32 {
        let unused = (0..u32::MAX).find(|number| !self.numbers.contains(number));
        let number = unused.unwrap_or(u32::MAX);
        self.numbers.insert(number);
        self.total += 1;
        number
    }

    fn give_back(&mut self, number: u32) {
        self.numbers.remove(&number);
        self.total -= 1;
    }
}

/// Time between two attempts to create a segment.
const RETRY: Duration = Duration::from_millis(10);
const MANIFEST_PATIENCE: Duration = Duration::from_millis(100);
