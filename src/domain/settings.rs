//! An instance's settings, in the vocabulary of `user_settings` in `GET /v1/environment`
//! ([guide: The environment](crate::guide::contract#the-environment)): the same words in the config file, in
//! `PUT /dev/settings` and on the wire. A document is complete: a key that it omits is off, or has its documented
//! default.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::field::Field;
use super::identifier::{IdentifierKind, UsernameSettings};
use super::secret::Secret;
use super::verification::Strategy;
use overrides::Beside;
use restrictions::Restrictions;

pub use lockout::{Lockout, UserLockout};

/// One complete settings document.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Which attributes a user has and how a sign-up collects them.
    pub attributes: Attributes,
    /// How sign-ups work.
    pub sign_up: SignUpSettings,
    /// OAuth strategies by name, such as `oauth_google`.
    pub social: BTreeMap<String, Social>,
    /// The rules for passwords.
    pub password_settings: PasswordSettings,
    /// The rules for usernames.
    pub username_settings: UsernameSettings,
    /// Where Clerk's components offer to sign in with a passkey.
    pub passkey_settings: PasskeySettings,
    /// Who may not sign up.
    pub restrictions: Restrictions,
    /// Protection against attacks.
    pub attack_protection: AttackProtection,
    /// What people may do with their own users.
    pub actions: Actions,
    /// The OAuth strategies' settings that only the server needs.
    pub oauth: BTreeMap<String, OAuth>,
    /// What the application's backend changed beside the document. It is no part of one: the engine sets it.
    #[serde(skip)]
    pub(crate) beside: Beside,
}

/// What people may do with their own users.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Actions {
    /// Whether a new user may be deleted by its own person. The application's backend can change it for each user.
    pub delete_self: bool,
}

/// The attributes of a user.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Attributes {
    /// The e-mail address.
    pub email_address: Attribute,
    /// The phone number.
    pub phone_number: Attribute,
    /// The username.
    pub username: Attribute,
    /// A wallet; not built, its strategies are refused.
    pub web3_wallet: Attribute,
    /// The first name.
    pub first_name: Attribute,
    /// The last name.
    pub last_name: Attribute,
    /// The password.
    pub password: Attribute,
    /// Codes of an authenticator app as second factor (RFC 6238).
    pub authenticator_app: Attribute,
    /// Tickets of invitations.
    pub ticket: Attribute,
    /// Codes to keep for the case that the other second factors are lost.
    pub backup_code: Attribute,
    /// Passkeys.
    pub passkey: Attribute,
}

/// One attribute ([guide: Attributes](crate::guide::contract#attributes)).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Attribute {
    /// Whether the parameter is accepted.
    pub enabled: bool,
    /// Whether a sign-up needs it.
    pub required: bool,
    /// Whether it identifies a user at sign-in.
    pub used_for_first_factor: bool,
    /// Strategies for the first factor of a sign-in.
    pub first_factors: Vec<String>,
    /// Whether it serves as a second factor.
    pub used_for_second_factor: bool,
    /// Strategies for the second factor of a sign-in.
    pub second_factors: Vec<String>,
    /// Strategies that verify it.
    pub verifications: Vec<Strategy>,
    /// Whether it must be verified before the sign-up completes.
    pub verify_at_sign_up: bool,
    /// Whether a user can't change it later.
    pub immutable: bool,
    /// For phone numbers: the allowed channels of a code.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<String>,
}

impl Attribute {
    /// Whether it serves as a second factor.
    pub const fn is_second_factor(&self) -> bool {
        self.enabled && self.used_for_second_factor
    }
}

