//! How a channel is doing: written by whoever delivers, read by whoever asks. Reading it waits for nobody.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::domain::time::Timestamp;

use super::Channel;

/// How a channel is doing at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelStatus {
    /// Which channel.
    pub channel: Channel,
    /// Since when nothing leaves by it; `None` while it works, and before it was first used.
    pub failing_since: Option<Timestamp>,
    /// Why nothing leaves. It may name the operator's server, and names no address and no secret.
    pub reason: Option<String>,
    /// How many messages are to leave, those on their way with them. Beyond what is held in memory it does not count.
    pub waiting: usize,
    /// How many have left since the start.
    pub sent: u64,
    /// How many were refused for good since the start.
    pub refused: u64,
    /// How many became worthless before they could leave, since the start.
    pub expired: u64,
    /// How many tries were in vain since the start.
    pub failed_tries: u64,
}

/// Where the status of a channel is kept.
#[derive(Debug)]
pub struct ChannelHealth {
    channel: Channel,
    /// In milliseconds since 1970; 0 while it works.
    failing_since: AtomicU64,
    reason: Mutex<Option<String>>,
    waiting: AtomicUsize,
    sent: AtomicU64,
    refused: AtomicU64,
    expired: AtomicU64,
    failed_tries: AtomicU64,
}

/// Something that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "said at the fields of `ChannelStatus`")]
pub enum Counted {
    Sent,
    Refused,
    Expired,
    FailedTry,
}

impl ChannelHealth {
    /// A channel that was not used yet.
    pub const fn new(channel: Channel) -> Self {
        Self {
            channel,
            failing_since: AtomicU64::new(0),
            reason: Mutex::new(None),
            waiting: AtomicUsize::new(0),
            sent: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            expired: AtomicU64::new(0),
            failed_tries: AtomicU64::new(0),
        }
    }

    /// Nothing leaves since `since`, or for another reason than before.
    pub fn fails(&self, since: Timestamp, reason: &str) {
        *self.reason.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason.to_owned());
        self.failing_since.store(since.as_millis().max(1), Ordering::Relaxed);
    }

    /// It works again.
    pub fn works(&self) {
        self.failing_since.store(0, Ordering::Relaxed);
        *self.reason.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// This many messages are to leave.
    pub fn waits(&self, waiting: usize) {
        self.waiting.store(waiting, Ordering::Relaxed);
    }

    /// One more of them, or a few.
    pub fn count(&self, what: Counted, number: usize) {
        let counter = match what {
            Counted::Sent => &self.sent,
            Counted::Refused => &self.refused,
            Counted::Expired => &self.expired,
            Counted::FailedTry => &self.failed_tries,
        };
        counter.fetch_add(number as u64, Ordering::Relaxed);
    }

    /// All of it.
    pub fn status(&self) -> ChannelStatus {
        let failing_since = match self.failing_since.load(Ordering::Relaxed) {
            0 => None,
            ms => Some(Timestamp::from_millis(ms)),
        };
        ChannelStatus {
            channel: self.channel,
            failing_since,
            reason: self.reason.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            waiting: self.waiting.load(Ordering::Relaxed),
            sent: self.sent.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            expired: self.expired.load(Ordering::Relaxed),
            failed_tries: self.failed_tries.load(Ordering::Relaxed),
        }
    }
}
