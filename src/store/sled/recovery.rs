//! Brings a data directory back: lock, manifest, room, snapshots, journal, filter — in this order, changing nothing before the
//! journal has been judged.

use std::collections::HashSet;
use std::fs::{File, TryLockError};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, OnceLock, RwLock};
use std::time::{Duration, Instant};

use super::checkpoint::{Checkpoint, free_bytes};
use super::error::OpenError;
use super::file::{Disk, sync_directory};
use super::filter::{Filter, FilterFile};
use super::frame::{self, BLOCK};
use super::journal::Journal;
use super::ledger::Shared;
use super::manifest::Manifest;
use super::options::{Durability, Options};
use super::overlay::Overlay;
use super::pool::{Pool, Segment};
use super::replay::{self, Replayed};
use super::tree::Tree;
use super::verify::{Progress, Verification};
use super::{hash, manifest};

/// The names inside a data directory.
pub(super) const LOCK: &str = "lock";
pub(super) const MANIFEST: &str = "manifest";
pub(super) const SNAPSHOTS: &str = "sled";
pub(super) const JOURNAL: &str = "journal";
pub(super) const FILTER: &str = "filter";

/// The lock that keeps other processes out. A process forked meanwhile shares the open file until it runs another program, so
/// closing the file would not be enough to let go of it.
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
    options.segment_bytes = options.segment_bytes.max(1).next_multiple_of(BLOCK as u64);
    let sync = options.durability != Durability::None;
    let journal_path = options.path.join(JOURNAL);
    let manifest_path = options.path.join(MANIFEST);
    std::fs::create_dir_all(&journal_path).map_err(at(&journal_path))?;
    let lock = hold(&options.path.join(LOCK))?;
    let known = Manifest::read(&manifest_path)?;
    let free = free_bytes(&options.path).map_err(at(&options.path))?;
    if free < options.free_bytes_min {
        return Err(OpenError::DiskFull { path: options.path, free, needed: options.free_bytes_min });
    }
    let tree = open_tree(&options.path.join(SNAPSHOTS), options.cache_bytes)?;
    let mut manifest = match known {
        Some(manifest) => manifest,
        None => begin(&options.path, &tree, sync)?,
    };

    let mut replayed = replay::read(&journal_path, &disk, &manifest, options.segment_bytes)?;
    let verification = verify(&options, &manifest, &tree, &replayed)?;
    let (filter, filter_file) = load_filter(&options, &mut manifest, &tree, sync)?;
    replayed.cut(sync)?;
    let shared = Arc::new(share(options, disk, &manifest, &tree, filter, &mut replayed)?);
    for (sequence, group) in std::mem::take(&mut replayed.groups) {
        for write in group {
            shared.publish(write.key, write.value, sequence);
        }
    }
    Ok(Recovered {
        lock,
        checkpoint: Checkpoint { shared, tree, manifest, filter_file, verification, synced_blobs: HashSet::new() },
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

/// sled lets go of its own lock a moment after the last handle is dropped; ours is held already, so waiting for it is safe.
fn open_tree(path: &Path, cache_bytes: u64) -> Result<Tree, OpenError> {
    let deadline = Instant::now() + Duration::from_secs(2);
    loop {
        match Tree::open(path, cache_bytes) {
            Ok(tree) => return Ok(tree),
            Err(what) if what.contains("acquire lock") && Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(10));
            }
            Err(what) => {
                return Err(OpenError::Snapshots { path: path.to_owned(), what });
            }
        }
    }
}

/// Writes the first manifest of a new directory, which must indeed be new.
fn begin(path: &Path, tree: &Tree, sync: bool) -> Result<Manifest, OpenError> {
    let manifest_path = path.join(MANIFEST);
    if !tree.is_empty() || replay::has_frames(&path.join(JOURNAL))? {
        return Err(OpenError::Damaged {
            path: manifest_path,
            offset: 0,
            what: "the manifest is missing beside existing data".into(),
        });
    }
    let manifest = Manifest::new(RandomState::new().build_hasher().finish());
    manifest.write(&manifest_path, sync).map_err(at(&manifest_path))?;
    if sync {
        sync_directory(path).map_err(at(path))?;
    }
    Ok(manifest)
}

