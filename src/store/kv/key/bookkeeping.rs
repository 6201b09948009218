//! The named values that a map has for itself, and that are no data of the instance: a copy of a store leaves them out.

#[cfg(all(feature = "sled", feature = "postgres"))]
use super::Kind;

/// How the names of the values begin that nodes write with each batch, which have a time.
#[cfg(any(test, feature = "postgres"))]
pub(in crate::store) const NODE: &str = "node:";
/// How the names of the values begin by which commits are kept apart.
#[cfg(any(test, feature = "postgres"))]
pub(in crate::store) const ALONE: &str = "alone:";
/// How the names of leases begin: who does some work for all nodes.
pub const LEASE: &str = "lease:";
/// The name of the value that is another one after each change of what nodes keep in memory.
pub const CHANGED: &str = "changed";
/// The name of the mark of a folder with sealed values.
#[cfg(feature = "sled")]
pub(in crate::store) const SEALED_UNDER: &str = "sealed_under";
/// The name under which the time of the last rewrite of a folder's snapshots is stored, in the format of
/// [`LAST_SEEN`](super::LAST_SEEN).
#[cfg(feature = "sled")]
pub(in crate::store) const REWRITTEN: &str = "rewritten_ms";
/// The name of the note that a folder is an unfinished copy of another store.
#[cfg(feature = "sled")]
pub(in crate::store) const COPYING: &str = "copying";

/// Whether a key belongs to the map and not to the data in it.
#[cfg(all(feature = "sled", feature = "postgres"))]
pub(in crate::store) fn is_bookkeeping(key: &[u8]) -> bool {
    let Some(name) = key.strip_prefix(&[Kind::Value.byte()]) else { return false };
    let is_one = [SEALED_UNDER, REWRITTEN, COPYING, CHANGED].iter().any(|known| name == known.as_bytes());
    is_one || [NODE, ALONE, LEASE].iter().any(|begin| name.starts_with(begin.as_bytes()))
}
