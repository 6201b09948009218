//! Users that the application's backend creates, without a sign-up.

use crate::domain::context::Context;
use crate::domain::field::Field;
use crate::domain::id::UserId;
use crate::domain::identifier::{EmailAddress, Identifier, IdentifierKind, PhoneNumber, Username};
use crate::domain::metadata::Metadata;
use crate::domain::person;
use crate::domain::rejection::{ErrorCode, Reason, Rejection};
use crate::domain::secret::Secret;
use crate::domain::settings::Settings;
use crate::domain::sign_up::Patch;
use crate::domain::time::Timestamp;

use super::User;
use super::addresses::{self, ADDRESSES_MAX, first_email_id, first_phone_id};
use super::change::{AddressStatus, GivenPassword, Password};
use super::read::Reader;

/// The parameters of a new user as the backend gives them, `None` where absent. No mail is sent, and neither captcha
/// nor allow-list nor block-list is asked for: the backend has decided.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the parameters of Clerk's POST /users")]
pub struct NewUser {
    pub external_id: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub locale: Option<String>,
    pub username: Option<String>,
    /// The first one becomes the primary one.
    pub email_address: Vec<String>,
    /// `verified` or `reserved` for each address; all are verified where it is empty.
    pub email_address_identification_status: Vec<String>,
    /// The first one becomes the primary one.
    pub phone_number: Vec<String>,
    /// `verified` or `reserved` for each number; all are verified where it is empty.
    pub phone_number_identification_status: Vec<String>,
    pub password: Option<Secret<String>>,
    /// A digest that another system made, in place of a password.
    pub password_digest: Option<Secret<String>>,
    /// The name of the function that made the digest.
    pub password_hasher: Option<String>,
    /// The secret of an authenticator app that the person has already, in base32 (RFC 4648).
    pub totp_secret: Option<Secret<String>>,
    /// Backup codes that the person has already, at most 100.
    pub backup_codes: Vec<Secret<String>>,
    /// Whether the password may break the rules for passwords.
    pub skip_password_checks: bool,
    /// Whether it may have no password where the settings require one.
    pub skip_password_requirement: bool,
    /// Whether it may lack the acceptance of the legal terms where the settings require it.
    pub skip_legal_checks: bool,
    /// Whether it may lack identifiers, where the settings require them too.
    pub skip_user_requirement: bool,
    pub public_metadata: Option<Metadata>,
    pub private_metadata: Option<Metadata>,
    pub unsafe_metadata: Option<Metadata>,
    pub delete_self_enabled: Option<bool>,
    pub create_organization_enabled: Option<bool>,
    /// 0 means no limit.
    pub create_organizations_limit: Option<u32>,
    pub bypass_client_trust: Option<bool>,
    pub banned: bool,
    /// Whether it can't sign in until it is unlocked.
    pub locked: bool,
    pub legal_accepted_at: Option<Timestamp>,
    /// Now where absent.
    pub created_at: Option<Timestamp>,
}

/// A new user, parsed. The password is a digest here.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewUserFields {
    /// The id in the application's backend.
    pub external_id: Option<String>,
    /// The first name.
    pub first_name: Option<String>,
    /// The last name.
    pub last_name: Option<String>,
    /// The locale.
    pub locale: Option<String>,
    /// The username.
    pub username: Option<Username>,
    /// The e-mail addresses with their standing, the primary one first.
    pub email_addresses: Vec<(EmailAddress, AddressStatus)>,
    /// The phone numbers with their standing, the primary one first.
    pub phone_numbers: Vec<(PhoneNumber, AddressStatus)>,
    /// What is stored of the password.
    pub password_digest: Option<Secret<String>>,
    /// What only the backend writes.
    pub public_metadata: Option<Metadata>,
    /// What only the backend reads and writes.
    pub private_metadata: Option<Metadata>,
    /// What the person's browser writes too.
    pub unsafe_metadata: Option<Metadata>,
    /// Whether the person may delete the user.
    pub delete_self_enabled: bool,
    /// Whether the person may create organizations.
    pub create_organization_enabled: bool,
    /// How many; `None` means the instance's number.
    pub create_organizations_limit: Option<u32>,
    /// Whether sign-ins on new clients need no further proof.
    pub bypass_client_trust: bool,
    /// Whether it begins banned.
    pub banned: bool,
    /// Whether it can't sign in until it is unlocked.
    pub locked: bool,
    /// When the person accepted the legal terms.
    pub legal_accepted_at: Option<Timestamp>,
    /// When it was created; now where absent.
    pub created_at: Option<Timestamp>,
}

