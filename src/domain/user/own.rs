//! What people change on their own users ([guide: The profile](crate::guide::contract_me)): the changes of
//! [`UserChange`], with permissions of their own, and what only a person does, such as adding an address that is not
//! proved yet.

use crate::domain::context::Context;
use crate::domain::field::Field;
use crate::domain::id::{ExternalAccountId, IdentificationId, SessionId, UserId};
use crate::domain::identifier::{EmailAddress, Identifier, PhoneNumber};
use crate::domain::metadata::Metadata;
use crate::domain::rejection::{ErrorCode, Reason, Rejection};
use crate::domain::settings::Settings;
use crate::domain::sign_up::Patch;
use crate::domain::verification::{ExternalState, Profile, Strategy};

use super::addresses::ADDRESSES_MAX;
use super::change::{AddressChange, MetadataChange, UserChange, UserFields};
use super::{Connection, Identification, Passkey, User, UserAccount};

/// What a person sets on the own user. What is not named is kept; [`Patch::Clear`], like an empty text, removes a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the parameters of Clerk's PATCH /me")]
pub struct ProfilePatch {
    pub username: Patch<String>,
    pub first_name: Patch<String>,
    pub last_name: Patch<String>,
    pub primary_email_address_id: Option<IdentificationId>,
    pub primary_phone_number_id: Option<IdentificationId>,
    /// Replaces the metadata that the person's browser may write.
    pub unsafe_metadata: Option<Metadata>,
}

/// A change that a person makes to the own user.
#[derive(Clone, Debug, PartialEq)]
pub enum OwnChange {
    /// Set attributes, among them the digest of a new password.
    Update(Box<UserFields>),
    /// Merge metadata.
    Metadata(Metadata),
    /// Remove the password.
    RemovePassword,
    /// Add an e-mail address, which is to be proved.
    AddEmail(EmailAddress),
    /// Add a phone number, which is to be proved.
    AddPhone {
        /// The number.
        number: PhoneNumber,
        /// Whether a code sent to it is meant as a second factor.
        second_factor: bool,
    },
    /// Remove an address.
    RemoveAddress(IdentificationId),
    /// Change the use of a phone number.
    MarkPhone {
        /// The number.
        id: IdentificationId,
        /// Whether a code sent to it is a second factor.
        reserved: Option<bool>,
        /// Whether it is the second factor that is asked for first.
        default: Option<bool>,
    },
    /// Remove an account at a provider, or the attempt to connect one.
    RemoveAccount(ExternalAccountId),
    /// Add a passkey, whose first signature was already checked.
    AddPasskey(Box<Passkey>),
    /// Name a passkey.
    RenamePasskey {
        /// The passkey.
        id: IdentificationId,
        /// Its new name.
        name: String,
    },
    /// Remove a passkey.
    RemovePasskey(IdentificationId),
    /// Begin to connect an account. It takes the place of an earlier attempt at the same provider.
    Connect(Box<Connection>),
}

/// What a provider says of an account that is being connected, with look-ups about it from just before.
#[derive(Clone, Debug, PartialEq)]
pub struct Connected {
    /// The nonce of the authorization request.
    pub nonce: [u8; 16],
    /// The person's profile there, or why it is not known.
    pub outcome: Result<Profile, ErrorCode>,
    /// The user who has the account.
    pub owner: Option<UserId>,
    /// The user who has the address of the profile.
    pub holder: Option<UserId>,
}

