//! The calls about sign-ins. A sign-in has no actor: each call decides on a snapshot of the client, and the commit is
//! refused if the client has changed meanwhile; then the call reads and decides again.

use std::sync::Arc;

use crate::domain::client::{Client, ClientChange, ClientConflict};
use crate::domain::context::Context;
use crate::domain::id::{ClientId, SignInId, UserId};
use crate::domain::identifier::Identifier;
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::sign_in::{self, Attempt, Create, Prepare, Proof, SignIn, Start, Status, Transition, Try};
use crate::domain::user::User;
use crate::domain::verification::{self, AuthorizationResponse, Strategy};
use crate::limiter::LimitedAction;
use crate::store::{ClientWrite, Commit, CommitError, Committed};
use crate::token::FlowId;

use super::equal_calls::Call;
use super::single_flight::Written;
use super::visible::Visible;
use crate::engine::admission::RETRY_AFTER;
use crate::engine::input::{Asked, AttemptFirstFactor, Given, NewSignIn};
use crate::engine::{Caller, ClientView, Engine, EngineError, RequestContext, SignInView};

impl Engine {
    /// Begins a sign-in and replaces the client's earlier one. With a password it is complete at once; with the
    /// strategy of a code, the code is sent. A caller without a client gets a new one, whose token is in the view.
    ///
    /// # Errors
    /// [`EngineError::Rejected`], such as `form_identifier_not_found`; a wrong password is counted before it is
    /// refused. If the requested message or authorization request is impossible, no sign-in begins: there is nothing
    /// yet worth keeping. The same call with the same password, repeated within a minute, shows what the first one
    /// completed.
    pub async fn create_sign_in(
        &self,
        caller: &Caller,
        input: &NewSignIn,
        context: &RequestContext,
    ) -> Result<(SignInView, ClientView), EngineError> {
        self.create_given_sign_in(caller, input.clone().into(), context).await
    }

