//! Checks that types can't make: ranges, and keys that depend on each other. All faults are reported at once.

use std::path::PathBuf;

use crate::delivery::{Channel, Security};
use crate::domain::guessable::guessable;
use crate::domain::secret::Secret;
use crate::domain::settings::{Attribute, Settings};
use crate::passkey::RelyingParty;
use crate::webhook::{EndpointUrl, EventFilter, SigningSecret, Targets};

use super::error::ConfigError;
use super::layer::Layer;
use super::load::Config;
use super::message_checks::of_messages;
#[cfg(feature = "http-messages")]
use super::providers::message_api;
use super::sections::{DeliveredBy, Email, Limits};
use super::values::{EmailTransport, Mode, SmsTransport, StoreKind};

/// Checks a whole configuration. `layer` knows where each key was set.
pub(super) fn check(config: &Config, layer: &Layer) -> Result<(), ConfigError> {
    check_apart_from(&[], config, layer)
}

/// Like [`check`], without `sections`: they have faults already, and a further fault may only be a consequence.
pub(super) fn check_apart_from(sections: &[&str], config: &Config, layer: &Layer) -> Result<(), ConfigError> {
    let mut faults = Vec::new();
    let mut fault = |key: &str, reason: &str| {
        if !sections.iter().any(|section| key.split('.').next() == Some(*section)) {
            faults.push(ConfigError::at(layer.place(key), key, reason));
        }
    };
    let ranges = ranges(config).into_iter().chain(email_ranges(&config.email)).chain(limit_ranges(&config.limits));
    for (key, value, min, max) in ranges {
        if value < min || value > max {
            fault(key, &format!("is {value}; it must be from {min} to {max}"));
        }
    }
    let groups = [
        of_paths(config),
        of_email(config),
        of_messages(&config.email),
        of_sms(config),
        of_passwords(config),
        of_passkeys(config),
        of_captcha(config),
        of_webhooks(config),
    ];
    for (key, reason) in groups.into_iter().flatten().chain(of_production(config)) {
        fault(key, &reason);
    }
    ConfigError::all(faults)
}

/// Empty paths. Most often they come from an environment variable that was set without a value.
fn of_paths(config: &Config) -> Faults {
    let is_empty = |path: &PathBuf| path.as_os_str().is_empty();
    let mut faults = Faults::new();
    if config.instance.key_file.as_ref().is_some_and(is_empty) {
        faults.push(("instance.key_file", "is empty; name the file of the key, or leave this out".into()));
    }
    if config.server.npm_dir.as_ref().is_some_and(is_empty) {
        faults.push(("server.npm_dir", "is empty; name a `node_modules` folder, or leave this out".into()));
    }
    if config.store.kind == StoreKind::Sled && is_empty(&config.store.path) {
        faults.push(("store.path", "is empty; name the data folder, such as \"data\"".into()));
    }
    if config.store.kind == StoreKind::Postgres {
        of_database(config, &mut faults);
    }
    faults
}

fn of_database(config: &Config, faults: &mut Faults) {
    match config.store.url.as_ref().map(|url| url.expose().split_once("://")) {
        Some(Some(("postgres" | "postgresql", _))) => {}
        Some(_) => faults.push(("store.url", "must begin with postgres://".into())),
        None => {
            faults.push(("store.url", "is missing; name the database, such as postgres://user@host/database".into()))
        }
    }
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let prefix = config.store.prefix.as_bytes();
    if !prefix.iter().all(|byte| is_word(*byte)) || prefix.len() > 48 || prefix.first().is_none_or(u8::is_ascii_digit) {
        let reason = "must be at most 48 lower-case letters, digits and underscores, and begin with no digit";
        faults.push(("store.prefix", reason.into()));
    }
    if config.instance.key_file.is_none() {
        let reason = "is missing; with `store.kind = \"postgres\"` there is no data folder that it could be in, so name the file";
        faults.push(("instance.key_file", reason.into()));
    }
}

