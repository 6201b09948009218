//! These tests use one thread: the first of several calls runs until it must wait, then the next one starts.

use futures_util::future::join_all;

use super::*;
use crate::domain::policy::Policy;
use crate::domain::rejection::ErrorCode;
use crate::domain::secret::Secret;
use crate::domain::settings::{Attribute, Settings};
use crate::domain::sign_up::{NewSignUp, SignUpPatch};
use crate::domain::verification::Strategy;
use crate::engine::{AttemptFirstFactor, AttemptVerification, NewSignIn, PrepareVerification};
use crate::password::{HashOptions, HashParameters};

#[tokio::test]
async fn sixteen_equal_writes_are_one_user_with_one_session() {
    let engine = engine().await;
    let caller = opened(&engine).await;
    let fields = NewSignUp { username: text("ada_l"), ..given(PASSWORD) };
    let calls = (0..16).map(|_| engine.create_sign_up(&caller, &fields, &SOURCE));
    is_one_session(join_all(calls).await);

    let caller = opened(&engine).await;
    let id = begun(&engine, &caller, &NewSignUp::default()).await;
    let fields = SignUpPatch::from(NewSignUp { username: text("bob_l"), ..given(PASSWORD) });
    let calls = (0..16).map(|_| engine.update_sign_up(&caller, id, &fields, &SOURCE));
    is_one_session(join_all(calls).await);
    engine_is_empty(&engine);
}

#[tokio::test]
async fn sixteen_equal_sign_ins_are_one_session() {
    let engine = engine().await;
    member(&engine, "ada_l").await;
    let raw = NewSignIn { identifier: text("ada_l"), password: secret(PASSWORD), ..NewSignIn::default() };
    let caller = opened(&engine).await;
    let calls = (0..16).map(|_| engine.create_sign_in(&caller, &raw, &SOURCE));
    is_one_session(join_all(calls).await);

    let raw = NewSignIn { identifier: text("ada_l"), ..NewSignIn::default() };
    let (sign_in, view) = engine.create_sign_in(&Caller::anonymous(), &raw, &SOURCE).await.expect("a sign-in");
    let caller = engine.identify(Some(view.new_token.expect("a token").expose())).await.expect("readable");
    let proof = AttemptFirstFactor::password(Secret::new(PASSWORD.to_owned()));
    let calls = (0..16).map(|_| engine.attempt_first_factor(&caller, sign_in.value.id, &proof, &SOURCE));
    is_one_session(join_all(calls).await);
    engine_is_empty(&engine);
}

#[tokio::test]
async fn equal_calls_without_a_password_are_one_too() {
    let engine = engine().await;
    let caller = opened(&engine).await;
    let fields = NewSignUp { email_address: text("ada+clerk_test@example.com"), ..NewSignUp::default() };
    let made = join_all((0..16).map(|_| engine.create_sign_up(&caller, &fields, &SOURCE))).await;
    let ids: Vec<_> = made.into_iter().map(|made| made.expect("a sign-up").0.value.id).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");

    let raw = PrepareVerification::new(Strategy::EmailCode);
    for sent in join_all((0..16).map(|_| engine.prepare(&caller, ids[0], &raw, &SOURCE))).await {
        sent.expect("one message is sent for all of them");
    }
    let attempt = async |code| {
        let input = AttemptVerification::code(Strategy::EmailCode, code);
        let attempt = || engine.attempt_verification(&caller, ids[0], &input, &SOURCE);
        join_all((0..16).map(|_| attempt())).await
    };
    for refused in attempt("000000").await {
        assert!(
            matches!(&refused, Err(EngineError::Rejected(why)) if why.is(ErrorCode::FormCodeIncorrect)),
            "{refused:?}"
        );
    }
    for proved in attempt("424242").await {
        proved.expect("the wrong code counted as one try of five");
    }
}

#[tokio::test]
async fn an_equal_call_goes_on_when_the_first_caller_leaves() {
    let engine = engine().await;
    let caller = opened(&engine).await;
    let fields = NewSignUp { username: text("ada_l"), ..given(PASSWORD) };
    let mut first = Box::pin(engine.create_sign_up(&caller, &fields, &SOURCE));
    let mut second = Box::pin(engine.create_sign_up(&caller, &fields, &SOURCE));
    assert!((&mut first).now_or_never().is_none() && (&mut second).now_or_never().is_none(), "both wait");
    drop(first);
    assert_eq!(engine.inner.sign_up_flights.table().running.len(), 1);
    let (done, _) = second.await.expect("it goes on");
    assert!(done.session().is_some());

    // When all callers have left, nothing continues and nothing is left in the table.
    let caller = opened(&engine).await;
    let fields = NewSignUp { username: text("bob_l"), ..given(PASSWORD) };
    let mut only = Box::pin(engine.create_sign_up(&caller, &fields, &SOURCE));
    assert!((&mut only).now_or_never().is_none(), "it waits");
    drop(only);
    engine_is_empty(&engine);
}

