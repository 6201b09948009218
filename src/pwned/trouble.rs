//! A time in which the service can't be asked: told once when it begins and once when it ends, however many look-ups it
//! costs.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Whether look-ups fail at present.
#[derive(Debug, Default)]
pub(super) struct Trouble(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// When the service was last tried in vain.
    tried: Option<Instant>,
    /// How many passwords were not looked up since it began.
    missed: u64,
}

impl Trouble {
    /// Whether the service was tried in vain just now: then it is left alone, and nobody waits for it.
    pub(super) fn is_recent(&self, now: Instant) -> bool {
        self.state(|state| state.tried.is_some_and(|tried| now < tried + PAUSE))
    }

    /// A password is not looked up because of it.
    pub(super) fn count(&self) {
        self.state(|state| state.missed += 1);
    }

    /// A look-up failed.
    pub(super) fn note(&self, why: &str, now: Instant) {
        let begins = self.state(|state| {
            state.missed += 1;
            state.tried.replace(now).is_none()
        });
        if begins {
            tracing::warn!(why, "passwords can't be looked up among the leaked ones; they are taken without that");
        }
    }

    /// A look-up worked.
    pub(super) fn is_over(&self) {
        let missed = self.state(|state| state.tried.take().map(|_| std::mem::take(&mut state.missed)));
        if let Some(missed) = missed {
            tracing::info!(missed, "passwords are looked up among the leaked ones again");
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

/// How long the service is left alone.
const PAUSE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_tried_again_after_a_pause_and_counted_until_it_is_over() {
        let (trouble, now) = (Trouble::default(), Instant::now());
        assert!(!trouble.is_recent(now));
        trouble.note("it is down", now);
        trouble.count();
        assert!(trouble.is_recent(now + PAUSE / 2) && !trouble.is_recent(now + PAUSE));
        assert_eq!(trouble.counted(), 2);
        trouble.is_over();
        assert_eq!((trouble.counted(), trouble.is_recent(now)), (0, false));
    }
}
