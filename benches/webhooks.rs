//! Webhooks: sign-ups over HTTP with an endpoint that takes them and with one that is gone, beside sign-ups without any;
//! and the memory that events take which no endpoint has got.
//!
//! `VESTIBULE_BENCH_EVENTS` is how many events are not delivered. The target is about a million.

#![allow(clippy::disallowed_methods, reason = "a bench measures real time")]

mod support;

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use support::http::{connect, exchange, serve, serve_bare};
use tokio::net::TcpStream;
use vestibule::domain::sign_up::Patch;
use vestibule::domain::user::{NewUser, UserPatch};
use vestibule::engine::{Engine, NewWebhookEndpoint};
use vestibule::store::ledger::Durability;
use vestibule::store::{EmbeddedOptions, EmbeddedStore, Sealing};
use vestibule::token::InstanceKey;
use zeroize::Zeroizing;

const ROUNDS: usize = 5;
const CALLERS: usize = 64;
const BURST: Duration = Duration::from_secs(3);
const EVENTS: usize = 100_000;
const USERS: usize = 1_000;
/// Says to the process that measures its own memory which endpoint it has.
const ENDPOINT: &str = "VESTIBULE_BENCH_ENDPOINT";
const KEY: [u8; 32] = [7; 32];

/// Who receives the webhooks of a measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Receiver {
    /// There is no endpoint.
    Absent,
    /// Answers each with status 200.
    Healthy,
    /// Refuses every connection.
    Gone,
    /// Takes connections and never answers.
    Silent,
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    if let Ok(receiver) = std::env::var(ENDPOINT) {
        let receiver = *Receiver::ALL.iter().find(|known| known.name() == receiver).expect("a known receiver");
        return runtime.block_on(undelivered(receiver));
    }
    if support::wanted("flow") {
        runtime.block_on(flows());
    }
    if support::wanted("memory") {
        memory();
    }
}

impl Receiver {
    const ALL: [Self; 4] = [Self::Absent, Self::Healthy, Self::Gone, Self::Silent];

    const fn name(self) -> &'static str {
        match self {
            Self::Absent => "no endpoint",
            Self::Healthy => "healthy endpoint",
            Self::Gone => "endpoint that is gone",
            Self::Silent => "silent endpoint",
        }
    }

    /// Where webhooks are posted to.
    async fn port(self) -> Option<u16> {
        match self {
            Self::Absent => None,
            Self::Healthy => Some(serve_bare(|| "{}".into()).await),
            Self::Gone => {
                let listener = TcpListener::bind("127.0.0.1:0").expect("a socket");
                Some(listener.local_addr().expect("an address").port())
            }
            Self::Silent => {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a socket");
                let port = listener.local_addr().expect("an address").port();
                tokio::spawn(async move {
                    let mut held = Vec::new();
                    while let Ok((stream, _)) = listener.accept().await {
                        held.push(stream);
                    }
                });
                Some(port)
            }
        }
    }
}

/// Whole sign-ups over HTTP, durable, with each kind of receiver in turn.
async fn flows() {
    let mut rates = Receiver::ALL.map(|_| Vec::new());
    let mut processor = Receiver::ALL.map(|_| Vec::new());
    let mut delivered = 0;
    for round in 0..ROUNDS {
        let mut turns = Receiver::ALL;
        turns.rotate_left(round % Receiver::ALL.len());
        for receiver in turns {
            let folder = tempfile::tempdir_in(".").expect("a folder");
            let engine = open(folder.path(), Durability::Synced).await;
            add_endpoint(&engine, receiver).await;
            let port = serve(engine.clone()).await;
            let at = Receiver::ALL.iter().position(|known| *known == receiver).expect("one of them");
            let cpu = support::cpu_time();
            let (rate, made) = sign_ups(port).await;
            rates[at].push(rate);
            processor[at].push((support::cpu_time() - cpu).as_secs_f64() * 1e6 / made as f64);
            let endpoints = engine.webhooks().list().await.expect("endpoints");
            delivered += endpoints.items.iter().map(|endpoint| endpoint.delivered).sum::<u64>();
            engine.shutdown().await;
        }
    }
    let [without, healthy, gone, silent] = rates.map(support::median);
    for (receiver, rate, target) in
        [(Receiver::Healthy, healthy, 0.95), (Receiver::Gone, gone, 0.9), (Receiver::Silent, silent, 0.9)]
    {
        support::compare(&format!("sign-ups, {}", receiver.name()), rate, "sign-ups without", without, target);
    }
    for (receiver, micros) in Receiver::ALL.iter().zip(processor.map(support::median)) {
        println!("{:<44} {micros:>12.0} µs of processor time for each sign-up", receiver.name());
    }
    println!("{delivered} webhooks were delivered meanwhile");
}

/// Sign-ups per second, and how many there were.
async fn sign_ups(port: u16) -> (f64, usize) {
    let next = Arc::new(AtomicUsize::new(0));
    let (began, mut callers) = (Instant::now(), Vec::new());
    for _ in 0..CALLERS {
        let next = next.clone();
        callers.push(tokio::spawn(async move {
            let (mut stream, mut made) = (connect(port).await, 0);
            while began.elapsed() < BURST {
                sign_up(&mut stream, port, next.fetch_add(1, Ordering::Relaxed)).await;
                made += 1;
            }
            made
        }));
    }
    let mut made = 0;
    for caller in callers {
        made += caller.await.expect("a caller");
    }
    (support::rate(made, began.elapsed()), made)
}

