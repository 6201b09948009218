//! The embedded store: commits to the ledger of journal and sled.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;

use crate::clock::Stopwatch;
use crate::domain::time::Span;

use super::error::{CommitError, StoreError};
use super::health::Health;
use super::kv::codec;
use super::kv::key::bookkeeping::{COPYING, REWRITTEN, SEALED_UNDER};
use super::kv::key::{self, Kind, LAST_SEEN};
use super::kv::key_value::{KeyValue, Write};
use super::kv::kv_store::KvStore;
use super::kv::record::ValueRecordV1;
use super::kv::seal::{Sealed, Sealer, Sealing};
use super::ledger::{AppendError, Durability, Ledger, OpenError, Options, ReadError, rewrite};
use super::private::{keep_private, make_private};

/// The store on a local disk.
pub type EmbeddedStore = KvStore<Sealed<Ledger>>;

/// Why the data folder can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmbeddedError {
    /// The ledger in it can't be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The folder can't be created or read.
    #[error("the data folder {path} can't be used: {error}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The error of the operating system.
        error: io::Error,
    },
    /// Its values are sealed under another key, or sealed while no key was given.
    #[error(
        "the data in {0} is encrypted under another instance key; restore the key file that it was written with, or \
         use another data directory"
    )]
    WrongKey(PathBuf),
    /// It is a copy of another store that was begun and not finished.
    #[error(
        "the data in {0} are an unfinished copy of another store: `vestibule store copy` with the same source goes on with \
         it; to begin anew, remove them"
    )]
    Unfinished(PathBuf),
    /// The mark that identifies the key of its sealed values can't be read.
    #[error("the data in {path} can't be used: {what}")]
    Mark {
        /// The folder.
        path: PathBuf,
        /// The reason.
        what: String,
    },
}

/// How a store on a local disk is opened.
#[derive(Debug)]
pub struct EmbeddedOptions {
    /// The guarantee of an acknowledgement.
    pub durability: Durability,
    /// The encryption of values on disk; without it they are stored in plain.
    pub sealing: Option<Sealing>,
    /// The age from which an opening rewrites the snapshots, so that removed data are gone from the disk; `None` never
    /// does. Measured by the engine's time, as far as it was stored.
    pub rewrite_after: Option<Span>,
}

impl Default for EmbeddedOptions {
    fn default() -> Self {
        Self { durability: Durability::Synced, sealing: None, rewrite_after: Some(REWRITE_AFTER) }
    }
}

impl EmbeddedStore {
    /// Opens the store in a folder, which is created if missing, and restores everything acknowledged. Its values are
    /// plain.
    ///
    /// # Errors
    /// One sentence that says what to do; see [`EmbeddedError`].
    pub fn open(path: &Path, durability: Durability) -> Result<Self, EmbeddedError> {
        Self::open_with(path, &EmbeddedOptions { durability, ..EmbeddedOptions::default() })
    }

    /// The same with all options.
    ///
    /// # Errors
    /// One sentence that says what to do; see [`EmbeddedError`].
    pub fn open_with(path: &Path, options: &EmbeddedOptions) -> Result<Self, EmbeddedError> {
        let folder = |error| EmbeddedError::Folder { path: path.to_owned(), error };
        make_private(path).map_err(folder)?;
        if let Err(reason) = rewrite::settle(path) {
            tracing::warn!(reason, "the remains of a rewrite of the snapshots could not be removed");
        }
        let map = Self::open_map(path, options, &ORDERED.map(Kind::byte))?;
        if copying(path, &map)?.is_some() {
            return Err(EmbeddedError::Unfinished(path.to_owned()));
        }
        let map = match options.rewrite_after.filter(|after| is_due(path, &map, *after)) {
            Some(_) => Self::rewritten(path, options, map)?,
            None => map,
        };
        keep_private(path).map_err(folder)?;
        Ok(Self::over(map))
    }

