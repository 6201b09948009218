//! Where sign-ups, users, sessions and clients are kept. One write verb, [`Store::commit`], and few reads.
//!
//! This room knows domain values and bytes; it knows no actor, no HTTP and no settings. Uniqueness of identifiers
//! is decided here and nowhere else. Begin reading at `store.rs`.

#[expect(
    clippy::module_inception,
    reason = "the room is named after its one trait"
)]
pub mod sled;
mod store;

pub use store::{
    BoxFuture, ClientWrite, Commit, CommitError, Committed, OutboxEntry, SignUpWrite, Store,
    StoreError,
};
