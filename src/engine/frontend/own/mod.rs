//! The calls of `/v1/me`: what people see and change of their own users
//! ([guide: The profile](crate::guide::contract_me)). Each is made with a live session of the caller's client, which is
//! looked at again where a change has to be decided once more.

mod accounts;
mod addresses;
mod fields;
mod passkeys;
mod passwords;
mod reverification;
mod reverified_passkeys;
mod sessions;

use std::sync::Arc;

use crate::domain::client::ClientChange;
use crate::domain::client::session::Session;
use crate::domain::context::Context;
use crate::domain::id::{IdentificationId, SessionId};
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::sign_in::{Account, Share, Try, second_factor_need, second_factors_of};
use crate::domain::user::{ChangedBy, User};
use crate::domain::verification::SecondFactorNeed;
use crate::limiter::LimitedAction;
use crate::store::{ClientWrite, Commit, CommitError, Committed, Decision, UserWrite};

use crate::engine::admission::RETRY_AFTER;
use crate::engine::{Caller, ClientView, Engine, EngineError, RequestContext};

pub use passkeys::NewPasskey;
pub use passwords::NewOwnPassword;
pub use reverification::{ReverificationView, ReverifyAttempt, ReverifyPrepare};

/// Whose call it is.
#[derive(Clone, Copy)]
pub(super) struct Own<'a> {
    pub(super) caller: &'a Caller,
    /// The session that the call names; the last active one where it names none.
    pub(super) session: Option<SessionId>,
    pub(super) context: &'a RequestContext,
    /// What the call does for a second factor.
    pub(super) sets_up: SetsUp,
}

/// What a call does for a second factor of the user. A pending session may do what it waits for, and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SetsUp {
    Nothing,
    /// It is a step to one, or makes one of what was proved before.
    Factor,
    /// It proves one.
    ProvedFactor,
}

impl<'a> Own<'a> {
    /// A call that has nothing to do with second factors, so that a pending session can't make it.
    pub(super) const fn of(caller: &'a Caller, session: Option<SessionId>, context: &'a RequestContext) -> Self {
        Self { caller, session, context, sets_up: SetsUp::Nothing }
    }

    /// The same for a call that a pending session can make, too.
    pub(super) const fn that(self, sets_up: SetsUp) -> Self {
        Self { sets_up, ..self }
    }
}

/// Whether a change needs a factor that was proved a short time ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    Session,
    FreshProof,
    /// It is a change of the second factors. Where the user has one, that is what has to be proved: who has got hold of the
    /// password must not put another factor in its place.
    FreshSecondFactor,
    /// The same where the phone number with this id is one.
    OfFactor(IdentificationId),
}

impl Engine {
    /// The user and the session of a call.
    ///
    /// # Errors
    /// [`EngineError::SignedOut`] without a live session of the caller's client, and where the session is pending, unless the
    /// call sets up the second factor that it waits for. A user who has one by now is asked for it by a new sign-in: who
    /// only knows the password must not change it.
    pub(super) async fn own(&self, own: Own<'_>) -> Result<(Arc<User>, Session), EngineError> {
        let seen = self.visible(own.caller).await?.ok_or(EngineError::SignedOut)?;
        let client = seen.client();
        let id = own.session.or(client.last_active_session_id).ok_or(EngineError::SignedOut)?;
        let session = client.live_session(id, self.now()).ok_or(EngineError::SignedOut)?;
        let user = self.inner.store().user(session.user_id).await?.ok_or(EngineError::SignedOut)?;
        let may_set_up = || own.sets_up != SetsUp::Nothing && !self.has_what_is_required(&user);
        if session.task.is_some() && !may_set_up() {
            return Err(EngineError::SignedOut);
        }
        match user.has_ended(session) {
            Some(_) => Err(EngineError::SignedOut),
            None => Ok((user, session.clone())),
        }
    }

    /// Whether a pending session of the user has nothing left to wait for.
    fn has_what_is_required(&self, user: &User) -> bool {
        second_factor_need(user, None, &self.settings()) != SecondFactorNeed::ToSetUp
    }

    /// What a change of the user from `before` to `next` means for the session that made it.
    pub(super) fn set_up_by(
        &self,
        own: Own<'_>,
        session: &Session,
        before: &User,
        next: &User,
    ) -> Option<ClientChange> {
        let is_proved = own.sets_up == SetsUp::ProvedFactor && !before.has_second_factor() && next.has_second_factor();
        let is_settled = session.task.is_some() && self.has_what_is_required(next);
        (is_proved || is_settled).then_some(ClientChange::SecondFactorSetUp { session: session.id, is_proved })
    }

