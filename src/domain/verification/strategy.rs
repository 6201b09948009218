//! Strategies: the ways to verify a field or to begin a sign-up
//! ([guide: Strategies](crate::guide::contract_sign_ups#strategies)).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::domain::field::Field;
use crate::domain::identifier::IdentifierKind;
use crate::domain::rejection::{ErrorCode, Reason};

/// A way to verify a field.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[non_exhaustive]
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
    /// The same, by a token that the application already has, such as `oauth_token_google`.
    OAuthToken(String),
    /// An address that a provider vouches for, such as `from_oauth_google`. Callers can't request it.
    FromOAuth(String),
    /// A token of Google One Tap.
    GoogleOneTap,
    /// The word of an administrator who created the user. Callers can't request it.
    Admin,
    /// A six-digit code by e-mail, after which a new password is set.
    ResetPasswordEmailCode,
    /// The same by text message.
    ResetPasswordPhoneCode,
    /// A code of an authenticator application (RFC 6238).
    Totp,
    /// A code from the list that a person keeps for the case that the application is lost.
    BackupCode,
    /// A passkey (Web Authentication).
    Passkey,
    /// An enterprise connection, by its name.
    Enterprise(String),
}

/// A word that is not a strategy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a verification strategy")]
pub struct UnknownStrategy(String);

impl Strategy {
    /// Reads the name of a requested strategy; empty means none.
    ///
    /// # Errors
    /// `form_param_value_invalid` for unknown words, and for strategies that can't be requested. A known but disabled
    /// one is refused where it is used, because the error code differs from call to call.
    pub fn asked_for(text: Option<&str>) -> Result<Option<Self>, Reason> {
        match text.filter(|text| !text.is_empty()).map(str::parse) {
            None => Ok(None),
            Some(Ok(Self::FromOAuth(_) | Self::Admin) | Err(_)) => Err(ErrorCode::FormParamValueInvalid.on("strategy")),
            Some(Ok(strategy)) => Ok(Some(strategy)),
        }
    }

    /// The field that the strategy verifies, if any.
    pub fn field(&self) -> Option<Field> {
        match self {
            Self::EmailCode | Self::EmailLink => Some(Field::EmailAddress),
            Self::PhoneCode => Some(Field::PhoneNumber),
            Self::Web3(_) => Some(Field::Web3Wallet),
            Self::FromOAuth(_) => Some(Field::EmailAddress),
            Self::Password
            | Self::Ticket
            | Self::OAuth(_)
            | Self::OAuthToken(_)
            | Self::GoogleOneTap
            | Self::Admin
            | Self::ResetPasswordEmailCode
            | Self::ResetPasswordPhoneCode
            | Self::Totp
            | Self::BackupCode
            | Self::Passkey
            | Self::Enterprise(_) => None,
        }
    }

    /// The kind of identifier that it verifies, if any.
    pub fn kind(&self) -> Option<IdentifierKind> {
        match self.field()? {
            Field::EmailAddress => Some(IdentifierKind::EmailAddress),
            Field::PhoneNumber => Some(IdentifierKind::PhoneNumber),
            _ => None,
        }
    }

    /// The kind of address to which it sends a code or a link.
    pub const fn sends_to(&self) -> Option<IdentifierKind> {
        match self {
            Self::EmailCode | Self::EmailLink | Self::ResetPasswordEmailCode => Some(IdentifierKind::EmailAddress),
            Self::PhoneCode | Self::ResetPasswordPhoneCode => Some(IdentifierKind::PhoneNumber),
            _ => None,
        }
    }

    /// Whether its code only allows to set a new password.
    pub const fn resets_password(&self) -> bool {
        matches!(self, Self::ResetPasswordEmailCode | Self::ResetPasswordPhoneCode)
    }

