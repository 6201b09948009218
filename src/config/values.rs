//! The words and addresses that configuration keys take, parsed once at the edge.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde::Deserialize;
use url::Url;

use crate::domain::identifier::EmailAddress;
use crate::domain::text;

/// What an instance is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// With `/dev/*`, pages and captured messages.
    Development,
    /// Without them.
    Production,
}

/// Where the data lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum StoreKind {
    /// Journal and sled, on disk.
    Sled,
    /// In this process only.
    Memory,
}

/// What an acknowledgement promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Durability {
    /// It survives a loss of power.
    Synced,
    /// Conversions survive; the last moments of pending sign-ups may not.
    Relaxed,
    /// Nothing is synced.
    None,
}

/// How session tokens are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Algorithm {
    /// RSA-2048 with SHA-256.
    #[serde(rename = "RS256")]
    Rs256,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

/// How e-mail leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmailTransport {
    /// It is kept in memory.
    Capture,
    /// Over SMTP.
    Smtp,
    /// It does not.
    None,
}

/// How an SMTP connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// STARTTLS, required.
    StartTls,
    /// TLS from the first byte.
    Tls,
    /// Not at all.
    None,
}

impl Security {
    /// The port that goes with it.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::StartTls => 587,
            Self::Tls => 465,
            Self::None => 25,
        }
    }
}

/// How text messages leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum SmsTransport {
    /// They are kept in memory.
    Capture,
    /// They do not.
    None,
}

/// Who shows captchas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CaptchaProvider {
    /// Nobody.
    None,
    /// Cloudflare.
    Turnstile,
    /// hCaptcha.
    HCaptcha,
    /// Google.
    ReCaptcha,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

/// Which requests have a line in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestLog {
    /// Each of them.
    All,
    /// Those that were refused or failed; when there are many of a kind, the first ones and a count.
    Errors,
    /// The same, and a sample of the others.
    Sampled,
    /// Those that failed.
    Off,
}

impl RequestLog {
    /// As the key spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Errors => "errors",
            Self::Sampled => "sampled",
            Self::Off => "off",
        }
    }
}

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Listen {
    /// The address that must be free.
    pub address: SocketAddr,
    /// A second one, used where the machine has it: `[::1]` beside `127.0.0.1` for `localhost`. When the port is 0,
    /// take the port that the first address got.
    pub beside: Option<SocketAddr>,
}

impl Listen {
    /// The port; 0 lets the system choose.
    pub const fn port(&self) -> u16 {
        self.address.port()
    }
}

/// An address or a network in CIDR notation (RFC 4632).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// Whether it holds `address`; an IPv4 address mapped into IPv6 counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix)).unwrap_or(0);
                u32::from(network) & mask == u32::from(address) & mask
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or(0);
                u128::from(network) & mask == u128::from(address) & mask
            }
            _ => false,
        }
    }
}

impl Network {
    /// Whether it is wider than anybody's own network of proxies. Private networks (RFC 1918, RFC 4193) may be whole;
    /// the widest that a large provider of proxies publishes are an IPv4 /12 and an IPv6 /29.
    pub fn is_wide(&self) -> bool {
        match self.address {
            IpAddr::V4(address) => self.prefix < if address.is_private() || address.is_loopback() { 8 } else { 12 },
            IpAddr::V6(address) => self.prefix < if address.is_unique_local() { 7 } else { 24 },
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        let address = address.to_canonical();
        Self { address, prefix: if address.is_ipv4() { 32 } else { 128 } }
    }
}

/// The origin of a page, exactly as browsers and web views spell it (RFC 6454): of a site, or of an application's own
/// pages, such as `capacitor://localhost`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Origin(String);

impl Origin {
    /// As browsers spell it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A URL that browsers and applications may be sent back to, beside the allowed origins. An http or https URL stands
/// for itself and everything below it; any other, such as `myapp://callback`, for exactly itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct AllowedRedirect(String);

impl AllowedRedirect {
    /// As it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where browsers reach the engine.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PublicUrl(Url);

impl PublicUrl {
    /// Scheme, host and port, exactly as browsers spell them in `Origin`.
    pub fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }

