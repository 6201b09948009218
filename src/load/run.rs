//! A run: starts sign-ups as planned until time or count is used up, then waits for all of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::Client;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::domain::ports::Entropy;
use crate::domain::text::hex;
use crate::entropy::OsEntropy;

use super::circumstances::Circumstances;
use super::flow::{Run, Scenario};
use super::recorder::{Progress, Recorder};
use super::report::Report;
use super::target::Target;
use super::virtual_user::HttpClient;
use super::{Arrivals, FlowKind, LoadError, Options};

/// Checks the server, runs the load and returns the report. `watch` is called each second with the progress.
///
/// # Errors
/// When the server can't be tested with these options; the sentence says what to do.
pub async fn run(options: &Options, watch: impl Fn(Progress)) -> Result<Report, LoadError> {
    let http = http_client(options)?;
    let target = Arc::new(Target::inspect(options, &http, run_id()).await?);
    let circumstances = Circumstances::of_now();
    let began = Instant::now();
    let recorder = Arc::new(Recorder::beginning_at(began));
    let rest = async {
        match options.arrivals {
            Arrivals::Open { per_second } => open_loop(options, per_second, &target, &recorder, began).await,
            Arrivals::Closed { callers } => closed_loop(options, callers, &target, &recorder, began).await,
        }
    };
    tokio::pin!(rest);
    let mut seconds = tokio::time::interval_at(began + SECOND, SECOND);
    loop {
        tokio::select! {
            () = &mut rest => break,
            _ = seconds.tick() => watch(recorder.progress()),
        }
    }
    Ok(Report::new(options, circumstances, recorder.figures()))
}

/// Open loop: starts each sign-up at its planned time.
async fn open_loop(options: &Options, per_second: f64, target: &Arc<Target>, recorder: &Arc<Recorder>, began: Instant) {
    let mut walking = JoinSet::new();
    for n in 0..options.count {
        let meant = began + Duration::from_secs_f64(n as f64 / per_second);
        if meant.duration_since(began) >= options.duration {
            break;
        }
        tokio::time::sleep_until(meant).await;
        while walking.try_join_next().is_some() {}
        if walking.len() >= WALKING_MAX {
            recorder.not_started();
            continue;
        }
        let (target, recorder, plan) = (target.clone(), recorder.clone(), plan(options, target, n));
        walking.spawn(async move {
            recorder.started();
            Run::new(&target, target.http(), &recorder, meant).run(&plan).await;
        });
    }
    while walking.join_next().await.is_some() {}
}

/// Closed loop: each caller starts a sign-up when its last one has ended.
async fn closed_loop(
    options: &Options,
    callers: usize,
    target: &Arc<Target>,
    recorder: &Arc<Recorder>,
    began: Instant,
) {
    let next = Arc::new(AtomicU64::new(0));
    let mut calling = JoinSet::new();
    for _ in 0..callers {
        let (options, target, recorder, next) = (options.clone(), target.clone(), recorder.clone(), next.clone());
        calling.spawn(async move {
            while began.elapsed() < options.duration {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= options.count {
                    break;
                }
                recorder.started();
                Run::new(&target, target.http(), &recorder, Instant::now()).run(&plan(&options, &target, n)).await;
            }
        });
    }
    while calling.join_next().await.is_some() {}
}

/// The scenario of the nth person. Those who leave are spread evenly.
fn plan(options: &Options, target: &Target, n: u64) -> Scenario {
    const MIXED: [FlowKind; 3] = [FlowKind::Otp, FlowKind::Progressive, FlowKind::Password];
    let kind = match options.flow {
        FlowKind::Mixed => MIXED[(n % MIXED.len() as u64) as usize],
        kind => kind,
    };
    let leaving = |n: u64| (n as f64 * options.abandon) as u64;
    Scenario { kind, name: target.name(n), leaves: leaving(n + 1) > leaving(n) }
}

fn http_client(options: &Options) -> Result<HttpClient, LoadError> {
    let client = Client::builder()
        .timeout(REQUEST_MAX)
        .pool_max_idle_per_host(options.connections)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .tcp_nodelay(true)
        .build()
        .map_err(|error| LoadError(format!("the HTTP client can't be made: {error}")))?;
    let base = options.base.as_str().trim_end_matches('/').to_owned();
    let origin = options.origin.clone().unwrap_or_else(|| options.base.origin().ascii_serialization());
    Ok(HttpClient { client, base, mode: options.mode, origin, permits: Arc::new(Semaphore::new(options.connections)) })
}

/// A random id that separates the people of this run from those of other runs.
fn run_id() -> String {
    let mut bytes = [0; 4];
    OsEntropy::new().fill(&mut bytes);
    hex(&bytes)
}

const SECOND: Duration = Duration::from_secs(1);
/// Timeout of a request.
const REQUEST_MAX: Duration = Duration::from_secs(30);
/// Maximum number of flows in progress. Beyond it the server is hopelessly late and more load shows nothing new.
const WALKING_MAX: usize = 20_000;
