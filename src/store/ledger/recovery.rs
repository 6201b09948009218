//! Opens a data directory: lock, manifest, room, snapshots, journal, filter — in this order. Until the journal has been
//! checked, only unfinished files of sled are changed.

use std::collections::HashSet;
use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::domain::ports::Entropy;
use crate::entropy::OsEntropy;

use super::checkpoint::Checkpoint;
use super::error::{OpenError, at};
use super::file::{Directory, Disk};
use super::filter::{Filter, FilterFile};
use super::frame::{self, BLOCK};
use super::inventory;
use super::journal::Journal;
use super::layout::{FILTER, JOURNAL, LOCK, MANIFEST, SNAPSHOTS};
use super::manifest::{self, Manifest};
use super::manifest_file::ManifestFile;
use super::options::{Durability, Options};
use super::pool::{Limits, Pool};
use super::replay::{self, Replayed};
use super::scrub::Scrubber;
use super::segment::capacity;
use super::shared::Shared;
use super::snapshots::Snapshots;
use super::tree::Tree;
use super::verify::{Progress, Verification};
use crate::store::hash;

#[cfg(any(feature = "server", feature = "unstable"))]
/// Whether this directory ever had a ledger. Writes nothing.
///
/// # Errors
/// When the directory can't be read.
pub fn holds_data(directory: &Path) -> std::io::Result<bool> {
    [MANIFEST, SNAPSHOTS, JOURNAL].iter().try_fold(false, |found, name| Ok(found || directory.join(name).try_exists()?))
}

/// The lock that keeps other processes out. A process forked meanwhile shares the open file until it executes another
/// program, so closing the file would not be enough to release the lock.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        if let Err(error) = self.0.unlock() {
            tracing::warn!(%error, "the data directory could not be unlocked");
        }
    }
}

/// An opened data directory.
#[derive(Debug)]
pub(super) struct Recovered {
    pub(super) lock: Lock,
    pub(super) checkpoint: Checkpoint,
}

/// Opens a data directory.
pub(super) fn recover(mut options: Options, disk: Disk) -> Result<Recovered, OpenError> {
    options.segments_max = options.segments_max.max(4);
    options.segment_bytes = options.segment_bytes.next_multiple_of(BLOCK as u64).max(2 * BLOCK as u64);
    let sync = options.durability != Durability::None;
    let journal_path = options.path.join(JOURNAL);
    disk.make_directory(&options.path).map_err(at(&options.path))?;
    let lock = hold(&options.path.join(LOCK))?;
    let directory = disk.directory(&options.path).map_err(at(&options.path))?;
    let known = ManifestFile::open(&disk, &options.path.join(MANIFEST), sync)?;
    // If the manifest lists segments, their absence is detected below.
    disk.make_directory(&journal_path).map_err(at(&journal_path))?;
    let free = directory.free_bytes().map_err(at(&options.path))?;
    if free < options.free_bytes_min {
        return Err(OpenError::DiskFull { path: options.path, free, needed: options.free_bytes_min });
    }
    let Snapshots { tree, files, doubtful } =
        Snapshots::open(&disk, &options.path.join(SNAPSHOTS), options.cache_bytes, sync)?;
    let manifest_file = match known {
        Some(file) => file,
        None => begin(&options.path, &disk, &directory, &tree, sync)?,
    };

    let mut manifest = manifest_file.current();
    let mut replayed = replay::read(&journal_path, &disk, &manifest, options.segment_bytes)?;
    let verification = verify(&options, &manifest, &tree, &replayed, doubtful)?;
    let (filter, filter_file) = load_filter(&options, &mut manifest, &tree, &disk, &directory, sync)?;
    let inventory = replayed.settle(manifest.stamp, sync)?;
    let journal_directory = disk.directory(&journal_path).map_err(at(&journal_path))?;
    for directory in [&journal_directory, &directory].into_iter().filter(|_| sync) {
        // A name that an interrupted process created may be known to the system and not yet be on the disk.
        directory.sync().map_err(at(directory.path()))?;
    }
    manifest.floor = manifest.first_epoch(replayed.next_epoch);
    manifest.segments = Some(std::mem::take(&mut replayed.listed));
    for _copy in 0..2 {
        // Both copies, so that none remains with older epochs.
        let raised = manifest_file
            .update(|_| true, |current| *current = Manifest { generation: current.generation, ..manifest.clone() });
        raised.map_err(at(manifest_file.path()))?;
    }
    inventory.remove_dropped(&disk, &journal_directory, sync)?;

    let parts = Parts { disk, directory, journal_directory, manifest_file, tree: tree.clone(), filter };
    let shared = Arc::new(parts.join(options, &manifest, &mut replayed)?);
    for (sequence, group) in std::mem::take(&mut replayed.groups) {
        for write in group {
            shared.publish(write.key, write.value, sequence);
        }
    }
    Ok(Recovered {
        lock,
        checkpoint: Checkpoint { shared, tree, files, filter_file, verification, scrubber: Scrubber::default() },
    })
}

fn hold(path: &Path) -> Result<Lock, OpenError> {
    let file = File::options().read(true).write(true).create(true).truncate(false).open(path).map_err(at(path))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => Err(OpenError::Held { path: path.to_owned() }),
        Err(TryLockError::Error(source)) => Err(at(path)(source)),
    }
}

