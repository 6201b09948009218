//! The sections of the configuration. Every key is documented in `config/default.toml`; a key that is an `Option`
//! here has no value until it is given one.

use std::path::PathBuf;

use serde::Deserialize;

use crate::domain::secret::Secret;

use super::values::{
    Algorithm, AllowedRedirect, CaptchaProvider, Durability, EmailTransport, Listen, LogFormat, Mailbox, Mode, Network,
    Origin, PublicUrl, PublishableKey, RequestLog, Security, SmsTransport, StoreKind, Text, WebUrl,
};

/// `[instance]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in config/default.toml")]
pub struct Instance {
    pub mode: Mode,
    pub publishable_key: Option<PublishableKey>,
    pub secret_key: Option<Secret<String>>,
    pub key_file: Option<PathBuf>,
    pub name: Text,
    pub home_url: Option<WebUrl>,
    pub logo_url: Option<WebUrl>,
    pub favicon_url: Option<WebUrl>,
    pub terms_url: Option<WebUrl>,
    pub privacy_url: Option<WebUrl>,
    pub support_email: Option<Mailbox>,
}

/// `[server]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in config/default.toml")]
pub struct Server {
    pub listen: Listen,
    pub public_url: Option<PublicUrl>,
    pub allowed_origins: Vec<Origin>,
    pub allowed_redirects: Vec<AllowedRedirect>,
    pub trusted_proxies: Vec<Network>,
    pub max_body_bytes: usize,
    pub header_timeout_ms: u64,
    pub body_timeout_ms: u64,
    pub write_timeout_ms: u64,
    pub min_bytes_per_s: u32,
    pub max_connections: usize,
    pub connections_per_source: Option<usize>,
    pub drain_timeout_s: u64,
}

/// `[store]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in config/default.toml")]
pub struct StoreSection {
    pub kind: StoreKind,
    pub path: PathBuf,
    pub durability: Durability,
    pub encryption: bool,
    pub rewrite_after_days: u64,
}

/// `[verification]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in config/default.toml")]
pub struct Verification {
    pub code_ttl_s: u64,
    pub link_ttl_s: u64,
    pub attempts_max: u32,
    pub resend_cooldown_s: u64,
    pub test_mode: bool,
}

/// `[limits]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in config/default.toml")]
pub struct Limits {
    pub source: bool,
    pub source_creates_per_10s: Option<u32>,
    pub source_attempts_per_10s: Option<u32>,
    pub source_look_ups_per_minute: Option<u32>,
    pub source_emails_per_minute: Option<u32>,
    pub source_sms_per_10min: Option<u32>,
    pub source_passwords_per_10s: Option<u32>,
    pub source_clients_per_10s: Option<u32>,
    pub source_writes_per_10s: Option<u32>,
    pub source_tokens_per_10s: Option<u32>,
    pub network_factor: u32,
    pub sms_prefix_per_day: Option<u32>,
    pub sms_costly_numbers: bool,
    pub address: bool,
    pub address_messages_per_hour: Option<u32>,
    pub address_messages_per_client_per_hour: Option<u32>,
    pub address_guesses_per_hour: Option<u32>,
    pub address_guesses_per_client_per_hour: Option<u32>,
    pub account_failures_max: Option<u32>,
    pub addresses_per_client_per_hour: Option<u32>,
    pub sms_per_client_per_hour: Option<u32>,
}

/// `[sign_up]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in config/default.toml")]
pub struct SignUp {
    pub abandon_after_s: u64,
    pub passivate_after_s: u64,
    pub keep_finished_s: u64,
}

/// `[session]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in config/default.toml")]
pub struct Session {
    pub lifetime_s: u64,
    pub keep_client_s: u64,
    pub token_ttl_s: u64,
    pub algorithm: Algorithm,
    pub single: bool,
}

/// `[password]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in config/default.toml")]
pub struct Password {
    pub m_kib: u32,
    pub t: u32,
    pub p: u32,
    pub threads: usize,
    pub queue: usize,
    pub pwned_range_url: Option<WebUrl>,
}

/// `[email]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in config/default.toml")]
pub struct Email {
    pub transport: EmailTransport,
    pub host: Option<String>,
    pub port: Option<u16>,
    pub security: Security,
    pub username: Option<String>,
    pub password: Option<Secret<String>>,
    pub from: Option<String>,
    pub hello_name: Option<String>,
    pub connections_max: usize,
    pub command_timeout_s: u64,
    pub timeout_s: u64,
}

/// `[captcha]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in config/default.toml")]
pub struct Captcha {
    pub provider: CaptchaProvider,
    pub site_key: Option<String>,
    pub site_key_invisible: Option<String>,
    pub secret: Option<Secret<String>>,
    pub verify_url: Option<WebUrl>,
    pub oauth_bypass: Vec<String>,
}

/// `[sms]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in config/default.toml")]
pub struct Sms {
    pub transport: SmsTransport,
}

/// `[telemetry]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in config/default.toml")]
pub struct Telemetry {
    pub log: LogFormat,
    pub requests: Option<RequestLog>,
    pub requests_one_in: u32,
}
