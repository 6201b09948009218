//! The persister: takes all waiting commits, writes them as one batch, acknowledges them, and repeats. It needs no
//! timer: while one batch is being written, the next one collects.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::domain::time::Timestamp;
use crate::store::{Commit, CommitError, Committed, OutboxEntry, Store};

use super::announced::announce;
use super::event_log::EventLog;
use super::last_seen::LastSeen;
use super::outage::Outage;
use super::relay::RelayMessage;

/// A handle on the persister.
#[derive(Clone)]
pub struct Persister {
    actor: ActorRef<PersisterMessage>,
    places: Arc<Semaphore>,
    waiting_max: usize,
    outage: Arc<Outage>,
}

pub(super) enum PersisterMessage {
    Commit(Box<Waiting>),
    Written,
    /// Probe whether commits succeed again.
    Probe,
}

pub(super) struct Waiting {
    commit: Commit,
    reply: oneshot::Sender<Result<Committed, CommitError>>,
    /// A probe has none.
    _place: Option<OwnedSemaphorePermit>,
}

impl Persister {
    /// A handle to `actor` that lets `waiting_max` commits wait.
    pub(super) fn new(actor: ActorRef<PersisterMessage>, waiting_max: usize, outage: Arc<Outage>) -> Self {
        Self { actor, places: Arc::new(Semaphore::new(waiting_max)), waiting_max, outage }
    }

    /// Whether the store refused the last batch, and no commit has succeeded since. Reading it never waits.
    pub fn commits_fail(&self) -> bool {
        self.outage.is_on()
    }

    /// Commits, and returns once the commit is durable.
    ///
    /// # Errors
    /// Those of [`Store::commit`]; `Overloaded` when too many commits wait already.
    pub async fn commit(&self, commit: Commit) -> Result<Committed, CommitError> {
        let place = self.places.clone().try_acquire_owned().map_err(|_| CommitError::Overloaded)?;
        let (reply, answer) = oneshot::channel();
        let waiting = Waiting { commit, reply, _place: Some(place) };
        self.actor.send_message(PersisterMessage::Commit(Box::new(waiting))).map_err(|_| CommitError::Unavailable)?;
        answer.await.unwrap_or(Err(CommitError::Unknown))
    }

    /// Returns once no commit is waiting; after that no further commits are accepted.
    pub(super) async fn drain(&self) {
        let all = u32::try_from(self.waiting_max).unwrap_or(u32::MAX);
        drop(self.places.acquire_many(all).await);
        self.places.close();
    }
}

pub(super) struct PersisterActor;

pub(super) struct State {
    store: Arc<dyn Store>,
    relay: ActorRef<RelayMessage>,
    last_seen: Arc<LastSeen>,
    outage: Arc<Outage>,
    event_log: Arc<EventLog>,
    #[expect(clippy::vec_box, reason = "they come in boxes, and a pointer moves faster than a commit")]
    waiting: Vec<Box<Waiting>>,
    writing: bool,
}

impl Actor for PersisterActor {
    type Msg = PersisterMessage;
    type State = State;
    type Arguments = (Arc<dyn Store>, ActorRef<RelayMessage>, Arc<LastSeen>, Arc<Outage>, Arc<EventLog>);

    async fn pre_start(
        &self,
        _: ActorRef<Self::Msg>,
        (store, relay, last_seen, outage, event_log): Self::Arguments,
    ) -> Result<State, ActorProcessingErr> {
        Ok(State { store, relay, last_seen, outage, event_log, waiting: Vec::new(), writing: false })
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: PersisterMessage,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            PersisterMessage::Commit(waiting) => state.waiting.push(waiting),
            PersisterMessage::Written => state.writing = false,
            PersisterMessage::Probe => state.waiting.push(probe()),
        }
        state.write(&myself);
        Ok(())
    }

    /// Commits that still wait when the engine stops are written before the actor ends.
    async fn post_stop(&self, _: ActorRef<Self::Msg>, state: &mut State) -> Result<(), ActorProcessingErr> {
        let batch = std::mem::take(&mut state.waiting);
        write(&*state.store, &state.relay, (&state.last_seen, &state.outage, &state.event_log), batch).await;
        Ok(())
    }
}