impl NewUserFields {
    /// Reads the parameters by the instance's settings. The second value is the password, if one was given; the caller
    /// puts its digest into `password_digest`.
    ///
    /// # Errors
    /// Every fault found, each naming its parameter; `form_data_missing` names all that the settings require and that is
    /// absent.
    pub fn parse(
        raw: &NewUser,
        settings: &Settings,
        now: Timestamp,
    ) -> Result<(Self, Option<GivenPassword>), Rejection> {
        let mut reader = Reader::new(settings);
        let text = |text: &Option<String>| match text.as_deref().filter(|text| !text.is_empty()) {
            Some(text) => Patch::Set(text.to_owned()),
            None => Patch::Keep,
        };
        let username = reader
            .patch(&Field::Username, &text(&raw.username), |text| Username::parse(text, &settings.username_settings));
        let first_name =
            reader.patch(&Field::FirstName, &text(&raw.first_name), |text| person::name("first_name", text));
        let last_name = reader.patch(&Field::LastName, &text(&raw.last_name), |text| person::name("last_name", text));
        let email_addresses = given(
            &mut reader,
            (&Field::EmailAddress, "email_address_identification_status"),
            (&raw.email_address, &raw.email_address_identification_status),
            EmailAddress::parse,
            |known, other| known.as_str() == other.as_str(),
        );
        let phone_numbers = given(
            &mut reader,
            (&Field::PhoneNumber, "phone_number_identification_status"),
            (&raw.phone_number, &raw.phone_number_identification_status),
            PhoneNumber::parse,
            |known, other| known == other,
        );
        let password = reader.password(&Password {
            plain: raw.password.as_ref(),
            digest: raw.password_digest.as_ref(),
            hasher: raw.password_hasher.as_deref(),
            skip_checks: raw.skip_password_checks,
        });
        let missing = raw.missing(settings);
        if !missing.is_empty() {
            reader.refuse(Reason::from(ErrorCode::FormDataMissing).about(missing));
        }
        let new = Self {
            public_metadata: raw.public_metadata.clone(),
            private_metadata: raw.private_metadata.clone(),
            unsafe_metadata: raw.unsafe_metadata.clone(),
            external_id: set(reader.optional(&text(&raw.external_id), person::external_id)),
            first_name: set(first_name),
            last_name: set(last_name),
            locale: set(reader.optional(&text(&raw.locale), person::locale)),
            username: set(username),
            email_addresses,
            phone_numbers,
            password_digest: None,
            delete_self_enabled: raw.delete_self_enabled.unwrap_or(settings.actions.delete_self),
            create_organization_enabled: raw.create_organization_enabled.unwrap_or(false),
            create_organizations_limit: raw.create_organizations_limit.filter(|limit| *limit > 0),
            bypass_client_trust: raw.bypass_client_trust.unwrap_or(false),
            banned: raw.banned,
            locked: raw.locked,
            legal_accepted_at: reader.past("legal_accepted_at", raw.legal_accepted_at, now),
            created_at: reader.past("created_at", raw.created_at, now),
        };
        reader.finish()?;
        Ok((new, password))
    }

    /// The identifiers that the user will hold.
    pub fn identifiers(&self) -> Vec<Identifier> {
        let emails = self.email_addresses.iter().map(|(email, _)| email.identifier());
        let phones = self.phone_numbers.iter().map(|(phone, _)| phone.identifier());
        let name = self.external_id.iter();
        let name = name.map(|id| Identifier { kind: IdentifierKind::ExternalId, value: id.clone() });
        emails.chain(phones).chain(self.username.iter().map(Username::identifier)).chain(name).collect()
    }

    /// The person's addresses and names: a password must not consist of them.
    pub fn own_words(&self) -> Vec<&str> {
        let emails = self.email_addresses.iter().map(|(email, _)| email.typed());
        let phones = self.phone_numbers.iter().map(|(phone, _)| phone.as_str());
        let names = [&self.first_name, &self.last_name].into_iter().flatten().map(String::as_str);
        emails.chain(phones).chain(names).chain(self.username.iter().map(|username| username.as_str())).collect()
    }
}

