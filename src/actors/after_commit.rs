//! Telling the application's hooks what was committed. Each hook reads the log of events at a pace of its own, from a
//! place that is stored, so that none of them holds up another one, and none misses an event because the engine ended.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::{AbortHandle, JoinSet};

use crate::domain::event::{Event, Position};
use crate::domain::hook::AfterCommit;
use crate::store::{Commit, EventPage, StoreError};

use super::context::ActorContext;
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
pub(super) struct Following(Vec<AbortHandle>);

impl Following {
    /// Begins to tell these hooks.
    pub(super) fn start(followers: Vec<Follower>, context: &Arc<ActorContext>, persister: &Persister) -> Self {
        let start = |follower: Follower| {
            let (context, persister) = (context.clone(), persister.clone());
            tokio::spawn(async move { follower.follow(&context, &persister).await }).abort_handle()
        };
        Self(followers.into_iter().map(start).collect())
    }

    /// Stops at once. A hook that was just told of an event is told of it again after the next start.
    pub(super) fn stop(&self) {
        for follower in &self.0 {
            follower.abort();
        }
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Follower {
    async fn follow(&self, context: &ActorContext, persister: &Persister) {
        let mut newer = context.event_log.watch();
        let mut place = loop {
            match self.place(context, persister).await {
                Ok(place) => break place,
                Err(error) => self.trouble(&error).await,
            }
        };
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
            self.keep(place, context, persister).await;
        }
    }

    /// The place from which the hook goes on. A hook that is new here begins with what happens from now on.
    async fn place(&self, context: &ActorContext, persister: &Persister) -> Result<Option<Position>, StoreError> {
        if let Some(stored) = context.store.value(&self.key()).await? {
            let text = String::from_utf8(stored).unwrap_or_default();
            return Ok(text.parse().ok());
        }
        let last = context.store.last_event().await?;
        self.keep(last, context, persister).await;
        Ok(last)
    }

    /// Stores the place. Where that fails, the hook is told again after the next start what it was told before.
    async fn keep(&self, place: Option<Position>, context: &ActorContext, persister: &Persister) {
        let text = place.map(|place| place.to_string()).unwrap_or_default();
        let commit = Commit::of_value(context.now(), &self.key(), text.into_bytes());
        if let Err(error) = persister.commit(Commit { relaxed: true, ..commit }).await {
            tracing::debug!(hook = self.name, %error, "the place of a hook could not be stored");
        }
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
        format!("after_commit:{}", self.name)
    }
}

/// How many events are read at once.
const PORTION: usize = 100;
/// How long a hook may take for one event.
const DEADLINE: Duration = Duration::from_secs(30);
/// How long the first wait is after a failure; each further one is twice as long.
const RETRY_FIRST: Duration = Duration::from_secs(1);
/// The longest wait after a failure.
const RETRY_MAX: Duration = Duration::from_secs(300);
