//! Signing in to the user that somebody may not be yet (`sign_up_if_missing`,
//! [guide: Sign up if missing](crate::guide::contract_sign_ins#sign-up-if-missing)): to an identifier that is nobody's
//! a code is sent as if it were somebody's, and whoever proves it signs up with it. Until then nobody can tell whether
//! it is somebody's.

use crate::domain::context::Context;
use crate::domain::id::SignInId;
use crate::domain::identifier::{EmailAddress, Identifier, IdentifierKind, PhoneNumber};
use crate::domain::rejection::{ErrorCode, Reason};
use crate::domain::settings::{Settings, SignUpMode};
use crate::domain::time::Timestamp;
use crate::domain::verification::{self, Challenge, Strategy};

use super::SignIn;
use super::factor::code_to;

/// An identifier that was proved at a sign-in and is nobody's, on its way to a sign-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proved {
    /// The identifier.
    pub identifier: Identifier,
    /// How it was proved.
    pub strategy: Strategy,
    /// When.
    pub at: Timestamp,
    /// Whether a captcha was solved on the way.
    pub captcha_solved: bool,
    /// Whether it has become somebody's since.
    pub is_taken: bool,
}

/// Whether somebody may begin a sign-in with this identifier that becomes a sign-up if it is nobody's. The answer does not
/// depend on whether it is.
///
/// # Errors
/// `sign_up_if_missing_not_allowed` where the instance is closed to the public, or the identifier can't be proved by a
/// code; `sign_up_if_missing_strategy_not_supported` for a `strategy` that sends it none, such as a password.
pub fn may_be_missing(identifier: &Identifier, strategy: Option<&Strategy>, settings: &Settings) -> Result<(), Reason> {
    let code = code_to(identifier).filter(|_| settings.sign_up.mode == SignUpMode::Public);
    let code = code.ok_or(ErrorCode::SignUpIfMissingNotAllowed)?;
    match strategy {
        Some(strategy) if *strategy != code => Err(ErrorCode::SignUpIfMissingStrategyNotSupported.on("strategy")),
        _ => Ok(()),
    }
}

impl SignIn {
    /// What a sign-up takes over from it, if the person has proved an identifier that is nobody's.
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

    /// Whether a code may go to an address that is nobody's: whoever proves it may sign up with it.
    ///
    /// # Errors
    /// Why not.
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

    /// Whether this is the code that proved the first factor, and would be good still: who has succeeded with it asks
    /// again.
    pub fn was_proved_by(&self, strategy: &Strategy, code: &verification::OneTimeCode, cx: &Context<'_>) -> bool {
        self.first_factor.as_ref().is_some_and(|factor| {
            let challenge = Challenge { owner: self.id.into(), address: &factor.address };
            challenge.is_repeated_by(&factor.verification, strategy, code, cx)
        })
    }
}

/// The sign-in that a sign-up takes something over from, as it was read: it is used up thereby.
pub type Consumed = (SignInId, u64);
