//! Events: what the store records of calls over HTTP, how readers follow it, and what they find after a crash.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;
use vestibule::domain::event::{Event, Happened, Position};
use vestibule::domain::id::UserId;
use vestibule::domain::policy::Policy;
use vestibule::domain::time::Span;
use vestibule::domain::verification::Strategy;
use vestibule::engine::{
    AttemptVerification, Caller, Engine, EngineError, EventsFrom, PrepareVerification, RequestContext,
};
use vestibule::store::ledger::Durability;
use vestibule::store::{EmbeddedStore, MemoryStore, Store};
use vestibule::testing::{Fault, FaultyStore, Kit, StoreRead};
use vestibule::users::NewUser;
use vestibule::{NewSignUp, config};

use crate::support::server::Server;

const CONFIG: &str =
    "[store]\nencryption = false\n[settings]\nfile = \"email_code\"\n[verification]\ntest_mode = true\n";

#[test]
fn a_sign_up_over_http_tells_its_steps_and_whose_request_it_was() {
    let folder = TempDir::new().expect("a folder");
    let server = Server::start(folder.path(), CONFIG);
    let mut token = String::new();
    let mut post = |path: &str, body: &str| {
        let form = ("content-type", "application/x-www-form-urlencoded");
        let headers = [form, ("user-agent", "Test/1.0 (tests)"), ("authorization", &token)];
        let headers = if token.is_empty() { &headers[..2] } else { &headers[..] };
        let answer = server.request("POST", &format!("{path}?_is_native=1"), headers, body).expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.body);
        let body = answer.json();
        token = answer.header("authorization").map_or(token.clone(), str::to_owned);
        body
    };
    let address = "email_address=ada%2Bclerk_test@example.com&strategy=email_code";
    let begun = post("/v1/client/sign_ups", address);
    let path = format!("/v1/client/sign_ups/{}", begun["response"]["id"].as_str().expect("an id"));
    let done = post(&format!("{path}/attempt_verification"), "strategy=email_code&code=424242");
    let session = done["response"]["created_session_id"].as_str().expect("a session").to_owned();
    post(&format!("/v1/client/sessions/{session}/remove"), "");
    assert_eq!(server.terminate(), Some(0));

    let events = stored_events(folder.path());
    let names: Vec<_> = events.iter().map(Event::name).filter(|name| !name.starts_with("message.")).collect();
    let expected = ["sign_up.created", "sign_up.completed", "user.created", "session.created", "session.removed"];
    assert_eq!(names, expected);
    for event in &events {
        let known = event.end_user.as_ref().map(|end_user| (end_user.address, end_user.user_agent.as_str()));
        let expected = (Some([127, 0, 0, 1].into()), "Test/1.0 (tests)");
        assert_eq!(known, (!event.name().starts_with("message.")).then_some(expected), "{event:?}");
    }
}

