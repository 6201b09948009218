//! The actor of one sign-up: it holds the value, gives each transition to the persister, takes over the next value only
//! after the commit, and answers the caller directly.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ractor::{Actor, ActorId, ActorProcessingErr, ActorRef, RpcReplyPort};
use tokio::task::AbortHandle;

use crate::domain::application_value::ApplicationValue;
use crate::domain::client::{ClientChange, ClientConflict};
use crate::domain::event::EndUser;
use crate::domain::id::{ClientId, SignUpId};
use crate::domain::identifier::Identifier;
use crate::domain::message::MessageBudget;
use crate::domain::rejection::{ErrorCode, Reason, Rejection};
use crate::domain::sign_up::{Command, Fields, Phase, SignUp, Transition, taken};
use crate::domain::time::{Span, Timestamp};
use crate::domain::transition::Change;
use crate::store::{ClientWrite, Commit, CommitError, Committed, Decision, InvitationChange, SignUpWrite, ValueWrite};

use super::context::ActorContext;
use super::persister::Persister;
use super::supervisor::SupervisorMessage;

/// A request to a sign-up, with the port for its answer.
pub(crate) enum SignUpMessage {
    /// Create the sign-up.
    Create {
        /// Its first values.
        create: Box<Create>,
        /// The port for the answer.
        reply: Reply,
    },
    /// Change the sign-up.
    Command {
        /// The client that the sign-up must belong to.
        client: ClientId,
        /// The conditions of the caller's token, and the request.
        terms: Terms,
        /// The change.
        command: Command,
        /// The port for the answer.
        reply: Reply,
    },
    /// Show the sign-up.
    Read {
        /// The client that the sign-up must belong to.
        client: ClientId,
        /// The port for the answer.
        reply: Reply,
    },
    /// The timer fired: a deadline of the sign-up, or the end of its idle time.
    Wake,
}

/// On which terms a caller changes a sign-up.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    /// The conditions of the caller's token; empty for callers without one.
    pub changes: Vec<ClientChange>,
    /// The person's request, for the events of the commit.
    pub end_user: Option<Box<EndUser>>,
}

/// The first values of a new sign-up.
#[derive(Debug)]
pub struct Create {
    /// The client it belongs to.
    pub client: ClientId,
    /// Stores the client if it is new, the conditions of the caller's token, and the request.
    pub terms: Terms,
    /// The first fields.
    pub fields: Fields,
    /// The origin of the page that creates it.
    pub origin: Option<String>,
}

/// The answer of a sign-up.
#[derive(Clone, Debug)]
pub struct SignUpReply {
    /// The stored value.
    pub sign_up: Arc<SignUp>,
    /// What the call did.
    pub outcome: Outcome,
}

impl SignUpReply {
    /// Whether the client is owed a token now that this answer does not contain.
    pub fn is_owed(&self) -> bool {
        let Outcome::Committed(committed) = &self.outcome else { return false };
        committed.client.as_ref().is_some_and(|client| client.owed_to.is_some())
    }

    /// Whether this answer must reach the caller: the sign-up is complete, or it was left to others and the client's
    /// token was replaced.
    pub fn is_due(&self) -> bool {
        let Outcome::Committed(committed) = &self.outcome else { return self.sign_up.phase != Phase::Open };
        let generation = committed.client.as_ref().map(|client| client.generation);
        self.sign_up.phase != Phase::Open || generation > Some(committed.generation_before.unwrap_or_default())
    }
}

/// The effect of a call.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// None: the call only read, a person must confirm first, or the change was made before.
    Unchanged,
    /// None: it repeats the call that completed the sign-up, because the answer was lost
    /// ([guide: Client identity and tokens](crate::guide::design#client-identity-and-tokens)).
    Again,
    /// This commit.
    Committed(Committed),
}

/// Why a call to a sign-up failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The command was refused.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// There is no such sign-up, or it is another client's.
    #[error("no such sign-up")]
    NotFound,
    /// The presented token was replaced meanwhile; nothing was changed.
    #[error("the client's token has been replaced")]
    TokenReplaced,
    /// Too many calls are in flight on this sign-up.
    #[error("too many calls on one sign-up")]
    Busy,
    /// The engine is overloaded.
    #[error("overloaded")]
    Overloaded,
    /// The store can't be used.
    #[error("unavailable")]
    Unavailable,
    /// The call was lost in a failure; it may have taken effect.
    #[error("the call was lost")]
    Lost,
}

