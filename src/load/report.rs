//! The result of a run as text and JSON; `page` gives it as HTML.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use super::circumstances::Circumstances;
use super::condition::{Condition, Measure, Unit};
use super::recorder::Figures;
use super::{Arrivals, Options};

/// The result of a run.
#[derive(Debug)]
pub struct Report {
    pub(super) options: Options,
    pub(super) circumstances: Circumstances,
    pub(super) figures: Figures,
}

impl Report {
    pub(super) fn new(options: &Options, circumstances: Circumstances, figures: Figures) -> Self {
        Self { options: options.clone(), circumstances, figures }
    }

    /// Whether the run succeeded. It fails if it meets a condition of `fail_if`. If no condition concerns failed or
    /// late sign-ups, it also fails unless each sign-up that was due began and either ended with a working session or
    /// was abandoned on purpose.
    ///
    /// # Errors
    /// A sentence with all reasons for the failure.
    pub fn verdict(&self, fail_if: &[Condition]) -> Result<(), String> {
        let met = fail_if.iter().filter_map(|condition| {
            let measured = self.measured(condition.measure);
            let is_met = condition.is_met(measured);
            is_met.then(|| format!("--fail-if {condition} is met: {}", condition.shown(measured)))
        });
        let mut reasons: Vec<String> = met.collect();
        let says = |about: fn(&Measure) -> bool| fail_if.iter().any(|condition| about(&condition.measure));
        if self.figures.progress.failed > 0 && !says(|measure| matches!(measure, Measure::Failed(_))) {
            reasons.push("not every sign-up ended in a session, and the errors are listed above".into());
        }
        if self.figures.not_started > 0 && !says(|measure| matches!(measure, Measure::NotStarted)) {
            reasons.push(format!("{} sign-ups that were due did not begin", self.figures.not_started));
        }
        if reasons.is_empty() { Ok(()) } else { Err(reasons.join("; ")) }
    }

