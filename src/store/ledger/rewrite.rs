//! Rewrites sled's directory, so that nothing removed or replaced stays on the disk: sled's log keeps it until it
//! happens to reuse the space.
//!
//! The new directory is written and synced beside the old one, compared with it, and then replaces it by an atomic
//! exchange of the two names. So at every moment `sled` is a complete directory, and the directory under the other
//! name, whichever of the two it is, can be removed.

use std::fs::{self, File, TryLockError};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::layout::{LOCK, SNAPSHOTS};
use crate::store::hash;

/// Rewrites sled's directory; no ledger may be open on the folder.
///
/// # Errors
/// The reason of the failure. Then everything is as before.
pub(in crate::store) fn rewrite(folder: &Path, sync: bool) -> Result<(), String> {
    let _held = hold(folder)?;
    let (current, fresh) = (folder.join(SNAPSHOTS), folder.join(FRESH));
    remove(&fresh).map_err(|error| words(&fresh, &error))?;
    let done = write_beside(&current, &fresh, sync).and_then(|()| {
        let exchanged = renameat_with(CWD, &current, CWD, &fresh, RenameFlags::EXCHANGE).map_err(io::Error::from);
        let synced = exchanged.and_then(|()| sync_directory(folder, sync));
        synced.map_err(|error| words(&current, &error))
    });
    // After the exchange or a failure, this is the directory that is not in use.
    let removed = remove(&fresh).and_then(|()| sync_directory(folder, sync)).map_err(|error| words(&fresh, &error));
    done.and(removed)
}

/// Removes what an interrupted rewrite left.
///
/// # Errors
/// The reason of the failure.
pub(in crate::store) fn settle(folder: &Path) -> Result<(), String> {
    let fresh = folder.join(FRESH);
    if !fresh.exists() {
        return Ok(());
    }
    let _held = hold(folder)?;
    tracing::warn!(path = %fresh.display(), "a rewrite of the snapshots was cut short; it is removed");
    remove(&fresh).map_err(|error| words(&fresh, &error))
}

/// When the directory was created, in milliseconds since the epoch: sled writes its `conf` file only then.
pub(in crate::store) fn begun_at_ms(folder: &Path) -> Option<u64> {
    let modified = fs::metadata(folder.join(SNAPSHOTS).join("conf")).and_then(|conf| conf.modified()).ok()?;
    let since_epoch = modified.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    u64::try_from(since_epoch.as_millis()).ok()
}

fn write_beside(current: &Path, fresh: &Path, sync: bool) -> Result<(), String> {
    let log = fs::metadata(current.join(LOG)).map_err(|error| words(current, &error))?;
    let disk = rustix::fs::statvfs(current).map_err(|error| words(current, &error.into()))?;
    let (free, needed) = (disk.f_bavail.saturating_mul(disk.f_frsize), 2 * log.len() + ROOM);
    if free < needed {
        return Err(format!("{needed} bytes of room are needed on its disk, and there are {free}"));
    }
    guarded(|| {
        let (from, to) = (open(current)?, open(fresh)?);
        let mut written = Seen::default();
        for entry in from.iter() {
            let (key, value) = entry?;
            written.add(&key, &value);
            to.insert(&key, value)?;
        }
        to.flush()?;
        let mut read = Seen::default();
        for entry in to.iter() {
            let (key, value) = entry?;
            read.add(&key, &value);
        }
        if read != written {
            return Err(sled::Error::ReportableBug(format!("of {written:?} it gives back {read:?}")));
        }
        Ok(())
    })?;
    // sled's threads release the files shortly after its last handle is dropped.
    for directory in [current, fresh] {
        wait_for_release(directory).map_err(|error| words(directory, &error))?;
    }
    if sync { sync_all(fresh).map_err(|error| words(fresh, &error)) } else { Ok(()) }
}

fn open(directory: &Path) -> sled::Result<sled::Db> {
    sled::Config::new().path(directory).cache_capacity(CACHE_BYTES).flush_every_ms(None).open()
}

/// The number of entries, and the xor of their hashes.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    count: u64,
    xor: u64,
}

impl Seen {
    fn add(&mut self, key: &[u8], value: &[u8]) {
        self.count += 1;
        self.xor ^= hash::entry(key, value);
    }
}