#[tokio::test]
async fn another_password_at_once_is_another_call() {
    let engine = engine().await;
    let caller = opened(&engine).await;
    let id = begun(&engine, &caller, &NewSignUp::default()).await;
    let right = SignUpPatch::from(NewSignUp { username: text("ada_l"), ..given(PASSWORD) });
    let other = SignUpPatch::from(NewSignUp { username: text("ada_l"), ..given("strolls beneath oaks") });
    let (done, refused) = tokio::join!(
        engine.update_sign_up(&caller, id, &right, &SOURCE),
        engine.update_sign_up(&caller, id, &other, &SOURCE),
    );
    let (done, refused) = if done.is_ok() { (done, refused) } else { (refused, done) };
    assert!(done.is_ok_and(|(done, _)| done.session().is_some()));
    let refused = refused.expect_err("one of them");
    let is_own = match &refused {
        EngineError::Rejected(why) => why.is(ErrorCode::SignUpCannotBeUpdated),
        refused => matches!(refused, EngineError::Busy { .. }),
    };
    assert!(is_own, "{refused:?}");
}

#[tokio::test]
async fn a_session_is_shown_only_to_a_call_with_a_secret() {
    let engine = engine().await;
    let caller = opened(&engine).await;
    let id = begun(&engine, &caller, &given(PASSWORD)).await;
    // Parameters that an attacker who planted the token can know too.
    let fields = SignUpPatch::from(NewSignUp { username: text("ada_l"), ..NewSignUp::default() });
    let (first, second) = tokio::join!(
        engine.update_sign_up(&caller, id, &fields, &SOURCE),
        engine.update_sign_up(&caller, id, &fields, &SOURCE),
    );
    assert!(first.is_ok_and(|(done, _)| done.session().is_some()));
    assert_eq!(second.expect_err("it is not told"), EngineError::TokenReplaced);
    let late = engine.update_sign_up(&caller, id, &fields, &SOURCE).await;
    assert!(late.is_err());
}

#[tokio::test]
async fn callers_without_a_token_are_different_people() {
    let engine = engine().await;
    let fields = NewSignUp { username: text("ada_l"), ..given(PASSWORD) };
    let nobody = Caller::anonymous();
    let (first, second) = tokio::join!(
        engine.create_sign_up(&nobody, &fields, &SOURCE),
        engine.create_sign_up(&nobody, &fields, &SOURCE),
    );
    let both = [first, second];
    assert_eq!(both.iter().filter(|made| made.is_ok()).count(), 1);
    let refused = both.into_iter().find_map(Result::err).expect("one name, one user");
    assert!(matches!(&refused, EngineError::Rejected(why) if why.is(ErrorCode::FormIdentifierExists)), "{refused:?}");
}

#[tokio::test]
async fn callers_whose_token_was_replaced_long_ago_are_different_people() {
    let engine = engine().await;
    let caller = opened(&engine).await;
    let old = engine.token_of(caller.client().expect("a client"));
    let fields = NewSignUp { username: text("ada_l"), ..given(PASSWORD) };
    engine.create_sign_up(&caller, &fields, &SOURCE).await.expect("complete");
    engine.advance_clock(Span::from_secs(11)).await.expect("moved");
    let late = engine.identify(Some(old.expose())).await.expect("readable");
    assert!(late.presented().is_some() && !late.was_replaced());

    // Both have a client of generation 0, the generation of the token that they presented.
    let fields = NewSignUp { email_address: text("bob+clerk_test@example.com"), ..NewSignUp::default() };
    let (first, second) =
        tokio::join!(engine.create_sign_up(&late, &fields, &SOURCE), engine.create_sign_up(&late, &fields, &SOURCE),);
    let (first, second) = (first.expect("a sign-up"), second.expect("a sign-up"));
    assert_ne!(first.0.value.id, second.0.value.id);
    assert_ne!(first.1.client.id, second.1.client.id);

    let fields = NewSignUp { username: text("bob_l"), ..given(PASSWORD) };
    engine.create_sign_up(&late, &fields, &SOURCE).await.expect("complete");
    assert_eq!(engine.inner.sign_up_flights.table().landed.len(), 0, "another client is not for this token to ask for");
    engine_is_empty(&engine);
}