    /// A table for the terminal.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let progress = &self.figures.progress;
        let mut line = |line: String| {
            text.push_str(&line);
            text.push('\n');
        };
        line(format!("{}, {}", self.title(), self.conditions()));
        line(self.circumstances());
        line(String::new());
        line(format!(
            "{} sign-ups in {:.1} s: {} completed ({:.0}/s), {} abandoned, {} failed, {} not begun",
            progress.started,
            progress.elapsed.as_secs_f64(),
            progress.completed,
            self.rate(),
            progress.abandoned,
            progress.failed,
            self.figures.not_started,
        ));
        self.remarks().into_iter().for_each(&mut line);
        line(String::new());
        let heads: String = PERCENTILES.iter().map(|(name, _)| format!("{name:>10}")).collect();
        line(format!("{:<10}{:>10}{heads}{:>10}   ms", "", "count", "max"));
        for (name, histogram) in self.rows() {
            let values: String = PERCENTILES
                .iter()
                .map(|(_, share)| format!("{:>10.2}", ms(histogram.value_at_quantile(*share))))
                .collect();
            line(format!("{name:<10}{:>10}{values}{:>10.2}", histogram.len(), ms(histogram.max())));
        }
        if !self.figures.errors.is_empty() {
            line(String::new());
        }
        for ((step, code), count) in &self.figures.errors {
            line(format!("{count:>10} × {step}: {code}"));
        }
        text
    }

    /// All results as JSON. Times are in milliseconds unless the name says otherwise; rates are per second.
    ///
    /// `offered_per_s`, `reached_per_s`, `reached` (their quotient, at most 1) and `kept_up` are null in a closed loop,
    /// which has no offered rate. `run` gives the start time, the build (`commit` is null if unknown) and the machine
    /// that made the load.
    pub fn json(&self) -> Value {
        let (options, progress) = (&self.options, &self.figures.progress);
        let latencies = |histogram: &Histogram<u64>| {
            let mut all = json!({ "count": histogram.len(), "mean": histogram.mean() / 1000.0 });
            for (name, share) in PERCENTILES {
                all[name.replace('.', "_")] = json!(ms(histogram.value_at_quantile(share)));
            }
            all["max"] = json!(ms(histogram.max()));
            all
        };
        let steps: serde_json::Map<String, Value> =
            self.figures.steps.iter().map(|(step, histogram)| (step.to_string(), latencies(histogram))).collect();
        let errors = self.figures.errors.iter();
        let errors: Vec<Value> = errors
            .map(|((step, code), count)| json!({ "step": step.to_string(), "code": code, "count": count }))
            .collect();
        let seconds: Vec<Value> = self
            .figures
            .seconds
            .iter()
            .map(|second| {
                let at = |share: f64| ms(second.flow.value_at_quantile(share));
                json!({
                    "completed": second.completed, "failed": second.failed, "p50": at(0.5), "p90": at(0.9),
                    "p95": at(0.95), "p99": at(0.99),
                })
            })
            .collect();
        json!({
            "run": self.circumstances.json(),
            "url": options.base.as_str(),
            "flow": options.flow.as_str(),
            "mode": options.mode.as_str(),
            "arrivals": match options.arrivals {
                Arrivals::Open { per_second } => json!({ "open": per_second }),
                Arrivals::Closed { callers } => json!({ "closed": callers }),
            },
            "duration_s": options.duration.as_secs(),
            "count_max": options.count,
            "abandon": options.abandon,
            "connections": options.connections,
            "elapsed_s": progress.elapsed.as_secs_f64(),
            "started": progress.started,
            "completed": progress.completed,
            "abandoned": progress.abandoned,
            "failed": progress.failed,
            "not_started": self.figures.not_started,
            "completed_per_s": self.rate(),
            "offered_per_s": self.offered(),
            "reached_per_s": self.offered().map(|_| self.reached_rate()),
            "reached": self.reached(),
            "kept_up": self.kept_up(),
            "flow_latency": latencies(&self.figures.flow),
            "step_latency": steps,
            "errors": errors,
            "seconds": seconds,
        })
    }

    pub(super) fn title(&self) -> String {
        format!("Load on {}", self.options.base)
    }

    /// The options of the run, in words.
    pub(super) fn conditions(&self) -> String {
        let options = &self.options;
        let arrivals = match options.arrivals {
            Arrivals::Open { per_second } => format!("{per_second} sign-ups a second (open loop)"),
            Arrivals::Closed { callers } => format!("{callers} callers (closed loop)"),
        };
        let (flow, mode) = (options.flow.as_str(), options.mode.as_str());
        let mut text = format!(
            "{arrivals} for {} s, flow {flow}, {mode} mode, {} connections",
            options.duration.as_secs(),
            options.connections
        );
        if options.abandon > 0.0 {
            text.push_str(&format!(", {:.0} % leave", options.abandon * 100.0));
        }
        text
    }

    /// Time, build and machine, in words.
    pub(super) fn circumstances(&self) -> String {
        let (version, machine) = (Circumstances::version(), self.circumstances.machine());
        format!("{}, {version}, load made on {machine}", self.circumstances.began_at())
    }

    /// Explanations of the results, in sentences.
    pub(super) fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        if let (Some(offered), Some(reached)) = (self.offered(), self.reached()) {
            let mut remark = format!(
                "offered {offered}/s, reached {:.0}/s ({:.0} %)",
                self.reached_rate(),
                (reached * 100.0).floor()
            );
            if self.kept_up() == Some(false) {
                remark.push_str(&format!(
                    ": the server could not keep up; the last sign-up ended {:.1} s after it would have, and latencies \
                     hold the time that sign-ups waited for their turn",
                    self.behind_s()
                ));
            }
            remarks.push(remark);
        }
        if self.figures.progress.abandoned > 0 {
            remarks.push(format!(
                "{} left on purpose once their code was on its way, as --abandon {} asks: they are neither completed nor \
                 failed, and count as reached",
                self.figures.progress.abandoned, self.options.abandon
            ));
        }
        if self.figures.not_started > 0 {
            remarks.push(format!(
                "{} were due and did not begin, since too many were under way already",
                self.figures.not_started
            ));
        }
        remarks
    }

    /// Completed sign-ups per second.
    pub(super) fn rate(&self) -> f64 {
        self.figures.progress.completed as f64 / self.span_s()
    }

    /// Offered rate: sign-ups per second that were due; `None` in a closed loop.
    pub(super) fn offered(&self) -> Option<f64> {
        match self.options.arrivals {
            Arrivals::Open { per_second } => Some(per_second),
            Arrivals::Closed { .. } => None,
        }
    }

    /// Reached rate: sign-ups per second that were completed or abandoned on purpose.
    pub(super) fn reached_rate(&self) -> f64 {
        let progress = &self.figures.progress;
        let rate = (progress.completed + progress.abandoned) as f64 / self.span_s();
        // With few sign-ups the measured time is slightly too short, which would give more than was offered.
        self.offered().map_or(rate, |offered| rate.min(offered))
    }

    /// Reached rate divided by offered rate; `None` in a closed loop.
    pub(super) fn reached(&self) -> Option<f64> {
        self.offered().map(|offered| self.reached_rate() / offered)
    }

    /// Whether sign-ups ended as fast as they began, with a tolerance for short runs; `None` in a closed loop.
    pub(super) fn kept_up(&self) -> Option<bool> {
        let ended = self.figures.progress.completed + self.figures.progress.abandoned + self.figures.progress.failed;
        let offered = self.offered()?;
        let is_behind = (ended as f64 / self.span_s()) < KEEPING_UP * offered && self.behind_s() > BEHIND_MAX_S;
        Some(!is_behind && self.figures.not_started == 0)
    }

    /// The value of a measure; `None` if there is none.
    pub(super) fn measured(&self, measure: Measure) -> Option<f64> {
        let (figures, progress) = (&self.figures, &self.figures.progress);
        let histogram = |step| match step {
            None => Some(&figures.flow),
            Some(step) => figures.steps.get(&step),
        };
        let some = |step| histogram(step).filter(|histogram| !histogram.is_empty());
        Some(match measure {
            Measure::Latency(step, share) => ms(some(step)?.value_at_quantile(share)),
            Measure::Mean(step) => some(step)?.mean() / 1000.0,
            Measure::Failed(Unit::Count) => progress.failed as f64,
            Measure::Failed(Unit::Share) => progress.failed as f64 / progress.started.max(1) as f64,
            Measure::NotStarted => figures.not_started as f64,
            Measure::Completed => progress.completed as f64,
            Measure::Abandoned => progress.abandoned as f64,
            Measure::CompletedPerS => self.rate(),
            Measure::Reached => self.reached()?,
        })
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = (String, &Histogram<u64>)> {
        let steps = self.figures.steps.iter().map(|(step, histogram)| (step.to_string(), histogram));
        std::iter::once(("flow".to_owned(), &self.figures.flow)).chain(steps)
    }

    /// Time in which sign-ups could end, in seconds: none can end before the fastest one.
    fn span_s(&self) -> f64 {
        let elapsed = self.figures.progress.elapsed.max(Duration::from_millis(1)).as_secs_f64();
        (elapsed - self.fastest_s()).max(elapsed / 2.0)
    }

    /// Delay of the end, in seconds, compared with a run in which each sign-up is as fast as the fastest.
    fn behind_s(&self) -> f64 {
        let due = self.figures.progress.started + self.figures.not_started;
        let last = due.saturating_sub(1) as f64 / self.offered().unwrap_or(f64::INFINITY);
        (self.figures.progress.elapsed.as_secs_f64() - last - self.fastest_s()).max(0.0)
    }

    fn fastest_s(&self) -> f64 {
        let flow = &self.figures.flow;
        if flow.is_empty() { 0.0 } else { ms(flow.min()) / 1000.0 }
    }
}

