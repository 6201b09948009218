//! The operator's numbers: how long things last, how often they may be tried, and how much one address or client may
//! use. What the instance asks of people is in [`super::settings`].

use super::time::Span;
use super::verification::Strategy;

/// Numbers that the operator chooses in `[verification]`, `[limits]`, `[sign_up]` and `[session]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How long a code is good.
    pub code_ttl: Span,
    /// How long a link is good.
    pub link_ttl: Span,
    /// How many tries a verification allows.
    pub attempts_max: u32,
    /// How long the same sign-up waits before a second code to the same address; zero switches it off.
    pub resend_cooldown: Span,
    /// Whether test addresses take the fixed code ([guide: Test mode](crate::guide::contract_sign_ups#test-mode));
    /// development instances only.
    pub test_mode: bool,
    /// The exact limits per address and client; `None` when that family is off.
    pub address_limits: Option<AddressLimits>,
    /// How long a sign-up lives after its last accepted write.
    pub abandon_after: Span,
    /// How long a finished sign-up can be read by its client.
    pub keep_finished: Span,
    /// How long a client is kept after its last use without a session.
    pub keep_client: Span,
    /// How long a session lives at most.
    pub session_lifetime: Span,
    /// Whether a client holds one session at most.
    pub single_session: bool,
    /// The strategies of providers whose accounts need no captcha. The engine takes them from its captcha service.
    pub captcha_bypass: Vec<String>,
    /// Whether text messages go to premium-rate, satellite and other numbers that cost their sender much.
    pub sms_costly_numbers: bool,
}

/// Exact limits per normalised address, account and client, within one hour where not said otherwise
/// ([guide: Limits](crate::guide::contract_errors#limits)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressLimits {
    /// Messages to one address.
    pub messages: u32,
    /// Messages to one address on behalf of one client.
    pub messages_per_client: u32,
    /// Guesses at codes for one address.
    pub guesses: u32,
    /// Guesses at codes for one address by one client.
    pub guesses_per_client: u32,
    /// Failures in a row to sign in to one account, whatever identifier they name; not within an hour, but until a
    /// success. At least 3.
    pub account_failures: u32,
    /// Whether one source uses only a part of what strangers may fail at.
    pub by_source: bool,
    /// Different addresses that one client may have messages sent to.
    pub addresses_per_client: u32,
    /// Text messages on behalf of one client.
    pub sms_per_client: u32,
}

/// How long records are kept after they were last of use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RetentionPolicy {
    /// A client without a session and without a sign-up in progress.
    pub client: Span,
    /// A finished sign-up whose session is over.
    pub finished: Span,
}

impl Policy {
    /// How long the store keeps records that are of no use any more.
    pub const fn retention(&self) -> RetentionPolicy {
        RetentionPolicy { client: self.keep_client, finished: self.keep_finished }
    }

    /// Whether whoever proves an account by `strategy` needs no captcha: its provider tells people from machines.
    pub fn waives_captcha(&self, strategy: &Strategy) -> bool {
        let is_listed = |name: &str| self.captcha_bypass.iter().any(|listed| listed == name);
        is_listed(&strategy.to_string()) || strategy.provider().is_some_and(|provider| is_listed(&provider))
    }
}

impl Default for AddressLimits {
    fn default() -> Self {
        Self {
            messages: 20,
            messages_per_client: 10,
            guesses: 100,
            guesses_per_client: 25,
            account_failures: 100,
            by_source: true,
            addresses_per_client: 50,
            sms_per_client: 20,
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            code_ttl: Span::from_secs(600),
            link_ttl: Span::from_secs(600),
            attempts_max: 5,
            resend_cooldown: Span::from_secs(30),
            test_mode: false,
            address_limits: Some(AddressLimits::default()),
            abandon_after: Span::from_secs(86_400),
            keep_finished: Span::from_secs(86_400),
            keep_client: Span::from_secs(30 * 86_400),
            session_lifetime: Span::from_secs(7 * 86_400),
            single_session: true,
            captcha_bypass: Vec::new(),
            sms_costly_numbers: false,
        }
    }
}