fn of_email(config: &Config) -> Faults {
    let email = &config.email;
    let mut faults = Faults::new();
    let transports = config.email_transports();
    let names: Vec<_> = transports.iter().map(|transport| transport.as_str()).collect();
    faults.extend(of_order("email.fallback", &names, email.transport.sends()));
    let mut fault = |key, reason: &str| faults.push((key, reason.to_owned()));
    let has_sender = email.from.as_deref().unwrap_or_default().contains('@');
    if email.transport.sends() && !has_sender {
        fault("email.from", "must be the sender, such as \"Acme <no-reply@acme.example>\"");
    }
    faults.extend(
        names.iter().filter_map(|name| of_api(name, config)).filter(|(key, _)| has_sender || *key != "email.from"),
    );
    let mut fault = |key, reason: &str| faults.push((key, reason.to_owned()));
    if !transports.contains(&EmailTransport::Smtp) {
        return faults;
    }
    if email.host.as_deref().unwrap_or_default().is_empty() {
        fault("email.host", "is missing; give the SMTP server's name, or another `email.transport`");
    }
    let is_name = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
    if email.hello_name.as_deref().is_some_and(|name| !is_name(name)) {
        fault("email.hello_name", "must be a name such as \"mail.acme.example\"");
    }
    if email.username.is_some() != email.password.is_some() {
        let given = if email.username.is_some() { "email.username" } else { "email.password" };
        fault(given, "is given alone; give both `email.username` and `email.password`, or neither");
    }
    if email.password.is_some() && email.security == Security::None && !is_loopback(email.host.as_deref()) {
        let reason = "is \"none\", which would send `email.password` unencrypted; use \"starttls\" or \"tls\"";
        fault("email.security", reason);
    }
    faults
}

/// The transports of text messages.
fn of_sms(config: &Config) -> Faults {
    let sms = &config.sms;
    let names = |transports: &[SmsTransport]| transports.iter().map(|name| name.as_str()).collect::<Vec<_>>();
    let mut faults = of_order("sms.fallback", &names(&config.sms_transports()), sms.transport.sends());
    for (number, route) in (1..).zip(&sms.routes) {
        let mut fault = |reason: &str| {
            faults.push(("sms.routes", format!("has an entry that can't be used, number {number}: {reason}")));
        };
        let digits = route.prefix.strip_prefix('+').unwrap_or_default();
        if digits.is_empty() || digits.len() > 15 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            fault("its prefix must be + and digits, such as \"+49\"");
        }
        if sms.routes.iter().take(number - 1).any(|earlier| earlier.prefix == route.prefix) {
            fault("an earlier one has the same prefix");
        }
        if route.transports.is_empty() || route.transports.iter().any(|transport| !transport.sends()) {
            fault("its transports must be names of providers, such as [\"twilio\"]");
        }
        if !sms.transport.sends() {
            fault("it has no effect, because `sms.transport` names no provider");
        }
    }
    let used = config.sms_transports_of_all_routes();
    faults.extend(names(&used).iter().filter_map(|name| of_api(name, config)));
    faults
}

/// The order of providers: the transport, then those to fall back to.
fn of_order(key: &'static str, names: &[&str], sends: bool) -> Faults {
    let fallback = names.get(1..).unwrap_or_default();
    let repeated = fallback.iter().enumerate().find(|(place, name)| names[..=*place].contains(*name));
    let reason = match (fallback.iter().find(|name| matches!(**name, "capture" | "none")), repeated) {
        (Some(name), _) => format!("contains {name:?}, which sends nothing; name providers"),
        (None, Some((_, name))) => format!("contains {name:?}, which is asked before already"),
        (None, None) if !sends && !fallback.is_empty() => {
            "has no effect, because the transport names no provider; write the first provider there".into()
        }
        (None, None) => return Faults::new(),
    };
    vec![(key, reason)]
}

/// What is wrong with the keys of a provider.
#[cfg(feature = "http-messages")]
fn of_api(name: &str, config: &Config) -> Option<(&'static str, String)> {
    message_api(name, config)?.err().map(|error| (error.key, error.reason))
}

