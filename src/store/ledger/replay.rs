//! Reads the journal back: which frames are valid, whether a missing one was ever acknowledged, and where an incomplete
//! end is cut. Nothing is changed before [`Replayed::settle`].

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use bytes::Bytes;

use super::error::{OpenError, at};
use super::file::{Disk, DiskFile};
use super::frame::{self, BLOCK, Found, Header};
use super::inventory::{Entry, Inventory};
use super::manifest::{Listed, Manifest};
use super::options::Write;
use super::segment::{Sealed, Segment, capacity};

/// The content of the journal.
#[derive(Debug)]
pub(super) struct Replayed {
    /// Segments with groups that sled does not have, oldest first.
    pub(super) sealed: Vec<Sealed>,
    /// Segments without such groups.
    pub(super) free: Vec<Segment>,
    /// The groups of the sealed segments, in order.
    pub(super) groups: Vec<(u64, Vec<Write>)>,
    /// The sequence after the last group.
    pub(super) sequence: u64,
    /// An epoch above that of every frame found.
    pub(super) next_epoch: u64,
    /// The numbers in use by a file.
    pub(super) numbers: BTreeSet<u32>,
    /// The files of the journal, as the next manifest will list them.
    pub(super) listed: BTreeMap<u32, Listed>,
    cuts: Vec<Cut>,
    /// For each segment number: the offset from which no later frame proves the frames to be synced.
    unproven: BTreeMap<u32, u64>,
    inventory: Inventory,
}

/// The end of a segment's frames although other bytes follow.
#[derive(Debug)]
struct Cut {
    number: u32,
    from: usize,
    length: u64,
    groups: u64,
}

/// One file, read.
struct Read {
    segment: Segment,
    content: Bytes,
    /// The frames of its newest epoch, by offset.
    frames: Vec<(usize, Header)>,
    epoch: u64,
    /// The end of its valid frames.
    end: usize,
}

/// Reads every segment of the journal.
pub(super) fn read(
    directory: &Path,
    disk: &Disk,
    manifest: &Manifest,
    segment_bytes: u64,
) -> Result<Replayed, OpenError> {
    let mut live = Vec::new();
    let mut free = Vec::new();
    let mut inventory = Inventory::take(directory, disk, manifest)?;
    for entry in std::mem::take(&mut inventory.entries) {
        let Entry { segment, listed, named } = entry;
        let number = segment.number;
        let read = read_segment(segment, listed, manifest)?;
        if read.frames.is_empty() && !listed.marked {
            inventory.refuse_foreign(&read.segment, &read.content, manifest.stamp)?;
        }
        if !read.frames.is_empty() || broken_at(&read, 0, manifest.sequence, manifest).is_some() {
            inventory.keep(number, listed);
            live.push(read);
            continue;
        }
        if listed.bytes == segment_bytes && (named || listed.marked || manifest.segments.is_none()) {
            inventory.keep(number, listed);
            free.push(read.segment);
        } else if named || manifest.segments.is_none() {
            inventory.drop_empty(&read.segment);
        } else {
            inventory.leave(&read.segment);
        }
    }
    live.sort_by_key(|read| read.epoch);
    assemble(live, free, inventory, manifest)
}

impl Replayed {
    /// Overwrites what follows the end, so that it can never be mistaken for a continuation, makes the valid part
    /// durable, and updates the files. Dropped segments are removed by [`Inventory::remove_dropped`] once the manifest
    /// no longer lists them.
    pub(super) fn settle(&mut self, stamp: u64, sync: bool) -> Result<Inventory, OpenError> {
        for cut in std::mem::take(&mut self.cuts) {
            let sealed = self.sealed.iter().map(|sealed| &sealed.segment);
            if let Some(segment) = sealed.chain(&self.free).find(|segment| segment.number == cut.number) {
                clear(segment, &cut, sync)?;
            }
        }
        // A segment may have been read from the page cache only, and what is served from now on must not be lost. After
        // a failed fsync in an earlier process the system may wrongly assume that it is on the disk, so it is written
        // again.
        for sealed in self.sealed.iter().filter(|_| sync) {
            let file = &sealed.segment.file;
            if let Some(from) = self.unproven.get(&sealed.segment.number) {
                file.rewrite(*from, sealed.bytes - from).map_err(at(file.path()))?;
            }
            file.sync().map_err(at(file.path()))?;
        }
        for segment in &self.free {
            if let Some(listed) = self.listed.get_mut(&segment.number).filter(|listed| !listed.marked) {
                segment.mark(stamp, sync).map_err(at(segment.file.path()))?;
                listed.marked = true;
            }
        }
        Ok(std::mem::take(&mut self.inventory))
    }
}

