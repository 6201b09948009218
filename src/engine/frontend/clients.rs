//! The calls about clients.

use crate::domain::client::ClientChange;
use crate::domain::sign_up::Phase;
use crate::limiter::LimitedAction;
use crate::store::{ClientWrite, Commit, Committed, Decision};

use super::visible::Visible;
use crate::engine::{Caller, ClientView, Engine, EngineError, RequestContext, SessionView, SignUpView};

impl Engine {
    /// The caller's client, or a new one. A new client is stored with the first write for it; until then it exists only
    /// in the token in the view.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn open_client(&self, caller: &Caller, context: &RequestContext) -> Result<ClientView, EngineError> {
        self.admitted(async {
            let caller = self.or_newcomer(caller)?;
            match self.show_client(&caller, context).await? {
                Some(view) => Ok(view),
                // Its record was deleted this moment, because it was too old.
                None => self.show_client(&self.newcomer(), context).await?.ok_or(EngineError::Internal),
            }
        })
        .await
    }

    /// The caller's client as it is now; `None` for an anonymous caller.
    ///
    /// # Errors
    /// [`EngineError::TokenReplaced`] where another call has replaced the presented token meanwhile, and when the store
    /// can't be read.
    pub async fn client_view(
        &self,
        caller: &Caller,
        context: &RequestContext,
    ) -> Result<Option<ClientView>, EngineError> {
        self.admitted(self.show_client(caller, context)).await
    }

    /// [`Self::client_view`] for a call that already holds a place.
    pub(in crate::engine) async fn show_client(
        &self,
        caller: &Caller,
        context: &RequestContext,
    ) -> Result<Option<ClientView>, EngineError> {
        match self.visible(caller).await? {
            Some(seen) => self.view_client(seen, context).await.map(Some),
            None => Ok(None),
        }
    }

    /// [`Sessions::end_all`](crate::engine::Sessions::end_all).
    pub(crate) async fn end_sessions(
        &self,
        caller: &Caller,
        context: &RequestContext,
    ) -> Result<ClientView, EngineError> {
        self.admitted(async {
            self.inner.admission.spend(LimitedAction::Write, context, self.now())?;
            let known = caller.known().ok_or(EngineError::NoClient)?;
            let unseen = RequestContext::default();
            if !known.is_stored {
                return self.show_client(caller, &unseen).await?.ok_or(EngineError::NoClient);
            }
            let seen = self.change_client(caller, ClientChange::EndAllSessions, context).await?;
            self.view_client(seen, &unseen).await
        })
        .await
    }

    /// Changes the caller's client on its behalf.
    ///
    /// # Errors
    /// [`EngineError::TokenReplaced`] where the token was replaced meanwhile; nothing changes then.
    pub(in crate::engine) async fn change_client(
        &self,
        caller: &Caller,
        change: ClientChange,
        context: &RequestContext,
    ) -> Result<Visible, EngineError> {
        let id = caller.client_id().ok_or(EngineError::NoClient)?;
        let changes = caller.terms().into_iter().chain([change]).collect();
        let decision = Decision { client: Some(ClientWrite { id, changes }), ..Decision::default() };
        let commit = Commit { end_user: context.end_user(), ..Commit::of_decision(self.now(), decision) };
        let committed: Committed = self.inner.system.persister().commit(commit).await?;
        self.visible_after(caller, &committed)
    }

    /// The sign-up in progress; `None` where it was swept away meanwhile, or was finished: a finished one belongs to a
    /// later generation of the client.
    async fn sign_up_in_progress(&self, seen: &Visible) -> Option<SignUpView> {
        let client = seen.client();
        let answer = self.inner.system.read(client.sign_up?, client.id).await.ok()?;
        (answer.sign_up.phase == Phase::Open).then(|| self.view_sign_up(answer.sign_up, seen))
    }

    /// A client with its flows in progress, its sessions and, if wanted, a token of the last active session.
    pub(in crate::engine) async fn view_client(
        &self,
        seen: Visible,
        context: &RequestContext,
    ) -> Result<ClientView, EngineError> {
        let sign_up = self.sign_up_in_progress(&seen).await;
        self.view_client_with(seen, sign_up, context).await
    }

    /// The same with a sign-up that is already at hand.
    pub(in crate::engine) async fn view_client_with(
        &self,
        seen: Visible,
        sign_up: Option<SignUpView>,
        context: &RequestContext,
    ) -> Result<ClientView, EngineError> {
        let now = self.now();
        let client = seen.client();
        let mut sessions = Vec::new();
        for session in client.live_sessions(now) {
            let Some(user) = self.inner.store().user(session.user_id).await? else {
                continue;
            };
            let is_wanted = context.tokens && client.last_active_session_id == Some(session.id);
            // A source over its token quota sees the session without a token, and may ask for one later.
            let is_wanted = is_wanted && self.inner.admission.spend(LimitedAction::Token, context, now).is_ok();
            let token = if is_wanted { Some(self.mint(session, context).await?) } else { None };
            sessions.push(SessionView { session: session.clone(), user, token, now });
        }
        let sign_in = match client.open_sign_in(now, &self.inner.actor_context.policy) {
            Some(value) => Some(self.view_sign_in(value.clone()).await?),
            None => None,
        };
        Ok(ClientView::of(seen, sign_in, sign_up, sessions))
    }
}
