//! The journal: preallocated segments, written front to back, sealed, checkpointed and recycled.
//!
//! A segment counts by the epoch in its frames; frames of an older epoch are leftovers of an earlier use.

use std::time::Duration;

use super::frame::{self, Header};
use super::options::{Durability, Write};
use super::pool::{Pool, Sealed, Segment};

/// Why a group is not in the journal.
#[derive(Debug)]
pub(super) enum WriteError {
    Full,
    Failed(String),
    Fatal(String),
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
