//! The fields of a sign-up, as its four lists name them
//! ([guide: Requirements](crate::guide::contract_sign_ups#requirements)).

use std::fmt;

/// A field that a sign-up may require, miss or have unverified.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Field {
    /// The e-mail address.
    EmailAddress,
    /// The phone number.
    PhoneNumber,
    /// The username.
    Username,
    /// The password.
    Password,
    /// The first name.
    FirstName,
    /// The last name.
    LastName,
    /// A wallet; no sign-up can give one yet.
    Web3Wallet,
    /// The consent to the legal terms.
    LegalAccepted,
    /// An OAuth account, by its strategy such as `oauth_google`.
    OAuth(String),
}

impl Field {
    /// The fields that are attributes of a user, in the order in which lists show them.
    pub const ATTRIBUTES: &[Self] = &[
        Self::EmailAddress,
        Self::PhoneNumber,
        Self::Username,
        Self::Password,
        Self::FirstName,
        Self::LastName,
        Self::Web3Wallet,
    ];

    /// The fields that identify a user, one of which every sign-up needs.
    pub const IDENTIFIERS: &[Self] = &[Self::EmailAddress, Self::PhoneNumber, Self::Username, Self::Web3Wallet];

    /// The field's name on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::EmailAddress => "email_address",
            Self::PhoneNumber => "phone_number",
            Self::Username => "username",
            Self::Password => "password",
            Self::FirstName => "first_name",
            Self::LastName => "last_name",
            Self::Web3Wallet => "web3_wallet",
            Self::LegalAccepted => "legal_accepted",
            Self::OAuth(strategy) => strategy,
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
