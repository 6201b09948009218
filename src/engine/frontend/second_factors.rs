//! The second factor of a sign-in: the code of an authenticator app is compared here, before the decision.

use std::sync::Arc;

use crate::domain::client::Client;
use crate::domain::client::ClientChange;
use crate::domain::context::Context;
use crate::domain::id::{SignInId, UserId};
use crate::domain::ports::Sealer;
use crate::domain::rejection::ErrorCode;
use crate::domain::secret::Secret;
use crate::domain::sign_in::{Prepare, SecondAttempt, SecondProof, SignIn};
use crate::domain::text;
use crate::domain::user::User;
use crate::domain::verification::{OneTimeCode, Strategy};
use crate::limiter::LimitedAction;
use crate::store::{ClientWrite, Commit, Decision};
use crate::token::totp_step;

use super::equal_calls::Call;
use super::sign_in_commits::TRIES_MAX;
use super::single_flight::Written;
use crate::engine::admission::RETRY_AFTER;
use crate::engine::input::{Asked, AttemptSecondFactor};
use crate::engine::{Caller, ClientView, Engine, EngineError, RequestContext, SignInView};

impl Engine {
    /// [`SignIns::prepare_second_factor`](crate::engine::SignIns::prepare_second_factor).
    pub(crate) async fn prepare_second_factor(
        &self,
        caller: &Caller,
        id: SignInId,
        input: &Prepare,
        context: &RequestContext,
    ) -> Result<(SignInView, ClientView), EngineError> {
        self.prepare_asked_second_factor(caller, id, Ok(input.clone()), context).await
    }

    /// [`SignIns::prepare_second_factor`](crate::engine::SignIns::prepare_second_factor) by a request.
    pub(crate) async fn prepare_asked_second_factor(
        &self,
        caller: &Caller,
        id: SignInId,
        asked: Asked<Prepare>,
        context: &RequestContext,
    ) -> Result<(SignInView, ClientView), EngineError> {
        let asked = Arc::new(asked);
        let work = self.owned(caller, context, &asked, move |engine, caller, context, asked| async move {
            engine.send_second_factor(&caller, id, &asked, &context).await
        });
        self.once(caller, &Call::PrepareSecondFactor(id, &asked), context, work).await
    }