/// Compares sled with the manifest for as long as `open` may; returns what is left to compare.
fn verify(
    options: &Options,
    manifest: &Manifest,
    tree: &Tree,
    replayed: &Replayed,
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
    match verification.run(tree, Instant::now() + options.verify_at_once).map_err(snapshots)? {
        Progress::Same => Ok(None),
        Progress::More => Ok(Some(verification)),
        Progress::Different(what) => Err(snapshots(what)),
    }
}

/// Fills the filter from its file, or from sled when the file does not fit.
fn load_filter(
    options: &Options,
    manifest: &mut Manifest,
    tree: &Tree,
    sync: bool,
) -> Result<(Option<Filter>, Option<FilterFile>), OpenError> {
    let Some(kind) = options.filtered_kind else {
        return Ok((None, None));
    };
    let path = options.path.join(FILTER);
    let keys = manifest.sums.0.get(&kind).map_or(0, |(count, _)| *count as usize);
    let loaded = FilterFile::load(&path, kind, manifest.filter_bytes, manifest.filter_crc).map_err(at(&path))?;
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
            let file = FilterFile::create(&path, kind, &hashes, sync).map_err(at(&path))?;
            (manifest.filter_bytes, manifest.filter_crc) = file.extent();
            let manifest_path = options.path.join(MANIFEST);
            manifest.write(&manifest_path, sync).map_err(at(&manifest_path))?;
            (file, hashes)
        }
    };
    let filter = Filter::with_room_for(hashes.len() + hashes.len() / 8);
    for hash in hashes {
        filter.add(hash);
    }
    Ok((Some(filter), Some(file)))
}

/// Puts the parts together. Writing goes on in a segment of a new epoch, so that what was recovered is never touched again.
fn share(
    options: Options,
    disk: Disk,
    manifest: &Manifest,
    tree: &Tree,
    filter: Option<Filter>,
    replayed: &mut Replayed,
) -> Result<Shared, OpenError> {
    let sync = options.durability != Durability::None;
    let directory = options.path.join(JOURNAL);
    let pool = Pool::new(disk, &directory, options.segment_bytes, options.segments_max, sync);
    pool.fill(std::mem::take(&mut replayed.free), std::mem::take(&mut replayed.sealed), replayed.next_number);
    let active: Segment = pool
        .take(Duration::ZERO, true)
        .map_err(|error| OpenError::Io { path: directory, source: io::Error::other(format!("{error:?}")) })?;
    let journal = Journal {
        stamp: manifest.stamp,
        durability: options.durability,
        segment_bytes: options.segment_bytes,
        wait_max: options.wait_max,
        active,
        epoch: replayed.next_epoch,
        first: replayed.sequence,
        offset: 0,
        sequence: replayed.sequence,
        synced: if sync { replayed.sequence } else { 0 },
        buffer: Vec::new(),
    };
    Ok(Shared {
        stamp: manifest.stamp,
        pool,
        overlay: Overlay::new(&options.ordered_kinds),
        filter,
        tree: RwLock::new(Some(tree.clone())),
        sequence: AtomicU64::new(journal.sequence),
        journal: Mutex::new(journal),
        checkpointed: AtomicU64::new(manifest.sequence),
        verified: AtomicBool::new(false),
        snapshots_dead: OnceLock::new(),
        fatal: OnceLock::new(),
        closed: AtomicBool::new(false),
        paced_until: Mutex::new(None),
        options,
    })
}

pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> OpenError {
    let path = PathBuf::from(path);
    move |source| OpenError::Io { path, source }
}

const _: () = assert!(manifest::FORMAT == 1, "a new format needs a migration here");
const _: () = assert!(frame::VERSION == 1, "a new frame version needs a reader of the old one");
