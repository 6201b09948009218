//! A folder of the embedded store as a side of a copy.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::entry::Entry;
use super::error::CopyError;
use super::note::Note;
use crate::store::embedded::{EmbeddedError, EmbeddedOptions, EmbeddedStore, copying, is_verified};
use crate::store::error::{CommitError, StoreError};
use crate::store::kv::codec;
use crate::store::kv::key;
use crate::store::kv::key::bookkeeping::COPYING;
use crate::store::kv::key_value::{KeyValue, Write};
use crate::store::kv::record::ValueRecordV1;
use crate::store::kv::seal::{Sealed, Sealing};
use crate::store::ledger::{Ledger, holds_data};
use crate::store::private::{keep_private, make_private};

/// An opened folder.
pub(super) struct Folder {
    path: PathBuf,
    map: Arc<Sealed<Ledger>>,
}

impl Folder {
    pub(super) async fn source(path: &Path, sealing: Option<&Sealing>) -> Result<Self, CopyError> {
        let unusable = |error| EmbeddedError::Folder { path: path.to_owned(), error };
        if !holds_data(path).map_err(unusable)? {
            return Err(CopyError::NoData(path.to_owned()));
        }
        let folder = Self::open(path, sealing).await?;
        if folder.note()?.is_some() {
            return Err(EmbeddedError::Unfinished(path.to_owned()).into());
        }
        // Damage must be found before it is copied.
        let map = folder.map.clone();
        blocking(move || is_verified(map.beneath())).await?;
        Ok(folder)
    }

    pub(super) async fn target(path: &Path, sealing: Option<&Sealing>) -> Result<Self, CopyError> {
        let unusable = |error| EmbeddedError::Folder { path: path.to_owned(), error };
        make_private(path).map_err(unusable)?;
        let folder = Self::open(path, sealing).await?;
        keep_private(path).map_err(unusable)?;
        Ok(folder)
    }

    async fn open(path: &Path, sealing: Option<&Sealing>) -> Result<Self, CopyError> {
        let sealing = sealing.map(|sealing| Sealing { key: sealing.key.clone(), seal: sealing.seal });
        let options = EmbeddedOptions { sealing, rewrite_after: None, ..EmbeddedOptions::default() };
        let every_kind: Vec<u8> = (0..=u8::MAX).collect();
        let folder = path.to_owned();
        let map = blocking(move || EmbeddedStore::open_map(&folder, &options, &every_kind)).await??;
        Ok(Self { path: path.to_owned(), map: Arc::new(map) })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn number(&self) -> u64 {
        self.map.beneath().id()
    }

    /// The first entries from a key on. The kinds are read one by one, each of which the ledger keeps in order.
    pub(super) async fn range(&self, from: Bytes, limit: usize) -> Result<Vec<Entry>, CopyError> {
        let map = self.map.clone();
        let found = blocking(move || {
            let mut found = Vec::new();
            for kind in from[0]..=u8::MAX {
                found.extend(map.scan(&[kind], &from, limit - found.len())?);
                if found.len() >= limit {
                    break;
                }
            }
            Ok::<_, StoreError>(found)
        });
        Ok(found.await??)
    }

    pub(super) fn note(&self) -> Result<Option<String>, CopyError> {
        let note = copying(&self.path, &self.map)?;
        note.map(|bytes| String::from_utf8(bytes).map_err(|_| CopyError::BadNote)).transpose()
    }

    pub(super) async fn put(&self, entries: &[Entry], note: &Note) -> Result<(), CopyError> {
        let mut writes: Vec<_> =
            entries.iter().map(|(key, value)| Write { key: key.clone(), value: Some(value.clone()) }).collect();
        let record = ValueRecordV1 { bytes: note.to_string().into_bytes() };
        writes.push(Write { key: key::value(COPYING), value: Some(codec::encode(&record)?) });
        self.append(writes).await
    }

    pub(super) async fn finish(&self) -> Result<(), CopyError> {
        self.append(vec![Write { key: key::value(COPYING), value: None }]).await
    }

    pub(super) async fn close(self) {
        let map = self.map;
        if blocking(move || map.close()).await.is_err() {
            tracing::error!("the folder was not closed");
        }
    }

    /// Writes a group. Where the journal is full, the snapshots are waited for.
    async fn append(&self, writes: Vec<Write>) -> Result<(), CopyError> {
        let map = self.map.clone();
        blocking(move || {
            let groups = map.prepare(vec![writes]);
            let mut tries = 0;
            loop {
                let error = match map.append(&groups, false) {
                    Ok(()) => return Ok(()),
                    Err(CommitError::Overloaded) if tries < TRIES && map.beneath().stats().fatal.is_none() => {
                        tries += 1;
                        std::thread::sleep(PAUSE);
                        continue;
                    }
                    Err(error) => error,
                };
                let why = map.health().err().map_or_else(|| error.to_string(), |why| why.to_string());
                return Err(CopyError::Write(why));
            }
        })
        .await?
    }
}

/// Runs `work` on a thread that may block.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, CopyError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| StoreError::Unavailable(error.to_string()).into())
}

/// How often a group is tried again while the journal is full, each time after the ledger has waited itself.
const TRIES: u32 = 100;
const PAUSE: Duration = Duration::from_millis(50);