#[test]
fn events_are_not_recorded_where_the_configuration_says_so() {
    let folder = TempDir::new().expect("a folder");
    let server = Server::start(folder.path(), &format!("{CONFIG}[events]\nrecord = false\n"));
    let begun = server.native("POST", "/v1/client/sign_ups", "", "email_address=ada@example.com").expect("an answer");
    assert_eq!(begun.status, 200);
    assert_eq!(server.terminate(), Some(0));
    assert_eq!(stored_events(folder.path()), []);
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_woken_by_commits_and_reads_nothing_meanwhile() {
    let store = Arc::new(FaultyStore::new());
    let engine = Kit::new(1).builder().store(store.clone()).build().await.expect("an engine");
    user(&engine, "before").await;
    let mut events = engine.events().subscribe(EventsFrom::Now).await.expect("a stream");
    let reads = |store: &FaultyStore| store.reads(StoreRead::Events);
    let waiting = tokio::spawn(async move { (events.next().await, events) });
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = reads(&store);
    tokio::time::sleep(Duration::from_secs(24 * 3600)).await;
    assert_eq!(reads(&store), before, "nothing has happened all day");
    let id = user(&engine, "after").await;
    let (event, mut events) = waiting.await.expect("no panic");
    assert_eq!(created(event.expect("the engine runs").expect("readable")), Some(id));

    store.fail_reads(StoreRead::Events, vestibule::testing::ReadFault::Unavailable, 1);
    assert!(matches!(events.next().await, Some(Err(EngineError::Unavailable(_)))));
    let (id, event) = tokio::join!(user(&engine, "behind a failed read"), events.next());
    assert_eq!(created(event.expect("the engine runs").expect("readable")), Some(id));
    engine.shutdown().await;
    assert!(events.next().await.is_none(), "the engine has stopped");
}

#[tokio::test]
async fn a_cursor_keeps_its_place_over_a_restart() {
    let folder = TempDir::new().expect("a folder");
    let kit = Kit::new(1);
    let open = async || {
        let store = EmbeddedStore::open(folder.path(), Durability::Synced).expect("a store");
        kit.builder().store(Arc::new(store)).build().await.expect("an engine")
    };
    let engine = open().await;
    let (first, second) = (user(&engine, "first").await, user(&engine, "second").await);
    let cursor = engine.events().cursor("a.reader-1");
    let mut events = cursor.subscribe().await.expect("a stream");
    let event = events.next().await.expect("the engine runs").expect("readable");
    assert_eq!((created(event.clone()), cursor.position().await), (Some(first), Ok(None)));
    cursor.advance(event.position).await.expect("durable");
    engine.shutdown().await;

    let engine = open().await;
    let third = user(&engine, "third").await;
    let cursor = engine.events().cursor("a.reader-1");
    assert_eq!(cursor.position().await, Ok(Some(event.position)));
    let mut events = cursor.subscribe().await.expect("a stream");
    for id in [second, third] {
        assert_eq!(created(events.next().await.expect("the engine runs").expect("readable")), Some(id));
    }
    assert_eq!(engine.events().cursors().await, Ok(vec![("a.reader-1".into(), event.position)]));
    engine.events().remove_cursor("a.reader-1").await.expect("it is there");
    assert_eq!(engine.events().remove_cursor("a.reader-1").await, Err(EngineError::NotFound));
    assert_eq!((cursor.position().await, engine.events().cursors().await), (Ok(None), Ok(vec![])));
    for name in ["", "with space", "a/b", &"x".repeat(65)] {
        let refused = engine.events().cursor(name).position().await;
        assert!(matches!(refused, Err(EngineError::Rejected(_))), "{name}: {refused:?}");
    }
    for n in 0..100 {
        engine.events().cursor(&n.to_string()).advance(event.position).await.expect("a cursor");
    }
    assert!(engine.events().cursor("one more").advance(event.position).await.is_err());
    engine.events().cursor("7").advance(event.position).await.expect("an old one");
    engine.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn who_was_away_for_too_long_hears_that_events_are_lost() {
    let kit = Kit::new(1);
    let policy = Policy { keep_events: Span::from_secs(3600), ..Policy::default() };
    let engine = kit.builder().policy(policy).build().await.expect("an engine");
    user(&engine, "first").await;
    let late = engine.events().read(None, 1).await.expect("an event")[0].position;
    let mut slow = engine.events().subscribe(EventsFrom::After(late)).await.expect("a stream");
    user(&engine, "second").await;
    kit.clock.advance(Span::from_secs(3601));
    let kept = user(&engine, "third").await;
    tokio::time::sleep(Duration::from_secs(11)).await;
    let lost = |error: &EngineError| matches!(error, EngineError::EventsLost { removed_to } if *removed_to > late);
    let refused = engine.events().subscribe(EventsFrom::After(late)).await.expect_err("a refusal");
    assert!(lost(&refused), "{refused:?}");
    assert!(engine.events().read(Some(late), 1).await.is_err_and(|error| lost(&error)));
    let heard = slow.next().await.expect("an error, not an end").expect_err("a gap");
    assert!(lost(&heard) && slow.next().await.is_none());
    let mut anew = engine.events().subscribe(EventsFrom::Oldest).await.expect("a stream");
    assert_eq!(created(anew.next().await.expect("the engine runs").expect("readable")), Some(kept));
    engine.shutdown().await;
}

/// The process dies at every write, once before it and once behind it; the application, which keeps its own table, is
/// started again and catches up.
#[tokio::test(start_paused = true)]
async fn whatever_write_the_process_dies_at_the_application_has_each_user_once() {
    let (mut kills, mut repeated) = (0, 0);
    for writes in 0..104 {
        for fault in [Fault::UnknownNotWritten, Fault::UnknownWritten] {
            let (kit, application) = (Kit::new(writes), Arc::new(Application::default()));
            let inner: Arc<dyn Store> = Arc::new(MemoryStore::new());
            let dying = Arc::new(FaultyStore::over(inner.clone()));
            let good = usize::try_from(writes).expect("a small number");
            let nothing_more = std::iter::repeat_n(Some(Fault::Refused), 10_000);
            dying.fail(std::iter::repeat_n(None, good).chain([Some(fault)]).chain(nothing_more));
            life(&kit, dying, &application, ("early", 10)).await.err().inspect(|()| kills += 1);
            let whole = Arc::new(FaultyStore::over(inner));
            life(&kit, whole.clone(), &application, ("late", 1)).await.expect("nothing fails any more");

            let events = whole.events(None, 100_000).await.expect("the log").events;
            let (seen, again) = application.seen();
            assert_eq!(seen, events.iter().map(|event| event.position).collect::<Vec<_>>(), "no gap, in order");
            let users: BTreeSet<_> = events.into_iter().filter_map(created).collect();
            assert_eq!(*application.rows.lock().expect("no panic"), users);
            assert_eq!(whole.count_users().await, Ok(users.len() as u64));
            assert!(again <= 1, "only the event that it was at when it died comes again");
            repeated += again;
        }
    }
    assert!(kills > 200 && repeated > 0, "{kills} kills, {repeated} events came again");
}

/// An application with a database of its own, which is not lost with the process.
#[derive(Default)]
struct Application {
    rows: Mutex<BTreeSet<UserId>>,
    handled: Mutex<Vec<Position>>,
}

impl Application {
    /// Follows the events until it is aborted or the engine stops.
    async fn follow(self: Arc<Self>, engine: Engine) -> Result<(), EngineError> {
        let cursor = engine.events().cursor("application");
        let mut events = cursor.subscribe().await?;
        while let Some(event) = events.next().await {
            let event = event?;
            let position = event.position;
            self.handled.lock().expect("no panic").push(position);
            if let Some(id) = created(event) {
                // The id is a unique key.
                self.rows.lock().expect("no panic").insert(id);
            }
            cursor.advance(position).await?;
        }
        Ok(())
    }

    /// What it has handled, each once and in the order of the first time; and how many came again.
    fn seen(&self) -> (Vec<Position>, usize) {
        let (mut known, mut seen) = (BTreeSet::new(), Vec::new());
        let handled = self.handled.lock().expect("no panic").clone();
        let count = handled.len();
        seen.extend(handled.into_iter().filter(|position| known.insert(*position)));
        let again = count - seen.len();
        (seen, again)
    }
}

/// People sign up while the application follows, until all have or the store fails.
async fn life(
    kit: &Kit,
    store: Arc<FaultyStore>,
    application: &Arc<Application>,
    (name, count): (&str, usize),
) -> Result<(), ()> {
    let settings = config::sample_settings("email_code").expect("a sample");
    let engine = kit.builder().settings(settings).store(store.clone()).build().await.map_err(drop)?;
    let following = tokio::spawn(application.clone().follow(engine.clone()));
    let outcome = tokio::time::timeout(Duration::from_secs(60), async {
        for n in 0..count {
            sign_up(kit, &engine, &format!("{name}{n}@example.com")).await?;
        }
        let last = store.last_event().await.map_err(drop)?;
        while engine.events().cursor("application").position().await.map_err(drop)? < last {
            tokio::time::sleep(Duration::from_millis(10)).await;
            if following.is_finished() {
                return Err(());
            }
        }
        Ok(())
    });
    let outcome = outcome.await.unwrap_or(Err(()));
    following.abort();
    drop(following.await);
    outcome
}

async fn sign_up(kit: &Kit, engine: &Engine, address: &str) -> Result<(), ()> {
    let (sign_ups, context) = (engine.sign_ups(), RequestContext::default());
    let input = NewSignUp::new().email_address(address);
    let (begun, client) = sign_ups.create(&Caller::anonymous(), &input, &context).await.map_err(drop)?;
    let token = client.new_token.ok_or(())?;
    let (id, caller) = (begun.id(), engine.identify(Some(token.expose())).await.map_err(drop)?);
    sign_ups.prepare(&caller, id, &PrepareVerification::new(Strategy::EmailCode), &context).await.map_err(drop)?;
    let code = kit.mail.next_to(address).await.code.clone().ok_or(())?.into_inner();
    let attempt = AttemptVerification::code(Strategy::EmailCode, code);
    sign_ups.attempt(&caller, id, &attempt, &context).await.map(drop).map_err(drop)
}

async fn user(engine: &Engine, external_id: &str) -> UserId {
    let external_id = Some(external_id.to_owned());
    let input = NewUser { skip_user_requirement: true, external_id, ..NewUser::default() };
    engine.users().create(&input).await.expect("a user").id
}

fn created(event: Event) -> Option<UserId> {
    match event.what {
        Happened::UserCreated { id, .. } => Some(id),
        _ => None,
    }
}

/// The events in the data of a server that has ended.
fn stored_events(folder: &std::path::Path) -> Vec<Event> {
    let store = EmbeddedStore::open(&folder.join("data"), Durability::Synced).expect("the data");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let events = store.events(None, 1000).await.expect("the log").events;
        store.close().await;
        events
    })
}
