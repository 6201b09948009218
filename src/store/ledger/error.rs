//! Errors of the ledger, and what to do about each.

use std::io;
use std::path::{Path, PathBuf};

/// Why a ledger did not open. Nothing was changed, unless the text says so.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process has the data open.
    #[error("another process holds {}: stop it, or give this one another data directory", path.display())]
    Held {
        /// The lock file.
        path: PathBuf,
    },
    /// Too little room to open safely.
    #[error("disk full: {free} bytes are free at {}, at least {needed} are needed: make room and start again", path.display())]
    DiskFull {
        /// The data directory.
        path: PathBuf,
        /// The free bytes.
        free: u64,
        /// The required bytes.
        needed: u64,
    },
    /// The data was written by a newer version.
    #[error("{} has format {found}, this version reads up to {supported}: start the newer version that wrote it", path.display())]
    Newer {
        /// The file with the version.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest format that this version can read.
        supported: u32,
    },
    /// An acknowledged group can no longer be read.
    #[error(
        "{} is damaged at offset {offset}: {what}; copy the data directory aside and restore the last backup",
        path.display()
    )]
    Damaged {
        /// The damaged file.
        path: PathBuf,
        /// Where the damage begins.
        offset: u64,
        /// What was found there.
        what: String,
    },
    /// A segment of the journal is not the file that the last process left.
    #[error(
        "the journal segment {} cannot be used: {what}; put back the file that was there, or copy the data directory aside \
         and restore the last backup",
        path.display()
    )]
    Segment {
        /// The segment.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The snapshots do not open, or differ from what the last process left.
    #[error(
        "the snapshots in {} cannot be used: {what}; copy the data directory aside and restore the last backup",
        path.display()
    )]
    Snapshots {
        /// sled's directory.
        path: PathBuf,
        /// What is wrong with them.
        what: String,
    },
    /// The operating system refused a file operation.
    #[error("{} cannot be used ({source}): check that the disk is healthy and the directory writable", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
}

/// Why something could not be read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReadError {
    /// sled failed; it is not used again until the next start.
    #[error("the snapshots cannot be read ({0}): restart the process")]
    Snapshots(String),
    /// The stored data differ from what was left, or an fsync failed: the process should end.
    #[error("the ledger has stopped for good ({0}): restart the process")]
    Fatal(String),
    /// The ledger has been closed.
    #[error("the ledger is closed: open it again")]
    Closed,
}

/// Why a group was not acknowledged.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AppendError {
    /// The journal is full; the group is certainly not written.
    #[error("the journal is full: try again when the checkpoint has caught up")]
    Overloaded,
    /// The group could not be written and is certainly not written.
    #[error("the group was not written ({0}): make room on the disk and try again")]
    Unavailable(String),
    /// An fsync failed or stored data are damaged: whether the group survives is unknown, and nothing is acknowledged again.
    #[error("the ledger has stopped for good ({0}): end the process and start it again")]
    Fatal(String),
}

/// Why a group is not in the journal.
#[derive(Debug)]
pub(super) enum WriteError {
    /// No segment is free.
    Full,
    /// A new segment was needed and could not be created.
    NoSegment(String),
    /// The disk refused the write.
    Failed(String),
    /// It is unknown whether the disk has it.
    Fatal(String),
}

/// What the operating system refused at this path.
pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> OpenError {
    let path = PathBuf::from(path);
    move |source| OpenError::Io { path, source }
}
