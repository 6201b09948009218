//! The log of one place: when it was used last, in a bounded number of grains.

use crate::domain::time::{Span, Timestamp};

/// When a place was used within a window. Where many uses are allowed, those close to each other are kept as one grain
/// that is as young as its last use: never more than allowed fit in any window, and the log stays small.
#[derive(Debug, Default)]
pub(super) struct Log(Vec<Grain>);

#[derive(Clone, Copy, Debug)]
struct Grain {
    first: Timestamp,
    last: Timestamp,
    count: u32,
}

impl Log {
    /// Forgets what lies further back than `window`.
    pub(super) fn forget(&mut self, window: Span, now: Timestamp) {
        self.0.retain(|grain| now.since(grain.last) < window);
    }

    /// Whether nothing is known any more.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How long until another use fits beside those that are known, `max` in any `window`; `None` when it fits now.
    pub(super) fn wait(&self, max: u32, window: Span, now: Timestamp) -> Option<Span> {
        let used = self.0.iter().fold(0_u32, |sum, grain| sum.saturating_add(grain.count));
        let oldest = self.0.iter().map(|grain| grain.last).min();
        (used >= max).then(|| (oldest.unwrap_or(now) + window).since(now))
    }

    /// Notes a use.
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

    /// Takes one use back: it came to nothing.
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

/// Up to this many uses in a window are kept one by one; a log has one grain more at most.
const GRAINS: u32 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Span = Span::from_secs(10);

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + ms)
    }

    /// The uses that are let through of one every `step_ms`.
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
