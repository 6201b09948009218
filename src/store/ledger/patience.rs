//! Retries temporary errors, which are no sign of a broken disk.

use std::io;
use std::time::{Duration, Instant};

use rustix::io::Errno;

/// Whether a failed operation may succeed on retry without any repair: because file descriptors, memory or time ran
/// short. A full or broken disk is no such case.
pub(super) fn passes(error: &io::Error) -> bool {
    let passing = [Errno::INTR, Errno::AGAIN, Errno::MFILE, Errno::NFILE, Errno::NOMEM];
    match error.raw_os_error() {
        Some(code) => passing.iter().any(|errno| errno.raw_os_error() == code),
        None => matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::OutOfMemory),
    }
}

/// Retries until success or a permanent error, or until `give_up` returns true for the time spent so far.
pub(super) fn patiently<T>(
    what: &str,
    give_up: impl Fn(Duration) -> bool,
    mut work: impl FnMut() -> io::Result<T>,
) -> io::Result<T> {
    let began = Instant::now();
    let mut pause = PAUSE_MIN;
    let mut failures: u32 = 0;
    loop {
        match work() {
            Err(error) if passes(&error) && !give_up(began.elapsed()) => {
                if failures == 0 {
                    tracing::warn!(%error, what, "a resource of the system is exhausted; the operation is tried again");
                }
                failures = failures.saturating_add(1);
                std::thread::sleep(pause);
                pause = (pause * 2).min(PAUSE_MAX);
            }
            done => {
                if failures > 0 && done.is_ok() {
                    tracing::info!(what, failures, "the operation succeeded after some tries");
                }
                return done;
            }
        }
    }
}

const PAUSE_MIN: Duration = Duration::from_millis(1);
const PAUSE_MAX: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    fn failing(errno: Errno, times: u32) -> (io::Result<u32>, u32) {
        let mut calls = 0;
        let done = patiently(
            "a test",
            |waited| waited > Duration::from_secs(60),
            || {
                calls += 1;
                if calls <= times { Err(errno.into()) } else { Ok(calls) }
            },
        );
        (done, calls)
    }

    #[test]
    fn what_passes_is_tried_again_and_what_does_not_is_not() {
        for errno in [Errno::INTR, Errno::AGAIN, Errno::MFILE, Errno::NFILE, Errno::NOMEM] {
            assert_eq!(failing(errno, 3).0.ok(), Some(4), "{errno}");
        }
        for errno in [Errno::IO, Errno::NOSPC, Errno::ROFS, Errno::DQUOT, Errno::BADF] {
            let (done, calls) = failing(errno, 3);
            assert_eq!((done.map_err(|error| error.raw_os_error()), calls), (Err(Some(errno.raw_os_error())), 1));
        }
    }

    #[test]
    fn patience_ends() {
        let done = patiently("a test", |_| true, || Err::<(), _>(Errno::MFILE.into()));
        assert!(done.is_err_and(|error| passes(&error)));
    }
}