    async fn send_second_factor(
        &self,
        caller: &Caller,
        id: SignInId,
        asked: &Asked<Prepare>,
        context: &RequestContext,
    ) -> Written<SignInView> {
        self.inner.admission.spend(LimitedAction::Write, context, self.now())?;
        let client = caller.client().ok_or(EngineError::NotFound)?;
        let user = self.user_of(self.in_progress(Some(client), id)?).await?;
        let prepare = asked.as_ref().map_err(Clone::clone)?;
        let decide = |client: Option<&Client>, cx: &mut Context<'_>| {
            Ok(self.in_progress(client, id)?.prepare_second_factor(prepare, user.as_deref(), cx)?)
        };
        let changed = self.change_sign_in(client.id, caller.terms(), context, decide).await?;
        let (next, committed) = changed.ok_or(EngineError::Busy { retry_after: RETRY_AFTER })?;
        self.shown_after(caller, next, &committed, context).await
    }

    /// [`SignIns::attempt_second_factor`](crate::engine::SignIns::attempt_second_factor).
    pub(crate) async fn attempt_second_factor(
        &self,
        caller: &Caller,
        id: SignInId,
        input: &AttemptSecondFactor,
        context: &RequestContext,
    ) -> Result<(SignInView, ClientView), EngineError> {
        self.attempt_asked_second_factor(caller, id, Ok(input.clone()), context).await
    }

    /// [`SignIns::attempt_second_factor`](crate::engine::SignIns::attempt_second_factor) by a request.
    pub(crate) async fn attempt_asked_second_factor(
        &self,
        caller: &Caller,
        id: SignInId,
        asked: Asked<AttemptSecondFactor>,
        context: &RequestContext,
    ) -> Result<(SignInView, ClientView), EngineError> {
        let asked = Arc::new(asked);
        let work = self.owned(caller, context, &asked, move |engine, caller, context, asked| async move {
            engine.prove_second_factor(&caller, id, &asked, &context).await
        });
        self.once(caller, &Call::AttemptSecondFactor(id, &asked), context, work).await
    }

    async fn prove_second_factor(
        &self,
        caller: &Caller,
        id: SignInId,
        asked: &Asked<AttemptSecondFactor>,
        context: &RequestContext,
    ) -> Written<SignInView> {
        let now = self.now();
        self.inner.admission.spend(LimitedAction::Attempt, context, now)?;
        self.inner.admission.spend(LimitedAction::Write, context, now)?;
        match self.second_factor_in_progress(caller, id, asked, context).await {
            Err(refused @ (EngineError::NotFound | EngineError::TokenReplaced)) => {
                self.replayed_second_factor(caller, id, asked, (refused, context)).await
            }
            outcome => outcome,
        }
    }

    async fn second_factor_in_progress(
        &self,
        caller: &Caller,
        id: SignInId,
        asked: &Asked<AttemptSecondFactor>,
        context: &RequestContext,
    ) -> Result<(SignInView, ClientView), EngineError> {
        let nobody = if caller.was_replaced() { EngineError::TokenReplaced } else { EngineError::NotFound };
        let client = caller.client().ok_or(nobody)?;
        let single = self.single_session();
        for _ in 0..TRIES_MAX {
            let user = self.user_of(self.in_progress(Some(client), id)?).await?;
            let user = user.as_deref();
            let attempt = self.second_proof(asked, user)?;
            let decide = |client: Option<&Client>, cx: &mut Context<'_>| {
                let value = self.in_progress(client, id)?;
                client.map_or(Ok(()), |client| client.admits(user, single, cx.now))?;
                Ok(value.attempt_second_factor(&attempt, user, cx)?)
            };
            if let Some((next, committed)) = self.change_sign_in(client.id, caller.terms(), context, decide).await? {
                return self.shown_after(caller, next, &committed, context).await;
            }
        }
        Err(EngineError::Busy { retry_after: RETRY_AFTER })
    }

    /// What an attempt presents as proof of a second factor: the code of an app is compared here, the others by the
    /// decision.
    fn second_proof(
        &self,
        asked: &Asked<AttemptSecondFactor>,
        user: Option<&User>,
    ) -> Result<SecondAttempt, EngineError> {
        let AttemptSecondFactor { strategy, code } = asked.as_ref().map_err(Clone::clone)?;
        let code = code.as_deref().filter(|code| !code.is_empty());
        let code = code.ok_or_else(|| EngineError::from(ErrorCode::FormParamMissing.on("code")))?;
        let proof = match strategy {
            Strategy::Totp => SecondProof::Totp(user.and_then(|user| self.step_of(user, code))),
            Strategy::BackupCode => SecondProof::BackupCode(user.and_then(|user| self.backup_digest(user.id, code))),
            _ => SecondProof::Code(OneTimeCode::parse(code)),
        };
        Ok(SecondAttempt { strategy: strategy.clone(), proof })
    }

    /// The time step of a code of the user's authenticator app, verified or not; `None` for a wrong code.
    pub(in crate::engine) fn step_of(&self, user: &User, code: &str) -> Option<u64> {
        let secret = self.totp_secret(user)?;
        let code = OneTimeCode::parse(code)?;
        totp_step(secret.expose(), code.as_bytes(), self.now())
    }

    /// The secret of the user's authenticator app.
    pub(in crate::engine) fn totp_secret(&self, user: &User) -> Option<Secret<Vec<u8>>> {
        let totp = user.second_factors.as_ref()?.totp.as_ref()?;
        self.inner.key.open(&totp_context(user.id), totp.secret.expose()).map(Secret::new)
    }

    /// The secret of an authenticator app as it is stored: sealed under the instance key, which is not in the data files.
    pub(in crate::engine) fn sealed_totp_secret(&self, user: UserId, secret: &Secret<Vec<u8>>) -> Secret<Vec<u8>> {
        Secret::new(self.inner.key.seal(&totp_context(user), secret.expose()))
    }

    /// The digest of a backup code as a person typed it; `None` for a text that can't be one.
    pub(in crate::engine) fn backup_digest(&self, user: UserId, typed: &str) -> Option<[u8; 32]> {
        if typed.len() > BACKUP_CODE_MAX {
            return None;
        }
        let code: String = text::trim(typed).chars().filter(char::is_ascii_alphanumeric).collect();
        let code = code.to_ascii_lowercase();
        let digest = |cx: &mut Context<'_>| cx.digest.digest(&[b"backup code", user.as_bytes(), code.as_bytes()]);
        (!code.is_empty()).then(|| self.inner.actor_context.decide(digest))
    }

    /// The completing answer of a finished sign-in for a caller who sends the code again that completed it. A code of an app
    /// and a backup code work once, so for these the token that the call replaced is the only sign of a retry, and nothing
    /// is shown.
    async fn replayed_second_factor(
        &self,
        caller: &Caller,
        id: SignInId,
        asked: &Asked<AttemptSecondFactor>,
        (refused, context): (EngineError, &RequestContext),
    ) -> Result<(SignInView, ClientView), EngineError> {
        let Some((client_id, generation)) = caller.presented() else { return Err(refused) };
        let Some(client) = self.inner.store().client(client_id).await? else { return Err(refused) };
        let is_heard = client.generation == generation || client.accepts_replay(generation, self.now());
        let Some(finished) = client.finished(id, self.now()).filter(|_| is_heard) else { return Err(refused) };
        if !self.is_second_proof_of(finished, asked)? {
            let write = ClientWrite { id: client_id, changes: vec![ClientChange::ForgetFinished(id)] };
            let commit = Commit::of_decision(self.now(), Decision { client: Some(write), ..Decision::default() });
            self.inner.system.persister().commit(commit).await?;
            return Err(refused);
        }
        let session = finished.session().ok_or(EngineError::NotFound)?;
        let seen = self.visible_again(caller, session).await?;
        self.shown_finished(finished.clone(), seen, context).await?.ok_or(refused)
    }

    fn is_second_proof_of(&self, finished: &SignIn, asked: &Asked<AttemptSecondFactor>) -> Result<bool, EngineError> {
        let AttemptSecondFactor { strategy, code } = asked.as_ref().map_err(Clone::clone)?;
        let code = code.as_deref().and_then(OneTimeCode::parse);
        let decided = |code| self.inner.actor_context.decide(|cx| finished.was_completed_by(strategy, &code, cx));
        Ok(code.is_some_and(decided))
    }
}

fn totp_context(user: UserId) -> Vec<u8> {
    [b"totp secret ".as_slice(), user.as_bytes()].concat()
}

/// The longest spelling of a backup code, in bytes.
const BACKUP_CODE_MAX: usize = 64;
