//! Short texts, addresses of mailboxes, and publishable keys.

use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde::Deserialize;

use crate::domain::identifier::EmailAddress;
use crate::domain::text;

use super::{InvalidValue, invalid};

/// A text that people read: one non-empty line of at most 64 code points.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Text(String);

impl Text {
    /// The text without blanks around it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An e-mail address of the operator, shown to people.
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
    /// The default key: `pk_live_` for the host `clerk.localhost`.
    pub fn generated() -> Self {
        let host = "clerk.localhost";
        Self { text: format!("pk_live_{}", STANDARD_NO_PAD.encode(format!("{host}$"))), host: host.into() }
    }

    /// The whole key.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The host in the key.
    pub fn host(&self) -> &str {
        &self.host
    }
}

impl FromStr for Text {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        match text::name(text) {
            Some(name) if !name.is_empty() && name.chars().count() <= TEXT_MAX => Ok(Self(name)),
            _ => invalid(format!("must be one line of 1 to {TEXT_MAX} characters")),
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

/// Maximum length of a text, in code points.
const TEXT_MAX: usize = 64;
