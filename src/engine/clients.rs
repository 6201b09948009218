//! The calls about clients.

use std::sync::Arc;

use crate::domain::client::{Client, ClientChange};
use crate::domain::id::ClientId;
use crate::limiter::Family;
use crate::store::{ClientWrite, Commit};

use super::sign_ups::salt;
use super::{Caller, ClientView, Engine, EngineError, SessionView, SignUpView, Source};

impl Engine {
    /// The caller's client, made if there is none.
    ///
    /// # Errors
    /// When the store can't write.
    pub async fn open_client(&self, caller: &Caller, source: &Source) -> Result<ClientView, EngineError> {
        let _place = self.inner.admission.enter()?;
        if let Some(view) = self.client_view(caller, source).await? {
            return Ok(view);
        }
        let now = self.now();
        self.inner.admission.spend(Family::Client, source, now)?;
        self.inner.admission.spend(Family::Write, source, now)?;
        let (id, salt) = self.inner.environment.decide(|cx| (ClientId::generate(cx.now, cx.entropy), salt(cx.entropy)));
        let client = self.change_client(id, vec![ClientChange::Open { salt }]).await?;
        self.view_client(caller, client, None, source).await
    }

    /// The caller's client as it is now; `None` for nobody.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn client_view(&self, caller: &Caller, source: &Source) -> Result<Option<ClientView>, EngineError> {
        let Some(client) = caller.client() else { return Ok(None) };
        let Some(client) = self.inner.store().client(client.id).await? else {
            return Ok(None);
        };
        let sign_up = self.sign_up_of(&client).await;
        self.view_client(caller, client, sign_up, source).await.map(Some)
    }

    /// Ends all sessions of the caller's client; the client stays.
    ///
    /// # Errors
    /// [`EngineError::NoClient`] for nobody.
    pub async fn end_sessions(&self, caller: &Caller, source: &Source) -> Result<ClientView, EngineError> {
        self.inner.admission.spend(Family::Write, source, self.now())?;
        let _place = self.inner.admission.enter()?;
        let id = caller.client_id().ok_or(EngineError::NoClient)?;
        self.change_client(id, vec![ClientChange::EndAllSessions]).await?;
        self.client_view(caller, &Source::default()).await?.ok_or(EngineError::NoClient)
    }

    pub(super) async fn change_client(
        &self,
        id: ClientId,
        changes: Vec<ClientChange>,
    ) -> Result<Arc<Client>, EngineError> {
        let write = ClientWrite { id, changes };
        let commit = Commit { at: self.now(), client: Some(write), ..Commit::default() };
        self.inner.system.persister().commit(commit).await?.client.ok_or(EngineError::Internal)
    }

    /// The sign-up in progress. One that was swept away meanwhile is simply not there any more.
    pub(super) async fn sign_up_of(&self, client: &Client) -> Option<SignUpView> {
        let answer = self.inner.system.read(client.sign_up?, client.id).await.ok()?;
        Some(self.view_sign_up(answer.sign_up, true))
    }

    /// `client` with its sessions, a token for the last active one where that is wanted, and the client token where it
    /// is news.
    pub(super) async fn view_client(
        &self,
        caller: &Caller,
        client: Arc<Client>,
        sign_up: Option<SignUpView>,
        source: &Source,
    ) -> Result<ClientView, EngineError> {
        let now = self.now();
        let mut sessions = Vec::new();
        for session in client.live_sessions(now) {
            let Some(user) = self.inner.store().user(session.user_id).await? else {
                continue;
            };
            let is_wanted = source.tokens && client.last_active_session_id == Some(session.id);
            let token = if is_wanted { Some(self.mint(session, source).await?) } else { None };
            sessions.push(SessionView { session: session.clone(), user, token, now });
        }
        let sign_in = match client.open_sign_in(now, &self.inner.environment.policy) {
            Some(value) => Some(self.view_sign_in(value.clone()).await?),
            None => None,
        };
        let knows = caller.client().is_some_and(|known| known.id == client.id && known.generation == client.generation);
        let new_token = (!knows).then(|| self.inner.key.client_token(client.id, client.generation, &client.salt));
        Ok(ClientView { client, sign_in, sign_up, sessions, new_token })
    }
}
