//! The delivery to one endpoint: reads the log of events behind the endpoint's cursor, sends what the endpoint wants, and
//! stores the results. What fails is kept for another attempt, and the cursor goes on.
//!
//! The cursor is written after the deliveries. So after a crash some messages are sent again, with the ids from before,
//! and none is left out.

use std::collections::{HashSet, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use crate::delivery::Hearing;
use crate::domain::event::{Event, Position};
use crate::domain::time::{Span, Timestamp};
use crate::domain::webhook::{Disabled, Health, Retry, RetryKey, WebhookEndpoint};
use crate::store::{Commit, CommitError, CursorMove, Housekeeping, StoreError, WebhookProgress};
use crate::webhook::{Endpoint, Outcome, Sender, message_id, next_attempt_in};

use super::attempts::{Attempts, WebhookAttempt};
use super::kept::{open_secrets, usable};
use super::message::{AttemptResult, Attempted, Job, Shared, another_attempt, body, event_at, failure};
use super::pace::{Pace, RUNNING_MAX, wait_for_turn};
use super::payload::event_type;
use super::window::Window;

/// How a delivery is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// Not yet.
    Never,
    /// Attempts that have begun may end.
    Finish,
    /// At once. Attempts that have begun are made again.
    Now,
}

/// The delivery to one endpoint.
pub(super) struct Delivery {
    shared: Arc<Shared>,
    kept: WebhookEndpoint,
    endpoint: Endpoint,
    /// Its own, so that endpoints on one host do not take each other's places.
    sender: Sender,
    attempts: Arc<Attempts>,
    new_events: watch::Receiver<Option<Position>>,
    /// Told when a message was put among those that wait.
    retries_added: Arc<Notify>,
    window: Window,
    /// Events that were read and not begun.
    ahead: VecDeque<Event>,
    /// Whether there may be more events than were read.
    is_behind: bool,
    running: JoinSet<Attempted>,
    retries_running: usize,
    pace: Pace,
    /// Waiting messages that are tried now, or whose attempt is not noted yet.
    claimed: HashSet<RetryKey>,
    /// When the first waiting message that is not claimed is due; `None` if there is none, or it is not known.
    next_due: Option<Timestamp>,
    /// Whether the waiting messages are to be read.
    reads_retries: bool,
    health: Health,
    disabled: Option<Disabled>,
    /// Whether the stored cursor is not the one that this delivery has written.
    is_superseded: bool,
    unsaved: Unsaved,
    /// While it runs, the endpoint hears of messages.
    _hearing: Vec<Hearing>,
}

/// What is not noted in the store yet.
struct Unsaved {
    /// The cursor in the store, and when it was written.
    cursor: (Option<Position>, Timestamp),
    /// Whether the store may have another one, because the outcome of a commit is unknown.
    is_unsure: bool,
    health: Health,
    done: Vec<RetryKey>,
    retries: Vec<Retry>,
    /// How many events were delivered or failed since.
    dealt_with: usize,
}

impl Delivery {
    /// The delivery to an endpoint; `None` where the endpoint can't be used, with the reason in the log.
    pub(super) fn new(
        shared: Arc<Shared>,
        kept: WebhookEndpoint,
        attempts: Arc<Attempts>,
        retries_added: Arc<Notify>,
    ) -> Option<Self> {
        let now = shared.context.now();
        let endpoint = usable(&*shared.context.sealer, &kept, shared.targets, now);
        let endpoint = endpoint
            .inspect_err(|reason| {
                tracing::error!(webhook_endpoint.id = %kept.id, %reason, "no webhooks are sent to an endpoint");
            })
            .ok()?;
        let progress = &kept.progress;
        Some(Self {
            _hearing: shared.composing.hear(&kept, &endpoint.events),
            sender: Sender::new(shared.targets),
            new_events: shared.context.event_log.watch(),
            retries_added,
            window: Window::new(progress.cursor),
            ahead: VecDeque::new(),
            is_behind: true,
            running: JoinSet::new(),
            retries_running: 0,
            pace: Pace::new(),
            claimed: HashSet::new(),
            next_due: None,
            reads_retries: true,
            health: progress.health,
            disabled: None,
            is_superseded: false,
            unsaved: Unsaved {
                cursor: (progress.cursor, now),
                is_unsure: false,
                health: progress.health,
                done: Vec::new(),
                retries: Vec::new(),
                dealt_with: 0,
            },
            shared,
            kept,
            endpoint,
            attempts,
        })
    }

