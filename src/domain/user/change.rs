//! What the application's backend changes on a user. How a change is applied is in `apply`.

use crate::domain::field::Field;
use crate::domain::id::{ExternalAccountId, IdentificationId, SessionId};
use crate::domain::identifier::{EmailAddress, PhoneNumber, Username};
use crate::domain::metadata::Metadata;
use crate::domain::password_policy::{self, Candidate};
use crate::domain::person;
use crate::domain::rejection::{ErrorCode, Reason, Rejection};
use crate::domain::secret::Secret;
use crate::domain::settings::Settings;
use crate::domain::sign_up::Patch;
use crate::domain::time::{Span, Timestamp};

use super::SecondFactorChange;
use super::read::Reader;

/// One change to a user by the application's backend.
#[derive(Clone, Debug, PartialEq)]
pub enum UserChange {
    /// Set attributes.
    Update(Box<UserFields>),
    /// Merge or replace metadata.
    Metadata(MetadataChange),
    /// Refuse all sign-ins until [`Self::Unban`], and end all sessions.
    Ban,
    /// End a ban.
    Unban,
    /// Refuse sign-ins for this long; `None` until [`Self::Unlock`]. Sessions go on.
    Lock(Option<Span>),
    /// End a lock.
    Unlock,
    /// Remove the password.
    RemovePassword {
        /// Whether all sessions end.
        end_sessions: bool,
    },
    /// Note whether the password is known to others; such a password does not sign in.
    MarkPassword {
        /// Whether it is known to others.
        compromised: bool,
        /// Whether all sessions end.
        end_sessions: bool,
    },
    /// Change the e-mail addresses.
    EmailAddress(AddressChange<EmailAddress>),
    /// Change the phone numbers.
    PhoneNumber(AddressChange<PhoneNumber>),
    /// Remove an account at a provider. The address it vouched for stays.
    RemoveExternalAccount(ExternalAccountId),
    /// Change the second factors.
    SecondFactor(SecondFactorChange),
    /// Remove a passkey.
    RemovePasskey(IdentificationId),
}

/// A change to the addresses of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddressChange<T> {
    /// Add an address.
    Add {
        /// The address.
        value: T,
        /// Its standing.
        status: AddressStatus,
        /// Whether it becomes the primary one.
        primary: bool,
    },
    /// Change the standing of an address.
    Mark {
        /// The address.
        id: IdentificationId,
        /// Its new standing; `None` leaves it as it is.
        status: Option<AddressStatus>,
        /// Whether it becomes the primary one.
        primary: bool,
    },
    /// Remove an address. Where it was the primary one, the first verified address after it becomes that.
    Remove(IdentificationId),
    /// Replace all addresses by this one.
    ReplaceAll {
        /// The address.
        value: T,
        /// Its standing.
        status: AddressStatus,
    },
}

/// What the backend says of an address. It can't add one that is unverified: the first person to prove such an address
/// would become the owner of the user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AddressStatus {
    /// It is the user's, and needs no proof.
    #[default]
    Verified,
    /// It belongs to the user without a proof: a code sent to it signs the user in, and no other user can have it.
    Reserved,
}

impl AddressStatus {
    /// Reads `identification_status`.
    ///
    /// # Errors
    /// `form_param_value_invalid`, naming `param`.
    pub fn parse(param: &str, text: &str) -> Result<Self, Reason> {
        match text {
            "verified" => Ok(Self::Verified),
            "reserved" => Ok(Self::Reserved),
            _ => Err(ErrorCode::FormParamValueInvalid.on(param)),
        }
    }
}

/// A change to the metadata; `None` leaves that metadata as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetadataChange {
    /// Whether objects are merged at every depth and `null` deletes (RFC 7396); else each replaces the stored one.
    pub merge: bool,
    /// What only the backend writes.
    pub public_metadata: Option<Metadata>,
    /// What only the backend reads and writes.
    pub private_metadata: Option<Metadata>,
    /// What the person's browser writes too.
    pub unsafe_metadata: Option<Metadata>,
}

