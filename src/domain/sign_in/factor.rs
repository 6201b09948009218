//! The available first factors: what the settings allow and the user has.
//!
//! Under enumeration protection they depend on the settings and the identifier alone, because a user's other factors
//! would reveal that the user exists.

use crate::domain::context::Context;
use crate::domain::field::Field;
use crate::domain::id::IdentificationId;
use crate::domain::identifier::{EmailAddress, Identifier, IdentifierKind, PhoneNumber, Username};
use crate::domain::rejection::{ErrorCode, Reason};
use crate::domain::settings::Settings;
use crate::domain::text;
use crate::domain::user::User;
use crate::domain::verification::Strategy;

use super::SignIn;

/// One way for this person to prove their identity, as the first factor or the second one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Factor {
    /// The strategy.
    pub strategy: Strategy,
    /// Where a code or a link is sent; `None` where nothing is sent.
    pub address: Option<FactorAddress>,
}

/// An address to which a code can be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactorAddress {
    /// What `prepare` names it by. It is not the address's own id, from which a stranger could tell the user's: the first
    /// address of a user has the user's bytes.
    pub id: IdentificationId,
    /// The address.
    pub identifier: Identifier,
    /// The spelling for messages.
    pub display: String,
    /// Whether it is the first address of its kind.
    pub primary: bool,
    /// Whether it is the second factor that the person prefers.
    pub default: bool,
}

impl SignIn {
    /// The ways to prove the first factor, the password first; `user` holds the identifier.
    pub fn first_factors(&self, user: Option<&User>, cx: &Context<'_>) -> Vec<Factor> {
        let Some(identifier) = &self.identifier else {
            return Vec::new();
        };
        let is_protected = cx.settings.hides_users();
        let Some(user) = user.filter(|_| !is_protected) else {
            // A person who may be new has no password.
            return from_identifier(identifier, self.newcomer.is_none(), cx);
        };
        let settings = cx.settings;
        let passwords = offers_password(settings) && user.password_digest.is_some();
        let passkeys = settings.signs_in_with_passkeys() && !user.passkeys.is_empty();
        let mut factors: Vec<Factor> = passwords.then_some(Factor::PASSWORD).into_iter().collect();
        factors.extend(passkeys.then_some(Factor::PASSKEY));
        let emails = user.email_addresses.iter().enumerate().map(|(n, email)| {
            let (identifier, display) = (email.value.identifier(), email.value.typed().to_owned());
            let id = stand_in(&identifier, cx);
            let address = FactorAddress { id, identifier, display, primary: n == 0, default: false };
            (address, email.verified_by.is_some())
        });
        // A number of the second factor can't be the first one too.
        let phones = user.phone_numbers.iter().enumerate().filter(|(_, phone)| !phone.reserved_for_second_factor);
        let phones = phones.map(|(n, phone)| {
            let (identifier, display) = (phone.value.identifier(), phone.value.as_str().to_owned());
            let id = stand_in(&identifier, cx);
            let address = FactorAddress { id, identifier, display, primary: n == 0, default: false };
            (address, phone.verified_by.is_some())
        });
        let addresses: Vec<(FactorAddress, bool)> = emails.chain(phones).collect();
        for strategy in SENT.iter().filter(|strategy| offers(settings, strategy)) {
            let fit = addresses.iter().filter(|(address, is_verified)| {
                strategy.sends_to() == Some(address.identifier.kind) && (*is_verified || !strategy.resets_password())
            });
            factors.extend(fit.map(|(address, _)| Factor::to(strategy.clone(), address.clone())));
        }
        factors
    }
}

/// Whether a code or link by this strategy, sent to this address, proves anything of the user: it must be the user's, and
/// verified for a new password.
pub(super) fn may_prove(user: &User, strategy: &Strategy, address: &Identifier) -> bool {
    let mut second = user.phone_numbers.iter().filter(|phone| phone.reserved_for_second_factor);
    if second.any(|phone| phone.value.identifier() == *address) {
        return false;
    }
    if strategy.resets_password() { user.has_verified(address) } else { user.holds(address) }
}

impl Factor {
    const PASSWORD: Self = Self { strategy: Strategy::Password, address: None };
    const PASSKEY: Self = Self { strategy: Strategy::Passkey, address: None };

    /// A factor of which a code or a link is sent to an address.
    pub(super) const fn to(strategy: Strategy, address: FactorAddress) -> Self {
        Self { strategy, address: Some(address) }
    }
}

/// The fields that identify a user at a sign-in.
pub fn supported_identifiers(settings: &Settings) -> Vec<Field> {
    let all = [Field::EmailAddress, Field::PhoneNumber, Field::Username];
    all.into_iter().filter(|field| identifies(settings, field)).collect()
}

