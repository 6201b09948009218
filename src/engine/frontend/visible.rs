//! What a caller may see of a client. The token that was presented is good for one generation of the client, and a
//! session, its tokens and its user belong to the generation that came with it: so that whoever knows a token from
//! before is told nothing of them, however their call and the one that brought the session overlap.
//!
//! Everything that is shown of a client, and every finished sign-up, needs a [`Visible`]. There are three ways to
//! one, and each compares generations: the client as it is now, as the caller's own commit left it, and the
//! completing answer again.

use std::sync::Arc;

use crate::actors::{Outcome, SignUpReply};
use crate::domain::client::Client;
use crate::domain::id::SessionId;
use crate::domain::secret::Secret;
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

    /// The client and the token that its holder must be given, if that is news.
    pub(in crate::engine) fn into_parts(self) -> (Arc<Client>, Option<Secret<String>>) {
        (self.client, self.new_token)
    }

    /// Whether a sign-up is the one in progress.
    pub(in crate::engine) fn is_current(&self, sign_up: &SignUp) -> bool {
        self.client.sign_up == Some(sign_up.id)
    }
}

impl Engine {
    /// The caller's client as it is now; `None` for nobody. What else is shown is to be read before this: what is read
    /// after it may be of a later generation.
    ///
    /// # Errors
    /// [`EngineError::TokenReplaced`] where another call replaced the token since it was presented.
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

    /// The caller's client as a commit left it that was made under the caller's [terms](Caller::terms).
    ///
    /// # Errors
    /// [`EngineError::TokenReplaced`] where the commit was not made on the token that the caller presented, or leaves
    /// the client owed another one.
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

    /// What a sign-up's answer shows of the client.
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
                Phase::Open => Err(EngineError::NotFound),
            },
        }
    }

    /// The caller's client where the call that replaced its token, and made `session`, was made again: the token before
    /// is good for that for a moment ([guide: Replaced tokens](crate::guide::contract#replaced-tokens)), and not for
    /// what another call made since.
    pub(in crate::engine) async fn visible_again(
        &self,
        caller: &Caller,
        session: SessionId,
    ) -> Result<Visible, EngineError> {
        let (id, generation) = caller.presented().ok_or(EngineError::NotFound)?;
        let client = self.inner.store().client(id).await?.ok_or(EngineError::NotFound)?;
        if client.generation == generation && caller.known().is_some() {
            return Ok(Visible { client, new_token: caller.new_token().cloned() });
        }
        let is_newest = client.sessions.last().is_some_and(|newest| newest.id == session);
        if !is_newest || !client.accepts_replay(generation, self.now()) {
            return Err(EngineError::TokenReplaced);
        }
        let new_token = Some(self.token_of(&client));
        Ok(Visible { client, new_token })
    }
}
