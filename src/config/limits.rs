//! The limits in force: set values, or defaults by mode. Behind all addresses of a development instance are one person
//! and that person's tests, so its limits only stop runaway programs.

use crate::domain::policy::AddressLimits;
use crate::domain::settings::source_limits::{Budget, Conversion, SourceLimits};
use crate::domain::time::Span;

use super::load::Config;

impl Config {
    /// Limits by source; `None` if they are off.
    pub fn source_limits(&self) -> Option<SourceLimits> {
        let limits = &self.limits;
        if !limits.source {
            return None;
        }
        let creates = self.or_by_mode(limits.source_creates_per_10s, 5);
        let attempts = self.or_by_mode(limits.source_attempts_per_10s, 3);
        let by_creates = |given: Option<u32>, times: u32| given.unwrap_or_else(|| creates.saturating_mul(times));
        let passwords = creates.saturating_add(attempts).saturating_mul(2);
        let budget = |count, seconds| Budget::new(count, limits.network_factor, Span::from_secs(seconds));
        Some(SourceLimits {
            creates: budget(creates, 10),
            attempts: budget(attempts, 10),
            look_ups: budget(by_creates(limits.source_look_ups_per_minute, 12), 60),
            emails: budget(by_creates(limits.source_emails_per_minute, 12), 60),
            sms: budget(self.or_by_mode(limits.source_sms_per_10min, 20), 600),
            passwords: budget(limits.source_passwords_per_10s.unwrap_or(passwords), 10),
            clients: budget(by_creates(limits.source_clients_per_10s, 6), 10),
            writes: budget(by_creates(limits.source_writes_per_10s, 60), 10),
            tokens: budget(by_creates(limits.source_tokens_per_10s, 120), 10),
            sms_per_prefix: Some(self.or_by_mode(limits.sms_prefix_per_day, 200)).filter(|count| *count > 0),
            sms_per_country: Some(limits.sms_country_per_day).filter(|count| *count > 0),
            sms_per_day: Some(limits.sms_per_day).filter(|count| *count > 0),
            sms_conversion: (limits.sms_conversion_min > 0).then(|| Conversion {
                least_percent: limits.sms_conversion_min,
                after: limits.sms_conversion_after,
                pause: Span::from_secs(limits.sms_conversion_pause_s),
            }),
        })
    }

    /// Limits by address, account and client; `None` if they are off.
    pub fn address_limits(&self) -> Option<AddressLimits> {
        let limits = &self.limits;
        limits.address.then(|| AddressLimits {
            messages: self.or_by_mode(limits.address_messages_per_hour, 20),
            messages_per_client: self.or_by_mode(limits.address_messages_per_client_per_hour, 10),
            guesses: self.or_by_mode(limits.address_guesses_per_hour, 100),
            guesses_per_client: self.or_by_mode(limits.address_guesses_per_client_per_hour, 25),
            account_failures: self.or_by_mode(limits.account_failures_max, 100),
            by_source: limits.source,
            addresses_per_client: self.or_by_mode(limits.addresses_per_client_per_hour, 50),
            sms_per_client: self.or_by_mode(limits.sms_per_client_per_hour, 20),
        })
    }

    /// A limit as set, or the default of the mode.
    fn or_by_mode(&self, given: Option<u32>, in_production: u32) -> u32 {
        given.unwrap_or(if self.is_development() { IN_DEVELOPMENT } else { in_production })
    }

    /// The optional keys of `[limits]` with the numbers in force.
    pub(super) fn limits_in_force(&self) -> Vec<(&'static str, u32)> {
        let mut keys = Vec::new();
        if let Some(by_source) = self.source_limits() {
            keys.extend([
                ("source_creates_per_10s", by_source.creates.source),
                ("source_attempts_per_10s", by_source.attempts.source),
                ("source_look_ups_per_minute", by_source.look_ups.source),
                ("source_emails_per_minute", by_source.emails.source),
                ("source_sms_per_10min", by_source.sms.source),
                ("source_passwords_per_10s", by_source.passwords.source),
                ("source_clients_per_10s", by_source.clients.source),
                ("source_writes_per_10s", by_source.writes.source),
                ("source_tokens_per_10s", by_source.tokens.source),
                ("sms_prefix_per_day", by_source.sms_per_prefix.unwrap_or(0)),
            ]);
        }
        if let Some(by_address) = self.address_limits() {
            keys.extend([
                ("address_messages_per_hour", by_address.messages),
                ("address_messages_per_client_per_hour", by_address.messages_per_client),
                ("address_guesses_per_hour", by_address.guesses),
                ("address_guesses_per_client_per_hour", by_address.guesses_per_client),
                ("account_failures_max", by_address.account_failures),
                ("addresses_per_client_per_hour", by_address.addresses_per_client),
                ("sms_per_client_per_hour", by_address.sms_per_client),
            ]);
        }
        keys
    }
}

/// More than tests need, and less than a runaway program makes.
const IN_DEVELOPMENT: u32 = 1000;
