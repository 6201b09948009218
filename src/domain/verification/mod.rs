//! Verifications: facts about (sign-up, field, exact normalised value, nonce), never flags.

mod code;
mod external;
mod link;
mod strategy;
#[expect(clippy::module_inception, reason = "the room is named after its one fact")]
mod verification;

pub use code::{CODE_DIGITS, OneTimeCode};
pub use external::{ExternalAccount, ExternalState, ExternalStatus, Profile};
pub use link::{Link, LinkSecret, LinkToken};
pub use strategy::{Strategy, UnknownStrategy};
pub use verification::{CodeDigest, Guess, Verification, VerificationStatus};
