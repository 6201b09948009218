//! The actors: one per awake sign-up, shards of supervisors that route to them, the persister that commits for
//! them, the relay that sends what they decided to send, and the sweeper. This room knows no HTTP, no wire shapes
//! and no status codes.
//!
//! A request goes `shard → sign-up → persister`; the answer goes directly to the caller. Begin reading at `system.rs`.

mod after_commit;
mod announced;
mod context;
mod event_log;
mod hook;
mod last_seen;
mod lease;
mod limited;
mod outage;
mod outbox;
mod persister;
mod relay;
mod sign_up;
mod supervisor;
mod sweeper;
mod system;
#[cfg(test)]
pub(crate) mod test_support;

pub use after_commit::Follower;
pub use announced::{announce, read_announced};
pub use context::{ActorContext, ActorOptions, OnSent, switch_name, warn_of_paused};
pub use hook::Hooked;
pub use last_seen::LastSeen;
#[cfg(feature = "webhooks")]
pub(crate) use lease::Lease;
pub use limited::LimitedCounts;
#[cfg(feature = "webhooks")]
pub use persister::Persister;
pub use sign_up::{CallError, Create, Outcome, SignUpReply, Terms};
#[cfg(feature = "webhooks")]
pub use system::Composer;
pub use system::{StartError, System, Transports};
