//! Attempting the first factor: a guess at a code or a password. Every guess is counted, and nothing is revealed before
//! the count is committed.

use crate::domain::context::Context;
use crate::domain::id::SignInId;
use crate::domain::quota::QuotaKind;
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::user::User;
use crate::domain::verification::{Challenge, Guess, OneTimeCode, Strategy, Verification};

use super::factor::may_prove;
use super::{Attempt, Credential, FirstFactor, Fit, Phase, Proof, Share, SignIn, Transition};

impl SignIn {
    /// Proves the first factor. Where the user has a second factor, that is needed next; after the code of a reset, a new
    /// password. The same proof of a step that is done changes nothing.
    ///
    /// # Errors
    /// `strategy_for_user_invalid` where the user has no such factor; `verification_missing` and the like where no code
    /// can be attempted; `sign_up_if_missing_transfer` where the person has proved an identifier that no user holds.
    pub fn attempt(
        &self,
        attempt: &Attempt,
        user: Option<&User>,
        cx: &mut Context<'_>,
    ) -> Result<Transition, Rejection> {
        if self.phase != Phase::Open {
            return match self.is_proved_again(attempt, cx) {
                true => Ok(Transition::unchanged(self)),
                false => Err(ErrorCode::VerificationAlreadyVerified.into()),
            };
        }
        let next = self.counted();
        if let Proof::Passkey(proof) = &attempt.proof {
            return next.prove_passkey(proof, Some(self.stamp()), user, cx);
        }
        self.offered(&attempt.strategy, user, cx)?;
        match &attempt.proof {
            Proof::Passkey(_) => Err(ErrorCode::VerificationStrategyInvalid.into()),
            Proof::Password { fits } => next.prove_password(fits.as_ref(), Some(self.stamp()), user, cx),
            Proof::Code(code) => {
                let code = code.as_ref().ok_or_else(|| ErrorCode::FormCodeIncorrect.on("code"))?;
                if self.is_transferable() && user.is_none() && self.was_proved_by(&attempt.strategy, code, cx) {
                    return Err(ErrorCode::SignUpIfMissingTransfer.into());
                }
                self.guess(next, &attempt.strategy, code, user, cx)
            }
        }
    }

    /// Applies the result of comparing a password, on a value that is already the next one. A wrong password leaves the
    /// client's value unchanged, except for the counters.
    pub(super) fn prove_password(
        mut self,
        fits: Option<&Fit>,
        expected: Option<(SignInId, u64)>,
        user: Option<&User>,
        cx: &mut Context<'_>,
    ) -> Result<Transition, Rejection> {
        let address = self.identifier.clone().ok_or_else(|| ErrorCode::FormParamMissing.on("identifier"))?;
        // A user may have signed up with the identifier in the meantime: then the password was compared with theirs.
        let since = user.filter(|_| self.newcomer.is_some()).map(|user| user.id);
        let known = self.user_id.or(since);
        let fitting = user.filter(|user| known == Some(user.id)).zip(fits);
        if let Some((user, _)) = fitting {
            self.user_id = Some(user.id);
            let verification = Verification::verified_by_provider(Strategy::Password, self.client_id, cx.now);
            self.updated_at = cx.now.max(self.updated_at);
            self.first_factor = Some(FirstFactor { address: address.clone(), verification });
        }
        let client = self.client_id;
        let mut transition = Transition::to(self);
        transition.tried(user, &address, Share::Passwords, fitting.is_some());
        let Some((user, fit)) = fitting else {
            return Ok(transition.refused(ErrorCode::FormPasswordIncorrect.on("password")));
        };
        transition.use_quota(&address, client, QuotaKind::Proof);
        let proof = (Some(Strategy::Password), Credential::Password(fit.clone()));
        Ok(transition.proved(expected, user, proof, cx))
    }

    fn guess(
        &self,
        mut next: Self,
        strategy: &Strategy,
        code: &OneTimeCode,
        owner: Option<&User>,
        cx: &mut Context<'_>,
    ) -> Result<Transition, Rejection> {
        let FirstFactor { address, verification } = self.pending(strategy, cx)?;
        let challenge = Challenge { owner: self.id.into(), address };
        let (verification, guess) = challenge.guess(verification, code, self.client_id, cx);
        // A user may have signed up with the identifier in the meantime: then that user is signing in.
        let since = owner.filter(|_| self.newcomer.is_some()).map(|owner| owner.id);
        let is_right = guess == Guess::Right;
        let known = self.user_id.or(since);
        // The backend may have deleted the user in the meantime, or given the address to another one: then a right code
        // proves nothing.
        let is_theirs = owner.is_some_and(|owner| may_prove(owner, strategy, address));
        let user = owner.filter(|owner| is_right && is_theirs && known == Some(owner.id));
        let is_new = is_right && known.is_none() && self.newcomer.is_some();
        // Otherwise the code was never sent, so a right guess proves nothing.
        let is_proved = user.is_some() || is_new;
        if is_proved {
            next.updated_at = cx.now.max(self.updated_at);
        }
        let verification = Verification { verified: verification.verified.filter(|_| is_proved), ..verification };
        next.first_factor = Some(FirstFactor { address: address.clone(), verification });
        next.user_id = user.map(|user| user.id).or(self.user_id);
        let mut transition = Transition::to(next);
        transition.tried(owner, address, Share::Codes, is_proved);
        if !owner.is_some_and(|owner| owner.knows(self.client_id)) {
            transition.use_quota(address, self.client_id, QuotaKind::Guess);
        }
        if is_new {
            transition.use_quota(address, self.client_id, QuotaKind::Proof);
            return Ok(transition.kept(Some(self.stamp())).refused(ErrorCode::SignUpIfMissingTransfer));
        }
        let Some(user) = user else {
            return Ok(transition.kept(Some(self.stamp())).refused(ErrorCode::FormCodeIncorrect.on("code")));
        };
        transition.use_quota(address, self.client_id, QuotaKind::Proof);
        if strategy.resets_password() {
            return Ok(transition.awaiting_password(Some(self.stamp()), cx));
        }
        let proof = Credential::Code { strategy: strategy.clone(), address: address.clone() };
        Ok(transition.proved(Some(self.stamp()), user, (Some(strategy.clone()), proof), cx))
    }

    /// Whether this proved the first factor: a double click, a second tab, or a retry.
    fn is_proved_again(&self, attempt: &Attempt, cx: &Context<'_>) -> bool {
        let by = self.first_factor.as_ref().map(|factor| factor.verification.strategy());
        match &attempt.proof {
            Proof::Code(Some(code)) => self.was_proved_by(&attempt.strategy, code, cx),
            // A challenge is answered once, and the answer is not kept.
            Proof::Code(None) | Proof::Passkey(_) => false,
            Proof::Password { fits } => by == Some(&Strategy::Password) && fits.is_some(),
        }
    }

    /// The factor that an attempt concerns, if it can still be attempted.
    fn pending(&self, strategy: &Strategy, cx: &Context<'_>) -> Result<&FirstFactor, Rejection> {
        let factor = self.first_factor.as_ref().ok_or(ErrorCode::VerificationMissing)?;
        factor.verification.check_attempt(strategy, cx)?;
        Ok(factor)
    }
}
