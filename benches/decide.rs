//! Decisions on several threads at once, each with random bytes of its own; beside them the same decisions where one
//! lock around the source of random bytes is held during each.

#![allow(clippy::disallowed_methods, reason = "a bench measures real time")]

mod support;

use std::sync::{Arc, Barrier, Mutex};

use vestibule::actors::{ActorContext, ActorOptions};
use vestibule::clock::{Clock, ManualClock};
use vestibule::domain::context::Context;
use vestibule::domain::id::{ClientId, SignUpId};
use vestibule::domain::ports::Entropy;
use vestibule::domain::sign_up::{Command, Fields, NewSignUp, Prepare, SignUp};
use vestibule::domain::time::Timestamp;
use vestibule::domain::verification::Strategy;
use vestibule::entropy::OsEntropy;
use vestibule::store::MemoryStore;
use vestibule::token::InstanceKey;

const DECISIONS: usize = 20_000;
const ROUNDS: usize = 7;

fn main() {
    let (settings, policy) = (support::settings(), support::policy());
    let key = Arc::new(InstanceKey::from_bytes([7; 32].into()));
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_800_000_000_000)));
    let context = ActorContext::new(
        Arc::new(MemoryStore::default()),
        clock.clone(),
        key.clone(),
        key.clone(),
        Box::new(OsEntropy::new()),
        settings.clone(),
        policy.clone(),
        ActorOptions::default(),
    );
    let locked: Mutex<Box<dyn Entropy + Send>> = Mutex::new(Box::new(OsEntropy::new()));
    for threads in [1, 2, 8] {
        let (mut free, mut waiting) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            free.push(rate_of(threads, || context.decide(decide)));
            waiting.push(rate_of(threads, || {
                let (settings, mut entropy) = (context.settings(), locked.lock().expect("no panic"));
                decide(&mut Context {
                    now: clock.now(),
                    settings: &settings,
                    policy: &policy,
                    entropy: &mut **entropy,
                    digest: &*key,
                });
            }));
        }
        support::compare(
            &format!("decisions on {threads} threads"),
            support::median(free),
            "under one lock",
            support::median(waiting),
            if threads == 1 { 0.95 } else { 1.0 },
        );
    }
}

/// Decisions per second of all threads together.
fn rate_of(threads: usize, decide: impl Fn() + Sync) -> f64 {
    let ready = Barrier::new(threads);
    let elapsed = support::timed(|| {
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    ready.wait();
                    (0..DECISIONS / threads).for_each(|_| decide());
                });
            }
        });
    });
    support::rate(DECISIONS, elapsed)
}

/// A sign-up and its first code.
fn decide(cx: &mut Context<'_>) {
    let email = Some("ada@example.com".into());
    let raw = NewSignUp { email_address: email, ..NewSignUp::default() };
    let (fields, _) = Fields::parse(&raw.into(), cx.settings).expect("valid fields");
    let (id, client) = (SignUpId::generate(cx.now, cx.entropy), ClientId::generate(cx.now, cx.entropy));
    let made = SignUp::create(id, client, &fields, None, cx).expect("a sign-up");
    let strategy = Strategy::EmailCode;
    let prepare =
        Prepare { strategy, channel: None, redirect_url: None, in_cookie: false, taken: false, challenge: None };
    let prepare = Command::Prepare(prepare);
    let prepared = made.next.apply(&prepare, cx).expect("prepared");
    assert_eq!(prepared.effects.len(), 1);
}