    /// The host, without the port.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// The host, with the port where it is not the scheme's own.
    pub fn authority(&self) -> String {
        self.0.port().map_or_else(|| self.host().to_owned(), |port| format!("{}:{port}", self.host()))
    }

    /// Whether the engine lies below a path of another site, such as a proxy's `/__clerk`.
    pub fn has_path(&self) -> bool {
        self.0.path() != "/"
    }

    /// Whether cookies are `Secure`.
    pub fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

/// A page or an image of the application's own: an absolute http or https URL.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct WebUrl(Url);

impl WebUrl {
    /// As URLs are written.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// A short text that people read: one line, not empty.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Text(String);

impl Text {
    /// As it was given, without blanks around it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An e-mail address that people may write to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Mailbox(String);

impl Mailbox {
    /// The normalised address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A publishable key: `pk_live_` or `pk_test_`, then base64 of a host and `$`
/// ([guide: Publishable keys](crate::guide::contract#publishable-keys)).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PublishableKey {
    text: String,
    host: String,
}

impl PublishableKey {
    /// The key of an instance that was given none: `pk_live_` for the host `clerk.localhost`.
    pub fn generated() -> Self {
        let host = "clerk.localhost";
        Self { text: format!("pk_live_{}", STANDARD_NO_PAD.encode(format!("{host}$"))), host: host.into() }
    }

    /// The key itself.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The host in the key.
    pub fn host(&self) -> &str {
        &self.host
    }
}

/// A word or an address that can't be used; reads on from "the key".
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct InvalidValue(String);

fn invalid<T>(reason: impl Into<String>) -> Result<T, InvalidValue> {
    Err(InvalidValue(reason.into()))
}

impl FromStr for StoreKind {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        match text {
            "sled" => Ok(Self::Sled),
            "memory" => Ok(Self::Memory),
            "postgres" => invalid("can't be \"postgres\": that store is not built yet; use \"sled\" or \"memory\""),
            _ => invalid(format!("can't be {text:?}; use \"sled\" or \"memory\"")),
        }
    }
}

impl FromStr for SmsTransport {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        match text {
            "capture" => Ok(Self::Capture),
            "none" => Ok(Self::None),
            "http" => invalid("can't be \"http\": that transport is not built yet; use \"capture\" or \"none\""),
            _ => invalid(format!("can't be {text:?}; use \"capture\" or \"none\"")),
        }
    }
}

impl FromStr for Listen {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        if let Some(port) = text.strip_prefix("localhost:").and_then(|port| port.parse().ok()) {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            return Ok(Self { address, beside: Some(SocketAddr::from((Ipv6Addr::LOCALHOST, port))) });
        }
        match text.parse() {
            Ok(address) => Ok(Self { address, beside: None }),
            Err(_) => invalid(format!(
                "can't be {text:?}; give an address and a port, such as 127.0.0.1:8080, [::]:8080 or localhost:8080"
            )),
        }
    }
}

impl FromStr for Network {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
        let parsed = address.parse::<IpAddr>().ok().and_then(|address| {
            let longest = if address.is_ipv4() { 32 } else { 128 };
            let prefix = prefix.map_or(Some(longest), |p| p.parse::<u8>().ok())?;
            (prefix <= longest).then_some(Self { address, prefix })
        });
        parsed.map_or_else(
            || invalid(format!("can't hold {text:?}; give addresses or networks, such as 10.0.0.0/8 or ::1")),
            Ok,
        )
    }
}

impl FromStr for Origin {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let is_plain = !text.contains(|c: char| c.is_whitespace() || c.is_control() || "*@\\?#".contains(c));
        let parts = text.split_once("://").filter(|_| is_plain);
        let origin = parts.and_then(|(scheme, authority)| match scheme.to_ascii_lowercase().as_str() {
            "http" | "https" => {
                let url = Url::parse(text).ok().filter(|url| url.path() == "/")?;
                Some(url.origin().ascii_serialization())
            }
            scheme => app_origin(scheme, authority.strip_suffix('/').unwrap_or(authority)),
        });
        origin.map(Self).map_or_else(
            || {
                invalid(format!(
                    "can't hold {text:?}; give scheme, host and port, such as https://app.example.com or \
                     capacitor://localhost; there are no wildcards"
                ))
            },
            Ok,
        )
    }
}

