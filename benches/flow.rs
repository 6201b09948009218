//! Whole sign-ups in process: without persistence, durable on disk, and with passwords, each beside its baseline.

#![allow(clippy::disallowed_methods, reason = "a bench measures real time")]

mod support;

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use vestibule::domain::secret::Secret;
use vestibule::domain::sign_up::{NewSignUp, Status};
use vestibule::domain::verification::Strategy;
use vestibule::engine::{AttemptVerification, Caller, Engine, PrepareVerification, RequestContext};
use vestibule::password::{HashOptions, HashPool};
use vestibule::store::ledger::Durability;
use vestibule::store::{EmbeddedOptions, EmbeddedStore, MemoryStore, Sealing, Store};
use zeroize::Zeroizing;

const ROUNDS: usize = 3;
const CALLERS: usize = 64;
const BURST: Duration = Duration::from_secs(2);

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    if support::wanted("sealing") {
        runtime.block_on(compare_sealed_with_plain());
    }
    if !support::wanted("flow") {
        return;
    }
    runtime.block_on(async {
        let (mut flows, mut calls) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            calls.push(support::bare_ractor(CALLERS, BURST).await);
            flows.push(sign_ups(Arc::new(MemoryStore::new()), None).await);
        }
        let baseline = support::median(calls) / 3.0;
        support::compare("flow, no persistence", support::median(flows), "bare ractor calls / 3", baseline, 0.25);

        let (mut flows, mut records) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let folder = tempfile::tempdir_in(".").expect("a folder");
            records.push(bare_log(folder.path()));
            let store = EmbeddedStore::open(&folder.path().join("store"), Durability::Synced).expect("a store");
            flows.push(3.0 * sign_ups(Arc::new(store), None).await);
        }
        let (subject, baseline) = (support::median(flows), support::median(records));
        support::compare(
            "durable flows × 3, 64 callers",
            subject,
            "records/s of a bare log, groups of 32",
            baseline,
            0.4,
        );

        let (mut flows, mut hashes) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            hashes.push(bare_hashes().await);
            flows.push(sign_ups(Arc::new(MemoryStore::new()), Some("wanders under elms")).await);
        }
        let (subject, baseline) = (support::median(flows), support::median(hashes));
        support::compare("flow with password", subject, "the hash pool alone", baseline, 0.8);
    });
}

/// Durable sign-ups with values encrypted or not, in turns: by the clock, and by the processor time of the process.
async fn compare_sealed_with_plain() {
    let (mut by_clock, mut by_cpu) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    for round in 0..2 * ROUNDS {
        for seal in if round % 2 == 0 { [false, true] } else { [true, false] } {
            let folder = tempfile::tempdir_in(".").expect("a folder");
            let sealing = Some(Sealing { key: Zeroizing::new([7; 32]), seal });
            let options = EmbeddedOptions { sealing, ..EmbeddedOptions::default() };
            let store = EmbeddedStore::open_with(&folder.path().join("store"), &options);
            let (cpu, began) = (support::cpu_time(), Instant::now());
            let rate = sign_ups(Arc::new(store.expect("a store")), None).await;
            let flows = rate * began.elapsed().min(BURST).as_secs_f64();
            by_clock[usize::from(seal)].push(rate);
            by_cpu[usize::from(seal)].push(flows / (support::cpu_time() - cpu).as_secs_f64());
        }
    }
    for (what, [plain, sealed]) in [("second", by_clock), ("CPU second", by_cpu)] {
        let what = format!("encrypted durable flows, by {what}");
        support::compare(&what, support::median(sealed), "flows/s plain", support::median(plain), 0.9);
    }
}

/// Complete sign-ups per second: create, prepare, attempt.
async fn sign_ups(store: Arc<dyn Store>, password: Option<&'static str>) -> f64 {
    let builder = Engine::builder().store(store).settings(support::settings()).policy(support::policy());
    let engine = builder.email(support::nowhere()).sms(support::nowhere()).build().await.expect("an engine");
    let (done, number) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let began = Instant::now();
    let mut callers = Vec::new();
    for _ in 0..CALLERS {
        let (engine, done, number) = (engine.clone(), done.clone(), number.clone());
        callers.push(tokio::spawn(async move {
            while began.elapsed() < BURST {
                let n = number.fetch_add(1, Ordering::Relaxed);
                sign_up(&engine, n, password).await;
                done.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }
    for caller in callers {
        caller.await.expect("a caller");
    }
    let rate = support::rate(done.load(Ordering::Relaxed), began.elapsed());
    engine.shutdown().await;
    rate
}

async fn sign_up(engine: &Engine, n: usize, password: Option<&str>) {
    let context = RequestContext::default();
    let fields = NewSignUp {
        email_address: Some(format!("ada{n}+clerk_test@example.com")),
        password: password.map(|p| Secret::new(p.to_owned())),
        ..NewSignUp::default()
    };
    let (sign_up, client) = engine.sign_ups().create(&Caller::anonymous(), &fields, &context).await.expect("a sign-up");
    let token = client.new_token.expect("a token");
    let caller = engine.identify(Some(token.expose())).await.expect("readable");
    let id = sign_up.value.id;
    engine
        .sign_ups()
        .prepare(&caller, id, &PrepareVerification::new(Strategy::EmailCode), &context)
        .await
        .expect("prepared");
    let done = engine
        .sign_ups()
        .attempt(&caller, id, &AttemptVerification::code(Strategy::EmailCode, "424242"), &context)
        .await;
    assert_eq!(done.expect("a right code").0.status, Status::Complete);
}

/// Records per second of a preallocated log with one fdatasync for each 32 records of 700 bytes.
fn bare_log(folder: &std::path::Path) -> f64 {
    let mut file = File::create(folder.join("log")).expect("a file");
    file.write_all(&vec![0; 64 << 20]).expect("room");
    file.sync_all().expect("a sync");
    file.seek(SeekFrom::Start(0)).expect("a seek");
    let (group, began, mut records) = (vec![7; 24 << 10], Instant::now(), 0);
    while began.elapsed() < BURST {
        if file.stream_position().expect("a position") >= (63 << 20) {
            file.seek(SeekFrom::Start(0)).expect("a seek");
        }
        file.write_all(&group).expect("a write");
        file.sync_data().expect("a sync");
        records += 32;
    }
    support::rate(records, began.elapsed())
}

async fn bare_hashes() -> f64 {
    let pool = Arc::new(HashPool::new(HashOptions::default()).expect("a pool"));
    let (began, mut callers) = (Instant::now(), Vec::new());
    for _ in 0..CALLERS {
        let pool = pool.clone();
        callers.push(tokio::spawn(async move {
            let mut done = 0;
            while began.elapsed() < BURST {
                pool.hash(Secret::new("wanders under elms".to_owned())).await.expect("a hash");
                done += 1;
            }
            done
        }));
    }
    let mut done = 0;
    for caller in callers {
        done += caller.await.expect("a caller");
    }
    support::rate(done, began.elapsed())
}
