//! Values that are one word of a fixed list.

use std::str::FromStr;

use serde::Deserialize;

use super::{InvalidValue, invalid};

/// Mode of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Development: with `/dev/*`, built-in pages and captured messages.
    Development,
    /// Production: without them.
    Production,
}

/// Kind of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum StoreKind {
    /// On disk: a journal and sled.
    Sled,
    /// In memory; lost when the process ends.
    Memory,
}

/// Guarantee of an acknowledged write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Durability {
    /// It survives a power failure.
    Synced,
    /// Finished sign-ups survive; the latest changes of pending ones may be lost.
    Relaxed,
    /// None: nothing is synced to disk.
    None,
}

/// Signature algorithm of session tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Algorithm {
    /// RSA-2048 with SHA-256.
    #[serde(rename = "RS256")]
    Rs256,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

/// How e-mail is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmailTransport {
    /// Not sent, kept in memory for tests.
    Capture,
    /// Over SMTP.
    Smtp,
    /// No e-mail.
    None,
}

/// Encryption of an SMTP connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// STARTTLS, required.
    StartTls,
    /// TLS from the first byte.
    Tls,
    /// No encryption.
    None,
}

impl Security {
    /// Default port for this encryption.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::StartTls => 587,
            Self::Tls => 465,
            Self::None => 25,
        }
    }
}

/// How text messages are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum SmsTransport {
    /// Not sent, kept in memory for tests.
    Capture,
    /// No text messages.
    None,
}

/// The captcha service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CaptchaProvider {
    /// No captchas.
    None,
    /// Cloudflare Turnstile.
    Turnstile,
    /// hCaptcha.
    HCaptcha,
    /// Google reCAPTCHA.
    ReCaptcha,
}

/// Format of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// Text for people.
    Human,
    /// One JSON object per line.
    Json,
}

/// Which requests are logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestLog {
    /// All requests.
    All,
    /// Requests with status 4xx or 5xx. Of many with the same error only the first ones are logged, then a count.
    Errors,
    /// Those, and a sample of the others.
    Sampled,
    /// Only requests with status 5xx.
    Off,
}

impl RequestLog {
    /// Its spelling in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Errors => "errors",
            Self::Sampled => "sampled",
            Self::Off => "off",
        }
    }
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