/// What a refused commit means to a caller, in general. Code that knows what the commit was about checks the error for
/// special cases first.
impl From<CommitError> for CallError {
    fn from(error: CommitError) -> Self {
        let rejected = |code: ErrorCode| Self::Rejected(code.into());
        match error {
            CommitError::IdentifierTaken(kind) => Self::Rejected(taken(kind).into()),
            CommitError::Client(ClientConflict::TokenReplaced) => Self::TokenReplaced,
            // Another call used what the client's sign-in had proved.
            CommitError::Client(ClientConflict::SignInChanged) => rejected(ErrorCode::AccountTransferInvalid),
            CommitError::Client(_) => rejected(ErrorCode::SignUpCannotBeUpdated),
            CommitError::Rejected(rejection) => Self::Rejected(rejection),
            CommitError::LimitExceeded { retry_after } => {
                Self::Rejected(ErrorCode::TooManyRequests.after(retry_after).into())
            }
            CommitError::Locked { remaining } => Self::Rejected(Reason::locked(remaining).into()),
            CommitError::Overloaded => Self::Overloaded,
            CommitError::Unavailable | CommitError::BadRecord => Self::Unavailable,
            CommitError::Stale | CommitError::Unknown => Self::Lost,
        }
    }
}

pub(super) type Reply = RpcReplyPort<Result<SignUpReply, CallError>>;

/// The actor of one sign-up.
pub(super) struct SignUpActor;

/// The start parameters of an actor.
pub(super) struct Arguments {
    pub(super) id: SignUpId,
    /// Whether the sign-up is new, so that there is nothing to load.
    pub(super) fresh: bool,
    pub(super) context: Arc<ActorContext>,
    pub(super) persister: Persister,
    pub(super) shard: ActorRef<SupervisorMessage>,
    /// How many routed messages it has handled; the shard compares it with the number it sent.
    pub(super) seen: Arc<AtomicU64>,
}

pub(super) struct State {
    arguments: Arguments,
    value: Loaded,
    /// When the value was last known to be that of the store.
    confirmed: tokio::time::Instant,
    last_used: tokio::time::Instant,
    /// The timer that is armed; there is at most one.
    timer: Option<AbortHandle>,
}

/// What came of a command.
enum Decided {
    /// With the stored value beneath it.
    Compared(Result<SignUpReply, CallError>),
    /// From the value in memory alone.
    Alone(Result<SignUpReply, CallError>),
}

enum Loaded {
    Absent,
    Value(Arc<SignUp>),
    Unreadable,
}

impl Actor for SignUpActor {
    type Msg = SignUpMessage;
    type State = State;
    type Arguments = Arguments;

    async fn pre_start(&self, _: ActorRef<Self::Msg>, arguments: Arguments) -> Result<State, ActorProcessingErr> {
        let now = tokio::time::Instant::now();
        Ok(State { arguments, value: Loaded::Absent, confirmed: now, last_used: now, timer: None })
    }

    async fn post_start(&self, myself: ActorRef<Self::Msg>, state: &mut State) -> Result<(), ActorProcessingErr> {
        if !state.arguments.fresh {
            state.load().await;
        }
        state.arm(&myself);
        Ok(())
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: SignUpMessage,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        if matches!(message, SignUpMessage::Wake) {
            state.wake(&myself);
            return Ok(());
        }
        state.last_used = tokio::time::Instant::now();
        let (result, reply) = match message {
            // On the heap while it runs: otherwise every idle actor's task would have room for a whole transition.
            SignUpMessage::Create { create, reply } => (Box::pin(state.create(*create)).await, reply),
            SignUpMessage::Command { client, terms, command, reply } => {
                (Box::pin(state.command(client, terms, &command)).await, reply)
            }
            SignUpMessage::Read { client, reply } => (state.read(client).await, reply),
            SignUpMessage::Wake => return Ok(()),
        };
        if reply.send(result).is_err() {
            tracing::debug!(sign_up.id = %state.arguments.id, "the caller no longer waits");
        }
        state.arguments.seen.fetch_add(1, Ordering::Release);
        if state.is_done() {
            // If another message arrived after the request to sleep, it is handled first and the actor asks again.
            state.ask_for_sleep(&myself);
        }
        Ok(())
    }

    async fn post_stop(&self, _: ActorRef<Self::Msg>, state: &mut State) -> Result<(), ActorProcessingErr> {
        state.disarm();
        Ok(())
    }
}

impl SignUpMessage {
    /// Answers with an error without asking the sign-up.
    pub(super) fn refuse(self, error: CallError) {
        let (Self::Create { reply, .. } | Self::Command { reply, .. } | Self::Read { reply, .. }) = self else {
            return;
        };
        if reply.send(Err(error)).is_err() {
            tracing::debug!("the caller no longer waits");
        }
    }
}

impl State {
    async fn read(&mut self, client: ClientId) -> Result<SignUpReply, CallError> {
        if self.may_be_outdated(self.arguments.context.options.read_lease) {
            self.load().await;
        }
        Ok(SignUpReply { sign_up: self.owned(client)?.clone(), outcome: Outcome::Unchanged })
    }

