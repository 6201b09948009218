//! The calls about sessions that the application's backend makes
//! ([guide: Backend sessions](crate::guide::contract_backend#backend-sessions)).

use crate::domain::client::ClientChange;
use crate::domain::client::session::{Session, SessionStatus};
use crate::domain::id::{ClientId, SessionId, UserId};
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::secret::Secret;
use crate::domain::sign_in::{Credential, Entry};
use crate::domain::time::Span;
use crate::store::{ClientWrite, Commit, CommitError, Decision};

use super::pagination::{self, Page};
use crate::engine::{Engine, EngineError, RequestContext};

/// The requested part of the sessions of a user or of a client, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionListParams {
    /// Sessions of this user, those that are over among them until they are abandoned.
    pub user_id: Option<UserId>,
    /// Sessions that this client holds.
    pub client_id: Option<ClientId>,
    /// Only sessions with this status.
    pub status: Option<String>,
    /// How many at most: 10 when absent, at most 500.
    pub limit: Option<usize>,
    /// How many to skip.
    pub offset: usize,
}

impl Engine {
    /// [`Sessions::get`](crate::engine::Sessions::get).
    pub(in crate::engine) async fn session(&self, id: SessionId) -> Result<Session, EngineError> {
        self.admitted(self.known_session(id)).await
    }

    /// [`Sessions::list`](crate::engine::Sessions::list).
    pub(in crate::engine) async fn list_sessions(
        &self,
        params: &SessionListParams,
    ) -> Result<Page<Session>, EngineError> {
        self.admitted(async {
            let (now, limit) = (self.now(), pagination::limit(params.limit)?);
            let status = params.status.as_deref().filter(|status| !status.is_empty());
            if status.is_some_and(|status| !STATUSES.contains(&status)) {
                return Err(ErrorCode::FormParamValueInvalid.on("status").into());
            }
            let mut found = match (params.user_id, params.client_id) {
                (Some(user), _) => self.sessions_of_user(user).await?,
                (None, Some(client)) => self.sessions_of_client(client).await?,
                (None, None) => return Err(ErrorCode::FormParamMissing.on("user_id").into()),
            };
            found.retain(|session| {
                params.client_id.is_none_or(|client| client == session.client_id)
                    && status.is_none_or(|status| status == session.status_at(now))
            });
            let total = found.len();
            Ok(Page { items: found.into_iter().skip(params.offset).take(limit).collect(), total })
        })
        .await
    }

    /// [`Sessions::revoke`](crate::engine::Sessions::revoke).
    pub(in crate::engine) async fn revoke_session(&self, id: SessionId) -> Result<Session, EngineError> {
        self.admitted(async {
            let session = self.known_session(id).await?;
            let now = self.now();
            if !session.is_live(now) {
                return Ok(session);
            }
            let changes = vec![ClientChange::EndSession(id, SessionStatus::Revoked)];
            let client = Some(ClientWrite { id: session.client_id, changes });
            let commit = Commit::of_decision(now, Decision { client, ..Decision::default() });
            self.inner.system.persister().commit(commit).await?;
            self.known_session(id).await
        })
        .await
    }

    /// [`Sessions::create_token`](crate::engine::Sessions::create_token).
    pub(in crate::engine) async fn create_session_token(
        &self,
        id: SessionId,
        expires_in: Option<Span>,
    ) -> Result<Secret<String>, EngineError> {
        self.admitted(async {
            let lifetime = expires_in.unwrap_or(Span::from_secs(60));
            if lifetime < LIFETIME_MIN || lifetime > LIFETIME_MAX {
                return Err(ErrorCode::FormParamValueInvalid.on("expires_in_seconds").into());
            }
            let session = self.known_session(id).await?;
            if !session.is_live(self.now()) {
                return Err(EngineError::NotFound);
            }
            self.mint_for(&session, &RequestContext::default(), lifetime).await
        })
        .await
    }

    /// [`Sessions::create`](crate::engine::Sessions::create).
    pub(in crate::engine) async fn create_session(&self, user: UserId) -> Result<Session, EngineError> {
        self.admitted(async {
            for _ in 0..TRIES_MAX {
                self.known_user(user).await?.check_may_sign_in(self.now())?;
                let holder = self.newcomer();
                let client_id = holder.client_id().ok_or(EngineError::Internal)?;
                let (session, at) =
                    self.inner.actor_context.decide(|cx| (Session::begin(user, client_id, None, cx), cx.now));
                let (session_id, proof) = (session.id, Credential::Backend);
                let changes = [holder.terms(), ClientChange::signed_in(session, false, None).into()].concat();
                let decision = Decision {
                    client: Some(ClientWrite { id: client_id, changes }),
                    entry: Some(Entry {
                        user_id: user,
                        client_id,
                        session_id,
                        proof,
                        second: None,
                        had_second_factor: false,
                        at,
                    }),
                    ..Decision::default()
                };
                match self.inner.system.persister().commit(Commit::of_decision(at, decision)).await {
                    Ok(_) => return self.known_session(session_id).await,
                    // The user was banned, locked or removed meanwhile.
                    Err(CommitError::Stale) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            Err(Rejection::from(ErrorCode::ResourceConflict).into())
        })
        .await
    }

    /// [`Sessions::verify`](crate::engine::Sessions::verify).
    pub(in crate::engine) async fn verify_session(&self, id: SessionId, token: &str) -> Result<Session, EngineError> {
        self.admitted(async {
            let session = self.known_session(id).await?;
            let named = self.inner.keyring.session_of(token, self.now());
            if named.is_none_or(|named| named != id.to_string()) {
                return Err(ErrorCode::FormParamValueInvalid.on("token").into());
            }
            if session.is_live(self.now()) { Ok(session) } else { Err(EngineError::NotFound) }
        })
        .await
    }

    async fn known_session(&self, id: SessionId) -> Result<Session, EngineError> {
        self.inner.store().session(id).await?.ok_or(EngineError::NotFound)
    }

    async fn sessions_of_user(&self, user: UserId) -> Result<Vec<Session>, EngineError> {
        let mut found: Vec<Session> = Vec::new();
        loop {
            let after = found.last().map(|session| session.id);
            let some = self.inner.store().sessions_of(user, after, PORTION).await?;
            let is_last = some.len() < PORTION;
            found.extend(some);
            if is_last {
                return Ok(found);
            }
        }
    }

    async fn sessions_of_client(&self, client: ClientId) -> Result<Vec<Session>, EngineError> {
        let client = self.inner.store().client(client).await?;
        Ok(client.map(|client| client.sessions.iter().rev().cloned().collect()).unwrap_or_default())
    }
}

const STATUSES: [&str; 6] = ["active", "expired", "ended", "removed", "replaced", "revoked"];
const LIFETIME_MIN: Span = Span::from_secs(30);
const LIFETIME_MAX: Span = Span::from_secs(315_360_000);
/// How often a new session is decided again when its user has changed meanwhile.
const TRIES_MAX: usize = 4;
/// How many sessions one read returns.
const PORTION: usize = 512;
