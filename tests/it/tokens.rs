//! A person with a client token from before a session learns nothing of the session, however the calls overlap.

mod shown;
mod world;

use std::sync::Arc;

use vestibule::domain::policy::Policy;
use vestibule::domain::sign_up::NewSignUp;
use vestibule::domain::time::Span;
use vestibule::engine::{Caller, Engine, EngineError};
use vestibule::store::FaultyStore;
use vestibule::token::InstanceKey;

use world::{CALLS, CODE, Route, World, settings, source};

/// Each call that returns data is paused before and after each of its reads while each call that creates a session
/// runs: the first must not return what the second created.
#[tokio::test]
async fn no_call_begun_with_the_old_token_learns_what_another_call_brought() {
    let (mut held, mut brought) = (0, 0);
    for route in Route::ALL {
        let world = World::new(route).await;
        for call in CALLS {
            for moment in 0..MOMENTS_MAX {
                let place = world.furnish().await;
                let outcome = world.hold(*call, &place, moment).await;
                held += 1;
                if let Some((shown, secrets)) = outcome.shown_beside_secrets() {
                    brought += 1;
                    for secret in secrets {
                        assert!(!shown.contains(secret.as_str()), "{route:?} under {call:?}, moment {moment}: {shown}");
                    }
                }
                if !outcome.was_held {
                    break;
                }
            }
        }
    }
    assert!(held > 600 && brought > 500, "{held} pairs, {brought} sessions");
}

/// The exception of guide/contract.md#replaced-tokens: the attempt that created the session, repeated.
#[tokio::test]
async fn the_attempt_that_brought_the_session_is_answered_again() {
    let world = World::new(Route::Code).await;
    let place = world.furnish().await;
    let (token, before) = (place.token.clone(), world.engine.identify(Some(&place.token)).await.expect("readable"));
    let first = world.attempt(&place, &before, CODE).await.expect("a right code").1;
    for caller in [before, world.engine.identify(Some(&token)).await.expect("readable")] {
        let wrong = world.attempt(&place, &caller, "000000").await;
        assert!(wrong.is_err());
        let again = world.attempt(&place, &caller, CODE).await.expect("the same attempt").1;
        assert_eq!(again.new_token, first.new_token);
        assert_eq!(again.sessions.len(), 2);
    }
}

#[tokio::test]
async fn an_overtaken_call_changes_nothing() {
    let world = World::new(Route::Code).await;
    let place = world.furnish().await;
    let old = world.engine.identify(Some(&place.token)).await.expect("readable");
    let signed_in = world.attempt(&place, &old, CODE).await.expect("a right code").1;
    let replaced = EngineError::TokenReplaced;
    assert_eq!(world.engine.sessions().end_all(&old, &source()).await.expect_err("overtaken"), replaced);
    let end = world.engine.sessions().end(&old, place.session, true, &source()).await;
    assert_eq!(end.expect_err("overtaken"), replaced);
    let create = world.engine.sign_ups().create(&old, &NewSignUp::default(), &source()).await;
    assert_eq!(create.expect_err("overtaken"), replaced);
    // A new client would replace the new token in the browser.
    let late = world.engine.identify(Some(&place.token)).await.expect("readable");
    assert!(late.was_replaced());
    let create = world.engine.sign_ups().create(&late, &NewSignUp::default(), &source()).await;
    assert_eq!(create.expect_err("replaced"), replaced);
    assert_eq!(world.engine.open_client(&late, &source()).await.expect_err("replaced"), replaced);
    let new_token = signed_in.new_token.expect("a new token");
    let now = world.engine.identify(Some(new_token.expose())).await.expect("readable");
    let view = world.engine.client_view(&now, &source()).await.expect("readable").expect("a client");
    assert_eq!((view.sessions.len(), view.client.version), (2, signed_in.client.version));
}