    /// Loads the value.
    async fn load(&mut self) {
        let begun = tokio::time::Instant::now();
        self.value = match self.arguments.context.store.sign_up(self.arguments.id).await {
            Ok(Some(value)) => Loaded::Value(Arc::new(value)),
            Ok(None) => Loaded::Absent,
            Err(error) => {
                tracing::error!(sign_up.id = %self.arguments.id, %error, "a sign-up could not be loaded");
                Loaded::Unreadable
            }
        };
        self.confirmed = begun;
    }

    /// Whether another node may have changed the sign-up, which was last compared with the store longer ago than this.
    fn may_be_outdated(&self, fresh_for: Duration) -> bool {
        self.arguments.context.store.is_shared() && self.confirmed.elapsed() >= fresh_for
    }

    async fn create(&mut self, create: Create) -> Result<SignUpReply, CallError> {
        let Create { client, terms, fields, origin } = create;
        let id = self.arguments.id;
        let mut transition = self.arguments.context.decide(|cx| SignUp::create(id, client, &fields, origin, cx))?;
        let values = self.ask_application(None, &mut transition).await?;
        let (Decided::Compared(outcome) | Decided::Alone(outcome)) = self.commit(None, terms, transition, values).await;
        outcome
    }

    /// Decides and commits. What a commit has compared with the store stands. Anything else, such as a refusal, rests on a value
    /// that another node may have changed: then it is decided again from the stored one.
    async fn command(
        &mut self,
        client: ClientId,
        mut terms: Terms,
        command: &Command,
    ) -> Result<SignUpReply, CallError> {
        let is_shared = self.arguments.context.store.is_shared();
        for _ in 0..DECISIONS_MAX {
            let (begun, known) = (tokio::time::Instant::now(), self.version());
            let of_this = if is_shared { terms.clone() } else { std::mem::take(&mut terms) };
            let outcome = match self.decide(client, of_this, command).await {
                Decided::Compared(outcome) => return outcome,
                Decided::Alone(outcome) => outcome,
            };
            if is_shared && self.confirmed < begun {
                self.load().await;
            }
            if !is_shared || self.version() == known {
                return outcome;
            }
        }
        Err(CallError::Busy)
    }

    async fn decide(&mut self, client: ClientId, terms: Terms, command: &Command) -> Decided {
        let value = match self.owned(client) {
            Ok(value) => value.clone(),
            Err(error) => return Decided::Alone(Err(error)),
        };
        let mut transition = match self.arguments.context.decide(|cx| value.apply(command, cx)) {
            Ok(transition) => transition,
            Err(rejection) => return Decided::Alone(Err(rejection.into())),
        };
        let outcome = match transition.change {
            Change::Made => match self.ask_application(Some(command), &mut transition).await {
                Ok(values) => return self.commit(Some(value.version), terms, transition, values).await,
                Err(error) => return Decided::Alone(Err(error)),
            },
            Change::Nothing => Outcome::Unchanged,
            Change::Replay => Outcome::Again,
        };
        Decided::Alone(Ok(SignUpReply { sign_up: value, outcome }))
    }

    /// The version of the value in memory.
    fn version(&self) -> Option<u64> {
        match &self.value {
            Loaded::Value(value) => Some(value.version),
            Loaded::Absent | Loaded::Unreadable => None,
        }
    }

    /// The value, if it belongs to this client.
    fn owned(&self, client: ClientId) -> Result<&Arc<SignUp>, CallError> {
        match &self.value {
            Loaded::Value(value) if value.client_id == client => Ok(value),
            Loaded::Value(_) | Loaded::Absent => Err(CallError::NotFound),
            Loaded::Unreadable => Err(CallError::Unavailable),
        }
    }

    /// Asks the application's hook about a conversion, and returns what the application stores with the user. It is asked
    /// before the commit, which decides whether there will be a user, and what it stores is part of that commit.
    async fn ask_application(
        &self,
        command: Option<&Command>,
        transition: &mut Transition,
    ) -> Result<Vec<ApplicationValue>, CallError> {
        let (Some(hook), Some(conversion)) = (&self.arguments.context.hook, &mut transition.outcome) else {
            return Ok(Vec::new());
        };
        match hook.ask(conversion).await {
            Ok(values) => Ok(values),
            Err(declined) => {
                *transition = transition.clone().declined(command, declined)?;
                Ok(Vec::new())
            }
        }
    }

