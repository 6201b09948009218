//! The embedded ledger: a journal that acknowledges, and sled for the snapshots behind it.
//!
//! Begin reading at [`Ledger`]. A group of writes goes into the **journal** (one frame, one write, one fdatasync),
//! becomes visible in the **overlay**, and is written to sled by the **checkpoint** thread, after which its segment is
//! recycled. **Recovery** joins the three again at the next start, guided by the **manifest**, which has the state of
//! sled and the files of the journal.
//!
//! This room knows keys and values as bytes. It does not know what a record means, how it is encoded, which writes
//! belong to a sign-up, what a version is, or who waits for an answer. sled is used nowhere else.

mod checkpoint;
mod error;
mod file;
mod filter;
mod frame;
mod inventory;
mod journal;
mod last_keys;
mod layout;
#[expect(clippy::module_inception, reason = "the room is named after its one handle")]
mod ledger;
mod manifest;
mod manifest_file;
mod options;
mod overlay;
mod patience;
mod pool;
mod read_cache;
mod recovery;
mod refusals;
mod replay;
pub(super) mod rewrite;
mod scrub;
mod segment;
mod shared;
mod snapshots;
mod tree;
mod verify;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests;

pub use error::{AppendError, OpenError, ReadError};
pub use ledger::Ledger;
#[cfg(test)]
use options::Write;
pub use options::{Durability, Options};
#[cfg(any(feature = "server", feature = "unstable"))]
pub use recovery::holds_data;