/// Writes the first manifest of a new directory, after checking that it is new.
fn begin(path: &Path, disk: &Disk, directory: &Directory, tree: &Tree, sync: bool) -> Result<ManifestFile, OpenError> {
    let manifest_path = path.join(MANIFEST);
    if !tree.is_empty() || inventory::has_frames(&path.join(JOURNAL))? {
        return Err(OpenError::Damaged {
            path: manifest_path,
            offset: 0,
            what: "the manifest is missing beside existing data".into(),
        });
    }
    let mut stamp = [0; 8];
    OsEntropy::new().fill(&mut stamp);
    let manifest = Manifest::new(u64::from_be_bytes(stamp));
    let file = ManifestFile::create(disk, &manifest_path, manifest, sync, directory).map_err(at(&manifest_path))?;
    if sync {
        // Makes the name of the data directory itself durable.
        let whole = std::path::absolute(path).map_err(at(path))?;
        let parent = whole.parent().unwrap_or(&whole);
        disk.directory(parent).and_then(|parent| parent.sync()).map_err(at(parent))?;
    }
    Ok(file)
}

/// Compares sled with the manifest for as long as `open` allows; returns the remaining comparison.
fn verify(
    options: &Options,
    manifest: &Manifest,
    tree: &Tree,
    replayed: &Replayed,
    doubtful: bool,
) -> Result<Option<Verification>, OpenError> {
    let snapshots = |what| OpenError::Snapshots { path: options.path.join(SNAPSHOTS), what };
    let (expected, undecided) = match &manifest.pending {
        None => (manifest.sums.clone(), HashSet::new()),
        Some(pending) => {
            let sealed = replayed.sealed.iter().filter(|sealed| sealed.epoch < pending.to_epoch);
            let Some(end) = sealed.map(|sealed| sealed.end).max() else {
                return Err(snapshots("the journal segments of an interrupted checkpoint are missing".into()));
            };
            let groups = replayed.groups.iter().take_while(|(sequence, _)| *sequence < end);
            let keys = groups.flat_map(|(_, group)| group.iter().map(|write| write.key.clone()));
            (pending.rest.clone(), keys.collect())
        }
    };
    let mut verification = Verification::new(expected, undecided);
    // Doubtful snapshots are not served before they are fully compared.
    let patience = if doubtful { WHOLLY } else { options.verify_at_once };
    match verification.run(tree, Instant::now() + patience).map_err(snapshots)? {
        Progress::Same => Ok(None),
        Progress::More => Ok(Some(verification)),
        Progress::Different(what) => Err(snapshots(what)),
    }
}

/// Fills the filter from its file, or from sled if the file does not match.
fn load_filter(
    options: &Options,
    manifest: &mut Manifest,
    tree: &Tree,
    disk: &Disk,
    directory: &Directory,
    sync: bool,
) -> Result<(Option<Filter>, Option<FilterFile>), OpenError> {
    let Some(kind) = options.filtered_kind else {
        return Ok((None, None));
    };
    let path = options.path.join(FILTER);
    let keys = manifest.sums.0.get(&kind).map_or(0, |(count, _)| *count as usize);
    let loaded = FilterFile::load(disk, &path, kind, manifest.filter_bytes, manifest.filter_crc).map_err(at(&path))?;
    let fits = loaded.filter(|(_, hashes)| hashes.len() >= keys && hashes.len() <= 2 * keys + 4096);
    let (file, hashes) = match fits {
        Some(fits) => fits,
        None => {
            let mut hashes = Vec::with_capacity(keys);
            let visited = tree.visit(&[kind], |key, _| {
                hashes.push(hash::key(manifest.stamp, key));
                key.first() == Some(&kind)
            });
            visited.map_err(|what| OpenError::Snapshots { path: options.path.join(SNAPSHOTS), what })?;
            let file = FilterFile::create(disk, directory, FILTER, kind, &hashes, sync).map_err(at(&path))?;
            (manifest.filter_bytes, manifest.filter_crc) = file.extent();
            (file, hashes)
        }
    };
    let filter = Filter::with_room_for(hashes.len() + hashes.len() / 8);
    for hash in hashes {
        filter.add(hash);
    }
    Ok((Some(filter), Some(file)))
}

/// The parts of a ledger.
struct Parts {
    disk: Disk,
    directory: Directory,
    journal_directory: Directory,
    manifest_file: ManifestFile,
    tree: Tree,
    filter: Option<Filter>,
}

impl Parts {
    /// Assembles the ledger. Writes continue in a segment of a new epoch, so that recovered segments are never changed.
    fn join(self, options: Options, manifest: &Manifest, replayed: &mut Replayed) -> Result<Shared, OpenError> {
        let sync = options.durability != Durability::None;
        let limits = Limits {
            segment_bytes: options.segment_bytes,
            segments_max: options.segments_max,
            free_bytes_min: options.free_bytes_min,
            sync,
        };
        let manifest_file = Arc::new(self.manifest_file);
        let directory = self.journal_directory.path().to_owned();
        let pool = Pool::new(self.disk, self.journal_directory, Arc::clone(&manifest_file), manifest.stamp, limits);
        pool.fill(
            std::mem::take(&mut replayed.free),
            std::mem::take(&mut replayed.sealed),
            std::mem::take(&mut replayed.numbers),
        );
        let journal = Journal {
            stamp: manifest.stamp,
            durability: options.durability,
            capacity: capacity(options.segment_bytes),
            wait_max: options.wait_max,
            active: pool.take_first().map_err(at(&directory))?,
            epoch: manifest.floor,
            first: replayed.sequence,
            offset: 0,
            synced_offset: 0,
            sequence: replayed.sequence,
            synced: if sync { replayed.sequence } else { 0 },
            buffer: Vec::new(),
        };
        Ok(Shared::new(options, self.directory, manifest_file, self.tree, self.filter, pool, journal))
    }
}

/// Longer than any comparison takes.
const WHOLLY: Duration = Duration::from_secs(24 * 3600);

const _: () = assert!(manifest::FORMAT == 3, "a new format needs a migration here");
const _: () = assert!(frame::VERSION == 1, "a new frame version needs a reader of the old one");