fn clear(segment: &Segment, cut: &Cut, sync: bool) -> Result<(), OpenError> {
    let path = segment.file.path();
    tracing::warn!(
        journal.file = %path.display(),
        journal.offset = cut.from,
        journal.groups = cut.groups,
        "the incomplete end of the journal was removed: its groups were never acknowledged as synced"
    );
    let zeroed = segment.file.zero(cut.from as u64, cut.length);
    zeroed.map_err(|short| at(path)(short.source))?;
    if sync {
        segment.file.sync().map_err(at(path))?;
    }
    Ok(())
}

fn read_segment(segment: Segment, listed: Listed, manifest: &Manifest) -> Result<Read, OpenError> {
    let file = &segment.file;
    let path = file.path();
    let frames_end = if listed.marked { capacity(listed.bytes) } else { listed.bytes };
    let reach = reach(file, manifest).map_err(at(path))?.min(frames_end);
    let content = Bytes::from(file.read(reach).map_err(at(path))?);
    let mut frames = Vec::new();
    let mut offset = 0;
    while offset < content.len() {
        match frame::look(&content[offset..], manifest.stamp) {
            Found::Frame(header) if header.version > frame::VERSION => {
                return Err(OpenError::Newer {
                    path: path.to_owned(),
                    found: u32::from(header.version),
                    supported: u32::from(frame::VERSION),
                });
            }
            Found::Frame(header) => {
                if header.epoch >= manifest.epoch {
                    frames.push((offset, header));
                }
                offset += header.occupied();
            }
            Found::Broken(_) | Found::Nothing(_) => offset += BLOCK,
        }
    }
    let epoch = frames.iter().map(|(_, header)| header.epoch).max();
    frames.retain(|(_, header)| Some(header.epoch) == epoch);
    // If the only frame of a segment is broken, its epoch can still be guessed, to order the segment.
    let guess = match frame::look(&content, manifest.stamp) {
        Found::Frame(header) | Found::Broken(header) | Found::Nothing(header) => header.epoch,
    };
    Ok(Read { segment, content, frames, epoch: epoch.unwrap_or(guess), end: 0 })
}

/// How many bytes of a segment to read: one that begins with a complete frame of an older epoch has no valid frames.
fn reach(file: &DiskFile, manifest: &Manifest) -> io::Result<u64> {
    let start = file.read(BLOCK as u64)?;
    match frame::look(&start, manifest.stamp) {
        Found::Frame(header) | Found::Broken(header) if header.epoch < manifest.epoch => {
            let occupied = header.occupied() as u64;
            match frame::look(&file.read(occupied)?, manifest.stamp) {
                Found::Frame(_) => Ok(occupied),
                _ => Ok(u64::MAX),
            }
        }
        _ => Ok(u64::MAX),
    }
}

