//! The engine in one process: actors, store and relay together, in memory and on disk.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use vestibule::actors::{ActorOptions, LastSeen};
use vestibule::clock::ManualClock;
use vestibule::delivery::Capture;
use vestibule::domain::id::SignUpId;
use vestibule::domain::invitation::{InvitationStatus, NewInvitation};
use vestibule::domain::policy::Policy;
use vestibule::domain::ports::Entropy;
use vestibule::domain::rejection::ErrorCode;
use vestibule::domain::secret::Secret;
use vestibule::domain::settings::{Attribute, Settings};
use vestibule::domain::sign_up::{NewSignUp, SignUpPatch, Status};
use vestibule::domain::time::{Span, Timestamp};
use vestibule::domain::verification::Strategy;
use vestibule::engine::{
    AttemptVerification, BackendKey, BuildError, Caller, ClientView, Engine, EngineError, ListParams,
    PrepareVerification, RequestContext, SignUpView,
};
use vestibule::entropy::OsEntropy;
use vestibule::password::{HashOptions, HashParameters};
use vestibule::store::ledger::Durability;
use vestibule::store::{EmbeddedStore, MemoryStore};
use vestibule::token::InstanceKey;

#[tokio::test]
async fn a_sign_up_becomes_a_user_with_a_session() {
    let bench = Bench::in_memory().await;
    let (sign_up, caller) = bench.begin("Ada@Example.com").await;
    assert_eq!(sign_up.value.email_address.as_ref().expect("an address").value.as_str(), "ada@example.com");
    let (done, client) = bench.finish(&caller, sign_up.value.id, "ada@example.com").await.expect("a right code");
    assert_eq!(done.status, Status::Complete);
    assert!(client.sign_up.is_none());
    let session = &client.sessions[0];
    assert_eq!(session.user.public_identifier(), Some("ada@example.com"));
    assert_eq!(client.client.last_active_session_id, Some(session.session.id));
    assert!(session.token.is_none(), "nobody asked for one");
    let session = session.session.id;
    let token = client.new_token.expect("conversion rotates the client's token");
    let caller = bench.engine.identify(Some(token.expose())).await.expect("readable");
    let minted =
        bench.engine.session_token(&caller, session, &RequestContext::default()).await.expect("a live session");
    assert_eq!(minted.expose().split('.').count(), 3);
    let wanted = RequestContext { tokens: true, ..RequestContext::default() };
    let view = bench.engine.client_view(&caller, &wanted).await.expect("readable").expect("a client");
    assert!(view.sessions[0].token.is_some());
    let read = bench.engine.sign_up(&caller, sign_up.value.id).await.expect("its finished sign-up");
    assert_eq!(read.status, Status::Complete);
    assert_eq!(bench.engine.me(&caller, None).await.expect("signed in").id, sign_up.value.id.cast());
    bench.engine.shutdown().await;
}

#[tokio::test]
async fn the_token_from_before_the_conversion_shows_nothing() {
    let bench = Bench::in_memory().await;
    let (sign_up, caller) = bench.begin("ada@example.com").await;
    let before = bench.token_of(&caller);
    let id = sign_up.value.id;
    bench
        .engine
        .prepare(&caller, id, &PrepareVerification::new(Strategy::EmailCode), &RequestContext::default())
        .await
        .expect("sent");
    let code = bench.code("ada@example.com").await;
    bench.attempt(&caller, id, &code).await.expect("a right code");
    let planted = bench.engine.identify(Some(&before)).await.expect("readable");
    assert!(planted.client().is_none());
    assert_eq!(bench.engine.sign_up(&planted, id).await.expect_err("nobody"), EngineError::NotFound);
    assert_eq!(bench.attempt(&planted, id, "000000").await.expect_err("a wrong code"), EngineError::NotFound);
    let (again, client) = bench.attempt(&planted, id, &code).await.expect("the lost answer again");
    assert_eq!(again.status, Status::Complete);
    assert!(client.new_token.is_some());
}

