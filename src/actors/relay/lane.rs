//! The messages of one channel, or of one route of it: which one is delivered next, and when. A lane gets the time as an
//! argument and does no IO.
//!
//! A lane that delivers nothing is *failing*. Then only a few messages are in delivery at a time, at most one new one a
//! second, to find out whether it works again. Once one is delivered, all others follow at once. Routes have lanes of
//! their own, because others send for them: what fails for one does not slow down another.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::id::MessageId;
use crate::domain::time::Timestamp;
use crate::store::OutboxEntry;

/// A message to be delivered, and the back-off after its next failed delivery.
#[derive(Clone, Debug)]
pub(in crate::actors) struct Delivery {
    pub(super) entry: OutboxEntry,
    pub(super) pause: Duration,
    /// How many tries have failed.
    pub(super) tries: u32,
}

/// What a lane wants to do next.
#[derive(Debug)]
pub(super) enum Next {
    /// Deliver this message now.
    Deliver(Delivery),
    /// Ask again at this time.
    WaitUntil(Instant),
    /// Nothing until a message is added or a delivery ends.
    Wait,
}

/// The result of one delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::actors) enum DeliveryEnd {
    /// It is done: sent, refused or expired, and deleted from the outbox.
    Removed(FinalStatus),
    /// It is done, but could not be deleted from the outbox: it must not be delivered again.
    NotRemoved(FinalStatus),
    /// Retry later, for a reason of the message; the channel works.
    Retry { after: Duration },
    /// Retry later, because the channel does not work; it wants no message at all for the time `hold`.
    Unavailable { after: Duration, reason: String, hold: Option<Duration> },
}

/// How a message ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::actors) enum FinalStatus {
    /// The channel accepted it.
    Sent,
    /// The channel refused this message.
    Refused,
    /// It was never given to the channel.
    Unsent,
}

/// How a result changes the state of the channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// No change.
    None,
    /// The channel begins to fail.
    Failed { reason: String },
    /// The channel works again.
    Recovered,
}

/// The messages of one channel.
#[derive(Debug)]
pub(super) struct Lane {
    concurrency_max: usize,
    held_max: usize,
    ready: VecDeque<Delivery>,
    later: BTreeMap<(Instant, MessageId), Delivery>,
    /// All messages here: ready, delayed, or in delivery.
    held: HashSet<MessageId>,
    /// Messages that are done but still in the outbox, with the time at which each of them expires. They take no room,
    /// because newer messages must still be delivered.
    not_removed: HashMap<MessageId, Timestamp>,
    in_delivery: usize,
    /// The outbox holds messages that found no room here.
    is_spilled: bool,
    is_failing: bool,
    /// The channel said that it wants no message before this time.
    hold_until: Option<Instant>,
    begun_at: Option<Instant>,
    answered_at: Option<Instant>,
}

impl Delivery {
    /// A message before its first delivery.
    pub(super) fn new(entry: OutboxEntry) -> Self {
        Self { entry, pause: PAUSE_FIRST, tries: 0 }
    }

    /// The same after a failed delivery, with a longer back-off.
    pub(super) fn after_failure(self) -> Self {
        Self { pause: (self.pause * 2).min(PAUSE_MAX), tries: self.tries.saturating_add(1), ..self }
    }
}

impl Lane {
    /// An empty lane with at most `concurrency_max` deliveries at the same time and `held_max` messages.
    pub(super) fn new(concurrency_max: usize, held_max: usize) -> Self {
        Self {
            concurrency_max,
            held_max,
            ready: VecDeque::new(),
            later: BTreeMap::new(),
            held: HashSet::new(),
            not_removed: HashMap::new(),
            in_delivery: 0,
            // An earlier run may have left some.
            is_spilled: true,
            is_failing: false,
            hold_until: None,
            begun_at: None,
            answered_at: None,
        }
    }

    /// Tries what waits at once, whatever pause was asked for or follows from earlier failures. A lane that fails still
    /// tries one at a time.
    pub(super) fn reset(&mut self) {
        self.hold_until = None;
        self.begun_at = None;
        self.ready.extend(std::mem::take(&mut self.later).into_values());
    }

    /// Forgets that it fails: no message is left here that could show it.
    pub(super) const fn forget_failure(&mut self) {
        self.is_failing = false;
        self.hold_until = None;
    }

    /// Adds a message, unless it is here already or there is no room: then it stays in the outbox only.
    pub(super) fn push(&mut self, entry: OutboxEntry) {
        if self.held.contains(&entry.id) || self.not_removed.contains_key(&entry.id) {
            return;
        }
        if self.held.len() >= self.held_max {
            self.is_spilled = true;
            return;
        }
        self.held.insert(entry.id);
        self.ready.push_back(Delivery::new(entry));
    }

    /// What to do now.
    pub(super) fn next(&mut self, now: Instant) -> Next {
        while let Some(entry) = self.later.first_entry().filter(|entry| entry.key().0 <= now) {
            self.ready.push_back(entry.remove());
        }
        if self.in_delivery >= if self.is_failing { PROBES_MAX.min(self.concurrency_max) } else { self.concurrency_max }
        {
            return Next::Wait;
        }
        if !self.ready.is_empty()
            && let Some(until) = self.hold_until.filter(|until| now < *until)
        {
            return Next::WaitUntil(until);
        }
        if !self.ready.is_empty()
            && let Some(begun_at) = self.begun_at.filter(|_| self.is_failing)
            && now < begun_at + PROBE_INTERVAL
        {
            return Next::WaitUntil(begun_at + PROBE_INTERVAL);
        }
        match self.ready.pop_front() {
            Some(delivery) => {
                self.in_delivery += 1;
                self.begun_at = Some(now);
                Next::Deliver(delivery)
            }
            None => self.later.first_key_value().map_or(Next::Wait, |((due, _), _)| Next::WaitUntil(*due)),
        }
    }

