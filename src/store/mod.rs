//! Where sign-ups, users, sessions and clients are kept. One write verb, [`Store::commit`], and few reads.
//!
//! This room knows domain values and bytes; it knows no actor, no HTTP and no settings. Uniqueness of identifiers
//! is decided here and nowhere else. Begin reading at `store.rs` for the contract, at `plan.rs` for how it is kept;
//! `kv.rs` is what a back end has to offer.

mod codec;
#[cfg(test)]
mod contract;
mod embedded;
mod health;
mod key;
mod kv;
mod kv_store;
mod memory;
mod plan;
mod private;
mod quota;
mod record;
mod retention;
mod seal;
#[expect(
    clippy::disallowed_methods,
    reason = "pacing and time limits of IO measure real time; nothing decided here shows"
)]
pub mod sled;
#[expect(clippy::module_inception, reason = "the room is named after its one trait")]
mod store;
mod unreadable;
mod writable;

pub use embedded::{EmbeddedError, EmbeddedOptions, EmbeddedStore, LAST_SEEN};
pub use health::{Health, Unready};
pub use key::Kind;
pub use kv::{KeyValue, Write};
pub use kv_store::KvStore;
pub use memory::{Memory, MemoryStore};
pub use private::make_private;
pub use retention::{ExpiredKey, RetentionPolicy, ScanCursor, ScanPage};
pub use seal::{Sealed, Sealing};
pub use store::{
    BoxFuture, ClientWrite, Commit, CommitError, Committed, InvitationChange, OutboxEntry, SignUpWrite, Store,
    StoreError, WaitlistChange,
};
pub use writable::{could_be_written, could_hold_data};
