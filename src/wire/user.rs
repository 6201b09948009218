//! The User with its identifications ([guide: Users](crate::guide::contract_sign_ins#users)).

use std::borrow::Cow;

use serde::{Serialize, Serializer};

use crate::domain::field::Field;
use crate::domain::id::{ExternalAccountId, IdentificationId, UserId};
use crate::domain::identifier::{EmailAddress, PhoneNumber, Username};
use crate::domain::sign_in::SignInAttempts;
use crate::domain::time::Timestamp;
use crate::domain::user::{AddressVerification, Connection, Identification, User, UserAccount};
use crate::domain::verification::Profile;

use super::passkey::{PasskeyResource, passkeys};
use super::verification::{ExternalResource, State, proof};
use super::{AsDisplay, Metadata};

/// A user on the wire.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct UserResource<'a> {
    id: AsDisplay<UserId>,
    object: &'static str,
    username: Option<&'a str>,
    first_name: Option<&'a str>,
    last_name: Option<&'a str>,
    locale: Option<&'a str>,
    external_id: Option<&'a str>,
    image_url: &'static str,
    has_image: bool,
    primary_email_address_id: Option<AsDisplay<IdentificationId>>,
    primary_phone_number_id: Option<AsDisplay<IdentificationId>>,
    primary_web3_wallet_id: (),
    email_addresses: Vec<EmailAddressResource<'a>>,
    phone_numbers: Vec<PhoneNumberResource<'a>>,
    web3_wallets: [(); 0],
    passkeys: Vec<PasskeyResource<'a>>,
    external_accounts: Vec<ExternalAccountResource<'a>>,
    saml_accounts: [(); 0],
    enterprise_accounts: [(); 0],
    organization_memberships: [(); 0],
    password_enabled: bool,
    two_factor_enabled: bool,
    totp_enabled: bool,
    backup_code_enabled: bool,
    delete_self_enabled: bool,
    create_organization_enabled: bool,
    banned: bool,
    locked: bool,
    lockout_expires_in_seconds: Option<u64>,
    verification_attempts_remaining: Option<u32>,
    mfa_enabled_at: Option<Timestamp>,
    mfa_disabled_at: Option<Timestamp>,
    public_metadata: Metadata<'a>,
    unsafe_metadata: Metadata<'a>,
    last_sign_in_at: Option<Timestamp>,
    last_active_at: Option<Timestamp>,
    legal_accepted_at: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// An e-mail address of a user.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct EmailAddressResource<'a> {
    object: &'static str,
    id: AsDisplay<IdentificationId>,
    email_address: &'a str,
    reserved: bool,
    verification: Option<State<'a>>,
    linked_to: Vec<LinkedTo<'a>>,
    matches_sso_connection: bool,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// A phone number of a user.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct PhoneNumberResource<'a> {
    object: &'static str,
    id: AsDisplay<IdentificationId>,
    phone_number: &'a str,
    reserved: bool,
    reserved_for_second_factor: bool,
    default_second_factor: bool,
    verification: Option<State<'a>>,
    linked_to: [(); 0],
    backup_codes: (),
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// An account of a user at a provider.
#[derive(Debug, PartialEq, Serialize)]
struct ExternalAccountResource<'a> {
    object: &'static str,
    id: AsDisplay<ExternalAccountId>,
    provider: Cow<'a, str>,
    identification_id: AsDisplay<IdentificationId>,
    provider_user_id: &'a str,
    approved_scopes: String,
    email_address: &'a str,
    first_name: &'a str,
    last_name: &'a str,
    image_url: &'a str,
    username: Option<&'a str>,
    phone_number: (),
    public_metadata: Metadata<'static>,
    label: (),
    verification: AccountVerification<'a>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// Whether an account is the user's, or how far the attempt to connect it is.
#[derive(Debug, PartialEq, Serialize)]
#[serde(untagged)]
enum AccountVerification<'a> {
    Done(Verified<'a>),
    Attempt(Box<ExternalResource<'a>>),
}

/// A verification that is done.
#[derive(Debug, PartialEq, Serialize)]
struct Verified<'a> {
    object: &'static str,
    status: &'static str,
    strategy: &'a str,
    attempts: (),
    /// When it was done: how long it was open is not kept, and Clerk's packages for servers want a time.
    expire_at: Timestamp,
}

/// The provider account that verified an address.
#[derive(Debug, PartialEq, Serialize)]
struct LinkedTo<'a> {
    r#type: &'a str,
    id: AsDisplay<IdentificationId>,
}

