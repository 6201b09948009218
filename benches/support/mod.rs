//! Measuring side by side: rounds of subject and baseline alternate in one run, and medians are compared, because
//! absolute times say little on a shared machine.

#![allow(dead_code, reason = "each bench uses its part")]

pub(crate) mod http;

use std::sync::Arc;
use std::time::{Duration, Instant};

use mimalloc::MiMalloc;
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use vestibule::delivery::{BoxFuture, Message, Outcome, Receipt, Transport};
use vestibule::domain::policy::Policy;
use vestibule::domain::settings::{Attribute, Settings};
use vestibule::domain::time::Span;
use vestibule::domain::verification::Strategy;

/// As in the server.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Operations per second of one round.
pub(crate) fn rate(operations: usize, elapsed: Duration) -> f64 {
    operations as f64 / elapsed.as_secs_f64()
}

/// The median of some figures.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// Prints one line: what was measured, beside what, and the ratio of the two with its target.
pub(crate) fn compare(what: &str, subject: f64, beside: &str, baseline: f64, target: f64) {
    let ratio = subject / baseline;
    println!("{what:<44} {subject:>12.0}/s   {beside:<40} {baseline:>12.0}/s   {ratio:>6.2} × (target {target})");
}

/// Prints percentiles of latencies.
pub(crate) fn percentiles(what: &str, latencies: &mut [Duration]) {
    latencies.sort_unstable();
    let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize];
    let (p50, p90, p99, p999) = (at(0.5), at(0.9), at(0.99), at(0.999));
    println!("{what:<44} p50 {p50:>9.1?}  p90 {p90:>9.1?}  p99 {p99:>9.1?}  p99.9 {p999:>9.1?}");
}

/// The processor time that this process has used, user's and system's. On a shared machine it says more than the clock.
pub(crate) fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("this bench runs on Linux");
    let fields = stat.rsplit_once(')').expect("the name in brackets").1.split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).map(|field| field.parse::<u64>().expect("a number")).sum();
    Duration::from_millis(ticks * 10)
}

/// A figure about the memory of this process, in MB: `VmRSS` now, `VmHWM` at most.
pub(crate) fn memory(name: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("this bench runs on Linux");
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).expect("a figure");
    line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number") / 1024.0
}

/// Whether the command line asks for this part of a bench: all of them where it names none.
pub(crate) fn wanted(part: &str) -> bool {
    let mut named = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).peekable();
    named.peek().is_none() || named.any(|argument| argument == part)
}

/// How long `work` takes.
pub(crate) fn timed(work: impl FnOnce()) -> Duration {
    let began = Instant::now();
    work();
    began.elapsed()
}

/// Passwordless sign-up by e-mail code.
pub(crate) fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.attributes.email_address = Attribute {
        enabled: true,
        required: true,
        verify_at_sign_up: true,
        verifications: vec![Strategy::EmailCode],
        ..Attribute::default()
    };
    settings.attributes.username = Attribute { enabled: true, ..Attribute::default() };
    settings.attributes.password = Attribute { enabled: true, ..Attribute::default() };
    settings
}

/// No limits and no cool-down; test addresses take the fixed code, so that no message is waited for.
pub(crate) fn policy() -> Policy {
    Policy { address_limits: None, resend_cooldown: Span::from_millis(0), test_mode: true, ..Policy::default() }
}

/// A transport that sends nothing.
pub(crate) struct Nowhere;

impl Transport for Nowhere {
    fn deliver<'a>(&'a self, _: &'a Message) -> BoxFuture<'a, Outcome> {
        Box::pin(std::future::ready(Outcome::Sent(Receipt::default())))
    }
}

/// A transport that sends nothing, shared.
pub(crate) fn nowhere() -> Arc<dyn Transport> {
    Arc::new(Nowhere)
}

struct Echo;

impl Actor for Echo {
    type Msg = RpcReplyPort<u64>;
    type State = u64;
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Self::Msg>, (): ()) -> Result<u64, ActorProcessingErr> {
        Ok(0)
    }

    async fn handle(
        &self,
        _: ActorRef<Self::Msg>,
        reply: Self::Msg,
        state: &mut u64,
    ) -> Result<(), ActorProcessingErr> {
        *state += 1;
        reply.send(*state)?;
        Ok(())
    }
}

/// Calls per second of as many bare actors as there are callers.
pub(crate) async fn bare_ractor(callers: usize, burst: Duration) -> f64 {
    let (began, mut tasks) = (Instant::now(), Vec::new());
    for _ in 0..callers {
        tasks.push(tokio::spawn(async move {
            let (actor, ended) = Actor::spawn(None, Echo, ()).await.expect("an actor");
            let mut calls = 0;
            while began.elapsed() < burst {
                let (reply, answer) = tokio::sync::oneshot::channel();
                actor.send_message(reply.into()).expect("a mailbox");
                answer.await.expect("an answer");
                calls += 1;
            }
            actor.stop(None);
            ended.await.expect("an end");
            calls
        }));
    }
    let mut calls = 0;
    for task in tasks {
        calls += task.await.expect("a caller");
    }
    rate(calls, began.elapsed())
}
