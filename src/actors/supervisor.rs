//! A shard: router and directory for the sign-ups of its part of the ids. It never waits for IO.
//!
//! Passivation follows one protocol. Only the shard sends to its children. A child asks to sleep and never stops
//! itself. The shard agrees only if every message that it routed was handled, and then holds back new messages until
//! the child has ended. So no call is lost and no sign-up has two actors.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef, ActorRuntime, RpcReplyPort, SupervisionEvent};

use crate::domain::id::SignUpId;

use super::context::ActorContext;
use super::persister::Persister;
use super::sign_up::{Arguments as ChildArguments, CallError, Incarnation, SignUpActor, SignUpMessage};

/// A message to a shard.
pub(super) enum SupervisorMessage {
    /// For the sign-up with this id.
    Route { id: SignUpId, fresh: bool, message: SignUpMessage },
    /// A child is idle and asks to sleep.
    Sleep { id: SignUpId, actor: Incarnation, seen: u64 },
    /// Count the awake sign-ups.
    CountAwake { reply: RpcReplyPort<usize> },
}

pub(super) struct Supervisor;

pub(super) struct Arguments {
    pub(super) context: Arc<ActorContext>,
    pub(super) persister: Persister,
}

pub(super) struct State {
    arguments: Arguments,
    awake: HashMap<SignUpId, Entry>,
    ids: HashMap<Incarnation, SignUpId>,
    crashes: HashMap<SignUpId, Crashes>,
}

struct Entry {
    child: ActorRef<SignUpMessage>,
    routed: u64,
    seen: Arc<AtomicU64>,
    phase: Phase,
}

enum Phase {
    Awake,
    Draining(Vec<SignUpMessage>),
}

struct Crashes {
    count: u32,
    since: tokio::time::Instant,
}

impl Actor for Supervisor {
    type Msg = SupervisorMessage;
    type State = State;
    type Arguments = Arguments;

    async fn pre_start(&self, _: ActorRef<Self::Msg>, arguments: Arguments) -> Result<State, ActorProcessingErr> {
        Ok(State { arguments, awake: HashMap::new(), ids: HashMap::new(), crashes: HashMap::new() })
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: SupervisorMessage,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            SupervisorMessage::Route { id, fresh, message } => state.route(&myself, id, fresh, message),
            SupervisorMessage::Sleep { id, actor, seen } => state.sleep(id, actor, seen),
            SupervisorMessage::CountAwake { reply } => drop(reply.send(state.awake.len())),
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<Self::Msg>,
        event: SupervisionEvent,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorTerminated(child, _, _) => state.ended(&myself, child.get_id(), None),
            SupervisionEvent::ActorFailed(child, error) => {
                state.ended(&myself, child.get_id(), Some(error.to_string()));
            }
            SupervisionEvent::ActorStarted(_) | SupervisionEvent::ProcessGroupChanged(_) => {}
        }
        Ok(())
    }
}

impl State {
    fn route(&mut self, myself: &ActorRef<SupervisorMessage>, id: SignUpId, fresh: bool, message: SignUpMessage) {
        let in_flight_max = self.arguments.context.options.calls_per_sign_up_max;
        let Some(entry) = self.awake.get_mut(&id) else {
            return self.spawn(myself, id, fresh, vec![message]);
        };
        match &mut entry.phase {
            Phase::Awake if entry.routed - entry.seen.load(Ordering::Acquire) >= in_flight_max => {
                message.refuse(CallError::Busy);
            }
            Phase::Awake => entry.forward(message),
            Phase::Draining(parked) if parked.len() as u64 >= in_flight_max => message.refuse(CallError::Busy),
            Phase::Draining(parked) => parked.push(message),
        }
    }

    fn spawn(&mut self, myself: &ActorRef<SupervisorMessage>, id: SignUpId, fresh: bool, messages: Vec<SignUpMessage>) {
        let refuse = |messages: Vec<SignUpMessage>| {
            for message in messages {
                message.refuse(CallError::Unavailable);
            }
        };
        if self.is_quarantined(id) {
            return refuse(messages);
        }
        let seen = Arc::new(AtomicU64::new(0));
        let arguments = ChildArguments {
            id,
            fresh,
            context: self.arguments.context.clone(),
            persister: self.arguments.persister.clone(),
            shard: myself.clone(),
            seen: seen.clone(),
        };
        match ActorRuntime::spawn_linked_instant(None, SignUpActor, arguments, myself.get_cell()) {
            Ok((child, _)) => {
                self.ids.insert(child.get_id(), id);
                let mut entry = Entry { child, routed: 0, seen, phase: Phase::Awake };
                for message in messages {
                    entry.forward(message);
                }
                self.awake.insert(id, entry);
            }
            Err(error) => {
                tracing::error!(sign_up.id = %id, %error, "no actor could be started");
                refuse(messages);
            }
        }
    }

    fn sleep(&mut self, id: SignUpId, actor: Incarnation, seen: u64) {
        let Some(entry) = self.awake.get_mut(&id) else { return };
        let idle = matches!(entry.phase, Phase::Awake) && entry.child.get_id() == actor && entry.routed == seen;
        if idle && entry.child.drain().is_ok() {
            entry.phase = Phase::Draining(Vec::new());
        }
    }

    fn ended(&mut self, myself: &ActorRef<SupervisorMessage>, actor: Incarnation, failure: Option<String>) {
        let Some(id) = self.ids.remove(&actor) else { return };
        if let Some(error) = failure {
            tracing::error!(sign_up.id = %id, error, "a sign-up's actor failed; it starts again from its last commit");
            self.note_crash(id);
        }
        if self.awake.get(&id).is_none_or(|entry| entry.child.get_id() != actor) {
            return;
        }
        if let Some(Entry { phase: Phase::Draining(parked), .. }) = self.awake.remove(&id)
            && !parked.is_empty()
        {
            self.spawn(myself, id, false, parked);
        }
    }

    fn note_crash(&mut self, id: SignUpId) {
        let now = tokio::time::Instant::now();
        self.crashes.retain(|_, crashes| now - crashes.since < QUARANTINE);
        self.crashes.entry(id).or_insert(Crashes { count: 0, since: now }).count += 1;
        if self.is_quarantined(id) {
            tracing::error!(sign_up.id = %id, "a sign-up's actor keeps failing; it is not started again for a minute");
        }
    }

    fn is_quarantined(&self, id: SignUpId) -> bool {
        self.crashes.get(&id).is_some_and(|c| c.count >= CRASHES_MAX && c.since.elapsed() < QUARANTINE)
    }
}

impl Entry {
    fn forward(&mut self, message: SignUpMessage) {
        self.routed += 1;
        if let Err(error) = self.child.send_message(message) {
            // The child has just ended; the notice of its end is still on the way to this shard, and the caller sees a
            // closed port.
            tracing::debug!(%error, "a message was for an actor that has stopped");
        }
    }
}

/// After this many crashes of one sign-up within [`QUARANTINE`], it gets no new actor until that time has passed.
const CRASHES_MAX: u32 = 3;
const QUARANTINE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests;
