//! Verifications: facts about (sign-up, field, exact normalised value, nonce), never flags.

pub(super) mod availability;
mod challenge;
mod email_link;
mod need;
mod oauth;
mod one_time_code;
mod strategy;
#[expect(clippy::module_inception, reason = "the room is named after its one fact")]
mod verification;

pub use super::message::PhoneChannel;
pub use availability::check_enabled;
#[cfg(any(feature = "server", feature = "unstable"))]
pub use availability::parse_strategy;
pub(super) use challenge::{Challenge, Guess, Letter, Means, MessageKind};
pub use email_link::{Link, LinkOwner, LinkSecret, LinkToken, VerifyLink};
pub use need::SecondFactorNeed;
pub use oauth::{
    AuthorizationRequest, AuthorizationResponse, AuthorizeParams, ExternalAccount, ExternalState, ExternalStatus,
    Profile, ProviderOutcome,
};
pub use one_time_code::OneTimeCode;
pub use strategy::{Strategy, UnknownStrategy};
pub use verification::{CodeDigest, Method, Verification, VerificationStatus, Verified};
