//! When a message is tried again.

use crate::domain::ports::Entropy;
use crate::domain::time::Span;

/// How long to wait after an attempt failed, given how many attempts have failed so far and what the receiver asked for
/// by `Retry-After`. `None` when all attempts are used up: the message is given up.
///
/// A receiver can ask for a longer wait than the schedule has, up to [`RETRY_AFTER_MAX`], and not for a shorter one. Up
/// to a fifth is added by chance, so that messages that failed together do not come back together.
pub fn next_attempt_in(failures: u32, retry_after: Option<Span>, entropy: &mut dyn Entropy) -> Option<Span> {
    let at = usize::try_from(failures).unwrap_or(usize::MAX).saturating_sub(1);
    let planned = *DELAYS.get(at)?;
    let asked = retry_after.unwrap_or_default().min(RETRY_AFTER_MAX);
    let delay = planned.max(asked).as_millis();
    let mut random = [0; 4];
    entropy.fill(&mut random);
    let jitter = (u128::from(delay / JITTER_PART) * u128::from(u32::from_be_bytes(random))) >> u32::BITS;
    Some(Span::from_millis(delay + u64::try_from(jitter).unwrap_or_default()))
}

/// How often a message is tried: once at once, and once after each delay.
#[cfg(any(test, feature = "unstable"))]
pub const ATTEMPTS_MAX: u32 = DELAYS.len() as u32 + 1;

/// The longest wait that a receiver can ask for: a day.
pub const RETRY_AFTER_MAX: Span = Span::from_secs(24 * 3600);

/// The waits after each failure, without jitter: those of Svix, about 28 hours together.
const DELAYS: [Span; 7] = [
    Span::from_secs(5),
    Span::from_secs(5 * 60),
    Span::from_secs(30 * 60),
    Span::from_secs(2 * 3600),
    Span::from_secs(5 * 3600),
    Span::from_secs(10 * 3600),
    Span::from_secs(10 * 3600),
];

/// At most this part of a wait is added to it: a fifth.
const JITTER_PART: u64 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    struct Bytes(u8);

    impl Entropy for Bytes {
        fn fill(&mut self, buffer: &mut [u8]) {
            buffer.fill(self.0);
        }
    }

    #[test]
    fn a_message_is_tried_eight_times_within_28_to_34_hours() {
        for (byte, hours) in [(0, 27), (255, 33)] {
            let waits: Vec<Span> =
                (1..).map_while(|failures| next_attempt_in(failures, None, &mut Bytes(byte))).collect();
            assert_eq!(u32::try_from(waits.len()), Ok(ATTEMPTS_MAX - 1));
            let total: u64 = waits.iter().map(|wait| wait.as_millis()).sum();
            assert_eq!(total / 3_600_000, hours, "{waits:?}");
        }
        assert_eq!(next_attempt_in(1, None, &mut Bytes(0)), Some(Span::from_secs(5)));
        assert_eq!(next_attempt_in(ATTEMPTS_MAX, Some(Span::from_secs(1)), &mut Bytes(0)), None);
        assert_eq!(next_attempt_in(u32::MAX, None, &mut Bytes(0)), None);
    }

    #[test]
    fn a_receiver_can_ask_for_more_time_within_bounds_and_not_for_less() {
        let after = |failures, asked| next_attempt_in(failures, Some(asked), &mut Bytes(0));
        assert_eq!(after(1, Span::from_secs(60)), Some(Span::from_secs(60)));
        assert_eq!(after(1, Span::from_secs(1)), Some(Span::from_secs(5)));
        assert_eq!(after(4, Span::from_secs(60)), Some(Span::from_secs(2 * 3600)));
        assert_eq!(after(1, Span::from_millis(u64::MAX)), Some(RETRY_AFTER_MAX));
    }
}
