//! What a decision uses of the exact limits per address and client. The store counts it; it is data here.

use super::id::ClientId;
use super::identifier::Identifier;

/// A use of one of the exact budgets per address and client. The store counts it in the same commit and refuses
/// the commit when the budget is spent ([guide: Admission and limits](crate::guide::design#admission-and-limits)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaUse {
    /// The address concerned.
    pub address: Identifier,
    /// The client that acts.
    pub client: ClientId,
    /// What is counted.
    pub what: QuotaKind,
}

/// What a charge counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuotaKind {
    /// A message to the address.
    Message,
    /// A message that a client asked for which signed in to the address's user before. Some are set aside for it, so
    /// that strangers can't use up what the owner needs.
    OwnMessage,
    /// A guess at a code sent to it.
    Guess,
    /// The address was proved: its count begins anew.
    Proof,
}
