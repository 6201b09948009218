//! Changes of the instance while the store fails, and while their callers go away: what is stored is what is in force.

use std::sync::Arc;
use std::time::Duration;

use vestibule::backend::{List, ListParams, Overrides};
use vestibule::limits::Policy;
use vestibule::testing::{Fault, FaultyStore, ReadFault, StoreRead};
use vestibule::{
    AttemptVerification, Caller, Engine, EngineBuilder, EngineError, NewSignUp, PrepareVerification, RequestContext,
    Strategy,
};

#[tokio::test]
async fn a_change_of_unknown_outcome_is_in_force_if_and_only_if_it_was_written() {
    for (fault, is_written) in
        [(Fault::UnknownWritten, true), (Fault::UnknownNotWritten, false), (Fault::Refused, false)]
    {
        let store = Arc::new(FaultyStore::new());
        let engine = engine(&store).await;
        store.fail([fault]);
        let changed = engine.instance().change(&blocking(), None).await;
        assert!(matches!(changed, Err(EngineError::Unavailable(_))), "{fault:?}: {changed:?}");
        assert_eq!(engine.settings().restrictions.blocklist.enabled, is_written, "{fault:?}");

        engine.instance().change(&blocking(), None).await.expect("the store works again");
        store.fail([fault]);
        let listed = engine.instance().list_identifier(List::Block, "*@bad.example", false).await;
        assert!(listed.is_err(), "{fault:?}");
        assert_eq!(is_blocked(&engine, "ada@bad.example").await, is_written, "{fault:?}");
        let stored = engine.instance().listed_identifiers(List::Block, &ListParams::default()).await;
        assert_eq!(stored.expect("a list").total, usize::from(is_written), "{fault:?}");

        store.fail([fault]);
        assert!(engine.instance().list_redirect_url("myapp://callback").await.is_err(), "{fault:?}");
        assert_eq!(engine.redirect_url("myapp://callback", None).is_ok(), is_written, "{fault:?}");
        engine.shutdown().await;

        let again = self::engine(&Arc::new(store.reopened())).await;
        assert!(again.settings().restrictions.blocklist.enabled, "{fault:?}");
        assert_eq!(is_blocked(&again, "ada@bad.example").await, is_written, "{fault:?}: after a restart");
        again.shutdown().await;
    }
}

#[tokio::test]
async fn what_could_not_be_read_after_an_unknown_outcome_is_read_before_the_next_change() {
    let store = Arc::new(FaultyStore::new());
    let engine = engine(&store).await;
    store.fail([Fault::UnknownWritten]);
    store.fail_reads(StoreRead::Value, ReadFault::Unavailable, 1);
    engine.instance().change(&blocking(), None).await.expect_err("nobody knows");
    assert!(!engine.settings().restrictions.blocklist.enabled, "it is not known yet");
    let change = Overrides { allowlist: Some(true), ..Overrides::default() };
    let changed = engine.instance().change(&change, None).await.expect("the store works again");
    assert_eq!((changed.version, changed.stored), (2, Overrides { allowlist: Some(true), ..blocking() }));
    let restrictions = &engine.settings().restrictions;
    assert!(restrictions.blocklist.enabled && restrictions.allowlist.enabled);
    engine.shutdown().await;
}

#[tokio::test]
async fn a_change_whose_caller_went_away_is_in_force_once_it_is_stored() {
    let store = Arc::new(FaultyStore::new());
    let engine = engine(&store).await;
    store.hold();
    let change = blocking();
    let instance = engine.instance();
    let waited = tokio::time::timeout(Duration::from_millis(50), instance.change(&change, None)).await;
    assert!(waited.is_err() && !engine.settings().restrictions.blocklist.enabled, "the commit is held");
    store.release();
    // A change waits for the one before it.
    let next = instance.change(&Overrides::default(), None).await.expect("nothing to change");
    assert_eq!((next.version, next.stored), (1, blocking()));
    assert!(engine.settings().restrictions.blocklist.enabled);
    engine.shutdown().await;
}

