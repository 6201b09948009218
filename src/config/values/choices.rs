//! Values that are one word of a fixed list.

use std::str::FromStr;

use serde::de::Error;
use serde::de::value::StrDeserializer;
use serde::{Deserialize, Deserializer};

use crate::captcha::CaptchaProvider;

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
    /// In PostgreSQL.
    Postgres,
}

/// How e-mail is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmailTransport {
    /// Not sent, kept in memory for tests.
    Capture,
    /// Over SMTP.
    Smtp,
    /// By Resend.
    Resend,
    /// By Postmark.
    Postmark,
    /// By SendGrid.
    #[serde(rename = "sendgrid")]
    SendGrid,
    /// By Amazon SES.
    Ses,
    /// No e-mail.
    None,
}

impl EmailTransport {
    /// Its spelling in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Capture => "capture",
            Self::Smtp => "smtp",
            Self::Resend => "resend",
            Self::Postmark => "postmark",
            Self::SendGrid => "sendgrid",
            Self::Ses => "ses",
            Self::None => "none",
        }
    }

    /// Whether messages leave this machine.
    pub const fn sends(self) -> bool {
        !matches!(self, Self::Capture | Self::None)
    }
}

/// How text messages are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SmsTransport {
    /// Not sent, kept in memory for tests.
    Capture,
    /// By Twilio.
    Twilio,
    /// By Vonage.
    Vonage,
    /// By the HTTP request of `[sms.http]`.
    Http,
    /// No text messages.
    None,
}

impl SmsTransport {
    /// Its spelling in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Capture => "capture",
            Self::Twilio => "twilio",
            Self::Vonage => "vonage",
            Self::Http => "http",
            Self::None => "none",
        }
    }

    /// Whether messages leave this machine.
    pub const fn sends(self) -> bool {
        !matches!(self, Self::Capture | Self::None)
    }
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
            "postgres" => Ok(Self::Postgres),
            _ => invalid(format!("can't be {text:?}; use \"sled\", \"postgres\" or \"memory\"")),
        }
    }
}

/// The captcha service of that name; `None` for `none`.
pub(in crate::config) fn captcha_provider<'de, D: Deserializer<'de>>(
    given: D,
) -> Result<Option<CaptchaProvider>, D::Error> {
    let name = String::deserialize(given)?;
    if name == PROVIDERS[0] {
        return Ok(None);
    }
    let provider = CaptchaProvider::deserialize(StrDeserializer::<D::Error>::new(&name));
    provider.map(Some).map_err(|_| D::Error::unknown_variant(&name, PROVIDERS))
}

const PROVIDERS: &[&str] = &["none", "turnstile", "hcaptcha", "recaptcha"];

#[cfg(test)]
mod tests {
    use serde::de::value::Error;

    use super::*;

    #[test]
    fn every_captcha_service_is_known_by_the_name_that_it_has_on_the_wire() {
        let named = |name| captcha_provider(StrDeserializer::<Error>::new(name));
        assert_eq!(named("none"), Ok(None));
        for name in &PROVIDERS[1..] {
            assert_eq!(named(name).map(|provider| provider.map(CaptchaProvider::as_str)), Ok(Some(*name)));
        }
        let unknown = "unknown variant `puzzle`, expected one of `none`, `turnstile`, `hcaptcha`, `recaptcha`";
        assert_eq!(named("puzzle").map_err(|error| error.to_string()), Err(unknown.into()));
    }
}
