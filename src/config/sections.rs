//! The sections of the configuration. `config/default.toml` documents each key in full, with its default. An `Option`
//! is a key without a fixed default.

use std::path::PathBuf;

use serde::Deserialize;

use crate::captcha::CaptchaProvider;
use crate::delivery::Security;
use crate::domain::secret::Secret;
use crate::store::Durability;
use crate::telemetry::LogFormat;
use crate::token::Algorithm;

use super::message_apis::{
    PostmarkSection, ResendSection, SendGridSection, SesSection, SmsHttpSection, TwilioSection, VonageSection,
};
use super::values::{
    AllowedRedirect, Cdn, EmailTransport, Listen, Mailbox, Mode, Network, Origin, PublicUrl, PublishableKey,
    RequestLog, SmsTransport, StoreKind, Text, WebUrl, captcha_provider,
};

/// Section `[instance]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instance {
    /// Development or production. Only this decides whether `/dev/*`, the sign-up page and the mailbox exist.
    pub mode: Mode,
    /// Key with which pages are configured; a constant key for `clerk.localhost` if absent.
    pub publishable_key: Option<PublishableKey>,
    /// Key of backends for the Backend API. If absent, development generates one and production has no Backend API.
    pub secret_key: Option<Secret<String>>,
    /// Path of the instance key file; `instance.key` in `store.path` if absent.
    pub key_file: Option<PathBuf>,
    /// Name of the application, one line of at most 64 characters.
    pub name: Text,
    /// Home page of the application.
    pub home_url: Option<WebUrl>,
    /// Logo of the application.
    pub logo_url: Option<WebUrl>,
    /// Small icon for browser tabs.
    pub favicon_url: Option<WebUrl>,
    /// Terms of service, shown beside the consent.
    pub terms_url: Option<WebUrl>,
    /// Privacy policy, shown beside the consent.
    pub privacy_url: Option<WebUrl>,
    /// Address at which people get help.
    pub support_email: Option<Mailbox>,
}

/// Section `[server]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Address and port to listen on.
    pub listen: Listen,
    /// URL at which browsers reach the engine; `http://localhost:<port>` if absent.
    pub public_url: Option<PublicUrl>,
    /// Origins of pages that may call the engine (CORS).
    pub allowed_origins: Vec<Origin>,
    /// Redirect targets that are allowed besides the origins.
    pub allowed_redirects: Vec<AllowedRedirect>,
    /// Reverse proxies whose forwarding headers are trusted.
    pub trusted_proxies: Vec<Network>,
    /// Maximum request body in bytes; a longer one gets status 413.
    pub max_body_bytes: usize,
    /// Timeout in ms for a request head, and for an idle connection.
    pub header_timeout_ms: u64,
    /// Timeout in ms for a request body; then status 408.
    pub body_timeout_ms: u64,
    /// Time in ms for which a peer may read nothing of a waiting answer; then the connection is closed.
    pub write_timeout_ms: u64,
    /// Minimum transfer rate in bytes per second, for slow bodies and slow readers.
    pub min_bytes_per_s: u32,
    /// Maximum number of open connections.
    pub max_connections: usize,
    /// Maximum number of connections of one source: an IPv4 address or an IPv6 /64. If absent, 200 in production, else
    /// `max_connections`.
    pub connections_per_source: Option<usize>,
    /// Time in seconds for the process to end after a signal.
    pub drain_timeout_s: u64,
    /// `node_modules` folder with the packages that browsers load from the engine.
    pub npm_dir: Option<PathBuf>,
    /// Where browsers are sent for these packages if there is no such folder.
    pub npm_cdn: Cdn,
}