    /// Commits, and only then takes over the next value and reveals the result.
    async fn commit(
        &mut self,
        expected_version: Option<u64>,
        terms: Terms,
        transition: Transition,
        values: Vec<ApplicationValue>,
    ) -> Decided {
        let Transition { next, verdict, effects, quota_uses, client_changes, outcome: conversion, .. } = transition;
        let context = &self.arguments.context;
        let policy = &context.policy;
        let relaxed = conversion.is_none();
        let deadline = next.forget_at(policy);
        let sign_up = Arc::new(next);
        let mut changes = terms.changes;
        changes.extend(client_changes);
        let accepted = conversion.as_ref().and_then(|c| Some(InvitationChange::Accept(c.accepts?, c.user.id)));
        let decision = Decision {
            sign_up: Some(SignUpWrite { next: sign_up.clone(), expected_version, deadline }),
            invitations: accepted.into_iter().collect(),
            user: conversion.map(|c| Box::new(c.user)),
            client: Some(ClientWrite { id: sign_up.client_id, changes }),
            outbox: context.outbox(effects),
            values: values.into_iter().map(ValueWrite::Put).collect(),
            quota_uses,
            limits: policy.address_limits,
            ignores_dots: context.settings().ignores_dots(),
            ..Decision::default()
        };
        let asked: Vec<Identifier> = decision.outbox.iter().map(|entry| entry.to().clone()).collect();
        let end_user = terms.end_user;
        let commit = Commit { relaxed, end_user, ..Commit::of_decision(context.now(), decision) };
        let begun = tokio::time::Instant::now();
        match self.arguments.persister.commit(commit).await {
            Ok(committed) => {
                self.value = Loaded::Value(sign_up.clone());
                self.confirmed = begun;
                let reply = SignUpReply { sign_up, outcome: Outcome::Committed(committed) };
                Decided::Compared(verdict.map(|()| reply).map_err(CallError::from))
            }
            Err(error) => {
                if matches!(error, CommitError::LimitExceeded { .. }) {
                    let limited = &self.arguments.context.limited;
                    asked.iter().for_each(|to| limited.note(to, MessageBudget::Address));
                }
                let is_outdated = error == CommitError::Stale;
                // Another write came in between, or this one is made after all.
                if is_outdated || error == CommitError::Unknown {
                    self.load().await;
                }
                if is_outdated { Decided::Alone(Err(error.into())) } else { Decided::Compared(Err(error.into())) }
            }
        }
    }

    /// Arms the timer for the earlier of a deadline of the sign-up and the end of its idle time.
    fn arm(&mut self, myself: &ActorRef<SignUpMessage>) {
        let context = &self.arguments.context;
        let idle = context.options.passivate_after.saturating_sub(self.last_used.elapsed());
        let deadline = match &self.value {
            Loaded::Value(value) => value.next_deadline(context.now(), &context.policy),
            Loaded::Absent | Loaded::Unreadable => None,
        };
        let until = |deadline: Timestamp| deadline.since(context.now()).max(Span::from_millis(1)).to_std();
        let after = deadline.map_or(idle, |d| idle.min(until(d)));
        self.wake_after(after, myself);
    }

    fn wake(&mut self, myself: &ActorRef<SignUpMessage>) {
        let options = &self.arguments.context.options;
        if self.last_used.elapsed() < options.passivate_after {
            return self.arm(myself);
        }
        let after = options.passivate_after;
        self.ask_for_sleep(myself);
        // If a message arrived after the request to sleep, the actor stays awake and asks again later.
        self.wake_after(after, myself);
    }

    /// Whether further requests are unlikely: the sign-up is finished, or does not exist.
    fn is_done(&self) -> bool {
        match &self.value {
            Loaded::Value(value) => value.phase != Phase::Open,
            Loaded::Absent | Loaded::Unreadable => true,
        }
    }

    fn ask_for_sleep(&self, myself: &ActorRef<SignUpMessage>) {
        let sleep = SupervisorMessage::Sleep {
            id: self.arguments.id,
            actor: myself.get_id(),
            seen: self.arguments.seen.load(Ordering::Acquire),
        };
        if self.arguments.shard.send_message(sleep).is_err() {
            tracing::debug!(sign_up.id = %self.arguments.id, "the shard has stopped");
        }
    }

    fn wake_after(&mut self, time: Duration, myself: &ActorRef<SignUpMessage>) {
        self.disarm();
        self.timer = Some(myself.send_after(time, || SignUpMessage::Wake).abort_handle());
    }

    fn disarm(&mut self) {
        if let Some(timer) = self.timer.take() {
            timer.abort();
        }
    }
}

/// How often a command is decided because other nodes write the sign-up at the same time.
const DECISIONS_MAX: usize = 4;

/// Distinguishes an actor from earlier and later ones of the same sign-up.
pub(super) type Incarnation = ActorId;

#[cfg(test)]
mod tests;
