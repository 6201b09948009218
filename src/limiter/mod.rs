//! Rate limits by source: how often one IP address or network may cause work
//! ([guide: Limits](crate::guide::contract_errors#limits)). They are in memory and per process; exact limits per
//! identifier and per client are in the store.
//!
//! Everything here is bounded: each limited action has a fixed number of slots for sources, each slot holds a few
//! numbers, and a call costs the same however many sources there are. Begin reading at `source.rs`.

mod counters;
mod log;
mod network;
mod notices;
mod prefix;
mod source;
mod text_messages;

pub use network::Networks;
pub(crate) use notices::{CountedNotices, NoticeLimiter};
#[cfg(feature = "unstable")]
pub use prefix::{PrefixLimited, PrefixLimiter};
pub use source::{LimitedAction, SourceLimiter};
#[cfg(feature = "unstable")]
pub use text_messages::TextMessageLimited;
pub use text_messages::{Destination, TextMessageLimiter};
