//! The calls about sign-ins. A sign-in has no actor: each call decides on a snapshot of the client, and the commit is
//! refused if the client has changed meanwhile; then the call reads and decides again.

use std::sync::Arc;

use crate::domain::client::Client;
use crate::domain::context::Context;
use crate::domain::id::SignInId;
use crate::domain::identifier::{IdentifierKind, PhoneNumber};
use crate::domain::rejection::Rejection;
use crate::domain::sign_in::{self, Create, Prepare, SignIn};
use crate::domain::user::User;
use crate::domain::verification::Strategy;
use crate::limiter::LimitedAction;

use super::equal_calls::Call;
use super::sign_in_commits::TRIES_MAX;
use super::single_flight::Written;
use crate::engine::admission::RETRY_AFTER;
use crate::engine::input::{Asked, AttemptFirstFactor, Given, NewSignIn};
use crate::engine::{Caller, ClientView, Engine, EngineError, RequestContext, SignInView};

impl Engine {
    /// [`SignIns::create`](crate::engine::SignIns::create).
    pub(crate) async fn create_sign_in(
        &self,
        caller: &Caller,
        input: &NewSignIn,
        context: &RequestContext,
    ) -> Result<(SignInView, ClientView), EngineError> {
        self.create_given_sign_in(caller, input.clone().into(), context).await
    }

    /// [`SignIns::create`](crate::engine::SignIns::create) by a request.
    pub(crate) async fn create_given_sign_in(
        &self,
        caller: &Caller,
        given: Given<NewSignIn>,
        context: &RequestContext,
    ) -> Result<(SignInView, ClientView), EngineError> {
        let given = Arc::new(given);
        let work = self.owned(caller, context, &given, |engine, caller, context, given| async move {
            engine.begin_sign_in(&caller, &given, &context).await
        });
        self.once(caller, &Call::CreateSignIn(&given), context, work).await
    }