impl State {
    fn write(&mut self, myself: &ActorRef<PersisterMessage>) {
        if self.writing || self.waiting.is_empty() {
            return;
        }
        self.writing = true;
        let rest = self.waiting.split_off(self.waiting.len().min(BATCH_MAX));
        let batch = std::mem::replace(&mut self.waiting, rest);
        let (store, relay, myself) = (self.store.clone(), self.relay.clone(), myself.clone());
        let (last_seen, outage, event_log) = (self.last_seen.clone(), self.outage.clone(), self.event_log.clone());
        tokio::spawn(async move {
            // If the store panics, the reply ports of the batch close and the persister continues with the next batch.
            let (ongoing, reader) = (outage.clone(), relay.clone());
            let log = event_log.clone();
            let work = async move { write(&*store, &relay, (&last_seen, &outage, &log), batch).await };
            let outcome = AssertUnwindSafe(work).catch_unwind().await;
            match outcome {
                Ok(begins) if begins => drop(tokio::spawn(probe_until_over(ongoing, myself.clone()))),
                Ok(_) => {}
                Err(_) => {
                    tracing::error!("the store panicked; the outcome of a batch is unknown");
                    look_for_messages(&reader);
                    event_log.note(&[Err(CommitError::Unknown)]);
                }
            }
            if myself.send_message(PersisterMessage::Written).is_err() {
                tracing::debug!("the persister has stopped");
            }
        });
    }
}

/// Probes from time to time whether commits succeed again. Callers may not do it: an instance that reports "not ready"
/// gets no requests that it would have to commit.
async fn probe_until_over(outage: Arc<Outage>, persister: ActorRef<PersisterMessage>) {
    // Another outage may begin while the end of this one is being detected.
    while outage.begin_probing() {
        loop {
            tokio::time::sleep(PROBE_PAUSE).await;
            if !outage.is_on() {
                break;
            }
            if persister.send_message(PersisterMessage::Probe).is_err() {
                return;
            }
        }
        outage.end_probing();
    }
}

/// The smallest possible commit. No caller waits for its answer.
fn probe() -> Box<Waiting> {
    let commit = Commit::of_value(Timestamp::default(), PROBE, Vec::new());
    Box::new(Waiting { commit, reply: oneshot::channel().0, _place: None })
}

/// Writes a batch and acknowledges it; its messages go to the relay once it is durable. Returns true when the store
/// begins to refuse commits.
#[expect(clippy::vec_box, reason = "see `State`")]
async fn write(
    store: &dyn Store,
    relay: &ActorRef<RelayMessage>,
    (last_seen, outage, event_log): (&LastSeen, &Outage, &EventLog),
    batch: Vec<Box<Waiting>>,
) -> bool {
    if batch.is_empty() {
        return false;
    }
    let room = batch.len();
    let (mut commits, mut replies, mut places) =
        (Vec::with_capacity(room), Vec::with_capacity(room), Vec::with_capacity(room));
    let mut outboxes: Vec<Vec<OutboxEntry>> = Vec::with_capacity(room);
    for waiting in batch {
        let Waiting { mut commit, reply, _place } = *waiting;
        event_log.prepare(&mut commit);
        if store.is_shared() {
            announce(&mut commit);
        }
        outboxes.push(commit.decision.outbox.clone());
        commits.push(commit);
        replies.push(reply);
        places.push(_place);
    }
    let now = commits.iter().map(|commit| commit.at).max().unwrap_or_default();
    let note = last_seen.note(store, now);
    let noting = note.is_some();
    commits.extend(note);
    let mut results = store.commit(commits).await;
    if noting && results.pop().is_some_and(|noted| noted.is_ok()) {
        last_seen.noted(now);
    }
    let begins = outage.note(&results);
    event_log.note(&results);
    let mut is_unknown = false;
    for ((result, reply), outbox) in results.into_iter().zip(replies).zip(outboxes) {
        match &result {
            Ok(_) => {
                for entry in outbox {
                    if relay.send_message(RelayMessage::Deliver(entry)).is_err() {
                        tracing::debug!("the relay has stopped; the message stays in the outbox");
                    }
                }
            }
            Err(CommitError::Unknown) => is_unknown |= !outbox.is_empty(),
            Err(_) => {}
        }
        if reply.send(result).is_err() {
            tracing::debug!("the caller no longer waits");
        }
    }
    if is_unknown {
        look_for_messages(relay);
    }
    begins
}

/// Makes the relay read the outbox: a batch with an unknown outcome may have stored messages.
fn look_for_messages(relay: &ActorRef<RelayMessage>) {
    if relay.send_message(RelayMessage::Read).is_err() {
        tracing::debug!("the relay has stopped; what was written stays in the outbox");
    }
}

/// The name under which a probe is stored.
const PROBE: &str = "commit_probe";
const PROBE_PAUSE: Duration = Duration::from_secs(1);
/// The most commits in one batch.
const BATCH_MAX: usize = 1024;

#[cfg(test)]
mod tests;