/// How sign-ups work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SignUpSettings {
    /// Who may sign up.
    pub mode: SignUpMode,
    /// Whether fields may be given in several steps; the lists are then exact.
    pub progressive: bool,
    /// Whether `create` carries a captcha token.
    pub captcha_enabled: bool,
    /// The type of captcha widget.
    pub captcha_widget_type: String,
    /// Whether the person must accept the legal terms.
    pub legal_consent_enabled: bool,
    /// Whether completion waits for the application's backend.
    pub custom_action_required: bool,
    /// Whether an administrator must approve each sign-up before it becomes a user.
    pub approval_required: bool,
    /// Whether a second factor must be set up.
    pub mfa: Mfa,
}

/// Whether a second factor must be set up.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mfa {
    /// Whether every user must have one.
    pub required: bool,
}

/// Who may sign up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignUpMode {
    /// Everyone.
    #[default]
    Public,
    /// Only persons with an invitation.
    Restricted,
    /// Only persons admitted from the waiting list.
    Waitlist,
}

impl Default for SignUpSettings {
    fn default() -> Self {
        Self {
            mode: SignUpMode::Public,
            progressive: true,
            captcha_enabled: false,
            captcha_widget_type: "smart".into(),
            legal_consent_enabled: false,
            custom_action_required: false,
            approval_required: false,
            mfa: Mfa::default(),
        }
    }
}

/// One OAuth strategy as browsers see it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Social {
    /// Whether people can sign up with it.
    pub enabled: bool,
    /// Whether a sign-up needs an account there.
    pub required: bool,
    /// Whether Clerk's components show a button for it.
    pub authenticatable: bool,
    /// Whether addresses from it with a `+` before the `@` are refused.
    pub block_email_subaddresses: bool,
    /// Its strategy, such as `oauth_google`.
    pub strategy: String,
    /// Shown to Clerk's components, without effect here.
    pub not_selectable: bool,
    /// Shown to Clerk's components, without effect here.
    pub deprecated: bool,
    /// The name on its button.
    pub name: String,
    /// The URL of the picture on its button.
    pub logo_url: Option<String>,
}

/// One OAuth strategy as the server needs it. Explicit endpoints take precedence over discovery.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OAuth {
    /// The instance's id at the provider.
    pub client_id: String,
    /// The secret that proves the instance to the provider.
    pub client_secret: Secret<String>,
    /// What the authorization request asks for; the provider's usual scopes if empty.
    pub scopes: Vec<String>,
    /// The provider's issuer identifier, from which its discovery document is found; needed where the provider is not a
    /// known one.
    pub issuer: Option<String>,
    /// URL of the discovery document, where it is not below `issuer`.
    pub discovery_endpoint: Option<String>,
    /// URL of the page to which people are sent.
    pub authorization_endpoint: Option<String>,
    /// URL that exchanges codes for tokens.
    pub token_endpoint: Option<String>,
    /// URL that answers with the person's profile.
    pub userinfo_endpoint: Option<String>,
    /// URL of the keys that sign identity tokens.
    pub jwks_uri: Option<String>,
    /// How the instance proves itself: `client_secret_basic`, `client_secret_post` or `none`.
    pub token_endpoint_auth_method: String,
}

impl Default for OAuth {
    fn default() -> Self {
        Self {
            client_id: String::new(),
            client_secret: Secret::new(String::new()),
            scopes: Vec::new(),
            issuer: None,
            discovery_endpoint: None,
            authorization_endpoint: None,
            token_endpoint: None,
            userinfo_endpoint: None,
            jwks_uri: None,
            token_endpoint_auth_method: "client_secret_basic".into(),
        }
    }
}

