//! The calls about sign-ins. A sign-in has no actor: each call decides on a snapshot of the client, and the commit is
//! refused if the client has changed meanwhile; then the call reads and decides again.

use std::sync::Arc;

use crate::domain::client::{Client, ClientChange, ClientConflict};
use crate::domain::context::Context;
use crate::domain::id::{ClientId, SignInId, UserId};
use crate::domain::identifier::Identifier;
use crate::domain::redirect::RedirectUrl;
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::secret::Secret;
use crate::domain::sign_in::{self, Attempt, Create, Prepare, Proof, SignIn, Start, Status, Transition, Try};
use crate::domain::text::is_true;
use crate::domain::user::User;
use crate::domain::verification::{self, AuthorizationResponse, Strategy};
use crate::limiter::LimitedAction;
use crate::store::{ClientWrite, Commit, CommitError, Committed};
use crate::token::FlowId;

use super::equal_calls::Call;
use super::oauth::RedirectParams;
use super::single_flight::Written;
use super::visible::Visible;
use crate::engine::admission::RETRY_AFTER;
use crate::engine::{Caller, ClientView, Engine, EngineError, RequestContext, SignInView};

/// The parameters of a create as text, `None` where absent.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the parameters of Clerk's create")]
pub struct RawSignIn {
    pub identifier: Option<String>,
    pub password: Option<Secret<String>>,
    pub strategy: Option<String>,
    pub channel: Option<String>,
    pub transfer: Option<String>,
    pub redirect_url: Option<RedirectUrl>,
    /// As `redirect_url`, for the end of the flow.
    pub action_complete_redirect_url: Option<RedirectUrl>,
    pub oidc_prompt: Option<String>,
    pub oidc_login_hint: Option<String>,
    pub sign_up_if_missing: Option<String>,
    pub captcha_token: Option<Secret<String>>,
    pub captcha_error: Option<String>,
}

/// The parameters of a prepare as text, `None` where absent.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the parameters of Clerk's prepare_first_factor")]
pub struct RawFirstFactor {
    pub strategy: Option<String>,
    pub email_address_id: Option<String>,
    pub phone_number_id: Option<String>,
    pub channel: Option<String>,
}