impl User {
    /// The user after a change by its own person. A change that changes nothing gives the same value.
    ///
    /// # Errors
    /// Every fault of the change; `form_param_unknown` for what the instance does not have,
    /// `immutable_attribute_modification_not_allowed` for what it does not let people change, and
    /// `identification_deletion_failed` for what would leave no way to sign in.
    pub fn apply_own(&self, change: &OwnChange, cx: &mut Context<'_>) -> Result<Self, Rejection> {
        let (mut next, settings) = (self.clone(), cx.settings);
        match change {
            OwnChange::Update(fields) => {
                self.check_update(fields, settings)?;
                return self.kept_accessible(self.apply(&UserChange::Update(fields.clone()), cx)?, settings);
            }
            OwnChange::Metadata(metadata) => {
                let unsafe_metadata = Some(metadata.clone());
                let change = MetadataChange { merge: true, unsafe_metadata, ..MetadataChange::default() };
                return self.apply(&UserChange::Metadata(change), cx);
            }
            OwnChange::RemovePassword => {
                let next = self.apply(&UserChange::RemovePassword { end_sessions: false }, cx)?;
                let is_needed = settings.attributes.password.required || !next.is_accessible(settings);
                return if is_needed { Err(ErrorCode::PasswordRequired.into()) } else { Ok(next) };
            }
            OwnChange::AddEmail(email) => {
                next.check_addition::<EmailAddress>(&Field::EmailAddress, settings)?;
                settings.restrictions.admit_email(email, true)?;
                let id = IdentificationId::generate(cx.now, cx.entropy);
                let mut known = self.email_addresses.iter().chain(&self.unproved_emails);
                if known.any(|known| known.value.as_str() == email.as_str()) {
                    return Err(ErrorCode::FormIdentifierExists.on("email_address").into());
                }
                let added = Identification::unproved(id, email.clone());
                next.unproved_emails.push(Identification { created_at: Some(cx.now), ..added });
            }
            OwnChange::AddPhone { number, second_factor } => {
                next.check_addition::<PhoneNumber>(&Field::PhoneNumber, settings)?;
                settings.restrictions.admit_phone(number)?;
                if *second_factor {
                    check_second_factor(settings, "reserved_for_second_factor")?;
                }
                let id = IdentificationId::generate(cx.now, cx.entropy);
                if self.phone_numbers.iter().chain(&self.unproved_phones).any(|known| known.value == *number) {
                    return Err(ErrorCode::FormIdentifierExists.on("phone_number").into());
                }
                next.unproved_phones.push(Identification {
                    created_at: Some(cx.now),
                    reserved_for_second_factor: *second_factor,
                    ..Identification::unproved(id, number.clone())
                });
            }
            OwnChange::RemoveAddress(id) => return self.without_address(*id, cx),
            OwnChange::MarkPhone { id, reserved, default } => next.mark_phone(*id, *reserved, *default, settings)?,
            OwnChange::RemoveAccount(id) => {
                let before = self.connections.len();
                next.connections.retain(|connection| connection.id != *id);
                if self.external_accounts.iter().any(|account| account.id == *id) {
                    return self.kept_accessible(next.apply(&UserChange::RemoveExternalAccount(*id), cx)?, settings);
                }
                if next.connections.len() == before {
                    return Err(ErrorCode::ResourceNotFound.into());
                }
            }
            OwnChange::AddPasskey(passkey) => {
                self.check_passkeys(settings)?;
                if self.passkeys.iter().any(|known| known.credential_id() == passkey.credential_id()) {
                    return Err(ErrorCode::PasskeyRegistrationFailure.into());
                }
                next.passkeys.push((**passkey).clone());
            }
            OwnChange::RenamePasskey { id, name } => next.rename_passkey(*id, name)?,
            OwnChange::RemovePasskey(id) => {
                return self.kept_accessible(self.apply(&UserChange::RemovePasskey(*id), cx)?, settings);
            }
            OwnChange::Connect(connection) => next.begin_to_connect(connection)?,
        }
        next.note_changed_factors(self, cx.now);
        if next != *self {
            next.touch(cx.now);
        }
        self.kept_accessible(next, settings)
    }

