//! Keys that take one word of a few.

use std::str::FromStr;

use serde::Deserialize;

use super::{InvalidValue, invalid};

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
