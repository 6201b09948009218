//! The relay: opens the outbox's entries, delivers them, and deletes them. It is woken by commits and does not poll.
//! Delivery is at least once: a message may be sent twice, with the same id and the same code.
//!
//! Each channel is a [`lane`] with its own limit of deliveries, so that a slow or dead one does not delay the other. A
//! [`sender`] makes one delivery; [`actor`] connects the two.

mod actor;
mod failing;
mod lane;
mod notices;
mod others;
mod sender;
#[cfg(test)]
mod tests;

pub(super) use actor::{Arguments, RelayActor, RelayMessage};
#[cfg(feature = "webhooks")]
pub use sender::Composer;
pub use sender::Transports;
