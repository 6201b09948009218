//! Users: what a sign-up becomes, or the application's backend creates.
//!
//! Begin reading at [`User`]; [`User::create`] makes one for the backend, and [`User::apply`] changes it by a
//! [`UserChange`]. How a sign-in changes its user is in `sign_in`.

mod address_verification;
mod addresses;
mod apply;
mod change;
mod create;
mod factors;
mod notices;
mod own;
mod passkeys;
mod read;
mod second_factor;

use crate::domain::context::Context;
use crate::domain::id::{ClientId, ExternalAccountId, IdentificationId, InvitationId, SessionId, UserId};
use crate::domain::identifier::{EmailAddress, Identifier, IdentifierKind, PhoneNumber, Username};
use crate::domain::secret::Secret;
use crate::domain::sign_up::SignUp;
use crate::domain::time::Timestamp;
use crate::domain::verification::{ExternalAccount, Profile, Strategy};

pub(crate) use address_verification::{AddressStep, AskedLink, Asker};
pub use address_verification::{AddressVerification, Purpose};
pub use addresses::{first_email_id, first_phone_id, might_begin_with};
pub use change::{AddressChange, AddressStatus, GivenPassword, MetadataChange, UserChange, UserFields, UserPatch};
pub use create::{NewUser, NewUserFields};
pub use factors::{PASSKEYS_MAX, Passkey, SecondFactors, Totp};
pub(crate) use notices::ChangedBy;
pub use own::{Connected, OwnChange, ProfilePatch};
pub use second_factor::{SecondFactorChange, UsedCode};

/// A user. It has the same 16 bytes as the sign-up it came from, and stores that sign-up: one record holds both.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// 1 when it is created, and one more with each stored change, sign-ins included; 0 where it was stored before
    /// versions were, and has not changed since. A write names the version that it was made
    /// from, so that of two changes made at the same time the later one is refused. A note of activity
    /// ([`last_active_at`](Self::last_active_at)) is not counted.
    pub version: u64,
    /// The e-mail addresses, the primary one first.
    pub email_addresses: Vec<Identification<EmailAddress>>,
    /// The phone numbers, the primary one first.
    pub phone_numbers: Vec<Identification<PhoneNumber>>,
    /// The accounts at providers.
    pub external_accounts: Vec<UserAccount>,
    /// E-mail addresses that the person has added and not proved yet. Another user may have the same
    /// address, and no sign-in takes it.
    pub unproved_emails: Vec<Identification<EmailAddress>>,
    /// Phone numbers of that kind.
    pub unproved_phones: Vec<Identification<PhoneNumber>>,
    /// Accounts that the person is connecting, or has tried to connect.
    pub connections: Vec<Connection>,
    /// The second factors apart from the phone numbers; `None` where there never was one.
    pub second_factors: Option<Box<SecondFactors>>,
    /// The passkeys.
    pub passkeys: Vec<Passkey>,
    /// The username.
    pub username: Option<Username>,
    /// The id in the application's backend; unique in the instance.
    pub external_id: Option<String>,
    /// The digest of the password: a PHC string, or a text for a digest that another system made.
    #[cfg(feature = "unstable")]
    pub password_digest: Option<Secret<String>>,
    #[cfg(not(feature = "unstable"))]
    pub(crate) password_digest: Option<Secret<String>>,
    /// When the password was last set or changed; `None` if there is none, or if that was not noted.
    pub password_last_updated_at: Option<Timestamp>,
    /// Whether the password is known to others: it must be changed before it signs in again.
    pub password_compromised: bool,
    /// The first name.
    pub first_name: Option<String>,
    /// The last name.
    pub last_name: Option<String>,
    /// Metadata that the person's browser may write, a JSON object as text.
    pub unsafe_metadata: String,
    /// Metadata that only the backend writes, a JSON object as text.
    pub public_metadata: String,
    /// Metadata that only the backend reads and writes, a JSON object as text.
    pub private_metadata: String,
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
    /// When one of its sessions was last in use, noted at most once a day.
    pub last_active_at: Option<Timestamp>,
    /// Whether an administrator banned it: it can't sign in, and its sessions are over.
    pub banned: bool,
    /// Until when it can't sign in, set by an administrator; [`Timestamp::MAX`] means until it is unlocked. Its sessions
    /// go on.
    pub locked_until: Option<Timestamp>,
    /// Whether the person may delete the user.
    pub delete_self_enabled: bool,
    /// Whether the person may create organizations.
    pub create_organization_enabled: bool,
    /// How many organizations the person may create; `None` means the instance's number.
    pub create_organizations_limit: Option<u32>,
    /// Whether sign-ins on new clients need no further proof.
    pub bypass_client_trust: bool,
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
    /// The session that is not ended, if any.
    pub except: Option<SessionId>,
    /// Why they ended.
    pub reason: EndReason,
}

