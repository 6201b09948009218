//! Why a store is not copied.

use std::path::PathBuf;

use super::summary::CopySummary;
use crate::store::embedded::EmbeddedError;
use crate::store::error::StoreError;
use crate::store::postgres::PostgresError;

/// Why a store was not copied, or not to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CopyError {
    /// A folder can't be used.
    #[error(transparent)]
    Folder(#[from] EmbeddedError),
    /// A database can't be used.
    #[error(transparent)]
    Tables(#[from] PostgresError),
    /// There is nothing to copy.
    #[error("there is no store in {0}")]
    NoData(PathBuf),
    /// Both sides are the same store.
    #[error("both sides are the same store; name another one for the copy")]
    Same,
    /// The target has data of its own.
    #[error("{0} is not empty; name a folder without data, or tables with another prefix")]
    NotEmpty(String),
    /// The target has a part of another store.
    #[error(
        "the target is an unfinished copy of another store; go on with that one, or remove what is there and begin again"
    )]
    OtherCopy,
    /// A server has used the source since an earlier run.
    #[error(
        "a server has used the source since this copy was begun, and what was copied by then may have changed; remove what \
         is in the target and begin again"
    )]
    Changed,
    /// The note in the target can't be read.
    #[error("the note in the target of how far its copy is can't be read; remove what is there and begin again")]
    BadNote,
    /// A server is using the tables.
    #[error(
        "a server wrote to the tables {0} seconds ago and did not end since; stop it, and where it was killed, try again in \
         two minutes"
    )]
    InUse(u64),
    /// An entry can't be read.
    #[error("the source can't be read: {0}")]
    Read(#[from] StoreError),
    /// An entry can't be written.
    #[error("the target can't be written: {0}; the same command goes on where it stopped")]
    Write(String),
    /// The two are not the same after the copy.
    #[error(
        "the copy differs from its source: {here} here, {there} there; something has written to one of them meanwhile, so \
         stop it, remove what is in the target and begin again"
    )]
    Differ {
        /// What the source has.
        here: CopySummary,
        /// What the target has.
        there: CopySummary,
    },
}