#[tokio::test]
async fn changes_at_once_lose_nothing() {
    let store = Arc::new(FaultyStore::new());
    let engine = engine(&store).await;
    let add = |n: usize| {
        let engine = engine.clone();
        tokio::spawn(async move {
            let identifier = format!("ada{}@example.com", n / 2);
            engine.instance().list_identifier(List::Block, &identifier, false).await.is_ok()
        })
    };
    let mut added = 0;
    for task in (0..40).map(add).collect::<Vec<_>>() {
        added += usize::from(task.await.expect("no panic"));
    }
    assert_eq!(added, 20, "each once");
    engine.instance().change(&blocking(), None).await.expect("a change");
    let later = engine.instance().change(&blocking(), Some(0)).await;
    assert!(later.is_err_and(|error| error.code() == "resource_conflict"));
    for n in 0..20 {
        assert!(is_blocked(&engine, &format!("ada{n}@example.com")).await, "{n}");
    }
    assert!(!is_blocked(&engine, "ada20@example.com").await);
    let settings = engine.configured_settings();
    assert!(!settings.restrictions.blocklist.enabled && settings.restrictions.blocklist.stored.is_empty());
    engine.replace_settings(settings).expect("valid settings");
    assert!(is_blocked(&engine, "ada0@example.com").await, "what was added outlasts new settings");
    engine.shutdown().await;
}

#[tokio::test]
async fn a_stored_test_mode_does_not_count_in_production() {
    let store = Arc::new(FaultyStore::new());
    let on = Overrides { test_mode: Some(true), ..Overrides::default() };
    let test_codes = async |engine: &Engine, address: &str| {
        let input = NewSignUp::new().email_address(address);
        let context = RequestContext::default();
        let (begun, client) = engine.sign_ups().create(&Caller::anonymous(), &input, &context).await.expect("begun");
        let token = client.new_token.expect("a new client");
        let caller = engine.identify(Some(token.expose())).await.expect("known");
        let prepare = PrepareVerification::new(Strategy::EmailCode);
        engine.sign_ups().prepare(&caller, begun.id(), &prepare, &context).await.expect("prepared");
        let attempt = AttemptVerification::code(Strategy::EmailCode, "424242");
        engine.sign_ups().attempt(&caller, begun.id(), &attempt, &context).await.is_ok()
    };
    let build = async |store: &Arc<FaultyStore>, test_mode_settable| {
        let policy = Policy { test_mode_settable, ..Policy::default() };
        builder(store).policy(policy).build().await.expect("an engine")
    };
    let production = build(&store, false).await;
    let refused = production.instance().change(&on, None).await;
    assert!(refused.is_err_and(|error| error.param() == Some("test_mode")));
    production.shutdown().await;
    let store = Arc::new(store.reopened());
    let development = build(&store, true).await;
    development.instance().change(&on, None).await.expect("it may");
    assert!(test_codes(&development, "ada+clerk_test@example.com").await);
    development.shutdown().await;
    let production = build(&Arc::new(store.reopened()), false).await;
    assert!(!test_codes(&production, "eve+clerk_test@example.com").await, "it is stored, and does not count");
    production.shutdown().await;
}

async fn engine(store: &Arc<FaultyStore>) -> Engine {
    builder(store).build().await.expect("an engine")
}

fn builder(store: &Arc<FaultyStore>) -> EngineBuilder {
    let settings = vestibule::settings::sample_settings("email_code").expect("a sample");
    let builder = Engine::builder().settings(settings).source_limits(None);
    builder.key(vestibule::keys::InstanceKey::from_bytes([7; 32].into())).store(store.clone())
}

fn blocking() -> Overrides {
    Overrides { blocklist: Some(true), ..Overrides::default() }
}

async fn is_blocked(engine: &Engine, address: &str) -> bool {
    let input = NewSignUp::new().email_address(address);
    match engine.sign_ups().create(&Caller::anonymous(), &input, &RequestContext::default()).await {
        Ok(_) => false,
        Err(error) => {
            assert_eq!(error.code(), "not_allowed_access");
            true
        }
    }
}
