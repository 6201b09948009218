//! Decides whether one provider is given a message. It gets the time as an argument and does no IO.
//!
//! After some failures in a row, each of which concerns every message, the provider is left alone for a pause. Then one
//! message at a time finds out whether it works again; each such probe that fails makes the next pause longer.

use std::time::Duration;

use tokio::time::Instant;

use super::{FailureClass, ProviderState};

/// The state of one provider.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    /// Failures since the last answer that showed that the provider works.
    failures: u32,
    /// How often it was left alone since then.
    pauses: u32,
    /// It gets no message before this time.
    until: Option<Instant>,
    is_probing: bool,
    /// Whether the provider asked for the pause.
    is_asked: bool,
}

/// Permission to give one message to the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// It works.
    Open,
    /// It failed, and this message finds out whether it works again.
    Probe,
}

impl Breaker {
    /// Permission for one more message.
    ///
    /// # Errors
    /// How long it gets none. Zero while a probe is under way.
    pub(super) fn admit(&mut self, now: Instant) -> Result<Admission, Duration> {
        let Some(until) = self.until else { return Ok(Admission::Open) };
        if now < until {
            return Err(until - now);
        }
        if self.is_probing {
            return Err(Duration::ZERO);
        }
        self.is_probing = true;
        Ok(Admission::Probe)
    }

    /// The provider answered: it took the message, or refused it for the message's own sake.
    pub(super) fn record_answer(&mut self) {
        *self = Self::default();
    }

    /// The provider failed, for a reason that concerns every message.
    pub(super) fn record_failure(
        &mut self,
        admission: Admission,
        class: FailureClass,
        retry_after: Option<Duration>,
        now: Instant,
    ) {
        if admission == Admission::Probe {
            self.is_probing = false;
        }
        self.failures = self.failures.saturating_add(1);
        // A failure of a message that was given to it before the pause began says nothing new.
        let is_news = admission == Admission::Probe || self.until.is_none();
        let is_over = self.failures >= FAILURES_MAX || admission == Admission::Probe;
        let pause = match retry_after {
            Some(asked) => asked.clamp(ASKED_MIN, ASKED_MAX),
            // Too much at a time: the others are asked meanwhile, and this one soon again.
            None if class == FailureClass::RateLimited => ASKED_MIN,
            None if is_over && is_news => PAUSE_FIRST.saturating_mul(1 << self.pauses.min(8)).min(PAUSE_MAX),
            None => return,
        };
        if is_news && is_over && retry_after.is_none() {
            self.pauses = self.pauses.saturating_add(1);
        }
        self.is_asked = retry_after.is_some();
        let until = now + pause;
        self.until = Some(self.until.map_or(until, |before| before.max(until)));
    }

    /// Whether the provider asked for the pause that it is in.
    pub(super) const fn is_asked(&self) -> bool {
        self.is_asked
    }

    /// What it is at `now`.
    pub(super) fn state(&self, now: Instant) -> ProviderState {
        match self.until {
            None => ProviderState::Working,
            Some(until) if now < until => ProviderState::Paused(until - now),
            Some(_) => ProviderState::Probing,
        }
    }
}

/// Failures in a row after which a provider is left alone. One alone may be a connection that was lost.
const FAILURES_MAX: u32 = 3;
/// The first pause. Codes wait for it only where no other provider takes them.
const PAUSE_FIRST: Duration = Duration::from_secs(5);
/// The longest pause: much shorter than codes live, so that a provider that works again is soon found.
const PAUSE_MAX: Duration = Duration::from_secs(120);
/// The shortest and the longest pause that a provider can ask for. Beyond an hour it is asked once an hour.
const ASKED_MIN: Duration = Duration::from_secs(1);
const ASKED_MAX: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_in_a_row_open_it_and_probes_one_at_a_time_close_it() {
        let (mut breaker, start) = (Breaker::default(), Instant::now());
        for _ in 1..FAILURES_MAX {
            fail(&mut breaker, start);
        }
        assert_eq!(breaker.state(start), ProviderState::Working);
        fail(&mut breaker, start);
        assert_eq!(breaker.state(start), ProviderState::Paused(PAUSE_FIRST));
        assert_eq!(breaker.admit(start), Err(PAUSE_FIRST));
        let later = start + PAUSE_FIRST;
        assert_eq!(breaker.admit(later), Ok(Admission::Probe));
        assert_eq!(breaker.admit(later), Err(Duration::ZERO), "one at a time");
        breaker.record_answer();
        assert_eq!((breaker.state(later), breaker.admit(later)), (ProviderState::Working, Ok(Admission::Open)));
    }

    #[test]
    fn an_answer_between_failures_keeps_it_closed() {
        let (mut breaker, start) = (Breaker::default(), Instant::now());
        for _ in 0..10 {
            fail(&mut breaker, start);
            fail(&mut breaker, start);
            breaker.record_answer();
        }
        assert_eq!(breaker.admit(start), Ok(Admission::Open));
    }

    #[test]
    fn pauses_grow_to_their_longest_and_begin_anew_after_an_answer() {
        let (mut breaker, mut now) = (Breaker::default(), Instant::now());
        (0..FAILURES_MAX).for_each(|_| fail(&mut breaker, now));
        let mut pauses = Vec::new();
        for _ in 0..8 {
            let ProviderState::Paused(pause) = breaker.state(now) else { panic!("{breaker:?}") };
            pauses.push(pause.as_secs());
            now += pause;
            fail(&mut breaker, now);
        }
        assert_eq!(pauses, [5, 10, 20, 40, 80, 120, 120, 120]);
        breaker.record_answer();
        (0..FAILURES_MAX).for_each(|_| fail(&mut breaker, now));
        assert_eq!(breaker.state(now), ProviderState::Paused(PAUSE_FIRST));
    }

    #[test]
    fn a_pause_that_the_provider_asks_for_is_kept_within_bounds() {
        for (asked, kept) in [(0, 1), (30, 30), (86_400, 3600)] {
            let (mut breaker, now) = (Breaker::default(), Instant::now());
            let admission = breaker.admit(now).expect("it works");
            breaker.record_failure(admission, FailureClass::RateLimited, Some(Duration::from_secs(asked)), now);
            assert_eq!(breaker.state(now), ProviderState::Paused(Duration::from_secs(kept)), "{asked}");
        }
    }

    #[test]
    fn late_failures_of_earlier_messages_do_not_make_the_pause_longer() {
        let (mut breaker, now) = (Breaker::default(), Instant::now());
        for _ in 0..50 {
            breaker.record_failure(Admission::Open, FailureClass::Timeout, None, now);
        }
        assert_eq!(breaker.state(now), ProviderState::Paused(PAUSE_FIRST));
    }

    fn fail(breaker: &mut Breaker, now: Instant) {
        let admission = breaker.admit(now).expect("it is not paused");
        breaker.record_failure(admission, FailureClass::Unreachable, None, now);
    }
}
