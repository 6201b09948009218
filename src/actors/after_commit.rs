//! Telling the application's hooks what was committed. Each hook reads the log of events at a pace of its own, from a
//! place that is stored, so that none of them holds up another one, and none misses an event because the engine ended.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::{AbortHandle, JoinSet};

use crate::domain::event::{Event, Position};
use crate::domain::hook::AfterCommit;
use crate::store::{Commit, CommitError, Committed, Decision, EventPage, NamedValueWrite, StoreError};

use super::announced::AFTER_COMMIT;
use super::context::ActorContext;
use super::lease::Lease;
use super::persister::Persister;

/// A hook with the name under which its place in the log is stored.
#[derive(Clone)]
pub struct Follower {
    /// The name.
    pub name: String,
    /// The hook.
    pub hook: Arc<dyn AfterCommit>,
}

/// The hooks that are being told. They are told no more when this is stopped or dropped.
pub(super) struct Following(Vec<(AbortHandle, Lease)>);

impl Following {
    /// Begins to tell these hooks.
    pub(super) fn start(followers: Vec<Follower>, context: &Arc<ActorContext>, persister: &Persister) -> Self {
        let start = |follower: Follower| {
            let (context, persister) = (context.clone(), persister.clone());
            let lease = Lease::keep(&follower.key(), &context, &persister);
            let task = tokio::spawn({
                let lease = lease.clone();
                async move { follower.follow_while_held(&lease, &context, &persister).await }
            });
            (task.abort_handle(), lease)
        };
        Self(followers.into_iter().map(start).collect())
    }

    /// Stops at once. A hook that was just told of an event is told of it again after the next start.
    pub(super) fn stop(&self) {
        for (follower, _) in &self.0 {
            follower.abort();
        }
    }

    /// The leases of the hooks.
    pub(super) fn leases(&self) -> impl Iterator<Item = &Lease> {
        self.0.iter().map(|(_, lease)| lease)
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Follower {
    /// Tells the hook while it is for this node to do so. A hook that is just told of an event when that ends is told of it
    /// again by the next node.
    async fn follow_while_held(&self, lease: &Lease, context: &ActorContext, persister: &Persister) {
        while context.event_log.is_open() {
            lease.held().await;
            tokio::select! {
                () = self.follow(context, persister) => {}
                () = lease.lost() => {}
            }
        }
    }

    /// Tells the hook of all events from its place on, until the engine stops or the place was written by somebody else.
    async fn follow(&self, context: &ActorContext, persister: &Persister) {
        let mut newer = context.event_log.watch();
        let mut stored = loop {
            match self.stored_place(context, persister).await {
                Ok(stored) => break stored,
                Err(error) => self.trouble(&error).await,
            }
        };
        let mut place = read_place(&stored);
        loop {
            newer.borrow_and_update();
            let page = match context.store.events(place, PORTION).await {
                Ok(page) => page,
                Err(error) => {
                    self.trouble(&error).await;
                    continue;
                }
            };
            self.look_for_a_gap(place, &page);
            let Some(last) = page.events.last().map(|event| event.position) else {
                if newer.changed().await.is_err() {
                    return;
                }
                continue;
            };
            for event in &page.events {
                self.tell(event).await;
            }
            place = Some(last);
            let next = write_place(place);
            match self.keep(Some(stored.clone()), next.clone(), context, persister).await {
                Ok(_) => stored = next,
                Err(CommitError::Stale) => return,
                // The hook is told again after the next start what it was told now.
                Err(error) => tracing::debug!(hook = self.name, %error, "the place of a hook could not be stored"),
            }
        }
    }

    /// The stored place from which the hook goes on. A hook that is new here begins with what happens from now on.
    async fn stored_place(&self, context: &ActorContext, persister: &Persister) -> Result<Vec<u8>, StoreError> {
        if let Some(stored) = context.store.value(&self.key()).await? {
            return Ok(stored);
        }
        let begin = write_place(context.store.last_event().await?);
        let kept = self.keep(None, begin.clone(), context, persister).await;
        kept.map_err(|error| StoreError::Unavailable(format!("its place can't be stored: {error}")))?;
        Ok(begin)
    }

    /// Stores the place, if the one before is stored.
    async fn keep(
        &self,
        before: Option<Vec<u8>>,
        next: Vec<u8>,
        context: &ActorContext,
        persister: &Persister,
    ) -> Result<Committed, CommitError> {
        let value = NamedValueWrite { name: self.key(), expected: before, next };
        let decision = Decision { named_value: Some(value), ..Decision::default() };
        persister.commit(Commit { relaxed: true, ..Commit::of_decision(context.now(), decision) }).await
    }

    /// Logs that events are gone which the hook was not told of: it was away for longer than they are kept.
    fn look_for_a_gap(&self, place: Option<Position>, page: &EventPage) {
        if page.removed_to.is_some_and(|removed_to| place.is_some_and(|place| place < removed_to)) {
            tracing::error!(hook = self.name, "events were removed before this hook was told of them");
        }
    }

    /// Tells of one event, until the hook has taken it.
    async fn tell(&self, event: &Event) {
        let mut wait = RETRY_FIRST;
        while let Err(failure) = self.try_to_tell(event).await {
            let wait_s = wait.as_secs();
            tracing::warn!(hook = self.name, event.id = %event.id, failure, wait_s, "a hook did not take an event");
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(RETRY_MAX);
        }
    }

    /// The hook runs in a task of its own, which its panic ends alone.
    async fn try_to_tell(&self, event: &Event) -> Result<(), &'static str> {
        let (hook, event) = (self.hook.clone(), event.clone());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { hook.after_commit(&event).await });
        match tokio::time::timeout(DEADLINE, tasks.join_next()).await {
            Ok(Some(Ok(taken))) => taken.map_err(|_| "it wants to be told again"),
            Ok(_) => Err("it panicked"),
            Err(_) => Err("it took too long"),
        }
    }

    async fn trouble(&self, error: &StoreError) {
        tracing::warn!(hook = self.name, %error, "the events for a hook can't be read");
        tokio::time::sleep(RETRY_FIRST).await;
    }

    fn key(&self) -> String {
        format!("{AFTER_COMMIT}{}", self.name)
    }
}

fn write_place(place: Option<Position>) -> Vec<u8> {
    place.map(|place| place.to_string()).unwrap_or_default().into_bytes()
}

fn read_place(stored: &[u8]) -> Option<Position> {
    std::str::from_utf8(stored).ok()?.parse().ok()
}

/// How many events are read at once.
const PORTION: usize = 100;
/// How long a hook may take for one event.
const DEADLINE: Duration = Duration::from_secs(30);
/// How long the first wait is after a failure; each further one is twice as long.
const RETRY_FIRST: Duration = Duration::from_secs(1);
/// The longest wait after a failure.
const RETRY_MAX: Duration = Duration::from_secs(300);