/// The rules for passwords. Lengths are in code points after NFKC.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PasswordSettings {
    /// Whether passwords are not looked up among those of data breaches.
    pub disable_hibp: bool,
    /// The fewest code points; at least 8.
    pub min_length: u32,
    /// The most code points; at most 1024, and 0 means 72.
    pub max_length: u32,
    /// Whether one of `allowed_special_characters` is needed.
    pub require_special_char: bool,
    /// Whether a digit is needed.
    pub require_numbers: bool,
    /// Whether an upper-case letter is needed.
    pub require_uppercase: bool,
    /// Whether a lower-case letter is needed.
    pub require_lowercase: bool,
    /// Shown to Clerk's components, without effect here.
    pub show_zxcvbn: bool,
    /// The least strength by zxcvbn, 0 to 4.
    pub min_zxcvbn_strength: u8,
    /// Shown to Clerk's components, without effect here.
    pub enforce_hibp_on_sign_in: bool,
    /// The characters that count as special; by default those of ASCII that are no letters and no digits.
    pub allowed_special_characters: String,
    /// Shown to Clerk's components, without effect here.
    pub disable_password_reverification: bool,
}

impl Default for PasswordSettings {
    fn default() -> Self {
        Self {
            disable_hibp: true,
            min_length: 8,
            max_length: 72,
            require_special_char: false,
            require_numbers: false,
            require_uppercase: false,
            require_lowercase: false,
            show_zxcvbn: false,
            min_zxcvbn_strength: 0,
            enforce_hibp_on_sign_in: false,
            allowed_special_characters: "!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~".into(),
            disable_password_reverification: false,
        }
    }
}

/// Where Clerk's components offer to sign in with a passkey, if passkeys are on and sign in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PasskeySettings {
    /// Whether the browser offers passkeys in the field of the identifier.
    pub allow_autofill: bool,
    /// Whether there is a button for it.
    pub show_sign_in_button: bool,
}

impl Default for PasskeySettings {
    fn default() -> Self {
        Self { allow_autofill: true, show_sign_in_button: true }
    }
}

/// A feature that is on or off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Switch {
    /// Whether it is on.
    pub enabled: bool,
}

/// Protection against attacks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AttackProtection {
    /// Whether answers hide which identifiers have a user
    /// ([guide: Enumeration protection](crate::guide::contract_sign_ups#enumeration-protection)).
    pub enumeration_protection: Switch,
    /// Whose browser may use an e-mail link.
    pub email_link: EmailLinkProtection,
    /// Whether failed sign-ins in a row lock a user
    /// ([guide: Lockout](crate::guide::contract_sign_ins#lockout)).
    pub user_lockout: UserLockout,
}

/// Whether an e-mail link works only on the client that requested it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EmailLinkProtection {
    /// "Require same device and browser" ([guide: E-mail links](crate::guide::contract_sign_ups#e-mail-links)).
    pub require_same_client: bool,
}

impl Default for EmailLinkProtection {
    fn default() -> Self {
        Self { require_same_client: true }
    }
}

