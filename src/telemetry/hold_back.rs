//! Holds back log lines that repeat. A failure that can happen a thousand times a second, because of an attack or a
//! full disk, is logged once and then counted, wherever in the program it is logged.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use std::{io, thread};

use tracing::callsite::Identifier;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use crate::clock::Stopwatch;
use crate::domain::time::{Span, Timestamp};

use super::repeats::{Repeats, Sum};

/// Lets a line through once in ten seconds (once in 60 seconds if it goes on longer) and counts similar lines. Lines
/// are similar when they have the same call site and the same texts; numbers and ids don't count. [`Self::sum_up`] logs
/// the counts.
///
/// Lines with a `request.id` or `times` field always pass; their source counts them.
#[derive(Clone, Debug)]
pub(super) struct HoldBack(Arc<Held>);

#[derive(Debug)]
struct Held {
    began: Stopwatch,
    repeats: Mutex<Repeats<Line>>,
}

/// The key by which lines count as similar.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Line {
    place: Identifier,
    level: Level,
    message: String,
    /// The other text fields; `None` once the call site has logged too many different texts.
    texts: Option<String>,
}

impl HoldBack {
    /// A filter that has seen no line.
    pub(super) fn new() -> Self {
        Self(Arc::new(Held { began: Stopwatch::start(), repeats: Mutex::new(Repeats::new(1)) }))
    }

    /// Starts a thread that logs the counts at intervals, for as long as the process runs.
    ///
    /// # Errors
    /// When the thread can't be started.
    pub(super) fn spawn_summing(&self) -> io::Result<()> {
        let held = self.clone();
        let work = move || {
            loop {
                thread::sleep(PAUSE);
                held.sum_up(held.now());
            }
        };
        thread::Builder::new().name("log".into()).spawn(work).map(drop)
    }

    /// Logs the counts of the intervals that have ended by `now`.
    pub(super) fn sum_up(&self, now: Timestamp) {
        let sums = self.0.repeats.lock().unwrap_or_else(PoisonError::into_inner).sum_up(now);
        for sum in sums {
            match sum {
                Sum::Again { kind: Line { level, message: what, texts, .. }, times } => {
                    let texts = texts.unwrap_or_default();
                    if level == Level::ERROR {
                        tracing::error!(times, what, texts, "this line was repeated");
                    } else if level == Level::WARN {
                        tracing::warn!(times, what, texts, "this line was repeated");
                    } else {
                        tracing::info!(times, what, texts, "this line was repeated");
                    }
                }
                Sum::Over { kind: Line { level, message: what, texts, .. }, times, lasted } => {
                    let (texts, lasted_s) = (texts.unwrap_or_default(), lasted.as_secs_ceil());
                    if level <= Level::WARN {
                        tracing::info!(times, lasted_s, what, texts, "this line is no longer repeated");
                    }
                }
            }
        }
    }

    fn now(&self) -> Timestamp {
        let elapsed = self.0.began.elapsed().as_millis();
        Timestamp::from_millis(0) + Span::from_millis(u64::try_from(elapsed).unwrap_or(u64::MAX))
    }

    fn note(&self, event: &Event<'_>) -> bool {
        let mut texts = Texts::default();
        event.record(&mut texts);
        let metadata = event.metadata();
        let (place, level) = (metadata.callsite(), *metadata.level());
        let mut line = Line { place, level, message: texts.message, texts: Some(texts.others) };
        let now = self.now();
        let mut repeats = self.0.repeats.lock().unwrap_or_else(PoisonError::into_inner);
        if !repeats.knows(&line) && repeats.kinds().filter(|known| known.place == line.place).count() >= LINES_MAX {
            line.texts = None;
            line.message = metadata.name().to_owned();
        }
        repeats.note(line, now)
    }
}

impl<S: Subscriber> Layer<S> for HoldBack {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        always_passes(event.metadata()) || self.note(event)
    }
}

/// Whether lines from this call site are never held back. Debug lines pass: they are only on when someone needs each
/// one.
fn always_passes(metadata: &Metadata<'_>) -> bool {
    let says = |name| metadata.fields().field(name).is_some();
    *metadata.level() > Level::INFO || says("times") || says("request.id")
}

/// The text fields of an event.
#[derive(Default)]
struct Texts {
    message: String,
    others: String,
}

impl Visit for Texts {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            name if name.ends_with(".id") => {}
            name => {
                let gap = if self.others.is_empty() { "" } else { " " };
                self.others.push_str(&format!("{gap}{name}={value:?}"));
            }
        }
    }

    fn record_f64(&mut self, _: &Field, _: f64) {}

    fn record_i64(&mut self, _: &Field, _: i64) {}

    fn record_u64(&mut self, _: &Field, _: u64) {}
}

/// Pause between two checks for counts to log.
const PAUSE: Duration = Duration::from_secs(2);
/// Different lines per call site that are counted apart.
const LINES_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::super::log::{filter, human};
    use super::super::test_support::Lines;
    use super::*;

    /// The log of `work`, which gets the filter to call [`HoldBack::sum_up`].
    fn logged(work: impl FnOnce(&HoldBack)) -> String {
        let (lines, held) = (Lines::default(), HoldBack::new());
        let subscriber = human(filter("debug").expect("a filter"), false, lines.clone()).with(held.clone());
        tracing::subscriber::with_default(subscriber, || work(&held));
        lines.text()
    }

    fn after(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn a_thousand_like_lines_are_one_and_a_count_and_an_end() {
        let log = logged(|held| {
            for n in 0..1000 {
                let error = std::io::Error::other("the disk is full");
                tracing::warn!(%error, n, sign_up.id = n, "it could not be written");
            }
            for second in [11, 22, 33] {
                held.sum_up(after(second));
            }
        });
        let lines: Vec<&str> = log.lines().collect();
        assert_eq!(lines.len(), 3, "{log}");
        assert!(lines[0].contains("WARN") && lines[0].contains("it could not be written error=the disk is full"));
        assert!(lines[1].contains("WARN") && lines[1].contains("times=999") && lines[1].contains("the disk is full"));
        assert!(lines[2].contains("INFO") && lines[2].contains("times=1000"), "{log}");
    }

    #[test]
    fn lines_that_say_different_things_are_all_there_but_not_without_end() {
        let say = |what: &str| tracing::error!(what, "a part failed");
        let log = logged(|_| ["a", "b", "a", "c"].into_iter().for_each(say));
        assert_eq!(log.lines().count(), 3, "{log}");
        let log = logged(|_| (0..1000).for_each(|n| say(&n.to_string())));
        assert_eq!(log.lines().count(), LINES_MAX + 1, "{log}");
    }

    #[test]
    fn lines_of_requests_and_those_for_developers_pass() {
        let log = logged(|held| {
            for _ in 0..20 {
                tracing::info!(request.id = "a", "answered");
                tracing::warn!(times = 7, "refused");
                tracing::debug!("details");
            }
            held.sum_up(after(100));
        });
        assert_eq!(log.lines().count(), 60, "{log}");
    }
}