    /// Delivers until it is to stop, or the endpoint is switched off; true where another delivery is to begin from what is
    /// stored, because somebody else has moved the cursor.
    pub(super) async fn run(mut self, mut stop: watch::Receiver<Stop>) -> bool {
        loop {
            if self.wants_more() {
                self.pace.note(wait_for_turn().await);
            }
            let outcome = self.begin().await;
            if let Err(error) = &outcome {
                tracing::warn!(webhook_endpoint.id = %self.kept.id, %error, "webhooks wait, since the store can't be read");
            }
            let is_saved = !self.is_to_save() || self.save().await;
            if (self.disabled.is_some() || self.is_superseded) && is_saved {
                return self.is_superseded;
            }
            let is_stuck = outcome.is_err() || !is_saved;
            tokio::select! {
                wanted = wanted(&mut stop) => {
                    self.finish(wanted).await;
                    return false;
                }
                Some(attempted) = self.running.join_next() => self.settle_all(attempted),
                // So that a long way through events that are not wanted does not hold up other tasks.
                () = tokio::task::yield_now(), if !is_stuck && self.has_more() => {}
                () = tokio::time::sleep(HELD_BACK), if !is_stuck && self.is_held_back() => {}
                changed = self.new_events.changed(), if !self.is_behind && !is_stuck => {
                    if changed.is_err() {
                        return false;
                    }
                    self.is_behind = true;
                }
                () = self.retries_added.notified(), if !is_stuck => self.reads_retries = true,
                () = tokio::time::sleep(PAUSE), if is_stuck || self.waits_for_time() => {}
            }
        }
    }

    /// Begins as many attempts as have room.
    async fn begin(&mut self) -> Result<(), StoreError> {
        self.begin_retries().await?;
        if self.has_more() && self.ahead.is_empty() {
            self.read_ahead().await?;
        }
        while self.has_room() {
            let Some(event) = self.ahead.pop_front() else { break };
            match event_type(&event.what).filter(|what| self.endpoint.wants(*what)) {
                Some(what) => {
                    self.window.take(event.position);
                    self.spawn(Job { event, what, retry: None });
                }
                None => self.window.pass(event.position),
            }
        }
        Ok(())
    }

    fn has_room(&self) -> bool {
        self.running.len() < self.pace.room() && self.has_room_but_for_the_pace()
    }

    fn has_room_but_for_the_pace(&self) -> bool {
        self.running.len() < RUNNING_MAX
            && self.window.len() < WINDOW_MAX
            && self.unsaved.retries.len() < UNSAVED_MAX
            && self.disabled.is_none()
    }

    /// Whether it could begin more now.
    fn has_more(&self) -> bool {
        self.has_room() && self.wants_more()
    }

    /// Whether there are events, or may be, of which no attempt has begun.
    fn wants_more(&self) -> bool {
        self.is_behind || !self.ahead.is_empty()
    }

    /// Whether it could begin more if the processor were not busy.
    fn is_held_back(&self) -> bool {
        self.wants_more() && self.has_room_but_for_the_pace() && !self.has_room()
    }

    /// Reads the next events.
    async fn read_ahead(&mut self) -> Result<(), StoreError> {
        // Seen before the events are read: one that is added meanwhile counts as a change.
        self.new_events.borrow_and_update();
        let after = self.window.read_to();
        let page = self.shared.context.store.events(after, AHEAD_MAX).await?;
        if page.removed_to > after && after.is_some() {
            tracing::error!(
                webhook_endpoint.id = %self.kept.id,
                "events that an endpoint had not been told of are gone, since they are older than `events.keep_s`"
            );
        }
        self.is_behind = page.events.len() == AHEAD_MAX;
        self.ahead.extend(page.events);
        Ok(())
    }

