//! Whether a store can commit now, found out without waiting.

/// Whether a store can commit now, or why not.
pub type Health = Result<(), Unready>;

/// Why a store cannot commit now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unready {
    /// Stored data are damaged, or the disk failed: only a restart can help.
    #[error("the store has stopped for good")]
    Stopped,
    /// It was closed.
    #[error("the store is closed")]
    Closed,
    /// The journal can no longer be written to the snapshots: commits succeed until the journal is full.
    #[error("the snapshots cannot be written until the next start")]
    SnapshotsDead,
    /// The disk refused the last write, and no write has succeeded since.
    #[error("the disk refuses writes")]
    WritesFail,
    /// Too little free disk space to continue safely.
    #[error("the disk is full")]
    DiskFull,
    /// The journal is full: commits came faster than they were written to the snapshots.
    #[error("the journal is full")]
    JournalFull,
    /// The database did not answer the last call, and none has succeeded since.
    #[error("the database can't be reached")]
    Unreachable,
    /// The clocks of this machine and of the database are more than two seconds apart: nodes would not agree on what is over.
    #[error("the clock of this machine is more than 2 seconds apart from that of the database")]
    ClocksApart,
}
