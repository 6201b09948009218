//! What a ledger is asked to be, and the one shape in which it is written to.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;

/// What an acknowledgement of [`append`](super::Ledger::append) promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// Every acknowledged group survives a loss of power.
    #[default]
    Synced,
    /// A group survives a loss of power if it, or a later one, was appended with `sync`; any group survives the end of the process.
    Relaxed,
    /// Nothing is ever synced: for tests and benches.
    None,
}

/// How a [`Ledger`](super::Ledger) is opened. Start from [`Options::new`] or `Options { path, ..Options::default() }`.
#[derive(Debug, Clone)]
pub struct Options {
    /// The directory that holds everything; made when missing.
    pub path: PathBuf,
    /// What an acknowledgement promises.
    pub durability: Durability,
    /// Size of one journal segment; a group never exceeds it. Rounded up to whole blocks of 4 KiB, of which the last is not for
    /// groups.
    pub segment_bytes: u64,
    /// How many segments the journal may grow to before appends are refused (at least 4).
    pub segments_max: usize,
    /// The kind byte whose keys the in-memory filter covers, if any.
    pub filtered_kind: Option<u8>,
    /// The kind bytes whose keys the overlay keeps in order: those that are scanned often.
    pub ordered_kinds: Vec<u8>,
    /// sled's page cache.
    pub cache_bytes: u64,
    /// Free disk space below which the ledger does not open, because sled may not survive a full disk. New segments leave as
    /// much, and below half of it the checkpoint waits.
    pub free_bytes_min: u64,
    /// How long `open` itself may verify the snapshots; the rest happens in the background.
    pub verify_at_once: Duration,
    /// The longest that `append` waits for a free segment before it answers `Overloaded`.
    pub wait_max: Duration,
    /// The longest that one group is held back to let the checkpoint keep up.
    pub pace_max: Duration,
    /// After this long without an append the active segment is checkpointed as well; `None` leaves it.
    pub idle_after: Option<Duration>,
    /// Whether zeros are written over what the journal has no use for any more.
    pub scrub: bool,
}

impl Options {
    /// The defaults at this directory.
    pub fn new(path: impl Into<PathBuf>) -> Options {
        Options { path: path.into(), ..Options::default() }
    }
}

impl Default for Options {
    fn default() -> Options {
        Options {
            path: PathBuf::from("data"),
            durability: Durability::Synced,
            segment_bytes: 16 << 20,
            segments_max: 32,
            filtered_kind: None,
            ordered_kinds: Vec::new(),
            cache_bytes: 64 << 20,
            free_bytes_min: 64 << 20,
            verify_at_once: Duration::from_secs(2),
            wait_max: Duration::from_millis(250),
            pace_max: Duration::from_millis(100),
            idle_after: Some(Duration::from_secs(2)),
            scrub: true,
        }
    }
}

pub use crate::store::kv::key_value::Write;

impl Write {
    /// Gives a key a value.
    pub fn put(key: impl Into<Bytes>, value: impl Into<Bytes>) -> Write {
        Write { key: key.into(), value: Some(value.into()) }
    }

    /// Removes a key.
    pub fn remove(key: impl Into<Bytes>) -> Write {
        Write { key: key.into(), value: None }
    }
}