impl<'a> From<&'a User> for UserResource<'a> {
    /// Without the time, only a lock that lasts until it is ended is shown.
    fn from(user: &'a User) -> Self {
        Self::of(user, None, Timestamp::MAX)
    }
}

impl<'a> UserResource<'a> {
    /// `user` at `now`, whose session was last in use at `active_at`.
    pub(crate) fn of(user: &'a User, active_at: Option<Timestamp>, now: Timestamp) -> Self {
        let lock = user.locked_until.filter(|until| now < *until || *until == Timestamp::MAX);
        Self {
            id: AsDisplay(user.id),
            object: "user",
            username: user.username.as_ref().map(Username::as_str),
            first_name: user.first_name.as_deref(),
            last_name: user.last_name.as_deref(),
            locale: user.locale.as_deref(),
            external_id: user.external_id.as_deref(),
            image_url: "",
            has_image: false,
            primary_email_address_id: user.email_addresses.first().map(|e| AsDisplay(e.id)),
            primary_phone_number_id: user.phone_numbers.first().map(|p| AsDisplay(p.id)),
            primary_web3_wallet_id: (),
            email_addresses: user.email_addresses.iter().chain(&user.unproved_emails).map(|e| email(user, e)).collect(),
            phone_numbers: user.phone_numbers.iter().chain(&user.unproved_phones).map(|p| phone(user, p)).collect(),
            web3_wallets: [],
            passkeys: passkeys(user),
            external_accounts: accounts(user, now),
            saml_accounts: [],
            enterprise_accounts: [],
            organization_memberships: [],
            password_enabled: user.password_digest.is_some(),
            two_factor_enabled: user.has_second_factor(),
            totp_enabled: user.has_app(),
            backup_code_enabled: user.has_backup_codes(),
            delete_self_enabled: user.delete_self_enabled,
            create_organization_enabled: user.create_organization_enabled,
            banned: user.banned,
            // By an administrator. A signed-in user has no use for the attempts that are left to other clients.
            locked: lock.is_some(),
            lockout_expires_in_seconds: lock
                .filter(|until| *until != Timestamp::MAX)
                .map(|until| until.since(now).as_secs_ceil()),
            verification_attempts_remaining: None,
            mfa_enabled_at: user.second_factors.as_ref().and_then(|own| own.mfa_enabled_at),
            mfa_disabled_at: user.second_factors.as_ref().and_then(|own| own.mfa_disabled_at),
            public_metadata: Metadata(&user.public_metadata),
            unsafe_metadata: Metadata(&user.unsafe_metadata),
            last_sign_in_at: user.last_sign_in_at,
            last_active_at: active_at.max(user.last_sign_in_at),
            legal_accepted_at: user.legal_accepted_at,
            created_at: user.created_at,
            updated_at: user.updated_at,
        }
    }
}

impl<'a> UserResource<'a> {
    /// The same without attempts to connect an account: those are for the person, since they have the URL that leads to the
    /// provider.
    pub(super) fn without_attempts_to_connect(self, user: &'a User) -> Self {
        Self {
            external_accounts: user.external_accounts.iter().map(|account| external(user, account)).collect(),
            ..self
        }
    }
}

impl UserResource<'_> {
    /// The same with what failed sign-ins have come to at `now`.
    pub(super) fn with_attempts(mut self, attempts: SignInAttempts, now: Timestamp) -> Self {
        self.verification_attempts_remaining = attempts.remaining;
        let Some(until) = attempts.locked_until.filter(|until| now < *until || *until == Timestamp::MAX) else {
            return self;
        };
        let seconds = (until != Timestamp::MAX).then(|| until.since(now).as_secs_ceil());
        self.lockout_expires_in_seconds = match (self.locked, self.lockout_expires_in_seconds) {
            (false, _) => seconds,
            // The longer of the two locks; one without an end is the longest.
            (true, earlier) => earlier.zip(seconds).map(|(earlier, seconds)| earlier.max(seconds)),
        };
        self.locked = true;
        self
    }
}

/// An address of `user`.
pub(super) fn email<'a>(user: &'a User, email: &'a Identification<EmailAddress>) -> EmailAddressResource<'a> {
    let kept = user.sign_up.as_deref().and_then(|sign_up| sign_up.verification(&Field::EmailAddress));
    EmailAddressResource {
        object: "email_address",
        id: AsDisplay(email.id),
        email_address: email.value.as_str(),
        reserved: email.reserved,
        verification: proof(email.verified_by.as_ref(), kept),
        linked_to: linked_to(user, email),
        matches_sso_connection: false,
        created_at: email.created_at.unwrap_or(user.created_at),
        updated_at: user.updated_at,
    }
}

