//! Whether the clocks of this node show the time of the database. Nodes decide by their own clocks when a code or a session is
//! over, so clocks that are apart would give different answers.
//!
//! There are two: that of the machine, and that of the process, which is the machine's as it was at the start and goes on by
//! itself. Where the machine's was ahead at the start and was put right since, the process still decides by the wrong one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout};
use tokio_postgres::{Client, Error};

use crate::clock::{Clock, SystemClock};
use crate::domain::time::{Span, Timestamp};

/// What is known of the clocks.
#[derive(Debug, Default)]
pub(super) struct Clocks {
    /// The clock of this process, as it goes since the store was opened.
    process: SystemClock,
    compared: Mutex<Option<Instant>>,
    are_apart: AtomicBool,
}

impl Clocks {
    /// Whether they were apart when they were last compared.
    pub(super) fn are_apart(&self) -> bool {
        self.are_apart.load(Ordering::Relaxed)
    }

    /// Compares them, unless that was done a moment ago.
    pub(super) async fn compare(&self, client: &Client) {
        if !self.is_time() {
            return;
        }
        let (before, begun) = ([SystemClock::new().now(), self.process.now()], Instant::now());
        match timeout(WITHIN, time_of(client)).await {
            Ok(Ok(there)) => self.note(before, there, begun.elapsed()),
            Ok(Err(error)) => tracing::debug!(%error, "the time of the database can't be read"),
            Err(_) => tracing::debug!("the database did not tell its time"),
        }
    }

    /// Takes the turn to compare them.
    fn is_time(&self) -> bool {
        let mut compared = self.compared.lock().unwrap_or_else(PoisonError::into_inner);
        let is_time = compared.is_none_or(|at| at.elapsed() >= COMPARED_EVERY);
        if is_time {
            *compared = Some(Instant::now());
        }
        is_time
    }

    /// Notes the time `there` of an answer that began when the clocks of the machine and of the process showed these times, and
    /// took so long: it was made somewhere between. A process that is behind its machine was paused, as suspended machines are.
    fn note(&self, [machine, process]: [Timestamp; 2], there: Timestamp, took: Duration) {
        let after = machine + Span::from_millis(u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
        let (of_machine, of_process) = (machine.since(there).max(there.since(after)), process.since(there));
        let apart = of_machine.max(of_process);
        let are_apart = apart > APART_MAX;
        if self.are_apart.swap(are_apart, Ordering::Relaxed) != are_apart {
            let apart_ms = apart.as_millis();
            match are_apart {
                true => tracing::error!(
                    apart_ms,
                    "the clock of this machine and that of the database are apart; this node is not ready until they agree. If \
                     this machine's is the wrong one and is ahead, start the node again when it is right"
                ),
                false => tracing::info!("the clock of this machine and that of the database agree again"),
            }
        }
    }
}

async fn time_of(client: &Client) -> Result<Timestamp, Error> {
    let row = client.query_one(NOW, &[]).await?;
    let millis: i64 = row.try_get(0)?;
    Ok(Timestamp::from_millis(u64::try_from(millis).unwrap_or_default()))
}

/// The time now, in milliseconds, not that of the transaction.
const NOW: &str = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint";
/// How far the clocks may be apart.
const APART_MAX: Span = Span::from_secs(2);
const WITHIN: Duration = Duration::from_secs(2);
const COMPARED_EVERY: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_are_apart_if_no_moment_of_the_question_is_within_two_seconds() {
        let (at, took) = (|s: u64| Timestamp::from_millis(1_800_000_000_000 + s * 1000), Duration::from_secs(3));
        for (there, are_apart) in
            [(10, false), (8, false), (7, true), (13, false), (15, false), (16, true), (10, false)]
        {
            let clocks = Clocks::default();
            clocks.note([at(10); 2], at(there), took);
            assert_eq!(clocks.are_apart(), are_apart, "{there}");
        }
        let clocks = Clocks::default();
        clocks.note([at(10); 2], at(20), took);
        clocks.note([at(20); 2], at(20), took);
        assert!(!clocks.are_apart(), "they agree again");
        clocks.note([at(20), at(23)], at(20), took);
        assert!(clocks.are_apart(), "it began ahead, and goes on so");
        clocks.note([at(20), at(10)], at(20), took);
        assert!(!clocks.are_apart(), "it was paused");
    }
}