    /// Begins the attempts that are due.
    async fn begin_retries(&mut self) -> Result<(), StoreError> {
        let now = self.shared.context.now();
        let is_due = self.next_due.is_some_and(|due| due <= now);
        let running_max = RETRIES_RUNNING_MAX.min(self.pace.room());
        if self.retries_running >= running_max || !(self.reads_retries || is_due) || self.disabled.is_some() {
            return Ok(());
        }
        let store = self.shared.context.store.clone();
        let limit = self.claimed.len() + RETRIES_RUNNING_MAX + 1;
        let waiting = store.webhook_retries(self.kept.id, limit).await?;
        (self.reads_retries, self.next_due) = (false, None);
        for retry in waiting {
            if self.claimed.contains(&retry.key) {
                continue;
            }
            if retry.key.due > now || self.retries_running >= running_max {
                self.next_due = Some(retry.key.due);
                break;
            }
            let found = event_at(&*store, retry.key.event).await.inspect_err(|_| self.reads_retries = true)?;
            self.claimed.insert(retry.key);
            match found {
                // The endpoint was changed meanwhile, and does not want it any more.
                Some((_, what)) if !self.endpoint.wants(what) => self.unsaved.done.push(retry.key),
                Some((event, what)) => {
                    self.retries_running += 1;
                    self.spawn(Job { event, what, retry: Some(retry) });
                }
                None => {
                    tracing::warn!(
                        webhook_endpoint.id = %self.kept.id,
                        "a webhook is given up, since its event is older than `events.keep_s`"
                    );
                    self.attempts.note_given_up();
                    self.unsaved.done.push(retry.key);
                }
            }
        }
        Ok(())
    }

    fn spawn(&mut self, job: Job) {
        let (shared, sender, url) = (self.shared.clone(), self.sender.clone(), self.endpoint.url.clone());
        let now = shared.context.now();
        // The one from before signs until its time is over.
        let secrets = open_secrets(&*shared.context.sealer, &self.kept, now);
        let secrets = secrets.unwrap_or_else(|| self.endpoint.secrets.clone());
        let id = message_id(job.event.id, self.kept.id);
        self.running.spawn(async move {
            let work = async {
                if shared.composing.holds(job.what, &shared.context) {
                    return AttemptResult::Held;
                }
                match body(&shared, &job, now).await {
                    Ok(Some(body)) => AttemptResult::Sent(sender.attempt(&url, &secrets, id, &body, now).await),
                    Ok(None) => AttemptResult::NothingToTell,
                    Err(error) => AttemptResult::Unreadable(error),
                }
            };
            let result = AssertUnwindSafe(work).catch_unwind().await.unwrap_or(AttemptResult::Panicked);
            Attempted { job, at: now, result }
        });
    }

    /// Settles an attempt that has ended, and all others that have.
    fn settle_all(&mut self, first: Result<Attempted, tokio::task::JoinError>) {
        let mut next = Some(first);
        while let Some(ended) = next {
            match ended {
                Ok(attempted) => self.settle(attempted),
                // Its event stays in the window: it is sent by the next delivery.
                Err(error) => tracing::error!(webhook_endpoint.id = %self.kept.id, %error, "an attempt was lost"),
            }
            next = self.running.try_join_next();
        }
    }