impl NewUser {
    /// The parameters that the settings require and that are absent, in the order of the attributes.
    fn missing(&self, settings: &Settings) -> Vec<String> {
        let is_given = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.is_empty());
        let has_password =
            [&self.password, &self.password_digest].into_iter().flatten().any(|secret| !secret.expose().is_empty());
        let has = |field: &Field| match field {
            Field::EmailAddress => self.skip_user_requirement || !self.email_address.is_empty(),
            Field::PhoneNumber => self.skip_user_requirement || !self.phone_number.is_empty(),
            Field::Username => self.skip_user_requirement || is_given(&self.username),
            Field::Password => self.skip_password_requirement || has_password,
            Field::FirstName => is_given(&self.first_name),
            Field::LastName => is_given(&self.last_name),
            Field::Web3Wallet | Field::LegalAccepted | Field::OAuth(_) => true,
        };
        let is_required = |field: &Field| settings.attribute(field).is_some_and(|a| a.enabled && a.required);
        let required = Field::ATTRIBUTES.iter().filter(|field| is_required(field) && !has(field));
        let mut missing: Vec<String> = required.map(|field| field.as_str().to_owned()).collect();
        let is_identified = !self.email_address.is_empty() || !self.phone_number.is_empty() || is_given(&self.username);
        let asks_for_one = |name: &String| Field::IDENTIFIERS.iter().any(|field| field.as_str() == name);
        if !is_identified && !self.skip_user_requirement && !missing.iter().any(asks_for_one) {
            // One of these would be enough.
            let enabled = Field::IDENTIFIERS.iter().filter(|field| **field != Field::Web3Wallet);
            let enabled = enabled.filter(|field| settings.enabled(field));
            missing.extend(enabled.map(|field| field.as_str().to_owned()));
        }
        if settings.enabled(&Field::LegalAccepted) && !self.skip_legal_checks && self.legal_accepted_at.is_none() {
            missing.push("legal_accepted_at".to_owned());
        }
        missing
    }
}

impl User {
    /// A new user. Its identifiers are claimed by the commit, which may refuse them.
    pub fn create(new: &NewUserFields, cx: &mut Context<'_>) -> Self {
        let id = UserId::generate(cx.now, cx.entropy);
        let text = |given: &Option<Metadata>| given.as_ref().map_or("{}", Metadata::as_str).to_owned();
        Self {
            email_addresses: addresses::of_new_user(&new.email_addresses, first_email_id(id), cx),
            phone_numbers: addresses::of_new_user(&new.phone_numbers, first_phone_id(id), cx),
            username: new.username.clone(),
            external_id: new.external_id.clone(),
            password_last_updated_at: new.password_digest.as_ref().map(|_| cx.now),
            password_digest: new.password_digest.clone(),
            first_name: new.first_name.clone(),
            last_name: new.last_name.clone(),
            public_metadata: text(&new.public_metadata),
            private_metadata: text(&new.private_metadata),
            unsafe_metadata: text(&new.unsafe_metadata),
            locale: new.locale.clone(),
            legal_accepted_at: new.legal_accepted_at,
            created_at: new.created_at.unwrap_or(cx.now),
            banned: new.banned,
            locked_until: new.locked.then_some(Timestamp::MAX),
            delete_self_enabled: new.delete_self_enabled,
            create_organization_enabled: new.create_organization_enabled,
            create_organizations_limit: new.create_organizations_limit,
            bypass_client_trust: new.bypass_client_trust,
            ..Self::new(id, cx.now)
        }
    }
}

/// Reads the addresses of one kind, each with its standing; `status_param` names the list of the standings.
fn given<T>(
    reader: &mut Reader<'_>,
    (field, status_param): (&Field, &str),
    (texts, statuses): (&[String], &[String]),
    parse: impl Fn(&str) -> Result<T, Reason>,
    same: impl Fn(&T, &T) -> bool,
) -> Vec<(T, AddressStatus)> {
    let param = field.as_str();
    if texts.len() > ADDRESSES_MAX {
        reader.refuse(ErrorCode::FormParamValueInvalid.on(param));
        return Vec::new();
    }
    if !statuses.is_empty() && statuses.len() != texts.len() {
        reader.refuse(ErrorCode::FormParamValueInvalid.on(status_param));
        return Vec::new();
    }
    let mut found: Vec<(T, AddressStatus)> = Vec::new();
    for (n, text) in texts.iter().enumerate() {
        let status =
            statuses.get(n).map_or(Ok(AddressStatus::Verified), |text| AddressStatus::parse(status_param, text));
        let status = reader.take(status).unwrap_or_default();
        if text.is_empty() {
            reader.refuse(ErrorCode::FormParamNil.on(param));
            continue;
        }
        let Patch::Set(value) = reader.patch(field, &Patch::Set(text.clone()), &parse) else { continue };
        if found.iter().any(|(known, _)| same(known, &value)) {
            reader.refuse(ErrorCode::FormParamDuplicate.on(param));
            continue;
        }
        found.push((value, status));
    }
    found
}

fn set<T>(patch: Patch<T>) -> Option<T> {
    match patch {
        Patch::Set(value) => Some(value),
        Patch::Keep | Patch::Clear => None,
    }
}
