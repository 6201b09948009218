//! Overwrites journal data that is no longer needed with zeros: data that is already in sled may be removed there, and
//! must not survive in a segment that waits for reuse.
//!
//! Only frames of older epochs and the bytes after the last frame are overwritten, which count as zeros anyway. So a
//! crash in between does no harm, and nothing has to be synced: the zeros reach the disk with other lazily written
//! data.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::TryLockError;
use std::time::{Duration, Instant};

use super::file::DiskFile;
use super::frame::BLOCK;
use super::segment::Sealed;
use super::shared::Shared;

/// Tracks which segments are clean. At first none is known to be.
#[derive(Debug, Default)]
pub(super) struct Scrubber {
    clean: HashSet<PathBuf>,
    /// For each free segment that is not clean: since when it is free.
    free_since: HashMap<PathBuf, Instant>,
    /// Up to which offset the active segment is clean.
    active: Option<(PathBuf, u64)>,
}

impl Scrubber {
    /// These segments were written and become free.
    pub(super) fn used(&mut self, done: &[Sealed]) {
        for sealed in done {
            self.clean.remove(sealed.segment.file.path());
        }
    }

    /// Cleans one segment, if needed: any one when there are no writes (`idle`), else one that has been free for long.
    /// Returns whether it did.
    pub(super) fn step(&mut self, shared: &Shared, idle: bool) -> bool {
        shared.options.scrub && (self.free_segment(shared, idle) || idle && self.rest_of_active(shared))
    }

    /// Cleans as much as it can before the ledger closes.
    pub(super) fn finish(&mut self, shared: &Shared) {
        let deadline = Instant::now() + FINISH_MAX;
        while Instant::now() < deadline && self.step(shared, true) {}
    }

    fn free_segment(&mut self, shared: &Shared, idle: bool) -> bool {
        let now = Instant::now();
        let mut pool = shared.pool.lock();
        let is_due = |path: &Path, since: &mut HashMap<PathBuf, Instant>| {
            idle || now.duration_since(*since.entry(path.to_owned()).or_insert(now)) >= FREE_MAX
        };
        let due = pool.free.iter().position(|segment| {
            let path = segment.file.path();
            !self.clean.contains(path) && is_due(path, &mut self.free_since)
        });
        let Some(due) = due else { return false };
        // Out of the pool, no other thread can take it meanwhile.
        let segment = pool.free.swap_remove(due);
        drop(pool);
        let path = segment.file.path().to_owned();
        zero(&segment.file, 0, u64::MAX);
        // Last to be reused: one that is not clean yet is used before it.
        shared.pool.lock().free.insert(0, segment);
        self.free_since.remove(&path);
        self.clean.insert(path);
        true
    }

    /// Cleans a piece after the last frame of the active segment: a writer waits for at most one piece.
    fn rest_of_active(&mut self, shared: &Shared) -> bool {
        let journal = match shared.journal.try_lock() {
            Ok(journal) => journal,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return false,
        };
        let file = &journal.active.file;
        let path = file.path();
        if self.clean.contains(path) {
            return false;
        }
        let known = self.active.take().filter(|(active, _)| active == path);
        let from = known.map_or(journal.offset, |(_, done)| done.max(journal.offset));
        if zero(file, from, from + PIECE) {
            self.active = Some((path.to_owned(), from + PIECE));
        } else {
            self.clean.insert(path.to_owned());
        }
        true
    }
}

/// Overwrites a range with zeros where it has other bytes, and returns whether more of them follow. The last block is
/// left unchanged.
fn zero(file: &DiskFile, from: u64, to: u64) -> bool {
    try_zero(file, from, to).unwrap_or_else(|error| {
        let path = file.path().display();
        tracing::warn!(file = %path, %error, "the old content of a journal segment could not be overwritten");
        false
    })
}

fn try_zero(file: &DiskFile, from: u64, to: u64) -> io::Result<bool> {
    let end = file.length()?.saturating_sub(BLOCK as u64);
    for at in (from..to.min(end)).step_by(CHUNK as usize) {
        let bytes = CHUNK.min(end - at);
        if !is_zero(&file.read_at(at, bytes as usize)?) {
            file.zero(at, bytes).map_err(|short| short.source)?;
        }
    }
    Ok(to < end)
}