    /// Opens the map; these kinds are scanned fast.
    pub(super) fn open_map(
        path: &Path,
        options: &EmbeddedOptions,
        ordered: &[u8],
    ) -> Result<Sealed<Ledger>, EmbeddedError> {
        let ledger = Ledger::open(Options {
            durability: options.durability,
            filtered_kind: Some(Kind::Identifier.byte()),
            ordered_kinds: ordered.to_vec(),
            ..Options::new(path)
        })?;
        let sealer = options.sealing.as_ref().map(|sealing| Sealer::new(sealing, ledger.id()));
        let mark = check_mark(path, &ledger, sealer.as_ref())?;
        Ok(Sealed::over(ledger, sealer, mark))
    }

    /// Closes the map, rewrites its snapshots and opens it again. If that fails, the next start tries again.
    fn rewritten(path: &Path, options: &EmbeddedOptions, map: Sealed<Ledger>) -> Result<Sealed<Ledger>, EmbeddedError> {
        let now = stored_ms(&map, LAST_SEEN);
        if !is_verified(map.beneath()) {
            return Ok(map);
        }
        map.close();
        drop(map);
        let stopwatch = Stopwatch::start();
        tracing::info!("the snapshots are written anew, so that what was removed is gone from the disk");
        let done = rewrite::rewrite(path, options.durability != Durability::None);
        let map = Self::open_map(path, options, &ORDERED.map(Kind::byte))?;
        match done {
            Ok(()) => {
                let took_ms = u64::try_from(stopwatch.elapsed().as_millis()).unwrap_or(u64::MAX);
                tracing::info!(took_ms, "the snapshots were written anew");
                note(map.beneath(), REWRITTEN, now);
            }
            Err(reason) => {
                tracing::warn!(reason, "the snapshots could not be written anew; the next start tries again")
            }
        }
        Ok(map)
    }
}

/// How far the copy of another store is that this map is; `None` where it is none, or a finished one.
pub(super) fn copying(path: &Path, map: &Sealed<Ledger>) -> Result<Option<Vec<u8>>, EmbeddedError> {
    let failed = |error: StoreError| EmbeddedError::Mark { path: path.to_owned(), what: error.to_string() };
    let value = map.get(&key::value(COPYING)).map_err(failed)?;
    let record = value.map(|value| codec::decode::<ValueRecordV1>(&value)).transpose().map_err(failed)?;
    Ok(record.map(|record| record.bytes))
}

/// Whether the snapshots are old enough for a rewrite.
fn is_due(path: &Path, map: &Sealed<Ledger>, after: Span) -> bool {
    let Some(now) = stored_ms(map, LAST_SEEN) else { return false };
    let begun = stored_ms(map, REWRITTEN).or_else(|| rewrite::begun_at_ms(path));
    begun.is_some_and(|begun| now.saturating_sub(begun) >= after.as_millis())
}

