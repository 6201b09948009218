//! Changes and deletions: who wins, and what is free afterwards.

use vestibule::domain::identifier::{EmailAddress, Identifier, IdentifierKind};
use vestibule::domain::metadata::Metadata;
use vestibule::domain::secret::Secret;
use vestibule::domain::sign_up::Patch;
use vestibule::domain::time::Span;
use vestibule::domain::user::{AddressChange, AddressStatus, MetadataChange, NewUser, UserChange, UserPatch};
use vestibule::engine::EngineError;

use super::{PASSWORD, Site, code_of, named, settings};

#[tokio::test]
async fn of_two_administrators_the_later_one_is_told() {
    let site = Site::new().await;
    let ada = site.ada().await;
    let patch = |name: &str| UserPatch { first_name: Patch::Set(name.into()), ..UserPatch::default() };
    let first = site.engine.users().update(ada.id, &patch("Ada"), Some(ada.version)).await.expect("the first");
    assert_eq!(first.version, ada.version + 1);
    let late = site.engine.users().update(ada.id, &patch("Augusta"), Some(ada.version)).await.expect_err("late");
    assert_eq!((late.code(), late.http_status()), ("resource_conflict", 409));
    let late = site.engine.users().delete(ada.id, Some(ada.version)).await;
    assert_eq!(code_of(late), "resource_conflict");
    let user = site.engine.users().get(ada.id).await.expect("there");
    assert_eq!(user.first_name.as_deref(), Some("Ada"));
}

