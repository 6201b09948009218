//! What a decision may know beside its own value: the time, the settings, chance and the keyed digest. Same
//! inputs, same output, bit for bit; simulation and replay rest on it.

use super::policy::Policy;
use super::ports::{Entropy, KeyedDigest};
use super::settings::Settings;
use super::time::Timestamp;

/// The outside of one pure decision.
pub struct Context<'a> {
    /// The moment of the decision.
    pub now: Timestamp,
    /// The instance's settings at that moment.
    pub settings: &'a Settings,
    /// Numbers the operator chose for verifications and sign-ups.
    pub policy: &'a Policy,
    /// A source of random bytes.
    pub entropy: &'a mut dyn Entropy,
    /// The digest under the instance key.
    pub digest: &'a dyn KeyedDigest,
}
