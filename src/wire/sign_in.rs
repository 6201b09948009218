//! The SignIn, in the shape that clerk-js expects.

use serde::Serialize;

use crate::domain::id::{IdentificationId, SessionId, SignInId};
use crate::domain::identifier::{Identifier, IdentifierKind};
use crate::domain::sign_in::{Factor, Phase, Status};
use crate::domain::time::Timestamp;
use crate::domain::user::User;
use crate::domain::verification::Strategy;
use crate::engine::SignInView;

use super::AsDisplay;
use super::verification::{ExternalResource, State};

/// A sign-in on the wire.
#[derive(Debug, Serialize)]
pub(crate) struct SignInResource<'a> {
    object: &'static str,
    id: AsDisplay<SignInId>,
    status: &'static str,
    supported_identifiers: Vec<&'a str>,
    supported_first_factors: Option<Vec<FactorResource<'a>>>,
    supported_second_factors: Option<Vec<FactorResource<'a>>>,
    first_factor_verification: Option<FirstFactorVerification<'a>>,
    second_factor_verification: Option<State<'a>>,
    identifier: Option<&'a str>,
    user_data: Option<UserData<'a>>,
    created_session_id: Option<AsDisplay<SessionId>>,
    abandon_at: Timestamp,
}

/// The verification of the first factor: of a code or password, or of an account at a provider.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum FirstFactorVerification<'a> {
    Known(State<'a>),
    External(ExternalResource<'a>),
}

/// A way to prove a factor.
#[derive(Debug, Serialize)]
pub(super) struct FactorResource<'a> {
    strategy: AsDisplay<&'a Strategy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    safe_identifier: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_address_id: Option<AsDisplay<IdentificationId>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone_number_id: Option<AsDisplay<IdentificationId>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    primary: Option<bool>,
    /// For phone numbers only: whether it is the second factor that is asked for first.
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<bool>,
}

/// The data for greeting the person.
#[derive(Debug, Serialize)]
struct UserData<'a> {
    first_name: Option<&'a str>,
    last_name: Option<&'a str>,
    image_url: &'static str,
    profile_image_url: &'static str,
    has_image: bool,
}

impl<'a> From<&'a SignInView> for SignInResource<'a> {
    fn from(view: &'a SignInView) -> Self {
        let value = &view.value;
        Self {
            object: "sign_in_attempt",
            id: AsDisplay(value.id),
            status: match view.status {
                Status::NeedsIdentifier => "needs_identifier",
                Status::NeedsFirstFactor => "needs_first_factor",
                Status::NeedsSecondFactor => "needs_second_factor",
                Status::NeedsNewPassword => "needs_new_password",
                Status::Complete => "complete",
            },
            supported_identifiers: view.supported_identifiers.iter().map(|field| field.as_str()).collect(),
            supported_first_factors: (view.status != Status::NeedsIdentifier).then(|| {
                let factors = view.first_factors.iter();
                factors.map(|factor| FactorResource::of(factor, value.identifier.as_ref())).collect()
            }),
            supported_second_factors: (view.status == Status::NeedsSecondFactor).then(|| {
                let factors = view.second_factors.iter();
                factors.map(|factor| FactorResource::of(factor, None)).collect()
            }),
            first_factor_verification: match (&value.first_factor, &value.external) {
                (Some(factor), _) => {
                    let verification = &factor.verification;
                    Some(FirstFactorVerification::Known(match value.is_transferable() {
                        true => State::transferable(verification),
                        false => State::of(verification, verification.status(view.now, view.attempts_max))
                            .with_nonce(view.passkey_options.as_deref()),
                    }))
                }
                (None, Some(account)) => {
                    Some(FirstFactorVerification::External(ExternalResource::of(account, view.now)))
                }
                (None, None) => None,
            },
            second_factor_verification: value.second_factor.as_deref().map(|factor| {
                let verification = &factor.verification;
                State::of(verification, verification.status(view.now, view.attempts_max))
            }),
            identifier: value.identifier.as_ref().map(|identifier| identifier.value.as_str()),
            user_data: view.user.as_deref().map(UserData::from),
            created_session_id: match value.phase {
                Phase::Open | Phase::NewPassword | Phase::SecondFactor { .. } => None,
                Phase::Complete { session_id } => Some(AsDisplay(session_id)),
            },
            abandon_at: view.abandon_at,
        }
    }
}

impl<'a> FactorResource<'a> {
    pub(super) fn of(factor: &'a Factor, known: Option<&Identifier>) -> Self {
        let address = factor.address.as_ref();
        let id = |kind| address.filter(|a| a.identifier.kind == kind).map(|a| AsDisplay(a.id));
        Self {
            strategy: AsDisplay(&factor.strategy),
            safe_identifier: address.map(|address| safe(&address.identifier, known)),
            email_address_id: id(IdentifierKind::EmailAddress),
            phone_number_id: id(IdentifierKind::PhoneNumber),
            primary: address.map(|address| address.primary),
            default: id(IdentifierKind::PhoneNumber).and(address).map(|address| address.default),
        }
    }
}

impl<'a> From<&'a User> for UserData<'a> {
    fn from(user: &'a User) -> Self {
        Self {
            first_name: user.first_name.as_deref(),
            last_name: user.last_name.as_deref(),
            image_url: "",
            profile_image_url: "",
            has_image: false,
        }
    }
}

/// The address that the person entered in full; all others only as far as their owner can recognise them.
fn safe(address: &Identifier, known: Option<&Identifier>) -> String {
    let text = address.value.as_str();
    if known == Some(address) {
        return text.to_owned();
    }
    match (address.kind, text.rsplit_once('@')) {
        (IdentifierKind::EmailAddress, Some((local, domain))) => {
            let first = local.chars().next().unwrap_or('*');
            format!("{first}*****@{domain}")
        }
        // In E.164 every character is one byte.
        (IdentifierKind::PhoneNumber, _) => {
            let (hidden, shown) = text.split_at(text.len().saturating_sub(2));
            format!("+{}{shown}", "*".repeat(hidden.len().saturating_sub(1)))
        }
        _ => "*****".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identifier(kind: IdentifierKind, value: &str) -> Identifier {
        Identifier { kind, value: value.into() }
    }

    #[test]
    fn only_the_address_the_person_came_with_is_shown_whole() {
        let email = identifier(IdentifierKind::EmailAddress, "ada.lovelace@example.com");
        let phone = identifier(IdentifierKind::PhoneNumber, "+14155552671");
        assert_eq!(safe(&email, Some(&email)), "ada.lovelace@example.com");
        assert_eq!(safe(&email, Some(&phone)), "a*****@example.com");
        assert_eq!(safe(&phone, Some(&email)), "+*********71");
    }
}