/// The parameters of an attempt as text, `None` where absent.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the parameters of Clerk's attempt_first_factor")]
pub struct RawProof {
    pub strategy: Option<String>,
    pub code: Option<String>,
    pub password: Option<Secret<String>>,
}

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
        raw: &RawSignIn,
        context: &RequestContext,
    ) -> Result<(SignInView, ClientView), EngineError> {
        let work = {
            let (engine, caller, raw, context) = (self.clone(), caller.clone(), raw.clone(), context.clone());
            async move { engine.begin_sign_in(&caller, &raw, &context).await }
        };
        self.once(caller, &Call::CreateSignIn(raw), context, work).await
    }

    async fn begin_sign_in(&self, caller: &Caller, raw: &RawSignIn, context: &RequestContext) -> Written<SignInView> {
        if caller.was_replaced() {
            return Err(EngineError::TokenReplaced);
        }
        let admission = &self.inner.admission;
        let spend = |action| admission.spend(action, context, self.now());
        spend(LimitedAction::Create)?;
        spend(LimitedAction::Write)?;
        if raw.password.is_some() {
            spend(LimitedAction::Attempt)?;
        }
        let single = self.single_session();
        let admitted = |client: Option<&Client>, user: Option<&User>| {
            client.map_or(Ok(()), |client| client.admits(user, single, self.now()))
        };
        let known = caller.client().map(|client| &**client);
        admitted(known, None)?;
        let strategy = Strategy::asked_for(raw.strategy.as_deref())?;
        let given = raw.identifier.as_deref().filter(|text| !text.is_empty());
        let identifier = given.map(|text| sign_in::identifier(text, &self.settings())).transpose()?;
        // Before any user is looked up, so that the answer reveals nothing about users.
        identifier.iter().try_for_each(|given| self.settings().restrictions.admit_at_sign_in(given))?;
        let newcomer = self.newcomer_by(raw, identifier.as_ref(), strategy.as_ref(), context).await?;
        if identifier.is_some() {
            spend(LimitedAction::LookUp)?;
        }
        let caller = &self.or_newcomer(caller)?;
        if !caller.is_stored() {
            spend(LimitedAction::Client)?;
        }
        let client_id = caller.client_id().ok_or(EngineError::Internal)?;
        let id = self.inner.actor_context.decide(|cx| SignInId::generate(cx.now, cx.entropy));
        let is_transfer = raw.transfer.as_deref().is_some_and(is_true);
        for _ in 0..TRIES_MAX {
            let user = self.owner(identifier.as_ref()).await?;
            let user = user.as_deref();
            admitted(known, user)?;
            let start = match is_transfer {
                true => self.take_over(caller).await?,
                false => {
                    let names = (strategy.as_ref(), identifier.is_some());
                    self.start(raw, names, (id, client_id), user, context).await?
                }
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
        raw: &RawFirstFactor,
        context: &RequestContext,
    ) -> Result<(SignInView, ClientView), EngineError> {
        let work = {
            let (engine, caller, raw, context) = (self.clone(), caller.clone(), raw.clone(), context.clone());
            async move { engine.prepare_sign_in(&caller, id, &raw, &context).await }
        };
        self.once(caller, &Call::PrepareFirstFactor(id, raw), context, work).await
    }

    async fn prepare_sign_in(
        &self,
        caller: &Caller,
        id: SignInId,
        raw: &RawFirstFactor,
        context: &RequestContext,
    ) -> Written<SignInView> {
        self.inner.admission.spend(LimitedAction::Write, context, self.now())?;
        let client = caller.client().ok_or(EngineError::NotFound)?;
        let user = self.user_of(self.in_progress(Some(client), id)?).await?;
        let address_id = match raw.strategy.as_deref() {
            Some("phone_code") => raw.phone_number_id.as_deref(),
            _ => raw.email_address_id.as_deref(),
        };
        let prepare = Prepare::parse(raw.strategy.as_deref(), address_id, raw.channel.as_deref())?;
        let decide = |client: Option<&Client>, cx: &mut Context<'_>| {
            Ok(self.in_progress(client, id)?.prepare(&prepare, user.as_deref(), cx)?)
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
        raw: &RawProof,
        context: &RequestContext,
    ) -> Result<(SignInView, ClientView), EngineError> {
        let work = {
            let (engine, caller, raw, context) = (self.clone(), caller.clone(), raw.clone(), context.clone());
            async move { engine.attempt_sign_in(&caller, id, &raw, &context).await }
        };
        self.once(caller, &Call::AttemptFirstFactor(id, raw), context, work).await
    }

    async fn attempt_sign_in(
        &self,
        caller: &Caller,
        id: SignInId,
        raw: &RawProof,
        context: &RequestContext,
    ) -> Written<SignInView> {
        let now = self.now();
        self.inner.admission.spend(LimitedAction::Attempt, context, now)?;
        self.inner.admission.spend(LimitedAction::Write, context, now)?;
        match self.attempt_in_progress(caller, id, raw, context).await {
            Err(refused @ (EngineError::NotFound | EngineError::TokenReplaced)) => {
                self.replayed_attempt(caller, id, raw, (refused, context)).await
            }
            outcome => outcome,
        }
    }

    async fn attempt_in_progress(
        &self,
        caller: &Caller,
        id: SignInId,
        raw: &RawProof,
        context: &RequestContext,
    ) -> Result<(SignInView, ClientView), EngineError> {
        let nobody = if caller.was_replaced() { EngineError::TokenReplaced } else { EngineError::NotFound };
        let client = caller.client().ok_or(nobody)?;
        let single = self.single_session();
        for _ in 0..TRIES_MAX {
            let user = self.user_of(self.in_progress(Some(client), id)?).await?;
            let user = user.as_deref();
            let attempt = self.proof(raw, user, client.id, context).await?;
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
            Err(_) if settings.attack_protection.enumeration_protection.enabled => Ok(transition.unsent()),
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
        let is_protected = self.settings().attack_protection.enumeration_protection.enabled;
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
        raw: &RawSignIn,
        (strategy, is_identified): (Option<&Strategy>, bool),
        (id, client): (SignInId, ClientId),
        user: Option<&User>,
        context: &RequestContext,
    ) -> Result<Start, EngineError> {
        let password = raw.password.as_ref().filter(|password| !password.expose().is_empty());
        if let Some(strategy @ Strategy::OAuth(_)) = strategy {
            verification::check_enabled(strategy, &self.settings())?;
            let params = RedirectParams {
                redirect_url: raw.redirect_url.as_ref(),
                action_complete_redirect_url: raw.action_complete_redirect_url.as_ref(),
                prompt: raw.oidc_prompt.as_deref(),
                login_hint: raw.oidc_login_hint.as_deref(),
            };
            let trip = self.leave(strategy, (FlowId::SignIn(id), client), &params, context).await?;
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
            (Some(_), _) => {
                let (strategy, channel) = (raw.strategy.as_deref(), raw.channel.as_deref());
                Ok(Start::Prepare(Prepare::parse(strategy, None, channel)?))
            }
        }
    }

    async fn proof(
        &self,
        raw: &RawProof,
        user: Option<&User>,
        client: ClientId,
        context: &RequestContext,
    ) -> Result<Attempt, EngineError> {
        let missing = |param| EngineError::from(ErrorCode::FormParamMissing.on(param));
        let strategy = verification::parse_strategy(raw.strategy.as_deref())?;
        let proof = match strategy {
            Strategy::Password => {
                let password = raw.password.as_ref().filter(|password| !password.expose().is_empty());
                let password = password.ok_or_else(|| missing("password"))?;
                Proof::Password { fits: self.compare(password, user, client, context).await? }
            }
            Strategy::EmailCode | Strategy::PhoneCode => {
                let code = raw.code.as_deref().filter(|code| !code.is_empty()).ok_or_else(|| missing("code"))?;
                Proof::Code(verification::OneTimeCode::parse(code))
            }
            // This strategy accepts no proof, whatever the parameters are.
            _ => Proof::Code(None),
        };
        Ok(Attempt { strategy, proof })
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
            user: user.filter(|_| {
                value.status() == Status::Complete || !cx.settings.attack_protection.enumeration_protection.enabled
            }),
            value,
        }))
    }
}

/// How often a call decides again before it gives up.
const TRIES_MAX: usize = 8;
