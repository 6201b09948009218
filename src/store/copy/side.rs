//! The two sides of a copy.

use std::fs;
use std::path::PathBuf;

use bytes::Bytes;

use super::entry::{Entry, time_in};
use super::error::CopyError;
use super::folder::Folder;
use super::note::{Identity, Note};
use super::tables::{self, Tables};
use crate::store::kv::key::bookkeeping::is_bookkeeping;
use crate::store::kv::key::{self, LAST_SEEN};
use crate::store::kv::seal::Sealing;
use crate::store::postgres::PostgresOptions;

/// Where a store of a copy is.
#[derive(Debug)]
pub enum CopyPlace {
    /// In a folder.
    Folder {
        /// The folder.
        path: PathBuf,
        /// The encryption of its values; without it they are stored in plain.
        sealing: Option<Sealing>,
    },
    /// In the tables of a database.
    Tables(PostgresOptions),
}

impl CopyPlace {
    /// Whether both name the same place in the same way. Two names of one place show when both are opened.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Folder { path, .. }, Self::Folder { path: other, .. }) => {
                let real = |path: &PathBuf| fs::canonicalize(path).ok();
                path == other || (real(path).is_some() && real(path) == real(other))
            }
            (Self::Tables(one), Self::Tables(other)) => {
                one.url.expose() == other.url.expose() && one.prefix == other.prefix
            }
            _ => false,
        }
    }
}

/// An opened store of a copy.
pub(super) enum Side {
    Folder(Folder),
    Tables(Box<Tables>),
}

impl Side {
    /// Opens a store that is read. It must have data, be whole, and be used by no server.
    pub(super) async fn source(place: &CopyPlace) -> Result<Self, CopyError> {
        match place {
            CopyPlace::Folder { path, sealing } => Ok(Self::Folder(Folder::source(path, sealing.as_ref()).await?)),
            CopyPlace::Tables(options) => Ok(Self::Tables(Box::new(tables::source(options).await?))),
        }
    }

    /// Opens a store that is written, and makes it where it is missing.
    pub(super) async fn target(place: &CopyPlace) -> Result<Self, CopyError> {
        match place {
            CopyPlace::Folder { path, sealing } => Ok(Self::Folder(Folder::target(path, sealing.as_ref()).await?)),
            CopyPlace::Tables(options) => Ok(Self::Tables(Box::new(tables::target(options).await?))),
        }
    }

    /// What it is called in a sentence.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Folder(folder) => folder.path().display().to_string(),
            Self::Tables(tables) => format!("the table {}", tables.name()),
        }
    }

    /// Its own number.
    pub(super) fn number(&self) -> u64 {
        match self {
            Self::Folder(folder) => folder.number(),
            Self::Tables(tables) => tables.number(),
        }
    }

    pub(super) async fn identity(&self) -> Result<Identity, CopyError> {
        let wanted = key::value(LAST_SEEN);
        let found = self.range(&wanted, 1).await?.into_iter().find(|(key, _)| *key == wanted);
        let last_seen_ms = found.and_then(|(_, value)| time_in(&value)).unwrap_or_default();
        Ok(Identity { number: self.number(), last_seen_ms })
    }

    /// The entries behind a key, in order and as many as are read at once; none at the end. What belongs to the map itself is
    /// left out.
    pub(super) async fn page(&self, after: &[u8]) -> Result<Vec<Entry>, CopyError> {
        let mut from = Bytes::from([after, &[0]].concat());
        loop {
            let mut entries = self.range(&from, PAGE).await?;
            let Some((last, _)) = entries.last() else { return Ok(entries) };
            from = Bytes::from([&last[..], &[0]].concat());
            entries.retain(|(key, _)| !is_bookkeeping(key));
            if !entries.is_empty() {
                entries.truncate(fitting(&entries));
                return Ok(entries);
            }
        }
    }

    async fn range(&self, from: &Bytes, limit: usize) -> Result<Vec<Entry>, CopyError> {
        match self {
            Self::Folder(folder) => folder.range(from.clone(), limit).await,
            Self::Tables(tables) => Ok(tables.range(from, limit).await?),
        }
    }

    /// How far the copy is that it is; `None` where it is none, or a finished one.
    pub(super) async fn note(&self) -> Result<Option<Note>, CopyError> {
        let text = match self {
            Self::Folder(folder) => folder.note()?,
            Self::Tables(tables) => tables.note().await?,
        };
        text.map(|text| Note::read(&text)).transpose()
    }

    /// Writes entries, and with them how far the copy is.
    pub(super) async fn put(&self, entries: &[Entry], note: &Note) -> Result<(), CopyError> {
        match self {
            Self::Folder(folder) => folder.put(entries, note).await,
            Self::Tables(tables) => {
                let written = tables.put(entries, &note.to_string()).await;
                written.map_err(|error| CopyError::Write(error.to_string()))
            }
        }
    }

    /// Ends the copy: a server may start on it.
    pub(super) async fn finish(&self) -> Result<(), CopyError> {
        match self {
            Self::Folder(folder) => folder.finish().await,
            Self::Tables(tables) => Ok(tables.finish().await?),
        }
    }

    pub(super) async fn close(self) {
        match self {
            Self::Folder(folder) => folder.close().await,
            Self::Tables(_) => {}
        }
    }
}

/// How many of these entries, from the first on, are written at once: at least one.
fn fitting(entries: &[Entry]) -> usize {
    let mut size = 0;
    let fits = |(key, value): &&Entry| {
        size += key.len() + value.len();
        size <= BYTES
    };
    entries.iter().take_while(fits).count().max(1)
}

/// How many entries are read at once; few in tests, which stop a copy between any two pages.
const PAGE: usize = if cfg!(test) { 7 } else { 2000 };
/// About how many bytes are written at once.
const BYTES: usize = 4 << 20;
