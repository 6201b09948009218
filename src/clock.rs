//! The clock: the only place that reads the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use crate::domain::time::{Span, Timestamp};

/// A source of the current time.
pub trait Clock: Send + Sync + 'static {
    /// The current time.
    fn now(&self) -> Timestamp;
}

/// The system's clock: the wall clock at start, plus monotonic time since then, plus an offset that can be raised. So
/// it never goes backwards while the process runs ([guide: Time](crate::guide::design#time)).
#[derive(Debug)]
pub struct SystemClock {
    started_at: Timestamp,
    started: Instant,
    offset_ms: AtomicU64,
}

/// A clock that continues from a time seen before the restart, if the system's clock is behind it.
pub struct ResumedClock {
    clock: Arc<dyn Clock>,
    ahead: Span,
}

/// Measures elapsed time.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

/// A clock that only moves when told to, for tests and simulations.
#[cfg(any(test, feature = "test-util"))]
#[derive(Debug, Default)]
pub struct ManualClock(AtomicU64);

impl SystemClock {
    /// A clock that starts from the wall clock.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the system's clocks")]
    pub fn new() -> Self {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let started_at = Timestamp::from_millis(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX));
        Self { started_at, started: Instant::now(), offset_ms: AtomicU64::new(0) }
    }

    /// Moves the clock forward, at most to the end of time.
    pub fn advance(&self, by: Span) {
        forward(&self.offset_ms, by);
    }

    /// Total time by which it was moved forward.
    pub fn offset(&self) -> Span {
        Span::from_millis(self.offset_ms.load(Ordering::Acquire))
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the system's clocks")]
    fn now(&self) -> Timestamp {
        let elapsed = Span::from_millis(u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX));
        self.started_at + elapsed + self.offset()
    }
}

impl ResumedClock {
    /// A clock that shows `seen` or the time of `clock`, whichever is later, and then runs as fast as `clock`.
    pub fn new(clock: Arc<dyn Clock>, seen: Timestamp) -> Self {
        let ahead = seen.since(clock.now());
        Self { clock, ahead }
    }

    /// Difference to the inner clock.
    pub const fn ahead(&self) -> Span {
        self.ahead
    }
}

impl Clock for ResumedClock {
    fn now(&self) -> Timestamp {
        self.clock.now() + self.ahead
    }
}

impl Stopwatch {
    /// Starts measuring.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the system's clocks")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Time since the start.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the system's clocks")]
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

#[cfg(any(test, feature = "test-util"))]
impl ManualClock {
    /// A clock that shows `now`.
    pub const fn new(now: Timestamp) -> Self {
        Self(AtomicU64::new(now.as_millis()))
    }

    /// Moves the clock forward, at most to the end of time.
    pub fn advance(&self, by: Span) {
        forward(&self.0, by);
    }
}

#[cfg(any(test, feature = "test-util"))]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Acquire))
    }
}

fn forward(ms: &AtomicU64, by: Span) {
    let moved = |ms: u64| Some(ms.saturating_add(by.as_millis()));
    ms.fetch_update(Ordering::AcqRel, Ordering::Acquire, moved).expect("there is always a next value");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resumed_clock_goes_on_from_what_was_seen() {
        let beneath = Arc::new(ManualClock::new(Timestamp::from_millis(100)));
        let ahead = ResumedClock::new(beneath.clone(), Timestamp::from_millis(700));
        let behind = ResumedClock::new(beneath.clone(), Timestamp::from_millis(99));
        assert_eq!((ahead.now().as_millis(), behind.now().as_millis()), (700, 100));
        beneath.advance(Span::from_millis(5));
        assert_eq!((ahead.now().as_millis(), behind.now().as_millis()), (705, 105));
    }

    #[test]
    fn no_clock_is_moved_past_the_end_of_time_or_back() {
        let end = Span::from_millis(u64::MAX);
        let (system, manual) = (SystemClock::new(), ManualClock::new(Timestamp::from_millis(7)));
        for _ in 0..2 {
            system.advance(end);
            manual.advance(end);
            assert_eq!(system.offset(), end);
            assert_eq!((system.now().as_millis(), manual.now().as_millis()), (u64::MAX, u64::MAX));
        }
    }
}
