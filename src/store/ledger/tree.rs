//! The snapshots: one sled tree, guarded so that its panics do not end the process.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;

use super::patience::patiently;

/// One sled tree.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    db: sled::Db,
}

/// Why a call of sled failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The error of the operating system.
    Io(io::Error),
    /// sled rejected the data it read; its message.
    Content(String),
}

impl Tree {
    pub(super) fn open(path: &Path, cache_bytes: u64) -> Result<Tree, Failure> {
        let config = sled::Config::new().path(path).cache_capacity(cache_bytes).flush_every_ms(None);
        let db = guarded(|| config.open())?;
        Ok(Tree { db })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.db.is_empty()
    }

    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Bytes>, String> {
        let found = again("a read of the snapshots", || self.db.get(key))?;
        Ok(found.map(|value| Bytes::copy_from_slice(&value)))
    }

    /// Writes or removes one key.
    pub(super) fn set(&self, key: &[u8], value: Option<&[u8]>) -> Result<(), String> {
        again("a write of the snapshots", || match value {
            Some(value) => self.db.insert(key, value).map(drop),
            None => self.db.remove(key).map(drop),
        })
    }

    /// Visits the entries from a key on, in order, while `visit` returns true.
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
        .map_err(|failure| failure.to_string())
    }

    /// Visits the entries below a key, in descending order, while `visit` returns true.
    pub(super) fn visit_back(&self, below: &[u8], mut visit: impl FnMut(&[u8], &[u8]) -> bool) -> Result<(), String> {
        guarded(|| {
            for entry in self.db.range(..below).rev() {
                let (key, value) = entry?;
                if !visit(&key, &value) {
                    break;
                }
            }
            Ok(())
        })
        .map_err(|failure| failure.to_string())
    }

    /// Hands everything to the operating system, which need not have written it to the disk yet.
    pub(super) fn flush(&self) -> Result<(), String> {
        again("a flush of the snapshots", || self.db.flush().map(drop))
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failure::Io(error) => write!(formatter, "{error}"),
            Failure::Content(text) => write!(formatter, "{text}"),
        }
    }
}

fn again<T>(what: &str, mut call: impl FnMut() -> sled::Result<T>) -> Result<T, String> {
    let io = || {
        guarded(&mut call).map_err(|failure| match failure {
            Failure::Io(error) => error,
            Failure::Content(text) => io::Error::other(text),
        })
    };
    patiently(what, |waited| waited > PATIENCE, io).map_err(|error| error.to_string())
}

/// sled panics on some kinds of damage; here that becomes an ordinary error.
fn guarded<T>(call: impl FnOnce() -> sled::Result<T>) -> Result<T, Failure> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(sled::Error::Io(error))) if !truncated(&error) => Err(Failure::Io(error)),
        Ok(Err(error)) => Err(Failure::Content(error.to_string())),
        Err(panic) => {
            let text =
                panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
            Err(Failure::Content(format!("sled panicked: {}", text.unwrap_or("without a text"))))
        }
    }
}

/// Whether the error only means that a file ends early, which is no error of the operating system.
fn truncated(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData)
}

/// Some of sled's errors disappear on retry; one that it remembers never does.
const PATIENCE: Duration = Duration::from_secs(30);
