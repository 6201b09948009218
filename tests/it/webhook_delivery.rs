//! Webhooks from the commit to the receiver: what is told, in which form, and what happens when a receiver fails, is gone
//! or comes back.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use vestibule::clock::Clock;
use vestibule::domain::id::{UserId, WebhookEndpointId};
use vestibule::domain::sign_up::NewSignUp;
use vestibule::domain::time::{Span, Timestamp};
use vestibule::domain::user::{NewUser, User};
use vestibule::domain::webhook::{Disabled, State};
use vestibule::engine::{Caller, Engine, EngineError, NewWebhookEndpoint, RequestContext, WebhookEndpointView};
use vestibule::store::{Commit, Decision, MemoryStore, Store, UserWrite};
use vestibule::testing::{Fault, FaultyStore, ManualClock};
use vestibule::token::InstanceKey;

use crate::support::receiver::{Answering, Receiver};

#[tokio::test]
async fn an_endpoint_whose_caller_is_gone_is_delivered_to_and_there_are_no_more_than_a_hundred() {
    let (world, receiver) = (World::new(), Receiver::start(Answering::Status(204)).await);
    let engine = world.engine().await;
    let input = NewWebhookEndpoint::new(receiver.url(), ["user.*"]);
    // It is polled once, up to its first wait, and dropped.
    let begun = Box::pin({
        let (engine, input) = (engine.clone(), input.clone());
        async move { engine.webhooks().create(&input).await.map(|made| made.id) }
    });
    drop(futures_util::future::select(begun, std::future::ready(())).await);
    let add = |_| {
        let (engine, input) = (engine.clone(), input.clone());
        tokio::spawn(async move { engine.webhooks().create(&input).await.is_ok() })
    };
    for task in (0..120).map(add).collect::<Vec<_>>() {
        task.await.expect("no panic");
    }
    let all = engine.webhooks().list().await.expect("a list");
    assert_eq!(all.total, 100);
    engine.users().create(&new_user("ada-1")).await.expect("a user");
    let mut waited = 0;
    while engine.webhooks().list().await.expect("a list").items.iter().any(|endpoint| endpoint.delivered == 0) {
        waited += 1;
        assert!(waited < 3000, "an endpoint is not delivered to");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    engine.shutdown().await;
}

#[tokio::test]
async fn a_receiver_is_told_of_users_and_their_sessions_in_signed_requests() {
    let (world, receiver) = (World::new(), Receiver::start(Answering::Status(204)).await);
    let engine = world.engine().await;
    let endpoint = create(&engine, &receiver, &["user.*", "session.*"]).await;
    let secret = endpoint.secret.clone().expect("a new one").into_inner();

    let fields = NewSignUp::new().username("ada_lovelace").password(vestibule::Secret::new(PASSWORD.into()));
    let address = Some("203.0.113.7".parse().expect("an address"));
    let context = RequestContext { address, ..RequestContext::default() };
    engine.sign_ups().create(&Caller::anonymous(), &fields, &context).await.expect("a user");
    let got = receiver.wait_for_count(2).await;
    let told: BTreeSet<String> = got.iter().map(|got| got.what()).collect();
    assert_eq!(told, BTreeSet::from(["session.created".to_owned(), "user.created".to_owned()]));
    for got in &got {
        assert!(got.is_signed_with(&secret, world.clock.now()), "{}", got.event());
        assert_eq!(got.event()["event_attributes"]["http_request"]["client_ip"], "203.0.113.7");
        assert_eq!(got.event()["instance_id"], engine.instance_id().to_string());
    }
    let of = |what: &str| got.iter().find(|got| got.what() == what).expect("told").event()["data"].clone();
    let (user, session) = (of("user.created"), of("session.created"));
    assert_eq!((&user["object"], &user["username"]), (&json!("user"), &json!("ada_lovelace")));
    assert_eq!(user["private_metadata"], json!({}), "as the backend sees it");
    assert_eq!((&session["object"], &session["status"]), (&json!("session"), &json!("active")));
    assert_eq!(session["user"]["id"], user["id"]);

    let user = engine.users().create(&new_user("customer 7")).await.expect("a user");
    engine.users().delete(user.id, None).await.expect("it is there");
    let got = receiver.wait_for("the end of a user", |got| got.iter().any(|got| got.what() == "user.deleted")).await;
    let last = got.iter().find(|got| got.what() == "user.deleted").expect("told").event();
    let gone = json!({"object": "user", "id": user.id.to_string(), "deleted": true, "external_id": "customer 7"});
    assert_eq!(last["data"], gone);
    assert_eq!(last["event_attributes"]["http_request"]["client_ip"], "", "a backend's call has no end user");
    engine.shutdown().await;
}

#[tokio::test]
async fn what_an_endpoint_does_not_want_is_not_sent_to_it() {
    let (world, receiver) = (World::new(), Receiver::start(Answering::Status(200)).await);
    let engine = world.engine().await;
    create(&engine, &receiver, &["user.deleted"]).await;
    let user = engine.users().create(&new_user("1")).await.expect("a user");
    engine.users().ban(user.id, None).await.expect("it is there");
    engine.users().delete(user.id, None).await.expect("it is there");
    receiver.wait_for_count(1).await;
    engine.shutdown().await;
    assert_eq!(receiver.got().iter().map(|got| got.what()).collect::<Vec<_>>(), ["user.deleted"]);
}

#[tokio::test]
async fn what_failed_is_tried_again_with_the_same_id_when_it_is_due() {
    let (world, receiver) = (World::new(), Receiver::start(Answering::Status(500)).await);
    let engine = world.engine().await;
    let endpoint = create(&engine, &receiver, &["user.created"]).await;
    engine.users().create(&new_user("1")).await.expect("a user");
    receiver.wait_for_count(1).await;
    let waiting = shown(&engine, endpoint.id, |endpoint| endpoint.waiting == 1).await;
    assert_eq!(waiting.failing_since, Some(world.clock.now()));
    assert_eq!((waiting.delivered, waiting.failed_attempts), (0, 1));

    world.clock.advance(Span::from_secs(7));
    receiver.wait_for_count(2).await;
    receiver.answer(Answering::Status(200));
    world.clock.advance(Span::from_secs(400));
    let got = receiver.wait_for_count(3).await;
    let done = shown(&engine, endpoint.id, |endpoint| endpoint.waiting == 0).await;
    assert_eq!((done.failing_since, done.delivered, done.failed_attempts), (None, 1, 2));
    assert!(got.iter().all(|each| each.id() == got[0].id() && each.event() == got[0].event()), "one message");
    let attempts = engine.webhooks().attempts(endpoint.id).await.expect("an endpoint").items;
    let told: Vec<_> = attempts.iter().map(|attempt| (attempt.number, attempt.failure.as_deref())).collect();
    let failed = Some("the receiver answered with status 500");
    assert_eq!(told, [(3, None), (2, failed), (1, failed)]);
    engine.shutdown().await;
}

#[tokio::test]
async fn an_endpoint_that_never_answers_holds_up_no_other_and_no_request() {
    let (world, receiver) = (World::new(), Receiver::start(Answering::Status(200)).await);
    let silent = Receiver::start(Answering::Never).await;
    let engine = world.engine().await;
    create(&engine, &silent, &["user.*"]).await;
    create(&engine, &receiver, &["user.*"]).await;
    for n in 0..200 {
        engine.users().create(&new_user(&n.to_string())).await.expect("a user");
    }
    let got = receiver.wait_for_count(200).await;
    let users: BTreeSet<String> = got.iter().map(|got| got.event()["data"]["id"].to_string()).collect();
    assert_eq!(users.len(), 200);
    silent.wait_for_count(32).await;
    assert_eq!(silent.got().len(), 32, "so many at once, and no more");
    drop(engine);
}

#[tokio::test]
async fn what_was_not_delivered_before_a_crash_is_delivered_after_it_with_the_same_ids() {
    let (world, receiver) = (World::new(), Receiver::start(Answering::Never).await);
    let engine = world.engine().await;
    create(&engine, &receiver, &["user.created"]).await;
    for n in 0..40 {
        engine.users().create(&new_user(&n.to_string())).await.expect("a user");
    }
    let before = receiver.wait_for_count(32).await;
    world.crash(engine);

    receiver.answer(Answering::Status(200));
    let engine = world.engine().await;
    let got = receiver.wait_for("every user", |got| distinct(&got[before.len()..]) == 40).await;
    assert_eq!(distinct(&got), 40, "each message has one id, before and after");
    engine.shutdown().await;
    let count = receiver.got().len();

    let engine = world.engine().await;
    engine.users().create(&new_user("last")).await.expect("a user");
    let got = receiver.wait_for_count(count + 1).await;
    engine.shutdown().await;
    assert_eq!(receiver.got().len(), count + 1, "after an orderly end nothing is sent twice");
    assert_eq!(got.last().expect("one").event()["data"]["external_id"], "last");
}

#[tokio::test]
async fn no_user_is_forgotten_whichever_commits_fail() {
    let (world, receiver) = (World::new(), Receiver::start(Answering::Status(200)).await);
    let engine = world.engine().await;
    create(&engine, &receiver, &["user.created"]).await;
    let faults = [Fault::Refused, Fault::UnknownNotWritten, Fault::UnknownWritten];
    let mut made = BTreeSet::new();
    for n in 0..60 {
        world.store().fail([None, Some(faults[n % 3]), None, None, Some(faults[(n + 1) % 3])]);
        if engine.users().create(&new_user(&n.to_string())).await.is_ok() {
            made.insert(n.to_string());
        }
    }
    world.store().heal();
    engine.users().create(&new_user("last")).await.expect("a user");
    let names = |got: &[crate::support::receiver::Got]| -> BTreeSet<String> {
        let name = |got: &crate::support::receiver::Got| got.event()["data"]["external_id"].as_str().map(str::to_owned);
        got.iter().filter_map(name).collect()
    };
    assert!(!made.is_empty() && made.len() < 60, "some failed: {}", made.len());
    made.insert("last".into());
    receiver.wait_for("every user", |got| names(got).is_superset(&made)).await;
    engine.shutdown().await;
}

#[tokio::test]
async fn an_endpoint_that_is_gone_is_switched_off_and_goes_on_when_it_is_switched_on() {
    let (world, receiver) = (World::new(), Receiver::start(Answering::Status(410)).await);
    let engine = world.engine().await;
    let endpoint = create(&engine, &receiver, &["user.created"]).await;
    engine.users().create(&new_user("1")).await.expect("a user");
    let off = State::Disabled(Disabled::Gone);
    shown(&engine, endpoint.id, |endpoint| endpoint.state == off).await;
    engine.users().create(&new_user("2")).await.expect("a user");
    let count = receiver.got().len();

    receiver.answer(Answering::Status(200));
    let on = engine.webhooks().enable(endpoint.id).await.expect("an endpoint");
    assert_eq!((on.state, on.failing_since), (State::Enabled, None));
    receiver.wait_for_count(count + 1).await;
    // The first one waits for its time.
    world.clock.advance(Span::from_secs(7));
    let got = receiver.wait_for_count(count + 2).await;
    assert_eq!(distinct(&got[count..]), 2, "both users");
    engine.shutdown().await;
}

#[tokio::test]
async fn after_five_days_of_failures_an_endpoint_is_switched_off() {
    let (world, receiver) = (World::new(), Receiver::start(Answering::Status(503)).await);
    let engine = world.engine().await;
    let endpoint = create(&engine, &receiver, &["user.created"]).await;
    let off = State::Disabled(Disabled::Failing);
    for round in 0..=12 {
        engine.users().create(&new_user(&round.to_string())).await.expect("a user");
        let tried = |endpoint: &WebhookEndpointView| endpoint.state == off || distinct(&receiver.got()) > round;
        if shown(&engine, endpoint.id, tried).await.state == off {
            assert!(round > 9, "only after five days, not in round {round}");
            break;
        }
        world.clock.advance(Span::from_secs(12 * 3600));
    }
    shown(&engine, endpoint.id, |endpoint| endpoint.state == off).await;
    engine.shutdown().await;
}

#[tokio::test]
async fn what_happened_is_sent_again_on_request() {
    let (world, receiver) = (World::new(), Receiver::start(Answering::Status(200)).await);
    let engine = world.engine().await;
    let endpoint = create(&engine, &receiver, &["user.created"]).await;
    let mut began = Timestamp::EPOCH;
    for n in 0..6 {
        world.clock.advance(Span::from_secs(60));
        if n == 3 {
            began = world.clock.now();
        }
        engine.users().create(&new_user(&n.to_string())).await.expect("a user");
    }
    let first = receiver.wait_for_count(6).await;
    let attempts = engine.webhooks().attempts(endpoint.id).await.expect("an endpoint").items;
    let event = attempts.last().and_then(|attempt| attempt.event_id).expect("an event");

    engine.webhooks().replay(endpoint.id, began).await.expect("an endpoint");
    let got = receiver.wait_for_count(9).await;
    let again: BTreeSet<&str> = got[6..].iter().map(|got| got.id()).collect();
    let users = |names: &[&str]| -> BTreeSet<&str> {
        let is_named =
            |got: &&crate::support::receiver::Got| names.iter().any(|name| got.event()["data"]["external_id"] == *name);
        first.iter().filter(is_named).map(|got| got.id()).collect()
    };
    assert_eq!(again, users(&["3", "4", "5"]));

    engine.webhooks().replay_event(endpoint.id, event).await.expect("it is kept");
    let got = receiver.wait_for_count(10).await;
    assert_eq!(got[9].id(), attempts.last().expect("one").message_id.to_string());
    let of_others = create(&engine, &receiver, &["waitlistEntry.*"]).await;
    let unwanted = engine.webhooks().replay_event(of_others.id, event).await;
    assert!(unwanted.is_err_and(|error| error.code() == "form_param_value_invalid"), "it does not list the event");
    let unknown = vestibule::domain::id::EventId::from_bytes([7; 16]);
    assert_eq!(engine.webhooks().replay_event(endpoint.id, unknown).await.err(), Some(EngineError::NotFound));
    engine.shutdown().await;
}

#[tokio::test]
async fn while_a_secret_is_replaced_both_are_right_and_after_a_day_only_the_new_one() {
    let (world, receiver) = (World::new(), Receiver::start(Answering::Status(200)).await);
    let engine = world.engine().await;
    let endpoint = create(&engine, &receiver, &["user.created"]).await;
    let old = endpoint.secret.expect("a new one").into_inner();
    let new = engine.webhooks().rotate_secret(endpoint.id).await.expect("an endpoint").secret.expect("a new one");
    let new = new.into_inner();
    assert_eq!(engine.webhooks().secret(endpoint.id).await.map(vestibule::Secret::into_inner), Ok(new.clone()));
    for (n, expected) in [[true, true], [false, true]].into_iter().enumerate() {
        engine.users().create(&new_user(&n.to_string())).await.expect("a user");
        let got = receiver.wait_for_count(n + 1).await;
        let now = world.clock.now();
        assert_eq!([&old, &new].map(|secret| got[n].is_signed_with(secret, now)), expected, "day {n}");
        world.clock.advance(Span::from_secs(24 * 3600));
    }
    engine.shutdown().await;
}

#[tokio::test]
async fn a_test_is_sent_once_and_tells_what_came_of_it() {
    let (world, receiver) = (World::new(), Receiver::start(Answering::Status(500)).await);
    let engine = world.engine().await;
    let endpoint = create(&engine, &receiver, &["user.created"]).await;
    let secret = endpoint.secret.expect("a new one").into_inner();
    let attempt = engine.webhooks().test(endpoint.id).await.expect("an endpoint");
    assert_eq!(attempt.failure.as_deref(), Some("the receiver answered with status 500"));
    receiver.answer(Answering::Status(200));
    assert_eq!(engine.webhooks().test(endpoint.id).await.expect("an endpoint").failure, None);
    let got = receiver.wait_for_count(2).await;
    assert!(got.iter().all(|got| got.what() == "webhook.test" && got.is_signed_with(&secret, world.clock.now())));
    let shown = engine.webhooks().get(endpoint.id).await.expect("an endpoint");
    assert_eq!((shown.delivered, shown.failed_attempts, shown.failing_since), (0, 0, None), "it counts for nothing");
    engine.shutdown().await;
}

#[tokio::test]
async fn an_endpoint_that_is_switched_off_or_deleted_gets_nothing() {
    let (world, receiver) = (World::new(), Receiver::start(Answering::Status(200)).await);
    let other = Receiver::start(Answering::Status(200)).await;
    let engine = world.engine().await;
    let off = create(&engine, &receiver, &["user.*"]).await;
    let deleted = create(&engine, &receiver, &["user.*"]).await;
    create(&engine, &other, &["user.*"]).await;
    engine.webhooks().disable(off.id).await.expect("an endpoint");
    engine.webhooks().delete(deleted.id).await.expect("an endpoint");
    assert_eq!(engine.webhooks().get(deleted.id).await.err(), Some(EngineError::NotFound));
    engine.users().create(&new_user("1")).await.expect("a user");
    other.wait_for_count(1).await;
    assert_eq!(receiver.got().len(), 0);
    engine.webhooks().enable(off.id).await.expect("an endpoint");
    receiver.wait_for_count(1).await;
    engine.shutdown().await;
}

#[tokio::test]
async fn the_endpoints_that_a_program_names_are_kept_changed_and_removed_with_its_list() {
    let (world, receiver) = (World::new(), Receiver::start(Answering::Status(200)).await);
    let named = NewWebhookEndpoint::new(receiver.url(), ["user.created"]);
    let engine = world.builder().webhook_endpoints(vec![named.clone()]).build().await.expect("an engine");
    let made = engine.webhooks().list().await.expect("endpoints").items.remove(0);
    let secret = engine.webhooks().secret(made.id).await.expect("a new one");
    let refused = engine.webhooks().delete(made.id).await.expect_err("it is the program's");
    assert_eq!(refused.code(), "webhook_endpoint_configured");
    assert_eq!(engine.webhooks().rotate_secret(made.id).await.err(), Some(refused));
    engine.users().create(&new_user("1")).await.expect("a user");
    receiver.wait_for_count(1).await;
    engine.shutdown().await;

    let named = NewWebhookEndpoint { description: "the shop".into(), ..named };
    let engine = world.builder().webhook_endpoints(vec![named]).build().await.expect("an engine");
    let kept = engine.webhooks().get(made.id).await.expect("the same endpoint");
    assert_eq!((&*kept.description, kept.created_at), ("the shop", made.created_at));
    assert_eq!(engine.webhooks().secret(made.id).await, Ok(secret), "one that is not named stays");
    engine.users().create(&new_user("2")).await.expect("a user");
    receiver.wait_for_count(2).await;
    engine.shutdown().await;
    assert_eq!(receiver.got().len(), 2, "it continues where it was");

    let engine = world.engine().await;
    assert_eq!(engine.webhooks().get(made.id).await.err(), Some(EngineError::NotFound));
    engine.shutdown().await;
}

#[tokio::test]
async fn a_replay_leaves_out_no_event_since_its_time_where_many_commits_were_written_at_once() {
    const BATCHES: u64 = 12;
    const IN_A_BATCH: u64 = 3;
    let (world, receiver) = (World::new(), Receiver::start(Answering::Status(204)).await);
    let at = |number: u64| NOW + Span::from_secs(7 * number);
    for batch in 0..BATCHES {
        let create = |number: u64| {
            let id = UserId::from_bytes([u8::try_from(number).expect("few users"); 16]);
            let user = UserWrite::Create(Box::new(User::new(id, at(number))));
            Commit::of_decision(at(number), Decision { users: vec![user], ..Decision::default() })
        };
        let numbers = batch * IN_A_BATCH..(batch + 1) * IN_A_BATCH;
        let made = world.store().commit(numbers.map(create).collect()).await;
        assert!(made.iter().all(Result::is_ok), "{made:?}");
    }
    let engine = world.engine().await;
    let endpoint = create(&engine, &receiver, &["user.*"]).await;
    let mut before = 0;
    for since in (0..BATCHES * IN_A_BATCH).step_by(5) {
        engine.webhooks().replay(endpoint.id, at(since)).await.expect("an endpoint");
        let wanted = usize::try_from(BATCHES * IN_A_BATCH - since).expect("few events");
        let got = receiver.wait_for_count(before + wanted).await;
        let times: BTreeSet<u64> =
            got[before..].iter().map(|got| got.event()["timestamp"].as_u64().expect("a time")).collect();
        assert_eq!(times, (since..BATCHES * IN_A_BATCH).map(|number| at(number).as_millis()).collect(), "{since}");
        shown(&engine, endpoint.id, |endpoint| endpoint.delivered == (before + wanted) as u64).await;
        before += wanted;
    }
    engine.shutdown().await;
}

/// What outlives an engine.
pub(crate) struct World {
    store: std::sync::Mutex<Arc<FaultyStore>>,
    pub(crate) clock: Arc<ManualClock>,
}

impl World {
    pub(crate) fn new() -> Self {
        let store = FaultyStore::over(Arc::new(MemoryStore::new()));
        Self { store: std::sync::Mutex::new(Arc::new(store)), clock: Arc::new(ManualClock::new(NOW)) }
    }

    pub(crate) fn store(&self) -> Arc<FaultyStore> {
        self.store.lock().expect("no panic").clone()
    }

    pub(crate) fn builder(&self) -> vestibule::engine::EngineBuilder {
        Engine::builder()
            .store(self.store())
            .clock(self.clock.clone())
            .settings(vestibule::config::sample_settings("username_password").expect("a sample"))
            .key(InstanceKey::from_bytes([7; 32].into()))
    }

    pub(crate) async fn engine(&self) -> Engine {
        self.builder().build().await.expect("an engine")
    }

    /// Ends an engine as a kill does: from now on it writes nothing.
    fn crash(&self, engine: Engine) {
        let mut store = self.store.lock().expect("no panic");
        store.cut_off();
        drop(engine);
        *store = Arc::new(store.reopened());
    }
}

pub(crate) async fn create(engine: &Engine, receiver: &Receiver, events: &[&str]) -> WebhookEndpointView {
    let input = NewWebhookEndpoint::new(receiver.url(), events.iter().copied());
    engine.webhooks().create(&input).await.expect("an endpoint")
}

/// The endpoint, once `fits` says that it is as expected.
pub(crate) async fn shown(
    engine: &Engine,
    id: WebhookEndpointId,
    fits: impl Fn(&WebhookEndpointView) -> bool,
) -> WebhookEndpointView {
    for _ in 0..1500 {
        let endpoint = engine.webhooks().get(id).await.expect("an endpoint");
        if fits(&endpoint) {
            return endpoint;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it did not become as expected: {:?}", engine.webhooks().get(id).await);
}

/// How many different messages there are.
fn distinct(got: &[crate::support::receiver::Got]) -> usize {
    got.iter().map(|got| got.id()).collect::<BTreeSet<_>>().len()
}

pub(crate) fn new_user(external_id: &str) -> NewUser {
    NewUser {
        skip_user_requirement: true,
        skip_password_requirement: true,
        external_id: Some(external_id.into()),
        ..NewUser::default()
    }
}

pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const PASSWORD: &str = "a long sentence that is no word";
