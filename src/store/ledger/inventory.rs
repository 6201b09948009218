//! Compares the files in the journal's directory with the manifest. A missing, short or foreign file is refused,
//! because acknowledged groups may have been in it; a removed file was empty, and is logged.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::error::{OpenError, at};
use super::file::{Directory, Disk};
use super::frame::{self, BLOCK, Found};
use super::manifest::{Listed, Manifest};
use super::segment::{self, Segment};

/// The files found.
#[derive(Debug, Default)]
pub(super) struct Inventory {
    /// Every segment found.
    pub(super) entries: Vec<Entry>,
    /// The numbers in use by a file.
    pub(super) numbers: BTreeSet<u32>,
    /// The segments that stay, as the next manifest will list them.
    pub(super) listed: BTreeMap<u32, Listed>,
    dropped: Vec<PathBuf>,
    unfinished: Vec<PathBuf>,
}

/// A segment found.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) segment: Segment,
    pub(super) listed: Listed,
    /// Whether the manifest lists it. An unlisted one was created last, or is of the first format.
    pub(super) named: bool,
}

impl Inventory {
    /// Reads the directory, and refuses it if a file that the manifest lists is missing.
    pub(super) fn take(directory: &Path, disk: &Disk, manifest: &Manifest) -> Result<Inventory, OpenError> {
        let mut inventory = Inventory::default();
        let named = manifest.segments.clone().unwrap_or_default();
        inventory.look(directory)?;
        inventory.numbers.extend(named.keys());
        for number in inventory.numbers.clone() {
            let path = segment::path(directory, number);
            let file = match disk.open(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return Err(unusable(&path, "it is missing, and acknowledged data may have been in it"));
                }
                opened => opened.map_err(at(&path))?,
            };
            let bytes = file.length().map_err(at(&path))?;
            let found = Segment { file, number, bytes };
            let marked = found.is_marked(manifest.stamp).map_err(at(&path))?;
            let named = named.get(&number);
            match named {
                Some(listed) if listed.bytes != bytes => {
                    let what = format!("it has {bytes} bytes and was left with {}", listed.bytes);
                    return Err(unusable(&path, &what));
                }
                Some(listed) if listed.marked && !marked => {
                    return Err(unusable(
                        &path,
                        "another file is in its place, without the mark of this data directory",
                    ));
                }
                Some(_) => {}
                None if bytes == 0 || !bytes.is_multiple_of(BLOCK as u64) => {
                    return Err(unusable(&path, &format!("it was cut to {bytes} bytes")));
                }
                None => {}
            }
            inventory.entries.push(Entry { segment: found, listed: Listed { bytes, marked }, named: named.is_some() });
        }
        Ok(inventory)
    }

    fn look(&mut self, directory: &Path) -> Result<(), OpenError> {
        for entry in std::fs::read_dir(directory).map_err(at(directory))? {
            let path = entry.map_err(at(directory))?.path();
            let number = path.file_stem().and_then(|stem| stem.to_str()?.parse::<u32>().ok());
            if path.extension().is_some_and(|extension| extension == "tmp") {
                self.unfinished.push(path);
            } else if let Some(number) = number.filter(|number| segment::path(directory, *number) == path) {
                self.numbers.insert(number);
            }
        }
        Ok(())
    }

    /// Refuses an unmarked segment that begins with a frame of another directory.
    pub(super) fn refuse_foreign(&self, segment: &Segment, content: &Bytes, stamp: u64) -> Result<(), OpenError> {
        let (Found::Frame(header) | Found::Broken(header) | Found::Nothing(header)) = frame::look(content, stamp);
        match frame::look(content, header.stamp) {
            Found::Frame(_) if header.stamp != stamp => {
                Err(unusable(segment.file.path(), "it belongs to another data directory"))
            }
            _ => Ok(()),
        }
    }

    /// Keeps a segment.
    pub(super) fn keep(&mut self, number: u32, listed: Listed) {
        self.listed.insert(number, listed);
    }

    /// Drops an empty segment of another size.
    pub(super) fn drop_empty(&mut self, segment: &Segment) {
        self.numbers.remove(&segment.number);
        self.dropped.push(segment.file.path().to_owned());
    }

    /// Leaves an unknown file alone: it is neither used nor removed, and its number stays reserved.
    pub(super) fn leave(&mut self, segment: &Segment) {
        tracing::warn!(
            journal.file = %segment.file.path().display(),
            "an unknown file in the journal folder is ignored: it contains nothing of this data directory"
        );
    }

    /// Removes the dropped segments.
    pub(super) fn remove_dropped(self, disk: &Disk, directory: &Directory, sync: bool) -> Result<(), OpenError> {
        for path in &self.dropped {
            tracing::warn!(journal.file = %path.display(), "a journal segment of another size was removed; it was empty");
            disk.remove(path).map_err(at(path))?;
        }
        for path in &self.unfinished {
            tracing::warn!(journal.file = %path.display(), "a file that an earlier start left unfinished was removed");
            disk.remove(path).map_err(at(path))?;
        }
        if sync && !(self.dropped.is_empty() && self.unfinished.is_empty()) {
            directory.sync().map_err(at(directory.path()))?;
        }
        Ok(())
    }
}

/// Whether any segment begins with what looks like a frame.
pub(super) fn has_frames(directory: &Path) -> Result<bool, OpenError> {
    use std::os::unix::fs::FileExt;
    for entry in std::fs::read_dir(directory).map_err(at(directory))? {
        let path = entry.map_err(at(directory))?.path();
        let mut start = [0; 4];
        let read = std::fs::File::open(&path).and_then(|file| file.read_at(&mut start, 0));
        if read.map_err(at(&path))? == start.len() && start == frame::MAGIC.to_le_bytes() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn unusable(path: &Path, what: &str) -> OpenError {
    OpenError::Segment { path: path.to_owned(), what: what.to_owned() }
}