/// The accounts of a user, and those that the person is connecting or has tried to connect.
fn accounts(user: &User, now: Timestamp) -> Vec<ExternalAccountResource<'_>> {
    let attempt = |id: ExternalAccountId| user.connections.iter().find(move |connection| connection.id == id);
    let known = user.external_accounts.iter().map(|account| {
        let shown = external(user, account);
        match attempt(account.id) {
            // It is asked again, for other scopes.
            Some(again) => with_attempt(shown, again, now),
            None => shown,
        }
    });
    let is_known = |id| user.external_accounts.iter().any(|account| account.id == id);
    let tried = user.connections.iter().filter(|connection| !is_known(connection.id));
    known.chain(tried.map(|connection| connecting(user, connection, now))).collect()
}

fn with_attempt<'a>(
    shown: ExternalAccountResource<'a>,
    attempt: &'a Connection,
    now: Timestamp,
) -> ExternalAccountResource<'a> {
    let verification = AccountVerification::Attempt(Box::new(ExternalResource::of(&attempt.account, now)));
    ExternalAccountResource { verification, ..shown }
}

fn connecting<'a>(user: &'a User, connection: &'a Connection, now: Timestamp) -> ExternalAccountResource<'a> {
    let account = &connection.account;
    ExternalAccountResource {
        object: "external_account",
        id: AsDisplay(connection.id),
        provider: Cow::Owned(account.strategy.provider().unwrap_or_default()),
        identification_id: AsDisplay(connection.identification_id),
        created_at: connection.created_at,
        verification: AccountVerification::Attempt(Box::new(ExternalResource::of(account, now))),
        ..of_profile(user, &NOBODY)
    }
}

fn external<'a>(user: &'a User, account: &'a UserAccount) -> ExternalAccountResource<'a> {
    ExternalAccountResource {
        object: "external_account",
        id: AsDisplay(account.id),
        provider: Cow::Borrowed(account.provider.as_str()),
        identification_id: AsDisplay(account.identification_id),
        created_at: account.verified_at,
        verification: AccountVerification::Done(Verified {
            object: "verification_oauth",
            status: "verified",
            strategy: &account.provider,
            attempts: (),
            expire_at: account.verified_at,
        }),
        ..of_profile(user, &account.profile)
    }
}

/// What the profile of an account shows.
fn of_profile<'a>(user: &'a User, profile: &'a Profile) -> ExternalAccountResource<'a> {
    fn text(value: &Option<String>) -> &str {
        value.as_deref().unwrap_or_default()
    }
    ExternalAccountResource {
        object: "external_account",
        id: AsDisplay(ExternalAccountId::from_bytes([0; 16])),
        provider: Cow::Borrowed(""),
        identification_id: AsDisplay(IdentificationId::from_bytes([0; 16])),
        provider_user_id: &profile.subject,
        approved_scopes: profile.approved_scopes.join(" "),
        email_address: text(&profile.email_address),
        first_name: text(&profile.first_name),
        last_name: text(&profile.last_name),
        image_url: text(&profile.image_url),
        username: profile.username.as_deref(),
        phone_number: (),
        public_metadata: Metadata("{}"),
        label: (),
        verification: AccountVerification::Done(Verified {
            object: "verification_oauth",
            status: "verified",
            strategy: "",
            attempts: (),
            expire_at: user.created_at,
        }),
        created_at: user.created_at,
        updated_at: user.updated_at,
    }
}

/// The accounts whose provider verified an address.
fn linked_to<'a>(user: &'a User, email: &Identification<EmailAddress>) -> Vec<LinkedTo<'a>> {
    let accounts = user.accounts_behind(&email.value);
    accounts.map(|account| LinkedTo { r#type: &account.provider, id: AsDisplay(account.identification_id) }).collect()
}

/// An address of `user`.
pub(super) fn phone<'a>(user: &'a User, phone: &'a Identification<PhoneNumber>) -> PhoneNumberResource<'a> {
    let kept = user.sign_up.as_deref().and_then(|sign_up| sign_up.verification(&Field::PhoneNumber));
    PhoneNumberResource {
        object: "phone_number",
        id: AsDisplay(phone.id),
        phone_number: phone.value.as_str(),
        reserved: phone.reserved,
        reserved_for_second_factor: phone.reserved_for_second_factor,
        default_second_factor: phone.default_second_factor,
        verification: proof(phone.verified_by.as_ref(), kept),
        linked_to: [],
        backup_codes: (),
        created_at: phone.created_at.unwrap_or(user.created_at),
        updated_at: user.updated_at,
    }
}

/// A profile of which nothing is known.
static NOBODY: Profile = Profile {
    subject: String::new(),
    email_address: None,
    email_verified: false,
    first_name: None,
    last_name: None,
    username: None,
    image_url: None,
    approved_scopes: Vec::new(),
};

/// An address of the own user, with the state of its verification.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(feature = "server"), expect(dead_code, reason = "only the HTTP front end shows it"))]
pub(crate) struct OwnAddress<'a> {
    /// The user.
    pub(crate) user: &'a User,
    /// The id of the address.
    pub(crate) id: IdentificationId,
    /// The code that was sent to it.
    pub(crate) verification: Option<&'a AddressVerification>,
    /// The time of reading.
    pub(crate) now: Timestamp,
    /// How many attempts a code has.
    pub(crate) attempts_max: u32,
}

