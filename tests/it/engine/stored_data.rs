//! What is in the data, and what a restart finds there.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use vestibule::domain::verification::Strategy;
use vestibule::engine::PrepareVerification;

use tempfile::TempDir;
use vestibule::actors::{ActorOptions, LastSeen};
use vestibule::clock::ManualClock;
use vestibule::domain::invitation::{InvitationStatus, NewInvitation};
use vestibule::domain::rejection::ErrorCode;
use vestibule::domain::secret::Secret;
use vestibule::domain::sign_up::{NewSignUp, Status};
use vestibule::domain::time::{Span, Timestamp};
use vestibule::engine::{BuildError, Caller, Engine, EngineError, ListParams, RequestContext};
use vestibule::store::ledger::Durability;
use vestibule::store::{EmbeddedStore, MemoryStore};
use vestibule::token::InstanceKey;

use super::Bench;

#[tokio::test]
async fn a_restart_keeps_sign_ups_codes_counters_users_and_keys() {
    let folder = TempDir::new().expect("a folder");
    let bench = Bench::on_disk(folder.path()).await;
    let (user, caller) = bench.begin("ada@example.com").await;
    bench.finish(&caller, user.value.id, "ada@example.com").await.expect("a user");
    let (pending, caller) = bench.begin("eve@example.com").await;
    let id = pending.value.id;
    bench
        .engine
        .sign_ups()
        .prepare(&caller, id, &PrepareVerification::new(Strategy::EmailCode), &RequestContext::default())
        .await
        .expect("sent");
    let code = bench.code("eve@example.com").await;
    for _ in 0..4 {
        let wrong = if code == "000000" { "000001" } else { "000000" };
        assert!(bench.attempt(&caller, id, wrong).await.is_err());
    }
    let (token, keys) = (bench.token_of(&caller), bench.engine.jwks());
    let secret_key = bench.engine.secret_key().expect("a generated one").expose().clone();
    let raw = NewInvitation::to("zoe@example.com");
    let invitation = bench.engine.invitations().create(&raw).await.expect("an invitation");
    bench.engine.shutdown().await;
    // The key is encrypted; the ticket is derived and not stored.
    let ticket = invitation.url.query_pairs().next().expect("a ticket").1.into_owned();
    assert!([secret_key.as_bytes(), ticket.as_bytes()].iter().all(|secret| search(folder.path(), secret) > 0));

    let bench = Bench::on_disk(folder.path()).await;
    assert_eq!(bench.engine.jwks(), keys);
    assert!(bench.engine.is_backend(&secret_key) && !bench.engine.is_backend(&secret_key[1..]));
    let fields = NewSignUp { ticket: Some(ticket), ..NewSignUp::default() };
    let (invited, _) =
        bench.engine.sign_ups().create(&Caller::anonymous(), &fields, &RequestContext::default()).await.expect("good");
    assert_eq!(invited.status, Status::Complete, "the ticket from before is good, and all that is asked for");
    let page = bench.engine.invitations().list(&ListParams::default()).await.expect("a list");
    assert_eq!(page.items[0].status, InvitationStatus::Accepted);
    let caller = bench.engine.identify(Some(&token)).await.expect("readable");
    let kept = bench.engine.sign_ups().show(&caller, id).await.expect("still there");
    let verification = kept.value.email_address.as_ref().and_then(|e| e.verification.as_ref()).expect("prepared");
    assert_eq!(verification.attempts, 4);
    let (done, _) = bench.attempt(&caller, id, &code).await.expect("the fifth try is right");
    assert_eq!(done.status, Status::Complete);
    assert!(bench.create(&Caller::anonymous(), "ada@example.com").await.is_err(), "ada is still a user");
    bench.engine.shutdown().await;
}

