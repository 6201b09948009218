//! `vestibule load`: runs the load generator and shows its report.

use std::fs;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use url::Url;

use crate::load::{self, Arrivals, Condition, FlowKind, Mode, Options, Progress};

/// Arguments of `vestibule load`.
#[derive(Clone, Debug, PartialEq, Args)]
pub(super) struct LoadArguments {
    /// The URL of the server, without /v1
    #[arg(default_value = "http://localhost:8080", value_name = "URL")]
    url: Url,
    /// Begin so many sign-ups a second, whether the server keeps up or not (open loop)
    #[arg(long, value_name = "PER_SECOND", value_parser = per_second, conflicts_with = "callers")]
    rate: Option<f64>,
    /// Let so many callers sign up one after the other, as fast as the server goes (closed loop)
    #[arg(long, default_value_t = 64, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    callers: u32,
    /// What people do
    #[arg(long, value_enum, default_value_t = Flow::Otp)]
    flow: Flow,
    /// The share of people who leave once their code is on its way, from 0 to 1
    #[arg(long, default_value_t = 0.0, value_name = "SHARE", value_parser = share)]
    abandon: f64,
    /// How clients are known
    #[arg(long, value_enum, default_value_t = Identity::Native)]
    mode: Identity,
    /// The origin that pages call from, for cookie mode; the server's own when absent
    #[arg(long, value_name = "ORIGIN")]
    origin: Option<String>,
    /// For how many seconds sign-ups begin
    #[arg(long, default_value_t = 10, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    duration: u64,
    /// How many sign-ups begin at most
    #[arg(long, default_value_t = 10_000_000, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    count: u64,
    /// How many requests are in flight at most
    #[arg(long, default_value_t = 64, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    connections: u32,
    /// Fail, with status 1, if this is so: a measure, a comparison and a limit, such as p99>200ms, attempt.p95>50ms,
    /// failed>0.1% or reached<0.95; may be given several times. Measures are p50, p90, p95, p99, p99.9, max and mean (of
    /// a whole sign-up, or of create, update, prepare, mail, attempt or check), failed, not_started, completed,
    /// abandoned, completed_per_s, and with --rate reached: the share of what was offered. Without a condition about
    /// them one failed sign-up fails the run, and one that was due and did not begin
    #[arg(long, value_name = "CONDITION")]
    fail_if: Vec<Condition>,
    /// Write all figures to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write a page with plots to this file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Put another machine than this one under load; only ever your own
    #[arg(long)]
    allow_remote: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Flow {
    /// An e-mail address and a code
    Otp,
    /// The same with a password
    Password,
    /// One thing at a time
    Progressive,
    /// One after the other of these
    Mixed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Identity {
    /// By `Authorization`
    Native,
    /// By cookie
    Cookie,
}

/// Runs the load generator.
///
/// # Errors
/// One sentence that says what is wrong and what to do; also when the run failed.
pub(super) fn load(arguments: &LoadArguments) -> Result<(), String> {
    if let (None, Some(condition)) = (arguments.rate, arguments.fail_if.iter().find(|condition| condition.needs_rate()))
    {
        return Err(format!(
            "--fail-if {condition} needs --rate: without it callers wait for the server, and nothing is offered"
        ));
    }
    let options = options(arguments);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("the async runtime can't be started: {error}"))?;
    let live = std::io::stderr().is_terminal();
    let report = runtime.block_on(load::run(&options, |progress| show(progress, live)));
    if live {
        eprint(&format!("\r{:<78}\r", ""));
    }
    let report = report.map_err(|error| error.to_string())?;
    let written = std::io::stdout().lock().write_all(report.text().as_bytes());
    drop(written);
    if let Some(file) = &arguments.json {
        write(file, &format!("{:#}\n", report.json()))?;
    }
    if let Some(file) = &arguments.html {
        write(file, &report.html())?;
    }
    report.verdict(&arguments.fail_if)
}

fn options(arguments: &LoadArguments) -> Options {
    Options {
        base: arguments.url.clone(),
        arrivals: match arguments.rate {
            Some(per_second) => Arrivals::Open { per_second },
            None => Arrivals::Closed { callers: arguments.callers as usize },
        },
        flow: match arguments.flow {
            Flow::Otp => FlowKind::Otp,
            Flow::Password => FlowKind::Password,
            Flow::Progressive => FlowKind::Progressive,
            Flow::Mixed => FlowKind::Mixed,
        },
        abandon: arguments.abandon,
        mode: match arguments.mode {
            Identity::Native => Mode::Native,
            Identity::Cookie => Mode::Cookie,
        },
        origin: arguments.origin.clone(),
        duration: Duration::from_secs(arguments.duration),
        count: arguments.count,
        connections: arguments.connections as usize,
        allow_remote: arguments.allow_remote,
    }
}

/// Shows the progress on one line that is overwritten.
fn show(progress: Progress, live: bool) {
    if live {
        let Progress { elapsed, started, completed, abandoned, failed } = progress;
        let rate = completed as f64 / elapsed.as_secs_f64().max(0.001);
        let line = format!(
            "{:>4.0} s  {completed} completed ({rate:.0}/s)  {} under way  {abandoned} left  {failed} failed",
            elapsed.as_secs_f64(),
            started - completed - abandoned - failed,
        );
        eprint(&format!("\r{line:<78}"));
    }
}

/// Writes to standard error. A failure is ignored, because there is no other place to report it.
fn eprint(text: &str) {
    let mut stderr = std::io::stderr().lock();
    drop(stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush()));
}

fn write(file: &Path, text: &str) -> Result<(), String> {
    fs::write(file, text).map_err(|error| format!("{} can't be written: {error}", file.display()))
}

fn per_second(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if rate > 0.0 && rate <= 1_000_000.0 { Ok(rate) } else { Err("must be above 0 and at most 1000000".into()) }
}

fn share(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.0..=1.0).contains(&share) { Ok(share) } else { Err("must be from 0 to 1".into()) }
}