#[cfg(not(feature = "http-messages"))]
fn of_api(_: &str, _: &Config) -> Option<(&'static str, String)> {
    None
}

fn of_passwords(config: &Config) -> Faults {
    let password = &config.password;
    let mut faults = Faults::new();
    if u64::from(password.m_kib) < 8 * u64::from(password.p) {
        faults.push(("password.m_kib", "must be at least 8 times `password.p`".into()));
    }
    let pwned = password.pwned_range_url.as_ref().and_then(|url| url::Url::parse(url.as_str()).ok());
    if let Some(url) = pwned
        && url.scheme() != "https"
        && config.instance.mode == Mode::Production
        && !is_loopback(url.host_str())
    {
        let reason = "is not https, so others on the network could read the requests; only a service on this machine \
                      may be called without https";
        faults.push(("password.pwned_range_url", reason.into()));
    }
    faults
}

/// The domain and the origins of passkeys. Which domain it is where none is given, the engine finds.
fn of_passkeys(config: &Config) -> Faults {
    let section = &config.passkeys;
    let Some(id) = &section.rp_id else {
        let mut faults = Faults::new();
        if !section.origins.is_empty() {
            let reason = "is given without `passkeys.rp_id`; give the domain that these origins share";
            faults.push(("passkeys.origins", reason.into()));
        }
        if section.rp_name.is_some() {
            faults.push(("passkeys.rp_name", "is given without `passkeys.rp_id`; give both".into()));
        }
        if config.settings().attributes.passkey.enabled && !has_domain(config) {
            let reason = "is missing, and neither `instance.home_url` nor `server.allowed_origins` nor `server.public_url` \
                          has a domain; give the domain of your pages, such as \"example.com\"";
            faults.push(("passkeys.rp_id", reason.into()));
        }
        return faults;
    };
    match RelyingParty::new(id) {
        Err(error) => vec![("passkeys.rp_id", format!("can't be used: {error}"))],
        Ok(party) => match party.only_from(&section.origins) {
            Err(error) => vec![("passkeys.origins", format!("has an entry that can't be used: {error}"))],
            Ok(_) => Faults::new(),
        },
    }
}

/// Whether the engine finds the domain of the application's pages.
fn has_domain(config: &Config) -> bool {
    let home = config.instance.home_url.iter().map(|url| url.as_str().to_owned());
    let pages = config.server.allowed_origins.iter().map(|origin| origin.as_str().to_owned());
    let own = config.public_url(config.server.listen.address.port().max(1)).to_string();
    let urls: Vec<String> = home.chain(pages).chain([own]).collect();
    RelyingParty::of_pages(urls.iter().map(String::as_str)).is_some()
}

fn of_captcha(config: &Config) -> Faults {
    let captcha = &config.captcha;
    let mut faults = Faults::new();
    let mut fault = |key, reason: &str| faults.push((key, reason.to_owned()));
    if captcha.provider.is_none() {
        if config.settings().sign_up.captcha_enabled {
            fault("captcha.provider", "is \"none\", but the settings require captchas; name the service");
        }
        return faults;
    }
    if captcha.site_key.as_deref().unwrap_or_default().is_empty() {
        fault("captcha.site_key", "is missing; give the site key of the service, with which browsers show the captcha");
    }
    if captcha.secret.as_ref().is_none_or(|secret| secret.expose().is_empty()) {
        fault("captcha.secret", "is missing; give the secret key that the service gave you");
    }
    faults
}

