//! The messages of one channel: which is to be carried next, and when. It is told the time and does nothing itself.
//!
//! A channel by which nothing leaves is *failing*: then a few messages at a time, and not more than one a second, try
//! whether it works again. Once one has left, all others follow at once.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::id::MessageId;
use crate::domain::time::Timestamp;
use crate::store::OutboxEntry;

/// A message that is to leave, and how long it pauses after the next try that is in vain.
#[derive(Clone, Debug)]
pub(in crate::actors) struct Letter {
    pub(super) entry: OutboxEntry,
    pub(super) pause: Duration,
}

/// What a lane wants.
#[derive(Debug)]
pub(super) enum Next {
    /// This message is to be carried now.
    Carry(Letter),
    /// To be asked again then.
    At(Instant),
    /// Nothing, until a message comes or one is back.
    Nothing,
}

/// What came of carrying a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::actors) enum End {
    /// It is gone: sent, refused or expired, and struck out of the outbox.
    Gone(Fate),
    /// The same, but it could not be struck out: it must not be taken up again.
    Remembered(Fate),
    /// It has to be tried again, for a reason of its own: the channel works.
    Again { after: Duration },
    /// It has to be tried again, since the channel does not work.
    Unavailable { after: Duration, reason: String },
}

/// How a message ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::actors) enum Fate {
    /// The channel took it.
    Sent,
    /// The channel refused it for a reason of its own.
    Refused,
    /// It was not handed to the channel.
    Unsent,
}

/// What it means for the channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It goes on as it was.
    None,
    /// It does not work any more.
    Fails { reason: String },
    /// It works again.
    Recovers,
}

/// The messages of one channel.
#[derive(Debug)]
pub(super) struct Lane {
    places: usize,
    held_max: usize,
    ready: VecDeque<Letter>,
    later: BTreeMap<(Instant, MessageId), Letter>,
    /// All that are here: ready, later, or under way.
    held: HashSet<MessageId>,
    /// Those that are done with and are in the outbox still, with the time until which they could be sent. They take
    /// no room: what comes after them has to leave.
    remembered: HashMap<MessageId, Timestamp>,
    under_way: usize,
    /// The outbox holds messages that found no room here.
    is_spilled: bool,
    is_failing: bool,
    begun_at: Option<Instant>,
    answered_at: Option<Instant>,
}

impl Letter {
    /// A message that was not tried yet.
    pub(super) fn new(entry: OutboxEntry) -> Self {
        Self { entry, pause: PAUSE_FIRST }
    }

    /// The same after a try that was in vain.
    pub(super) fn tried(self) -> Self {
        Self { pause: (self.pause * 2).min(PAUSE_MAX), ..self }
    }
}

impl Lane {
    /// An empty lane that has `places` messages carried at once and holds `held_max`.
    pub(super) fn new(places: usize, held_max: usize) -> Self {
        Self {
            places,
            held_max,
            ready: VecDeque::new(),
            later: BTreeMap::new(),
            held: HashSet::new(),
            remembered: HashMap::new(),
            under_way: 0,
            is_spilled: false,
            is_failing: false,
            begun_at: None,
            answered_at: None,
        }
    }

    /// Takes a message, unless it is here already or there is no room: then it stays in the outbox alone.
    pub(super) fn push(&mut self, entry: OutboxEntry) {
        if self.held.contains(&entry.id) || self.remembered.contains_key(&entry.id) {
            return;
        }
        if self.held.len() >= self.held_max {
            self.is_spilled = true;
            return;
        }
        self.held.insert(entry.id);
        self.ready.push_back(Letter::new(entry));
    }

    /// What to do now.
    pub(super) fn next(&mut self, now: Instant) -> Next {
        while let Some(entry) = self.later.first_entry().filter(|entry| entry.key().0 <= now) {
            self.ready.push_back(entry.remove());
        }
        if self.under_way >= if self.is_failing { PROBES_MAX.min(self.places) } else { self.places } {
            return Next::Nothing;
        }
        if !self.ready.is_empty()
            && let Some(begun_at) = self.begun_at.filter(|_| self.is_failing)
            && now < begun_at + PROBE_INTERVAL
        {
            return Next::At(begun_at + PROBE_INTERVAL);
        }
        match self.ready.pop_front() {
            Some(letter) => {
                self.under_way += 1;
                self.begun_at = Some(now);
                Next::Carry(letter)
            }
            None => self.later.first_key_value().map_or(Next::Nothing, |((due, _), _)| Next::At(*due)),
        }
    }