    fn settle(&mut self, attempted: Attempted) {
        let Attempted { job, at, result } = attempted;
        let now = self.shared.context.now();
        let failures = job.retry.as_ref().map_or(0, |retry| retry.failures);
        // The time until the next attempt, and how many have failed then.
        let again = match result {
            AttemptResult::NothingToTell => None,
            AttemptResult::Held => Some((HELD_PAUSE, failures)),
            AttemptResult::Panicked => {
                tracing::error!(webhook_endpoint.id = %self.kept.id, event.id = %job.event.id, "an attempt panicked");
                self.wait_of(failures + 1, None).map(|wait| (wait, failures + 1))
            }
            AttemptResult::Unreadable(StoreError::Unavailable(_)) => Some((UNREADABLE_PAUSE, failures)),
            AttemptResult::Unreadable(error) => {
                tracing::error!(webhook_endpoint.id = %self.kept.id, %error, "an event can't be told to an endpoint");
                None
            }
            AttemptResult::Sent(outcome) => {
                self.note_health(&outcome, now);
                let wait = self.wait_after(&outcome, failures + 1);
                self.note_attempt(&job, at, failures + 1, &outcome, wait.map(|wait| now + wait));
                wait.map(|wait| (wait, failures + 1))
            }
        };
        if let Some((wait, failures)) = again {
            let key = RetryKey { endpoint: self.kept.id, due: now + wait, event: job.event.position };
            let first_failed_at = job.retry.as_ref().map_or(now, |retry| retry.first_failed_at);
            self.unsaved.retries.push(Retry { key, failures, first_failed_at });
        }
        match job.retry {
            Some(retry) => {
                self.retries_running -= 1;
                self.unsaved.done.push(retry.key);
            }
            None => {
                self.window.done(job.event.position);
                self.unsaved.dealt_with += 1;
            }
        }
    }

    /// How long to wait until the next attempt, if there is one.
    fn wait_after(&self, outcome: &Outcome, failures: u32) -> Option<Span> {
        self.wait_of(failures, another_attempt(outcome)?)
    }

    fn wait_of(&self, failures: u32, after: Option<Span>) -> Option<Span> {
        self.shared.context.decide(|cx| next_attempt_in(failures, after, cx.entropy))
    }

    fn note_health(&mut self, outcome: &Outcome, now: Timestamp) {
        let (health, disabled) = self.health.after(outcome, now);
        match (self.health, health) {
            (Health::Well, Health::Failing { .. }) => {
                let reason = failure(outcome).unwrap_or_default();
                tracing::warn!(webhook_endpoint.id = %self.kept.id, reason, "deliveries to an endpoint fail");
            }
            (Health::Failing { .. }, Health::Well) => {
                tracing::info!(webhook_endpoint.id = %self.kept.id, "deliveries to an endpoint succeed again");
            }
            _ => {}
        }
        if let (None, Some(why)) = (self.disabled, disabled) {
            let reason = match why {
                Disabled::Gone => "it answered 410 Gone",
                Disabled::Failing => "all attempts of five days failed",
                Disabled::ByOperator => "an operator switched it off",
            };
            tracing::error!(webhook_endpoint.id = %self.kept.id, reason, "an endpoint is switched off: it gets no more webhooks");
            self.disabled = Some(why);
        }
        self.health = health;
    }

    fn note_attempt(&self, job: &Job, at: Timestamp, number: u32, outcome: &Outcome, next: Option<Timestamp>) {
        let failure = failure(outcome);
        if let (Some(reason), None) = (&failure, next) {
            tracing::warn!(webhook_endpoint.id = %self.kept.id, event.id = %job.event.id, reason, "a webhook is given up");
        }
        self.attempts.note(WebhookAttempt {
            message_id: message_id(job.event.id, self.kept.id),
            event_id: Some(job.event.id),
            event: job.what,
            attempted_at: at,
            number,
            failure,
            next_attempt_at: next,
        });
    }

    /// Whether it has to look again after a while, though nothing tells it to.
    fn waits_for_time(&self) -> bool {
        let has_retries = self.next_due.is_some() && self.retries_running < RETRIES_RUNNING_MAX;
        has_retries || self.window.cursor() != self.unsaved.cursor.0
    }

    /// Whether it is time to store the results of deliveries. Events that are not wanted move the cursor only in memory for
    /// a while, because passing them again costs little.
    fn is_to_save(&self) -> bool {
        let unsaved = &self.unsaved;
        let (cursor, saved_at) = unsaved.cursor;
        let moved = self.window.cursor() != cursor;
        moved && (unsaved.dealt_with > 0 || !saved_at.is_within(CURSOR_UNSAVED_MAX, self.shared.context.now()))
            || !unsaved.done.is_empty()
            || !unsaved.retries.is_empty()
            || self.disabled.is_some()
            || unsaved.health != self.health
    }

