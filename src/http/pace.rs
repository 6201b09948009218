//! How slowly a peer may send or take bytes before its connection is closed.

use std::time::Duration;

use tokio::time::Instant;

/// A debt in time: waiting for the peer adds to it, and every byte that moves pays some of it off. So a pause ends
/// after at most `grace`, and a peer can't stay connected by moving one byte before the end of each pause.
#[derive(Debug)]
pub(super) struct Pace {
    grace: Duration,
    bytes_per_s: u32,
    debt: Duration,
    waiting_since: Option<Instant>,
}

impl Pace {
    /// A debt of at most `grace`, paid off at `bytes_per_s`.
    pub(super) const fn new(grace: Duration, bytes_per_s: u32) -> Self {
        Self { grace, bytes_per_s, debt: Duration::ZERO, waiting_since: None }
    }

    /// Records that the server begins to wait for the peer. Returns when the wait must end.
    pub(super) fn wait(&mut self, now: Instant) -> Instant {
        let since = *self.waiting_since.get_or_insert(now);
        since + self.grace.saturating_sub(self.debt)
    }

    /// Records that bytes moved.
    pub(super) fn moved(&mut self, bytes: usize, now: Instant) {
        if let Some(since) = self.waiting_since.take() {
            self.debt += now.saturating_duration_since(since);
        }
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let paid = bytes.saturating_mul(1_000_000_000) / u64::from(self.bytes_per_s.max(1));
        self.debt = self.debt.saturating_sub(Duration::from_nanos(paid));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_pause_lasts_as_long_as_the_grace() {
        let start = Instant::now();
        let mut pace = Pace::new(GRACE, 100);
        assert_eq!(pace.wait(start), start + GRACE);
        assert_eq!(pace.wait(start + GRACE / 2), start + GRACE, "it is the same pause");
    }

    #[tokio::test(start_paused = true)]
    async fn a_byte_before_the_end_of_each_pause_buys_no_new_one() {
        let start = Instant::now();
        let mut pace = Pace::new(GRACE, 100);
        pace.wait(start);
        pace.moved(1, start + GRACE - ms(100));
        assert_eq!(pace.wait(start + GRACE), start + GRACE + ms(110), "the byte paid for 10 ms");
        pace.moved(1, start + GRACE + ms(110));
        let later = start + GRACE + ms(200);
        assert_eq!(pace.wait(later), later + ms(10));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_keeps_the_rate_is_waited_for_without_end() {
        let mut now = Instant::now();
        let mut pace = Pace::new(GRACE, 100);
        for _ in 0..1000 {
            assert!(pace.wait(now) > now + ms(1000));
            now += ms(1000);
            pace.moved(100, now);
        }
    }

    const GRACE: Duration = Duration::from_secs(10);

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }
}
