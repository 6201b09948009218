//! How much one place on the network may cause, as numbers ([guide: Limits](crate::guide::contract_errors#limits)).
//! Counting is the limiter's business.

use crate::domain::time::Span;

/// What one source and the network around it may do in any window of so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// How many uses one source has: an IPv4 address or an IPv6 /64.
    pub source: u32,
    /// How many uses all sources in a network have together: an IPv4 /24 or an IPv6 /48.
    pub network: u32,
    /// In how long.
    pub window: Span,
}

/// The budget of each family of calls that cost something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceLimits {
    /// Sign-ups and sign-ins begun, and entries on the waiting list.
    pub creates: Budget,
    /// Guesses at codes and passwords.
    pub attempts: Budget,
    /// Questions whether an identifier is somebody's.
    pub look_ups: Budget,
    /// E-mails caused.
    pub emails: Budget,
    /// Text messages caused.
    pub sms: Budget,
    /// Passwords hashed.
    pub passwords: Budget,
    /// Clients opened.
    pub clients: Budget,
    /// Durable writes caused.
    pub writes: Budget,
    /// Session tokens signed.
    pub tokens: Budget,
    /// Text messages to one prefix of phone numbers in a day, from wherever; `None` for any number.
    pub sms_per_prefix: Option<u32>,
}

impl Budget {
    /// A budget whose network has `factor` times what a source has.
    pub const fn new(source: u32, factor: u32, window: Span) -> Self {
        Self { source, network: source.saturating_mul(factor), window }
    }

    /// The same with `factor` times as much of everything.
    #[must_use]
    pub const fn times(self, factor: u32) -> Self {
        let Self { source, network, window } = self;
        Self { source: source.saturating_mul(factor), network: network.saturating_mul(factor), window }
    }
}

impl Default for SourceLimits {
    /// The numbers of `config/default.toml` for a production instance.
    fn default() -> Self {
        let (ten_seconds, minute) = (Span::from_secs(10), Span::from_secs(60));
        let budget = |source, window| Budget::new(source, 20, window);
        Self {
            creates: budget(5, ten_seconds),
            attempts: budget(3, ten_seconds),
            look_ups: budget(60, minute),
            emails: budget(60, minute),
            sms: budget(20, Span::from_secs(600)),
            passwords: budget(16, ten_seconds),
            clients: budget(30, ten_seconds),
            writes: budget(300, ten_seconds),
            tokens: budget(600, ten_seconds),
            sms_per_prefix: Some(200),
        }
    }
}
