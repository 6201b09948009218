//! The password of the own user: a wrong current one counts as a failed attempt to sign in.

use std::sync::Arc;

use crate::domain::client::session::Session;
use crate::domain::context::Context;
use crate::domain::field::Field;
use crate::domain::id::SessionId;
use crate::domain::password_policy;
use crate::domain::rejection::{ErrorCode, Reason, Rejection};
use crate::domain::secret::Secret;
use crate::domain::sign_in::Share;
use crate::domain::user::{OwnChange, User, UserFields};
use crate::limiter::LimitedAction;
use crate::store::Decision;

use super::{Needs, Own};
use crate::engine::{Caller, ClientView, Engine, EngineError, RequestContext};

/// A new password of the own user.
#[derive(Clone, Debug)]
pub struct NewOwnPassword {
    /// The current one. It may be absent where the user has none, and where the instance asks for re-verification.
    pub current_password: Option<Secret<String>>,
    /// The new one.
    pub new_password: Secret<String>,
    /// Whether all other sessions of the user end.
    pub sign_out_of_other_sessions: bool,
}

impl Engine {
    /// [`OwnUser::change_password`](crate::engine::OwnUser::change_password).
    pub(crate) async fn change_own_password(
        &self,
        caller: &Caller,
        session: Option<SessionId>,
        input: &NewOwnPassword,
        context: &RequestContext,
    ) -> Result<(Arc<User>, ClientView), EngineError> {
        self.admitted(async {
            let own = Own::of(caller, session, context);
            let (user, session) = self.own(own).await?;
            self.check_fresh(&session, &user, Needs::FreshProof)?;
            let settings = self.settings();
            if !settings.enabled(&Field::Password) {
                return Err(ErrorCode::FormParamUnknown.on(NEW).into());
            }
            let candidate = password_policy::check(input.new_password.expose(), &settings.password_settings);
            let candidate = candidate.map_err(|reasons| about_the_new_one(Rejection::collect(reasons).err()))?;
            self.check_current(own, &user, input.current_password.as_ref()).await?;
            if user.has_password() && self.is_current(own, &user, &input.new_password).await? {
                return Err(ErrorCode::FormNewPasswordMatchesCurrent.on(NEW).into());
            }
            let client = caller.client_id().ok_or(EngineError::SignedOut)?;
            let digest = {
                let admission = &self.inner.admission;
                let _turn = admission.take_turn(*client.as_bytes())?;
                admission.spend(LimitedAction::Password, context, self.now())?;
                let candidate = candidate.apart_from(user.own_words()).apart_from(self.application_words());
                self.hash_judged(candidate, context.requester()).await.map_err(|error| match error {
                    EngineError::Rejected(refused) => about_the_new_one(Some(refused)),
                    error => error,
                })?
            };
            let fields = UserFields {
                password_digest: Some(digest),
                end_sessions: input.sign_out_of_other_sessions,
                ..UserFields::default()
            };
            let compared = user.password_digest.clone();
            let decide = |user: &User, session: &Session, cx: &mut Context<'_>| {
                // The password was changed since the current one was compared.
                if user.password_digest != compared {
                    return Err(ErrorCode::ResourceConflict.into());
                }
                let change = OwnChange::Update(Box::new(fields.clone().sparing(session.id)));
                user.apply_own(&change, cx)
            };
            self.change_own(own, Needs::FreshProof, decide).await
        })
        .await
    }

    /// [`OwnUser::remove_password`](crate::engine::OwnUser::remove_password).
    pub(crate) async fn remove_own_password(
        &self,
        caller: &Caller,
        session: Option<SessionId>,
        current_password: Option<&Secret<String>>,
        context: &RequestContext,
    ) -> Result<(Arc<User>, ClientView), EngineError> {
        self.admitted(async {
            let own = Own::of(caller, session, context);
            let (user, session) = self.own(own).await?;
            self.check_fresh(&session, &user, Needs::FreshProof)?;
            // What would be refused anyway uses up no attempt.
            self.inner.actor_context.decide(|cx| user.apply_own(&OwnChange::RemovePassword, cx))?;
            self.check_current(own, &user, current_password).await?;
            let compared = user.password_digest.clone();
            self.change_own(own, Needs::FreshProof, |user, _, cx| {
                if user.password_digest != compared {
                    return Err(ErrorCode::ResourceConflict.into());
                }
                user.apply_own(&OwnChange::RemovePassword, cx)
            })
            .await
        })
        .await
    }

    /// Compares the current password, where the user has one and the instance does not ask for re-verification instead.
    async fn check_current(
        &self,
        own: Own<'_>,
        user: &User,
        current: Option<&Secret<String>>,
    ) -> Result<(), EngineError> {
        let current = current.filter(|current| !current.expose().is_empty());
        match current {
            _ if !user.has_password() => Ok(()),
            None if self.policy().reverification => Ok(()),
            None => Err(ErrorCode::FormParamMissing.on(CURRENT).into()),
            Some(current) => {
                self.prove_password(own, user, current, ErrorCode::FormPasswordValidationFailed.on(CURRENT)).await
            }
        }
    }

    /// Proves the password of the own user. Right or wrong, it counts as an attempt to sign in.
    ///
    /// # Errors
    /// `refusal` for a wrong one; `user_locked` and the limits of attempts.
    pub(super) async fn prove_password(
        &self,
        own: Own<'_>,
        user: &User,
        password: &Secret<String>,
        refusal: Reason,
    ) -> Result<(), EngineError> {
        self.inner.admission.spend(LimitedAction::Attempt, own.context, self.now())?;
        let fits = self.is_current(own, user, password).await?;
        let decision = Decision {
            tried: Some(self.tried(own, user, Share::Passwords, fits)),
            limits: self.policy().address_limits,
            ..Decision::default()
        };
        let committed = self.commit_own(own, decision, Vec::new()).await?.ok_or(EngineError::Internal)?;
        if fits { Ok(()) } else { Err(self.with_warning(refusal.into(), committed.attempts_left).into()) }
    }

    async fn is_current(&self, own: Own<'_>, user: &User, password: &Secret<String>) -> Result<bool, EngineError> {
        let client = own.caller.client_id().ok_or(EngineError::SignedOut)?;
        Ok(self.compare(password, Some(user), client, own.context).await?.is_some())
    }
}

/// A refusal of a password, about the parameter of this call.
fn about_the_new_one(refused: Option<Rejection>) -> EngineError {
    let Some(refused) = refused else { return EngineError::Internal };
    let named = |reason: &Reason| Reason { param: Some(NEW.to_owned()), ..reason.clone() };
    match Rejection::collect(refused.reasons().iter().map(named).collect()) {
        Err(refused) => refused.into(),
        Ok(()) => EngineError::Internal,
    }
}

const NEW: &str = "new_password";
const CURRENT: &str = "current_password";
