//! Delivery status of a channel: the relay writes it, health and admin routes read it. Reading never blocks on
//! delivery.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::domain::time::Timestamp;

use super::{Channel, FailureClass};

/// A snapshot of a channel's delivery status. Counters start at 0 with the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelStatus {
    /// The channel.
    pub channel: Channel,
    /// Time of the first failure since the last success; `None` while the channel works and before its first use.
    pub failing_since: Option<Timestamp>,
    /// The last failure. It may name the operator's server, but no address and no secret.
    pub reason: Option<String>,
    /// Messages in memory that wait or are being sent. Messages that are only in the store do not count.
    pub waiting: usize,
    /// Messages sent.
    pub sent: u64,
    /// Messages refused permanently.
    pub refused: u64,
    /// Messages that expired before they were sent.
    pub expired: u64,
    /// Failed tries.
    pub failed_tries: u64,
    /// Whether it was stopped by hand: nothing is sent then.
    pub is_paused: bool,
    /// How many tries failed, and messages ended unsent, for which kind of reason; only those that are not 0.
    pub failures: BTreeMap<FailureClass, u64>,
    /// The providers of the channel, in the order in which they are asked. Empty in [`ChannelHealth::status`].
    pub providers: Vec<ProviderStatus>,
}

/// A snapshot of one provider's state. Counters start at 0 with the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderStatus {
    /// Its name in the configuration, such as `resend`.
    pub name: &'static str,
    /// Whether messages are given to it.
    pub state: ProviderState,
    /// Messages that it accepted.
    pub sent: u64,
    /// Failed deliveries by class; classes without one are left out.
    pub failures: BTreeMap<FailureClass, u64>,
    /// The last failure. It names no address and no secret.
    pub reason: Option<String>,
}

/// Whether messages are given to a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProviderState {
    /// It gets messages.
    Working,
    /// It gets none for so long, after failures in a row or because it asked for a pause.
    Paused(Duration),
    /// The pause has ended. One message at a time is sent to test whether the provider works again.
    Probing,
}

impl ProviderState {
    /// Its name on the wire: `working`, `paused` or `probing`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Working => "working",
            Self::Paused(_) => "paused",
            Self::Probing => "probing",
        }
    }
}

/// The live status of a channel.
#[derive(Debug)]
pub struct ChannelHealth {
    channel: Channel,
    /// Milliseconds since 1970; 0 while the channel works.
    failing_since: AtomicU64,
    reason: Mutex<Option<String>>,
    waiting: AtomicUsize,
    sent: AtomicU64,
    refused: AtomicU64,
    expired: AtomicU64,
    failed_tries: AtomicU64,
    is_paused: AtomicBool,
    /// In the order of [`FailureClass::ALL`].
    failures: [AtomicU64; FailureClass::ALL.len()],
}

/// A counter of [`ChannelStatus`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// [`ChannelStatus::sent`].
    Sent,
    /// [`ChannelStatus::refused`].
    Refused,
    /// [`ChannelStatus::expired`].
    Expired,
    /// [`ChannelStatus::failed_tries`].
    FailedTry,
}

impl ChannelHealth {
    /// A channel that has not been used.
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
            is_paused: AtomicBool::new(false),
            failures: [const { AtomicU64::new(0) }; FailureClass::ALL.len()],
        }
    }

    /// Marks the channel as failing since `since`, with the latest reason.
    pub fn record_failure(&self, since: Timestamp, reason: &str) {
        *self.reason.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason.to_owned());
        self.failing_since.store(since.as_millis().max(1), Ordering::Relaxed);
    }

    /// Marks the channel as working.
    pub fn record_success(&self) {
        self.failing_since.store(0, Ordering::Relaxed);
        *self.reason.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Sets the number of waiting messages.
    pub fn set_waiting(&self, waiting: usize) {
        self.waiting.store(waiting, Ordering::Relaxed);
    }

    /// Adds to a counter.
    pub fn count(&self, what: Counted, number: usize) {
        let counter = match what {
            Counted::Sent => &self.sent,
            Counted::Refused => &self.refused,
            Counted::Expired => &self.expired,
            Counted::FailedTry => &self.failed_tries,
        };
        counter.fetch_add(number as u64, Ordering::Relaxed);
    }

    /// Adds to the count of failures of a class.
    pub fn count_failure(&self, class: FailureClass, number: usize) {
        for (of, counter) in FailureClass::ALL.iter().zip(&self.failures) {
            if *of == class {
                counter.fetch_add(number as u64, Ordering::Relaxed);
            }
        }
    }

    /// Stops or starts the channel by hand.
    pub fn set_paused(&self, is_paused: bool) {
        self.is_paused.store(is_paused, Ordering::Relaxed);
    }

    /// Whether it was stopped by hand.
    pub fn is_paused(&self) -> bool {
        self.is_paused.load(Ordering::Relaxed)
    }

    /// A snapshot of all values.
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
            is_paused: self.is_paused(),
            failures: (FailureClass::ALL.into_iter().zip(&self.failures))
                .map(|(class, counter)| (class, counter.load(Ordering::Relaxed)))
                .filter(|(_, number)| *number > 0)
                .collect(),
            providers: Vec::new(),
        }
    }
}