    /// The user after a provider's answer to the attempt to connect an account. The account is the user's now, or the
    /// attempt says why not. The address that the provider vouches for becomes the user's too, unless another user has it
    /// or the instance refuses it.
    ///
    /// # Errors
    /// `oauth_callback_invalid` unless the answer belongs to the pending attempt.
    pub fn connected(
        &self,
        id: ExternalAccountId,
        answer: &Connected,
        cx: &mut Context<'_>,
    ) -> Result<Self, Rejection> {
        let mut next = self.clone();
        let pending = next.connections.iter_mut().find(|connection| connection.id == id);
        let pending = pending.filter(|connection| connection.account.awaits_callback(&answer.nonce, cx.now));
        let pending = pending.ok_or(ErrorCode::OAuthCallbackInvalid)?;
        let before = self.external_accounts.iter().find(|account| account.id == id);
        let provider = pending.account.strategy.provider().ok_or(ErrorCode::OAuthCallbackInvalid)?;
        let accepted = match &answer.outcome {
            Err(code) => Err(*code),
            // The same account again, for other scopes.
            Ok(profile) if before.is_some_and(|known| known.profile.subject == profile.subject) => Ok(profile),
            Ok(_) if before.is_some() => Err(ErrorCode::OAuthIdentificationClaimed),
            Ok(_) if answer.owner == Some(self.id) => Err(ErrorCode::FormIdentifierExists),
            Ok(_) if answer.owner.is_some() => Err(ErrorCode::OAuthIdentificationClaimed),
            Ok(_) if self.external_accounts.iter().any(|account| account.provider == provider) => {
                Err(ErrorCode::ExternalAccountExists)
            }
            Ok(profile) => Ok(profile),
        };
        pending.account.authorize_url = None;
        let profile = match accepted {
            Ok(profile) => profile.clone(),
            Err(code) => {
                pending.account.state = ExternalState::Failed { code, session: None };
                next.touch(cx.now);
                return Ok(next);
            }
        };
        let (identification_id, strategy) = (pending.identification_id, pending.account.strategy.clone());
        next.connections.retain(|connection| connection.id != id);
        next.vouch(&profile, &strategy, answer.holder, cx);
        match next.external_accounts.iter_mut().find(|account| account.id == id) {
            Some(known) => (known.profile, known.verified_at) = (profile, cx.now),
            None => next.external_accounts.push(UserAccount {
                id,
                identification_id,
                provider,
                profile,
                verified_at: cx.now,
            }),
        }
        next.touch(cx.now);
        Ok(next)
    }

    /// Whether the person has a way to sign in: a password with an identifier, an address that a code can be sent to, an
    /// account at a provider, or a passkey where passkeys sign in.
    pub fn is_accessible(&self, settings: &Settings) -> bool {
        let has_email = self.email_addresses.iter().any(Identification::is_theirs);
        let mut phones = self.phone_numbers.iter().filter(|phone| !phone.reserved_for_second_factor);
        let has_phone = phones.any(Identification::is_theirs);
        let is_named = self.username.is_some() || !self.email_addresses.is_empty() || !self.phone_numbers.is_empty();
        let has_passkey = settings.signs_in_with_passkeys() && !self.passkeys.is_empty();
        let has_account = !self.external_accounts.is_empty() || has_passkey;
        has_email || has_phone || has_account || (self.has_password() && is_named)
    }

    /// An address of the user that is not proved.
    pub(crate) fn unproved_address(&self, id: IdentificationId) -> Option<Identifier> {
        let mut emails = self.email_addresses.iter().chain(&self.unproved_emails);
        let email = emails.find(|email| email.id == id && email.verified_by.is_none());
        let mut phones = self.phone_numbers.iter().chain(&self.unproved_phones);
        let phone = phones.find(|phone| phone.id == id && phone.verified_by.is_none());
        email.map(|email| email.value.identifier()).or_else(|| phone.map(|phone| phone.value.identifier()))
    }

    /// The accounts whose providers vouch for an address of the user.
    pub(crate) fn accounts_behind(&self, email: &EmailAddress) -> impl Iterator<Item = &UserAccount> {
        self.external_accounts.iter().filter(|account| {
            let address = account.profile.email();
            account.profile.email_verified && address.is_some_and(|address| address.as_str() == email.as_str())
        })
    }

    fn kept_accessible(&self, next: Self, settings: &Settings) -> Result<Self, Rejection> {
        let is_lost = self.is_accessible(settings) && !next.is_accessible(settings);
        if is_lost { Err(ErrorCode::IdentificationDeletionFailed.into()) } else { Ok(next) }
    }