impl Serialize for OwnAddress<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let user = self.user;
        let state = self.verification.map(|sent| {
            let verification = &sent.verification;
            State::of(verification, verification.status(self.now, self.attempts_max))
        });
        let found = user.email_addresses.iter().chain(&user.unproved_emails).find(|known| known.id == self.id);
        if let Some(found) = found {
            let shown = email(user, found);
            let verification = shown.verification.or(state);
            return EmailAddressResource { verification, ..shown }.serialize(serializer);
        }
        let found = user.phone_numbers.iter().chain(&user.unproved_phones).find(|known| known.id == self.id);
        let shown = found.map(|found| phone(user, found));
        let shown = shown.map(|shown| PhoneNumberResource { verification: shown.verification.or(state), ..shown });
        shown.serialize(serializer)
    }
}

/// The addresses of one kind of the own user.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(feature = "server"), expect(dead_code, reason = "only the HTTP front end shows it"))]
pub(crate) struct OwnAddresses<'a> {
    /// The user.
    pub(crate) user: &'a User,
    /// Whether they are phone numbers.
    pub(crate) is_phone: bool,
}

impl Serialize for OwnAddresses<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let user = self.user;
        if self.is_phone {
            let phones = user.phone_numbers.iter().chain(&user.unproved_phones);
            return serializer.collect_seq(phones.map(|known| phone(user, known)));
        }
        let emails = user.email_addresses.iter().chain(&user.unproved_emails);
        serializer.collect_seq(emails.map(|known| email(user, known)))
    }
}

/// An account of the own user, or the attempt to connect it.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(feature = "server"), expect(dead_code, reason = "only the HTTP front end shows it"))]
pub(crate) struct OwnAccount<'a> {
    /// The user.
    pub(crate) user: &'a User,
    /// The id of the account.
    pub(crate) id: ExternalAccountId,
    /// The time of reading.
    pub(crate) now: Timestamp,
}

impl Serialize for OwnAccount<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let found = accounts(self.user, self.now).into_iter().find(|account| account.id.0 == self.id);
        found.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::time::Span;
    use crate::wire::samples;

    #[test]
    fn a_user_has_every_key_that_clients_read() {
        let user = samples::user();
        let shown = serde_json::to_value(UserResource::from(&user)).expect("JSON");
        for list in [
            "phone_numbers",
            "web3_wallets",
            "passkeys",
            "external_accounts",
            "saml_accounts",
            "enterprise_accounts",
            "organization_memberships",
        ] {
            assert_eq!(shown[list], json!([]), "{list}");
        }
        let email = &shown["email_addresses"][0];
        assert_eq!(email["id"], shown["primary_email_address_id"]);
        assert_eq!(email["email_address"], "ada@example.com");
        assert_eq!(email["verification"]["status"], "verified");
        assert_eq!(email["verification"]["strategy"], "email_code");
        assert_eq!(shown["password_enabled"], true);
        assert!(!shown.to_string().contains("argon2"), "no digest on the wire");
    }

    #[test]
    fn a_user_was_active_when_its_session_was() {
        let mut user = samples::user();
        let later = samples::NOW + Span::from_secs(60);
        for (signed_in_at, active_at, expected) in [
            (None, None, json!(null)),
            (Some(samples::NOW), None, json!(samples::NOW)),
            (None, Some(later), json!(later)),
            (Some(samples::NOW), Some(later), json!(later)),
            (Some(later), Some(samples::NOW), json!(later)),
        ] {
            user.last_sign_in_at = signed_in_at;
            let shown = serde_json::to_value(UserResource::of(&user, active_at, later)).expect("JSON");
            assert_eq!(shown["last_active_at"], expected);
        }
    }
}
