//! Storage of sign-ups, users, sessions and clients. It has one write operation, [`Store::commit`], and a few reads.
//!
//! This room knows domain values and bytes; it knows no actor, no HTTP and no settings. Uniqueness of identifiers is
//! decided only here. Begin reading at `store.rs` for the contract, and at `kv/planner.rs` for its implementation;
//! [`KeyValue`] is the interface for a back end. [`ledger`] is the back end on disk.

mod commit;
#[cfg(any(test, feature = "test-util"))]
mod contract;
#[cfg(all(feature = "sled", feature = "postgres"))]
mod copy;
mod durability;
#[cfg(feature = "sled")]
mod embedded;
mod error;
#[cfg(any(test, feature = "test-util"))]
mod faulty;
mod hash;
mod health;
mod kv;
#[cfg(feature = "sled")]
#[expect(
    clippy::disallowed_methods,
    reason = "pacing and time limits of IO measure real time; nothing decided here shows"
)]
pub mod ledger;
mod messages;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sled")]
mod private;
mod scan;
#[expect(clippy::module_inception, reason = "the room is named after its one trait")]
mod store;
#[cfg(all(feature = "sled", any(feature = "server", feature = "unstable")))]
mod writable;

pub use commit::{
    AddressVerificationWrite, ClientWrite, Commit, Committed, Decision, HandshakeChange, Housekeeping,
    InvitationChange, ListedChange, MessageAbout, MessageEnd, MessageReport, NamedValueWrite, OutboxEntry, OutboxKind,
    RedirectUrlChange, SignInTokenChange, SignUpWrite, UserWrite, ValueWrite, WaitlistChange,
};
#[cfg(feature = "webhooks")]
pub use commit::{CursorMove, WebhookChange, WebhookProgress};
#[cfg(any(test, feature = "test-util"))]
pub use contract::check_store;
#[cfg(all(feature = "sled", feature = "postgres"))]
pub use copy::{Copied, CopyError, CopyPlace, CopyProgress, CopySummary, copy};
pub use durability::Durability;
#[cfg(feature = "sled")]
pub use embedded::{EmbeddedError, EmbeddedOptions, EmbeddedStore};
pub use error::{CommitError, StoreError};
#[cfg(any(test, feature = "test-util"))]
pub use faulty::{Fault, FaultyStore, ReadFault, StoreCall, StoreRead};
pub use health::{Health, Unready};
pub use kv::key::LAST_SEEN;
pub use kv::key::bookkeeping::{CHANGED, LEASE};
pub use kv::key_value::{KeyValue, Write};
pub use kv::kv_store::KvStore;
#[cfg(feature = "unstable")]
pub use kv::memory::Memory;
pub use kv::memory::MemoryStore;
#[cfg(any(feature = "sled", feature = "postgres"))]
pub use kv::seal::Sealing;
#[cfg(test)]
pub(crate) use kv::shared_memory::nodes_in_memory;
pub use messages::StoredMessage;
#[cfg(feature = "postgres")]
pub use postgres::{
    NewUserSql, PostgresError, PostgresOptions, PostgresStore, Projected, SqlFailure, SqlStatement, SqlValue,
};
#[cfg(feature = "sled")]
pub use private::make_private;
pub use scan::{Direction, EventPage, ScanCursor, UserList, UserOrder};
#[cfg(feature = "unstable")]
pub use scan::{ExpiredKey, NamedValue, ScanPage};
#[cfg(feature = "unstable")]
pub use store::BoxFuture;
pub use store::Store;
#[cfg(all(feature = "sled", any(feature = "server", feature = "unstable")))]
pub use writable::could_be_written;
#[cfg(all(feature = "sled", any(feature = "cli", feature = "unstable")))]
pub use writable::could_hold_data;

/// A store over a map in memory that another node can use, too: for the suite of requirements.
#[cfg(test)]
pub(crate) fn shared_with_another_node() -> (KvStore<impl kv::kv_store::Beneath>, impl Sized) {
    let memory = kv::shared_memory::SharedMemory::default();
    (memory.node(), memory.node())
}
