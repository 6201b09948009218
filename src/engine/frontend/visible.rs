//! What a caller may see of a client. The presented token is valid for one generation of the client. A session, its
//! tokens and its user belong to the generation that was created with the session. So an attacker who knows an earlier
//! token sees none of them, however the attacker's call overlaps with the one that created the session.
//!
//! Showing a client or a finished sign-up always requires a [`Visible`]. There are three ways to get one, and each
//! compares generations: the client as it is now, the client as the caller's own commit left it, and the completing
//! answer again.

use std::sync::Arc;

use crate::actors::{Outcome, SignUpReply};
use crate::domain::client::Client;
use crate::domain::id::SessionId;
use crate::domain::secret::Secret;
use crate::domain::sign_in::SignIn;
use crate::domain::sign_up::{Phase, SignUp};
use crate::store::Committed;

use crate::engine::{Caller, Engine, EngineError};

/// A client as one caller may see it.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Visible {
    client: Arc<Client>,
    new_token: Option<Secret<String>>,
}

impl Visible {
    pub(in crate::engine) const fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// The client, and the token that its holder must receive, if it is new.
    pub(in crate::engine) fn into_parts(self) -> (Arc<Client>, Option<Secret<String>>) {
        (self.client, self.new_token)
    }

    /// Whether a sign-up is the one in progress.
    pub(in crate::engine) fn is_current(&self, sign_up: &SignUp) -> bool {
        self.client.sign_up == Some(sign_up.id)
    }
}

impl Engine {
    /// The caller's client as it is now; `None` for an anonymous caller. Read everything else that is shown before
    /// this: what is read later may belong to a later generation.
    ///
    /// # Errors
    /// [`EngineError::TokenReplaced`] where another call has replaced the presented token meanwhile.
    pub(in crate::engine) async fn visible(&self, caller: &Caller) -> Result<Option<Visible>, EngineError> {
        let Some(known) = caller.known() else { return Ok(None) };
        let client = match self.inner.store().client(known.client.id).await? {
            Some(client) => client,
            None if known.is_stored => return Ok(None),
            None => known.client.clone(),
        };
        if client.generation != known.client.generation {
            return Err(EngineError::TokenReplaced);
        }
        Ok(Some(Visible { client, new_token: known.new_token.clone() }))
    }

    /// The caller's client after a commit under the caller's [terms](Caller::terms).
    ///
    /// # Errors
    /// [`EngineError::TokenReplaced`] where the commit was not made with the token that the caller presented, or the
    /// client is owed another token after it.
    pub(in crate::engine) fn visible_after(
        &self,
        caller: &Caller,
        committed: &Committed,
    ) -> Result<Visible, EngineError> {
        let client = committed.client.clone().ok_or(EngineError::Internal)?;
        let known = caller.known().filter(|known| known.client.id == client.id);
        let known = known.ok_or(EngineError::TokenReplaced)?;
        let is_own = match committed.generation_before {
            Some(generation) => generation == known.client.generation,
            None => !known.is_stored,
        };
        if !is_own || client.owed_to.is_some() {
            return Err(EngineError::TokenReplaced);
        }
        let is_told = client.generation == known.client.generation;
        let new_token = if is_told { known.new_token.clone() } else { Some(self.token_of(&client)) };
        Ok(Visible { client, new_token })
    }

    /// The part of the client that the answer of a sign-up shows.
    ///
    /// # Errors
    /// [`EngineError::TokenReplaced`] as above.
    pub(in crate::engine) async fn visible_with(
        &self,
        caller: &Caller,
        answer: &SignUpReply,
    ) -> Result<Visible, EngineError> {
        match &answer.outcome {
            Outcome::Committed(committed) => self.visible_after(caller, committed),
            Outcome::Unchanged => self.visible(caller).await?.ok_or(EngineError::NotFound),
            Outcome::Again => match answer.sign_up.phase {
                Phase::Complete { session_id, .. } => self.visible_again(caller, session_id).await,
                Phase::Open => self.visible_renewed(caller, &answer.sign_up).await,
            },
        }
    }

    /// The caller's client where the call that replaced its token and created `session` is repeated: the previous token
    /// is valid for that for a moment ([guide: Replaced tokens](crate::guide::contract#replaced-tokens)), but not for
    /// what other calls created since.
    pub(in crate::engine) async fn visible_again(
        &self,
        caller: &Caller,
        session: SessionId,
    ) -> Result<Visible, EngineError> {
        let is_newest = |client: &Client| client.sessions.last().is_some_and(|newest| newest.id == session);
        self.visible_replaced(caller, is_newest).await
    }

    /// The same where the call that replaced its token left `sign_up` to others, and nothing has changed since.
    async fn visible_renewed(&self, caller: &Caller, sign_up: &SignUp) -> Result<Visible, EngineError> {
        let is_same = |client: &Client| client.sign_up == Some(sign_up.id) && client.rotated_at == sign_up.updated_at;
        self.visible_replaced(caller, is_same).await
    }

    /// The same where the call that replaced its token proved the first of two factors of `sign_in`, and nothing has changed
    /// since.
    pub(in crate::engine) async fn visible_half_way(
        &self,
        caller: &Caller,
        sign_in: &SignIn,
    ) -> Result<Visible, EngineError> {
        let is_same = |client: &Client| client.sign_in.as_deref().map(SignIn::stamp) == Some(sign_in.stamp());
        self.visible_replaced(caller, is_same).await
    }

    /// The caller's client for a token that was replaced a moment ago, by the call that `did_it` recognises.
    async fn visible_replaced(
        &self,
        caller: &Caller,
        did_it: impl FnOnce(&Client) -> bool,
    ) -> Result<Visible, EngineError> {
        let (id, generation) = caller.presented().ok_or(EngineError::NotFound)?;
        let client = self.inner.store().client(id).await?.ok_or(EngineError::NotFound)?;
        if client.generation == generation && caller.known().is_some() {
            return Ok(Visible { client, new_token: caller.new_token().cloned() });
        }
        if !did_it(&client) || !client.accepts_replay(generation, self.now()) {
            return Err(EngineError::TokenReplaced);
        }
        let new_token = Some(self.token_of(&client));
        Ok(Visible { client, new_token })
    }
}
