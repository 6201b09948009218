//! Hooks that are told after commits: of each event, in order, at their own pace, and on from there after a restart.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use vestibule::events::Event;
use vestibule::hooks::{AfterCommit, TryAgain};
use vestibule::keys::InstanceKey;
use vestibule::testing::FaultyStore;
use vestibule::users::NewUser;
use vestibule::{BuildError, Engine};

use super::*;

#[tokio::test]
async fn each_event_is_told_in_order_and_of_both_hooks_only_the_failing_one_is_late() {
    let (listener, mut heard) = Listener::new(0);
    let (failing, mut heard_late) = Listener::new(2);
    let engine = Engine::builder().after_commit("first", listener).after_commit("second", failing.clone());
    let engine = engine.build().await.expect("an engine");
    let user = named(&engine, "ada").await;
    let changed = engine.users().ban(user, None).await.expect("a ban");
    let events = [next(&mut heard).await, next(&mut heard).await];
    assert_eq!(events.each_ref().map(|event| event.what.name()), ["user.created", "user.updated"]);
    assert!(events[0].position < events[1].position && changed.version == 2);

    let late = [next(&mut heard_late).await, next(&mut heard_late).await];
    assert_eq!(late.each_ref().map(|event| &event.id), events.each_ref().map(|event| &event.id));
    assert_eq!(failing.told.load(Ordering::SeqCst), 2 + 2, "a panic and a failure, and then both events");
    engine.shutdown().await;
}

#[tokio::test]
async fn a_hook_begins_with_what_happens_then_and_goes_on_after_a_restart() {
    let (store, key) = (Arc::new(FaultyStore::new()), || InstanceKey::from_bytes([7; 32].into()));
    let engine = Engine::builder().key(key()).store(store.clone()).build().await.expect("an engine");
    named(&engine, "before").await;
    engine.shutdown().await;

    let store = Arc::new(store.reopened());
    let (listener, mut heard) = Listener::new(0);
    let engine = Engine::builder()
        .key(key())
        .store(store.clone())
        .after_commit("mail", listener)
        .build()
        .await
        .expect("an engine");
    // Once its place is stored, it has begun.
    while engine_value(&store).await.is_none() {
        tokio::task::yield_now().await;
    }
    let first = named(&engine, "first").await;
    assert_eq!(user_of(&next(&mut heard).await), Some(first), "and not of who was there before");
    engine.shutdown().await;

    let store = Arc::new(store.reopened());
    let engine = Engine::builder().key(key()).store(store.clone()).build().await.expect("an engine");
    let second = named(&engine, "second").await;
    engine.shutdown().await;

    let store = Arc::new(store.reopened());
    let (listener, mut heard) = Listener::new(0);
    let engine =
        Engine::builder().key(key()).store(store).after_commit("mail", listener).build().await.expect("an engine");
    let told = next(&mut heard).await;
    // The last event before the end may be told again, and none is left out.
    let told = if user_of(&told) == Some(first) { next(&mut heard).await } else { told };
    assert_eq!(user_of(&told), Some(second), "what happened while it was away");
    engine.shutdown().await;
}

#[tokio::test]
async fn hooks_have_names_of_their_own() {
    let hook = || Listener::new(0).0;
    for names in [["a", "a"], ["a", ""], ["a", "A b"]] {
        let mut builder = Engine::builder();
        for name in names {
            builder = builder.after_commit(name, hook());
        }
        assert!(matches!(builder.build().await, Err(BuildError::HookName(name)) if name == names[1]), "{names:?}");
    }
}

/// Sends on what it is told, after some failures.
struct Listener {
    fails: usize,
    told: AtomicUsize,
    to: UnboundedSender<Event>,
}

impl Listener {
    fn new(fails: usize) -> (Arc<Self>, UnboundedReceiver<Event>) {
        let (to, heard) = unbounded_channel();
        (Arc::new(Self { fails, told: AtomicUsize::new(0), to }), heard)
    }
}

impl AfterCommit for Listener {
    fn after_commit<'a>(&'a self, event: &'a Event) -> BoxFuture<'a, Result<(), TryAgain>> {
        Box::pin(async move {
            match self.told.fetch_add(1, Ordering::SeqCst) {
                n if n >= self.fails => self.to.send(event.clone()).map_err(|_| TryAgain),
                0 => panic!("a hook with a bug"),
                _ => Err(TryAgain),
            }
        })
    }
}

async fn next(heard: &mut UnboundedReceiver<Event>) -> Event {
    heard.recv().await.expect("the hook is there")
}

async fn named(engine: &Engine, name: &str) -> vestibule::UserId {
    let external_id = Some(name.to_owned());
    let input = NewUser { skip_user_requirement: true, external_id, ..NewUser::default() };
    engine.users().create(&input).await.expect("a user").id
}

fn user_of(event: &Event) -> Option<vestibule::UserId> {
    match event.what {
        vestibule::events::Happened::UserCreated { id, .. } => Some(id),
        _ => None,
    }
}

async fn engine_value(store: &FaultyStore) -> Option<Vec<u8>> {
    vestibule::store::Store::value(store, "after_commit:mail").await.expect("readable")
}
