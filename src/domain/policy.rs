//! The operator's numbers: durations, attempt limits, and how much one address or client may use. The requirements for
//! users are in [`super::settings`].

use super::time::Span;
use super::verification::Strategy;

/// Numbers that the operator chooses in `[verification]`, `[limits]`, `[sign_up]` and `[session]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How long a code is valid.
    pub code_ttl: Span,
    /// How long a link is valid.
    pub link_ttl: Span,
    /// Maximum number of attempts per verification.
    pub attempts_max: u32,
    /// Minimum time between two codes from the same sign-up to the same address; zero switches it off.
    pub resend_cooldown: Span,
    /// Whether test addresses take the fixed code ([guide: Test mode](crate::guide::contract_sign_ups#test-mode));
    /// development instances only.
    pub test_mode: bool,
    /// Whether the application's backend may switch the test mode; development instances only.
    pub test_mode_settable: bool,
    /// The exact limits per address and client; `None` when they are off.
    pub address_limits: Option<AddressLimits>,
    /// After this time without an accepted write a sign-up is abandoned.
    pub abandon_after: Span,
    /// How long a sign-up waits for approval before it is abandoned.
    pub approval_wait: Span,
    /// How long a finished sign-up stays readable for its client.
    pub keep_finished: Span,
    /// How long a client without a session is kept after its last use.
    pub keep_client: Span,
    /// Whether events are recorded ([guide: Events](crate::guide::events)).
    pub record_events: bool,
    /// How long events are kept.
    pub keep_events: Span,
    /// How long it is kept what became of a message; zero keeps nothing
    /// ([guide: Messages](crate::guide::contract_backend#messages)).
    pub keep_messages: Span,
    /// Maximum lifetime of a session.
    pub session_lifetime: Span,
    /// Whether a client holds one session at most.
    pub single_session: bool,
    /// Whether a change of how a person signs in needs a factor that was proved a short time ago
    /// ([guide: Re-verification](crate::guide::contract_me#re-verification)).
    pub reverification: bool,
    /// The strategies of providers whose accounts need no captcha. The engine takes them from its captcha service.
    pub captcha_bypass: Vec<String>,
    /// Whether text messages are sent to premium-rate, satellite and other numbers that cost the operator much.
    pub sms_costly_numbers: bool,
    /// Whether a client may choose WhatsApp for codes to phone numbers. If not, such codes go by text message.
    pub whatsapp: bool,
}

/// Exact limits per normalised address, account and client, per hour unless said otherwise
/// ([guide: Limits](crate::guide::contract_errors#limits)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressLimits {
    /// Messages to one address.
    pub messages: u32,
    /// Messages to one address on behalf of one client.
    pub messages_per_client: u32,
    /// Guesses at codes sent to one address.
    pub guesses: u32,
    /// Guesses at codes sent to one address by one client.
    pub guesses_per_client: u32,
    /// Consecutive failed sign-ins to one account, whichever identifier they use; counted until a success, not per
    /// hour. At least 3.
    pub account_failures: u32,
    /// Whether one source may use only a part of the failures allowed to unknown clients.
    pub by_source: bool,
    /// Different addresses to which one client may have messages sent.
    pub addresses_per_client: u32,
    /// Text messages on behalf of one client.
    pub sms_per_client: u32,
}

/// How long records are kept after their last use, and events after they happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RetentionPolicy {
    /// How long a client without a session and without a sign-up in progress is kept after its last use.
    pub client: Span,
    /// How long a finished sign-up is kept after its completion, at least. It stays as long as its session lives.
    pub finished: Span,
    /// How long an event is kept.
    pub events: Span,
    /// How long it is kept what became of a message.
    pub messages: Span,
}

impl Policy {
    /// How long the store keeps records that are no longer of use.
    pub const fn retention(&self) -> RetentionPolicy {
        RetentionPolicy {
            client: self.keep_client,
            finished: self.keep_finished,
            events: self.keep_events,
            messages: self.keep_messages,
        }
    }

    /// Whether a person who proves an account by `strategy` needs no captcha: its provider already keeps bots out.
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
            test_mode_settable: false,
            address_limits: Some(AddressLimits::default()),
            abandon_after: Span::from_secs(86_400),
            approval_wait: Span::from_secs(7 * 86_400),
            keep_finished: Span::from_secs(86_400),
            keep_client: Span::from_secs(30 * 86_400),
            record_events: true,
            keep_events: Span::from_secs(7 * 86_400),
            keep_messages: Span::from_secs(7 * 86_400),
            session_lifetime: Span::from_secs(7 * 86_400),
            single_session: true,
            reverification: false,
            captcha_bypass: Vec::new(),
            sms_costly_numbers: false,
            whatsapp: false,
        }
    }
}