/// Waits until the ledger has verified its snapshots: damaged ones must not be rewritten.
pub(super) fn is_verified(ledger: &Ledger) -> bool {
    let stopwatch = Stopwatch::start();
    loop {
        let stats = ledger.stats();
        if stats.verified || stats.fatal.is_some() || stopwatch.elapsed() > VERIFIED_MAX {
            return stats.verified;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A time from the named values.
fn stored_ms(map: &Sealed<Ledger>, name: &str) -> Option<u64> {
    let value = map.get(&key::value(name)).ok().flatten()?;
    let record: ValueRecordV1 = codec::decode(&value).ok()?;
    record.bytes.try_into().ok().map(u64::from_be_bytes)
}

/// Stores a time without sealing it: it is not yet known whether the key is the right one.
fn note(ledger: &Ledger, name: &str, ms: Option<u64>) {
    let Some(ms) = ms else { return };
    let value = codec::encode(&ValueRecordV1 { bytes: ms.to_be_bytes().to_vec() }).ok();
    if let Err(error) = Ledger::append(ledger, &[vec![Write { key: key::value(name), value }]], true) {
        tracing::warn!(name, %error, "a time could not be stored");
    }
}

/// Checks the mark of a store with sealed values. The mark is not sealed and identifies their key; without it a wrong
/// key would only show as damage, record by record. Returns the mark if it still has to be written: together with the
/// first sealed value, not before. So opening a plain store with a wrong key leaves no mark; the values that are
/// already stored show the error.
fn check_mark(path: &Path, ledger: &Ledger, sealer: Option<&Sealer>) -> Result<Option<Write>, EmbeddedError> {
    let failed = |what: String| EmbeddedError::Mark { path: path.to_owned(), what };
    let key = key::value(SEALED_UNDER);
    let stored = Ledger::get(ledger, &key).map_err(|error| failed(error.to_string()))?;
    let stored = stored.map(|bytes| codec::decode::<ValueRecordV1>(&bytes)).transpose();
    let stored = stored.map_err(|error| failed(error.to_string()))?.map(|record| record.bytes);
    match (stored, sealer) {
        (None, None) => Ok(None),
        (None, Some(sealer)) if !sealer.seals() => Ok(None),
        (Some(stored), Some(sealer)) if stored == sealer.check_value() => Ok(None),
        (Some(_), _) => Err(EmbeddedError::WrongKey(path.to_owned())),
        (None, Some(sealer)) => {
            let bytes = sealer.check_value().to_vec();
            let value = codec::encode(&ValueRecordV1 { bytes }).map_err(|error| failed(error.to_string()))?;
            Ok(Some(Write { key, value: Some(value) }))
        }
    }
}

/// The kinds that are scanned in the order of their keys while the store serves.
const ORDERED: [Kind; 15] = [
    Kind::Outbox,
    Kind::Deadline,
    Kind::Invitation,
    Kind::WaitlistEntry,
    Kind::UserCreated,
    Kind::UserSignedIn,
    Kind::UserSession,
    Kind::Event,
    Kind::WebhookEndpoint,
    Kind::WebhookRetry,
    Kind::ApplicationValue,
    Kind::AwaitingApproval,
    Kind::UserAddress,
    Kind::Listed,
    Kind::RedirectUrl,
];
const REWRITE_AFTER: Span = Span::from_secs(30 * 86_400);
const VERIFIED_MAX: Duration = Duration::from_secs(600);

impl KeyValue for Ledger {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        Ok(Self::get(self, key)?)
    }

    fn get_cached(&self, key: &[u8]) -> Option<Option<Bytes>> {
        self.get_recent(key)
    }

    fn probably_contains(&self, key: &[u8]) -> bool {
        Self::probably_contains(self, key)
    }

    fn scan(&self, prefix: &[u8], from: &[u8], limit: usize) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        Ok(Self::scan(self, prefix, from, limit)?)
    }

    fn scan_back(&self, prefix: &[u8], below: &[u8], limit: usize) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        Ok(Self::scan_back(self, prefix, below, limit)?)
    }

    fn append(&self, groups: &[Vec<Write>], relaxed: bool) -> Result<(), CommitError> {
        Self::append(self, groups, !relaxed).map_err(|error| match error {
            AppendError::Overloaded => CommitError::Overloaded,
            AppendError::Unavailable(_) => CommitError::Unavailable,
            AppendError::Fatal(_) => CommitError::Unknown,
        })
    }

    fn fits(&self, groups: &[Vec<Write>]) -> usize {
        Self::fits(self, groups)
    }

    fn health(&self) -> Health {
        Self::health(self)
    }

    fn close(&self) {
        Self::close(self);
    }

    fn blocks(&self) -> bool {
        true
    }
}

impl From<ReadError> for StoreError {
    fn from(error: ReadError) -> Self {
        Self::Unavailable(error.to_string())
    }
}
