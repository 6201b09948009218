//! Outages of the service: logged once at the start and once at the end, however many look-ups fail.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The current outage, if there is one.
#[derive(Debug, Default)]
pub(super) struct Trouble(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Time of the last failed request; `None` outside an outage.
    tried: Option<Instant>,
    /// Look-ups skipped since the outage began.
    missed: u64,
}

impl Trouble {
    /// Whether a request failed a short time ago. Then no new one is made (back-off).
    pub(super) fn is_recent(&self, now: Instant) -> bool {
        self.state(|state| state.tried.is_some_and(|tried| now < tried + PAUSE))
    }

    /// Counts a look-up that the outage prevented.
    pub(super) fn count(&self) {
        self.state(|state| state.missed += 1);
    }

    /// Notes a failed request.
    pub(super) fn note_failure(&self, why: &str, now: Instant) {
        let begins = self.state(|state| {
            state.missed += 1;
            state.tried.replace(now).is_none()
        });
        if begins {
            tracing::warn!(
                why,
                "passwords can't be looked up in the list of leaked passwords; they are accepted without this check"
            );
        }
    }

    /// Notes a successful request, which ends the outage.
    pub(super) fn note_success(&self) {
        let missed = self.state(|state| state.tried.take().map(|_| std::mem::take(&mut state.missed)));
        if let Some(missed) = missed {
            tracing::info!(missed, "passwords are looked up in the list of leaked passwords again");
        }
    }

    #[cfg(test)]
    pub(super) fn counted(&self) -> u64 {
        self.state(|state| state.missed)
    }

    fn state<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Back-off: time without requests after a failed one.
const PAUSE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_tried_again_after_a_pause_and_counted_until_it_is_over() {
        let (trouble, now) = (Trouble::default(), Instant::now());
        assert!(!trouble.is_recent(now));
        trouble.note_failure("it is down", now);
        trouble.count();
        assert!(trouble.is_recent(now + PAUSE / 2) && !trouble.is_recent(now + PAUSE));
        assert_eq!(trouble.counted(), 2);
        trouble.note_success();
        assert_eq!((trouble.counted(), trouble.is_recent(now)), (0, false));
    }
}
