//! A finished sign-in that is asked for again: a double click, a second tab, or a lost answer. A caller who presents
//! the same proof again succeeds and sees the result. The token from before is valid for this for a moment
//! ([guide: Replaced tokens](crate::guide::contract#replaced-tokens)). Wrong proofs are not counted here, so the first
//! one makes the client forget the finished sign-in.

use crate::domain::client::{Client, ClientChange};
use crate::domain::id::SignInId;
use crate::domain::sign_in::SignIn;
use crate::domain::verification::{self, Strategy};
use crate::store::{ClientWrite, Commit, Decision};

use super::visible::Visible;
use crate::engine::input::{Asked, AttemptFirstFactor};
use crate::engine::{Caller, ClientView, Engine, EngineError, RequestContext, SignInView};

impl Engine {
    /// The completing answer of a finished sign-in for a caller who proves it again; all others get `refused`.
    pub(in crate::engine) async fn replayed_attempt(
        &self,
        caller: &Caller,
        id: SignInId,
        asked: &Asked<AttemptFirstFactor>,
        (refused, context): (EngineError, &RequestContext),
    ) -> Result<(SignInView, ClientView), EngineError> {
        let Some((client_id, generation)) = caller.presented() else { return Err(refused) };
        let Some(client) = self.inner.store().client(client_id).await? else { return Err(refused) };
        let is_heard = client.generation == generation || client.accepts_replay(generation, self.now());
        let Some(finished) = client.finished(id, self.now()).filter(|_| is_heard) else {
            return self.replayed_half(caller, id, asked, &client, (refused, context)).await;
        };
        if !self.proves(finished, asked, &client, context).await? {
            let write = ClientWrite { id: client_id, changes: vec![ClientChange::ForgetFinished(id)] };
            let commit = Commit::of_decision(self.now(), Decision { client: Some(write), ..Decision::default() });
            self.inner.system.persister().commit(commit).await?;
            return Err(refused);
        }
        let session = finished.session().ok_or(EngineError::NotFound)?;
        let seen = self.visible_again(caller, session).await?;
        self.shown_finished(finished.clone(), seen, context).await?.ok_or(refused)
    }

    /// The answer to a first factor after which more is needed, for a caller who proves it again with the token that it
    /// replaced. A wrong proof ends the sign-in, because it is not counted.
    async fn replayed_half(
        &self,
        caller: &Caller,
        id: SignInId,
        asked: &Asked<AttemptFirstFactor>,
        client: &Client,
        (refused, context): (EngineError, &RequestContext),
    ) -> Result<(SignInView, ClientView), EngineError> {
        let Some((_, generation)) = caller.presented() else { return Err(refused) };
        let policy = &self.inner.actor_context.policy;
        let open = client.open_sign_in(self.now(), policy).filter(|open| open.id == id && open.is_half_way());
        let is_last_step = |open: &&SignIn| client.rotated_at == open.updated_at;
        let is_heard = client.accepts_replay(generation, self.now());
        let Some(half) = open.filter(is_last_step).filter(|_| is_heard) else { return Err(refused) };
        if !self.proves(half, asked, client, context).await? {
            let change = ClientChange::SetSignIn { expected: Some(half.stamp()), next: None };
            let write = ClientWrite { id: client.id, changes: vec![change] };
            let commit = Commit::of_decision(self.now(), Decision { client: Some(write), ..Decision::default() });
            self.inner.system.persister().commit(commit).await?;
            return Err(refused);
        }
        let seen = self.visible_half_way(caller, half).await?;
        self.shown(half.clone(), seen, context).await
    }

    /// A finished sign-in, for its client; `None` where its session has ended since, for example because the user
    /// passed to another owner: then this client may no longer learn who the user is.
    pub(in crate::engine) async fn shown_finished(
        &self,
        value: SignIn,
        seen: Visible,
        context: &RequestContext,
    ) -> Result<Option<(SignInView, ClientView)>, EngineError> {
        let session = value.session();
        let shown = self.shown(value, seen, context).await?;
        let is_there = shown.1.sessions.iter().any(|seen| Some(seen.session.id) == session);
        Ok(Some(shown).filter(|_| is_there))
    }

    /// Whether the given proof is the one that completed a finished sign-in.
    async fn proves(
        &self,
        finished: &SignIn,
        asked: &Asked<AttemptFirstFactor>,
        client: &Client,
        context: &RequestContext,
    ) -> Result<bool, EngineError> {
        let AttemptFirstFactor { strategy, code, password, .. } = asked.as_ref().map_err(Clone::clone)?;
        let proved_by = finished.first_factor.as_ref().map(|factor| factor.verification.strategy());
        if proved_by != Some(strategy) {
            return Ok(false);
        }
        if *strategy != Strategy::Password {
            let code = code.as_deref().and_then(verification::OneTimeCode::parse);
            let proves = |code| self.inner.actor_context.decide(|cx| finished.was_proved_by(strategy, &code, cx));
            return Ok(code.is_some_and(proves));
        }
        let Some(password) = password else { return Ok(false) };
        let user = match finished.user_id {
            Some(user) => self.inner.store().user(user).await?,
            None => None,
        };
        Ok(self.compare(password, user.as_deref(), client.id, context).await?.is_some())
    }
}
