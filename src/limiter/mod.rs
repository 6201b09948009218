//! Limits by source: how often one place on the network may cause work
//! ([guide: Limits](crate::guide::contract_errors#limits)). In memory and per process; the exact limits per address and
//! per client are the store's.
//!
//! Everything here is bounded: each family of calls has so many places for sources, each place holds a few numbers, and
//! a call costs the same however many sources there are. Begin reading at `source.rs`.

mod counters;
mod log;
mod network;
mod prefix;
mod source;

pub use network::Networks;
pub use prefix::{PrefixLimiter, Tripped};
pub use source::{LimitedAction, SourceLimiter};
