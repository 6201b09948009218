//! Sign-ups from the first call to the user, of one client and of many.

use std::sync::Arc;
use vestibule::domain::sign_up::SignUpPatch;
use vestibule::domain::verification::Strategy;
use vestibule::engine::PrepareVerification;

use vestibule::domain::id::SignUpId;
use vestibule::domain::policy::Policy;
use vestibule::domain::rejection::ErrorCode;
use vestibule::domain::sign_up::{NewSignUp, Status};
use vestibule::domain::time::Span;
use vestibule::engine::{Caller, Engine, EngineError, RequestContext};

use super::{Bench, settings};

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
        bench.engine.sessions().token(&caller, session, &RequestContext::default()).await.expect("a live session");
    assert_eq!(minted.expose().split('.').count(), 3);
    let wanted = RequestContext { tokens: true, ..RequestContext::default() };
    let view = bench.engine.client_view(&caller, &wanted).await.expect("readable").expect("a client");
    assert!(view.sessions[0].token.is_some());
    let read = bench.engine.sign_ups().show(&caller, sign_up.value.id).await.expect("its finished sign-up");
    assert_eq!(read.status, Status::Complete);
    assert_eq!(bench.engine.users().current(&caller, None).await.expect("signed in").id, sign_up.value.id.cast());
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
        .sign_ups()
        .prepare(&caller, id, &PrepareVerification::new(Strategy::EmailCode), &RequestContext::default())
        .await
        .expect("sent");
    let code = bench.code("ada@example.com").await;
    bench.attempt(&caller, id, &code).await.expect("a right code");
    let planted = bench.engine.identify(Some(&before)).await.expect("readable");
    assert!(planted.client().is_none());
    assert_eq!(bench.engine.sign_ups().show(&planted, id).await.expect_err("nobody"), EngineError::NotFound);
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
        assert_eq!(bench.engine.sign_ups().show(&stranger, id).await.expect_err("foreign"), EngineError::NotFound);
        let update =
            bench.engine.sign_ups().update(&stranger, id, &SignUpPatch::default(), &RequestContext::default()).await;
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
            .sign_ups()
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
            let state = bench.engine.sign_ups().show(&caller, id).await;
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
        bench
            .engine
            .sign_ups()
            .update(&caller, other.value.id, &fields.into(), &RequestContext::default())
            .await
            .is_err()
    );
    let kept = bench.engine.sign_ups().show(&caller, other.value.id).await.expect("still there");
    assert_eq!(kept.value.email_address.as_ref().expect("an address").value.as_str(), "eve@example.com");
}

#[tokio::test]
async fn a_new_sign_up_abandons_the_one_before_at_once() {
    let bench = Bench::in_memory().await;
    let (first, caller) = bench.begin("ada@example.com").await;
    bench.create(&caller, "eve@example.com").await.expect("a second sign-up");
    let caller = bench.engine.identify(Some(&bench.token_of(&caller))).await.expect("readable");
    let id = first.value.id;
    assert_eq!(bench.engine.sign_ups().show(&caller, id).await.expect("readable").status, Status::Abandoned);
    let update = bench.engine.sign_ups().update(&caller, id, &SignUpPatch::default(), &RequestContext::default()).await;
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
    let out = bench.engine.sessions().end_all(&caller, &RequestContext::default()).await.expect("signed out");
    assert!(out.sessions.is_empty() && out.client.last_active_session_id.is_none());
    let caller = bench.engine.identify(Some(token.expose())).await.expect("readable");
    assert_eq!(bench.engine.users().current(&caller, None).await.expect_err("signed out"), EngineError::SignedOut);
    bench.create(&caller, "eve@example.com").await.expect("a new sign-up on the same client");
}

#[tokio::test]
async fn settings_change_under_sign_ups_in_flight() {
    let bench = Bench::in_memory().await;
    let (sign_up, caller) = bench.begin("ada@example.com").await;
    let (id, source) = (sign_up.value.id, RequestContext::default());
    let mut settings = settings();
    settings.attributes.email_address.verify_at_sign_up = false;
    bench.engine.replace_settings(settings.clone()).expect("valid");
    let read = bench.engine.sign_ups().show(&caller, id).await.expect("readable");
    assert!(read.requirements.are_met() && read.status == Status::MissingRequirements, "a read never converts");
    settings.attributes.email_address.required = true;
    settings.attributes.first_name.required = true;
    bench.engine.replace_settings(settings.clone()).expect("valid");
    let read = bench.engine.sign_ups().show(&caller, id).await.expect("readable");
    assert_eq!(read.requirements.missing_fields.len(), 1);
    settings.attributes.first_name.enabled = false;
    assert!(bench.engine.replace_settings(settings.clone()).is_err(), "a required attribute must be enabled");
    settings.attributes.first_name.required = false;
    bench.engine.replace_settings(settings).expect("valid");
    let (done, _) =
        bench.engine.sign_ups().update(&caller, id, &SignUpPatch::default(), &source).await.expect("a write");
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
            match bench
                .engine
                .sign_ups()
                .prepare(&caller, id, &PrepareVerification::new(Strategy::EmailCode), &source)
                .await
            {
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
