//! The relay: opens what the outbox holds, has it delivered, and strikes it out. The commit wakes it; it does not
//! poll. Delivery is at least once: a message may go out twice, with the same id, never with another code.
//!
//! Each channel is a [`lane`] with places of its own, so that one that is slow or dead holds up no other. A
//! [`sender`] carries one message once; [`actor`] brings the two together.

mod actor;
mod lane;
mod notices;
mod sender;
#[cfg(test)]
mod tests;

pub(super) use actor::{Arguments, RelayActor, RelayMessage};
pub use sender::Transports;
