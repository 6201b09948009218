//! Users: what a sign-up becomes.

use super::context::Context;
use super::id::{ClientId, ExternalAccountId, IdentificationId, InvitationId, SessionId, UserId};
use super::identifier::{EmailAddress, Identifier, IdentifierKind, PhoneNumber, Username};
use super::secret::Secret;
use super::sign_up::SignUp;
use super::time::Timestamp;
use super::verification::{ExternalAccount, Profile, Strategy};

/// A user. It has the same 16 bytes as the sign-up it came from, and stores that sign-up: one record holds both.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// The e-mail addresses, the primary one first.
    pub email_addresses: Vec<Identification<EmailAddress>>,
    /// The phone numbers, the primary one first.
    pub phone_numbers: Vec<Identification<PhoneNumber>>,
    /// The accounts at providers.
    pub external_accounts: Vec<UserAccount>,
    /// The username.
    pub username: Option<Username>,
    /// The id in the application's backend; unique in the instance.
    pub external_id: Option<String>,
    /// The digest of the password: a PHC string, or a text for a digest that another system made.
    #[cfg(feature = "unstable")]
    pub password_digest: Option<Secret<String>>,
    #[cfg(not(feature = "unstable"))]
    pub(crate) password_digest: Option<Secret<String>>,
    /// The first name.
    pub first_name: Option<String>,
    /// The last name.
    pub last_name: Option<String>,
    /// Metadata that the person's browser may write, a JSON object as text.
    pub unsafe_metadata: String,
    /// Metadata that only the backend writes, a JSON object as text.
    pub public_metadata: String,
    /// The person's locale.
    pub locale: Option<String>,
    /// When the person accepted the legal terms.
    pub legal_accepted_at: Option<Timestamp>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it last signed in.
    pub last_sign_in_at: Option<Timestamp>,
    /// The clients that it signed in on, the latest one last; a limited number.
    pub devices: Vec<ClientId>,
    /// Which of its sessions have ended, even if their clients still hold them.
    pub sessions_ended: Option<SessionsEnded>,
    /// The finished sign-up it came from, for as long as that is kept.
    pub sign_up: Option<Box<SignUp>>,
}

/// A common end of all sessions of a user, on all clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionsEnded {
    /// Sessions that began up to this time have ended.
    pub at: Timestamp,
    /// The session that is not ended.
    pub except: SessionId,
}

/// An address of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identification<T> {
    /// Its id.
    pub id: IdentificationId,
    /// The address.
    pub value: T,
    /// The strategy that verified it; `None` if it is not verified.
    pub verified_by: Option<Strategy>,
}

/// An account of a user at a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserAccount {
    /// Its id.
    pub id: ExternalAccountId,
    /// The identification id of the account.
    pub identification_id: IdentificationId,
    /// The provider, such as `oauth_google`.
    pub provider: String,
    /// The provider's profile at the time of the proof.
    pub profile: Profile,
    /// When it was proved.
    pub verified_at: Timestamp,
}

impl UserAccount {
    /// The account as stored with a user; `None` where the provider has not identified the person.
    pub fn of(account: &ExternalAccount, cx: &mut Context<'_>) -> Option<Self> {
        Some(Self {
            id: ExternalAccountId::generate(cx.now, cx.entropy),
            identification_id: IdentificationId::generate(cx.now, cx.entropy),
            provider: account.strategy.provider()?,
            profile: account.profile.clone()?,
            verified_at: cx.now,
        })
    }
}

/// What a conversion commits together with the finished sign-up.
#[derive(Clone, Debug, PartialEq)]
pub struct Conversion {
    /// The new user.
    pub user: User,
    /// Its first session.
    pub session_id: SessionId,
    /// The invitation that it uses up.
    pub accepts: Option<InvitationId>,
}

impl User {
    /// Whether it has a password.
    pub const fn has_password(&self) -> bool {
        self.password_digest.is_some()
    }

    /// Its identifiers, each unique in the instance.
    pub fn identifiers(&self) -> Vec<Identifier> {
        let emails = self.email_addresses.iter().map(|e| e.value.identifier());
        let phones = self.phone_numbers.iter().map(|p| p.value.identifier());
        let accounts = self.external_accounts.iter().map(|a| a.profile.identifier(&a.provider));
        let name = self.external_id.iter();
        let name = name.map(|id| Identifier { kind: IdentifierKind::ExternalId, value: id.clone() });
        let usernames = self.username.iter().map(Username::identifier);
        emails.chain(phones).chain(accounts).chain(usernames).chain(name).collect()
    }

    /// The identifier shown to others: the first e-mail address, else phone number, else username, else the account's
    /// name at a provider.
    pub fn public_identifier(&self) -> Option<&str> {
        let email = self.email_addresses.first().map(|e| e.value.as_str());
        let phone = || self.phone_numbers.first().map(|p| p.value.as_str());
        let account = || {
            let mut profiles = self.external_accounts.iter().map(|account| &account.profile);
            profiles.find_map(|profile| profile.email_address.as_deref().or(profile.username.as_deref()))
        };
        email.or_else(phone).or(self.username.as_ref().map(Username::as_str)).or_else(account)
    }
}
