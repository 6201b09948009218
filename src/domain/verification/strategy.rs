//! Strategies: the ways to verify a field or to begin a sign-up (CONTRACT 8).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::domain::field::Field;

/// A way to verify a field.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Strategy {
    /// A six-digit code by e-mail.
    EmailCode,
    /// A link by e-mail.
    EmailLink,
    /// A six-digit code by text message.
    PhoneCode,
    /// A password given at create: nothing to prepare.
    Password,
    /// An invitation.
    Ticket,
    /// A signature by a wallet, by its name.
    Web3(String),
    /// An account at a provider, by its whole name such as `oauth_google`.
    OAuth(String),
    /// A token of Google One Tap.
    GoogleOneTap,
    /// An enterprise connection, by its name.
    Enterprise(String),
}

/// A word that is no strategy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no verification strategy")]
pub struct UnknownStrategy(String);

impl Strategy {
    /// The field that the strategy verifies, where it verifies one.
    pub fn field(&self) -> Option<Field> {
        match self {
            Self::EmailCode | Self::EmailLink => Some(Field::EmailAddress),
            Self::PhoneCode => Some(Field::PhoneNumber),
            Self::Web3(_) => Some(Field::Web3Wallet),
            Self::Password | Self::Ticket | Self::OAuth(_) | Self::GoogleOneTap | Self::Enterprise(_) => None,
        }
    }

    /// Whether this engine can carry the strategy out; the others may be configured and answer as disabled.
    pub const fn is_built(&self) -> bool {
        matches!(self, Self::EmailCode | Self::EmailLink | Self::PhoneCode | Self::Password)
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EmailCode => "email_code",
            Self::EmailLink => "email_link",
            Self::PhoneCode => "phone_code",
            Self::Password => "password",
            Self::Ticket => "ticket",
            Self::GoogleOneTap => "google_one_tap",
            Self::Web3(name) | Self::OAuth(name) | Self::Enterprise(name) => name,
        })
    }
}

impl FromStr for Strategy {
    type Err = UnknownStrategy;

    fn from_str(text: &str) -> Result<Self, UnknownStrategy> {
        let name = |prefix: &str, suffix: &str| {
            let inner = text.strip_prefix(prefix)?.strip_suffix(suffix)?;
            let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
            (!inner.is_empty() && inner.len() <= 64 && inner.bytes().all(plain)).then(|| text.to_owned())
        };
        Ok(match text {
            "email_code" => Self::EmailCode,
            "email_link" => Self::EmailLink,
            "phone_code" => Self::PhoneCode,
            "password" => Self::Password,
            "ticket" => Self::Ticket,
            "google_one_tap" => Self::GoogleOneTap,
            "saml" | "enterprise_sso" => Self::Enterprise(text.to_owned()),
            _ => name("oauth_", "")
                .map(Self::OAuth)
                .or_else(|| name("web3_", "_signature").map(Self::Web3))
                .ok_or_else(|| UnknownStrategy(text.chars().take(64).collect()))?,
        })
    }
}

impl TryFrom<String> for Strategy {
    type Error = UnknownStrategy;

    fn try_from(text: String) -> Result<Self, UnknownStrategy> {
        text.parse()
    }
}

impl From<Strategy> for String {
    fn from(strategy: Strategy) -> Self {
        strategy.to_string()
    }
}