/// Joins the segments for as long as the sequence has no gap.
fn assemble(
    mut live: Vec<Read>,
    free: Vec<Segment>,
    mut inventory: Inventory,
    manifest: &Manifest,
) -> Result<Replayed, OpenError> {
    let mut sequence = manifest.sequence;
    let mut groups = Vec::new();
    let mut firsts = Vec::new();
    let mut last = 0;
    for (index, read) in live.iter_mut().enumerate() {
        firsts.push(sequence);
        for (offset, header) in &read.frames {
            if *offset != read.end || header.first != sequence {
                break;
            }
            let found = frame::groups(&read.content.slice(*offset..), header)
                .ok_or_else(|| damaged(read, *offset, "a frame whose checksum holds cannot be read".into()))?;
            groups.extend((sequence..).zip(found));
            sequence = header.end();
            read.end += header.occupied();
            last = index;
        }
    }

    // The `synced` of a later frame proves that an earlier group had been acknowledged.
    let later = live.iter().flat_map(|read| read.frames.iter().map(move |(offset, header)| (read, *offset, header)));
    let proof = later.clone().filter(|(_, _, header)| header.first >= sequence && header.synced > sequence);
    if let (Some((read, offset, header)), Some(stop)) =
        (proof.min_by_key(|(_, _, header)| header.first), live.get(last))
    {
        let path = read.segment.file.path().display();
        let what = format!(
            "group {sequence} is missing there, and {path} goes on with group {} at offset {offset}",
            header.first
        );
        return Err(damaged(stop, stop.end, what));
    }

    let next_epoch = later.map(|(_, _, header)| header.epoch + 1).max().unwrap_or(0).max(manifest.epoch);
    let mut replayed = Replayed {
        sealed: Vec::new(),
        free,
        groups,
        sequence,
        next_epoch,
        numbers: std::mem::take(&mut inventory.numbers),
        listed: std::mem::take(&mut inventory.listed),
        cuts: Vec::new(),
        unproven: BTreeMap::new(),
        inventory,
    };
    let counted = live.iter().flat_map(|read| read.frames.iter().filter(|(offset, _)| *offset < read.end));
    let proven = counted.map(|(_, header)| header.synced).max().unwrap_or(0);
    for (read, first) in live.into_iter().zip(firsts) {
        replayed.place(read, first, proven, manifest);
    }
    Ok(replayed)
}

impl Replayed {
    fn place(&mut self, read: Read, first: u64, proven: u64, manifest: &Manifest) {
        let counted: Vec<_> = read.frames.iter().filter(|(offset, _)| *offset < read.end).collect();
        let end = counted.last().map_or(first, |(_, header)| header.end());
        if let Some((offset, _)) = counted.iter().find(|(_, header)| header.end() > proven) {
            self.unproven.insert(read.segment.number, *offset as u64);
        }
        let dropped = read.frames.iter().filter(|(offset, _)| *offset >= read.end);
        let dropped: u64 = dropped.map(|(_, header)| u64::from(header.count)).sum();
        let torn =
            broken_at(&read, read.end, self.sequence, manifest).map(|header| u64::from(header.count).min(1 << 20));
        let cut = (dropped > 0 || torn.is_some()).then(|| Cut {
            number: read.segment.number,
            from: read.end,
            length: (read.content.len() - read.end) as u64,
            groups: dropped + torn.unwrap_or(0),
        });
        self.cuts.extend(cut);
        if read.end == 0 {
            // It has no valid frames.
            self.free.push(read.segment);
        } else {
            self.sealed.push(Sealed { segment: read.segment, epoch: read.epoch, first, end, bytes: read.end as u64 });
        }
    }
}

/// Whether the frame expected here was once written: its header reads as ours, all its fields except one do, or there
/// are bytes where none have ever been.
fn broken_at(read: &Read, offset: usize, sequence: u64, manifest: &Manifest) -> Option<Header> {
    let rest = read.content.get(offset..)?;
    match frame::look(rest, manifest.stamp) {
        Found::Broken(header) => (header.epoch >= manifest.epoch).then_some(header),
        Found::Frame(_) => None,
        Found::Nothing(header) => {
            let epoch = if offset == 0 {
                header.epoch >= manifest.epoch && header.epoch <= manifest.epoch.max(manifest.floor) + (1 << 20)
            } else {
                header.epoch == read.epoch
            };
            let signs = [
                rest.starts_with(&frame::MAGIC.to_le_bytes()),
                header.stamp == manifest.stamp,
                epoch,
                header.first == sequence,
            ];
            (signs.iter().filter(|sign| **sign).count() >= 3).then_some(header)
        }
    }
}

fn damaged(read: &Read, offset: usize, what: String) -> OpenError {
    OpenError::Damaged { path: read.segment.file.path().to_owned(), offset: offset as u64, what }
}