    async fn begin_sign_in(
        &self,
        caller: &Caller,
        Given { input, faults }: &Given<NewSignIn>,
        context: &RequestContext,
    ) -> Written<SignInView> {
        if caller.was_replaced() {
            return Err(EngineError::TokenReplaced);
        }
        let admission = &self.inner.admission;
        let spend = |action| admission.spend(action, context, self.now());
        spend(LimitedAction::Create)?;
        spend(LimitedAction::Write)?;
        if input.password.is_some() {
            spend(LimitedAction::Attempt)?;
        }
        let single = self.single_session();
        let admitted = |client: Option<&Client>, user: Option<&User>| {
            client.map_or(Ok(()), |client| client.admits(user, single, self.now()))
        };
        let known = caller.client().map(|client| &**client);
        admitted(known, None)?;
        Rejection::collect(faults.clone())?;
        let given = input.identifier.as_deref().filter(|text| !text.is_empty());
        let identifier = given.map(|text| sign_in::identifier(text, &self.settings())).transpose()?;
        // Before any user is looked up, so that the answer reveals nothing about users.
        identifier.iter().try_for_each(|given| self.settings().restrictions.admit_at_sign_in(given))?;
        let newcomer = self.newcomer_by(input, identifier.as_ref(), context).await?;
        let ticket = input.given_ticket()?;
        if let Some(link) = ticket.map_or(Ok(None), |ticket| self.ticket_of_link(ticket)).map_err(Rejection::from)? {
            spend(LimitedAction::LookUp)?;
            return self.enter_by_link(caller, link, context).await;
        }
        if identifier.is_some() || ticket.is_some() {
            spend(LimitedAction::LookUp)?;
        }
        let caller = &self.or_newcomer(caller)?;
        if !caller.is_stored() {
            spend(LimitedAction::Client)?;
        }
        let client_id = caller.client_id().ok_or(EngineError::Internal)?;
        let id = self.inner.actor_context.decide(|cx| SignInId::generate(cx.now, cx.entropy));
        for _ in 0..TRIES_MAX {
            let (presented, user) = match ticket {
                Some(ticket) => {
                    let (presented, user) = self.presented(ticket).await?;
                    (Some(presented), user)
                }
                None => (None, self.owner(identifier.as_ref()).await?),
            };
            let user = user.as_deref();
            admitted(known, user)?;
            let start = match &presented {
                Some(presented) => presented.start(self.now()).map_err(Rejection::from)?,
                None if input.transfer => self.take_over(caller).await?,
                None => self.start(input, identifier.is_some(), (id, client_id), user, context).await?,
            };
            let decide = |client: Option<&Client>, cx: &mut Context<'_>| {
                admitted(client, user)?;
                let create = Create {
                    id,
                    client_id,
                    replaces: client.and_then(|client| client.sign_in.as_deref()).map(SignIn::stamp),
                    identifier: identifier.clone(),
                    newcomer,
                    start: start.clone(),
                    origin: context.origin.clone(),
                };
                Ok(SignIn::create(&create, user, cx)?)
            };
            if let Some((next, committed)) = self.change_sign_in(client_id, caller.terms(), context, decide).await? {
                return self.shown_after(caller, next, &committed, context).await;
            }
        }
        Err(EngineError::Busy { retry_after: RETRY_AFTER })
    }

    /// [`SignIns::show`](crate::engine::SignIns::show).
    pub(crate) async fn sign_in(
        &self,
        caller: &Caller,
        id: SignInId,
        context: &RequestContext,
    ) -> Result<(SignInView, ClientView), EngineError> {
        self.admitted(async {
            let seen = self.visible(caller).await?.ok_or(EngineError::NotFound)?;
            match self.in_progress(Some(seen.client()), id).cloned() {
                Ok(value) => self.shown(value, seen, context).await,
                Err(refused) => {
                    let finished = seen.client().finished(id, self.now()).cloned();
                    let finished = finished.ok_or(refused)?;
                    self.shown_finished(finished, seen, context).await?.ok_or(EngineError::NotFound)
                }
            }
        })
        .await
    }

    /// [`SignIns::prepare`](crate::engine::SignIns::prepare).
    pub(crate) async fn prepare_first_factor(
        &self,
        caller: &Caller,
        id: SignInId,
        input: &Prepare,
        context: &RequestContext,
    ) -> Result<(SignInView, ClientView), EngineError> {
        self.prepare_asked_factor(caller, id, Ok(input.clone()), context).await
    }

    /// [`SignIns::prepare`](crate::engine::SignIns::prepare) by a request.
    pub(crate) async fn prepare_asked_factor(
        &self,
        caller: &Caller,
        id: SignInId,
        asked: Asked<Prepare>,
        context: &RequestContext,
    ) -> Result<(SignInView, ClientView), EngineError> {
        let asked = Arc::new(asked);
        let work = self.owned(caller, context, &asked, move |engine, caller, context, asked| async move {
            engine.prepare_sign_in(&caller, id, &asked, &context).await
        });
        self.once(caller, &Call::PrepareFirstFactor(id, &asked), context, work).await
    }

    async fn prepare_sign_in(
        &self,
        caller: &Caller,
        id: SignInId,
        asked: &Asked<Prepare>,
        context: &RequestContext,
    ) -> Written<SignInView> {
        if caller.was_replaced() {
            return Err(EngineError::TokenReplaced);
        }
        self.inner.admission.spend(LimitedAction::Write, context, self.now())?;
        let client = caller.client().ok_or(EngineError::NotFound)?;
        let user = self.user_of(self.in_progress(Some(client), id)?).await?;
        let prepare = asked.as_ref().map_err(Clone::clone)?;
        if prepare.challenge.is_some() {
            self.only_listed(prepare.redirect_url.as_ref())?;
        }
        let prepare = &Prepare { in_cookie: context.in_cookie(), ..prepare.clone() };
        // Where passkeys do not sign in, the strategy is refused as any that the user does not have.
        let challenge = match prepare.strategy {
            Strategy::Passkey if self.settings().signs_in_with_passkeys() => {
                Some(self.sign_in_challenge(id, user.as_deref())?)
            }
            _ => None,
        };
        let decide = |client: Option<&Client>, cx: &mut Context<'_>| {
            let value = self.in_progress(client, id)?;
            Ok(match challenge.clone() {
                Some(challenge) => value.begin_passkey(challenge, user.as_deref(), cx)?,
                None => value.prepare(prepare, user.as_deref(), cx)?,
            })
        };
        let changed = self.change_sign_in(client.id, caller.terms(), context, decide).await?;
        let (next, committed) = changed.ok_or(EngineError::Busy { retry_after: RETRY_AFTER })?;
        self.shown_after(caller, next, &committed, context).await
    }

    /// [`SignIns::attempt`](crate::engine::SignIns::attempt).
    pub(crate) async fn attempt_first_factor(
        &self,
        caller: &Caller,
        id: SignInId,
        input: &AttemptFirstFactor,
        context: &RequestContext,
    ) -> Result<(SignInView, ClientView), EngineError> {
        self.attempt_asked_factor(caller, id, Ok(input.clone()), context).await
    }

    /// [`SignIns::attempt`](crate::engine::SignIns::attempt) by a request.
    pub(crate) async fn attempt_asked_factor(
        &self,
        caller: &Caller,
        id: SignInId,
        asked: Asked<AttemptFirstFactor>,
        context: &RequestContext,
    ) -> Result<(SignInView, ClientView), EngineError> {
        let asked = Arc::new(asked);
        let work = self.owned(caller, context, &asked, move |engine, caller, context, asked| async move {
            engine.attempt_sign_in(&caller, id, &asked, &context).await
        });
        self.once(caller, &Call::AttemptFirstFactor(id, &asked), context, work).await
    }

    async fn attempt_sign_in(
        &self,
        caller: &Caller,
        id: SignInId,
        asked: &Asked<AttemptFirstFactor>,
        context: &RequestContext,
    ) -> Written<SignInView> {
        let now = self.now();
        self.inner.admission.spend(LimitedAction::Attempt, context, now)?;
        self.inner.admission.spend(LimitedAction::Write, context, now)?;
        match self.attempt_in_progress(caller, id, asked, context).await {
            Ok(shown) => self.with_new_password(caller, shown, asked, context).await,
            Err(refused @ (EngineError::NotFound | EngineError::TokenReplaced)) => {
                self.replayed_attempt(caller, id, asked, (refused, context)).await
            }
            outcome => outcome,
        }
    }

    async fn attempt_in_progress(
        &self,
        caller: &Caller,
        id: SignInId,
        asked: &Asked<AttemptFirstFactor>,
        context: &RequestContext,
    ) -> Result<(SignInView, ClientView), EngineError> {
        let nobody = if caller.was_replaced() { EngineError::TokenReplaced } else { EngineError::NotFound };
        let client = caller.client().ok_or(nobody)?;
        let single = self.single_session();
        for _ in 0..TRIES_MAX {
            let value = self.in_progress(Some(client), id)?;
            let user = self.attempting_user(value, asked).await?;
            let user = user.as_deref();
            let attempt = self.proof(value, asked, user, client.id, context).await?;
            let decide = |client: Option<&Client>, cx: &mut Context<'_>| {
                let value = self.in_progress(client, id)?;
                client.map_or(Ok(()), |client| client.admits(user, single, cx.now))?;
                Ok(value.attempt(&attempt, user, cx)?)
            };
            if let Some((next, committed)) = self.change_sign_in(client.id, caller.terms(), context, decide).await? {
                let factor = next.first_factor.as_ref();
                if let Some(factor) = factor.filter(|factor| factor.address.kind == IdentifierKind::PhoneNumber) {
                    self.inner.admission.note_proof(&PhoneNumber::restore(factor.address.value.clone()));
                }
                return self.shown_after(caller, next, &committed, context).await;
            }
        }
        Err(EngineError::Busy { retry_after: RETRY_AFTER })
    }
}
