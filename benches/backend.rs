//! The application's backend among many users: one user, the first page, the count, and an export of them all.
//!
//! `VESTIBULE_BENCH_USERS` is how many users are stored. The targets are about a million.

#![allow(clippy::disallowed_methods, reason = "a bench measures real time")]

mod support;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde::Deserialize;
use support::http::{connect, exchange, load, serve, serve_bare};
use vestibule::domain::metadata::Metadata;
use vestibule::domain::secret::Secret;
use vestibule::domain::user::NewUser;
use vestibule::engine::{BackendKey, Engine, UserListParams};
use vestibule::store::ledger::Durability;
use vestibule::store::{EmbeddedOptions, EmbeddedStore, Sealing};
use vestibule::token::InstanceKey;
use zeroize::Zeroizing;

const ROUNDS: usize = 5;
const CONNECTIONS: usize = 64;
const BURST: Duration = Duration::from_secs(1);
/// How many users are created at the same time.
const CALLERS: usize = 256;
const SECRET_KEY: &str = "sk_test_bench";
const KEY: [u8; 32] = [7; 32];
const USERS: usize = 100_000;
const FEW_USERS: usize = 1_000;
/// The largest page there is.
const PAGE: usize = 500;

fn main() {
    let users = std::env::var("VESTIBULE_BENCH_USERS").map_or(USERS, |users| users.parse().expect("a number"));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let folder = tempfile::tempdir_in(".").expect("a folder");
        let few = stored(&folder.path().join("few"), FEW_USERS).await;
        let many = stored(&folder.path().join("many"), users).await;
        let (few_port, many_port) = (serve(few.clone()).await, serve(many.clone()).await);
        if support::wanted("user") {
            one_user(&many, many_port).await;
        }
        if support::wanted("lists") {
            first_pages(users, [few_port, many_port]).await;
            counts(users, [few_port, many_port]).await;
        }
        if support::wanted("export") {
            export_in_process(users, &many).await;
            export(users, many_port).await;
        }
        few.shutdown().await;
        many.shutdown().await;
    });
}

/// `GET /v1/users/{id}`, beside bare hyper that answers the same bytes.
async fn one_user(engine: &Engine, port: u16) {
    let first = engine.users().list(&UserListParams::default()).await.expect("users");
    let get = request(port, &format!("/v1/users/{}", first[0].id));
    let (_, body) = exchange(&mut connect(port).await, get.as_bytes(), &mut Vec::new()).await;
    let body = Bytes::from(body);
    let bare = serve_bare(move || body.clone()).await;
    let (mut subject, mut baseline) = (Vec::new(), Vec::new());
    let (mut ours_took, mut bare_took) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        baseline.push(load(bare, &get, CONNECTIONS, BURST, &mut bare_took).await);
        subject.push(load(port, &get, CONNECTIONS, BURST, &mut ours_took).await);
    }
    let (subject, baseline) = (support::median(subject), support::median(baseline));
    support::compare("GET of a user", subject, "bare hyper with the same bytes", baseline, 0.5);
    support::percentiles("GET of a user, 64 connections", &mut ours_took);
    support::percentiles("bare hyper with the same bytes", &mut bare_took);
}

/// First pages, asked for one after the other, among few users and among many. The target is 5 ms for the first.
async fn first_pages(users: usize, ports: [u16; 2]) {
    for (what, query) in [
        ("10 users", ""),
        ("100 users", "?limit=100"),
        ("500 users", "?limit=500"),
        ("10 users by last sign-in", "?order_by=-last_sign_in_at"),
        ("the user with an address", "?email_address=ada7%40example.com"),
    ] {
        for (users, port) in [FEW_USERS, users].into_iter().zip(ports) {
            let mut took = Vec::new();
            load(port, &request(port, &format!("/v1/users{query}")), 1, BURST, &mut took).await;
            support::percentiles(&format!("{what} of {users}"), &mut took);
        }
    }
}

/// The total count, among many users beside among few.
async fn counts(users: usize, [few, many]: [u16; 2]) {
    let (mut subject, mut baseline) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        for (port, rates) in [(few, &mut baseline), (many, &mut subject)] {
            rates.push(load(port, &request(port, "/v1/users/count"), CONNECTIONS, BURST, &mut Vec::new()).await);
        }
    }
    let (subject, baseline) = (support::median(subject), support::median(baseline));
    let (what, beside) = (format!("count of {users} users"), format!("count of {FEW_USERS} users"));
    support::compare(&what, subject, &beside, baseline, 0.9);
}

