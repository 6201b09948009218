//! How a step of proving an address of a known user is committed, for the application's backend and for the person.

use crate::domain::client::ClientChange;
use crate::domain::message::MessageBudget;
use crate::domain::sign_in::Try;
use crate::domain::transition::Effect;
use crate::domain::user::{AddressStep, AddressVerification, ChangedBy, Purpose, User};
use crate::store::{AddressVerificationWrite, ClientWrite, Commit, CommitError, Committed, Decision, UserWrite};

use super::notices::Told;
use crate::engine::{Caller, Engine, EngineError, RequestContext};

/// Whose step it is, and what is committed beside it. The application's backend has no client.
#[derive(Default)]
pub(in crate::engine) struct Beside {
    /// The caller; anonymous for the backend.
    pub(in crate::engine) caller: Caller,
    /// Where the request came from.
    pub(in crate::engine) context: RequestContext,
    /// Further changes to the caller's client.
    pub(in crate::engine) changes: Vec<ClientChange>,
    /// An attempt to prove who the person is, to be counted.
    pub(in crate::engine) tried: Option<Try>,
}

impl Beside {
    /// A step by a person.
    pub(in crate::engine) fn of(caller: &Caller, context: &RequestContext) -> Self {
        Self { caller: caller.clone(), context: context.clone(), ..Self::default() }
    }
}

impl Engine {
    /// Commits a step; `None` where the verification or the user has changed since they were read.
    pub(in crate::engine) async fn commit_step(
        &self,
        step: &AddressStep,
        before: Option<&AddressVerification>,
        user: Option<&User>,
        beside: Beside,
    ) -> Result<Option<Committed>, EngineError> {
        let (environment, context) = (&self.inner.actor_context, &beside.context);
        let mut effects: Vec<Effect> = step.message.clone().map(Effect::Deliver).into_iter().collect();
        let sent = self.spend_messages(&effects, context)?;
        let by = if step.next.purpose == Purpose::Backend { ChangedBy::Backend } else { ChangedBy::Session };
        let change = user.zip(step.user.as_ref());
        let told = change.map(|(user, next)| self.tell(user, next, by));
        effects.extend(told.iter().flat_map(Told::effects));
        let write = |(user, next): (&User, &User)| UserWrite::Change {
            next: Box::new(next.clone()),
            expected_version: user.version,
        };
        let user = change.map(write);
        let write = AddressVerificationWrite {
            next: Box::new(step.next.clone()),
            expected: before.map(AddressVerification::stamp),
        };
        let changes: Vec<_> = beside.caller.terms().into_iter().chain(beside.changes).collect();
        let decision = Decision {
            client: beside.caller.client_id().map(|id| ClientWrite { id, changes }),
            users: user.into_iter().collect(),
            address_verification: Some(write),
            outbox: environment.outbox(effects),
            quota_uses: step.uses.clone(),
            limits: environment.policy.address_limits,
            tried: beside.tried,
            ignores_dots: self.settings().ignores_dots(),
            ..Decision::default()
        };
        let commit = Commit { end_user: context.end_user(), ..Commit::of_decision(self.now(), decision) };
        let outcome = self.inner.system.persister().commit(commit).await;
        if matches!(outcome, Err(CommitError::LimitExceeded { .. })) {
            sent.iter().for_each(|to| environment.limited.note(to, MessageBudget::Address));
        }
        if !matches!(outcome, Ok(_) | Err(CommitError::Unknown)) {
            sent.iter().for_each(|to| self.inner.admission.take_back_message(to, context));
        }
        match outcome {
            Ok(committed) => {
                told.into_iter().for_each(Told::committed);
                Ok(Some(committed))
            }
            Err(CommitError::Stale) => Ok(None),
            Err(CommitError::Locked { remaining }) => Err(self.locked(remaining)),
            Err(error) => Err(error.into()),
        }
    }
}
