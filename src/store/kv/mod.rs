//! Stores over keys and values: which key has which value, and how a commit is planned. It does not know how the bytes
//! get to a disk.
//!
//! Begin reading at `planner.rs`; `key.rs` has the keys, `record/` the values, `codec.rs` and `seal.rs` their
//! envelopes.

mod closing;
pub(super) mod codec;
pub(super) mod key;
pub(super) mod key_value;
pub(super) mod kv_store;
mod lately;
pub(super) mod memory;
pub(super) mod planner;
#[cfg(feature = "postgres")]
pub(super) mod projection;
pub(super) mod quota;
pub(super) mod reads;
pub(super) mod record;
pub(super) mod retention;
#[cfg(any(feature = "sled", feature = "postgres"))]
#[cfg_attr(
    not(feature = "sled"),
    allow(dead_code, reason = "a map that is shared is sealed elsewhere, by the same sealer")
)]
pub(super) mod seal;
#[cfg(feature = "postgres")]
pub(super) mod seal_shared;
#[cfg(any(test, feature = "postgres"))]
pub(super) mod shared_map;
#[cfg(test)]
pub(super) mod shared_memory;
pub(super) mod unreadable;
#[cfg(any(test, feature = "postgres"))]
pub(super) mod view;
