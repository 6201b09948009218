//! Resetting a forgotten password: the new password is checked and hashed here, between the look-up and the decision.

use std::sync::Arc;

use crate::domain::client::Client;
use crate::domain::context::Context;
use crate::domain::field::Field;
use crate::domain::id::SignInId;
use crate::domain::password_policy;
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::secret::Secret;
use crate::domain::sign_in::{self, Status};
use crate::domain::user::User;
use crate::limiter::LimitedAction;
use crate::password::{DigestCost, HashPool};

use super::equal_calls::Call;
use super::sign_in_commits::TRIES_MAX;
use super::single_flight::Written;
use crate::engine::admission::RETRY_AFTER;
use crate::engine::input::{Asked, AttemptFirstFactor, ResetPassword};
use crate::engine::{Caller, ClientView, Engine, EngineError, RequestContext, SignInView};

impl Engine {
    /// [`SignIns::reset_password`](crate::engine::SignIns::reset_password).
    pub(crate) async fn reset_password(
        &self,
        caller: &Caller,
        id: SignInId,
        input: &ResetPassword,
        context: &RequestContext,
    ) -> Result<(SignInView, ClientView), EngineError> {
        self.reset_asked_password(caller, id, Ok(input.clone()), context).await
    }

    /// [`SignIns::reset_password`](crate::engine::SignIns::reset_password) by a request.
    pub(crate) async fn reset_asked_password(
        &self,
        caller: &Caller,
        id: SignInId,
        asked: Asked<ResetPassword>,
        context: &RequestContext,
    ) -> Result<(SignInView, ClientView), EngineError> {
        let asked = Arc::new(asked);
        let work = self.owned(caller, context, &asked, move |engine, caller, context, asked| async move {
            engine.set_new_password(&caller, id, &asked, &context).await
        });
        self.once(caller, &Call::ResetPassword(id, &asked), context, work).await
    }

    async fn set_new_password(
        &self,
        caller: &Caller,
        id: SignInId,
        asked: &Asked<ResetPassword>,
        context: &RequestContext,
    ) -> Written<SignInView> {
        let now = self.now();
        self.inner.admission.spend(LimitedAction::Attempt, context, now)?;
        self.inner.admission.spend(LimitedAction::Write, context, now)?;
        let nobody = if caller.was_replaced() { EngineError::TokenReplaced } else { EngineError::NotFound };
        let client = caller.client().ok_or(nobody)?;
        let single = self.single_session();
        for _ in 0..TRIES_MAX {
            let value = self.in_progress(Some(client), id)?;
            self.inner.actor_context.decide(|cx| value.check_awaits_password(cx)).map_err(Rejection::from)?;
            let ResetPassword { password, sign_out_of_other_sessions } = asked.as_ref().map_err(Clone::clone)?;
            let user = self.user_of(value).await?;
            let gone = || Rejection::from(ErrorCode::StrategyForUserInvalid.on("strategy"));
            let user = user.as_deref().ok_or_else(gone)?;
            let digest = self.hash_new_password(password, user, *client.id.as_bytes(), context).await?;
            let decide = |client: Option<&Client>, cx: &mut Context<'_>| {
                let value = self.in_progress(client, id)?;
                client.map_or(Ok(()), |client| client.admits(Some(user), single, cx.now))?;
                Ok(value.reset_password(&digest, *sign_out_of_other_sessions, user, cx)?)
            };
            if let Some((next, committed)) = self.change_sign_in(client.id, caller.terms(), context, decide).await? {
                return self.shown_after(caller, next, &committed, context).await;
            }
        }
        Err(EngineError::Busy { retry_after: RETRY_AFTER })
    }

    /// The digest of a new password of a user, which must not be the present one. `turn` is who waits for the hash pool.
    ///
    /// # Errors
    /// Every rule that the password breaks, all about `password`; the errors of the pool.
    pub(in crate::engine) async fn hash_new_password(
        &self,
        password: &Secret<String>,
        user: &User,
        turn: [u8; 16],
        context: &RequestContext,
    ) -> Result<Secret<String>, EngineError> {
        let settings = self.settings();
        if !settings.enabled(&Field::Password) {
            return Err(ErrorCode::FormParamUnknown.on("password").into());
        }
        if password.expose().is_empty() {
            return Err(ErrorCode::FormParamMissing.on("password").into());
        }
        let checked = password_policy::check(password.expose(), &settings.password_settings);
        let candidate = match checked {
            Ok(candidate) => candidate,
            Err(reasons) => {
                Rejection::collect(reasons)?;
                return Err(EngineError::Internal);
            }
        };
        sign_in::check_is_no_identifier(candidate.normalised.expose(), user)?;
        let admission = &self.inner.admission;
        let _turn = admission.take_turn(turn)?;
        admission.spend(LimitedAction::Password, context, self.now())?;
        if let Some(stored) = user.password_digest.clone() {
            let given = match HashPool::cost_of(&stored) {
                // Other systems hash what the person types; we hash its normal form.
                Some(DigestCost::Foreign(_)) => password.clone(),
                _ => candidate.normalised.clone(),
            };
            if self.inner.hashes.verify(given, stored, context.requester()).await? {
                return Err(ErrorCode::FormNewPasswordMatchesCurrent.on("password").into());
            }
        }
        let candidate = candidate.apart_from(user.own_words()).apart_from(self.application_words());
        self.hash_judged(candidate, context.requester()).await
    }

    /// Sets the new password that came with the code of a reset, as clients before 2024 send it. Where it is refused, the
    /// code is proved all the same, and the sign-in waits for another password.
    pub(super) async fn with_new_password(
        &self,
        caller: &Caller,
        (shown, client): (SignInView, ClientView),
        asked: &Asked<AttemptFirstFactor>,
        context: &RequestContext,
    ) -> Written<SignInView> {
        let given = asked.as_ref().ok().filter(|attempt| attempt.strategy.resets_password());
        let password = given.and_then(|attempt| attempt.password.as_ref()).filter(|p| !p.expose().is_empty());
        let Some(password) = password.filter(|_| shown.status == Status::NeedsNewPassword) else {
            return Ok((shown, client));
        };
        let input = Ok(ResetPassword { password: password.clone(), sign_out_of_other_sessions: false });
        match self.set_new_password(&caller.after(&client), shown.value.id, &input, context).await {
            Err(EngineError::Rejected(_)) => Ok((shown, client)),
            outcome => outcome,
        }
    }
}
