//! What a person or an application gives to a sign-up. Everything is typed but the values whose reading depends on the
//! instance's settings, such as an address: those are texts, and [`Fields::parse`](super::Fields::parse) reads them once.

use crate::domain::metadata::Metadata;
use crate::domain::secret::Secret;
use crate::domain::text;
use crate::domain::verification::{AuthorizeParams, PhoneChannel, Strategy};

use super::Patch;

/// The input of a new sign-up ([guide: Create](crate::guide::contract_sign_ups#create)).
///
/// ```
/// use vestibule::{NewSignUp, Strategy};
///
/// let input = NewSignUp::new().email_address("ada@example.com").strategy(Strategy::EmailCode);
/// assert_eq!(input, NewSignUp {
///     email_address: Some("ada@example.com".into()),
///     strategy: Some(Strategy::EmailCode),
///     ..NewSignUp::default()
/// });
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewSignUp {
    /// The e-mail address as typed.
    pub email_address: Option<String>,
    /// The phone number as typed, in the international notation.
    pub phone_number: Option<String>,
    /// An e-mail address or a phone number, from a form with one field for both. The two fields above come first.
    pub email_address_or_phone_number: Option<String>,
    /// The username as typed.
    pub username: Option<String>,
    /// The password.
    pub password: Option<Secret<String>>,
    /// The first name.
    pub first_name: Option<String>,
    /// The last name.
    pub last_name: Option<String>,
    /// The address of a wallet. Wallets are not built, so that it is always refused.
    pub web3_wallet: Option<String>,
    /// Metadata that the application's pages store with the sign-up.
    pub unsafe_metadata: Option<Metadata>,
    /// Whether the person accepts the legal terms.
    pub legal_accepted: Option<bool>,
    /// The person's language, a BCP 47 tag. One that is unreadable is ignored.
    pub locale: Option<String>,
    /// What to begin in the same call: a code or link to send, a provider to go to, a ticket or a token to use.
    pub strategy: Option<Strategy>,
    /// The channel of a phone code.
    pub channel: Option<PhoneChannel>,
    /// Where the browser goes after a link or a provider.
    pub authorize: AuthorizeParams,
    /// The ticket of an invitation.
    pub ticket: Option<String>,
    /// Whether to take over what the client's sign-in proved and no user holds.
    pub transfer: bool,
    /// A provider's token for the person, for the strategies that take one.
    pub token: Option<Secret<String>>,
    /// The token of a solved captcha.
    pub captcha_token: Option<Secret<String>>,
    /// The error of a captcha that could not be solved.
    pub captcha_error: Option<String>,
}

/// The input of an update. A value that is not named is kept; [`Patch::Clear`], like an empty text, removes it
/// ([guide: Update](crate::guide::contract_sign_ups#update)). The other fields are those of [`NewSignUp`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of NewSignUp")]
pub struct SignUpPatch {
    pub email_address: Patch<String>,
    pub phone_number: Patch<String>,
    pub email_address_or_phone_number: Option<String>,
    pub username: Patch<String>,
    pub password: Patch<Secret<String>>,
    pub first_name: Patch<String>,
    pub last_name: Patch<String>,
    pub web3_wallet: Option<String>,
    pub unsafe_metadata: Option<Metadata>,
    pub legal_accepted: Option<bool>,
    pub locale: Patch<String>,
    pub strategy: Option<Strategy>,
    pub channel: Option<PhoneChannel>,
    pub authorize: AuthorizeParams,
    pub ticket: Option<String>,
    pub transfer: bool,
    pub token: Option<Secret<String>>,
    pub captcha_token: Option<Secret<String>>,
    pub captcha_error: Option<String>,
}

impl NewSignUp {
    /// An input without any field.
    pub fn new() -> Self {
        Self::default()
    }

    /// With this e-mail address, as typed.
    #[must_use]
    pub fn email_address(self, text: impl Into<String>) -> Self {
        Self { email_address: Some(text.into()), ..self }
    }

    /// With this phone number, as typed.
    #[must_use]
    pub fn phone_number(self, text: impl Into<String>) -> Self {
        Self { phone_number: Some(text.into()), ..self }
    }

    /// With this username, as typed.
    #[must_use]
    pub fn username(self, text: impl Into<String>) -> Self {
        Self { username: Some(text.into()), ..self }
    }

    /// With this password.
    #[must_use]
    pub fn password(self, password: Secret<String>) -> Self {
        Self { password: Some(password), ..self }
    }

    /// With these names.
    #[must_use]
    pub fn names(self, first: impl Into<String>, last: impl Into<String>) -> Self {
        Self { first_name: Some(first.into()), last_name: Some(last.into()), ..self }
    }

    /// With the ticket of an invitation.
    #[must_use]
    pub fn ticket(self, ticket: impl Into<String>) -> Self {
        Self { ticket: Some(ticket.into()), ..self }
    }

    /// Begins this in the same call.
    #[must_use]
    pub fn strategy(self, strategy: Strategy) -> Self {
        Self { strategy: Some(strategy), ..self }
    }

    /// Where the browser goes after a link or a provider.
    #[must_use]
    pub fn authorize(self, authorize: AuthorizeParams) -> Self {
        Self { authorize, ..self }
    }
}

impl SignUpPatch {
    /// The ticket, trimmed; `None` if empty.
    pub fn ticket(&self) -> Option<&str> {
        self.ticket.as_deref().map(text::token).filter(|ticket| !ticket.is_empty())
    }
}

impl From<NewSignUp> for SignUpPatch {
    fn from(input: NewSignUp) -> Self {
        Self {
            email_address: input.email_address.into(),
            phone_number: input.phone_number.into(),
            email_address_or_phone_number: input.email_address_or_phone_number,
            username: input.username.into(),
            password: input.password.into(),
            first_name: input.first_name.into(),
            last_name: input.last_name.into(),
            web3_wallet: input.web3_wallet,
            unsafe_metadata: input.unsafe_metadata,
            legal_accepted: input.legal_accepted,
            locale: input.locale.into(),
            strategy: input.strategy,
            channel: input.channel,
            authorize: input.authorize,
            ticket: input.ticket,
            transfer: input.transfer,
            token: input.token,
            captcha_token: input.captcha_token,
            captcha_error: input.captcha_error,
        }
    }
}

impl<T> From<Option<T>> for Patch<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Keep, Self::Set)
    }
}

impl Patch<String> {
    /// The text that says the same on the wire, where an empty one removes the value; `None` to keep it.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Keep => None,
            Self::Clear => Some(""),
            Self::Set(text) => Some(text),
        }
    }
}

impl Patch<Secret<String>> {
    /// The text that says the same on the wire, where an empty one removes the value; `None` to keep it.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Keep => None,
            Self::Clear => Some(""),
            Self::Set(text) => Some(text.expose()),
        }
    }
}
