//! Users that may not sign in, by every way to sign in.

use vestibule::domain::time::Span;
use vestibule::domain::user::{AddressChange, UserChange};
use vestibule::engine::{EngineError, RequestContext};

use super::{Site, code_of, settings};

#[tokio::test]
async fn a_ban_ends_the_sessions_at_once() {
    let site = Site::new().await;
    let ada = site.ada().await;
    let client = site.sign_in("ada@example.com").await.expect("signed in");
    let session = client.sessions[0].session.id;
    let caller = site.caller(&client).await;
    site.engine.sessions().token(&caller, session, &RequestContext::default()).await.expect("a token");
    site.engine.users().ban(ada.id, None).await.expect("banned");
    let caller = site.caller(&client).await;
    let refused = site.engine.sessions().token(&caller, session, &RequestContext::default()).await;
    assert!(matches!(refused, Err(EngineError::SignedOut)), "{refused:?}");
    let seen = site.engine.client_view(&caller, &RequestContext::default()).await.expect("readable");
    assert!(seen.is_none_or(|client| client.sessions.is_empty()));
}

#[tokio::test]
async fn a_banned_user_signs_in_neither_by_password_nor_by_code() {
    let site = Site::new().await;
    let ada = site.ada().await;
    let (caller, begun) = site.begin("ada@example.com").await;
    site.prepare(&caller, &begun).await.expect("a code");
    site.engine.users().ban(ada.id, None).await.expect("banned");
    assert_eq!(code_of(site.sign_in("ada@example.com").await), "user_banned");
    let refused = site.attempt(&caller, &begun, "ada@example.com").await.expect_err("banned");
    assert_eq!((refused.code(), refused.http_status()), ("user_banned", 403));
    let (caller, begun) = site.begin("ada@example.com").await;
    assert_eq!(code_of(site.prepare(&caller, &begun).await), "user_banned", "no message is sent");
    site.engine.users().unban(ada.id, None).await.expect("free");
    assert_eq!(site.sign_in("ada@example.com").await.expect("signed in").sessions.len(), 1, "in the same moment");
}

#[tokio::test]
async fn the_order_tells_which_sessions_a_revocation_ends_and_not_the_clock() {
    let site = Site::new().await;
    let ada = site.ada().await;
    let end = UserChange::MarkPassword { compromised: false, end_sessions: true };
    for _ in 0..3 {
        let client = site.sign_in("ada@example.com").await.expect("signed in");
        assert_eq!(site.caller(&client).await.client().expect("a client").sessions.len(), 1);
        // A user that does not change is not written, so its mark has to.
        let mark = UserChange::MarkPassword { compromised: true, end_sessions: false };
        site.engine.users().change(ada.id, &mark, None).await.expect("marked");
        site.engine.users().change(ada.id, &end, None).await.expect("ended");
        assert_eq!(site.caller(&client).await.client().expect("a client").sessions.len(), 0);
    }
}

#[tokio::test]
async fn a_session_that_the_backend_makes_is_refused_to_whom_may_not_sign_in() {
    let site = Site::new().await;
    let ada = site.ada().await;
    let made = site.engine.sessions().create(ada.id).await.expect("a session");
    site.engine.sessions().create_token(made.id, None).await.expect("a token");
    site.engine.users().ban(ada.id, None).await.expect("banned");
    assert_eq!(code_of(site.engine.sessions().create(ada.id).await), "user_banned");
    assert_eq!(site.engine.sessions().get(made.id).await.expect("shown").status_at(made.created_at), "revoked");
}

#[tokio::test]
async fn a_ban_is_told_only_to_a_person_who_proved_who_they_are() {
    let mut settings = settings();
    settings.attack_protection.enumeration_protection.enabled = true;
    let site = Site::with(settings).await;
    let ada = site.ada().await;
    site.engine.users().ban(ada.id, None).await.expect("banned");
    let (caller, begun) = site.begin("ada@example.com").await;
    site.prepare(&caller, &begun).await.expect("answered as for every address");
    assert_eq!(code_of(site.sign_in("ada@example.com").await), "user_banned");
}

#[tokio::test]
async fn a_wrong_password_does_not_tell_of_a_ban() {
    let site = Site::new().await;
    let ada = site.ada().await;
    site.engine.users().ban(ada.id, None).await.expect("banned");
    let input = vestibule::domain::user::UserPatch {
        password: Some(vestibule::domain::secret::Secret::new("strolls beneath oaks".into())),
        ..Default::default()
    };
    site.engine.users().update(ada.id, &input, None).await.expect("another password");
    assert_eq!(code_of(site.sign_in("ada@example.com").await), "form_password_incorrect");
}

#[tokio::test]
async fn a_lock_refuses_sign_ins_until_it_ends_and_leaves_sessions() {
    let site = Site::new().await;
    let ada = site.ada().await;
    let client = site.sign_in("ada@example.com").await.expect("signed in");
    let lock = UserChange::Lock(Some(Span::from_secs(1_800)));
    site.engine.users().change(ada.id, &lock, None).await.expect("locked");
    let refused = site.sign_in("ada@example.com").await.expect_err("locked");
    assert_eq!((refused.code(), refused.http_status()), ("user_locked", 403));
    let body = serde_json::to_value(&refused).expect("JSON");
    assert_eq!(body[0]["meta"]["lockout_expires_in_seconds"], 1_800);
    let caller = site.caller(&client).await;
    let session = client.sessions[0].session.id;
    site.engine.sessions().token(&caller, session, &RequestContext::default()).await.expect("the session goes on");
    site.clock.advance(Span::from_secs(1_800));
    site.sign_in("ada@example.com").await.expect("the lock is over");
}

#[tokio::test]
async fn a_compromised_password_is_refused_and_a_code_is_not() {
    let site = Site::new().await;
    let ada = site.ada().await;
    let mark = UserChange::MarkPassword { compromised: true, end_sessions: false };
    site.engine.users().change(ada.id, &mark, None).await.expect("marked");
    let refused = site.sign_in("ada@example.com").await.expect_err("compromised");
    assert_eq!((refused.code(), refused.http_status()), ("form_password_compromised", 422));
    let (caller, begun) = site.begin("ada@example.com").await;
    site.prepare(&caller, &begun).await.expect("a code");
    site.attempt(&caller, &begun, "ada@example.com").await.expect("signed in");
}

#[tokio::test]
async fn a_code_to_a_reserved_address_signs_in_and_leaves_all_others() {
    let site = Site::new().await;
    let ada = site.ada().await;
    let value = vestibule::domain::identifier::EmailAddress::parse("work@example.com").expect("an address");
    let status = vestibule::domain::user::AddressStatus::Reserved;
    let add = UserChange::EmailAddress(AddressChange::Add { value, status, primary: false });
    site.engine.users().change(ada.id, &add, None).await.expect("reserved");
    let (caller, begun) = site.begin("work@example.com").await;
    site.prepare(&caller, &begun).await.expect("a code");
    site.attempt(&caller, &begun, "work@example.com").await.expect("signed in");
    let user = site.engine.users().get(ada.id).await.expect("there");
    assert_eq!(user.email_addresses.len(), 2);
    assert!(user.has_password());
    assert!(!user.email_addresses[1].reserved && user.email_addresses[1].verified_by.is_some());
}
