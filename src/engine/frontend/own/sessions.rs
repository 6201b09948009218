//! The sessions of the own user, on all clients.

use crate::domain::client::ClientChange;
use crate::domain::client::session::{Session, SessionStatus};
use crate::domain::id::SessionId;
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::limiter::LimitedAction;
use crate::store::{ClientWrite, Commit, Decision};

use super::{Needs, Own};
use crate::engine::{Caller, ClientView, Engine, EngineError, RequestContext, SessionView};

impl Engine {
    /// [`OwnUser::sessions`](crate::engine::OwnUser::sessions).
    pub(crate) async fn own_sessions(
        &self,
        caller: &Caller,
        session: Option<SessionId>,
        context: &RequestContext,
    ) -> Result<Vec<Session>, EngineError> {
        self.admitted(async {
            let (user, _) = self.own(Own::of(caller, session, context)).await?;
            let mut found: Vec<Session> = Vec::new();
            while found.len() < SESSIONS_MAX {
                let after = found.last().map(|session| session.id);
                let some = self.inner.store().sessions_of(user.id, after, PORTION).await?;
                let is_last = some.len() < PORTION;
                found.extend(some);
                if is_last {
                    break;
                }
            }
            Ok(found)
        })
        .await
    }

    /// [`OwnUser::revoke_session`](crate::engine::OwnUser::revoke_session).
    pub(crate) async fn revoke_own_session(
        &self,
        caller: &Caller,
        session: Option<SessionId>,
        id: SessionId,
        context: &RequestContext,
    ) -> Result<(SessionView, ClientView), EngineError> {
        self.admitted(async {
            let own = Own::of(caller, session, context);
            self.inner.admission.spend(LimitedAction::Write, context, self.now())?;
            let (user, session) = self.own(own).await?;
            self.check_fresh(&session, &user, Needs::FreshProof)?;
            let meant = self.inner.store().session(id).await?;
            let meant = meant.filter(|meant| meant.user_id == user.id).ok_or(EngineError::NotFound)?;
            let now = self.now();
            if !meant.is_live(now) {
                return Err(EngineError::NotFound);
            }
            let change = ClientChange::EndSession(id, SessionStatus::Revoked);
            let client = match caller.client_id() == Some(meant.client_id) {
                true => {
                    let committed = self.commit_own(own, Decision::default(), vec![change]).await?;
                    let conflict = || EngineError::Rejected(Rejection::from(ErrorCode::ResourceConflict));
                    self.after(own, &committed.ok_or_else(conflict)?).await?
                }
                false => {
                    let write = ClientWrite { id: meant.client_id, changes: vec![change] };
                    let decision = Decision { client: Some(write), ..Decision::default() };
                    let commit = Commit { end_user: context.end_user(), ..Commit::of_decision(now, decision) };
                    self.inner.system.persister().commit(commit).await?;
                    self.show_client(caller, context).await?.ok_or(EngineError::SignedOut)?
                }
            };
            let session = meant.ended(SessionStatus::Revoked, now);
            Ok((SessionView { session, user, token: None, now }, client))
        })
        .await
    }
}

/// The most sessions that are listed.
const SESSIONS_MAX: usize = 500;
/// How many sessions one read returns.
const PORTION: usize = 100;
