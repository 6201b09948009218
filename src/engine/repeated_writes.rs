//! A sign-up that a write with a password completed, and that write once more: a double click, or an answer that was lost.
//! Whoever brings the same fields and the password has succeeded, and is shown that; the token from before it is good
//! for that for a moment (DESIGN 7). The password is what proves it, so each one that is brought is counted as a try to
//! sign in.

use std::sync::Arc;

use crate::actors::{Answer, Outcome};
use crate::domain::id::{ClientId, SessionId, SignUpId};
use crate::domain::rejection::Code;
use crate::domain::secret::Secret;
use crate::domain::sign_in::Try;
use crate::domain::sign_up::{Fields, Phase, RawFields, SignUp};
use crate::domain::user::User;
use crate::limiter::Family;
use crate::store::{Commit, CommitError};

use super::{Caller, ClientView, Engine, EngineError, SignUpView, Source};

impl Engine {
    /// The completing answer of a finished sign-up, for who writes once more what completed it; `refused` is what
    /// everybody else hears. `id` is `None` where it was begun by that write.
    pub(super) async fn written_again(
        &self,
        caller: &Caller,
        id: Option<SignUpId>,
        raw: &RawFields,
        (refused, source): (EngineError, &Source),
    ) -> Result<(SignUpView, ClientView), EngineError> {
        let may_be_done =
            matches!(refused, EngineError::Rejected(_) | EngineError::TokenReplaced | EngineError::NotFound);
        let password = raw.password.as_ref().filter(|password| may_be_done && !password.expose().is_empty());
        let Some(password) = password else { return Err(refused) };
        let Some((sign_up, session)) = self.completed_lately(caller, id).await? else { return Err(refused) };
        let Ok((fields, _)) = Fields::parse(raw, &self.settings()) else { return Err(refused) };
        let Some(user) = self.inner.store().user(sign_up.id.cast()).await? else { return Err(refused) };
        if !sign_up.was_given(&fields) || !self.proves_again(password, &user, sign_up.client_id, source).await? {
            return Err(refused);
        }
        let answer = Answer { sign_up, outcome: Outcome::Again };
        let shown = self.answered(caller, answer, source).await?;
        let is_there = shown.1.sessions.iter().any(|seen| seen.session.id == session);
        if is_there { Ok(shown) } else { Err(refused) }
    }

    /// The sign-up that the newest session of the caller's client came of a moment ago, and that session. `id` is which
    /// one it must be; where that is not said, the call must have been made with the token that it replaced, since with
    /// a newer one it is another sign-up that begins.
    async fn completed_lately(
        &self,
        caller: &Caller,
        id: Option<SignUpId>,
    ) -> Result<Option<(Arc<SignUp>, SessionId)>, EngineError> {
        let now = self.now();
        let Some((client_id, generation)) = caller.presented() else { return Ok(None) };
        let Some(client) = self.inner.store().client(client_id).await? else { return Ok(None) };
        let is_current = id.is_some() && client.generation == generation;
        let is_heard = is_current || client.accepts_replay(generation, now);
        let newest = client.sessions.last().filter(|session| is_heard && session.is_live(now));
        // A user has the id of the sign-up that they come of.
        let made_by = newest.map(|session| session.user_id.cast());
        let Some(made_by) = made_by.filter(|made_by| id.is_none_or(|id| id == *made_by)) else { return Ok(None) };
        let Ok(answer) = self.inner.system.read(made_by, client_id).await else { return Ok(None) };
        let Phase::Complete { session_id, .. } = answer.sign_up.phase else { return Ok(None) };
        let is_it = newest.is_some_and(|session| session.id == session_id) && answer.sign_up.is_just_complete(now);
        Ok(is_it.then_some((answer.sign_up, session_id)))
    }

    /// Whether a password is the user's; counted before that is told.
    async fn proves_again(
        &self,
        password: &Secret<String>,
        user: &User,
        client: ClientId,
        source: &Source,
    ) -> Result<bool, EngineError> {
        self.inner.admission.spend(Family::Attempt, source, self.now())?;
        let fits = self.compare(password, Some(user), client, source).await?.is_some();
        let tried = Try { source: self.mark(source), ..Try::of_password(user, client, fits) };
        let limits = self.inner.environment.policy.address_limits;
        let commit = Commit { at: self.now(), tried: Some(tried), limits, relaxed: true, ..Commit::default() };
        match self.inner.system.persister().commit(commit).await {
            Ok(_) => Ok(fits),
            Err(CommitError::LimitExceeded { retry_after }) => Err(Code::TooManyRequests.after(retry_after).into()),
            Err(error) => Err(error.into()),
        }
    }
}
