//! Signing in with an identifier that may not be a user's yet (`sign_up_if_missing`,
//! [guide: Sign up if missing](crate::guide::contract_sign_ins#sign-up-if-missing)). An identifier that no user holds
//! is sent a code like any other, and the person who proves it can sign up with it. Until then no caller learns whether
//! a user holds it.

use crate::domain::context::Context;
use crate::domain::identifier::{EmailAddress, Identifier, IdentifierKind, PhoneNumber};
use crate::domain::rejection::{ErrorCode, Reason};
use crate::domain::settings::{Settings, SignUpMode};
use crate::domain::transfer::Proved;
use crate::domain::verification::{self, Challenge, Strategy};

use super::SignIn;
use super::factor::code_to;

/// Whether a sign-in with this identifier may become a sign-up if no user holds it. The answer does not depend on
/// whether one does.
///
/// # Errors
/// `sign_up_if_missing_not_allowed` where the instance is closed to the public, or the identifier can't be proved by a
/// code; `sign_up_if_missing_strategy_not_supported` for a `strategy` that sends it no code and no link, such as a
/// password.
pub fn may_be_missing(identifier: &Identifier, strategy: Option<&Strategy>, settings: &Settings) -> Result<(), Reason> {
    let code = code_to(identifier).filter(|_| settings.sign_up.mode == SignUpMode::Public);
    let code = code.ok_or(ErrorCode::SignUpIfMissingNotAllowed)?;
    match strategy {
        Some(strategy) if *strategy != code && !is_link(strategy, identifier) => {
            Err(ErrorCode::SignUpIfMissingStrategyNotSupported.on("strategy"))
        }
        _ => Ok(()),
    }
}

fn is_link(strategy: &Strategy, identifier: &Identifier) -> bool {
    *strategy == Strategy::EmailLink && identifier.kind == IdentifierKind::EmailAddress
}

impl SignIn {
    /// What a sign-up takes over from it, if the person has proved an identifier that no user holds.
    pub fn proved_by_newcomer(&self) -> Option<Proved> {
        let factor = self.first_factor.as_ref().filter(|_| self.is_transferable())?;
        let proof = factor.verification.verified.as_ref()?;
        Some(Proved {
            identifier: factor.address.clone(),
            strategy: proof.by.clone(),
            at: proof.at,
            captcha_solved: self.newcomer?.captcha_solved,
            is_taken: false,
        })
    }

    /// Whether a code may be sent to an address that no user holds, and a sign-up may use that address once proved.
    ///
    /// # Errors
    /// The reason why not.
    pub(super) fn may_sign_up_with(&self, address: &Identifier, cx: &Context<'_>) -> Result<(), Reason> {
        may_be_missing(address, None, cx.settings)?;
        let (value, restrictions) = (address.value.clone(), &cx.settings.restrictions);
        match address.kind {
            IdentifierKind::EmailAddress => {
                restrictions.admit_email(&EmailAddress::restore(value, String::new()), true)
            }
            IdentifierKind::PhoneNumber => restrictions.admit_phone(&PhoneNumber::restore(value)),
            _ => Ok(()),
        }
    }

    /// Whether this code proved the first factor and would still be valid: then the request is a retry.
    pub fn was_proved_by(&self, strategy: &Strategy, code: &verification::OneTimeCode, cx: &Context<'_>) -> bool {
        self.first_factor.as_ref().is_some_and(|factor| {
            let challenge = Challenge { owner: self.id.into(), address: &factor.address };
            challenge.is_repeated_by(&factor.verification, strategy, code, cx)
        })
    }
}
