//! Measurements of a run: latencies by step and second, outcomes, errors by code.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::time::Instant;

use super::virtual_user::Refusal;

/// A step of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// Creating the sign-up.
    Create,
    /// Adding a field.
    Update,
    /// Requesting a code.
    Prepare,
    /// Reading the code from the server's mailbox; not part of the sign-up.
    Mail,
    /// Trying the code.
    Attempt,
    /// Checking that the session works; not part of the flow's duration.
    Check,
}

/// Progress of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Time since the start.
    pub elapsed: Duration,
    /// Flows that began.
    pub started: u64,
    /// Flows that ended with a working session.
    pub completed: u64,
    /// Flows that were abandoned on purpose.
    pub abandoned: u64,
    /// Flows that failed.
    pub failed: u64,
}

/// Outcome of a flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Completed,
    Abandoned,
    Failed(Step, Refusal),
}

/// The measurements of a run, shared by all its tasks.
#[derive(Debug)]
pub(super) struct Recorder {
    began: Instant,
    figures: Mutex<Figures>,
}

/// The measured values. Latencies are in microseconds.
#[derive(Clone, Debug)]
pub(super) struct Figures {
    pub(super) steps: BTreeMap<Step, Histogram<u64>>,
    pub(super) flow: Histogram<u64>,
    pub(super) seconds: Vec<Second>,
    pub(super) errors: BTreeMap<(Step, String), u64>,
    pub(super) progress: Progress,
    /// Sign-ups that were due and did not begin, because too many were in flight already.
    pub(super) not_started: u64,
}

/// One second of a run. A flow counts in the second in which it ends.
#[derive(Clone, Debug)]
pub(super) struct Second {
    pub(super) completed: u64,
    pub(super) failed: u64,
    pub(super) flow: Histogram<u64>,
}

impl Recorder {
    pub(super) fn beginning_at(began: Instant) -> Self {
        let figures = Figures {
            steps: BTreeMap::new(),
            flow: histogram(3),
            seconds: Vec::new(),
            errors: BTreeMap::new(),
            progress: Progress::default(),
            not_started: 0,
        };
        Self { began, figures: Mutex::new(figures) }
    }

    /// Counts a flow that begins.
    pub(super) fn started(&self) {
        self.with(|figures| figures.progress.started += 1);
    }

    /// Counts a flow that was due and does not begin.
    pub(super) fn not_started(&self) {
        self.with(|figures| figures.not_started += 1);
    }

    /// Records a step that began at `since` and ends now.
    pub(super) fn step(&self, step: Step, since: Instant) {
        let taken = micros(since.elapsed());
        self.with(|figures| {
            figures.steps.entry(step).or_insert_with(|| histogram(3)).saturating_record(taken);
        });
    }

    /// Records the end of a flow with its duration.
    pub(super) fn ended(&self, outcome: &Outcome, taken: Duration) {
        let second = self.began.elapsed().as_secs() as usize;
        self.with(|figures| {
            if figures.seconds.len() <= second {
                figures.seconds.resize_with(second + 1, || Second { completed: 0, failed: 0, flow: histogram(2) });
            }
            let second = &mut figures.seconds[second];
            match outcome {
                Outcome::Completed => {
                    second.completed += 1;
                    second.flow.saturating_record(micros(taken));
                    figures.progress.completed += 1;
                    figures.flow.saturating_record(micros(taken));
                }
                Outcome::Abandoned => figures.progress.abandoned += 1,
                Outcome::Failed(step, Refusal(code)) => {
                    second.failed += 1;
                    figures.progress.failed += 1;
                    *figures.errors.entry((*step, code.clone())).or_default() += 1;
                }
            }
        });
    }

    /// The progress so far.
    pub(super) fn progress(&self) -> Progress {
        let elapsed = self.began.elapsed();
        self.with(|figures| Progress { elapsed, ..figures.progress })
    }

    /// A copy of all measurements so far.
    pub(super) fn figures(&self) -> Figures {
        let progress = self.progress();
        self.with(|figures| Figures { progress, ..figures.clone() })
    }

    fn with<T>(&self, change: impl FnOnce(&mut Figures) -> T) -> T {
        change(&mut self.figures.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Step {
    const ALL: [Self; 6] = [Self::Create, Self::Update, Self::Prepare, Self::Mail, Self::Attempt, Self::Check];

    /// The step with this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.as_str() == name)
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Prepare => "prepare",
            Self::Mail => "mail",
            Self::Attempt => "attempt",
            Self::Check => "check",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A histogram from 1 µs to an hour, with this many significant digits.
fn histogram(digits: u8) -> Histogram<u64> {
    Histogram::new_with_bounds(1, HOUR_US, digits).expect("bounds that a histogram can have")
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX).max(1)
}

const HOUR_US: u64 = 3_600_000_000;