    /// Stores the results of deliveries; `false` if they could not be written, and are to be written later.
    async fn save(&mut self) -> bool {
        let now = self.shared.context.now();
        let store = &self.shared.context.store;
        if self.unsaved.is_unsure || store.is_shared() {
            let Ok(stored) = store.webhook_endpoint(self.kept.id).await else { return false };
            let cursor = stored.and_then(|stored| stored.progress.cursor);
            self.is_superseded |= !self.unsaved.is_unsure && cursor != self.unsaved.cursor.0;
            self.unsaved.cursor.0 = cursor;
            self.unsaved.is_unsure = false;
        }
        let cursor = if self.is_superseded { self.unsaved.cursor.0 } else { self.window.cursor() };
        let made = WebhookProgress {
            endpoint: self.kept.id,
            cursor: cursor
                .filter(|to| Some(*to) != self.unsaved.cursor.0)
                .map(|to| CursorMove { from: self.unsaved.cursor.0, to }),
            health: Some(self.health),
            disabled: self.disabled,
            done: self.unsaved.done.clone(),
            retries: self.unsaved.retries.clone(),
        };
        let noted = Housekeeping { webhooks: vec![made], ..Housekeeping::default() };
        if let Err(error) = self.shared.persister.commit(Commit::of_housekeeping(now, noted)).await {
            tracing::warn!(webhook_endpoint.id = %self.kept.id, %error, "the results of webhooks could not be stored yet");
            self.unsaved.is_unsure |= error == CommitError::Unknown;
            return false;
        }
        let unsaved = &mut self.unsaved;
        unsaved.cursor = (cursor, now);
        unsaved.health = self.health;
        unsaved.dealt_with = 0;
        for key in unsaved.done.drain(..) {
            self.claimed.remove(&key);
        }
        let earliest = unsaved.retries.drain(..).map(|retry| retry.key.due).min();
        // Of those that are not known yet, none was looked for.
        if !self.reads_retries {
            self.next_due = [self.next_due, earliest].into_iter().flatten().min();
        }
        true
    }

    /// Ends: attempts that have begun may end, or are left to the next start.
    async fn finish(mut self, stop: Stop) {
        if stop == Stop::Finish {
            let all = async {
                while let Some(attempted) = self.running.join_next().await {
                    self.settle_all(attempted);
                }
            };
            if tokio::time::timeout(FINISH_MAX, all).await.is_err() {
                let count = self.running.len();
                tracing::info!(webhook_endpoint.id = %self.kept.id, count, "attempts did not end in time; they are made again");
            }
        }
        self.running.abort_all();
        if self.is_to_save() || self.window.cursor() != self.unsaved.cursor.0 {
            self.save().await;
        }
    }
}

/// Waits until a delivery is to end.
async fn wanted(stop: &mut watch::Receiver<Stop>) -> Stop {
    // The sender is dropped with the engine.
    stop.wait_for(|stop| *stop != Stop::Never).await.map_or(Stop::Now, |stop| *stop)
}

/// How many of them may be of waiting messages, so that these do not hold up new ones.
const RETRIES_RUNNING_MAX: usize = 16;
/// How many events may be between the first that is in delivery and the last that was read.
const WINDOW_MAX: usize = 256;
/// How many events are read at once.
const AHEAD_MAX: usize = 128;
/// How many failures may wait to be noted.
const UNSAVED_MAX: usize = 256;
/// For how long the cursor may move over events that are not wanted before it is written.
const CURSOR_UNSAVED_MAX: Span = Span::from_secs(60);
/// Until an event that could not be read is tried again.
const UNREADABLE_PAUSE: Span = Span::from_secs(5);
/// Until a message of a channel that was stopped is looked at again.
const HELD_PAUSE: Span = Span::from_secs(10);
/// The time between two looks at the clock while something waits for a time, and after a failure of the store.
const PAUSE: Duration = Duration::from_secs(1);
/// Until a delivery that the processor was too busy for looks again.
const HELD_BACK: Duration = Duration::from_millis(5);
/// For how long attempts that have begun may go on when the engine stops.
const FINISH_MAX: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