#[tokio::test]
async fn another_clients_sign_up_does_not_exist() {
    let bench = Bench::in_memory().await;
    let (sign_up, _) = bench.begin("ada@example.com").await;
    let (_, stranger) = bench.begin("eve@example.com").await;
    let id = sign_up.value.id;
    let unknown = SignUpId::from_bytes([9; 16]);
    for id in [id, unknown] {
        assert_eq!(bench.engine.sign_up(&stranger, id).await.expect_err("foreign"), EngineError::NotFound);
        let update =
            bench.engine.update_sign_up(&stranger, id, &SignUpPatch::default(), &RequestContext::default()).await;
        assert_eq!(update.expect_err("foreign"), EngineError::NotFound);
        assert_eq!(bench.attempt(&stranger, id, "000000").await.expect_err("foreign"), EngineError::NotFound);
        assert_eq!(
            bench.attempt(&Caller::anonymous(), id, "000000").await.expect_err("foreign"),
            EngineError::NotFound
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_spellings_of_one_address_exactly_one_becomes_a_user() {
    // Test addresses have a fixed code, so that 64 codes need not be assigned.
    let policy = Policy { test_mode: true, address_limits: None, ..Policy::default() };
    let bench = Arc::new(Bench::over(Engine::builder().policy(policy)).await);
    let spellings = [
        "ada+clerk_test@example.com",
        "ADA+clerk_test@example.com",
        " ada+Clerk_Test@EXAMPLE.com ",
        "ａda+clerk_test@example.com",
    ];
    let mut open = Vec::new();
    for n in 0..64 {
        let (sign_up, caller) = bench.begin(spellings[n % 4]).await;
        let (id, source) = (sign_up.value.id, RequestContext::default());
        bench
            .engine
            .prepare(&caller, id, &PrepareVerification::new(Strategy::EmailCode), &source)
            .await
            .expect("prepared");
        open.push((id, caller));
    }
    let mut tasks = Vec::new();
    for (id, caller) in open {
        let bench = bench.clone();
        tasks.push(tokio::spawn(async move {
            let outcome = bench.attempt(&caller, id, "424242").await;
            let state = bench.engine.sign_up(&caller, id).await;
            (outcome, state)
        }));
    }
    let mut users = 0;
    for task in tasks {
        match task.await.expect("a task") {
            (Ok(_), _) => users += 1,
            (Err(EngineError::Rejected(rejection)), state) => {
                assert!(rejection.is(ErrorCode::FormIdentifierExists), "{rejection}");
                assert_eq!(rejection.reasons()[0].param.as_deref(), Some("email_address"));
                assert_eq!(state.expect("the loser keeps its state").status, Status::MissingRequirements);
            }
            (Err(error), _) => panic!("{error}"),
        }
    }
    assert_eq!(users, 1);
}

#[tokio::test]
async fn a_taken_address_is_reported_under_its_field_and_changes_nothing() {
    let bench = Bench::in_memory().await;
    let (sign_up, caller) = bench.begin("ada@example.com").await;
    bench.finish(&caller, sign_up.value.id, "ada@example.com").await.expect("a user");
    let refused = bench.create(&Caller::anonymous(), "ADA@example.com").await.expect_err("taken");
    let EngineError::Rejected(rejection) = refused else { panic!("{refused}") };
    assert!(rejection.is(ErrorCode::FormIdentifierExists));
    let (other, caller) = bench.begin("eve@example.com").await;
    let fields = NewSignUp { email_address: Some("ada@example.com".into()), ..NewSignUp::default() };
    assert!(
        bench.engine.update_sign_up(&caller, other.value.id, &fields.into(), &RequestContext::default()).await.is_err()
    );
    let kept = bench.engine.sign_up(&caller, other.value.id).await.expect("still there");
    assert_eq!(kept.value.email_address.as_ref().expect("an address").value.as_str(), "eve@example.com");
}

#[tokio::test]
async fn a_new_sign_up_abandons_the_one_before_at_once() {
    let bench = Bench::in_memory().await;
    let (first, caller) = bench.begin("ada@example.com").await;
    bench.create(&caller, "eve@example.com").await.expect("a second sign-up");
    let caller = bench.engine.identify(Some(&bench.token_of(&caller))).await.expect("readable");
    let id = first.value.id;
    assert_eq!(bench.engine.sign_up(&caller, id).await.expect("readable").status, Status::Abandoned);
    let update = bench.engine.update_sign_up(&caller, id, &SignUpPatch::default(), &RequestContext::default()).await;
    let Err(EngineError::Rejected(rejection)) = update else { panic!("{update:?}") };
    assert!(rejection.is(ErrorCode::SignUpCannotBeUpdated));
}

#[tokio::test]
async fn signing_out_beside_a_second_tab_loses_nothing() {
    let bench = Bench::in_memory().await;
    let (sign_up, caller) = bench.begin("ada@example.com").await;
    let (_, client) = bench.finish(&caller, sign_up.value.id, "ada@example.com").await.expect("a user");
    let token = client.new_token.expect("a new token");
    let caller = bench.engine.identify(Some(token.expose())).await.expect("readable");
    let refused = bench.create(&caller, "eve@example.com").await.expect_err("signed in");
    assert!(matches!(&refused, EngineError::Rejected(r) if r.is(ErrorCode::SessionExists)));
    let out = bench.engine.end_sessions(&caller, &RequestContext::default()).await.expect("signed out");
    assert!(out.sessions.is_empty() && out.client.last_active_session_id.is_none());
    let caller = bench.engine.identify(Some(token.expose())).await.expect("readable");
    assert_eq!(bench.engine.me(&caller, None).await.expect_err("signed out"), EngineError::SignedOut);
    bench.create(&caller, "eve@example.com").await.expect("a new sign-up on the same client");
}

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
            .update_sign_up(&caller, id, &fields.into(), &RequestContext::default())
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
                        .update_sign_up(&caller, id, &fields.into(), &RequestContext::default())
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
        let now = bench.engine.sign_up(&caller, sign_up.value.id).await.expect("still there");
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
    let lost = bench.engine.prepare(&caller, id, &PrepareVerification::new(Strategy::EmailCode), &source).await;
    assert!(matches!(lost, Err(EngineError::Unavailable(_))), "{lost:?}");
    let kept = bench.engine.sign_up(&caller, id).await.expect("back from its last commit");
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
async fn settings_change_under_sign_ups_in_flight() {
    let bench = Bench::in_memory().await;
    let (sign_up, caller) = bench.begin("ada@example.com").await;
    let (id, source) = (sign_up.value.id, RequestContext::default());
    let mut settings = settings();
    settings.attributes.email_address.verify_at_sign_up = false;
    bench.engine.replace_settings(settings.clone()).expect("valid");
    let read = bench.engine.sign_up(&caller, id).await.expect("readable");
    assert!(read.requirements.are_met() && read.status == Status::MissingRequirements, "a read never converts");
    settings.attributes.email_address.required = true;
    settings.attributes.first_name.required = true;
    bench.engine.replace_settings(settings.clone()).expect("valid");
    let read = bench.engine.sign_up(&caller, id).await.expect("readable");
    assert_eq!(read.requirements.missing_fields.len(), 1);
    settings.attributes.first_name.enabled = false;
    assert!(bench.engine.replace_settings(settings.clone()).is_err(), "a required attribute must be enabled");
    settings.attributes.first_name.required = false;
    bench.engine.replace_settings(settings).expect("valid");
    let (done, _) = bench.engine.update_sign_up(&caller, id, &SignUpPatch::default(), &source).await.expect("a write");
    assert_eq!(done.status, Status::Complete);
}

#[tokio::test]
async fn two_engines_in_one_process_do_not_meet() {
    let (one, other) = (Bench::in_memory().await, Bench::in_memory().await);
    let (sign_up, caller) = one.begin("ada@example.com").await;
    one.finish(&caller, sign_up.value.id, "ada@example.com").await.expect("a user");
    let (sign_up, caller) = other.begin("ada@example.com").await;
    other.finish(&caller, sign_up.value.id, "ada@example.com").await.expect("another user");
    let foreign = other.engine.identify(Some(&one.token_of(&caller))).await.expect("readable");
    assert!(foreign.client().is_none());
}

#[tokio::test]
async fn the_address_limits_hold_over_sign_ups_and_clients() {
    let policy = Policy { resend_cooldown: Span::from_millis(0), ..Policy::default() };
    let bench = Bench::over(Engine::builder().policy(policy)).await;
    let mut sent = 0;
    for _ in 0..4 {
        let (sign_up, caller) = bench.begin("ada@example.com").await;
        for _ in 0..12 {
            let (id, source) = (sign_up.value.id, RequestContext::default());
            match bench.engine.prepare(&caller, id, &PrepareVerification::new(Strategy::EmailCode), &source).await {
                Ok(_) => sent += 1,
                Err(EngineError::Rejected(rejection)) => {
                    assert!(rejection.is(ErrorCode::TooManyRequests));
                    assert!(rejection.reasons()[0].retry_after.is_some());
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
    assert_eq!(sent, 20, "twenty messages an hour go to one address");
}

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
    let invitation = bench.engine.create_invitation(&raw).await.expect("an invitation");
    bench.engine.shutdown().await;
    // The key is encrypted; the ticket is derived and not stored.
    let ticket = invitation.url.query_pairs().next().expect("a ticket").1.into_owned();
    assert!([secret_key.as_bytes(), ticket.as_bytes()].iter().all(|secret| search(folder.path(), secret) > 0));

    let bench = Bench::on_disk(folder.path()).await;
    assert_eq!(bench.engine.jwks(), keys);
    assert!(bench.engine.is_backend(&secret_key) && !bench.engine.is_backend(&secret_key[1..]));
    let fields = NewSignUp { ticket: Some(ticket), ..NewSignUp::default() };
    let (invited, _) =
        bench.engine.create_sign_up(&Caller::anonymous(), &fields, &RequestContext::default()).await.expect("good");
    assert_eq!(invited.status, Status::Complete, "the ticket from before is good, and all that is asked for");
    let page = bench.engine.list_invitations(&ListParams::default()).await.expect("a list");
    assert_eq!(page.items[0].status, InvitationStatus::Accepted);
    let caller = bench.engine.identify(Some(&token)).await.expect("readable");
    let kept = bench.engine.sign_up(&caller, id).await.expect("still there");
    let verification = kept.value.email_address.as_ref().and_then(|e| e.verification.as_ref()).expect("prepared");
    assert_eq!(verification.attempts, 4);
    let (done, _) = bench.attempt(&caller, id, &code).await.expect("the fifth try is right");
    assert_eq!(done.status, Status::Complete);
    assert!(bench.create(&Caller::anonymous(), "ada@example.com").await.is_err(), "ada is still a user");
    bench.engine.shutdown().await;
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
    let read = bench.engine.sign_up(&caller.expect("readable"), sign_up.value.id).await.expect("its finished sign-up");
    assert_eq!(read.status, Status::Complete);
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
    bench.engine.prepare(&caller, id, &PrepareVerification::new(Strategy::EmailCode), &source).await.expect("sent");
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
        bench.engine.create_sign_up(&Caller::anonymous(), &fields, &RequestContext::default()).await.expect("made");
    let code = bench.code("ada@example.com").await;
    bench.engine.shutdown().await;
    let token = client.new_token.expect("a token").into_inner();
    let mut read = 0;
    for needle in ["wanders under elms", &token, &format!("{code} is your")] {
        read += search(folder.path(), needle.as_bytes());
    }
    assert!(read > 10_000, "the search read something");
}

struct Bench {
    engine: Engine,
    mail: Arc<Capture>,
    key: Vec<u8>,
}

impl Bench {
    async fn in_memory() -> Self {
        let policy = Policy { address_limits: None, ..Policy::default() };
        Self::over(Engine::builder().policy(policy)).await
    }

    async fn on_disk(path: &Path) -> Self {
        let store = EmbeddedStore::open(path, Durability::Synced).expect("a store");
        Self::over(Engine::builder().store(Arc::new(store)).secret_key(BackendKey::Generated)).await
    }

    async fn over(builder: vestibule::engine::EngineBuilder) -> Self {
        let mail = Arc::new(Capture::new());
        let cheap = HashParameters { m_kib: 64, t: 1, p: 1 };
        let builder = builder
            .settings(settings())
            .email(mail.clone())
            .key(InstanceKey::from_bytes([7; 32].into()))
            .hashing(HashOptions { parameters: cheap, threads: 1, ..HashOptions::default() });
        Self { engine: builder.build().await.expect("an engine"), mail, key: vec![7; 32] }
    }

    async fn create(&self, caller: &Caller, email: &str) -> Result<(SignUpView, ClientView), EngineError> {
        let fields = NewSignUp { email_address: Some(email.into()), ..NewSignUp::default() };
        self.engine.create_sign_up(caller, &fields, &RequestContext::default()).await
    }

    async fn begin(&self, email: &str) -> (SignUpView, Caller) {
        let (sign_up, client) = self.create(&Caller::anonymous(), email).await.expect("a sign-up");
        let token = client.new_token.expect("a new client has a token");
        (sign_up, self.engine.identify(Some(token.expose())).await.expect("readable"))
    }

    async fn finish(&self, caller: &Caller, id: SignUpId, to: &str) -> Result<(SignUpView, ClientView), EngineError> {
        self.engine
            .prepare(caller, id, &PrepareVerification::new(Strategy::EmailCode), &RequestContext::default())
            .await?;
        let code = self.code(to).await;
        self.attempt(caller, id, &code).await
    }

    async fn attempt(
        &self,
        caller: &Caller,
        id: SignUpId,
        code: &str,
    ) -> Result<(SignUpView, ClientView), EngineError> {
        self.engine
            .attempt_verification(
                caller,
                id,
                &AttemptVerification::code(Strategy::EmailCode, code),
                &RequestContext::default(),
            )
            .await
    }

    async fn code(&self, to: &str) -> String {
        self.codes(to, 1).await.pop().expect("at least one")
    }

    /// The codes sent to an address, in the order of the requests.
    async fn codes(&self, to: &str, count: usize) -> Vec<String> {
        loop {
            let mut messages = self.mail.to(to);
            if messages.len() >= count {
                messages.sort_by_key(|m| m.created_at);
                return messages.iter().filter_map(|m| m.code.as_ref()).map(|code| code.expose().clone()).collect();
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    fn token_of(&self, caller: &Caller) -> String {
        let client = caller.client().expect("a client");
        let key: [u8; 32] = self.key.clone().try_into().expect("32 bytes");
        InstanceKey::from_bytes(key.into()).client_token(client.id, client.generation, &client.salt).into_inner()
    }
}

fn settings() -> Settings {
    let mut settings = Settings::default();
    let on = Attribute { enabled: true, ..Attribute::default() };
    settings.attributes.email_address =
        Attribute { required: true, verify_at_sign_up: true, verifications: vec![Strategy::EmailCode], ..on.clone() };
    settings.attributes.first_name = on.clone();
    settings.attributes.password = on;
    settings
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