    /// [`Engine::create_sign_in`] by a request.
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
        if identifier.is_some() {
            spend(LimitedAction::LookUp)?;
        }
        let caller = &self.or_newcomer(caller)?;
        if !caller.is_stored() {
            spend(LimitedAction::Client)?;
        }
        let client_id = caller.client_id().ok_or(EngineError::Internal)?;
        let id = self.inner.actor_context.decide(|cx| SignInId::generate(cx.now, cx.entropy));
        for _ in 0..TRIES_MAX {
            let user = self.owner(identifier.as_ref()).await?;
            let user = user.as_deref();
            admitted(known, user)?;
            let start = match input.transfer {
                true => self.take_over(caller).await?,
                false => self.start(input, identifier.is_some(), (id, client_id), user, context).await?,
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

    /// Shows the sign-in in progress of the caller's client, or the one that it finished a moment ago.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] for every other id, whether or not it exists.
    pub async fn sign_in(
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

    /// Begins to verify a first factor: a code is made and sent.
    ///
    /// # Errors
    /// [`EngineError::Rejected`], such as `strategy_for_user_invalid`.
    pub async fn prepare_first_factor(
        &self,
        caller: &Caller,
        id: SignInId,
        input: &Prepare,
        context: &RequestContext,
    ) -> Result<(SignInView, ClientView), EngineError> {
        self.prepare_asked_factor(caller, id, Ok(input.clone()), context).await
    }

    /// [`Engine::prepare_first_factor`] by a request.
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
        self.inner.admission.spend(LimitedAction::Write, context, self.now())?;
        let client = caller.client().ok_or(EngineError::NotFound)?;
        let user = self.user_of(self.in_progress(Some(client), id)?).await?;
        let prepare = asked.as_ref().map_err(Clone::clone)?;
        let decide = |client: Option<&Client>, cx: &mut Context<'_>| {
            Ok(self.in_progress(client, id)?.prepare(prepare, user.as_deref(), cx)?)
        };
        let changed = self.change_sign_in(client.id, caller.terms(), context, decide).await?;
        let (next, committed) = changed.ok_or(EngineError::Busy { retry_after: RETRY_AFTER })?;
        self.shown_after(caller, next, &committed, context).await
    }

    /// Proves a first factor, which completes the sign-in. Repeating the same proof shows the result again.
    ///
    /// # Errors
    /// [`EngineError::Rejected`]; a wrong code or password is counted before it is refused.
    pub async fn attempt_first_factor(
        &self,
        caller: &Caller,
        id: SignInId,
        input: &AttemptFirstFactor,
        context: &RequestContext,
    ) -> Result<(SignInView, ClientView), EngineError> {
        self.attempt_asked_factor(caller, id, Ok(input.clone()), context).await
    }

    /// [`Engine::attempt_first_factor`] by a request.
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
            let user = self.user_of(self.in_progress(Some(client), id)?).await?;
            let user = user.as_deref();
            let attempt = self.proof(asked, user, client.id, context).await?;
            let decide = |client: Option<&Client>, cx: &mut Context<'_>| {
                let value = self.in_progress(client, id)?;
                client.map_or(Ok(()), |client| client.admits(user, single, cx.now))?;
                Ok(value.attempt(&attempt, user, cx)?)
            };
            if let Some((next, committed)) = self.change_sign_in(client.id, caller.terms(), context, decide).await? {
                return self.shown_after(caller, next, &committed, context).await;
            }
        }
        Err(EngineError::Busy { retry_after: RETRY_AFTER })
    }

    /// Decides, commits, and only then reveals the result; retries while other calls change the client in between.
    /// `terms` are the conditions of the caller's token. `None` where the user has changed since `decide` read it, so
    /// that the proof may be out of date.
    async fn change_sign_in(
        &self,
        id: ClientId,
        terms: Vec<ClientChange>,
        context: &RequestContext,
        decide: impl Fn(Option<&Client>, &mut Context<'_>) -> Result<Transition, EngineError>,
    ) -> Result<Option<(SignIn, Committed)>, EngineError> {
        let environment = &self.inner.actor_context;
        for _ in 0..TRIES_MAX {
            let client = self.inner.store().client(id).await?;
            if client.as_deref().is_some_and(|client| !client.meets(&terms)) {
                // A commit that only counts an attempt does not write the client, so an old token must be refused here.
                return Err(EngineError::TokenReplaced);
            }
            let transition = self.restricted(environment.decide(|cx| decide(client.as_deref(), cx))?).await?;
            let Transition { next, verdict, effects, quota_uses, client_changes, outcome, .. } = transition;
            let sign_in::Outcome { tried, entry } = outcome;
            let at = environment.now();
            let sent = self.spend_messages(&effects, context)?;
            // A commit that only counts an attempt does not store a new client either.
            let changes: Vec<_> = match client_changes.is_empty() {
                true => Vec::new(),
                false => [terms.clone(), client_changes].concat(),
            };
            let commit = Commit {
                at,
                client: (!changes.is_empty()).then_some(ClientWrite { id, changes }),
                relaxed: entry.is_none(),
                tried: tried.map(|tried| Try { source: self.mark(context), ..tried }),
                entry,
                outbox: environment.outbox(effects),
                quota_uses,
                limits: environment.policy.address_limits,
                ..Commit::default()
            };
            let outcome = self.inner.system.persister().commit(commit).await;
            if !matches!(outcome, Ok(_) | Err(CommitError::Unknown)) {
                sent.iter().for_each(|to| self.inner.admission.take_back_message(to, context));
            }
            match outcome {
                Err(CommitError::Client(ClientConflict::SignInChanged)) => {}
                Err(CommitError::Stale) => return Ok(None),
                Err(error) => return Err(error.into()),
                Ok(committed) => {
                    verdict?;
                    return Ok(Some((next, committed)));
                }
            }
        }
        Err(EngineError::Busy { retry_after: RETRY_AFTER })
    }

    /// Applies the restrictions for sign-ins to a transition: a blocked user gets no session and no message, by any
    /// strategy.
    async fn restricted(&self, transition: Transition) -> Result<Transition, EngineError> {
        let settings = self.settings();
        for message in transition.messages() {
            settings.restrictions.admit_at_sign_in(&message.to)?;
        }
        let is_sent = !transition.effects.is_empty();
        let entered = transition.outcome.entry.as_ref().map(|entry| entry.user_id);
        let concerns = entered.or(transition.next.user_id.filter(|_| is_sent));
        let admitted = match concerns {
            Some(user) => self.admit_user(user).await?,
            None if is_sent && settings.restrictions.count_at_sign_in() => {
                // An unknown user costs the same look-up.
                self.user_behind(None).await?;
                Ok(())
            }
            None => Ok(()),
        };
        match admitted {
            Ok(()) => Ok(transition),
            Err(refused) if entered.is_some() => Ok(transition.kept_out(refused)),
            // A caller who asks for a code has proved nothing yet, so it may learn about users only what the instance
            // reveals.
            Err(_) if settings.hides_users() => Ok(transition.unsent()),
            Err(refused) => Err(refused.into()),
        }
    }

    /// Applies a provider's answer to a sign-in.
    pub(in crate::engine) async fn settle_sign_in(
        &self,
        id: SignInId,
        client: ClientId,
        terms: Vec<ClientChange>,
        back: &AuthorizationResponse,
        context: &RequestContext,
    ) -> Result<(SignIn, Committed), EngineError> {
        let decide = |client: Option<&Client>, cx: &mut Context<'_>| {
            Ok(self.in_progress(client, id)?.return_from_provider(back, cx)?)
        };
        let settled = self.change_sign_in(client, terms, context, decide).await?;
        // The account's owner has lost it a moment ago.
        settled.ok_or_else(|| Rejection::from(ErrorCode::OAuthCallbackInvalid).into())
    }

    /// What a sign-in starts with that takes over, from the client's sign-up, an account that belongs to a user.
    async fn take_over(&self, caller: &Caller) -> Result<Start, EngineError> {
        let nothing = || Rejection::from(ErrorCode::AccountTransferInvalid);
        let client = caller.client().ok_or_else(nothing)?;
        let answer = self.inner.system.read(client.sign_up.ok_or_else(nothing)?, client.id).await?;
        let account = answer.sign_up.external_account.as_deref().ok_or_else(nothing)?;
        let (_, answer) = self.transferable(account, ErrorCode::ExternalAccountExists, Some(client)).await?;
        Ok(Start::TakeOver(Box::new((account.clone(), answer))))
    }

    /// The sign-in with this id, if it is the one in progress on `client`.
    pub(in crate::engine) fn in_progress<'a>(
        &self,
        client: Option<&'a Client>,
        id: SignInId,
    ) -> Result<&'a SignIn, EngineError> {
        let open = client.and_then(|client| client.open_sign_in(self.now(), &self.inner.actor_context.policy));
        open.filter(|sign_in| sign_in.id == id).ok_or(EngineError::NotFound)
    }

    async fn owner(&self, identifier: Option<&Identifier>) -> Result<Option<Arc<User>>, EngineError> {
        let Some(identifier) = identifier else { return Ok(None) };
        self.user_behind(self.inner.store().owner(identifier).await?).await
    }

    /// The user with this id. Under enumeration protection an unknown id costs the same look-up (constant time).
    pub(in crate::engine) async fn user_behind(&self, id: Option<UserId>) -> Result<Option<Arc<User>>, EngineError> {
        let is_protected = self.settings().hides_users();
        match id {
            Some(id) => return Ok(self.inner.store().user(id).await?),
            None if is_protected => self.dummy_lookup().await?,
            None => {}
        }
        Ok(None)
    }

    /// The rest of the step that creates a sign-in.
    async fn start(
        &self,
        input: &NewSignIn,
        is_identified: bool,
        (id, client): (SignInId, ClientId),
        user: Option<&User>,
        context: &RequestContext,
    ) -> Result<Start, EngineError> {
        let (strategy, password) = (input.strategy.as_ref(), input.given_password());
        if let Some(strategy @ Strategy::OAuth(_)) = strategy {
            verification::check_enabled(strategy, &self.settings())?;
            let trip = self.leave(strategy, (FlowId::SignIn(id), client), &input.authorize, context).await?;
            return Ok(Start::Leave(Box::new(trip)));
        }
        if !is_identified && (strategy.is_some() || password.is_some()) {
            strategy.map_or(Ok(()), sign_in::check_begins_alone)?;
            return Err(ErrorCode::FormParamMissing.on("identifier").into());
        }
        match (strategy, password) {
            (None, None) => Ok(Start::Identify),
            (None | Some(Strategy::Password), Some(password)) => {
                Ok(Start::Password { fits: self.compare(password, user, client, context).await? })
            }
            (Some(Strategy::Password), None) => Err(ErrorCode::FormParamMissing.on("password").into()),
            (Some(strategy), _) => {
                Ok(Start::Prepare(Prepare { channel: input.channel, ..Prepare::new(strategy.clone()) }))
            }
        }
    }

    async fn proof(
        &self,
        asked: &Asked<AttemptFirstFactor>,
        user: Option<&User>,
        client: ClientId,
        context: &RequestContext,
    ) -> Result<Attempt, EngineError> {
        let missing = |param| EngineError::from(ErrorCode::FormParamMissing.on(param));
        let AttemptFirstFactor { strategy, code, password } = asked.as_ref().map_err(Clone::clone)?;
        let proof = match strategy {
            Strategy::Password => {
                let password = password.as_ref().filter(|password| !password.expose().is_empty());
                let password = password.ok_or_else(|| missing("password"))?;
                Proof::Password { fits: self.compare(password, user, client, context).await? }
            }
            Strategy::EmailCode | Strategy::PhoneCode => {
                let code = code.as_deref().filter(|code| !code.is_empty()).ok_or_else(|| missing("code"))?;
                Proof::Code(verification::OneTimeCode::parse(code))
            }
            // This strategy accepts no proof, whatever the parameters are.
            _ => Proof::Code(None),
        };
        Ok(Attempt { strategy: strategy.clone(), proof })
    }

    /// A sign-in as the caller's own commit left it, and the client.
    pub(in crate::engine) async fn shown_after(
        &self,
        caller: &Caller,
        value: SignIn,
        committed: &Committed,
        context: &RequestContext,
    ) -> Result<(SignInView, ClientView), EngineError> {
        let seen = self.visible_after(caller, committed)?;
        self.shown(value, seen, context).await
    }

    pub(in crate::engine) async fn shown(
        &self,
        value: SignIn,
        seen: Visible,
        context: &RequestContext,
    ) -> Result<(SignInView, ClientView), EngineError> {
        let view = self.view_sign_in(value).await?;
        Ok((view, self.view_client(seen, context).await?))
    }

    /// A sign-in as it is shown now. The user is shown once they are proved, or where the instance reveals users
    /// anyway.
    pub(in crate::engine) async fn view_sign_in(&self, value: SignIn) -> Result<SignInView, EngineError> {
        let user = self.user_of(&value).await?;
        let policy = &self.inner.actor_context.policy;
        Ok(self.inner.actor_context.decide(|cx| SignInView {
            status: value.status(),
            supported_identifiers: sign_in::supported_identifiers(cx.settings),
            first_factors: value.first_factors(user.as_deref(), cx),
            abandon_at: value.abandon_at(policy),
            attempts_max: policy.attempts_max,
            now: cx.now,
            user: user.filter(|_| value.status() == Status::Complete || !cx.settings.hides_users()),
            value,
        }))
    }
}

/// How often a call decides again before it gives up.
const TRIES_MAX: usize = 8;
