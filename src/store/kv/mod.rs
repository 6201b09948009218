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
pub(super) mod quota;
pub(super) mod record;
pub(super) mod retention;
#[cfg(feature = "sled")]
pub(super) mod seal;
pub(super) mod unreadable;
