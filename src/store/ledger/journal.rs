//! The journal: preallocated segments that are written front to back, sealed, checkpointed and recycled.
//!
//! The epoch in its frames tells whether they are valid; frames of an older epoch are leftovers of an earlier use of
//! the segment.

use std::time::Duration;

use super::error::WriteError;
use super::frame::{self, Header};
use super::options::{Durability, Write};
use super::patience::patiently;
use super::pool::Pool;
use super::segment::{Sealed, Segment};

/// The writing end.
#[derive(Debug)]
pub(super) struct Journal {
    pub(super) stamp: u64,
    pub(super) durability: Durability,
    /// How many bytes of a segment frames may use.
    pub(super) capacity: u64,
    pub(super) wait_max: Duration,
    pub(super) active: Segment,
    pub(super) epoch: u64,
    /// The first group in the active segment.
    pub(super) first: u64,
    /// The offset of the next frame.
    pub(super) offset: u64,
    /// Up to which offset the active segment is synced.
    pub(super) synced_offset: u64,
    /// The sequence of the next group.
    pub(super) sequence: u64,
    /// Every group below this one is synced.
    pub(super) synced: u64,
    pub(super) buffer: Vec<u8>,
}

impl Journal {
    /// Writes these groups as one frame, syncs it as the durability requires, and returns the sequence of the first
    /// group.
    pub(super) fn write(&mut self, pool: &Pool, groups: &[Vec<Write>], sync: bool) -> Result<u64, WriteError> {
        let bytes = frame::occupied(groups);
        if bytes > self.capacity {
            let limit = self.capacity;
            return Err(WriteError::Failed(format!("it takes {bytes} bytes and a segment has {limit}")));
        }
        if self.offset + bytes > self.capacity {
            self.rotate(pool, Some(self.wait_max))?;
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
        self.put()?;
        let end = self.sequence + groups.len() as u64;
        let sync = match self.durability {
            Durability::Synced => true,
            // The epoch in the first frame of a segment tells whether the frames after it are valid, so it must not be
            // lost alone.
            Durability::Relaxed => sync || self.offset == 0,
            Durability::None => false,
        };
        if sync {
            self.sync(self.offset + bytes, end)?;
        }
        let first = self.sequence;
        self.sequence = end;
        self.offset += bytes;
        Ok(first)
    }

    /// Seals the active segment, if it has frames, and continues in another one. `wait` is how long a group may wait
    /// for that; `None` where no group waits.
    pub(super) fn rotate(&mut self, pool: &Pool, wait: Option<Duration>) -> Result<(), WriteError> {
        if self.offset == 0 {
            return Ok(());
        }
        let next = pool.take(wait)?;
        // A segment is fully synced before a later one begins, so a gap always means damage.
        if self.durability != Durability::None && self.synced < self.sequence {
            self.sync(self.offset, self.sequence)?;
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
        self.synced_offset = 0;
        Ok(())
    }

    /// Writes the buffer, or undoes a partial write.
    fn put(&mut self) -> Result<(), WriteError> {
        let mut reached = 0;
        let written = patiently(
            "a group",
            |waited| waited >= self.wait_max,
            || {
                self.active.file.write_at(&self.buffer, self.offset).map_err(|short| {
                    reached = reached.max(short.written);
                    short.source
                })
            },
        );
        written.or_else(|error| {
            self.take_back(reached)?;
            Err(WriteError::Failed(error.to_string()))
        })
    }

    /// Makes everything up to this offset and before this sequence durable. After a failed sync the system may wrongly
    /// assume that the data is on disk, so everything not known to be synced is written again before the next attempt.
    fn sync(&mut self, offset: u64, end: u64) -> Result<(), WriteError> {
        let file = &self.active.file;
        let mut failed = false;
        let synced = patiently(
            "an fsync of the journal",
            |waited| waited >= SYNC_PATIENCE,
            || {
                if failed {
                    file.rewrite(self.synced_offset, offset - self.synced_offset)?;
                }
                failed = true;
                file.sync()
            },
        );
        synced.map_err(|error| WriteError::Fatal(format!("fsync of {} failed: {error}", file.path().display())))?;
        self.synced = end;
        self.synced_offset = offset;
        Ok(())
    }

    /// Undoes a partial frame, which must not be where a later start expects a complete one. Only its padding may be
    /// missing, and it may be on the disk already: it is certainly not written only when the disk has the zeros.
    fn take_back(&mut self, written: u64) -> Result<(), WriteError> {
        if written == 0 {
            return Ok(());
        }
        let file = &self.active.file;
        let zero = || file.zero(self.offset, written).map_err(|short| short.source);
        patiently("a group that is taken back", |waited| waited >= SYNC_PATIENCE, zero).map_err(|error| {
            let path = file.path().display();
            WriteError::Fatal(format!("half a group in {path} could not be taken back: {error}"))
        })?;
        if self.durability != Durability::None {
            self.sync(self.offset + written, self.sequence)?;
            self.synced_offset = self.offset;
        }
        Ok(())
    }
}

/// Whether a group survives is unknown until its fsync succeeds, so this wait is longer than any other.
const SYNC_PATIENCE: Duration = Duration::from_secs(60);