pub(super) fn ms(micros: u64) -> f64 {
    micros as f64 / 1000.0
}

/// Percentiles in reports.
pub(super) const PERCENTILES: [(&str, f64); 5] =
    [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p99.9", 0.999)];

/// The server did not keep up if it reached less than this share of the offered rate,
const KEEPING_UP: f64 = 0.95;
/// and the end was later than this, in seconds. In a short run one slow sign-up is a large share.
const BEHIND_MAX_S: f64 = 0.5;

#[cfg(test)]
mod tests {
    use url::Url;

    use super::super::recorder::{Recorder, Step};
    use super::super::{FlowKind, Mode};
    use super::*;

    /// A report of a run of this many seconds in which each sign-up took 100 ms.
    fn report(offered: Option<f64>, completed: u64, abandoned: u64, failed: u64, elapsed_s: f64) -> Report {
        let mut figures = Recorder::beginning_at(tokio::time::Instant::now()).figures();
        let started = completed + abandoned + failed;
        let elapsed = Duration::from_secs_f64(elapsed_s);
        figures.progress = super::super::Progress { elapsed, started, completed, abandoned, failed };
        figures.flow.record_n(100_000, completed).expect("recorded");
        if failed > 0 {
            figures.errors.insert((Step::Attempt, "form_code_incorrect".into()), failed);
        }
        let options = Options {
            base: Url::parse("http://localhost:8080").expect("a URL"),
            arrivals: offered.map_or(Arrivals::Closed { callers: 8 }, |per_second| Arrivals::Open { per_second }),
            flow: FlowKind::Otp,
            abandon: 0.0,
            mode: Mode::Native,
            origin: None,
            duration: Duration::from_secs(10),
            count: 1_000_000,
            connections: 64,
            allow_remote: false,
        };
        Report::new(&options, Circumstances::of_now(), figures)
    }

    fn conditions(written: &[&str]) -> Vec<Condition> {
        written.iter().map(|text| text.parse().expect("a condition")).collect()
    }

    #[test]
    fn a_server_that_falls_behind_is_told_in_all_three_outputs() {
        let behind = report(Some(9000.0), 90_000, 0, 0, 15.66);
        assert_eq!(behind.kept_up(), Some(false));
        let remark = "offered 9000/s, reached 5784/s (64 %): the server could not keep up";
        assert!(behind.text().contains(remark), "{}", behind.text());
        assert!(behind.html().contains(remark), "{}", behind.html());
        let shown = behind.json();
        assert_eq!((&shown["offered_per_s"], &shown["kept_up"]), (&json!(9000.0), &json!(false)));
        assert!(shown["reached"].as_f64().is_some_and(|reached| (0.64..0.65).contains(&reached)), "{shown}");
        for named in ["began_at", "version", "cores", "system"] {
            assert!(!shown["run"][named].is_null(), "{named}");
        }
    }

    #[test]
    fn a_server_that_keeps_up_is_not_blamed_for_the_end_of_a_run() {
        for (offered, completed, elapsed_s) in
            [(40.0, 40, 1.08), (1000.0, 10_000, 10.1), (40.0, 40, 1.4), (1.0, 1, 0.1)]
        {
            let kept = report(Some(offered), completed, 0, 0, elapsed_s);
            assert_eq!(kept.kept_up(), Some(true), "{offered} {elapsed_s}");
            assert!(!kept.text().contains("keep up"), "{}", kept.text());
        }
        let closed = report(None, 1000, 0, 0, 10.0);
        assert_eq!((closed.kept_up(), closed.reached()), (None, None));
        assert!(!closed.text().contains("offered") && closed.json()["kept_up"].is_null());
    }

    #[test]
    fn who_left_on_purpose_is_explained_and_counts_as_reached() {
        let some_left = report(Some(100.0), 750, 250, 0, 10.1);
        assert!(some_left.reached().is_some_and(|reached| reached > 0.95));
        for output in [some_left.text(), some_left.html()] {
            assert!(output.contains("250 left on purpose"), "{output}");
        }
    }

    #[test]
    fn a_run_fails_by_its_conditions_and_else_by_any_failure() {
        let flawless = report(Some(100.0), 1000, 0, 0, 10.1);
        let some_failed = report(Some(100.0), 990, 0, 10, 10.1);
        let behind = report(Some(9000.0), 90_000, 0, 0, 15.66);
        for (run, fail_if, reasons) in [
            (&flawless, &[][..], &[][..]),
            (&flawless, &["p99>200ms", "failed>0", "reached<0.95"], &[]),
            (
                &flawless,
                &["p99>50ms", "create.p50>1ms"],
                &["p99>50ms is met: it is 100.", "create.p50>1ms is met: nothing"],
            ),
            (&some_failed, &[], &["not every sign-up"]),
            (&some_failed, &["p99>200ms"], &["not every sign-up"]),
            (&some_failed, &["failed>2%"], &[]),
            (&some_failed, &["failed>0.5%"], &["failed>0.5% is met: it is 1.0 %"]),
            (&behind, &[], &[]),
            (&behind, &["reached<95%"], &["reached<95% is met: it is 64."]),
        ] {
            match run.verdict(&conditions(fail_if)) {
                Ok(()) => assert!(reasons.is_empty(), "{fail_if:?}"),
                Err(said) => {
                    assert_eq!(said.split("; ").count(), reasons.len().max(1), "{fail_if:?}: {said}");
                    assert!(
                        !reasons.is_empty() && reasons.iter().all(|reason| said.contains(reason)),
                        "{fail_if:?}: {said}"
                    );
                }
            }
        }
    }
}
