//! A sign-in that is finished, asked for once more: a double click, a second tab, or an answer that was lost. Whoever
//! brings what completed it has succeeded, and is shown that; the token from before it is good for that for a moment
//! (DESIGN 7). What else is brought is no guess that is counted, so it ends the matter.

use crate::domain::client::{Client, ClientChange};
use crate::domain::id::SignInId;
use crate::domain::sign_in::{self, SignIn};
use crate::domain::verification::{self, Strategy};
use crate::store::{ClientWrite, Commit};

use super::{Caller, ClientView, Engine, EngineError, RawProof, SignInView, Source};

impl Engine {
    /// The completing answer of a finished sign-in, for who proves it once more; `refused` is what everybody else hears.
    pub(super) async fn attempted_again(
        &self,
        caller: &Caller,
        id: SignInId,
        raw: &RawProof,
        (refused, source): (EngineError, &Source),
    ) -> Result<(SignInView, ClientView), EngineError> {
        let Some((client_id, generation)) = caller.presented() else { return Err(refused) };
        let Some(client) = self.inner.store().client(client_id).await? else { return Err(refused) };
        let is_heard = client.generation == generation || client.accepts_replay(generation, self.now());
        let Some(finished) = finished(&client, id).filter(|_| is_heard) else { return Err(refused) };
        if !self.proves(finished, raw, &client, source).await? {
            let write = ClientWrite { id: client_id, changes: vec![ClientChange::ForgetFinished(id)] };
            let commit = Commit { at: self.now(), client: Some(write), ..Commit::default() };
            self.inner.system.persister().commit(commit).await?;
            return Err(refused);
        }
        let session = finished.session().ok_or(EngineError::NotFound)?;
        let seen = self.visible_again(caller, session).await?;
        self.shown(finished.clone(), seen, source).await
    }

    /// The finished sign-in with this id, which its client may look at.
    pub(super) fn finished<'a>(&self, client: &'a Client, id: SignInId) -> Result<&'a SignIn, EngineError> {
        finished(client, id).ok_or(EngineError::NotFound)
    }

    /// Whether what is brought is what proved a finished sign-in.
    async fn proves(
        &self,
        finished: &SignIn,
        raw: &RawProof,
        client: &Client,
        source: &Source,
    ) -> Result<bool, EngineError> {
        let strategy = sign_in::named(raw.strategy.as_deref())?;
        let proved_by = finished.first_factor.as_ref().map(|factor| &factor.verification.strategy);
        if proved_by != Some(&strategy) {
            return Ok(false);
        }
        if strategy != Strategy::Password {
            let code = raw.code.as_deref().and_then(verification::Code::parse);
            let proves = |code| self.inner.environment.decide(|cx| finished.was_proved_by(&strategy, &code, cx));
            return Ok(code.is_some_and(proves));
        }
        let Some(password) = &raw.password else { return Ok(false) };
        let user = match finished.user_id {
            Some(user) => self.inner.store().user(user).await?,
            None => None,
        };
        Ok(self.compare(password, user.as_deref(), client.id, source).await?.is_some())
    }
}

fn finished(client: &Client, id: SignInId) -> Option<&SignIn> {
    client.finished_sign_in.as_deref().filter(|finished| finished.id == id)
}