#[tokio::test]
async fn a_call_that_comes_too_late_is_the_same_one_until_another_password_is_tried() {
    for wrong in [None, Some("wanders under oaks")] {
        let engine = engine().await;
        let (_, view) = {
            let caller = opened(&engine).await;
            engine.create_sign_up(&caller, &NewSignUp::default(), &SOURCE).await.expect("a sign-up")
        };
        let old = engine.token_of(&view.client);
        let caller = engine.identify(Some(old.expose())).await.expect("readable");
        let fields = NewSignUp { username: text("ada_l"), ..given(PASSWORD) };
        let first = engine.create_sign_up(&caller, &fields, &SOURCE).await.expect("complete");
        let late = engine.identify(Some(old.expose())).await.expect("readable");
        assert!(late.was_replaced());
        let (again, client) = engine.create_sign_up(&late, &fields, &SOURCE).await.expect("the same call");
        assert_eq!((again.session(), client.new_token), (first.0.session(), first.1.new_token));
        match wrong {
            Some(wrong) => {
                let guess = NewSignUp { username: text("ada_l"), ..given(wrong) };
                let refused = engine.create_sign_up(&late, &guess, &SOURCE).await;
                assert_eq!(refused.expect_err("another call"), EngineError::TokenReplaced);
            }
            None => drop(engine.advance_clock(Span::from_secs(61)).await.expect("moved")),
        }
        let never = engine.create_sign_up(&late, &fields, &SOURCE).await;
        assert_eq!(never.expect_err("it is over"), EngineError::TokenReplaced);
        assert_eq!(engine.inner.sign_up_flights.table().landed.len(), 0);
    }
}

#[tokio::test]
async fn no_more_is_remembered_than_the_limit_says() {
    let engine = engine().await;
    let caller = opened(&engine).await;
    let view = engine.create_sign_up(&caller, &NewSignUp::default(), &SOURCE).await.expect("a sign-up").0;
    let mut table = engine.inner.sign_up_flights.table();
    let id = caller.client_id().expect("a client");
    for generation in 0..LANDED_MAX as u32 + 100 {
        table.land((id, generation), Landed { digest: [0; 32], value: view.clone() }, engine.now());
    }
    assert_eq!((table.landed.len(), table.by_age.len()), (LANDED_MAX, LANDED_MAX));
    assert!(!table.landed.contains_key(&(id, 99)) && table.landed.contains_key(&(id, 100)));
}

async fn engine() -> Engine {
    let mut settings = Settings::default();
    let on = Attribute { enabled: true, ..Attribute::default() };
    settings.attributes.email_address =
        Attribute { verify_at_sign_up: true, verifications: vec![Strategy::EmailCode], ..on.clone() };
    settings.attributes.password = Attribute { required: true, ..on.clone() };
    settings.attributes.username = Attribute { required: true, used_for_first_factor: true, ..on };
    let parameters = HashParameters { m_kib: 64, t: 1, p: 1 };
    let hashing = HashOptions { parameters, threads: 1, ..HashOptions::default() };
    let policy = Policy { test_mode: true, ..Policy::default() };
    Engine::builder().settings(settings).policy(policy).hashing(hashing).build().await.expect("an engine")
}

/// A caller with a client that has no flows yet.
async fn opened(engine: &Engine) -> Caller {
    let view = engine.open_client(&Caller::anonymous(), &SOURCE).await.expect("a client");
    engine.identify(Some(view.new_token.expect("a token").expose())).await.expect("readable")
}

async fn begun(engine: &Engine, caller: &Caller, fields: &NewSignUp) -> crate::domain::id::SignUpId {
    engine.create_sign_up(caller, fields, &SOURCE).await.expect("a sign-up").0.value.id
}

async fn member(engine: &Engine, name: &str) {
    let fields = NewSignUp { username: text(name), ..given(PASSWORD) };
    engine.create_sign_up(&Caller::anonymous(), &fields, &SOURCE).await.expect("a user");
}

fn is_one_session<V: Completed>(outcomes: Vec<Written<V>>) {
    let mut seen = Vec::new();
    for outcome in outcomes {
        let (value, client) = outcome.expect("one of the same calls");
        let session = value.session().expect("complete");
        assert_eq!(client.sessions.iter().map(|seen| seen.session.id).collect::<Vec<_>>(), [session]);
        seen.push((session, client.sessions[0].user.id, client.new_token.expect("a new token").into_inner()));
    }
    assert_eq!(seen.len(), 16);
    assert!(seen.iter().all(|one| *one == seen[0]));
}

fn engine_is_empty(engine: &Engine) {
    assert_eq!(engine.inner.sign_up_flights.table().running.len(), 0);
    assert_eq!(engine.inner.sign_in_flights.table().running.len(), 0);
}

fn given(password: &str) -> NewSignUp {
    NewSignUp { password: secret(password), ..NewSignUp::default() }
}

fn secret(text: &str) -> Option<Secret<String>> {
    Some(Secret::new(text.to_owned()))
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

const PASSWORD: &str = "wanders under elms";
static SOURCE: RequestContext = RequestContext {
    user_agent: None,
    origin: None,
    carrier: crate::token::TokenCarrier::Cookie,
    tokens: false,
    testing_token: None,
    address: None,
};
