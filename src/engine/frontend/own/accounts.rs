//! Connecting and disconnecting accounts at providers. The person leaves for the provider and comes back to
//! `/v1/oauth_callback`, as in a sign-up; the session that left must still live then.

use std::sync::Arc;

use crate::domain::id::{ExternalAccountId, IdentificationId, SessionId};
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::user::{ChangedBy, Connected, Connection, OwnChange, User};
use crate::domain::verification::{AuthorizeParams, ExternalAccount, Strategy, check_enabled};
use crate::limiter::LimitedAction;
use crate::store::{ClientWrite, Commit, CommitError, Decision, UserWrite};
use crate::token::{FlowId, OAuthState, TokenCarrier};

use super::{Needs, Own, TRIES_MAX};
use crate::engine::frontend::oauth::{CallbackRedirect, ProviderCallback};
use crate::engine::{Caller, ClientView, Engine, EngineError, RequestContext};

impl Engine {
    /// [`OwnUser::connect_account`](crate::engine::OwnUser::connect_account).
    pub(crate) async fn connect_own_account(
        &self,
        caller: &Caller,
        session: Option<SessionId>,
        (strategy, authorize): (&Strategy, &AuthorizeParams),
        context: &RequestContext,
    ) -> Result<(ExternalAccountId, Arc<User>, ClientView), EngineError> {
        self.admitted(async {
            let own = Own::of(caller, session, context);
            let (user, session) = self.own(own).await?;
            self.check_fresh(&session, &user, Needs::FreshProof)?;
            check_enabled(strategy, &self.settings())?;
            if !matches!(strategy, Strategy::OAuth(_)) {
                return Err(ErrorCode::FormParamValueInvalid.on("strategy").into());
            }
            let provider = strategy.provider();
            if user.external_accounts.iter().any(|account| Some(&account.provider) == provider.as_ref()) {
                return Err(ErrorCode::FormIdentifierExists.on("strategy").into());
            }
            let environment = &self.inner.actor_context;
            let (id, identification) = environment.decide(|cx| {
                (ExternalAccountId::generate(cx.now, cx.entropy), IdentificationId::generate(cx.now, cx.entropy))
            });
            let (user, client) = self.leave_own(own, (id, identification), strategy, authorize).await?;
            Ok((id, user, client))
        })
        .await
    }

    /// [`OwnUser::reauthorize_account`](crate::engine::OwnUser::reauthorize_account).
    pub(crate) async fn reauthorize_own_account(
        &self,
        caller: &Caller,
        session: Option<SessionId>,
        (id, authorize): (ExternalAccountId, &AuthorizeParams),
        context: &RequestContext,
    ) -> Result<(Arc<User>, ClientView), EngineError> {
        self.admitted(async {
            let own = Own::of(caller, session, context);
            let (user, session) = self.own(own).await?;
            self.check_fresh(&session, &user, Needs::FreshProof)?;
            let known = user.external_accounts.iter().find(|account| account.id == id);
            let known = known.map(|account| (account.identification_id, account.provider.parse().ok()));
            let failed = || {
                let attempt = user.connections.iter().find(|connection| connection.id == id)?;
                Some((attempt.identification_id, Some(attempt.account.strategy.clone())))
            };
            let (identification, strategy) = known.or_else(failed).ok_or(EngineError::NotFound)?;
            let strategy: Strategy = strategy.ok_or(EngineError::NotFound)?;
            check_enabled(&strategy, &self.settings())?;
            self.leave_own(own, (id, identification), &strategy, authorize).await
        })
        .await
    }

    async fn leave_own(
        &self,
        own: Own<'_>,
        (id, identification_id): (ExternalAccountId, IdentificationId),
        strategy: &Strategy,
        authorize: &AuthorizeParams,
    ) -> Result<(Arc<User>, ClientView), EngineError> {
        let client = own.caller.client_id().ok_or(EngineError::SignedOut)?;
        let trip = self.leave(strategy, (FlowId::Account(id), client), authorize, own.context).await?;
        let account = ExternalAccount::pending(&trip, self.now());
        let connection = Connection { id, identification_id, account, created_at: self.now() };
        let change = OwnChange::Connect(Box::new(connection));
        self.change_own(own, Needs::FreshProof, |user, _, cx| user.apply_own(&change, cx)).await
    }

    /// [`OwnUser::claim_account`](crate::engine::OwnUser::claim_account).
    pub(crate) async fn claim_own_account(
        &self,
        caller: &Caller,
        session: Option<SessionId>,
        native_handoff: &str,
        context: &RequestContext,
    ) -> Result<(Arc<User>, ClientView), EngineError> {
        self.admitted(async {
            self.inner.admission.spend(LimitedAction::Write, context, self.now())?;
            let own = Own::of(caller, session, context);
            let (user, _) = self.own(own).await?;
            let client = caller.client_id().ok_or(EngineError::SignedOut)?;
            let brought = user.connections.iter().find_map(|connection| {
                let (of, nonce) = (FlowId::Account(connection.id), connection.account.nonce);
                let trip = OAuthState { of, client, carrier: TokenCarrier::Header, nonce };
                self.answer_handed_over(&trip, native_handoff).map(|callback| (connection.id, trip, callback))
            });
            let invalid = || EngineError::Rejected(ErrorCode::OAuthCallbackInvalid.into());
            let (id, trip, callback) = brought.ok_or_else(invalid)?;
            self.arrive_with_account(id, caller, &trip, &callback, context).await?;
            let (user, _) = self.own(own).await?;
            let client = self.show_client(caller, context).await?.ok_or(EngineError::SignedOut)?;
            Ok((user, client))
        })
        .await
    }

