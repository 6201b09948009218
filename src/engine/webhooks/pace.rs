//! How many attempts an endpoint may have in flight: fewer while requests wait for the processor. What is not sent waits in
//! the log of events, and costs no memory.

use std::time::Duration;

use crate::clock::Stopwatch;

/// The pace of the deliveries to one endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pace {
    room: usize,
}

impl Pace {
    /// As fast as it may be.
    pub(super) const fn new() -> Self {
        Self { room: RUNNING_MAX }
    }

    /// How many attempts may be in flight.
    pub(super) const fn room(self) -> usize {
        self.room
    }

    /// Notes for how long a task that was ready waited for its turn.
    pub(super) fn note(&mut self, waited: Duration) {
        self.room = if waited > BUSY { (self.room / 2).max(RUNNING_MIN) } else { (self.room + 1).min(RUNNING_MAX) };
    }
}

/// Lets all other tasks that are ready go first, and tells how long that took.
pub(super) async fn wait_for_turn() -> Duration {
    let stopwatch = Stopwatch::start();
    tokio::task::yield_now().await;
    stopwatch.elapsed()
}

/// How many attempts one endpoint has in flight at most.
pub(super) const RUNNING_MAX: usize = 32;
/// How many it may have however busy the processor is.
const RUNNING_MIN: usize = 2;
/// From which wait on the processor is busy.
const BUSY: Duration = Duration::from_micros(500);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_processor_slows_deliveries_down_and_a_free_one_lets_them_go_on() {
        let mut pace = Pace::new();
        for room in [16, 8, 4, 2, 2] {
            pace.note(BUSY * 2);
            assert_eq!(pace.room(), room);
        }
        for room in 3..=RUNNING_MAX {
            pace.note(BUSY / 2);
            assert_eq!(pace.room(), room);
        }
        pace.note(Duration::ZERO);
        assert_eq!(pace.room(), RUNNING_MAX);
    }
}
