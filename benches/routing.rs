//! Routing: a typed read of a sign-up through engine, shard and actor, beside a bare ractor call and a tokio task
//! behind a channel; and what an awake sign-up costs in memory.

#![allow(clippy::disallowed_methods, reason = "a bench measures real time")]

mod support;

use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use vestibule::domain::id::SignUpId;
use vestibule::domain::sign_up::NewSignUp;
use vestibule::engine::{Caller, Engine, RequestContext};

const ROUNDS: usize = 5;
const CALLERS: usize = 64;
const BURST: Duration = Duration::from_secs(1);
const AWAKE: usize = 50_000;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let engine = engine().await;
        let mut sign_ups = Vec::new();
        for n in 0..CALLERS {
            sign_ups.push(begin(&engine, n).await);
        }
        let (mut reads, mut calls, mut channels) = (Vec::new(), Vec::new(), Vec::new());
        let mut latencies = Vec::new();
        for _ in 0..ROUNDS {
            calls.push(support::bare_ractor(CALLERS, BURST).await);
            reads.push(typed_reads(&engine, &sign_ups, &mut latencies).await);
            channels.push(tasks().await);
        }
        let reads = support::median(reads);
        support::compare("typed GET in process", reads, "bare ractor call", support::median(calls), 0.8);
        support::compare("typed GET in process", reads, "tokio task behind mpsc", support::median(channels), 0.8);
        support::percentiles("typed GET in process, 64 callers", &mut latencies);

        let before = resident_bytes();
        for n in CALLERS..CALLERS + AWAKE {
            begin(&engine, n).await;
        }
        let awake = engine.awake_sign_ups().await;
        let each = resident_bytes().saturating_sub(before) / AWAKE;
        println!("{awake} sign-ups awake, {each} bytes each with store and client (target 8192 for the actor)");
        engine.shutdown().await;
    });
}

async fn engine() -> Engine {
    let builder = Engine::builder().settings(support::settings()).policy(support::policy());
    builder.email(support::nowhere()).sms(support::nowhere()).build().await.expect("an engine")
}

async fn begin(engine: &Engine, n: usize) -> (SignUpId, Caller) {
    let fields = NewSignUp { email_address: Some(format!("ada{n}@example.com")), ..NewSignUp::default() };
    let made = engine.sign_ups().create(&Caller::anonymous(), &fields, &RequestContext::default()).await;
    let (sign_up, client) = made.expect("a sign-up");
    let token = client.new_token.expect("a token");
    (sign_up.value.id, engine.identify(Some(token.expose())).await.expect("readable"))
}

async fn typed_reads(engine: &Engine, sign_ups: &[(SignUpId, Caller)], latencies: &mut Vec<Duration>) -> f64 {
    let (began, mut callers) = (Instant::now(), Vec::new());
    for (id, caller) in sign_ups.iter().cloned() {
        let engine = engine.clone();
        callers.push(tokio::spawn(async move {
            let mut took = Vec::new();
            while began.elapsed() < BURST {
                let sent = Instant::now();
                engine.sign_ups().show(&caller, id).await.expect("a sign-up");
                took.push(sent.elapsed());
            }
            took
        }));
    }
    let before = latencies.len();
    for caller in callers {
        latencies.extend(caller.await.expect("a caller"));
    }
    support::rate(latencies.len() - before, began.elapsed())
}

async fn tasks() -> f64 {
    let (began, mut callers) = (Instant::now(), Vec::new());
    for _ in 0..CALLERS {
        callers.push(tokio::spawn(async move {
            let (send, mut receive) = mpsc::unbounded_channel::<oneshot::Sender<u64>>();
            let task = tokio::spawn(async move {
                let mut count = 0;
                while let Some(reply) = receive.recv().await {
                    count += 1;
                    reply.send(count).expect("a caller");
                }
            });
            let mut calls = 0;
            while began.elapsed() < BURST {
                let (reply, answer) = oneshot::channel();
                send.send(reply).expect("a task");
                answer.await.expect("an answer");
                calls += 1;
            }
            drop(send);
            task.await.expect("an end");
            calls
        }));
    }
    sum(callers, began).await
}

async fn sum(callers: Vec<tokio::task::JoinHandle<usize>>, began: Instant) -> f64 {
    let mut calls = 0;
    for caller in callers {
        calls += caller.await.expect("a caller");
    }
    support::rate(calls, began.elapsed())
}

/// The resident memory of this process (Linux, pages of 4 KiB).
fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages: usize = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("a number");
    pages * 4096
}