async fn sign_up(stream: &mut TcpStream, port: u16, n: usize) {
    let mut buffer = Vec::new();
    let form = format!("email_address=ada{n}%2Bclerk_test%40example.com");
    let (head, body) = exchange(stream, post(port, "", "", &form).as_bytes(), &mut buffer).await;
    let token = head.lines().find_map(|line| line.strip_prefix("authorization: ")).expect("a token").to_owned();
    let made: Value = serde_json::from_slice(&body).expect("JSON");
    let id = made["response"]["id"].as_str().expect("a sign-up");
    let prepare = post(port, &format!("/{id}/prepare_verification"), &token, "strategy=email_code");
    exchange(stream, prepare.as_bytes(), &mut buffer).await;
    let form = "strategy=email_code&code=424242";
    let attempt = post(port, &format!("/{id}/attempt_verification"), &token, form);
    let (_, body) = exchange(stream, attempt.as_bytes(), &mut buffer).await;
    let done: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(done["response"]["status"], "complete", "{done}");
}

fn post(port: u16, path: &str, token: &str, form: &str) -> String {
    format!(
        "POST /v1/client/sign_ups{path}?_is_native=1 HTTP/1.1\r\nhost: localhost:{port}\r\nauthorization: {token}\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
        form.len()
    )
}

/// The memory of a process with many events that were not delivered, beside one without an endpoint.
fn memory() {
    let program = std::env::current_exe().expect("this program");
    let mut measured = [Receiver::Absent, Receiver::Gone, Receiver::Silent].map(|receiver| {
        let output = Command::new(&program).env(ENDPOINT, receiver.name()).output().expect("this program again");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        let megabytes = text.split_whitespace().map(|figure| figure.parse::<f64>().expect("a figure"));
        (receiver, megabytes.collect::<Vec<_>>())
    });
    let (absent, others) = measured.split_first_mut().expect("three");
    for (receiver, figures) in others {
        for (what, (subject, baseline)) in FIGURES.iter().zip(figures.iter().zip(&absent.1)) {
            let what = format!("{}, {what}", receiver.name());
            let more = subject - baseline;
            println!("{what:<44} {subject:>8.1} MB   without {baseline:>8.1} MB   {more:>6.1} MB more (target 50)");
        }
    }
}

/// Makes events that no endpoint gets, and prints the memory of this process in MB: after them, and at most.
async fn undelivered(receiver: Receiver) {
    let events = std::env::var("VESTIBULE_BENCH_EVENTS").map_or(EVENTS, |events| events.parse().expect("a number"));
    let folder = tempfile::tempdir_in(".").expect("a folder");
    let engine = open(folder.path(), Durability::None).await;
    add_endpoint(&engine, receiver).await;
    let mut users = Vec::new();
    for n in 0..USERS {
        let new = NewUser { external_id: Some(n.to_string()), skip_user_requirement: true, ..NewUser::default() };
        users.push(engine.users().create(&new).await.expect("a user").id);
    }
    let (users, next) = (Arc::new(users), Arc::new(AtomicUsize::new(0)));
    let mut callers = Vec::new();
    // Each has users of its own, so that no change meets another.
    for caller in 0..CALLERS {
        let (engine, users, next) = (engine.clone(), users.clone(), next.clone());
        callers.push(tokio::spawn(async move {
            for user in users.iter().skip(caller).step_by(CALLERS).cycle() {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= events {
                    return;
                }
                let patch = UserPatch { first_name: Patch::Set(format!("Ada {n}")), ..UserPatch::default() };
                engine.users().update(*user, &patch, None).await.expect("a change");
            }
        }));
    }
    for caller in callers {
        caller.await.expect("a caller");
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let delivered: u64 =
        engine.webhooks().list().await.expect("endpoints").items.iter().map(|endpoint| endpoint.delivered).sum();
    assert_eq!(delivered, 0, "nobody took any");
    println!("{:.1} {:.1}", support::memory("VmRSS"), support::memory("VmHWM"));
    engine.shutdown().await;
}

async fn add_endpoint(engine: &Engine, receiver: Receiver) {
    let Some(port) = receiver.port().await else { return };
    let endpoint = NewWebhookEndpoint::new(format!("http://127.0.0.1:{port}/webhooks"), ["user.*"]);
    engine.webhooks().create(&endpoint).await.expect("an endpoint");
}

async fn open(folder: &Path, durability: Durability) -> Engine {
    let key = InstanceKey::from_bytes(Zeroizing::new(KEY));
    let sealing = Some(Sealing { key: key.store_key(), seal: true });
    let options = EmbeddedOptions { durability, sealing, ..EmbeddedOptions::default() };
    let store = EmbeddedStore::open_with(&folder.join("store"), &options).expect("a store");
    let mut settings = support::settings();
    settings.attributes.first_name.enabled = true;
    Engine::builder()
        .store(Arc::new(store))
        .key(key)
        .settings(settings)
        .policy(support::policy())
        .local_webhooks(true)
        .email(support::nowhere())
        .sms(support::nowhere())
        .source_limits(None)
        .build()
        .await
        .expect("an engine")
}

/// What is measured of the memory.
const FIGURES: [&str; 2] = ["after the events", "at most"];
