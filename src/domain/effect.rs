//! What a decision wants done in the world, as data: stored in the same commit, carried out afterwards.

use super::message::Message;

/// Something to be done once the commit stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Send a message.
    Deliver(Message),
}