    /// A message that was begun at `begun` is back.
    pub(super) fn back(&mut self, letter: Letter, begun: Instant, end: End, now: Instant) -> Change {
        self.under_way = self.under_way.saturating_sub(1);
        let id = letter.entry.id;
        match end {
            End::Gone(fate) => {
                self.held.remove(&id);
                self.ended(fate, now)
            }
            End::Remembered(fate) => {
                self.held.remove(&id);
                // Those that were over when this one was made are over now.
                self.remembered.retain(|_, until| *until > letter.entry.created_at);
                self.remembered.insert(id, letter.entry.expire_at);
                self.ended(fate, now)
            }
            End::Again { after } => {
                self.later.insert((now + after, id), letter.tried());
                self.answered(now)
            }
            End::Unavailable { after, reason } => {
                self.later.insert((now + after, id), letter.tried());
                // Others left while this one was tried: it is no sign that nothing does.
                let works = self.answered_at.is_some_and(|at| at > begun && now < at + RECENT);
                if works {
                    return Change::None;
                }
                self.is_failing = true;
                Change::Fails { reason }
            }
        }
    }

    /// Takes out what is worthless at `now`.
    pub(super) fn take_expired(&mut self, now: Timestamp) -> Vec<MessageId> {
        let mut expired = Vec::new();
        let mut is_worth_it = |letter: &Letter| {
            let is_expired = now >= letter.entry.expire_at;
            if is_expired {
                expired.push(letter.entry.id);
            }
            !is_expired
        };
        self.ready.retain(&mut is_worth_it);
        self.later.retain(|_, letter| is_worth_it(letter));
        for id in &expired {
            self.held.remove(id);
        }
        expired
    }

    /// Whether the outbox should be read again: it holds what found no room here, and there is room now.
    pub(super) fn wants_more(&self) -> bool {
        self.is_spilled && self.held.len() <= self.held_max / 2
    }

    /// The outbox is read from its beginning; what finds no room from now on says so again.
    pub(super) const fn reads(&mut self) {
        self.is_spilled = false;
    }

    /// Something could not be read, or not yet.
    pub(super) const fn spilled(&mut self) {
        self.is_spilled = true;
    }

    /// Whether it can hold no more.
    pub(super) fn is_full(&self) -> bool {
        self.held.len() >= self.held_max
    }

    /// Whether nothing leaves by this channel.
    pub(super) const fn is_failing(&self) -> bool {
        self.is_failing
    }

    /// How many messages are here.
    pub(super) fn waiting(&self) -> usize {
        self.held.len()
    }

    /// Whether nothing is on its way or about to be; a failing channel is not waited for.
    pub(super) fn is_at_rest(&self) -> bool {
        self.is_failing || (self.under_way == 0 && self.ready.is_empty())
    }

    /// What the end of a message says of the channel. A refusal says little while others wait, which would all follow at
    /// once and may be refused as well; where none does, nothing else would ever say that the channel answers again.
    fn ended(&mut self, fate: Fate, now: Instant) -> Change {
        match fate {
            Fate::Sent => self.answered(now),
            Fate::Refused if self.held.is_empty() => self.answered(now),
            Fate::Refused | Fate::Unsent => Change::None,
        }
    }

    fn answered(&mut self, now: Instant) -> Change {
        self.answered_at = Some(now);
        if !self.is_failing {
            return Change::None;
        }
        self.is_failing = false;
        self.ready.extend(std::mem::take(&mut self.later).into_values());
        Change::Recovers
    }
}

const PAUSE_FIRST: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// How many messages try at once whether a failing channel works: more than one, so that a message that is itself the
/// trouble doesn't keep the channel failing.
const PROBES_MAX: usize = 4;
/// How long after one of them the next may begin.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);
/// For how long a message that left says that others can.
const RECENT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