#[tokio::test]
async fn of_several_that_present_an_owed_token_at_once_one_gets_the_session() {
    let world = World::new(Route::Backend).await;
    let place = world.furnish().await;
    world.bring(&place).await.expect("completed by the backend");
    let mut tasks = Vec::new();
    for _ in 0..16 {
        let (engine, token) = (world.engine.clone(), place.token.clone());
        tasks.push(tokio::spawn(async move {
            let caller = engine.identify(Some(&token)).await.expect("readable");
            let view = engine.client_view(&caller, &source()).await.expect("readable");
            (caller.new_token().is_some(), caller.was_replaced(), view.map(|view| view.sessions.len()))
        }));
    }
    let mut winners = 0;
    for task in tasks {
        match task.await.expect("a task") {
            (true, false, Some(2)) => winners += 1,
            (false, true, None) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(winners, 1);
}

/// Whoever planted the token that the person began with is not the one to whom the session is owed.
#[tokio::test]
async fn the_token_from_before_the_persons_last_step_collects_nothing() {
    for route in [Route::Backend, Route::LinkElsewhere] {
        let world = World::new(route).await;
        let place = world.furnish().await;
        let look = async |token: &str| {
            let caller = world.engine.identify(Some(token)).await.expect("readable");
            let view = world.engine.client_view(&caller, &source()).await.expect("readable");
            (caller.new_token().is_some(), view.map(|view| view.sessions.len()))
        };
        assert_eq!(look(&place.planted).await, (false, None), "{route:?}: replaced by the person's step");
        world.bring(&place).await.expect("completed by others");
        assert_eq!(look(&place.planted).await, (false, None), "{route:?}");
        assert_eq!(look(&place.token).await, (true, Some(2)), "{route:?}");
        assert_eq!(look(&place.planted).await, (false, None), "{route:?}");
    }
}

#[tokio::test]
async fn a_client_that_nothing_was_written_for_is_only_its_token() {
    let store = Arc::new(FaultyStore::default());
    let key = || InstanceKey::from_bytes([7; 32].into());
    let build = |store: Arc<FaultyStore>| Engine::builder().settings(settings()).store(store).key(key()).build();
    let engine = build(store.clone()).await.expect("an engine");
    let written = store.commits();
    let nobody = Caller::anonymous();
    let mut opened = engine.open_client(&nobody, &source()).await.expect("a client");
    for _ in 0..1000 {
        opened = engine.open_client(&nobody, &source()).await.expect("a client");
    }
    let (id, token) = (opened.client.id, opened.new_token.expect("a token").into_inner());
    assert_eq!(opened.client.created_at, id.made_at());
    let look = async |engine: &Engine| {
        let caller = engine.identify(Some(&token)).await.expect("readable");
        let view = engine.open_client(&caller, &source()).await.expect("a client");
        assert_eq!((view.client.id, view.sessions.len(), view.new_token), (id, 0, None));
        let out = engine.sessions().end_all(&caller, &source()).await.expect("none to end");
        assert_eq!(out.client.id, id);
        caller
    };
    look(&engine).await;
    assert_eq!(store.commits(), written, "nothing of this is stored");
    engine.shutdown().await;

    let engine = build(store).await.expect("the engine again");
    let caller = look(&engine).await;
    let fields = NewSignUp { email_address: Some("ada@example.com".into()), ..NewSignUp::default() };
    let (sign_up, client) = engine.sign_ups().create(&caller, &fields, &source()).await.expect("a sign-up");
    assert_eq!((client.client.id, client.new_token), (id, None), "its token stays good");
    // Another tab started with the same token before anything was stored.
    let (_, beside) = engine.sign_ups().create(&caller, &fields, &source()).await.expect("another one");
    assert_eq!(beside.client.id, id);
    let now = engine.identify(Some(&token)).await.expect("readable");
    assert_eq!(now.client().expect("stored by now").created_at, id.made_at());
    assert!(engine.sign_ups().show(&now, sign_up.value.id).await.is_ok());

    let forged = InstanceKey::generate().client_token(id, 0, &[0; 16]).into_inner();
    assert!(engine.identify(Some(&forged)).await.expect("readable").client().is_none());
}

#[tokio::test]
async fn a_token_that_nothing_was_written_for_is_over_after_the_time_that_clients_are_kept() {
    let policy = Policy { keep_client: Span::from_secs(1000), ..Policy::default() };
    let engine = Engine::builder().settings(settings()).policy(policy).build().await.expect("an engine");
    let opened = engine.open_client(&Caller::anonymous(), &source()).await.expect("a client");
    let token = opened.new_token.expect("a token");
    engine.advance_clock(Span::from_secs(999)).await.expect("moved");
    assert!(engine.identify(Some(token.expose())).await.expect("readable").client().is_some());
    engine.advance_clock(Span::from_secs(2)).await.expect("moved");
    assert!(engine.identify(Some(token.expose())).await.expect("readable").client().is_none());
}

#[tokio::test]
async fn tokens_of_several_clients_are_nobodys_and_of_one_clients_the_current_one_counts() {
    let world = World::new(Route::Code).await;
    let place = world.furnish().await;
    let old = world.engine.identify(Some(&place.token)).await.expect("readable");
    let new = world.attempt(&place, &old, CODE).await.expect("a right code").1.new_token.expect("a token").into_inner();
    let other = world.engine.open_client(&Caller::anonymous(), &source()).await.expect("a client");
    let other = other.new_token.expect("a token").into_inner();
    let garbage = "A".repeat(place.token.len());
    let among = |tokens: Vec<String>| {
        let engine = world.engine.clone();
        async move { engine.identify_among(tokens.iter().map(String::as_str)).await }
    };
    for tokens in [[&place.token, &new, &garbage], [&garbage, &new, &place.token], [&new, &new, &place.token]] {
        let caller = among(tokens.map(Clone::clone).to_vec()).await.expect("one client");
        assert_eq!(caller.client().expect("signed in").sessions.len(), 2);
    }
    for tokens in [[&new, &other], [&other, &new], [&place.token, &other], [&other, &place.token]] {
        let refused = among(tokens.map(Clone::clone).to_vec()).await;
        assert_eq!(refused.expect_err("two clients"), EngineError::SeveralClients);
    }
    let crowd = vec![garbage; 17];
    assert_eq!(among(crowd).await.expect_err("too many to look at"), EngineError::SeveralClients);
}

/// Upper bound of the reads of one call.
const MOMENTS_MAX: usize = 80;