/// Reads the identifier that the person gave: an address if it has an `@`, a number if it begins with `+`, else a
/// username.
///
/// # Errors
/// `form_param_missing`, and `form_param_format_invalid` for text that identifies no user in this instance.
pub fn identifier(text: &str, settings: &Settings) -> Result<Identifier, Reason> {
    let text = text::trim(text);
    let invalid = || ErrorCode::FormParamFormatInvalid.on(PARAM);
    let read = match text {
        "" => return Err(ErrorCode::FormParamMissing.on(PARAM)),
        _ if text.contains(text::is_at_sign) => EmailAddress::parse(text).map_err(|_| invalid())?.identifier(),
        _ if PhoneNumber::is_meant(text) => PhoneNumber::parse(text).map_err(|_| invalid())?.identifier(),
        // Today's rules don't apply: the username may have been accepted under other ones.
        _ if text.len() > 4 * USERNAME_MAX => return Err(invalid()),
        _ => Some(Username::meant(text))
            .filter(|name| name.as_str().len() <= USERNAME_MAX)
            .ok_or_else(invalid)?
            .identifier(),
    };
    let field = read.kind.field().filter(|field| identifies(settings, field));
    field.map(|_| read).ok_or_else(invalid)
}

fn identifies(settings: &Settings, field: &Field) -> bool {
    settings.attribute(field).is_some_and(|attribute| attribute.enabled && attribute.used_for_first_factor)
}

fn offers_password(settings: &Settings) -> bool {
    settings.attributes.password.enabled
}

/// Whether codes or links by `strategy` are offered: by the attribute's `first_factors`, or where that list is empty by its
/// `verifications`. Passwords can be reset wherever there are passwords.
fn offers(settings: &Settings, strategy: &Strategy) -> bool {
    let attribute = match strategy.sends_to() {
        Some(IdentifierKind::EmailAddress) => &settings.attributes.email_address,
        Some(IdentifierKind::PhoneNumber) => &settings.attributes.phone_number,
        _ => return false,
    };
    if !attribute.enabled || strategy.resets_password() {
        return attribute.enabled && offers_password(settings);
    }
    match attribute.first_factors.as_slice() {
        [] => attribute.verifications.contains(strategy),
        listed => listed.contains(&strategy.to_string()),
    }
}

/// The factors for this identifier, the same whether a user holds it or not. A passkey is none of them: offered to all, it
/// would be the first thing that people without one are asked for. It signs in without an identifier.
fn from_identifier(identifier: &Identifier, with_password: bool, cx: &Context<'_>) -> Vec<Factor> {
    let address = FactorAddress {
        id: stand_in(identifier, cx),
        identifier: identifier.clone(),
        display: identifier.value.clone(),
        primary: true,
        default: false,
    };
    let fits = |strategy: &&Strategy| {
        let is_sent_there = strategy.sends_to() == Some(identifier.kind) && offers(cx.settings, strategy);
        is_sent_there && (with_password || !strategy.resets_password())
    };
    let sent = SENT.iter().filter(fits).map(|strategy| Factor::to(strategy.clone(), address.clone()));
    let passwords = with_password && offers_password(cx.settings);
    passwords.then_some(Factor::PASSWORD).into_iter().chain(sent).collect()
}

/// The strategy that sends a code to an identifier.
pub(super) const fn code_to(identifier: &Identifier) -> Option<Strategy> {
    match identifier.kind {
        IdentifierKind::EmailAddress => Some(Strategy::EmailCode),
        IdentifierKind::PhoneNumber => Some(Strategy::PhoneCode),
        IdentifierKind::Username | IdentifierKind::ExternalAccount | IdentifierKind::ExternalId => None,
    }
}

/// A substitute id for an address: it reveals nothing about a user, and is the same at every call.
fn stand_in(identifier: &Identifier, cx: &Context<'_>) -> IdentificationId {
    let digest = cx.digest.digest(&[b"first factor", identifier.value.as_bytes()]);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    IdentificationId::from_bytes(bytes)
}

/// The strategies that send a code or a link, in the order in which they are shown.
const SENT: [Strategy; 5] = [
    Strategy::EmailCode,
    Strategy::EmailLink,
    Strategy::PhoneCode,
    Strategy::ResetPasswordEmailCode,
    Strategy::ResetPasswordPhoneCode,
];
const PARAM: &str = "identifier";
/// The longest username, in ASCII characters; a typed character may take four bytes.
const USERNAME_MAX: usize = 64;
