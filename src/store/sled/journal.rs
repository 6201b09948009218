//! The journal: preallocated segments, written front to back, sealed, checkpointed and recycled.
//!
//! A segment counts by the epoch in its frames; frames of an older epoch are leftovers of an earlier use.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::file::{Disk, DiskFile};
use super::frame::{self, Found, Header};
use super::options::{Durability, Write};

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
pub(super) struct PoolState {
    pub(super) free: Vec<Segment>,
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

/// Why a group is not in the journal.
#[derive(Debug)]
pub(super) enum WriteError {
    Full,
    Failed(String),
    Fatal(String),
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

    pub(super) fn lock(&self) -> MutexGuard<'_, PoolState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The writing end.
#[derive(Debug)]
pub(super) struct Journal {
    pub(super) stamp: u64,
    pub(super) durability: Durability,
    pub(super) segment_bytes: u64,
    pub(super) wait_max: Duration,
    pub(super) active: Segment,
    pub(super) epoch: u64,
    /// The first group in the active segment.
    pub(super) first: u64,
    /// Where the next frame goes.
    pub(super) offset: u64,
    /// The sequence of the next group.
    pub(super) sequence: u64,
    /// Every group below this one is synced.
    pub(super) synced: u64,
    pub(super) buffer: Vec<u8>,
}

impl Journal {
    /// Writes these groups as one frame, syncs them as the durability asks, and returns the sequence of the first.
    pub(super) fn write(&mut self, pool: &Pool, groups: &[Vec<Write>], sync: bool) -> Result<u64, WriteError> {
        let bytes = frame::occupied(groups);
        if bytes > self.segment_bytes {
            let limit = self.segment_bytes;
            return Err(WriteError::Failed(format!("it takes {bytes} bytes and a segment has {limit}")));
        }
        if self.offset + bytes > self.segment_bytes {
            self.rotate(pool, self.wait_max)?;
        }
        let header = Header {
            version: frame::VERSION,
            stamp: self.stamp,
            epoch: self.epoch,
            first: self.sequence,
            synced: self.synced,
            count: 0,
            length: 0,
        };
        frame::encode(&mut self.buffer, header, groups);
        if let Err(short) = self.active.file.write_at(&self.buffer, self.offset) {
            self.take_back(short.written)?;
            return Err(WriteError::Failed(short.source.to_string()));
        }
        if self.durability == Durability::Synced || (sync && self.durability == Durability::Relaxed) {
            self.sync(self.sequence + groups.len() as u64)?;
        }
        let first = self.sequence;
        self.sequence += groups.len() as u64;
        self.offset += bytes;
        Ok(first)
    }

    /// Seals the active segment, if it has frames, and goes on in another.
    pub(super) fn rotate(&mut self, pool: &Pool, wait: Duration) -> Result<(), WriteError> {
        if self.offset == 0 {
            return Ok(());
        }
        let next = pool.take(wait, false)?;
        // A segment is whole on the disk before a later one begins, so that a gap always means damage.
        if self.durability != Durability::None && self.synced < self.sequence {
            self.sync(self.sequence)?;
        }
        pool.seal(Sealed {
            segment: std::mem::replace(&mut self.active, next),
            epoch: self.epoch,
            first: self.first,
            end: self.sequence,
            bytes: self.offset,
        });
        self.epoch += 1;
        self.first = self.sequence;
        self.offset = 0;
        Ok(())
    }

    fn sync(&mut self, end: u64) -> Result<(), WriteError> {
        let path = self.active.file.path().display();
        self.active.file.sync().map_err(|error| WriteError::Fatal(format!("fsync of {path} failed: {error}")))?;
        self.synced = end;
        Ok(())
    }

    /// Half a frame must not stand where a later start would look for a whole one.
    fn take_back(&mut self, written: u64) -> Result<(), WriteError> {
        self.active.file.zero(self.offset, written).map_err(|short| {
            let path = self.active.file.path().display();
            WriteError::Fatal(format!("half a group in {path} could not be taken back: {}", short.source))
        })
    }
}
