//! What a hook adds to a new user is written with the user, or not at all.

use serde_json::json;
use vestibule::domain::secret::Secret;
use vestibule::hooks::{ApplicationValue, ValueKey};
use vestibule::testing::{Fault, FaultyStore};
use vestibule::{Caller, Engine, EngineError, NewSignUp, RequestContext, SignUpStatus};

use super::*;

#[test]
fn public_metadata_is_merged_into_the_users() {
    let site = Site::start(&with_email(&["email_code"], &json!({"ticket": {"enabled": true}})));
    let invitation =
        json!({"email_address": "ada@example.com", "public_metadata": {"team": "sales", "plan": {"size": 1}}});
    let made = site.backend("POST", "/v1/invitations", &invitation).json();
    let ticket = made["url"].as_str().and_then(|url| url.split_once("ticket=")).expect("a ticket").1.to_owned();
    let additions = Additions::new().public_metadata(r#"{"plan":{"name":"free"},"team":null}"#).expect("an object");
    site.door.says_now(adds(additions));
    let mut browser = site.site.browser();
    let done = browser.post("/v1/client/sign_ups", &format!("strategy=ticket&ticket={ticket}")).json();
    assert_eq!(done["response"]["status"], "complete", "{done}");
    let user = &site.users()[0];
    assert_eq!(user["public_metadata"], json!({"plan": {"size": 1, "name": "free"}}));
    let asked = site.door.take_asked().remove(0);
    assert_eq!(
        asked.public_metadata, r#"{"team":"sales","plan":{"size":1}}"#,
        "it was shown what the invitation gives"
    );
    assert_eq!(asked.invitation_id.map(|id| id.to_string()).as_deref(), made["id"].as_str());
    assert_eq!(asked.origin.as_deref(), Some(crate::support::browser::PAGE));
    assert_eq!(Some(asked.user_id.to_string().as_str()), user["id"].as_str());
}

#[test]
fn what_can_not_be_an_addition_is_told_to_whoever_makes_it() {
    assert!(Additions::new().public_metadata("[]").is_err());
    assert!(Additions::new().public_metadata(&json!({"a": "x".repeat(9_000)}).to_string()).is_err());
    let value = |n: usize| ApplicationValue::new(ValueKey::new("plans", format!("n{n}")).expect("a key"), "free");
    let mut additions = Additions::new();
    for n in 0..16 {
        additions = additions.value(value(n).expect("a value")).expect("sixteen");
    }
    assert!(additions.value(value(16).expect("a value")).is_err());
}

/// Every way in which the store can fail at each of its writes: afterwards the application's value is there exactly if
/// the user is.
#[tokio::test]
async fn the_value_exists_exactly_if_the_user_does() {
    let faults =
        [Fault::Refused, Fault::UnknownNotWritten, Fault::UnknownWritten, Fault::PanicNotWritten, Fault::PanicWritten];
    let (mut with, mut without) = (0, 0);
    for fault in faults {
        for failing in 0..WRITES {
            let store = Arc::new(FaultyStore::new());
            let key = ValueKey::new("plans", "ada").expect("a key");
            let value = ApplicationValue::new(key.clone(), "free").expect("a small value");
            let door = Door::new(adds(Additions::new().value(value).expect("one value")));
            let engine = Engine::builder()
                .settings(settings())
                .store(store.clone())
                .before_conversion(door.clone(), HookOptions::default())
                .build()
                .await
                .expect("an engine");
            store.fail((0..failing).map(|_| None).chain([Some(fault)]));
            let outcomes = signs_up(&engine).await;
            store.heal();
            let users = engine.users().count(&vestibule::users::UserFilter::default()).await.expect("readable");
            let value = engine.values().get(&key).await.expect("readable");
            assert_eq!(value.is_some(), users == 1, "{fault:?} at write {failing}: {outcomes:?}");
            let completed = outcomes.contains(&Some(SignUpStatus::Complete));
            assert!(!completed || users == 1, "what was answered is there: {fault:?} at write {failing}");
            *(if users == 1 { &mut with } else { &mut without }) += 1;
            engine.shutdown().await;
        }
    }
    assert!(with > 0 && without > 0, "both were seen: {with} and {without}");
}

/// A sign-up in two writes: a create, and the update that completes it. The status after each; `None` for an error.
async fn signs_up(engine: &Engine) -> [Option<SignUpStatus>; 2] {
    let context = RequestContext::default();
    let begun = engine.sign_ups().create(&Caller::anonymous(), &NewSignUp::new(), &context).await;
    let Ok((sign_up, client)) = begun else { return [None, None] };
    let token = client.new_token.expect("a new client has a token");
    let Ok(caller) = engine.identify(Some(token.expose())).await else { return [Some(sign_up.status), None] };
    let patch = vestibule::SignUpPatch {
        email_address: vestibule::Patch::Set("ada@example.com".into()),
        ..vestibule::SignUpPatch::default()
    };
    let done: Result<_, EngineError> = engine.sign_ups().update(&caller, sign_up.id(), &patch, &context).await;
    [Some(sign_up.status), done.ok().map(|(sign_up, _)| sign_up.status)]
}

fn settings() -> vestibule::Settings {
    let attribute = json!({"enabled": true, "required": true});
    serde_json::from_value(json!({"attributes": {"email_address": attribute}})).expect("settings")
}

/// More writes than a sign-up has.
const WRITES: usize = 4;

#[tokio::test]
async fn values_are_the_applications_own_to_read_and_write() {
    let engine = Engine::builder().build().await.expect("an engine");
    let values = engine.values();
    let of = |name: &str| ValueKey::new("plans", name).expect("a key");
    assert_eq!(values.get(&of("ada")).await, Ok(None));
    for (name, text) in [("ada", "free"), ("ada:history", "none"), ("bob", "paid")] {
        values.put(&ApplicationValue::new(of(name), text).expect("a value")).await.expect("written");
    }
    let names = async |prefix: &str, after: Option<&ValueKey>, limit| -> Vec<String> {
        let found = values.list("plans", prefix, after, limit).await.expect("readable");
        found.into_iter().map(|value| value.key.name().to_owned()).collect()
    };
    assert_eq!(names("ada", None, 10).await, ["ada", "ada:history"]);
    assert_eq!(names("", Some(&of("ada")), 1).await, ["ada:history"]);
    values.remove(&of("ada")).await.expect("removed");
    assert_eq!(names("", None, 10).await, ["ada:history", "bob"]);
    let found = values.get(&of("bob")).await.expect("readable").expect("a value");
    assert_eq!(found.bytes, Secret::new(b"paid".to_vec()));
    for (namespace, prefix, param) in [("Plans", "", "namespace"), ("plans", "a b", "prefix")] {
        let refused = values.list(namespace, prefix, None, 10).await.expect_err("no such keys");
        assert_eq!((refused.code(), refused.param()), ("form_param_value_invalid", Some(param)));
    }
    engine.shutdown().await;
}
