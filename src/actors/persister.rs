//! The persister: takes what waits, commits it as one batch, acknowledges all, begins again. Natural batching, no
//! timer: while one batch is being written the next one gathers.

use std::sync::Arc;

use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::store::{Commit, CommitError, Committed, OutboxEntry, Store};

use super::last_seen::LastSeen;
use super::relay::RelayMessage;

/// A handle on the persister.
#[derive(Clone)]
pub struct Persister {
    actor: ActorRef<PersisterMessage>,
    places: Arc<Semaphore>,
    waiting_max: usize,
}

pub(super) enum PersisterMessage {
    Commit(Box<Waiting>),
    Written,
}

pub(super) struct Waiting {
    commit: Commit,
    reply: oneshot::Sender<Result<Committed, CommitError>>,
    _place: OwnedSemaphorePermit,
}

impl Persister {
    /// A handle on `actor` that lets `waiting_max` commits wait.
    pub(super) fn new(actor: ActorRef<PersisterMessage>, waiting_max: usize) -> Self {
        Self { actor, places: Arc::new(Semaphore::new(waiting_max)), waiting_max }
    }

    /// Commits, and returns once that stands.
    ///
    /// # Errors
    /// Those of [`Store::commit`]; `Overloaded` when too many commits wait already.
    pub async fn commit(&self, commit: Commit) -> Result<Committed, CommitError> {
        let place = self.places.clone().try_acquire_owned().map_err(|_| CommitError::Overloaded)?;
        let (reply, answer) = oneshot::channel();
        let waiting = Waiting { commit, reply, _place: place };
        self.actor.send_message(PersisterMessage::Commit(Box::new(waiting))).map_err(|_| CommitError::Unavailable)?;
        answer.await.unwrap_or(Err(CommitError::Unknown))
    }

    /// Returns once nothing waits; from then on it takes no commit.
    pub(super) async fn rest(&self) {
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
    #[expect(clippy::vec_box, reason = "they come in boxes, and a pointer moves faster than a commit")]
    waiting: Vec<Box<Waiting>>,
    writing: bool,
}

impl Actor for PersisterActor {
    type Msg = PersisterMessage;
    type State = State;
    type Arguments = (Arc<dyn Store>, ActorRef<RelayMessage>, Arc<LastSeen>);

    async fn pre_start(
        &self,
        _: ActorRef<Self::Msg>,
        (store, relay, last_seen): Self::Arguments,
    ) -> Result<State, ActorProcessingErr> {
        Ok(State { store, relay, last_seen, waiting: Vec::new(), writing: false })
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
        }
        state.write(&myself);
        Ok(())
    }

    /// What still waits when the engine stops is written before the actor is gone.
    async fn post_stop(&self, _: ActorRef<Self::Msg>, state: &mut State) -> Result<(), ActorProcessingErr> {
        let batch = std::mem::take(&mut state.waiting);
        write(&*state.store, &state.relay, &state.last_seen, batch).await;
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
        let last_seen = self.last_seen.clone();
        tokio::spawn(async move {
            // Should the store panic, the ports of the batch close and the persister goes on with the next.
            let outcome = tokio::spawn(async move { write(&*store, &relay, &last_seen, batch).await }).await;
            if let Err(error) = outcome {
                tracing::error!(%error, "a batch was lost in the store");
            }
            if myself.send_message(PersisterMessage::Written).is_err() {
                tracing::debug!("the persister is gone");
            }
        });
    }
}

/// Writes a batch and acknowledges it; what is to be sent goes to the relay once it stands.
#[expect(clippy::vec_box, reason = "see `State`")]
async fn write(store: &dyn Store, relay: &ActorRef<RelayMessage>, last_seen: &LastSeen, batch: Vec<Box<Waiting>>) {
    if batch.is_empty() {
        return;
    }
    let room = batch.len();
    let (mut commits, mut replies, mut places) =
        (Vec::with_capacity(room), Vec::with_capacity(room), Vec::with_capacity(room));
    let mut outboxes: Vec<Vec<OutboxEntry>> = Vec::with_capacity(room);
    for waiting in batch {
        let Waiting { commit, reply, _place } = *waiting;
        outboxes.push(commit.outbox.clone());
        commits.push(commit);
        replies.push(reply);
        places.push(_place);
    }
    let now = commits.iter().map(|commit| commit.at).max().unwrap_or_default();
    let note = last_seen.note(now);
    let noting = note.is_some();
    commits.extend(note);
    let mut results = store.commit(commits).await;
    if noting && results.pop().is_some_and(|noted| noted.is_ok()) {
        last_seen.noted(now);
    }
    for ((result, reply), outbox) in results.into_iter().zip(replies).zip(outboxes) {
        if result.is_ok() {
            for entry in outbox {
                if relay.send_message(RelayMessage::Deliver(entry)).is_err() {
                    tracing::debug!("the relay is gone; the message stays in the outbox");
                }
            }
        }
        if reply.send(result).is_err() {
            tracing::debug!("the caller is gone");
        }
    }
}

/// The most commits in one batch.
const BATCH_MAX: usize = 1024;