/// Attributes to set, parsed.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "the parameters of Clerk's PATCH /users/{id}")]
pub struct UserFields {
    pub external_id: Patch<String>,
    pub username: Patch<Username>,
    pub first_name: Patch<String>,
    pub last_name: Patch<String>,
    pub locale: Patch<String>,
    /// The digest of a new password.
    pub password_digest: Option<Secret<String>>,
    /// Whether all sessions end when the password changes.
    pub end_sessions: bool,
    /// The session that goes on all the same.
    pub spared_session: Option<SessionId>,
    pub primary_email_address: Option<IdentificationId>,
    pub primary_phone_number: Option<IdentificationId>,
    pub delete_self_enabled: Option<bool>,
    pub create_organization_enabled: Option<bool>,
    pub create_organizations_limit: Patch<u32>,
    pub bypass_client_trust: Option<bool>,
    pub legal_accepted_at: Patch<Timestamp>,
    pub created_at: Option<Timestamp>,
    /// What replaces metadata.
    pub metadata: MetadataChange,
}

/// What the backend sets on a user. What is not named is kept; [`Patch::Clear`], like an empty text, removes a value.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the parameters of Clerk's PATCH /users/{id}")]
pub struct UserPatch {
    pub external_id: Patch<String>,
    pub username: Patch<String>,
    pub first_name: Patch<String>,
    pub last_name: Patch<String>,
    pub locale: Patch<String>,
    pub password: Option<Secret<String>>,
    /// A digest that another system made, in place of a password.
    pub password_digest: Option<Secret<String>>,
    /// The name of the function that made the digest.
    pub password_hasher: Option<String>,
    /// Whether the password may break the rules for passwords.
    pub skip_password_checks: bool,
    pub sign_out_of_other_sessions: bool,
    pub primary_email_address_id: Option<IdentificationId>,
    pub primary_phone_number_id: Option<IdentificationId>,
    pub delete_self_enabled: Option<bool>,
    pub create_organization_enabled: Option<bool>,
    pub create_organizations_limit: Patch<u32>,
    pub bypass_client_trust: Option<bool>,
    pub legal_accepted_at: Option<Timestamp>,
    pub created_at: Option<Timestamp>,
    /// Replaces the metadata that only the backend writes; [`UserChange::Metadata`] can merge it.
    pub public_metadata: Option<Metadata>,
    /// Replaces the metadata that only the backend reads and writes.
    pub private_metadata: Option<Metadata>,
    /// Replaces the metadata that the person's browser writes too.
    pub unsafe_metadata: Option<Metadata>,
}

/// A password that is still to be hashed, or a digest that is still to be read.
#[derive(Clone, Debug)]
pub enum GivenPassword {
    /// A password that keeps the rules that are quick to check.
    Checked(Candidate),
    /// A password that the backend wants to have as it is.
    Unchecked(Secret<String>),
    /// A digest that another system made.
    Digest {
        /// The name of the function that made it.
        hasher: String,
        /// The digest.
        digest: Secret<String>,
    },
}

