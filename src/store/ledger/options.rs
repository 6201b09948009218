//! The options of a ledger, and the form of its writes.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;

/// How a [`Ledger`](super::Ledger) is opened. Start from [`Options::new`] or `Options { path, ..Options::default() }`.
#[derive(Debug, Clone)]
pub struct Options {
    /// The directory that holds everything; created if missing.
    pub path: PathBuf,
    /// The guarantee of an acknowledgement.
    pub durability: Durability,
    /// Size of one journal segment in bytes; a group is never larger. Rounded up to whole blocks of 4 KiB, of which the
    /// last one holds no groups.
    pub segment_bytes: u64,
    /// Maximum number of segments before appends are refused (at least 4).
    pub segments_max: usize,
    /// The kind byte whose keys the in-memory filter covers, if any.
    pub filtered_kind: Option<u8>,
    /// The kind bytes whose keys the overlay keeps in order: those that are scanned often.
    pub ordered_kinds: Vec<u8>,
    /// Size of sled's page cache in bytes.
    pub cache_bytes: u64,
    /// About how many bytes of values that were read from sled are kept, to be read again without the disk; 0 keeps none.
    pub read_cache_bytes: u64,
    /// Free disk space in bytes below which the ledger does not open, because sled may not survive a full disk. New
    /// segments leave at least as much, and below half of it the checkpoint waits.
    pub free_bytes_min: u64,
    /// How long `open` itself verifies the snapshots; the rest is verified in the background.
    pub verify_at_once: Duration,
    /// How long `append` waits at most for a free segment before it returns `Overloaded`.
    pub wait_max: Duration,
    /// How long one group is delayed at most to let the checkpoint keep up.
    pub pace_max: Duration,
    /// After this time without an append the active segment is checkpointed too; `None` never does.
    pub idle_after: Option<Duration>,
    /// Whether journal data that is no longer needed is overwritten with zeros.
    pub scrub: bool,
}

impl Options {
    /// The default options for this directory.
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
            cache_bytes: 40 << 20,
            read_cache_bytes: 16 << 20,
            free_bytes_min: 64 << 20,
            verify_at_once: Duration::from_secs(2),
            wait_max: Duration::from_millis(250),
            pace_max: Duration::from_millis(100),
            idle_after: Some(Duration::from_secs(2)),
            scrub: true,
        }
    }
}

pub use crate::store::durability::Durability;
pub(super) use crate::store::kv::key_value::Write;

impl Write {
    /// Sets a key to a value.
    pub fn put(key: impl Into<Bytes>, value: impl Into<Bytes>) -> Write {
        Write { key: key.into(), value: Some(value.into()) }
    }

    /// Removes a key.
    pub fn remove(key: impl Into<Bytes>) -> Write {
        Write { key: key.into(), value: None }
    }
}
