//! One preallocated file of the journal, and the mark at its end that identifies its directory and number.
//!
//! ```text
//! magic u64 | number u64 | stamp u64 | crc32 u32      little-endian, in the last block
//! ```
//! The mark is written once, before the manifest lists the segment, and no frame ever reaches it. A file that was
//! swapped with another one, or emptied, does not have it.

use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::file::{Disk, DiskFile};
use super::frame::{self, BLOCK, Found};
use super::options::Write;

/// One preallocated file.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) file: DiskFile,
    pub(super) number: u32,
    /// Its size in bytes.
    pub(super) bytes: u64,
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
    /// The end of its frames, in bytes.
    pub(super) bytes: u64,
}

impl Segment {
    /// Creates a segment of zeros with its mark; its blocks are allocated.
    pub(super) fn create(
        disk: &Disk,
        directory: &Path,
        number: u32,
        bytes: u64,
        stamp: u64,
        sync: bool,
    ) -> io::Result<Segment> {
        let file = disk.create_whole(&path(directory, number), sync, |file| {
            file.zero(0, capacity(bytes)).map_err(|short| short.source)?;
            file.write_at(&mark(number, stamp), capacity(bytes)).map_err(|short| short.source)
        })?;
        Ok(Segment { file, number, bytes })
    }

    /// Writes the mark to an empty segment of an earlier format.
    pub(super) fn mark(&self, stamp: u64, sync: bool) -> io::Result<()> {
        self.file.write_at(&mark(self.number, stamp), capacity(self.bytes)).map_err(|short| short.source)?;
        if sync { self.file.sync() } else { Ok(()) }
    }

    /// Whether it has the mark of this directory and number.
    pub(super) fn is_marked(&self, stamp: u64) -> io::Result<bool> {
        if self.bytes < BLOCK as u64 {
            return Ok(false);
        }
        Ok(self.file.read_at(capacity(self.bytes), MARK)? == mark(self.number, stamp)[..MARK])
    }
}

impl Sealed {
    /// Reads back every group, in order, with its sequence.
    pub(super) fn groups(&self, content: &Bytes, stamp: u64) -> Result<Vec<(u64, Vec<Write>)>, String> {
        let path = self.segment.file.path().display();
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

/// The path of the file with this number.
pub(super) fn path(directory: &Path, number: u32) -> PathBuf {
    directory.join(format!("{number:08}.journal"))
}

/// How many bytes frames may use in a segment of this size.
pub(super) fn capacity(bytes: u64) -> u64 {
    bytes - BLOCK as u64
}

fn mark(number: u32, stamp: u64) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    block[..8].copy_from_slice(MAGIC);
    block[8..16].copy_from_slice(&u64::from(number).to_le_bytes());
    block[16..24].copy_from_slice(&stamp.to_le_bytes());
    let crc = crc32fast::hash(&block[..24]);
    block[24..MARK].copy_from_slice(&crc.to_le_bytes());
    block
}

const MAGIC: &[u8; 8] = b"VSJMARK1";
const MARK: usize = 28;
