//! The two steps of a ceremony with a passkey (Web Authentication Level 3, 7.1 and 7.2,
//! [guide: Passkeys](crate::guide::contract_sign_ins#passkeys)): what is kept from the first to the second. Who checks the
//! signature is outside of the domain; here is that each challenge belongs to one owner, is good for a short time, and is
//! used once.

use super::id::{SessionId, SignInId};
use super::time::{Span, Timestamp};

/// The challenge of a ceremony that has begun. Each owner has one: a new one takes the place of the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptChallenge {
    /// What it was made for.
    pub owner: ChallengeOwner,
    /// New for each ceremony. For a new passkey it is the id that the passkey will have.
    pub id: ChallengeId,
    /// What the person's device was asked, and what the answer is checked with, sealed under the instance key.
    pub sealed: Vec<u8>,
    /// When it can't be used any more.
    pub expire_at: Timestamp,
}

/// The id of a challenge.
pub type ChallengeId = [u8; 16];

/// What a challenge was made for. An answer to it proves nothing elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChallengeOwner {
    /// A sign-in.
    SignIn(SignInId),
    /// A new passkey of the user of this session.
    Registration(SessionId),
    /// A re-verification of this session.
    Reverification(SessionId),
}

/// A change to a challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChallengeChange {
    /// Keep it for the second step.
    Keep(Box<KeptChallenge>),
    /// Remove it, because it is being used.
    Take(ChallengeOwner, ChallengeId),
}

impl KeptChallenge {
    /// Whether it can be used at `now`.
    pub fn is_good(&self, now: Timestamp) -> bool {
        now < self.expire_at
    }
}

impl ChallengeOwner {
    /// What tells it from all others: a byte for its kind, and the bytes of its id.
    pub fn as_bytes(&self) -> [u8; 17] {
        let (kind, id) = match self {
            Self::SignIn(id) => (1, id.as_bytes()),
            Self::Registration(id) => (2, id.as_bytes()),
            Self::Reverification(id) => (3, id.as_bytes()),
        };
        let mut bytes = [kind; 17];
        bytes[1..].copy_from_slice(id);
        bytes
    }
}

/// How long a challenge can be answered.
pub const GOOD_FOR: Span = Span::from_secs(600);