#[tokio::test]
async fn changes_at_the_same_time_without_a_version_are_all_made() {
    let site = Site::new().await;
    let ada = site.ada().await;
    let given = |text: &str| Some(Metadata::parse("m", text).expect("metadata"));
    let change = |text| {
        UserChange::Metadata(MetadataChange { merge: true, public_metadata: given(text), ..MetadataChange::default() })
    };
    let (one, two, three) = (change(r#"{"a":1}"#), change(r#"{"b":2}"#), change(r#"{"c":3}"#));
    let users = site.engine.users();
    let done = tokio::join!(
        users.change(ada.id, &one, None),
        users.change(ada.id, &two, None),
        users.change(ada.id, &three, None)
    );
    assert!(done.0.is_ok() && done.1.is_ok() && done.2.is_ok(), "{done:?}");
    let user = users.get(ada.id).await.expect("there");
    let metadata: serde_json::Value = serde_json::from_str(&user.public_metadata).expect("JSON");
    assert_eq!(metadata, serde_json::json!({"a": 1, "b": 2, "c": 3}));
    assert_eq!(user.version, ada.version + 3);
}

#[tokio::test]
async fn a_deletion_frees_the_address_at_once() {
    let site = Site::new().await;
    let ada = site.ada().await;
    assert_eq!(code_of(site.sign_up("ada@example.com").await), "form_identifier_exists");
    site.engine.users().delete(ada.id, None).await.expect("deleted");
    assert!(matches!(site.engine.users().get(ada.id).await, Err(EngineError::NotFound)));
    assert!(matches!(site.engine.users().delete(ada.id, None).await, Err(EngineError::NotFound)));
    assert_eq!(code_of(site.sign_in("ada@example.com").await), "form_identifier_not_found");
    let client = site.sign_up("ada@example.com").await.expect("signed up");
    assert_ne!(client.sessions[0].user.id, ada.id);
}

#[tokio::test]
async fn an_address_belongs_to_one_user_and_is_free_when_it_is_removed() {
    let site = Site::new().await;
    let (ada, bob) = (site.ada().await, site.create(&named("bob@example.com")).await);
    let value = EmailAddress::parse("ada@example.com").expect("an address");
    let add = AddressChange::Add { value, status: AddressStatus::Verified, primary: true };
    let add = UserChange::EmailAddress(add);
    let refused = site.engine.users().change(bob.id, &add, None).await.expect_err("it is Ada's");
    assert_eq!((refused.code(), refused.param()), ("form_identifier_exists", Some("email_address")));
    let remove = UserChange::EmailAddress(AddressChange::Remove(ada.email_addresses[0].id));
    site.engine.users().change(ada.id, &remove, None).await.expect("removed");
    let bob = site.engine.users().change(bob.id, &add, None).await.expect("it is free");
    let identifier = Identifier { kind: IdentifierKind::EmailAddress, value: "ada@example.com".into() };
    assert_eq!(site.engine.users().by_identifier(&identifier).await.expect("Bob").id, bob.id);
}

#[tokio::test]
async fn a_new_password_signs_out_where_that_is_wanted() {
    let site = Site::new().await;
    let ada = site.ada().await;
    let client = site.sign_in("ada@example.com").await.expect("signed in");
    let patch = |password: &str, end| UserPatch {
        password: Some(Secret::new(password.into())),
        sign_out_of_other_sessions: end,
        ..UserPatch::default()
    };
    site.engine.users().update(ada.id, &patch("strolls beneath oaks", false), None).await.expect("changed");
    assert_eq!(site.caller(&client).await.client().expect("a client").sessions.len(), 1);
    site.engine.users().update(ada.id, &patch("saunters past birches", true), None).await.expect("changed");
    assert_eq!(site.caller(&client).await.client().expect("a client").sessions.len(), 0);
    let weak = site.engine.users().update(ada.id, &patch("password1", false), None).await;
    assert_eq!(code_of(weak), "form_password_pwned");
    let verify = |password: &str| {
        let (engine, id, password) = (site.engine.clone(), ada.id, Secret::new(password.to_owned()));
        async move { engine.users().verify_password(id, &password).await }
    };
    verify("saunters past birches").await.expect("right");
    assert_eq!(code_of(verify(PASSWORD).await), "incorrect_password");
    site.engine.users().change(ada.id, &UserChange::RemovePassword { end_sessions: false }, None).await.expect("none");
    assert_eq!(code_of(verify(PASSWORD).await), "no_password_set");
}

#[tokio::test]
async fn a_change_of_several_users_needs_all_of_them() {
    let site = Site::new().await;
    let (ada, bob) = (site.ada().await, site.create(&named("bob@example.com")).await);
    site.engine.users().delete(bob.id, None).await.expect("deleted");
    let refused = site.engine.users().change_all(&[ada.id, bob.id], &UserChange::Ban).await;
    assert!(matches!(refused, Err(EngineError::NotFound)));
    assert!(!site.engine.users().get(ada.id).await.expect("there").banned);
    let banned = site.engine.users().change_all(&[ada.id], &UserChange::Ban).await.expect("banned");
    assert!(banned[0].banned);
}

#[tokio::test]
async fn a_code_for_a_deleted_user_is_not_right_any_more() {
    for is_protected in [false, true] {
        let site = protected(is_protected).await;
        let ada = site.ada().await;
        let (caller, begun) = site.begin("ada@example.com").await;
        site.prepare(&caller, &begun).await.expect("a code");
        site.code("ada@example.com").await;
        site.engine.users().delete(ada.id, None).await.expect("deleted");
        assert_eq!(code_of(site.attempt(&caller, &begun, "ada@example.com").await), "form_code_incorrect");
    }
}

#[tokio::test]
async fn a_code_to_an_address_that_was_removed_is_not_right_any_more() {
    for is_protected in [false, true] {
        let site = protected(is_protected).await;
        let mut input = named("ada@example.com");
        input.email_address.push("work@example.com".into());
        let ada = site.create(&input).await;
        let (caller, begun) = site.begin("work@example.com").await;
        site.prepare(&caller, &begun).await.expect("a code");
        site.code("work@example.com").await;
        let remove = UserChange::EmailAddress(AddressChange::Remove(ada.email_addresses[1].id));
        site.engine.users().change(ada.id, &remove, None).await.expect("removed");
        assert_eq!(code_of(site.attempt(&caller, &begun, "work@example.com").await), "form_code_incorrect");
        site.clock.advance(Span::from_secs(60));
        site.prepare(&caller, &begun).await.expect("answered as for every address");
        site.engine.clone().shutdown().await;
        assert_eq!(site.mail.to("work@example.com").len(), 1, "and nothing more is sent there");
    }
}

#[tokio::test]
async fn what_the_settings_require_can_not_be_taken_from_a_user() {
    let mut settings = settings();
    settings.attributes.first_name.required = true;
    settings.attributes.username.required = true;
    let site = Site::with(settings).await;
    let names = |text: &str| (Some(text.to_owned()), Some(format!("{text}_lovelace")));
    let (first_name, username) = names("ada");
    let ada = site.create(&NewUser { first_name, username, ..named("ada@example.com") }).await;
    for cleared in [Patch::Clear, Patch::Set(String::new())] {
        let patch = UserPatch { first_name: cleared.clone(), username: cleared, ..UserPatch::default() };
        let refused = site.engine.users().update(ada.id, &patch, None).await.expect_err("both are required");
        let EngineError::Rejected(rejection) = &refused else { panic!("{refused}") };
        let faults: Vec<_> = rejection.reasons().iter().map(|r| (r.code.as_str(), r.param.as_deref())).collect();
        let missing = "form_param_missing";
        assert_eq!(faults, [(missing, Some("username")), (missing, Some("first_name"))]);
    }
    let other = UserPatch { first_name: Patch::Set("Augusta".into()), ..UserPatch::default() };
    assert_eq!(
        site.engine.users().update(ada.id, &other, None).await.expect("changed").first_name.as_deref(),
        Some("Augusta")
    );
}

#[tokio::test]
async fn nobody_has_accepted_the_terms_in_the_future() {
    let site = Site::new().await;
    let ada = site.ada().await;
    let now = site.engine.now();
    let accepted = |at| UserPatch { legal_accepted_at: Some(at), ..UserPatch::default() };
    let late = now + Span::from_millis(1);
    let refused = site.engine.users().update(ada.id, &accepted(late), None).await.expect_err("it lies ahead");
    assert_eq!((refused.code(), refused.param()), ("form_param_value_invalid", Some("legal_accepted_at")));
    let input = NewUser { legal_accepted_at: Some(late), ..named("eve@example.com") };
    let refused = site.engine.users().create(&input).await.expect_err("it lies ahead");
    assert_eq!((refused.code(), refused.param()), ("form_param_value_invalid", Some("legal_accepted_at")));
    let user = site.engine.users().update(ada.id, &accepted(now), None).await.expect("now");
    assert_eq!(user.legal_accepted_at, Some(now));
}

async fn protected(is_protected: bool) -> Site {
    let mut settings = settings();
    settings.attack_protection.enumeration_protection.enabled = is_protected;
    Site::with(settings).await
}
