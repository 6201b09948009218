//! The calls about sessions and their tokens.

use std::sync::Arc;

use crate::domain::client::ClientChange;
use crate::domain::client::session::{Session, SessionStatus};
use crate::domain::id::SessionId;
use crate::domain::secret::Secret;
use crate::domain::text::hex;
use crate::domain::time::Span;
use crate::domain::user::User;
use crate::limiter::LimitedAction;
use crate::token::SessionClaims;

use crate::engine::{Caller, ClientView, Engine, EngineError, RequestContext, SessionView};

impl Engine {
    /// [`Sessions::touch`](crate::engine::Sessions::touch).
    pub(crate) async fn touch_session(
        &self,
        caller: &Caller,
        id: SessionId,
        context: &RequestContext,
    ) -> Result<(SessionView, ClientView), EngineError> {
        self.admitted(async {
            let client = caller.client().ok_or(EngineError::SignedOut)?;
            let now = self.now();
            let session = client.live_session(id, now).ok_or(EngineError::NotFound)?;
            let is_news =
                now.since(session.last_active_at) >= TOUCH_INTERVAL || client.last_active_session_id != Some(id);
            let seen = match is_news {
                true => {
                    self.inner.admission.spend(LimitedAction::Write, context, now)?;
                    self.change_client(caller, ClientChange::Touch(id), context).await?
                }
                false => self.visible(caller).await?.ok_or(EngineError::NoClient)?,
            };
            let client = self.view_client(seen, context).await?;
            let session = client.sessions.iter().find(|s| s.session.id == id).cloned().ok_or(EngineError::NotFound)?;
            Ok((session, client))
        })
        .await
    }

    /// [`Sessions::token`](crate::engine::Sessions::token).
    pub(crate) async fn session_token(
        &self,
        caller: &Caller,
        id: SessionId,
        context: &RequestContext,
    ) -> Result<Secret<String>, EngineError> {
        self.admitted(async {
            let now = self.now();
            let session = caller.client().and_then(|c| c.live_session(id, now)).ok_or(EngineError::SignedOut)?;
            self.inner.admission.spend(LimitedAction::Token, context, now)?;
            self.mint(session, context).await
        })
        .await
    }

    /// [`Sessions::end`](crate::engine::Sessions::end).
    pub(crate) async fn end_session(
        &self,
        caller: &Caller,
        id: SessionId,
        removed: bool,
        context: &RequestContext,
    ) -> Result<(SessionView, ClientView), EngineError> {
        self.admitted(async {
            let client = caller.client().ok_or(EngineError::SignedOut)?;
            let now = self.now();
            self.inner.admission.spend(LimitedAction::Write, context, now)?;
            let mut session = client.live_session(id, now).cloned().ok_or(EngineError::NotFound)?;
            let user = self.inner.store().user(session.user_id).await?.ok_or(EngineError::NotFound)?;
            session.status = if removed { SessionStatus::Removed } else { SessionStatus::Ended };
            let seen = self.change_client(caller, ClientChange::EndSession(id, session.status), context).await?;
            session.updated_at = now;
            let client = self.view_client(seen, context).await?;
            Ok((SessionView { session, user, token: None, now }, client))
        })
        .await
    }

    /// [`Users::current`](crate::engine::Users::current).
    pub(crate) async fn me(&self, caller: &Caller, session: Option<SessionId>) -> Result<Arc<User>, EngineError> {
        self.admitted(async {
            let client = caller.client().ok_or(EngineError::SignedOut)?;
            let id = session.or(client.last_active_session_id).ok_or(EngineError::SignedOut)?;
            let session = client.live_session(id, self.now()).ok_or(EngineError::SignedOut)?;
            self.inner.store().user(session.user_id).await?.ok_or(EngineError::NotFound)
        })
        .await
    }

    /// Signs a session token of the usual lifetime.
    pub(in crate::engine) async fn mint(
        &self,
        session: &Session,
        context: &RequestContext,
    ) -> Result<Secret<String>, EngineError> {
        self.mint_for(session, context, self.inner.token_ttl).await
    }

    /// Signs a session token on a blocking thread: an RSA signature would block the async workers.
    pub(in crate::engine) async fn mint_for(
        &self,
        session: &Session,
        context: &RequestContext,
        ttl: Span,
    ) -> Result<Secret<String>, EngineError> {
        let now = self.now().as_secs();
        let mut id = [0; 16];
        self.inner.actor_context.decide(|cx| cx.entropy.fill(&mut id));
        let claims = SessionClaims {
            azp: context.origin.clone().or_else(|| session.origin.clone()),
            exp: now + ttl.as_secs_ceil(),
            fva: session.factor_ages(self.now()),
            iat: now,
            iss: self.inner.issuer.clone(),
            jti: hex(&id),
            nbf: now.saturating_sub(NOT_BEFORE_S),
            sid: session.id.to_string(),
            sts: session.status_at(self.now()).into(),
            sub: session.user_id.to_string(),
            v: 2,
        };
        let keyring = self.inner.keyring.clone();
        let minted = tokio::task::spawn_blocking(move || keyring.mint(&claims)).await;
        minted.map_err(|_| EngineError::Internal)?.map_err(|error| {
            tracing::error!(%error, "a session token could not be signed");
            EngineError::Internal
        })
    }
}

/// At most once in this time a session in use is recorded; touches in between write nothing.
const TOUCH_INTERVAL: Span = Span::from_secs(60);
/// How many seconds before `iat` a token is already valid, for clocks that are behind
/// ([guide: Session tokens](crate::guide::contract_sign_ins#session-tokens)).
const NOT_BEFORE_S: u64 = 10;
