//! Attempting a verification: a guess at a code. Every guess is counted, and nothing is revealed before the count is
//! committed.

use crate::domain::context::Context;
use crate::domain::field::Field;
use crate::domain::quota::QuotaKind;
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::time::{Span, Timestamp};
use crate::domain::verification::{Challenge, Guess, OneTimeCode, Verification, check_enabled};

use super::state::Phase;
use super::{Attempt, SignUp, Transition};

impl SignUp {
    pub(super) fn attempt(&self, attempt: &Attempt, cx: &mut Context<'_>) -> Result<Transition, Rejection> {
        self.check_captcha(None, cx)?;
        if self.was_proved_by(attempt, cx) && !attempt.again {
            return self.converted_or_unchanged(cx);
        }
        let (field, verification) = self.pending(attempt, cx)?;
        let typed = attempt.code.as_deref().filter(|c| !c.is_empty());
        let typed = typed.ok_or_else(|| ErrorCode::FormParamMissing.on("code"))?;
        let code = OneTimeCode::parse(typed).ok_or_else(|| ErrorCode::FormCodeIncorrect.on("code"))?;
        let address = self.address(&field).ok_or(ErrorCode::VerificationMissing)?;
        let challenge = Challenge { owner: self.id.into(), address: &address };
        let (verification, guess) = challenge.guess(verification, &code, self.client_id, cx);

        let mut next = match guess {
            Guess::Right => self.touched(cx),
            Guess::Wrong => self.counted(),
        };
        if let Some(slot) = next.verification_slot(&field) {
            *slot = Some(verification);
        }
        let mut transition = Transition::to(next);
        transition.use_quota(&address, self.client_id, QuotaKind::Guess);
        match guess {
            Guess::Wrong => Ok(transition.refused(ErrorCode::FormCodeIncorrect.on("code"))),
            Guess::Right => {
                transition.use_quota(&address, self.client_id, QuotaKind::Proof);
                transition.convert_if_complete(cx)
            }
        }
    }

    /// The verification that an attempt concerns, if it can still be attempted.
    fn pending(&self, attempt: &Attempt, cx: &Context<'_>) -> Result<(Field, &Verification), Rejection> {
        check_enabled(&attempt.strategy, cx.settings)?;
        let field = attempt.strategy.field().ok_or(ErrorCode::VerificationStrategyInvalid)?;
        let verification = self.verification(&field).ok_or(ErrorCode::VerificationMissing)?;
        verification.check_attempt(&attempt.strategy, cx)?;
        Ok((field, verification))
    }

    /// The response to an attempt at a finished sign-up, or with the previous token: a double click, a second tab, or a
    /// retry after a lost response. Its client is told that the field is verified for as long as the code would be
    /// valid. With the previous token it gets only the response of the step that replaced it
    /// ([guide: Replaced tokens](crate::guide::contract#replaced-tokens)).
    pub(super) fn replayed_attempt(&self, attempt: &Attempt, cx: &Context<'_>) -> Result<Transition, Rejection> {
        if self.is_replay(attempt, cx) {
            Ok(Transition::replay(self))
        } else if self.was_proved_by(attempt, cx) && !attempt.again {
            Ok(Transition::unchanged(self))
        } else {
            Err(ErrorCode::SignUpCannotBeUpdated.into())
        }
    }

    /// Whether the code in this attempt proved the value, or came with the link that did, and would still be valid.
    pub(super) fn was_proved_by(&self, attempt: &Attempt, cx: &Context<'_>) -> bool {
        let proof = || {
            let field = attempt.strategy.field()?;
            let verification = self.verification(&field)?;
            let (code, address) = (OneTimeCode::parse(attempt.code.as_deref()?)?, self.address(&field)?);
            let challenge = Challenge { owner: self.id.into(), address: &address };
            Some(challenge.is_repeated_by(verification, &attempt.strategy, &code, cx))
        };
        proof().unwrap_or(false)
    }

    /// When the step was taken that replaced the client's token, if it is the last write: it completed the sign-up, or
    /// left it to others.
    pub(super) fn replaced_its_token_at(&self, cx: &Context<'_>) -> Option<Timestamp> {
        match self.phase {
            Phase::Complete { at, .. } => Some(at),
            Phase::Open => self.is_left_to_others(cx).then_some(self.updated_at),
        }
    }

    /// Whether this is the attempt that replaced the client's token, retried because its response was lost.
    fn is_replay(&self, attempt: &Attempt, cx: &Context<'_>) -> bool {
        let Some(at) = self.replaced_its_token_at(cx) else {
            return false;
        };
        let proof = || {
            let field = attempt.strategy.field()?;
            let verification = self.verification(&field)?;
            let (code, address) = (OneTimeCode::parse(attempt.code.as_deref()?)?, self.address(&field)?);
            let challenge = Challenge { owner: self.id.into(), address: &address };
            let verified = verification.verified.as_ref()?;
            let fits = verified.by == attempt.strategy
                && verified.at == at
                && at.is_within(REPLAY_WINDOW, cx.now)
                && challenge.was_proved_with(verification, &code, cx);
            Some(fits)
        };
        proof().unwrap_or(false)
    }
}

/// How long a lost completing response can be requested again
/// ([guide: Replaced tokens](crate::guide::contract#replaced-tokens)).
pub(super) const REPLAY_WINDOW: Span = Span::from_secs(60);
