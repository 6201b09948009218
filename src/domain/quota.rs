//! Which exact limits per address and client a decision uses, as data. The store does the counting.

use super::id::ClientId;
use super::identifier::Identifier;

/// One use of an exact quota per address and client. The store counts it in the same commit and refuses the commit when
/// the quota is used up ([guide: Admission and limits](crate::guide::design#admission-and-limits)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaUse {
    /// The address concerned.
    pub address: Identifier,
    /// The client that acts.
    pub client: ClientId,
    /// The kind of use.
    pub what: QuotaKind,
}

/// What a use of a quota counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuotaKind {
    /// A message to the address.
    Message,
    /// A message to the address, requested by a client that the address owner signed in on before. A part of the quota
    /// is reserved for those, so that unknown clients can't use up what the owner needs.
    OwnMessage,
    /// A guess at a code sent to the address.
    Guess,
    /// The address was proved: its counters are reset.
    Proof,
}
