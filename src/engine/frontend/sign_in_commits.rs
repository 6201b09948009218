//! How a change of a sign-in is committed: it is decided on a snapshot of its client, and decided again where the client
//! has changed meanwhile.

use crate::domain::client::{Client, ClientChange, ClientConflict};
use crate::domain::context::Context;
use crate::domain::id::{ClientId, SignInId};
use crate::domain::message::MessageBudget;
use crate::domain::rejection::{ErrorCode, Reason, Rejection};
use crate::domain::sign_in::{self, FORGOTTEN_AFTER, Phase, SignIn, Transition, Try};
use crate::domain::time::Span;
use crate::domain::verification::AuthorizationResponse;
use crate::store::{ClientWrite, Commit, CommitError, Committed, Decision, UserWrite};

use super::notices::Told;
use crate::engine::admission::RETRY_AFTER;
use crate::engine::{Engine, EngineError, RequestContext};

impl Engine {
    /// Decides, commits, and only then reveals the result; retries while other calls change the client in between.
    /// `terms` are the conditions of the caller's token. `None` where the user has changed since `decide` read it, so
    /// that the proof may be out of date.
    pub(super) async fn change_sign_in(
        &self,
        id: ClientId,
        terms: Vec<ClientChange>,
        context: &RequestContext,
        decide: impl Fn(Option<&Client>, &mut Context<'_>) -> Result<Transition, EngineError>,
    ) -> Result<Option<(SignIn, Committed)>, EngineError> {
        let environment = &self.inner.actor_context;
        for _ in 0..TRIES_MAX {
            let client = self.inner.store().client(id).await?;
            if client.as_deref().is_some_and(|client| !client.meets(&terms)) {
                // A commit that only counts an attempt does not write the client, so an old token must be refused here.
                return Err(EngineError::TokenReplaced);
            }
            let transition = self.restricted(environment.decide(|cx| decide(client.as_deref(), cx))?).await?;
            if !transition.is_changed() {
                return Ok(Some((transition.next, Committed::default())));
            }
            let Transition { next, verdict, mut effects, quota_uses, client_changes, outcome, .. } = transition;
            let sign_in::Outcome { tried, entry, changed, forgiven, challenge } = outcome;
            let told = self.tell_of_entry(entry.as_ref()).await?;
            effects.extend(told.iter().flat_map(Told::effects));
            let at = environment.now();
            let sent = self.spend_messages(&effects, context)?;
            // A commit that only counts an attempt does not store a new client either.
            let changes: Vec<_> = match client_changes.is_empty() {
                true => Vec::new(),
                false => [terms.clone(), client_changes].concat(),
            };
            let relaxed = entry.is_none() && changed.is_none();
            let users = changed.map(|(next, expected_version)| UserWrite::Change { next, expected_version });
            let decision = Decision {
                client: (!changes.is_empty()).then_some(ClientWrite { id, changes }),
                tried: tried.map(|tried| Try { source: self.mark(context), lockout: self.lockout(), ..tried }),
                entry,
                users: users.into_iter().collect(),
                forgiven,
                challenges: challenge.into_iter().collect(),
                outbox: environment.outbox(effects),
                quota_uses,
                limits: environment.policy.address_limits,
                ..Decision::default()
            };
            let commit = Commit { relaxed, end_user: context.end_user(), ..Commit::of_decision(at, decision) };
            let outcome = self.inner.system.persister().commit(commit).await;
            if matches!(outcome, Err(CommitError::LimitExceeded { .. })) {
                sent.iter().for_each(|to| environment.limited.note(to, MessageBudget::Address));
            }
            if !matches!(outcome, Ok(_) | Err(CommitError::Unknown)) {
                sent.iter().for_each(|to| self.inner.admission.take_back_message(to, context));
            }
            match outcome {
                Err(CommitError::Client(ClientConflict::SignInChanged)) => {}
                Err(CommitError::Stale) => return Ok(None),
                Err(CommitError::Locked { remaining }) => return Err(self.locked(remaining)),
                Err(error) => return Err(error.into()),
                Ok(committed) => {
                    told.into_iter().for_each(Told::committed);
                    verdict.map_err(|refused| self.with_warning(refused, committed.attempts_left))?;
                    return Ok(Some((next, committed)));
                }
            }
        }
        Err(EngineError::Busy { retry_after: RETRY_AFTER })
    }

    /// What a caller is told where failures have locked the account for its kind of attempt. It has proved nothing, so
    /// where the instance hides who is a user it only learns that there were too many attempts, as at any identifier.
    pub(super) fn locked(&self, remaining: Option<Span>) -> EngineError {
        if self.settings().hides_users() {
            return ErrorCode::TooManyRequests.after(remaining.unwrap_or(FORGOTTEN_AFTER)).into();
        }
        Reason::locked(remaining).into()
    }

    /// The refusal of an attempt that was counted, with a warning where few are left before the account is locked.
    pub(super) fn with_warning(&self, refused: Rejection, attempts_left: Option<u32>) -> Rejection {
        match attempts_left.filter(|left| *left <= WARNED_AT && !self.settings().hides_users()) {
            Some(left) => refused.and(Reason::from(ErrorCode::AccountLockoutWarning).with(left)),
            None => refused,
        }
    }

    /// Applies the restrictions for sign-ins to a transition: a blocked user gets no session and no message, by any
    /// strategy.
    async fn restricted(&self, transition: Transition) -> Result<Transition, EngineError> {
        let settings = self.settings();
        for message in transition.messages() {
            settings.restrictions.admit_at_sign_in(&message.to)?;
        }
        let is_sent = !transition.effects.is_empty();
        let entered = transition.outcome.entry.as_ref();
        // The first of several proofs.
        let is_half = transition.outcome.changed.is_some()
            || transition.outcome.tried.as_ref().is_some_and(|tried| tried.succeeded && tried.needs_more);
        let concerns = entered.map(|entry| entry.user_id).or(transition.next.user_id.filter(|_| is_sent || is_half));
        // Not only with the second factor: its page can't show what is wrong with the first.
        let by_password = is_half && matches!(transition.next.phase, Phase::SecondFactor { password: Some(_), .. });
        let admitted = match concerns {
            Some(user) => self.admit_user(user, entered, by_password).await?,
            None if is_sent => {
                // An unknown user costs the same look-up.
                self.user_behind(None).await?;
                Ok(())
            }
            None => Ok(()),
        };
        match admitted {
            Ok(()) => Ok(transition),
            Err(refused) if entered.is_some() || is_half => Ok(transition.kept_out(refused)),
            // A caller who asks for a code has proved nothing yet, so it may learn about users only what the instance
            // reveals.
            Err(_) if settings.hides_users() => Ok(transition.unsent()),
            Err(refused) => Err(refused.into()),
        }
    }

    /// Applies a provider's answer to a sign-in.
    pub(in crate::engine) async fn settle_sign_in(
        &self,
        id: SignInId,
        client: ClientId,
        terms: Vec<ClientChange>,
        back: &AuthorizationResponse,
        context: &RequestContext,
    ) -> Result<(SignIn, Committed), EngineError> {
        let decide = |client: Option<&Client>, cx: &mut Context<'_>| {
            Ok(self.in_progress(client, id)?.return_from_provider(back, cx)?)
        };
        let settled = self.change_sign_in(client, terms, context, decide).await?;
        // The account's owner has lost it a moment ago.
        settled.ok_or_else(|| Rejection::from(ErrorCode::OAuthCallbackInvalid).into())
    }

    /// The sign-in with this id, if it is the one in progress on `client`.
    pub(in crate::engine) fn in_progress<'a>(
        &self,
        client: Option<&'a Client>,
        id: SignInId,
    ) -> Result<&'a SignIn, EngineError> {
        let open = client.and_then(|client| client.open_sign_in(self.now(), &self.inner.actor_context.policy));
        open.filter(|sign_in| sign_in.id == id).ok_or(EngineError::NotFound)
    }
}

/// From how many attempts that are left a person is warned, as in Clerk.
const WARNED_AT: u32 = 2;
/// How often a call decides again before it gives up.
pub(super) const TRIES_MAX: usize = 8;