/// Section `[store]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreSection {
    /// Where the data is stored.
    pub kind: StoreKind,
    /// Directory of the data.
    pub path: PathBuf,
    /// URL of the database of kind `postgres`.
    pub url: Option<Secret<String>>,
    /// What the names of its tables begin with.
    pub prefix: String,
    /// Whether a start makes missing tables.
    pub migrate: bool,
    /// Time in ms for which a sign-up in memory is shown without a look at the database.
    pub read_lease_ms: u64,
    /// Whether the database also has a table of users for SQL.
    pub projection: bool,
    /// Guarantee of an acknowledged write.
    pub durability: Durability,
    /// Whether values on disk are encrypted (AES-256-GCM).
    pub encryption: bool,
    /// Age in days at which a start rewrites the snapshots, to erase deleted data; 0 is never.
    pub rewrite_after_days: u64,
}

/// Section `[verification]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verification {
    /// Lifetime of a code in seconds.
    pub code_ttl_s: u64,
    /// Lifetime of an e-mail link in seconds.
    pub link_ttl_s: u64,
    /// Tries per code; the last wrong one ends the verification.
    pub attempts_max: u32,
    /// Time in seconds before a second code to the same address; 0 for none.
    pub resend_cooldown_s: u64,
    /// Whether test addresses accept the code 424242. Development only.
    pub test_mode: bool,
}

/// Section `[limits]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Whether limits by source are on, `sms_prefix_per_day` included.
    pub source: bool,
    /// Sign-ups, sign-ins and waiting list entries per source in 10 s.
    pub source_creates_per_10s: Option<u32>,
    /// Tries of codes, links and passwords per source in 10 s.
    pub source_attempts_per_10s: Option<u32>,
    /// Identifiers given per source in a minute.
    pub source_look_ups_per_minute: Option<u32>,
    /// E-mails caused per source in a minute.
    pub source_emails_per_minute: Option<u32>,
    /// Text messages caused per source in 10 minutes.
    pub source_sms_per_10min: Option<u32>,
    /// Password hashes per source in 10 s.
    pub source_passwords_per_10s: Option<u32>,
    /// New clients per source in 10 s.
    pub source_clients_per_10s: Option<u32>,
    /// Durable writes per source in 10 s.
    pub source_writes_per_10s: Option<u32>,
    /// Signed session tokens per source in 10 s.
    pub source_tokens_per_10s: Option<u32>,
    /// Limit of a whole network (IPv4 /24, IPv6 /48), as a multiple of the limit of one source.
    pub network_factor: u32,
    /// Text messages per day to one prefix of phone numbers; 0 for no limit.
    pub sms_prefix_per_day: Option<u32>,
    /// Text messages per day to one country; 0 for no limit.
    pub sms_country_per_day: u32,
    /// Text messages per day to all numbers; 0 for no limit.
    pub sms_per_day: u32,
    /// How many of a hundred codes sent to a prefix have to be used; 0 for no such rule.
    pub sms_conversion_min: u32,
    /// After how many codes sent to a prefix within a day that is looked at.
    pub sms_conversion_after: u32,
    /// For how long a prefix is stopped, in seconds.
    pub sms_conversion_pause_s: u64,
    /// Whether text messages go to premium-rate, satellite and similar numbers.
    pub sms_costly_numbers: bool,
    /// Whether limits by address, account and client are on.
    pub address: bool,
    /// Messages to one address in an hour.
    pub address_messages_per_hour: Option<u32>,
    /// Messages to one address that one client may cause in an hour.
    pub address_messages_per_client_per_hour: Option<u32>,
    /// Tries of codes of one address in an hour.
    pub address_guesses_per_hour: Option<u32>,
    /// Tries of codes of one address by one client in an hour.
    pub address_guesses_per_client_per_hour: Option<u32>,
    /// Failed sign-ins to one account in a row.
    pub account_failures_max: Option<u32>,
    /// Different addresses to which one client may cause messages in an hour.
    pub addresses_per_client_per_hour: Option<u32>,
    /// Text messages that one client may cause in an hour.
    pub sms_per_client_per_hour: Option<u32>,
}