    /// Refuses a sensitive change without a recent proof, where the instance asks for one.
    ///
    /// # Errors
    /// `session_reverification_required`.
    pub(super) fn check_fresh(&self, session: &Session, user: &User, needs: Needs) -> Result<(), Rejection> {
        if needs == Needs::Session || !self.policy().reverification {
            return Ok(());
        }
        let phones = user.phone_numbers.iter().chain(&user.unproved_phones);
        let mut factors = phones.filter(|phone| phone.reserved_for_second_factor);
        let is_of_factors = match needs {
            Needs::Session | Needs::FreshProof => false,
            Needs::FreshSecondFactor => true,
            Needs::OfFactor(id) => factors.any(|phone| phone.id == id),
        };
        // Where the settings offer none of the user's, a re-verification asks for the first factor.
        let is_fresh = match is_of_factors && !second_factors_of(user, &self.settings()).is_empty() {
            true => session.has_fresh_second_factor(self.now()),
            false => session.is_fresh(self.now()),
        };
        if is_fresh { Ok(()) } else { Err(ErrorCode::SessionReverificationRequired.into()) }
    }

    /// Decides a change of the own user and commits it. A change that changes nothing is answered without a commit.
    pub(super) async fn change_own(
        &self,
        own: Own<'_>,
        needs: Needs,
        decide: impl Fn(&User, &Session, &mut Context<'_>) -> Result<User, Rejection>,
    ) -> Result<(Arc<User>, ClientView), EngineError> {
        self.inner.admission.spend(LimitedAction::Write, own.context, self.now())?;
        for _ in 0..TRIES_MAX {
            let (user, session) = self.own(own).await?;
            self.check_fresh(&session, &user, needs)?;
            let environment = &self.inner.actor_context;
            let next = environment.decide(|cx| decide(&user, &session, cx))?;
            if next.version == user.version {
                let client = self.show_client(own.caller, own.context).await?.ok_or(EngineError::SignedOut)?;
                return Ok((user, client));
            }
            let told = self.tell(&user, &next, ChangedBy::Session);
            let write = UserWrite::Change { next: Box::new(next.clone()), expected_version: user.version };
            let decision = Decision {
                users: vec![write],
                outbox: environment.outbox(told.effects()),
                ignores_dots: self.settings().ignores_dots(),
                ..Decision::default()
            };
            let set_up = self.set_up_by(own, &session, &user, &next);
            if let Some(committed) = self.commit_own(own, decision, set_up.into_iter().collect()).await? {
                told.committed();
                return Ok((Arc::new(next), self.after(own, &committed).await?));
            }
        }
        Err(EngineError::Busy { retry_after: RETRY_AFTER })
    }

    /// Commits a decision under the conditions of the caller's token; `None` where something has changed since it was
    /// read.
    pub(super) async fn commit_own(
        &self,
        own: Own<'_>,
        decision: Decision,
        changes: Vec<ClientChange>,
    ) -> Result<Option<Committed>, EngineError> {
        let id = own.caller.client_id().ok_or(EngineError::SignedOut)?;
        let changes = own.caller.terms().into_iter().chain(changes).collect();
        let decision = Decision { client: Some(ClientWrite { id, changes }), ..decision };
        let commit = Commit { end_user: own.context.end_user(), ..Commit::of_decision(self.now(), decision) };
        match self.inner.system.persister().commit(commit).await {
            Ok(committed) => Ok(Some(committed)),
            Err(CommitError::Stale) => Ok(None),
            Err(CommitError::Locked { remaining }) => Err(self.locked(remaining)),
            Err(error) => Err(error.into()),
        }
    }

    /// The client after a commit, with all that it shows.
    pub(super) async fn after(&self, own: Own<'_>, committed: &Committed) -> Result<ClientView, EngineError> {
        let seen = self.visible_after(own.caller, committed)?;
        self.view_client(seen, own.context).await
    }

    /// An attempt to prove who the person of a session is, to be counted as one to sign in.
    pub(super) fn tried(&self, own: Own<'_>, user: &User, share: Share, succeeded: bool) -> Try {
        let is_known = own.caller.client_id().is_some_and(|client| user.knows(client));
        Try {
            account: Account::User(user.id),
            share: if is_known { Share::Known } else { share },
            source: self.mark(own.context),
            succeeded,
            // Who has one factor and a session must not guess at the other one without end.
            needs_more: user.has_second_factor(),
            lockout: self.lockout(),
        }
    }
}

/// How often a call decides again when another one was faster.
const TRIES_MAX: usize = 8;