/// Why a settings document is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("settings.{key}: {reason}")]
pub struct InvalidSettings {
    /// The first key at fault.
    pub key: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Settings {
    /// The attribute for a field of a sign-up; `None` for fields that are not attributes.
    pub fn attribute(&self, field: &Field) -> Option<&Attribute> {
        let attributes = &self.attributes;
        Some(match field {
            Field::EmailAddress => &attributes.email_address,
            Field::PhoneNumber => &attributes.phone_number,
            Field::Username => &attributes.username,
            Field::Password => &attributes.password,
            Field::FirstName => &attributes.first_name,
            Field::LastName => &attributes.last_name,
            Field::Web3Wallet => &attributes.web3_wallet,
            Field::LegalAccepted | Field::OAuth(_) => return None,
        })
    }

    /// Whether every user must have a second factor, and can have one.
    pub fn requires_second_factor(&self) -> bool {
        self.sign_up.mfa.required && self.has_second_factors()
    }

    /// Whether a user can have a second factor.
    pub const fn has_second_factors(&self) -> bool {
        let attributes = &self.attributes;
        attributes.authenticator_app.is_second_factor() || attributes.phone_number.is_second_factor()
    }

    /// Whether people can sign in with a passkey as the first factor.
    pub const fn signs_in_with_passkeys(&self) -> bool {
        self.attributes.passkey.enabled && self.attributes.passkey.used_for_first_factor
    }

    /// Whether a field is accepted.
    pub fn enabled(&self, field: &Field) -> bool {
        match field {
            Field::LegalAccepted => self.sign_up.legal_consent_enabled,
            Field::OAuth(strategy) => self.social.get(strategy).is_some_and(|s| s.enabled),
            _ => self.attribute(field).is_some_and(|a| a.enabled),
        }
    }

    /// Whether sign-ups must not reveal that a user holds an identifier of this kind
    /// ([guide: Enumeration protection](crate::guide::contract_sign_ups#enumeration-protection)).
    pub fn hides_existence(&self, kind: IdentifierKind) -> bool {
        let is_address = matches!(kind, IdentifierKind::EmailAddress | IdentifierKind::PhoneNumber);
        is_address && self.hides_users()
    }

    /// Whether sign-ins must not reveal who is a user
    /// ([guide: Enumeration protection](crate::guide::contract_sign_ups#enumeration-protection)).
    pub const fn hides_users(&self) -> bool {
        self.attack_protection.enumeration_protection.enabled
    }

    /// Whether spellings of one Gmail address that differ in dots are one address.
    pub(crate) const fn ignores_dots(&self) -> bool {
        self.restrictions.ignore_dots_for_gmail_addresses.enabled
    }

    /// Checks what types can't express: required attributes are enabled, lengths are consistent, strategies fit.
    ///
    /// # Errors
    /// The first key at fault and why.
    pub fn validate(&self) -> Result<(), InvalidSettings> {
        let fault = |key: String, reason: &str| Err(InvalidSettings { key, reason: reason.into() });
        for field in Field::ATTRIBUTES {
            let Some(attribute) = self.attribute(field) else {
                continue;
            };
            let key = |name| format!("attributes.{field}.{name}");
            if attribute.required && !attribute.enabled {
                return fault(key("required"), "is true, but the attribute is not enabled");
            }
            if attribute.verify_at_sign_up && attribute.verifications.is_empty() {
                return fault(key("verifications"), "is empty, but verify_at_sign_up needs at least one strategy");
            }
            if attribute.verifications.iter().any(|s| s.field().as_ref() != Some(field)) {
                return fault(key("verifications"), "holds a strategy that does not verify this attribute");
            }
        }
        if let Some((key, reason)) = self.beyond(built_with::BUILT_WITH) {
            return fault(key, reason);
        }
        if self.attributes.web3_wallet.required {
            let reason = "is true, but wallets can't be verified yet: no sign-up could be completed; write false";
            return fault("attributes.web3_wallet.required".into(), reason);
        }
        let passwords = &self.password_settings;
        if passwords.min_length < 8 {
            return fault("password_settings.min_length".into(), "must be at least 8");
        }
        if passwords.max_length != 0 && passwords.max_length < passwords.min_length {
            return fault("password_settings.max_length".into(), "is below min_length");
        }
        if passwords.max_length > 1024 {
            return fault("password_settings.max_length".into(), "must be at most 1024");
        }
        if passwords.min_zxcvbn_strength > 4 {
            return fault("password_settings.min_zxcvbn_strength".into(), "must be from 0 to 4");
        }
        self.attack_protection.user_lockout.validate()?;
        let usernames = &self.username_settings;
        if usernames.min_length == 0 || usernames.max_length < usernames.min_length || usernames.max_length > 64 {
            return fault(
                "username_settings.max_length".into(),
                "must be at least min_length, which must be at least 1, and at most 64",
            );
        }
        for name in self.social.keys().chain(self.oauth.keys()) {
            if !name.starts_with("oauth_") {
                return fault(format!("social.{name}"), "must be called oauth_<provider>, such as oauth_google");
            }
        }
        Ok(())
    }
}

pub mod branding;
mod built_with;
mod lockout;
pub mod overrides;
pub mod providers;
pub mod restrictions;
pub mod source_limits;
