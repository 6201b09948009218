//! The inputs of a decision beside its own value: time, settings, randomness and the keyed digest. Equal inputs give
//! equal outputs, bit for bit; simulation and replay depend on that.

use super::policy::Policy;
use super::ports::{Entropy, KeyedDigest};
use super::settings::Settings;
use super::time::Timestamp;

/// All external inputs of one pure decision.
pub struct Context<'a> {
    /// The moment of the decision.
    pub now: Timestamp,
    /// The instance's settings at that moment.
    pub settings: &'a Settings,
    /// The operator's limits and durations for verifications and sign-ups.
    pub policy: &'a Policy,
    /// A source of random bytes.
    pub entropy: &'a mut dyn Entropy,
    /// The digest under the instance key.
    pub digest: &'a dyn KeyedDigest,
}

impl Context<'_> {
    /// Whether test addresses take the fixed code.
    pub(crate) fn is_in_test_mode(&self) -> bool {
        self.settings.beside.test_mode.unwrap_or(self.policy.test_mode)
    }
}