/// Why all sessions of a user ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// The person ended them from another client, by proving an address first or by asking for it.
    Elsewhere,
    /// They were revoked: the user was banned, or the password was changed, or an administrator ended them.
    Revoked,
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
    /// Whether an administrator reserved it for the user without a proof: the user may sign in with it, and no other user can have it.
    pub reserved: bool,
    /// When it was added; `None` for one that the user began with, or that was added before this was noted.
    pub created_at: Option<Timestamp>,
    /// Whether a code sent to this phone number is a second factor. Then it is not a first factor.
    pub reserved_for_second_factor: bool,
    /// Whether it is the second factor that is asked for first.
    pub default_second_factor: bool,
}

impl<T> Identification<T> {
    /// An address that is neither proved nor reserved, added at an unknown time.
    pub const fn unproved(id: IdentificationId, value: T) -> Self {
        Self {
            id,
            value,
            verified_by: None,
            reserved: false,
            created_at: None,
            reserved_for_second_factor: false,
            default_second_factor: false,
        }
    }
}

/// An account that a person connects to a user: it is the user's as soon as the provider vouches for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The id that the account will have. Where the user has an account with this id, that one is asked again, for more
    /// scopes.
    pub id: ExternalAccountId,
    /// The identification id that the account will have.
    pub identification_id: IdentificationId,
    /// How far it is.
    pub account: ExternalAccount,
    /// When it began.
    pub created_at: Timestamp,
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
    /// A user without identifiers, created at `at`.
    pub fn new(id: UserId, at: Timestamp) -> Self {
        Self {
            id,
            version: 1,
            email_addresses: Vec::new(),
            phone_numbers: Vec::new(),
            external_accounts: Vec::new(),
            unproved_emails: Vec::new(),
            unproved_phones: Vec::new(),
            connections: Vec::new(),
            second_factors: None,
            passkeys: Vec::new(),
            username: None,
            external_id: None,
            password_digest: None,
            password_last_updated_at: None,
            password_compromised: false,
            first_name: None,
            last_name: None,
            unsafe_metadata: NO_METADATA.to_owned(),
            public_metadata: NO_METADATA.to_owned(),
            private_metadata: NO_METADATA.to_owned(),
            locale: None,
            legal_accepted_at: None,
            created_at: at,
            updated_at: at,
            last_sign_in_at: None,
            last_active_at: None,
            banned: false,
            locked_until: None,
            delete_self_enabled: false,
            create_organization_enabled: false,
            create_organizations_limit: None,
            bypass_client_trust: false,
            devices: Vec::new(),
            sessions_ended: None,
            sign_up: None,
        }
    }

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

    /// Whether one of its addresses has this id, proved or not.
    pub fn has_address(&self, id: IdentificationId) -> bool {
        let mut emails = self.email_addresses.iter().chain(&self.unproved_emails);
        let mut phones = self.phone_numbers.iter().chain(&self.unproved_phones);
        emails.any(|email| email.id == id) || phones.any(|phone| phone.id == id)
    }

    /// The id of one of its addresses.
    pub fn address_id(&self, address: &Identifier) -> Option<IdentificationId> {
        let mut emails = self.email_addresses.iter();
        let email = emails.find(|email| email.value.identifier() == *address).map(|email| email.id);
        let mut phones = self.phone_numbers.iter();
        email.or_else(|| phones.find(|phone| phone.value.identifier() == *address).map(|phone| phone.id))
    }

    /// Whether an identifier is one of its own.
    pub fn holds(&self, identifier: &Identifier) -> bool {
        self.identifiers().contains(identifier)
    }

    /// Whether this is one of its addresses, and was verified.
    pub fn has_verified(&self, address: &Identifier) -> bool {
        let emails = self.email_addresses.iter().map(|e| (e.value.identifier(), &e.verified_by));
        let phones = self.phone_numbers.iter().map(|p| (p.value.identifier(), &p.verified_by));
        emails.chain(phones).any(|(known, verified_by)| known == *address && verified_by.is_some())
    }

    /// Whether this is one of its addresses, and is neither verified nor reserved: its first proof makes the owner of the
    /// address the owner of the user.
    pub fn holds_unproved(&self, address: &Identifier) -> bool {
        let emails =
            self.email_addresses.iter().map(|e| (e.value.identifier(), e.verified_by.is_none() && !e.reserved));
        let phones = self.phone_numbers.iter().map(|p| (p.value.identifier(), p.verified_by.is_none() && !p.reserved));
        emails.chain(phones).any(|(known, is_unproved)| known == *address && is_unproved)
    }

    /// How the user spells this address: as it is, or where the instance ignores dots the same mailbox with other ones.
    pub(crate) fn address_like(&self, address: &Identifier, ignores_dots: bool) -> Option<Identifier> {
        let own = self.identifiers();
        let mailbox = address.gmail_mailbox().filter(|_| ignores_dots);
        let is_same_mailbox = |known: &&Identifier| mailbox.is_some() && known.gmail_mailbox() == mailbox;
        own.iter().find(|known| *known == address).or_else(|| own.iter().find(is_same_mailbox)).cloned()
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

/// Metadata without entries.
const NO_METADATA: &str = "{}";