/// The endpoints of webhooks. No reason repeats a secret, or a URL, which may contain one.
fn of_webhooks(config: &Config) -> Faults {
    let targets = if config.is_development() { Targets::AlsoLocal } else { Targets::Public };
    let mut faults = Faults::new();
    for (key, delivered_by) in [("email", config.email.delivered_by), ("sms", config.sms.delivered_by)] {
        if !config.events.record && delivered_by == DeliveredBy::Webhook {
            let sentence = format!("is false, so `{key}.delivered_by = \"webhook\"` would send no message; write true");
            faults.push(("events.record", sentence));
        }
    }
    if !config.events.record && !config.webhooks.endpoints.is_empty() {
        faults.push(("events.record", "is false, so `webhooks.endpoints` would be told of nothing; write true".into()));
    }
    let mut urls = Vec::new();
    for (number, endpoint) in (1..).zip(&config.webhooks.endpoints) {
        let mut fault = |reason: &dyn std::fmt::Display| {
            faults.push(("webhooks.endpoints", format!("has an entry that can't be used, number {number}: {reason}")));
        };
        match EndpointUrl::parse(&endpoint.url, targets) {
            Ok(url) if urls.contains(&url) => fault(&"an earlier one has the same URL"),
            Ok(url) => urls.push(url),
            Err(error) => fault(&error),
        }
        if let Err(error) = EventFilter::parse(endpoint.events.iter().map(String::as_str)) {
            fault(&error);
        }
        if let Some(reason) = weakness(&endpoint.secret, config) {
            fault(&reason);
        }
    }
    let asked = &config.webhooks.before_sign_up_completes;
    let mut fault = |key, reason: String| faults.push((key, reason));
    match (&asked.url, &asked.secret) {
        (Some(url), Some(secret)) => {
            if let Err(error) = EndpointUrl::parse(url, targets) {
                fault(ASKED_URL, format!("can't be used: {error}"));
            }
            if let Some(reason) = weakness(secret, config) {
                fault(ASKED_SECRET, format!("can't be used: {reason}"));
            }
        }
        (Some(_), None) => fault(ASKED_SECRET, "is missing; questions are signed with it".into()),
        (None, Some(_)) => fault(ASKED_URL, "is missing; give the URL that is asked, or no secret".into()),
        (None, None) => {}
    }
    faults
}

/// Why webhooks can't be signed with this secret. In development it may be easy to guess.
fn weakness(secret: &Secret<String>, config: &Config) -> Option<String> {
    if let Err(error) = secret.expose().parse::<SigningSecret>() {
        return Some(error.to_string());
    }
    let why = guessable(secret.expose().trim_start_matches("whsec_").as_bytes());
    why.filter(|_| !config.is_development())
        .map(|why| format!("the secret is easy to guess: it {why}; make one: echo whsec_$(openssl rand -base64 32)"))
}

fn of_production(config: &Config) -> Faults {
    let mut faults = Faults::new();
    let mut fault = |key, reason: &str| faults.push((key, reason.to_owned()));
    if config.instance.mode != Mode::Production {
        return faults;
    }
    let (sends_email, sends_sms) = sent(config.settings());
    match config.email.transport {
        _ if config.is_handed_over(Channel::Email) => {}
        EmailTransport::Capture => fault(
            "email.transport",
            "is \"capture\", which keeps codes in memory and sends nothing; a production instance needs \"smtp\" or \
             the name of a provider, or \"none\" if its settings verify no e-mail address",
        ),
        EmailTransport::None if sends_email => {
            fault(
                "email.transport",
                "is \"none\", but the settings verify e-mail addresses; use \"smtp\" or a provider",
            );
        }
        _ => {}
    }
    if sends_sms && !config.sms.transport.sends() && !config.is_handed_over(Channel::Sms) {
        let name = config.sms.transport.as_str();
        let reason = format!(
            "is {name:?}, but the settings verify phone numbers; use \"twilio\", \"vonage\" or \"http\", or write enabled \
             = false in [settings.attributes.phone_number]"
        );
        fault("sms.transport", &reason);
    }
    if let Some(key) = &config.instance.secret_key {
        match random_part(key.expose()).map(|part| guessable(part.as_bytes())) {
            None => fault("instance.secret_key", "must be sk_live_ or sk_test_ and at least 32 letters and digits"),
            Some(Some(why)) => fault(
                "instance.secret_key",
                &format!("is easy to guess: it {why}; make one: echo sk_live_$(openssl rand -hex 32)"),
            ),
            Some(None) => {}
        }
    }
    if config.verification.test_mode {
        fault(
            "verification.test_mode",
            "is for development: in production anyone could verify a test address with the code 424242; write false",
        );
    }
    faults
}