    /// Whether this engine implements the strategy; the others may be configured but are refused as disabled.
    pub const fn is_built(&self) -> bool {
        match self {
            Self::EmailCode | Self::EmailLink | Self::PhoneCode | Self::Password | Self::Ticket => true,
            Self::OAuth(_) | Self::OAuthToken(_) | Self::GoogleOneTap => true,
            Self::ResetPasswordEmailCode | Self::ResetPasswordPhoneCode | Self::Totp | Self::BackupCode => true,
            Self::Passkey => true,
            Self::Web3(_) | Self::Enterprise(_) | Self::FromOAuth(_) | Self::Admin => false,
        }
    }

    /// The provider whose account it proves, as the name of its browser strategy: the key in the settings and half of
    /// the account's identity.
    pub fn provider(&self) -> Option<String> {
        match self {
            Self::OAuth(name) => Some(name.clone()),
            Self::OAuthToken(name) => name.strip_prefix(TOKEN).map(|key| format!("{BROWSER}{key}")),
            Self::FromOAuth(name) => name.strip_prefix(VOUCHED).map(|key| format!("{BROWSER}{key}")),
            Self::GoogleOneTap => Some("oauth_google".into()),
            _ => None,
        }
    }

    /// The strategy recorded for an address that this provider vouches for.
    pub fn provider_verified(&self) -> Option<Self> {
        let provider = self.provider()?;
        provider.strip_prefix(BROWSER).map(|key| Self::FromOAuth(format!("{VOUCHED}{key}")))
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
            Self::Admin => "admin",
            Self::ResetPasswordEmailCode => "reset_password_email_code",
            Self::ResetPasswordPhoneCode => "reset_password_phone_code",
            Self::Totp => "totp",
            Self::BackupCode => "backup_code",
            Self::Passkey => "passkey",
            Self::Web3(name)
            | Self::OAuth(name)
            | Self::OAuthToken(name)
            | Self::FromOAuth(name)
            | Self::Enterprise(name) => name,
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
            "admin" => Self::Admin,
            "reset_password_email_code" => Self::ResetPasswordEmailCode,
            "reset_password_phone_code" => Self::ResetPasswordPhoneCode,
            "totp" => Self::Totp,
            "backup_code" => Self::BackupCode,
            "passkey" => Self::Passkey,
            "saml" | "enterprise_sso" => Self::Enterprise(text.to_owned()),
            _ => name(TOKEN, "")
                .map(Self::OAuthToken)
                .or_else(|| name(VOUCHED, "").map(Self::FromOAuth))
                .or_else(|| name(BROWSER, "").map(Self::OAuth))
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

const BROWSER: &str = "oauth_";
const TOKEN: &str = "oauth_token_";
const VOUCHED: &str = "from_oauth_";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_strategy_reads_back_its_name() {
        for name in [
            "email_code",
            "email_link",
            "phone_code",
            "password",
            "ticket",
            "google_one_tap",
            "admin",
            "oauth_google",
            "oauth_custom_acme",
            "oauth_token_google",
            "from_oauth_google",
            "web3_metamask_signature",
            "saml",
            "passkey",
            "totp",
            "backup_code",
            "reset_password_email_code",
            "reset_password_phone_code",
        ] {
            assert_eq!(name.parse::<Strategy>().map(|s| s.to_string()).as_deref(), Ok(name));
        }
        for word in ["", "oauth_", "oauth_Google", "oauth_a b", "from_oauth_", "web3_signature", "email"] {
            assert!(word.parse::<Strategy>().is_err(), "{word}");
        }
    }

    #[test]
    fn all_spellings_of_one_provider_give_the_same_strategy() {
        for name in ["oauth_google", "oauth_token_google", "from_oauth_google", "google_one_tap"] {
            let strategy: Strategy = name.parse().expect("a strategy");
            assert_eq!(strategy.provider().as_deref(), Some("oauth_google"), "{name}");
        }
        let custom: Strategy = "oauth_custom_acme".parse().expect("a strategy");
        assert_eq!(custom.provider_verified().map(|s| s.to_string()).as_deref(), Some("from_oauth_custom_acme"));
        assert_eq!(Strategy::EmailCode.provider(), None);
    }
}