/// Section `[sign_up]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignUp {
    /// Lifetime of a sign-up after its last accepted write, in seconds.
    pub abandon_after_s: u64,
    /// How long a sign-up waits for approval, in seconds.
    pub approval_wait_s: u64,
    /// Time in seconds without a request after which a sign-up leaves memory.
    pub passivate_after_s: u64,
    /// Minimum time in seconds for which a client can read a finished sign-up.
    pub keep_finished_s: u64,
}

/// Section `[session]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// Maximum lifetime of a session in seconds.
    pub lifetime_s: u64,
    /// Time in seconds for which an unused client without session and sign-up is kept.
    pub keep_client_s: u64,
    /// Lifetime of a session token in seconds.
    pub token_ttl_s: u64,
    /// Signature algorithm of session tokens.
    pub algorithm: Algorithm,
    /// Largest result of a handshake in bytes that goes with the browser.
    pub handshake_bytes_max: u64,
    /// Whether a client has at most one session.
    pub single: bool,
    /// Whether a person proves a factor again before changing how they sign in.
    pub reverification: bool,
}

/// Section `[events]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Events {
    /// Whether events are recorded.
    pub record: bool,
    /// How long they are kept, in seconds.
    pub keep_s: u64,
}

/// Section `[messages]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Messages {
    /// How long it is kept what became of a message, in seconds; 0 keeps nothing.
    pub keep_s: u64,
}

/// Section `[password]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Password {
    /// Memory cost of argon2id in KiB (RFC 9106).
    pub m_kib: u32,
    /// Time cost of argon2id: passes.
    pub t: u32,
    /// Parallelism of argon2id: lanes.
    pub p: u32,
    /// Hashing threads; 0 means one per core.
    pub threads: usize,
    /// Length of the hash queue; if it is full, status 503 with `Retry-After`.
    pub queue: usize,
    /// URL of a range service with breached passwords; only the compiled-in list is used if absent.
    pub pwned_range_url: Option<WebUrl>,
}

/// Section `[email]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Email {
    /// How e-mail is sent.
    pub transport: EmailTransport,
    /// Who sends the messages.
    pub delivered_by: DeliveredBy,
    /// Host name or IP address of the SMTP server.
    pub host: Option<String>,
    /// Port of the SMTP server; the default port of `security` if absent.
    pub port: Option<u16>,
    /// Encryption of SMTP connections.
    pub security: Security,
    /// User name at the SMTP server; no login if absent.
    pub username: Option<String>,
    /// Password at the SMTP server.
    pub password: Option<Secret<String>>,
    /// Sender, such as `Acme <no-reply@acme.example>`.
    pub from: Option<String>,
    /// Name in `EHLO`; the sender's domain if absent.
    pub hello_name: Option<String>,
    /// Maximum number of SMTP connections.
    pub connections_max: usize,
    /// Timeout of one SMTP step in seconds.
    pub command_timeout_s: u64,
    /// Timeout of one delivery over SMTP in seconds.
    pub timeout_s: u64,
    /// Transports that are asked in this order when `transport` fails.
    pub fallback: Vec<EmailTransport>,
    /// Timeout of one request to an HTTP API in seconds.
    pub request_timeout_s: u64,
    /// Maximum number of requests at the same time to one HTTP API.
    pub requests_max: usize,
    /// `[email.resend]`.
    pub resend: ResendSection,
    /// `[email.postmark]`.
    pub postmark: PostmarkSection,
    /// `[email.sendgrid]`.
    pub sendgrid: SendGridSection,
    /// `[email.ses]`.
    pub ses: SesSection,
    /// Folder of templates in place of the built-in ones.
    pub templates: Option<PathBuf>,
    /// Language of messages to people whose own is not known or not available.
    pub locale: String,
    /// Colour of buttons, as `#rrggbb`.
    pub accent_color: String,
    /// File of the logo at the top of e-mails.
    pub logo_file: Option<PathBuf>,
    /// Signatures of e-mails.
    pub dkim: DkimSection,
}

/// Who sends the messages of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveredBy {
    /// The engine, by its transport.
    Engine,
    /// The receiver of the webhook `email.created` or `sms.created`.
    Webhook,
}

