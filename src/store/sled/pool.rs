//! The segments of the journal that are not being written to: free ones, and sealed ones that wait for their checkpoint.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::file::{Disk, DiskFile};
use super::frame::{self, Found};
use super::journal::WriteError;
use super::options::Write;

/// One preallocated file.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) file: DiskFile,
}

/// A segment that takes no more frames and waits for its checkpoint.
#[derive(Debug)]
pub(super) struct Sealed {
    pub(super) segment: Segment,
    pub(super) epoch: u64,
    /// The sequence of its first group.
    pub(super) first: u64,
    /// The sequence after its last group.
    pub(super) end: u64,
    /// How far its frames reach.
    pub(super) bytes: u64,
}

impl Sealed {
    /// Reads back every group, in order, with its sequence.
    pub(super) fn groups(&self, stamp: u64) -> Result<Vec<(u64, Vec<Write>)>, String> {
        let path = self.segment.file.path().display();
        let content = self.segment.file.read(self.bytes);
        let content = Bytes::from(content.map_err(|error| format!("{path} cannot be read: {error}"))?);
        let mut groups = Vec::new();
        let (mut at, mut sequence) = (0, self.first);
        while sequence < self.end {
            let rest = content.slice(at.min(content.len())..);
            let found = match frame::look(&rest, stamp) {
                Found::Frame(header) if header.epoch == self.epoch && header.first == sequence => {
                    frame::groups(&rest, &header).map(|found| (header, found))
                }
                _ => None,
            };
            let (header, found) = found.ok_or_else(|| format!("{path} reads back differently at offset {at}"))?;
            groups.extend((sequence..).zip(found));
            sequence = header.end();
            at += header.occupied();
        }
        Ok(groups)
    }
}

/// All segments that are not being written to.
#[derive(Debug)]
pub(super) struct Pool {
    disk: Disk,
    directory: PathBuf,
    segment_bytes: u64,
    segments_max: usize,
    sync: bool,
    state: Mutex<PoolState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct PoolState {
    free: Vec<Segment>,
    sealed: VecDeque<Sealed>,
    /// In the hands of the checkpoint.
    taken: usize,
    total: usize,
    next_number: u32,
    /// Journal bytes that the checkpoint retires per second.
    rate: Option<f64>,
    /// No segment will be recycled any more.
    halted: bool,
    stop: Option<Stop>,
}

/// How the checkpoint thread should end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// When everything sealed is in sled.
    Drained,
    /// After the checkpoint in progress.
    Now,
}

/// What the checkpoint thread should do next.
#[derive(Debug)]
pub(super) enum Task {
    Checkpoint(Vec<Sealed>),
    Idle,
    Stop,
}

impl Pool {
    pub(super) fn new(disk: Disk, directory: &Path, segment_bytes: u64, segments_max: usize, sync: bool) -> Pool {
        Pool {
            disk,
            directory: directory.to_owned(),
            segment_bytes,
            segments_max,
            sync,
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// Takes in what recovery found.
    pub(super) fn fill(&self, free: Vec<Segment>, sealed: Vec<Sealed>, next_number: u32) {
        let mut state = self.lock();
        state.total = free.len() + sealed.len();
        state.free = free;
        state.sealed = sealed.into();
        state.next_number = next_number;
    }

    /// A segment to write to: a recycled one, a new one, or, when there may be no more, the next one recycled in time.
    pub(super) fn take(&self, wait: Duration, beyond_max: bool) -> Result<Segment, WriteError> {
        let deadline = Instant::now() + wait;
        let mut state = self.lock();
        loop {
            if let Some(segment) = state.free.pop() {
                return Ok(segment);
            }
            if state.total < self.segments_max || beyond_max {
                return self.create(state);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || state.halted {
                return Err(WriteError::Full);
            }
            state = self.wait(state, left);
        }
    }

    /// Makes sure that the next segment is there before it is needed.
    pub(super) fn prepare(&self) {
        let state = self.lock();
        if !state.free.is_empty() || state.total >= self.segments_max {
            return;
        }
        match self.create(state) {
            Ok(segment) => self.lock().free.push(segment),
            Err(error) => tracing::warn!(?error, "no spare journal segment could be made"),
        }
    }

    pub(super) fn seal(&self, sealed: Sealed) {
        self.lock().sealed.push_back(sealed);
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

    /// Gives segments back whose groups are in sled.
    pub(super) fn recycle(&self, done: Vec<Sealed>, took: Duration) {
        let bytes: u64 = done.iter().map(|sealed| sealed.bytes).sum();
        let rate = bytes as f64 / took.as_secs_f64().max(1e-6);
        let mut state = self.lock();
        // A small checkpoint is all fixed cost and says little about the rate under load.
        if bytes >= self.segment_bytes / 2 {
            state.rate = Some(state.rate.map_or(rate, |before| (before + rate) / 2.0));
        }
        state.taken = 0;
        state.free.extend(done.into_iter().map(|sealed| sealed.segment));
        drop(state);
        self.changed.notify_all();
    }

    /// Says that nothing will be recycled any more.
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

    /// Waits a while, or until something changes.
    pub(super) fn pause(&self, patience: Duration) {
        let state = self.lock();
        if state.stop.is_none() {
            drop(self.wait(state, patience));
        }
    }

    /// Segments that hold groups sled does not have, besides the active one.
    pub(super) fn used(&self) -> usize {
        let state = self.lock();
        state.sealed.len() + state.taken
    }

    /// How long writing this many bytes ought to take, so that the checkpoint keeps up: nothing up to half full, then ever
    /// closer to what it retires in that time, and a little more at the end.
    pub(super) fn pace(&self, written: u64, active: u64) -> Duration {
        let state = self.lock();
        let Some(rate) = state.rate.filter(|_| !state.halted) else {
            return Duration::ZERO;
        };
        let used = (state.sealed.len() + state.taken) as f64 + active as f64 / self.segment_bytes as f64;
        let pressure = (2.0 * used / self.segments_max as f64 - 1.0).clamp(0.0, 1.0);
        Duration::from_secs_f64(1.25 * pressure * written as f64 / rate.max(1.0))
    }

    fn create(&self, mut state: MutexGuard<'_, PoolState>) -> Result<Segment, WriteError> {
        let number = state.next_number;
        state.next_number += 1;
        state.total += 1;
        drop(state);
        let path = self.directory.join(format!("{number:08}.journal"));
        match self.disk.create_zeroed(&path, self.segment_bytes, self.sync) {
            Ok(file) => Ok(Segment { file }),
            Err(error) => {
                self.lock().total -= 1;
                Err(WriteError::Failed(format!("{} cannot be made: {error}", path.display())))
            }
        }
    }

    fn wait<'a>(&self, state: MutexGuard<'a, PoolState>, patience: Duration) -> MutexGuard<'a, PoolState> {
        let waited = self.changed.wait_timeout(state, patience);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn lock(&self) -> MutexGuard<'_, PoolState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
