//! The ledger as a whole.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rustix::io::Errno;

use super::file::{Disk, Operation};
use super::manifest::Manifest;
use super::manifest_file::ManifestFile;
use super::tree::Tree;
use super::{AppendError, Durability, Ledger, OpenError, Options, ReadError, Write};

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

mod damage;
mod health;
mod power;
mod restart;
mod serving;
mod simulation;
mod starts;

/// Faults that a disk injects into operations.
pub(super) trait Faults: Debug + Send + Sync {
    /// How many bytes of a write succeed, or why the operation fails; called before the operation.
    fn notice(&self, operation: Operation<'_>) -> io::Result<usize>;

    /// The free disk space, unless it is the real one.
    fn free_bytes(&self) -> Option<u64> {
        None
    }
}

type Matches = fn(&Operation<'_>) -> bool;

/// Faults that a test switches on and off.
#[derive(Debug)]
struct Switches {
    /// How many more bytes may be written; negative: no limit.
    room: AtomicI64,
    sync_fails: AtomicBool,
    /// While another thread holds this lock, syncs wait.
    syncs_wait: Mutex<()>,
    /// The free bytes on the disk; all ones: the real number.
    free: AtomicU64,
    /// Whether the checkpoint panics at its next write.
    panics: AtomicBool,
    /// The next operations that fail, and their errors.
    fails: Mutex<Vec<(Matches, Errno, u32)>>,
}

impl Default for Switches {
    fn default() -> Switches {
        Switches {
            room: AtomicI64::new(-1),
            sync_fails: AtomicBool::new(false),
            syncs_wait: Mutex::default(),
            free: AtomicU64::new(u64::MAX),
            panics: AtomicBool::new(false),
            fails: Mutex::default(),
        }
    }
}

impl Faults for Switches {
    fn notice(&self, operation: Operation<'_>) -> io::Result<usize> {
        let checkpoint = std::thread::current().name() == Some("vestibule-checkpoint");
        assert!(!(checkpoint && self.panics.load(Ordering::Relaxed)), "injected");
        for (matches, errno, times) in self.fails.lock().unwrap().iter_mut() {
            if matches(&operation) && *times > 0 {
                *times -= 1;
                return Err((*errno).into());
            }
        }
        match operation {
            Operation::Write { bytes, .. } => self.write(bytes),
            Operation::Sync(_) => {
                let _turn = self.syncs_wait.lock().unwrap();
                match self.sync_fails.load(Ordering::Relaxed) {
                    true => Err(io::Error::other("injected")),
                    false => Ok(0),
                }
            }
            _ => Ok(0),
        }
    }

    fn free_bytes(&self) -> Option<u64> {
        Some(self.free.load(Ordering::Relaxed)).filter(|free| *free != u64::MAX)
    }
}

impl Switches {
    fn disk(self: &Arc<Self>) -> Disk {
        Disk { faults: Some(Arc::clone(self) as Arc<dyn Faults>) }
    }

    fn fail(&self, matches: Matches, errno: Errno, times: u32) {
        self.fails.lock().unwrap().push((matches, errno, times));
    }

    /// The part of a write that succeeds. Zeros always succeed, as over existing blocks.
    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let room = self.room.load(Ordering::Relaxed);
        if room < 0 || bytes.iter().all(|byte| *byte == 0) {
            return Ok(bytes.len());
        }
        if room == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let part = bytes.len().min(room as usize);
        self.room.fetch_sub(part as i64, Ordering::Relaxed);
        Ok(part)
    }
}

#[derive(Debug)]
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(1);
        crate::store::hash::key(self.0, b"random") % bound
    }

    fn write(&mut self) -> Write {
        let kind = ["i", "d", "u"][self.below(3) as usize];
        let key = format!("{kind}{}", self.below(150));
        match self.below(4) {
            0 => Write::remove(key),
            _ => Write::put(key, vec![self.below(256) as u8; self.below(2_000) as usize]),
        }
    }
}

fn options(path: &Path) -> Options {
    Options {
        segment_bytes: 64 << 10,
        segments_max: 6,
        filtered_kind: Some(b'i'),
        ordered_kinds: vec![b'd'],
        cache_bytes: 1 << 20,
        wait_max: Duration::from_secs(10),
        ..Options::new(path)
    }
}

/// Options with which nothing reaches sled: the only segment is never sealed.
fn still(path: &Path) -> Options {
    Options { idle_after: None, verify_at_once: Duration::from_secs(60), free_bytes_min: 1 << 20, ..options(path) }
}

/// Leaves a journal of this many frames of two blocks; returns its file.
fn unfinished(path: &Path, frames: usize) -> PathBuf {
    let ledger = Ledger::open(still(path)).unwrap();
    for number in 0..frames {
        ledger.append(&[vec![Write::put(format!("u{number}"), vec![0xA5; 6_000])]], true).unwrap();
    }
    drop(ledger);
    segment(path)
}

/// The segment that begins with a frame.
fn segment(path: &Path) -> PathBuf {
    let segments = std::fs::read_dir(path.join("journal")).unwrap().map(|entry| entry.unwrap().path());
    let mut written = segments.filter(|path| std::fs::read(path).unwrap()[0] != 0);
    written.next().unwrap()
}

fn manifest_file(path: &Path) -> ManifestFile {
    ManifestFile::open(&Disk::default(), &path.join("manifest"), true).unwrap().unwrap()
}

fn manifest(path: &Path) -> Manifest {
    manifest_file(path).current()
}

/// sled, opened without the ledger.
fn tree(path: &Path) -> Tree {
    Tree::open(&path.join("sled"), 1 << 20).unwrap()
}

fn all(ledger: &Ledger) -> Model {
    let found = ledger.scan(b"", b"", usize::MAX).unwrap();
    let kinds: usize = [b"i", b"d", b"u"].iter().map(|kind| ledger.scan(*kind, b"", usize::MAX).unwrap().len()).sum();
    assert_eq!(found.len(), kinds);
    found.into_iter().map(|(key, value)| (key.to_vec(), value.to_vec())).collect()
}

fn wait_for(mut met: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !met() {
        assert!(Instant::now() < deadline, "it never happened");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn put(key: &str, value: &str) -> Write {
    Write::put(key.to_owned(), value.to_owned())
}

fn big(key: &str) -> Write {
    Write::put(key.to_owned(), vec![0x5A; 6_000])
}

fn flip(path: &Path, at: u64) {
    let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 0x10], at).unwrap();
}

fn zero(path: &Path, at: u64, bytes: u64) {
    let file = OpenOptions::new().write(true).open(path).unwrap();
    file.write_all_at(&vec![0; bytes as usize], at).unwrap();
}