impl UserFields {
    /// Reads the parameters by the instance's settings. The second value is the new password, if one was given; the
    /// caller puts its digest into `password_digest`.
    ///
    /// # Errors
    /// Every fault found, each naming its parameter.
    pub fn parse(
        raw: &UserPatch,
        settings: &Settings,
        now: Timestamp,
    ) -> Result<(Self, Option<GivenPassword>), Rejection> {
        let mut reader = Reader::new(settings);
        let username =
            reader.patch(&Field::Username, &raw.username, |text| Username::parse(text, &settings.username_settings));
        let first_name = reader.patch(&Field::FirstName, &raw.first_name, |text| person::name("first_name", text));
        let last_name = reader.patch(&Field::LastName, &raw.last_name, |text| person::name("last_name", text));
        let external_id = reader.optional(&raw.external_id, person::external_id);
        let locale = reader.optional(&raw.locale, person::locale);
        let password = reader.password(&Password {
            plain: raw.password.as_ref(),
            digest: raw.password_digest.as_ref(),
            hasher: raw.password_hasher.as_deref(),
            skip_checks: raw.skip_password_checks,
        });
        let patch = Self {
            external_id,
            username,
            first_name,
            last_name,
            locale,
            password_digest: None,
            end_sessions: raw.sign_out_of_other_sessions,
            spared_session: None,
            primary_email_address: raw.primary_email_address_id,
            primary_phone_number: raw.primary_phone_number_id,
            delete_self_enabled: raw.delete_self_enabled,
            create_organization_enabled: raw.create_organization_enabled,
            create_organizations_limit: raw.create_organizations_limit.clone(),
            bypass_client_trust: raw.bypass_client_trust,
            legal_accepted_at: reader
                .past("legal_accepted_at", raw.legal_accepted_at, now)
                .map_or(Patch::Keep, Patch::Set),
            created_at: reader.past("created_at", raw.created_at, now),
            metadata: MetadataChange {
                merge: false,
                public_metadata: raw.public_metadata.clone(),
                private_metadata: raw.private_metadata.clone(),
                unsafe_metadata: raw.unsafe_metadata.clone(),
            },
        };
        reader.finish()?;
        Ok((patch, password))
    }

    /// The names and the username that are set here: a password must not consist of them.
    pub fn own_words(&self) -> impl Iterator<Item = &str> {
        let texts = [&self.first_name, &self.last_name].into_iter().filter_map(|patch| match patch {
            Patch::Set(text) => Some(text.as_str()),
            Patch::Keep | Patch::Clear => None,
        });
        let username = match &self.username {
            Patch::Set(username) => Some(username.as_str()),
            Patch::Keep | Patch::Clear => None,
        };
        texts.chain(username)
    }
}

/// The parameters about a password.
pub(super) struct Password<'a> {
    pub(super) plain: Option<&'a Secret<String>>,
    pub(super) digest: Option<&'a Secret<String>>,
    pub(super) hasher: Option<&'a str>,
    pub(super) skip_checks: bool,
}

impl Password<'_> {
    /// The password or the digest, if one is given.
    ///
    /// # Errors
    /// Every rule that it breaks.
    pub(super) fn read(&self, settings: &Settings) -> Result<Option<GivenPassword>, Vec<Reason>> {
        let plain = self.plain.filter(|plain| !plain.expose().is_empty());
        let digest = self.digest.filter(|digest| !digest.expose().is_empty());
        let hasher = self.hasher.filter(|hasher| !hasher.is_empty());
        if plain.or(digest).is_some() && !settings.enabled(&Field::Password) {
            let param = if plain.is_some() { "password" } else { "password_digest" };
            return Err(vec![ErrorCode::FormParamUnknown.on(param)]);
        }
        match (plain, digest, hasher) {
            (Some(_), Some(_), _) => Err(vec![ErrorCode::FormConditionalParamDisallowed.on("password_digest")]),
            (None, Some(_), None) => Err(vec![ErrorCode::FormConditionalParamMissing.on("password_hasher")]),
            (_, None, Some(_)) => Err(vec![ErrorCode::FormConditionalParamMissing.on("password_digest")]),
            (None, Some(digest), Some(hasher)) => {
                Ok(Some(GivenPassword::Digest { hasher: hasher.to_owned(), digest: digest.clone() }))
            }
            (None, None, None) => Ok(None),
            (Some(plain), None, None) if self.skip_checks => {
                let normalised = password_policy::normalise(plain.expose());
                let too_long = || vec![ErrorCode::FormPasswordSizeInBytesExceeded.on("password")];
                Ok(Some(GivenPassword::Unchecked(Secret::new(normalised.ok_or_else(too_long)?))))
            }
            (Some(plain), None, None) => {
                let checked = password_policy::check(plain.expose(), &settings.password_settings)?;
                Ok(Some(GivenPassword::Checked(checked)))
            }
        }
    }
}
