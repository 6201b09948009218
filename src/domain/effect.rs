//! What a decision wants done in the world, as data: stored in the same commit, carried out afterwards.

use super::id::{ClientId, MessageId};
use super::identifier::Identifier;
use super::secret::Secret;
use super::time::Timestamp;

/// Something to be done once the commit stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Send a message.
    Deliver(Message),
}

/// A message that carries a code, a link or both, or an invitation; with none of them it tells the owner of an address
/// that somebody tried to sign up with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its id, the same over retries.
    pub id: MessageId,
    /// Where it goes: the normalised address.
    pub to: Identifier,
    /// The address as the person typed it.
    pub display_to: String,
    /// The code.
    pub code: Option<Secret<String>>,
    /// The token of the link; the URL around it is the relay's business.
    pub link: Option<Secret<String>>,
    /// The ticket of an invitation; the URL around it is the relay's business too.
    pub ticket: Option<Secret<String>>,
    /// When it was made.
    pub created_at: Timestamp,
    /// After this it is not sent any more.
    pub expire_at: Timestamp,
}

/// A use of one of the exact budgets per address and client. The store counts it in the same commit and refuses
/// the commit when the budget is spent (DESIGN 9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// The address concerned.
    pub address: Identifier,
    /// The client that acts.
    pub client: ClientId,
    /// What is counted.
    pub what: Charged,
}

/// What a charge counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charged {
    /// A message to the address.
    Message,
    /// A guess at a code sent to it.
    Guess,
    /// The address was proved: its count begins anew.
    Proof,
}