/// Takes the lock, so that no ledger can open.
fn hold(folder: &Path) -> Result<File, String> {
    let path = folder.join(LOCK);
    let opened = File::options().read(true).write(true).create(true).truncate(false).open(&path);
    let file = opened.map_err(|error| words(&path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(format!("{} is held by another process", path.display())),
        Err(TryLockError::Error(error)) => Err(words(&path, &error)),
    }
}

fn wait_for_release(directory: &Path) -> io::Result<()> {
    let log = File::open(directory.join(LOG))?;
    let deadline = Instant::now() + RELEASE_MAX;
    loop {
        match log.try_lock() {
            Ok(()) => return log.unlock(),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(5)),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Syncs every file and directory, the deepest first.
fn sync_all(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            sync_all(&entry?.path())?;
        }
    }
    File::open(path)?.sync_all()
}

fn sync_directory(path: &Path, sync: bool) -> io::Result<()> {
    if sync { File::open(path)?.sync_all() } else { Ok(()) }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// sled panics on some kinds of damage.
fn guarded(call: impl FnOnce() -> sled::Result<()>) -> Result<(), String> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(done) => done.map_err(|error| error.to_string()),
        Err(_) => Err("sled panicked".into()),
    }
}

fn words(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", path.display())
}

/// The other name. It has the first one as prefix, so that all code that recognises the folder's files by name
/// recognises it too.
const FRESH: &str = "sled.fresh";
/// sled's log.
const LOG: &str = "db";
const CACHE_BYTES: u64 = 64 << 20;
/// Minimum free disk space to leave, in bytes.
const ROOM: u64 = 64 << 20;
const RELEASE_MAX: Duration = Duration::from_secs(10);

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::store::ledger::{Durability, Ledger, Options, Write};

    #[test]
    fn what_was_removed_is_gone_and_the_rest_is_there() {
        let folder = tempfile::tempdir().unwrap();
        fill(folder.path());
        assert!(holds(folder.path(), GONE), "sled keeps what was removed");
        rewrite(folder.path(), true).unwrap();
        assert!(!holds(folder.path(), GONE));
        check(folder.path());
    }

    #[test]
    fn a_rewrite_cut_short_leaves_everything_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        fill(folder.path());
        let fresh = folder.path().join(FRESH);
        fs::create_dir(&fresh).unwrap();
        fs::write(fresh.join("db"), "half of it").unwrap();
        settle(folder.path()).unwrap();
        assert!(!fresh.exists());
        check(folder.path());
        fs::create_dir(&fresh).unwrap();
        fs::write(fresh.join("db"), "half of it").unwrap();
        rewrite(folder.path(), true).unwrap();
        assert!(!fresh.exists());
        check(folder.path());
    }

    #[test]
    fn a_cut_after_the_exchange_is_settled_too() {
        let folder = tempfile::tempdir().unwrap();
        fill(folder.path());
        let (current, fresh) = (folder.path().join(SNAPSHOTS), folder.path().join(FRESH));
        write_beside(&current, &fresh, true).unwrap();
        renameat_with(CWD, &current, CWD, &fresh, RenameFlags::EXCHANGE).unwrap();
        settle(folder.path()).unwrap();
        assert!(!fresh.exists() && !holds(folder.path(), GONE));
        check(folder.path());
    }

    #[test]
    fn nothing_is_rewritten_under_an_open_ledger() {
        let folder = tempfile::tempdir().unwrap();
        fill(folder.path());
        let ledger = Ledger::open(options(folder.path())).unwrap();
        assert!(rewrite(folder.path(), true).unwrap_err().contains("held"));
        drop(ledger);
        check(folder.path());
    }

    /// Writes two hundred entries and removes every other one.
    fn fill(folder: &Path) {
        let ledger = Ledger::open(options(folder)).unwrap();
        for number in 0..200 {
            let value = format!("{GONE} {number} {}", "x".repeat(500));
            ledger.append(&[vec![Write::put(format!("u{number}"), value)]], true).unwrap();
        }
        ledger.close();
        let ledger = Ledger::open(options(folder)).unwrap();
        for number in 0..200 {
            let write = match number % 2 {
                0 => Write::remove(format!("u{number}")),
                _ => Write::put(format!("u{number}"), "kept"),
            };
            ledger.append(&[vec![write]], true).unwrap();
        }
        ledger.close();
    }

    fn check(folder: &Path) {
        let ledger = Ledger::open(options(folder)).unwrap();
        let found = ledger.scan(b"u", b"", usize::MAX).unwrap();
        assert!(found.len() == 100 && found.iter().all(|(_, value)| &value[..] == b"kept"));
        ledger.close();
    }

    fn options(folder: &Path) -> Options {
        Options { durability: Durability::None, segment_bytes: 256 << 10, ..Options::new(folder) }
    }

    fn holds(folder: &Path, needle: &str) -> bool {
        let log = fs::read(folder.join(SNAPSHOTS).join(LOG)).unwrap();
        log.windows(needle.len()).any(|window| window == needle.as_bytes())
    }

    const GONE: &str = "ada.of.the.nile@example.com";
}
