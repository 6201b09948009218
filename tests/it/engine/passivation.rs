//! Actors that fall asleep, wake up and fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use vestibule::domain::verification::Strategy;
use vestibule::engine::PrepareVerification;

use vestibule::actors::ActorOptions;
use vestibule::domain::ports::Entropy;
use vestibule::domain::sign_up::{NewSignUp, Status};
use vestibule::engine::{Caller, Engine, EngineError, RequestContext};
use vestibule::entropy::OsEntropy;

use super::Bench;

#[tokio::test]
async fn sleeping_sign_ups_wake_up_as_they_were_and_lose_no_call() {
    let actors = ActorOptions { passivate_after: Duration::from_millis(20), ..ActorOptions::default() };
    let bench = Bench::over(Engine::builder().actors(actors)).await;
    let (sign_up, caller) = bench.begin("ada@example.com").await;
    let id = sign_up.value.id;
    for round in 0..40_u64 {
        if round % 8 == 0 {
            while bench.engine.awake_sign_ups().await > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        tokio::time::sleep(Duration::from_millis(round % 23)).await;
        let fields = NewSignUp { first_name: Some(format!("Ada {round}")), ..NewSignUp::default() };
        let (view, _) = bench
            .engine
            .sign_ups()
            .update(&caller, id, &fields.into(), &RequestContext::default())
            .await
            .expect("an update");
        assert_eq!(view.value.first_name.as_deref(), Some(format!("Ada {round}").as_str()));
        assert_eq!(view.value.version, sign_up.value.version + round + 1);
    }
}

/// `VESTIBULE_STRESS=32` makes 32 times as many sign-ups, and 256 000 calls: the measurement of
/// guide/design.md#sleeping-and-waking.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_is_lost_and_no_sign_up_has_two_actors_while_they_fall_asleep_all_the_time() {
    const CALLERS: usize = 4;
    const CALLS: u64 = 250;
    let times = std::env::var("VESTIBULE_STRESS").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let sign_ups: usize = 8 * times;
    let actors = ActorOptions { passivate_after: Duration::from_millis(1), ..ActorOptions::default() };
    let bench = Arc::new(Bench::over(Engine::builder().actors(actors)).await);
    let mut tasks = Vec::new();
    let mut begun = Vec::new();
    for n in 0..sign_ups {
        let (sign_up, caller) = bench.begin(&format!("ada{n}@example.com")).await;
        for number in 0..CALLERS as u64 {
            let (bench, caller, id) = (bench.clone(), caller.clone(), sign_up.value.id);
            tasks.push(tokio::spawn(async move {
                for call in 0..CALLS {
                    let fields = NewSignUp { first_name: Some(format!("{number} {call}")), ..NewSignUp::default() };
                    bench
                        .engine
                        .sign_ups()
                        .update(&caller, id, &fields.into(), &RequestContext::default())
                        .await
                        .expect("no lost call");
                    if (call + number) % 5 == 0 {
                        tokio::time::sleep(Duration::from_millis(1 + call % 3)).await;
                    }
                }
            }));
        }
        begun.push((sign_up, caller));
    }
    for task in tasks {
        task.await.expect("a caller");
    }
    for (sign_up, caller) in begun {
        let now = bench.engine.sign_ups().show(&caller, sign_up.value.id).await.expect("still there");
        // Two actors for one sign-up would both have changed the same version.
        assert_eq!(now.value.version, sign_up.value.version + CALLERS as u64 * CALLS);
    }
}

#[tokio::test]
async fn a_poisoned_actor_takes_down_only_its_own_request() {
    let fuse = Arc::new(AtomicBool::new(false));
    let bench = Bench::over(Engine::builder().entropy(Box::new(Fused(OsEntropy::new(), fuse.clone())))).await;
    let (sign_up, caller) = bench.begin("ada@example.com").await;
    let (other, stranger) = bench.begin("eve@example.com").await;
    let (id, source) = (sign_up.value.id, RequestContext::default());
    fuse.store(true, Ordering::SeqCst);
    let lost =
        bench.engine.sign_ups().prepare(&caller, id, &PrepareVerification::new(Strategy::EmailCode), &source).await;
    assert!(matches!(lost, Err(EngineError::Unavailable(_))), "{lost:?}");
    let kept = bench.engine.sign_ups().show(&caller, id).await.expect("back from its last commit");
    assert_eq!(kept.value.version, sign_up.value.version);
    bench.finish(&stranger, other.value.id, "eve@example.com").await.expect("untouched");
    bench.finish(&caller, id, "ada@example.com").await.expect("as good as new");
}

/// Entropy that panics once after it is armed.
struct Fused(OsEntropy, Arc<AtomicBool>);

impl Entropy for Fused {
    fn fill(&mut self, buffer: &mut [u8]) {
        assert!(!self.1.swap(false, Ordering::SeqCst), "the fuse was lit");
        self.0.fill(buffer);
    }
}

#[tokio::test]
async fn who_is_done_does_not_stay_awake() {
    let bench = Bench::in_memory().await;
    let (sign_up, caller) = bench.begin("ada@example.com").await;
    assert_eq!(bench.engine.awake_sign_ups().await, 1);
    let (_, client) = bench.finish(&caller, sign_up.value.id, "ada@example.com").await.expect("a user");
    assert!(bench.create(&Caller::anonymous(), "ada@example.com").await.is_err(), "taken: nothing came into being");
    while bench.engine.awake_sign_ups().await > 0 {
        tokio::task::yield_now().await;
    }
    let caller = bench.engine.identify(client.new_token.as_ref().map(|token| token.expose().as_str())).await;
    let read =
        bench.engine.sign_ups().show(&caller.expect("readable"), sign_up.value.id).await.expect("its finished sign-up");
    assert_eq!(read.status, Status::Complete);
}
