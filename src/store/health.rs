//! Whether a store can take commits now, told without waiting for anything.

/// Whether a store can commit now, or why not.
pub type Health = Result<(), Unready>;

/// Why a store cannot commit now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unready {
    /// What is stored is damaged, or the disk failed: only a start can help.
    #[error("the store has stopped for good")]
    Stopped,
    /// It was closed.
    #[error("the store is closed")]
    Closed,
    /// What is written cannot be carried on to where it stays: commits go on for a while, but not for long.
    #[error("the snapshots cannot be written until the next start")]
    SnapshotsDead,
    /// The disk refused the last write, and none has succeeded since.
    #[error("the disk refuses writes")]
    WritesFail,
    /// There is less room on the disk than it takes to go on safely.
    #[error("the disk is full")]
    DiskFull,
    /// More was committed than could be carried on.
    #[error("the journal is full")]
    JournalFull,
}
