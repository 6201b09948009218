//! Resetting a forgotten password: a code that was sent to one of the user's addresses, then the new password, and only then
//! a session ([guide: Resetting a password](crate::guide::contract_sign_ins#resetting-a-password)).

use crate::domain::context::Context;
use crate::domain::identifier::Identifier;
use crate::domain::message::Content;
use crate::domain::rejection::{ErrorCode, Reason, Rejection};
use crate::domain::secret::Secret;
use crate::domain::text;
use crate::domain::time::Span;
use crate::domain::transition::Effect;
use crate::domain::user::User;
use crate::domain::verification::{SecondFactorNeed, Strategy};

use super::second_factor::second_factor_need;
use super::state::{Phase, SignIn};
use super::{Credential, Transition};

/// A new password, and the code that allows to set it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPassword {
    /// The strategy of the code.
    pub strategy: Strategy,
    /// The address that the code was sent to.
    pub address: Identifier,
    /// The digest of the password.
    pub digest: Secret<String>,
    /// Whether all other sessions of the user end.
    pub end_sessions: bool,
}

impl SignIn {
    /// Whether a new password may be set now.
    ///
    /// # Errors
    /// `client_state_invalid` where no code of a reset was proved; `verification_expired` where that is too long ago.
    pub fn check_awaits_password(&self, cx: &Context<'_>) -> Result<(), Reason> {
        let proof = self.first_factor.as_ref().and_then(|factor| factor.verification.verified.as_ref());
        match proof.filter(|_| self.phase == Phase::NewPassword) {
            None => Err(ErrorCode::ClientStateInvalid.into()),
            Some(proof) if proof.at.is_within(GOOD_FOR, cx.now) => Ok(()),
            Some(_) => Err(ErrorCode::VerificationExpired.into()),
        }
    }

    /// Sets a new password, by its digest. The user gets a session, unless a second factor is needed; then the password is
    /// changed, and the second factor is asked for.
    ///
    /// # Errors
    /// As [`Self::check_awaits_password`]; `strategy_for_user_invalid` where the address is no longer the user's.
    pub fn reset_password(
        &self,
        digest: &Secret<String>,
        end_sessions: bool,
        user: &User,
        cx: &mut Context<'_>,
    ) -> Result<Transition, Rejection> {
        self.check_awaits_password(cx)?;
        let gone = || ErrorCode::StrategyForUserInvalid.on("strategy");
        let factor = self.first_factor.as_ref().ok_or_else(gone)?;
        if self.user_id != Some(user.id) || !user.has_verified(&factor.address) {
            return Err(gone().into());
        }
        let new = NewPassword {
            strategy: factor.verification.strategy().clone(),
            address: factor.address.clone(),
            digest: digest.clone(),
            end_sessions,
        };
        let mut transition = Transition::to(self.touched(cx));
        let notice = user.notice(Content::PasswordChanged, self.id.into(), cx);
        transition.effects.extend(notice.map(Effect::Deliver));
        let need = second_factor_need(user, None, cx.settings);
        if need == SecondFactorNeed::Needed {
            let mut next = user.clone();
            next.take_password(&new, None, cx.now);
            next.touch(cx.now);
            transition.outcome.changed = Some((Box::new(next), user.version));
            let proof = Credential::NewPassword(Box::new(new));
            return Ok(transition.awaiting_second_factor(Some(self.stamp()), &proof, cx));
        }
        // Only now: with a second factor its owner could guess at that as often as a reset forgets the failures.
        transition.outcome.forgiven = Some(user.id);
        let proof = (Some(new.strategy.clone()), Credential::NewPassword(Box::new(new)));
        Ok(transition.completed(Some(self.stamp()), user.id, proof, need, cx).seeing(user.has_second_factor()))
    }
}

/// Refuses a password that is one of the user's identifiers.
///
/// # Errors
/// `form_password_matches_identifier`.
pub fn check_is_no_identifier(normalised: &str, user: &User) -> Result<(), Reason> {
    let folded = text::trim(normalised).to_lowercase();
    match user.identifiers().iter().any(|identifier| identifier.value.to_lowercase() == folded) {
        true => Err(ErrorCode::FormPasswordMatchesIdentifier.on("password")),
        false => Ok(()),
    }
}

/// How long after its code a new password may be set.
const GOOD_FOR: Span = Span::from_secs(1800);