    fn check_update(&self, fields: &UserFields, settings: &Settings) -> Result<(), Rejection> {
        let mut reasons: Vec<Reason> = Vec::new();
        let mut check = |field: &Field, is_changed: bool| {
            if is_changed && settings.attribute(field).is_some_and(|attribute| attribute.immutable) {
                reasons.push(ErrorCode::ImmutableAttributeModificationNotAllowed.on(field.as_str()));
            }
        };
        check(&Field::Username, changes(&fields.username, self.username.as_ref()));
        check(&Field::FirstName, changes(&fields.first_name, self.first_name.as_ref()));
        check(&Field::LastName, changes(&fields.last_name, self.last_name.as_ref()));
        check(&Field::Password, fields.password_digest.is_some());
        // What is not theirs can't become the primary one, and is not told from what is not there.
        if fields.primary_email_address.is_some_and(|id| !has(&self.email_addresses, id)) {
            reasons.push(ErrorCode::ResourceNotFound.on("primary_email_address_id"));
        }
        if fields.primary_phone_number.is_some_and(|id| !has(&self.phone_numbers, id)) {
            reasons.push(ErrorCode::ResourceNotFound.on("primary_phone_number_id"));
        }
        Rejection::collect(reasons)
    }

    /// Whether an address of this kind can be added.
    fn check_addition<T: super::addresses::Address>(
        &self,
        field: &Field,
        settings: &Settings,
    ) -> Result<(), Rejection> {
        check_changeable(field, settings)?;
        if self.unproved_emails.len() + self.unproved_phones.len() >= UNPROVED_MAX {
            return Err(ErrorCode::TooManyUnverifiedIdentifications.into());
        }
        if self.email_addresses.len().max(self.phone_numbers.len()) >= ADDRESSES_MAX {
            return Err(ErrorCode::FormParamValueInvalid.on(T::PARAM).into());
        }
        Ok(())
    }

    fn without_address(&self, id: IdentificationId, cx: &mut Context<'_>) -> Result<Self, Rejection> {
        let settings = cx.settings;
        let email = self.email_addresses.iter().find(|email| email.id == id);
        let is_phone = self.phone_numbers.iter().any(|phone| phone.id == id);
        let is_email = email.is_some() || self.unproved_emails.iter().any(|email| email.id == id);
        let field = if is_email { Field::EmailAddress } else { Field::PhoneNumber };
        if email.is_some() || is_phone {
            check_changeable(&field, settings)?;
            let left = if is_phone { self.phone_numbers.len() } else { self.email_addresses.len() };
            if left == 1 && settings.attribute(&field).is_some_and(|attribute| attribute.required) {
                return Err(ErrorCode::LastRequiredIdentificationDeletionFailed.into());
            }
        }
        if email.is_some_and(|email| self.accounts_behind(&email.value).next().is_some()) {
            return Err(ErrorCode::DeleteLinkedIdentificationDisallowed.into());
        }
        let change = match is_email {
            true => UserChange::EmailAddress(AddressChange::Remove(id)),
            false => UserChange::PhoneNumber(AddressChange::Remove(id)),
        };
        self.kept_accessible(self.apply(&change, cx)?, settings)
    }

    fn mark_phone(
        &mut self,
        id: IdentificationId,
        reserved: Option<bool>,
        default: Option<bool>,
        settings: &Settings,
    ) -> Result<(), Rejection> {
        for (param, wanted) in [("reserved_for_second_factor", reserved), ("default_second_factor", default)] {
            if wanted == Some(true) {
                check_second_factor(settings, param)?;
            }
        }
        let phone = self.phone_numbers.iter_mut().find(|phone| phone.id == id).ok_or(ErrorCode::ResourceNotFound)?;
        if let Some(reserved) = reserved {
            if reserved && !phone.is_theirs() {
                return Err(ErrorCode::FormParamValueInvalid.on("reserved_for_second_factor").into());
            }
            phone.reserved_for_second_factor = reserved;
            phone.default_second_factor &= reserved;
        }
        if default == Some(true) && !phone.reserved_for_second_factor {
            return Err(ErrorCode::FormParamValueInvalid.on("default_second_factor").into());
        }
        if let Some(default) = default {
            for phone in &mut self.phone_numbers {
                phone.default_second_factor =
                    if phone.id == id { default } else { phone.default_second_factor && !default };
            }
        }
        Ok(())
    }

    fn begin_to_connect(&mut self, connection: &Connection) -> Result<(), Rejection> {
        let provider = connection.account.strategy.provider();
        let known = self.external_accounts.iter().find(|account| Some(&account.provider) == provider.as_ref());
        // An account that is there can only be asked again.
        if known.is_some_and(|known| known.id != connection.id) {
            return Err(ErrorCode::FormIdentifierExists.on("strategy").into());
        }
        self.connections.retain(|other| other.account.strategy.provider() != provider);
        self.connections.push(connection.clone());
        Ok(())
    }