/// The origin of an application's own pages, as web views and browsers spell it: the scheme in lower case, the host in
/// its own (the opaque host of the URL standard; Safari names its extensions in capitals), the port where there is one.
/// Schemes whose pages anybody can make, or that have none, are no one's own.
fn app_origin(scheme: &str, authority: &str) -> Option<String> {
    const REFUSED: [&str; 11] =
        ["file", "filesystem", "javascript", "vbscript", "data", "blob", "about", "view-source", "ws", "wss", "ftp"];
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_lowercase())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
    let is_host = !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
    let is_port = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|number| number.to_string() == port));
    let is_good = is_scheme && is_host && is_port && !REFUSED.contains(&scheme);
    is_good.then(|| format!("{scheme}://{authority}"))
}

impl FromStr for AllowedRedirect {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        // Schemes that run or show what stands in the URL itself, or read files.
        const REFUSED: [&str; 8] =
            ["javascript", "vbscript", "data", "blob", "file", "filesystem", "about", "view-source"];
        let is_plain = text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\' && b != b'*');
        match Url::parse(text) {
            Ok(url)
                if is_plain
                    && !REFUSED.contains(&url.scheme())
                    && url.username().is_empty()
                    && url.password().is_none() =>
            {
                Ok(Self(text.into()))
            }
            _ => invalid(format!(
                "can't hold {text:?}; give whole URLs, such as https://app.example.com/welcome or myapp://callback; \
                 there are no wildcards"
            )),
        }
    }
}

impl FromStr for PublicUrl {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        match Url::parse(text) {
            Ok(url)
                if matches!(url.scheme(), "http" | "https")
                    && url.query().is_none()
                    && url.fragment().is_none()
                    && url.username().is_empty() =>
            {
                Ok(Self(url))
            }
            _ => {
                invalid(format!("can't be {text:?}; give the URL that browsers use, such as https://clerk.example.com"))
            }
        }
    }
}

impl FromStr for WebUrl {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        match Url::parse(text) {
            Ok(url)
                if matches!(url.scheme(), "http" | "https")
                    && url.username().is_empty()
                    && url.password().is_none() =>
            {
                Ok(Self(url))
            }
            // The key knows an example.
            _ => invalid(format!("can't be {text:?}; give a whole URL")),
        }
    }
}

impl FromStr for Text {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        match text::name(text) {
            Some(name) if !name.is_empty() && name.chars().count() <= TEXT_MAX => Ok(Self(name)),
            _ => invalid(format!("must be one line of 1 to {TEXT_MAX} letters")),
        }
    }
}

impl FromStr for Mailbox {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        match EmailAddress::parse(text) {
            Ok(address) => Ok(Self(address.as_str().to_owned())),
            Err(_) => invalid(format!("can't be {text:?}; give an address, such as help@acme.example")),
        }
    }
}

impl FromStr for PublishableKey {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let encoded = text.strip_prefix("pk_live_").or_else(|| text.strip_prefix("pk_test_"));
        let bytes = encoded.and_then(|e| STANDARD.decode(e).or_else(|_| STANDARD_NO_PAD.decode(e)).ok());
        let host = bytes.and_then(|b| String::from_utf8(b).ok()).and_then(|t| t.strip_suffix('$').map(str::to_owned));
        match host {
            Some(host) if host.contains('.') && !host.contains(['$', '/', ' ']) => Ok(Self { text: text.into(), host }),
            _ => invalid(
                "must be pk_live_ or pk_test_ and the base64 of a host with a dot in it and `$`: \
                 printf 'clerk.example.com$' | base64",
            ),
        }
    }
}

macro_rules! from_text {
    ($($name:ident)*) => {$(
        impl TryFrom<String> for $name {
            type Error = InvalidValue;

            fn try_from(text: String) -> Result<Self, InvalidValue> {
                text.parse()
            }
        }
    )*};
}

from_text!(StoreKind SmsTransport Listen Network Origin AllowedRedirect PublicUrl WebUrl Text Mailbox PublishableKey);

/// The longest short text, in code points.
const TEXT_MAX: usize = 64;