/// All users, page by page, by the engine's own call.
async fn export_in_process(users: usize, engine: &Engine) {
    let mut params =
        UserListParams { order_by: Some("created_at".to_owned()), limit: Some(PAGE), ..UserListParams::default() };
    let (began, mut exported) = (Instant::now(), 0);
    loop {
        let page = engine.users().list(&params).await.expect("users");
        let Some(last) = page.last() else { break };
        exported += page.len();
        params.starting_after = Some(last.id);
    }
    told("export in process", users, exported, began.elapsed());
}

/// The same over HTTP, on one connection, by a caller who reads the JSON.
async fn export(users: usize, port: u16) {
    /// What the caller needs to ask for the next page.
    #[derive(Deserialize)]
    struct Exported {
        id: String,
    }

    let (mut stream, mut buffer) = (connect(port).await, Vec::new());
    let (began, mut exported, mut bytes) = (Instant::now(), 0, 0);
    let mut after = String::new();
    loop {
        let page = request(port, &format!("/v1/users?order_by=created_at&limit={PAGE}{after}"));
        let (head, body) = exchange(&mut stream, page.as_bytes(), &mut buffer).await;
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        bytes += body.len();
        let page: Vec<Exported> = serde_json::from_slice(&body).expect("users");
        let Some(last) = page.last() else { break };
        exported += page.len();
        after = format!("&starting_after={}", last.id);
    }
    told(&format!("export over HTTP, {} MB", bytes >> 20), users, exported, began.elapsed());
}

fn told(what: &str, users: usize, exported: usize, took: Duration) {
    assert_eq!(exported, users, "every user once");
    let (seconds, rate) = (took.as_secs_f64(), support::rate(users, took));
    let million = 1e6 / rate;
    println!("{what:<44} {users} users in {seconds:.2} s, {rate:.0}/s; a million in {million:.1} s (target 60 s)");
}

/// An engine over a store on disk with `users` users, opened after they were written, as after a restart.
async fn stored(folder: &Path, users: usize) -> Engine {
    let began = Instant::now();
    let engine = open(folder, Durability::None).await;
    let next = Arc::new(AtomicUsize::new(0));
    let mut callers = Vec::new();
    for _ in 0..CALLERS {
        let (engine, next) = (engine.clone(), next.clone());
        callers.push(tokio::spawn(async move {
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= users {
                    return;
                }
                engine.users().create(&new_user(n)).await.expect("a user");
            }
        }));
    }
    for caller in callers {
        caller.await.expect("a caller");
    }
    engine.shutdown().await;
    let (created, began) = (began.elapsed(), Instant::now());
    let engine = open(folder, Durability::Synced).await;
    println!("{users} users created in {created:.1?}, opened again in {:.1?}", began.elapsed());
    // What the store does after it was opened is over before the clock runs.
    loop {
        let before = support::cpu_time();
        tokio::time::sleep(Duration::from_millis(500)).await;
        if support::cpu_time() - before < Duration::from_millis(50) {
            return engine;
        }
    }
}

async fn open(folder: &Path, durability: Durability) -> Engine {
    let key = InstanceKey::from_bytes(Zeroizing::new(KEY));
    let sealing = Some(Sealing { key: key.store_key(), seal: true });
    let options = EmbeddedOptions { durability, sealing, ..EmbeddedOptions::default() };
    let store = EmbeddedStore::open_with(folder, &options).expect("a store");
    let mut settings = support::settings();
    for name in [&mut settings.attributes.first_name, &mut settings.attributes.last_name] {
        name.enabled = true;
    }
    Engine::builder()
        .store(Arc::new(store))
        .key(key)
        .secret_key(BackendKey::Given(Secret::new(SECRET_KEY.to_owned())))
        .settings(settings)
        .policy(support::policy())
        .email(support::nowhere())
        .sms(support::nowhere())
        .source_limits(None)
        .build()
        .await
        .expect("an engine")
}

fn new_user(n: usize) -> NewUser {
    NewUser {
        external_id: Some(format!("customer {n}")),
        first_name: Some("Ada".to_owned()),
        last_name: Some(format!("Lovelace the {n}th")),
        email_address: vec![format!("ada{n}@example.com")],
        public_metadata: Some(
            Metadata::parse("public_metadata", r#"{"plan":"gold","seats":{"used":1,"free":2}}"#).expect("an object"),
        ),
        ..NewUser::default()
    }
}

fn request(port: u16, path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: localhost:{port}\r\nauthorization: Bearer {SECRET_KEY}\r\n\r\n")
}