    /// Notes the address that a provider vouches for.
    fn vouch(&mut self, profile: &Profile, strategy: &Strategy, holder: Option<UserId>, cx: &mut Context<'_>) {
        let Some(by) = strategy.provider_verified() else { return };
        let Some(email) = profile.email().filter(|_| profile.email_verified) else { return };
        let is_free = holder.is_none_or(|holder| holder == self.id);
        if !is_free || !cx.settings.enabled(&Field::EmailAddress) {
            return;
        }
        let mut emails = self.email_addresses.iter().chain(&self.unproved_emails);
        let known = emails.find(|known| known.value.as_str() == email.as_str()).map(|known| known.id);
        let has_room = self.email_addresses.len() < ADDRESSES_MAX;
        let is_admitted = cx.settings.restrictions.admit_email(&email, true).is_ok();
        let id = match known {
            Some(id) => id,
            None if has_room && is_admitted && !cx.settings.attributes.email_address.immutable => {
                let id = IdentificationId::generate(cx.now, cx.entropy);
                let added = Identification::unproved(id, email);
                self.unproved_emails.push(Identification { created_at: Some(cx.now), ..added });
                id
            }
            None => return,
        };
        self.prove(id, &by);
    }

    /// Notes that an address was proved; an added one becomes the user's by that. Gives `false` where it was proved before,
    /// and `None` where it is not there. The caller [counts](Self::touch) the change.
    pub fn prove(&mut self, id: IdentificationId, by: &Strategy) -> Option<bool> {
        let email = prove(&mut self.email_addresses, &mut self.unproved_emails, id, by);
        email.or_else(|| prove(&mut self.phone_numbers, &mut self.unproved_phones, id, by))
    }
}

impl UserFields {
    /// Spares this session where all others end with a new password.
    pub(crate) const fn sparing(mut self, session: SessionId) -> Self {
        self.spared_session = Some(session);
        self
    }
}

impl<T> Identification<T> {
    /// Whether it was proved, or an administrator gave it to the user.
    pub(crate) const fn is_theirs(&self) -> bool {
        self.reserved || self.verified_by.is_some()
    }
}

fn prove<T>(
    all: &mut Vec<Identification<T>>,
    unproved: &mut Vec<Identification<T>>,
    id: IdentificationId,
    by: &Strategy,
) -> Option<bool> {
    if let Some(at) = unproved.iter().position(|known| known.id == id) {
        let added = unproved.remove(at);
        // The first one that is theirs becomes the primary one.
        let place = if all.iter().any(Identification::is_theirs) { all.len() } else { 0 };
        all.insert(place, added);
    }
    let known = all.iter_mut().find(|known| known.id == id)?;
    if known.verified_by.is_some() {
        return Some(false);
    }
    (known.reserved, known.verified_by) = (false, Some(by.clone()));
    Some(true)
}

fn has<T>(all: &[Identification<T>], id: IdentificationId) -> bool {
    all.iter().any(|known| known.id == id && known.is_theirs())
}

fn changes<T: PartialEq>(patch: &Patch<T>, known: Option<&T>) -> bool {
    match patch {
        Patch::Keep => false,
        Patch::Clear => known.is_some(),
        Patch::Set(value) => known != Some(value),
    }
}

/// Whether the instance has the attribute, and lets people change it.
fn check_changeable(field: &Field, settings: &Settings) -> Result<(), Rejection> {
    if !settings.enabled(field) {
        return Err(ErrorCode::FormParamUnknown.on(field.as_str()).into());
    }
    if settings.attribute(field).is_some_and(|attribute| attribute.immutable) {
        return Err(ErrorCode::ImmutableAttributeModificationNotAllowed.on(field.as_str()).into());
    }
    Ok(())
}

/// Whether the instance takes phone numbers as second factors.
fn check_second_factor(settings: &Settings, param: &str) -> Result<(), Rejection> {
    let phone = &settings.attributes.phone_number;
    let is_on = phone.enabled && phone.used_for_second_factor;
    if is_on { Ok(()) } else { Err(ErrorCode::FormParamValueDisabled.on(param).into()) }
}

/// How many addresses a user may have that are added and not proved.
const UNPROVED_MAX: usize = 10;