    /// Leaves a message that was to be delivered now to another node. While the lane fails, the next one is tried in its place.
    pub(super) fn leave(&mut self, delivery: &Delivery) {
        self.in_delivery = self.in_delivery.saturating_sub(1);
        self.held.remove(&delivery.entry.id);
        self.begun_at = None;
    }

    /// Records the end of a delivery that began at `begun`.
    pub(super) fn finish(&mut self, delivery: Delivery, begun: Instant, end: DeliveryEnd, now: Instant) -> Change {
        self.in_delivery = self.in_delivery.saturating_sub(1);
        let id = delivery.entry.id;
        match end {
            DeliveryEnd::Removed(status) => {
                self.held.remove(&id);
                self.ended(status, now)
            }
            DeliveryEnd::NotRemoved(status) => {
                self.held.remove(&id);
                // Drop those that had expired before this message was created, and so have expired now.
                self.not_removed.retain(|_, until| *until > delivery.entry.created_at);
                self.not_removed.insert(id, delivery.entry.expire_at);
                self.ended(status, now)
            }
            DeliveryEnd::Retry { after } => {
                self.later.insert((now + after, id), delivery.after_failure());
                self.answered(now)
            }
            DeliveryEnd::Unavailable { after, reason, hold } => {
                let hold = hold.map(|hold| now + hold.min(HOLD_MAX));
                self.hold_until = self.hold_until.max(hold);
                self.later.insert((now + after, id), delivery.after_failure());
                // Others were delivered while this one was tried, so the channel works.
                let works = self.answered_at.is_some_and(|at| at > begun && now < at + RECENT);
                if works {
                    return Change::None;
                }
                self.is_failing = true;
                Change::Failed { reason }
            }
        }
    }

    /// Removes the messages that have expired at `now`, and tells how often each was tried.
    pub(super) fn take_expired(&mut self, now: Timestamp) -> Vec<(MessageId, u32)> {
        let mut expired = Vec::new();
        let mut is_kept = |delivery: &Delivery| {
            let is_expired = now >= delivery.entry.expire_at;
            if is_expired {
                expired.push((delivery.entry.id, delivery.tries));
            }
            !is_expired
        };
        self.ready.retain(&mut is_kept);
        self.later.retain(|_, delivery| is_kept(delivery));
        for (id, _) in &expired {
            self.held.remove(id);
        }
        expired
    }

    /// Whether to read the outbox again: it holds messages that found no room here, and there is room now.
    pub(super) fn wants_more(&self) -> bool {
        self.is_spilled && self.held.len() <= self.held_max / 2
    }

    /// A read of the outbox begins at its start; messages that find no room from now on are noted again. Returns whether
    /// there are some to be read.
    pub(super) const fn begin_read(&mut self) -> bool {
        std::mem::replace(&mut self.is_spilled, false)
    }

    /// Records that something could not be read, or not yet.
    pub(super) const fn note_spilled(&mut self) {
        self.is_spilled = true;
    }

    /// Whether there is no room.
    pub(super) fn is_full(&self) -> bool {
        self.held.len() >= self.held_max
    }

    /// Whether the channel is failing.
    pub(super) const fn is_failing(&self) -> bool {
        self.is_failing
    }

    /// The number of messages here.
    pub(super) fn waiting(&self) -> usize {
        self.held.len()
    }

    /// Whether no delivery is in progress or due; a failing channel is not waited for, and of one that is stopped only
    /// what is in progress.
    pub(super) fn is_at_rest(&self, is_paused: bool) -> bool {
        self.is_failing || (self.in_delivery == 0 && (is_paused || self.ready.is_empty()))
    }

    /// How the end of a message changes the state of the channel. A refusal changes nothing while other messages
    /// wait: all of them would follow at once and may be refused too. If none waits, it shows that the channel answers
    /// again, because no other message can show it.
    fn ended(&mut self, status: FinalStatus, now: Instant) -> Change {
        match status {
            FinalStatus::Sent => self.answered(now),
            FinalStatus::Refused if self.held.is_empty() => self.answered(now),
            FinalStatus::Refused | FinalStatus::Unsent => Change::None,
        }
    }

    fn answered(&mut self, now: Instant) -> Change {
        self.answered_at = Some(now);
        if !self.is_failing {
            return Change::None;
        }
        self.is_failing = false;
        self.hold_until = None;
        self.ready.extend(std::mem::take(&mut self.later).into_values());
        Change::Recovered
    }
}

const PAUSE_FIRST: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// The longest time for which a channel can ask for no messages.
const HOLD_MAX: Duration = Duration::from_secs(300);
/// How many messages probe a failing channel at the same time: more than one, so that a message that is itself the
/// problem doesn't keep the channel failing.
const PROBES_MAX: usize = 4;
/// The time between the starts of two such probes.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);
/// How long a delivered message shows that the channel works.
const RECENT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