#[tokio::test]
async fn data_is_refused_under_another_instance_key() {
    let folder = TempDir::new().expect("a folder");
    Bench::on_disk(folder.path()).await.engine.shutdown().await;
    let store = EmbeddedStore::open(folder.path(), Durability::Synced).expect("the data");
    let built = Engine::builder().store(Arc::new(store)).key(InstanceKey::generate()).build().await;
    assert!(matches!(built.map(drop), Err(BuildError::WrongKey)));
}

#[tokio::test]
async fn a_code_lives_no_longer_when_the_clock_is_put_back_before_a_restart() {
    let store = Arc::new(MemoryStore::new());
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_800_000_000_000)));
    let on = |clock: &Arc<ManualClock>| Engine::builder().store(store.clone()).clock(clock.clone());
    let bench = Bench::over(on(&clock)).await;
    let (sign_up, caller) = bench.begin("ada@example.com").await;
    let (id, source) = (sign_up.value.id, RequestContext::default());
    bench
        .engine
        .sign_ups()
        .prepare(&caller, id, &PrepareVerification::new(Strategy::EmailCode), &source)
        .await
        .expect("sent");
    let code = bench.code("ada@example.com").await;
    clock.advance(Span::from_secs(599));
    let seen = bench.engine.now();
    bench.engine.shutdown().await;

    let put_back = Arc::new(ManualClock::new(Timestamp::from_millis(1_800_000_000_000 - 3_600_000)));
    let bench = Bench::over(on(&put_back)).await;
    assert!(bench.engine.now() >= seen);
    put_back.advance(Span::from_secs(2));
    let late = bench.attempt(&caller, id, &code).await.map(drop).expect_err("the code is over");
    assert!(
        matches!(late, EngineError::Rejected(rejection) if rejection.is(ErrorCode::VerificationExpired)),
        "by its time"
    );
}

#[tokio::test(start_paused = true)]
async fn time_is_stored_even_where_nothing_else_is() {
    let store = Arc::new(MemoryStore::new());
    let begin = Timestamp::from_millis(1_800_000_000_000);
    let clock = Arc::new(ManualClock::new(begin));
    let actors = ActorOptions { sweep_interval: Duration::from_secs(5), ..ActorOptions::default() };
    let builder = Engine::builder().store(store.clone()).clock(clock.clone()).actors(actors);
    let _bench = Bench::over(builder).await;
    for minutes in 1..=3 {
        clock.advance(Span::from_secs(60));
        tokio::time::sleep(Duration::from_secs(11)).await;
        let seen = LastSeen::stored(&*store).await.expect("readable");
        assert_eq!(seen, begin + Span::from_secs(60 * minutes));
    }
}

#[tokio::test]
async fn the_plain_password_is_nowhere_in_the_data() {
    let folder = TempDir::new().expect("a folder");
    let bench = Bench::on_disk(folder.path()).await;
    let fields = NewSignUp {
        email_address: Some("ada@example.com".into()),
        password: Some(Secret::new("wanders under elms".into())),
        strategy: Some(Strategy::EmailCode),
        ..NewSignUp::default()
    };
    let (_, client) =
        bench.engine.sign_ups().create(&Caller::anonymous(), &fields, &RequestContext::default()).await.expect("made");
    let code = bench.code("ada@example.com").await;
    bench.engine.shutdown().await;
    let token = client.new_token.expect("a token").into_inner();
    let mut read = 0;
    for needle in ["wanders under elms", &token, &format!("{code} is your")] {
        read += search(folder.path(), needle.as_bytes());
    }
    assert!(read > 10_000, "the search read something");
}

/// Number of bytes in a folder's files; panics if `needle` is in one of them.
fn search(folder: &Path, needle: &[u8]) -> usize {
    let mut read = 0;
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            read += search(&path, needle);
        } else {
            let bytes = std::fs::read(&path).expect("a file");
            assert!(!bytes.windows(needle.len()).any(|w| w == needle), "found in {}", path.display());
            read += bytes.len();
        }
    }
    read
}