/// Section `[email.dkim]`: all keys or none.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DkimSection {
    /// Domain in whose name e-mails are signed.
    pub domain: Option<String>,
    /// Name of the key's record in the DNS.
    pub selector: Option<String>,
    /// File of the private key, in PEM.
    pub private_key_file: Option<PathBuf>,
}

/// Section `[captcha]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Captcha {
    /// The captcha service; `None` for no captchas.
    #[serde(deserialize_with = "captcha_provider")]
    pub provider: Option<CaptchaProvider>,
    /// Public key with which browsers show the captcha.
    pub site_key: Option<String>,
    /// Public key of the invisible captcha; `site_key` if absent.
    pub site_key_invisible: Option<String>,
    /// Secret key of the instance at the service.
    pub secret: Option<Secret<String>>,
    /// URL at which tokens are verified; the service's own if absent.
    pub verify_url: Option<WebUrl>,
    /// OAuth strategies with which no captcha is required.
    pub oauth_bypass: Vec<String>,
}

/// Section `[passkeys]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Passkeys {
    /// The domain that passkeys are bound to; that of the application's pages if absent.
    pub rp_id: Option<String>,
    /// The name that devices show; `instance.name` if absent.
    pub rp_name: Option<Text>,
    /// The only origins that may use passkeys; where there are none, the pages that may call the engine.
    pub origins: Vec<String>,
}

/// Section `[sms]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sms {
    /// How text messages are sent.
    pub transport: SmsTransport,
    /// Who sends the messages.
    pub delivered_by: DeliveredBy,
    /// Transports that are asked in this order when `transport` fails.
    pub fallback: Vec<SmsTransport>,
    /// Other transports for some numbers.
    pub routes: Vec<SmsRoute>,
    /// Timeout of one request in seconds.
    pub request_timeout_s: u64,
    /// Maximum number of requests at the same time to one provider.
    pub requests_max: usize,
    /// `[sms.twilio]`.
    pub twilio: TwilioSection,
    /// `[sms.vonage]`.
    pub vonage: VonageSection,
    /// `[sms.http]`.
    pub http: SmsHttpSection,
}

/// An entry of `sms.routes`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmsRoute {
    /// The beginning of the numbers, such as `+49`. The longest one that fits decides.
    pub prefix: String,
    /// The transports that are asked, in this order.
    pub transports: Vec<SmsTransport>,
}

/// Section `[webhooks]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhooksSection {
    /// Endpoints of the application, each with a URL of its own.
    pub endpoints: Vec<WebhookEndpointSection>,
    /// Who is asked before a sign-up becomes a user.
    pub before_sign_up_completes: BeforeSignUpCompletes,
}

/// Section `[webhooks.before_sign_up_completes]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BeforeSignUpCompletes {
    /// The URL that the question is posted to. Without one no question is asked.
    pub url: Option<String>,
    /// What it is signed with: `whsec_` and base64 of 24 to 64 random bytes.
    pub secret: Option<Secret<String>>,
    /// Time in ms for the whole answer.
    pub timeout_ms: u64,
    /// What it means that there is no valid answer in time.
    pub on_failure: OnFailureChoice,
}

/// What a failure to ask means for a sign-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailureChoice {
    /// It is refused, and can be tried again.
    Refuse,
    /// It becomes a user.
    Allow,
}

/// An entry of `webhooks.endpoints`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookEndpointSection {
    /// Where webhooks are posted.
    pub url: String,
    /// What they are signed with: `whsec_` and base64 of 24 to 64 random bytes.
    pub secret: Secret<String>,
    /// The events that it wants: names and groups.
    pub events: Vec<String>,
    /// A text for people.
    #[serde(default)]
    pub description: String,
}

/// Section `[telemetry]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Telemetry {
    /// Format of log lines.
    pub log: LogFormat,
    /// Which requests are logged; if absent, all in development, a sample in production.
    pub requests: Option<RequestLog>,
    /// With `sampled`: one in this many successful requests is logged.
    pub requests_one_in: u32,
}
