//! The log of one slot: times of its latest uses, in a bounded number of grains.

use crate::domain::time::{Span, Timestamp};

/// A sliding-window log. With a large budget, uses close in time are merged into one grain, which counts as old as its
/// last use. So no window ever has more uses than allowed, and the log stays small.
#[derive(Debug, Default)]
pub(super) struct Log(Vec<Grain>);

#[derive(Clone, Copy, Debug)]
struct Grain {
    first: Timestamp,
    last: Timestamp,
    count: u32,
}

impl Log {
    /// Removes grains older than `window`.
    pub(super) fn forget(&mut self, window: Span, now: Timestamp) {
        self.0.retain(|grain| now.since(grain.last) < window);
    }

    /// Whether no use is within the window.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Time until the next use is allowed, with at most `max` uses per `window`; `None` if it is allowed now.
    pub(super) fn wait(&self, max: u32, window: Span, now: Timestamp) -> Option<Span> {
        let used = self.0.iter().fold(0_u32, |sum, grain| sum.saturating_add(grain.count));
        let oldest = self.0.iter().map(|grain| grain.last).min();
        (used >= max).then(|| (oldest.unwrap_or(now) + window).since(now))
    }

    /// Counts a use at `now`.
    pub(super) fn add(&mut self, max: u32, window: Span, now: Timestamp) {
        let grain = if max <= GRAINS { 0 } else { window.as_millis() / u64::from(GRAINS) };
        match self.0.last_mut() {
            Some(last) if now.since(last.first).as_millis() < grain => {
                last.last = last.last.max(now);
                last.count += 1;
            }
            _ => self.0.push(Grain { first: now, last: now, count: 1 }),
        }
    }

    /// Removes the last use.
    pub(super) fn take_back(&mut self) {
        if let Some(last) = self.0.last_mut() {
            last.count -= 1;
            if last.count == 0 {
                self.0.pop();
            }
        }
    }

    #[cfg(test)]
    pub(super) fn grains(&self) -> usize {
        self.0.len()
    }
}

/// Budgets up to this size are logged use by use; a log has at most one grain more.
const GRAINS: u32 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Span = Span::from_secs(10);

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + ms)
    }

    /// Times of the uses that pass, when one is tried every `step_ms`.
    fn let_through(max: u32, step_ms: u64, until_ms: u64) -> Vec<u64> {
        let mut log = Log::default();
        let mut passed = Vec::new();
        for ms in (0..until_ms).step_by(step_ms as usize) {
            log.forget(WINDOW, at(ms));
            if log.wait(max, WINDOW, at(ms)).is_none() {
                log.add(max, WINDOW, at(ms));
                passed.push(ms);
            }
            assert!(log.grains() <= GRAINS as usize + 1, "{}", log.grains());
        }
        passed
    }

    #[test]
    fn never_more_than_allowed_fit_in_any_window_and_the_log_stays_small() {
        for max in [1, 5, 16, 17, 300, 4_000] {
            let passed = let_through(max, 3, 60_000);
            for (n, start) in passed.iter().enumerate() {
                let within = passed[n..].iter().take_while(|ms| *ms - start < WINDOW.as_millis()).count();
                assert!(within <= max as usize, "{within} of {max} from {start}");
            }
            let least = 5 * max.min(3_000) as usize;
            assert!(passed.len() >= least, "{} of {max} passed", passed.len());
        }
    }

    #[test]
    fn a_use_that_is_taken_back_leaves_room_for_another() {
        for max in [2, 50] {
            let mut log = Log::default();
            for _ in 0..max {
                log.add(max, WINDOW, at(0));
            }
            assert_eq!(log.wait(max, WINDOW, at(1)), Some(Span::from_millis(9_999)));
            log.take_back();
            assert_eq!(log.wait(max, WINDOW, at(1)), None);
        }
    }
}
