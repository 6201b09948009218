//! The embedded store: commits over the journal-and-sled ledger.

use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::codec;
use super::key::{self, Kind};
use super::kv::{KeyValue, Write};
use super::private::{keep_private, make_private};
use super::record::ValueRecordV1;
use super::seal::{Sealed, Sealer, Sealing};
use super::sled::{AppendError, Durability, Ledger, OpenError, Options, ReadError};
use super::{CommitError, KvStore, StoreError};

/// The store on a local disk.
pub type EmbeddedStore = KvStore<Sealed<Ledger>>;

/// Why the data folder can't be used.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// The ledger in it can't be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The folder can't be made or read.
    #[error("the data folder {path} can't be used: {error}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Its values are sealed under another key, or under one where none was given.
    #[error(
        "the data in {0} is encrypted under another instance key; give back the key file that it was written with, or \
         use other data"
    )]
    WrongKey(PathBuf),
    /// The mark that says under which key it is sealed can't be read.
    #[error("the data in {path} can't be used: {what}")]
    Mark {
        /// The folder.
        path: PathBuf,
        /// What happened.
        what: String,
    },
}

impl EmbeddedStore {
    /// Opens the store in a folder, which is made when missing, and brings back everything acknowledged. Its values
    /// are plain; use [`open_sealed`](Self::open_sealed) to keep them from whoever reads the disk.
    ///
    /// # Errors
    /// One sentence that says what to do; see [`EmbeddedError`].
    pub fn open(path: &Path, durability: Durability) -> Result<Self, EmbeddedError> {
        Self::open_with(path, durability, None)
    }

    /// The same with values that are sealed, or were.
    ///
    /// # Errors
    /// One sentence that says what to do; see [`EmbeddedError`].
    pub fn open_sealed(path: &Path, durability: Durability, sealing: &Sealing) -> Result<Self, EmbeddedError> {
        Self::open_with(path, durability, Some(sealing))
    }

    fn open_with(path: &Path, durability: Durability, sealing: Option<&Sealing>) -> Result<Self, EmbeddedError> {
        let folder = |error| EmbeddedError::Folder { path: path.to_owned(), error };
        make_private(path).map_err(folder)?;
        let options = Options {
            durability,
            filtered_kind: Some(Kind::Identifier.byte()),
            ordered_kinds: [Kind::Outbox, Kind::Deadline, Kind::Invitation, Kind::WaitlistEntry]
                .map(Kind::byte)
                .to_vec(),
            ..Options::new(path)
        };
        let ledger = Ledger::open(options)?;
        keep_private(path).map_err(folder)?;
        let sealer = sealing.map(|sealing| Sealer::new(sealing, ledger.id()));
        let mark = check_mark(path, &ledger, sealer.as_ref())?;
        Ok(Self::over(Sealed::over(ledger, sealer, mark)))
    }
}

/// A store that has sealed values bears a mark that is not sealed: under which key they are. Without it a wrong key
/// would show only as damage, record by record. Gives the mark that is still to be written, with the first sealed value
/// and not before: whoever opens a plain store with a wrong key is told so by what is in it, and must leave nothing.
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

/// The name of the mark.
const SEALED_UNDER: &str = "sealed_under";

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

    fn append(&self, groups: &[Vec<Write>], relaxed: bool) -> Result<(), CommitError> {
        Self::append(self, groups, !relaxed).map_err(|error| match error {
            AppendError::Overloaded => CommitError::Overloaded,
            AppendError::Unavailable(_) => CommitError::Unavailable,
            AppendError::Fatal(_) => CommitError::Unknown,
        })
    }

    fn is_healthy(&self) -> bool {
        let stats = self.stats();
        stats.fatal.is_none() && stats.snapshots_dead.is_none()
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