/// Compares words, since everything that is written is read here once more.
fn is_zero(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks::<16>();
    words.iter().all(|word| u128::from_ne_bytes(*word) == 0) && rest.iter().all(|byte| *byte == 0)
}

/// How long a free segment may keep old data while others are written.
const FREE_MAX: Duration = Duration::from_secs(60);
/// Time limit for cleaning at close.
const FINISH_MAX: Duration = Duration::from_secs(1);
const PIECE: u64 = 1 << 20;
const CHUNK: u64 = 64 << 10;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::store::ledger::{Durability, Ledger, Options, Write};

    #[test]
    fn an_idle_ledger_keeps_nothing_in_its_journal() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(options(folder.path())).unwrap();
        write(&ledger, "u1");
        assert!(is_in_journal(folder.path()));
        wait_until(|| !is_in_journal(folder.path()));
        // Cleaned segments are reused, and cleaned again.
        for number in 0..20 {
            write(&ledger, &format!("u{number}"));
        }
        wait_until(|| !is_in_journal(folder.path()));
        assert_eq!(ledger.scan(b"u", b"", 99).unwrap().len(), 20);
        drop(ledger);
        let ledger = Ledger::open(options(folder.path())).unwrap();
        assert_eq!(ledger.scan(b"u", b"", 99).unwrap().len(), 20);
    }

    #[test]
    fn a_closed_ledger_keeps_nothing_in_its_journal() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(Options { idle_after: None, ..options(folder.path()) }).unwrap();
        (0..20).for_each(|number| write(&ledger, &format!("u{number}")));
        ledger.close();
        assert!(!is_in_journal(folder.path()));
        let ledger = Ledger::open(options(folder.path())).unwrap();
        assert_eq!(ledger.scan(b"u", b"", 99).unwrap().len(), 20);
    }

    #[test]
    fn what_a_crash_left_is_cleaned_after_the_next_start() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(Options { idle_after: None, ..options(folder.path()) }).unwrap();
        write(&ledger, "u1");
        drop(ledger);
        assert!(is_in_journal(folder.path()));
        let ledger = Ledger::open(options(folder.path())).unwrap();
        wait_until(|| !is_in_journal(folder.path()));
        assert_eq!(ledger.scan(b"u", b"", 99).unwrap().len(), 1);
    }

    #[test]
    fn where_it_is_not_wanted_nothing_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(Options { scrub: false, ..options(folder.path()) }).unwrap();
        write(&ledger, "u1");
        ledger.close();
        assert!(is_in_journal(folder.path()));
    }

    #[test]
    fn what_counts_is_never_written_over() {
        let folder = tempfile::tempdir().unwrap();
        for round in 0..5 {
            let ledger = Ledger::open(options(folder.path())).unwrap();
            assert_eq!(ledger.scan(b"u", b"", 99).unwrap().len(), round);
            std::thread::sleep(Duration::from_millis(300));
            // Into a segment whose rest is being cleaned, and without a close.
            write(&ledger, &format!("u{round}"));
            drop(ledger);
        }
    }

    fn write(ledger: &Ledger, key: &str) {
        ledger.append(&[vec![Write::put(key.to_owned(), NEEDLE.repeat(300))]], true).unwrap();
    }

    fn is_in_journal(folder: &Path) -> bool {
        let files = std::fs::read_dir(folder.join("journal")).unwrap().map(|entry| entry.unwrap().path());
        let mut texts = files.filter_map(|path| std::fs::read(path).ok());
        texts.any(|text| text.windows(NEEDLE.len()).any(|window| window == NEEDLE.as_bytes()))
    }

    fn wait_until(mut met: impl FnMut() -> bool) {
        for _ in 0..400 {
            if met() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("it never happened");
    }

    fn options(folder: &Path) -> Options {
        Options {
            durability: Durability::None,
            segment_bytes: 128 << 10,
            idle_after: Some(Duration::from_millis(50)),
            ..Options::new(folder)
        }
    }

    const NEEDLE: &str = "ada.of.the.nile@example.com ";
}
