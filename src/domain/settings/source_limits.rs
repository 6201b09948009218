//! Limits per network source, as numbers ([guide: Limits](crate::guide::contract_errors#limits)). The limiter does the
//! counting.

use crate::domain::time::Span;

/// What one source and its network may use within any window of this length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Uses by one source: an IPv4 address or an IPv6 /64.
    pub source: u32,
    /// Uses by all sources of one network together: an IPv4 /24 or an IPv6 /48.
    pub network: u32,
    /// The length of the window.
    pub window: Span,
}

/// The budget of each kind of costly call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceLimits {
    /// New sign-ups and sign-ins, and new entries on the waiting list.
    pub creates: Budget,
    /// Guesses at codes and passwords.
    pub attempts: Budget,
    /// Look-ups whether a user holds an identifier.
    pub look_ups: Budget,
    /// E-mails sent.
    pub emails: Budget,
    /// Text messages sent.
    pub sms: Budget,
    /// Passwords hashed.
    pub passwords: Budget,
    /// Clients created.
    pub clients: Budget,
    /// Durable writes.
    pub writes: Budget,
    /// Session tokens signed.
    pub tokens: Budget,
    /// Text messages a day to one prefix of phone numbers, from all sources; `None` for no limit.
    pub sms_per_prefix: Option<u32>,
    /// Text messages a day to one country, from all sources; `None` for no limit.
    pub sms_per_country: Option<u32>,
    /// Text messages a day to all numbers, from all sources; `None` for no limit.
    pub sms_per_day: Option<u32>,
    /// When a prefix is stopped because its codes are hardly used; `None` for never.
    pub sms_conversion: Option<Conversion>,
}

/// When a prefix of phone numbers is stopped because hardly any of the codes sent to it are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conversion {
    /// How many of a hundred codes have to be used.
    pub least_percent: u32,
    /// How many codes are sent within a day before that is looked at.
    pub after: u32,
    /// For how long it is stopped.
    pub pause: Span,
}

impl Budget {
    /// A budget whose network has `factor` times the uses of a source.
    pub const fn new(source: u32, factor: u32, window: Span) -> Self {
        Self { source, network: source.saturating_mul(factor), window }
    }

    /// The same window with `factor` times as many uses.
    #[must_use]
    pub const fn times(self, factor: u32) -> Self {
        let Self { source, network, window } = self;
        Self { source: source.saturating_mul(factor), network: network.saturating_mul(factor), window }
    }
}

impl Default for SourceLimits {
    /// The values of `config/default.toml` for a production instance.
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
            sms_per_country: None,
            sms_per_day: None,
            sms_conversion: Some(Conversion { least_percent: 5, after: 100, pause: Span::from_secs(21_600) }),
        }
    }
}
