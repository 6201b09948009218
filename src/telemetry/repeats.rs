//! Counts repeated events: the first is reported at once, then sums at intervals, then the end. This file knows neither
//! log lines nor clocks.

use std::collections::HashMap;
use std::hash::Hash;

use crate::domain::time::{Span, Timestamp};

/// How often each kind of event has happened. At most [`KINDS_MAX`] kinds are counted; further kinds are ignored.
#[derive(Debug)]
pub(crate) struct Repeats<K> {
    at_once: u32,
    kinds: HashMap<K, Window>,
}

/// The current interval of one kind.
#[derive(Debug)]
struct Window {
    /// Time of the first event.
    since: Timestamp,
    began: Timestamp,
    /// Intervals before this one.
    intervals: u32,
    said: u32,
    /// Events of this interval that were counted but not reported.
    held: u64,
    /// Events since the first.
    total: u64,
    /// Whether any event since the first was not reported.
    was_held: bool,
}

/// A report about one kind at the end of an interval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sum<K> {
    /// `times` events happened in the interval besides those reported at once.
    Again { kind: K, times: u64 },
    /// No event for a whole interval, after `times` events in all.
    Over { kind: K, times: u64, lasted: Span },
}

impl<K: Clone + Eq + Hash> Repeats<K> {
    /// A counter that reports `at_once` events of each kind per interval at once.
    pub(crate) fn new(at_once: u32) -> Self {
        Self { at_once, kinds: HashMap::new() }
    }

    /// Counts an event; true if it is to be reported at once.
    pub(crate) fn note(&mut self, kind: K, now: Timestamp) -> bool {
        if self.kinds.len() >= KINDS_MAX && !self.kinds.contains_key(&kind) {
            return false;
        }
        let fresh = Window { since: now, began: now, intervals: 0, said: 0, held: 0, total: 0, was_held: false };
        let window = self.kinds.entry(kind).or_insert(fresh);
        window.total += 1;
        let is_said = window.said < self.at_once;
        if is_said {
            window.said += 1;
        } else {
            window.held += 1;
            window.was_held = true;
        }
        is_said
    }

    /// Whether this kind is being counted.
    #[cfg(feature = "cli")]
    pub(crate) fn knows(&self, kind: &K) -> bool {
        self.kinds.contains_key(kind)
    }

    /// The kinds that are being counted.
    #[cfg(feature = "cli")]
    pub(crate) fn kinds(&self) -> impl Iterator<Item = &K> {
        self.kinds.keys()
    }

    /// The end of the next interval; `None` if nothing is counted.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.kinds.values().map(Window::end).min()
    }

    /// Reports on the intervals that have ended.
    pub(crate) fn sum_up(&mut self, now: Timestamp) -> Vec<Sum<K>> {
        let mut sums = Vec::new();
        self.kinds.retain(|kind, window| {
            if now < window.end() {
                return true;
            }
            if window.said == 0 && window.held == 0 {
                if window.was_held {
                    let lasted = window.began.since(window.since);
                    sums.push(Sum::Over { kind: kind.clone(), times: window.total, lasted });
                }
                return false;
            }
            if window.held > 0 {
                sums.push(Sum::Again { kind: kind.clone(), times: window.held });
            }
            window.began = now;
            window.intervals = window.intervals.saturating_add(1);
            (window.said, window.held) = (0, 0);
            true
        });
        sums
    }
}

impl Window {
    fn end(&self) -> Timestamp {
        self.began + if self.intervals < SHORT_INTERVALS { INTERVAL } else { LONG_INTERVAL }
    }
}

/// Length of an interval.
const INTERVAL: Span = Span::from_secs(10);
/// Length of an interval after the first [`SHORT_INTERVALS`].
const LONG_INTERVAL: Span = Span::from_secs(60);
const SHORT_INTERVALS: u32 = 6;
/// Kinds counted at most; a server has far fewer kinds of failures at once.
const KINDS_MAX: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + second * 1000)
    }

    #[test]
    fn a_kind_is_said_at_once_then_counted_and_at_last_over() {
        let mut repeats = Repeats::new(1);
        assert!(repeats.note("a", at(0)) && repeats.note("b", at(1)), "each kind by itself");
        let said = (0..1000).filter(|n| repeats.note("a", at(n / 200))).count();
        assert_eq!((said, repeats.sum_up(at(9))), (0, vec![]));
        assert_eq!(repeats.sum_up(at(10)), [Sum::Again { kind: "a", times: 1000 }]);
        assert_eq!(repeats.sum_up(at(11)), [], "of `b` there is nothing to add");
        assert!(repeats.note("a", at(12)) && !repeats.note("a", at(13)), "once in each interval");
        assert_eq!(repeats.sum_up(at(20)), [Sum::Again { kind: "a", times: 1 }]);
        assert_eq!(repeats.sum_up(at(30)), [Sum::Over { kind: "a", times: 1003, lasted: Span::from_secs(20) }]);
        assert_eq!(repeats.next_due(), None);
        assert!(repeats.note("a", at(31)), "it begins anew");
    }

    #[test]
    fn what_happened_once_is_forgotten_without_a_word() {
        let mut repeats = Repeats::new(1);
        assert!(repeats.note((), at(0)));
        assert_eq!(
            (repeats.next_due(), repeats.sum_up(at(10)), repeats.sum_up(at(20))),
            (Some(at(10)), vec![], vec![])
        );
        assert_eq!(repeats.next_due(), None);
    }

    #[test]
    fn several_may_be_said_in_an_interval() {
        let mut repeats = Repeats::new(3);
        assert_eq!((0..10).filter(|_| repeats.note("a", at(0))).count(), 3);
        assert_eq!(repeats.sum_up(at(10)), [Sum::Again { kind: "a", times: 7 }]);
        assert_eq!((0..10).filter(|_| repeats.note("a", at(11))).count(), 3);
    }

    #[test]
    fn what_goes_on_for_long_is_summed_up_once_a_minute() {
        let mut repeats = Repeats::new(1);
        let mut lines = 0;
        for second in 0..3600 {
            lines += usize::from(repeats.note("a", at(second))) + repeats.sum_up(at(second)).len();
        }
        assert!((100..=140).contains(&lines), "{lines} lines in an hour");
    }

    #[test]
    fn kinds_are_bounded() {
        let mut repeats = Repeats::new(1);
        assert_eq!((0..10_000).filter(|n| repeats.note(*n, at(0))).count(), KINDS_MAX);
        assert_eq!(repeats.kinds.len(), KINDS_MAX);
    }
}