    /// [`OwnUser::remove_account`](crate::engine::OwnUser::remove_account).
    pub(crate) async fn remove_own_account(
        &self,
        caller: &Caller,
        session: Option<SessionId>,
        id: ExternalAccountId,
        context: &RequestContext,
    ) -> Result<(Arc<User>, ClientView), EngineError> {
        self.admitted(async {
            let (own, change) = (Own::of(caller, session, context), OwnChange::RemoveAccount(id));
            self.change_own(own, Needs::FreshProof, |user, _, cx| user.apply_own(&change, cx)).await
        })
        .await
    }

    /// Commits what a provider answered; `false` where something has changed since it was read.
    async fn commit_return(
        &self,
        caller: &Caller,
        decision: Decision,
        context: &RequestContext,
    ) -> Result<bool, EngineError> {
        let client = caller.client_id().map(|id| ClientWrite { id, changes: caller.terms() });
        let decision = Decision { client, ..decision };
        let commit = Commit { end_user: context.end_user(), ..Commit::of_decision(self.now(), decision) };
        match self.inner.system.persister().commit(commit).await {
            Ok(_) => Ok(true),
            Err(CommitError::Stale) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The pending account of a user who is signed in on the client that left, if it waits for this authorization request.
    pub(in crate::engine::frontend) async fn awaited_account(
        &self,
        id: ExternalAccountId,
        trip: &OAuthState,
    ) -> Result<Option<(Arc<User>, ExternalAccount)>, EngineError> {
        let Some(client) = self.inner.store().client(trip.client).await? else { return Ok(None) };
        let now = self.now();
        for session in client.live_sessions(now) {
            let Some(user) = self.inner.store().user(session.user_id).await? else { continue };
            let pending = user.connections.iter().find(|connection| connection.id == id);
            let pending = pending.map(|connection| &connection.account);
            if let Some(account) = pending.filter(|account| account.awaits_callback(&trip.nonce, now)) {
                return Ok(Some((user.clone(), account.clone())));
            }
        }
        Ok(None)
    }

    /// Handles the return of a browser that left to connect an account.
    pub(in crate::engine::frontend) async fn arrive_with_account(
        &self,
        id: ExternalAccountId,
        caller: &Caller,
        trip: &OAuthState,
        callback: &ProviderCallback,
        context: &RequestContext,
    ) -> Result<CallbackRedirect, EngineError> {
        let invalid = || EngineError::Rejected(ErrorCode::OAuthCallbackInvalid.into());
        let (_, account) = self.awaited_account(id, trip).await?.ok_or_else(invalid)?;
        let provider = account.strategy.provider().unwrap_or_default();
        let outcome = self.exchange(&account.strategy, trip, callback).await;
        let by_owner = caller.client_id() == Some(trip.client);
        for _ in 0..TRIES_MAX {
            let (user, account) = self.awaited_account(id, trip).await?.ok_or_else(invalid)?;
            let (mut owner, mut holder) = (None, None);
            if let Ok(profile) = &outcome {
                owner = self.inner.store().owner(&profile.identifier(&provider)).await?;
                if let Some(email) = profile.email() {
                    holder = self.owner_of(&email.identifier()).await?;
                }
            }
            let answer = Connected { nonce: trip.nonce, outcome: outcome.clone(), owner, holder };
            let next = self.inner.actor_context.decide(|cx| user.connected(id, &answer, cx))?;
            let told = self.tell(&user, &next, ChangedBy::Session);
            let outbox = self.inner.actor_context.outbox(told.effects());
            let write = UserWrite::Change { next: Box::new(next), expected_version: user.version };
            let ignores_dots = self.settings().ignores_dots();
            let decision = Decision { users: vec![write], outbox, ignores_dots, ..Decision::default() };
            let terms = if by_owner { caller.clone() } else { Caller::anonymous() };
            match self.commit_return(&terms, decision, context).await {
                Ok(true) => {
                    told.committed();
                    let url = account.destination(true).cloned().and_then(|url| self.still_allowed(url));
                    return Ok(CallbackRedirect { url, native_handoff: None, client: None, is_late: false, by_owner });
                }
                // Something has changed meanwhile, or the account or its address got an owner: decide again.
                Ok(false) => {}
                Err(EngineError::Rejected(refused)) if refused.is(ErrorCode::FormIdentifierExists) => {}
                Err(EngineError::Rejected(refused)) if refused.is(ErrorCode::ExternalAccountExists) => {}
                Err(error) => return Err(error),
            }
        }
        Err(EngineError::Rejected(Rejection::from(ErrorCode::ResourceConflict)))
    }
}
