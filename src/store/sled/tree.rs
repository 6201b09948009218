//! The snapshots: one sled tree, opened so that it cannot take the process down and synced so that it survives a power cut.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use bytes::Bytes;

/// One sled tree.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    db: sled::Db,
    path: PathBuf,
}

impl Tree {
    pub(super) fn open(path: &Path, cache_bytes: u64) -> Result<Tree, String> {
        let config = sled::Config::new().path(path).cache_capacity(cache_bytes).flush_every_ms(None);
        let db = guarded(|| config.open())?;
        Ok(Tree { db, path: path.to_owned() })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.db.is_empty()
    }

    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Bytes>, String> {
        let found = guarded(|| self.db.get(key))?;
        Ok(found.map(|value| Bytes::copy_from_slice(&value)))
    }

    /// Writes or removes one key.
    pub(super) fn set(&self, key: &[u8], value: Option<&[u8]>) -> Result<(), String> {
        guarded(|| match value {
            Some(value) => self.db.insert(key, value).map(drop),
            None => self.db.remove(key).map(drop),
        })
    }

    /// Visits the entries from a key on, in order, for as long as `visit` answers true.
    pub(super) fn visit(&self, from: &[u8], mut visit: impl FnMut(&[u8], &[u8]) -> bool) -> Result<(), String> {
        guarded(|| {
            for entry in self.db.range(from..) {
                let (key, value) = entry?;
                if !visit(&key, &value) {
                    break;
                }
            }
            Ok(())
        })
    }

    /// Hands everything to the operating system and, with `sync`, to the disk: sled's own flush ends before the latter.
    pub(super) fn flush(&self, sync: bool, synced_blobs: &mut HashSet<OsString>) -> Result<(), String> {
        guarded(|| self.db.flush())?;
        if !sync {
            return Ok(());
        }
        self.sync_files(synced_blobs).map_err(|error| format!("syncing {} failed: {error}", self.path.display()))
    }

    fn sync_files(&self, synced_blobs: &mut HashSet<OsString>) -> io::Result<()> {
        // Blobs are written once and never changed; each is synced before the log that points to it.
        let blobs = self.path.join("blobs");
        let mut present = HashSet::new();
        for blob in std::fs::read_dir(&blobs)? {
            let blob = blob?;
            if !synced_blobs.contains(&blob.file_name()) {
                match File::open(blob.path()) {
                    Ok(file) => file.sync_data()?,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    Err(error) => return Err(error),
                }
            }
            present.insert(blob.file_name());
        }
        if present != *synced_blobs {
            File::open(&blobs)?.sync_all()?;
        }
        *synced_blobs = present;
        File::open(self.path.join("db"))?.sync_data()?;
        File::open(&self.path)?.sync_all()
    }
}

/// sled answers some damage with a panic; here it becomes an error like the others.
fn guarded<T>(call: impl FnOnce() -> sled::Result<T>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(panic) => {
            let text =
                panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
            Err(format!("sled panicked: {}", text.unwrap_or("without a text")))
        }
    }
}