/// Whether the key has the right form and is not easy to guess.
pub(super) fn is_secret_key(key: &str) -> bool {
    random_part(key).is_some_and(|rest| guessable(rest.as_bytes()).is_none())
}

/// The random part of a key in the right form.
fn random_part(key: &str) -> Option<&str> {
    let rest = key.strip_prefix("sk_live_").or_else(|| key.strip_prefix("sk_test_"));
    rest.filter(|rest| rest.len() >= 32 && rest.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// Whether the settings can cause e-mail and text messages.
pub(super) fn sent(settings: &Settings) -> (bool, bool) {
    let sends = |attribute: &Attribute| attribute.enabled && !attribute.verifications.is_empty();
    (sends(&settings.attributes.email_address), sends(&settings.attributes.phone_number))
}

pub(super) fn is_loopback(host: Option<&str>) -> bool {
    let host = host.unwrap_or_default();
    let host = host.trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Numeric keys with their ranges.
fn ranges(config: &Config) -> Vec<Range> {
    let Config { server, verification, sign_up, session, password, telemetry, webhooks, .. } = config;
    let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    vec![
        ("server.max_body_bytes", count(server.max_body_bytes), 1024, 16 << 20),
        ("server.header_timeout_ms", server.header_timeout_ms, 100, 600_000),
        ("server.body_timeout_ms", server.body_timeout_ms, 100, 600_000),
        ("server.write_timeout_ms", server.write_timeout_ms, 100, 600_000),
        ("server.min_bytes_per_s", u64::from(server.min_bytes_per_s), 1, MILLION),
        ("server.max_connections", count(server.max_connections), 1, MILLION),
        ("server.connections_per_source", count(server.connections_per_source.unwrap_or(1)), 1, MILLION),
        ("server.drain_timeout_s", server.drain_timeout_s, 1, 600),
        ("verification.code_ttl_s", verification.code_ttl_s, 1, DAY_S),
        ("verification.link_ttl_s", verification.link_ttl_s, 1, DAY_S),
        ("verification.attempts_max", u64::from(verification.attempts_max), 1, 100),
        ("verification.resend_cooldown_s", verification.resend_cooldown_s, 0, 3600),
        ("sign_up.abandon_after_s", sign_up.abandon_after_s, 1, 366 * DAY_S),
        ("sign_up.approval_wait_s", sign_up.approval_wait_s, 1, 366 * DAY_S),
        ("store.read_lease_ms", config.store.read_lease_ms, 0, 60_000),
        ("sign_up.passivate_after_s", sign_up.passivate_after_s, 1, DAY_S),
        ("sign_up.keep_finished_s", sign_up.keep_finished_s, 0, 366 * DAY_S),
        ("session.lifetime_s", session.lifetime_s, 60, 3660 * DAY_S),
        ("session.keep_client_s", session.keep_client_s, 3600, 3660 * DAY_S),
        ("events.keep_s", config.events.keep_s, 3600, 366 * DAY_S),
        ("messages.keep_s", config.messages.keep_s, 0, 366 * DAY_S),
        ("session.token_ttl_s", session.token_ttl_s, 5, DAY_S),
        ("session.handshake_bytes_max", session.handshake_bytes_max, 0, 3900),
        // Upper bounds as in `HashParameters::MAX`: a hash above them could never be verified.
        ("password.m_kib", u64::from(password.m_kib), 8, 256 << 10),
        ("password.t", u64::from(password.t), 1, 16),
        ("password.p", u64::from(password.p), 1, 8),
        ("password.threads", count(password.threads), 0, 1024),
        ("password.queue", count(password.queue), 1, MILLION),
        ("webhooks.before_sign_up_completes.timeout_ms", webhooks.before_sign_up_completes.timeout_ms, 100, 10_000),
        ("sms.request_timeout_s", config.sms.request_timeout_s, 1, 300),
        ("sms.requests_max", count(config.sms.requests_max), 1, 1000),
        ("telemetry.requests_one_in", u64::from(telemetry.requests_one_in), 1, MILLION),
    ]
}

/// Timeouts of e-mail. A message must be sent while its code is valid, and one step is shorter than the whole.
fn email_ranges(email: &Email) -> Vec<Range> {
    vec![
        ("email.connections_max", u64::try_from(email.connections_max).unwrap_or(u64::MAX), 1, 1000),
        ("email.command_timeout_s", email.command_timeout_s, 1, email.timeout_s.max(1)),
        ("email.timeout_s", email.timeout_s, 1, 300),
        ("email.request_timeout_s", email.request_timeout_s, 1, 300),
        ("email.requests_max", u64::try_from(email.requests_max).unwrap_or(u64::MAX), 1, 1000),
    ]
}

/// Ranges of `[limits]`.
fn limit_ranges(limits: &Limits) -> Vec<Range> {
    let limit = |key, n: u32| (key, u64::from(n), 1, MILLION);
    let optional = |key, n: Option<u32>| limit(key, n.unwrap_or(1));
    vec![
        optional("limits.source_creates_per_10s", limits.source_creates_per_10s),
        optional("limits.source_attempts_per_10s", limits.source_attempts_per_10s),
        optional("limits.source_look_ups_per_minute", limits.source_look_ups_per_minute),
        optional("limits.source_emails_per_minute", limits.source_emails_per_minute),
        optional("limits.source_sms_per_10min", limits.source_sms_per_10min),
        optional("limits.source_passwords_per_10s", limits.source_passwords_per_10s),
        optional("limits.source_clients_per_10s", limits.source_clients_per_10s),
        optional("limits.source_writes_per_10s", limits.source_writes_per_10s),
        optional("limits.source_tokens_per_10s", limits.source_tokens_per_10s),
        limit("limits.network_factor", limits.network_factor),
        ("limits.sms_country_per_day", limits.sms_country_per_day.into(), 0, MILLION),
        ("limits.sms_per_day", limits.sms_per_day.into(), 0, 1000 * MILLION),
        ("limits.sms_conversion_min", limits.sms_conversion_min.into(), 0, 100),
        ("limits.sms_conversion_after", limits.sms_conversion_after.into(), 1, MILLION),
        ("limits.sms_conversion_pause_s", limits.sms_conversion_pause_s, 60, 7 * DAY_S),
        ("limits.sms_prefix_per_day", u64::from(limits.sms_prefix_per_day.unwrap_or(0)), 0, MILLION),
        optional("limits.address_messages_per_hour", limits.address_messages_per_hour),
        optional("limits.address_messages_per_client_per_hour", limits.address_messages_per_client_per_hour),
        optional("limits.address_guesses_per_hour", limits.address_guesses_per_hour),
        optional("limits.address_guesses_per_client_per_hour", limits.address_guesses_per_client_per_hour),
        ("limits.account_failures_max", u64::from(limits.account_failures_max.unwrap_or(3)), 3, MILLION),
        optional("limits.addresses_per_client_per_hour", limits.addresses_per_client_per_hour),
        optional("limits.sms_per_client_per_hour", limits.sms_per_client_per_hour),
    ]
}

/// Faults as (key, reason); the reason continues a sentence that begins with the key.
type Faults = Vec<(&'static str, String)>;

/// Key, value, minimum and maximum.
type Range = (&'static str, u64, u64, u64);

const ASKED_URL: &str = "webhooks.before_sign_up_completes.url";
const ASKED_SECRET: &str = "webhooks.before_sign_up_completes.secret";
const MILLION: u64 = 1_000_000;
const DAY_S: u64 = 86_400;
