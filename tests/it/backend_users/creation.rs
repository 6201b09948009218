//! Users that the backend creates.

use vestibule::domain::secret::Secret;
use vestibule::domain::user::NewUser;
use vestibule::domain::verification::Strategy;

use super::{PASSWORD, Site, code_of, named, settings};

#[tokio::test]
async fn a_created_user_signs_in_and_its_address_is_verified() {
    let site = Site::new().await;
    let ada = site.ada().await;
    assert_eq!(ada.version, 1);
    assert_eq!(ada.email_addresses[0].verified_by, Some(Strategy::Admin));
    let client = site.sign_in("ada@example.com").await.expect("signed in");
    assert_eq!(client.sessions[0].user.id, ada.id);
    assert!(site.mail.to("ada@example.com").is_empty(), "nothing was sent");
}

#[tokio::test]
async fn an_identifier_of_another_user_is_refused() {
    let site = Site::new().await;
    site.ada().await;
    let refused = site.engine.users().create(&named("ADA@example.com")).await.expect_err("taken");
    assert_eq!((refused.code(), refused.param()), ("form_identifier_exists", Some("email_address")));
    let (one, two) = (named("bob@example.com"), named("bob@example.com"));
    let users = site.engine.users();
    let (one, two) = tokio::join!(users.create(&one), users.create(&two));
    assert_eq!(usize::from(one.is_ok()) + usize::from(two.is_ok()), 1, "the commit decides");
}

#[tokio::test]
async fn a_digest_of_another_system_signs_in_and_is_replaced() {
    let site = Site::new().await;
    let digest = "pbkdf2_sha256$1000$seasalt$Ql+o0RCCouDgRpT9Fz2HirzHrnHGDJrNZ2Vg73ZZVt4=";
    let with = |hasher: &str, digest: &str| NewUser {
        password: None,
        password_digest: Some(Secret::new(digest.into())),
        password_hasher: Some(hasher.into()),
        ..named("ada@example.com")
    };
    assert_eq!(code_of(site.engine.users().create(&with("rot13", digest)).await), "form_param_value_invalid");
    let malformed = site.engine.users().create(&with("pbkdf2_sha256_django", "x")).await;
    assert_eq!(code_of(malformed), "form_password_digest_invalid_code");
    let ada = site.create(&with("pbkdf2_sha256_django", digest)).await;
    site.engine.users().verify_password(ada.id, &Secret::new(PASSWORD.into())).await.expect("right");
    site.sign_in("ada@example.com").await.expect("signed in");
    site.sign_in("ada@example.com").await.expect("signed in with the digest of today");
}

#[tokio::test]
async fn a_password_is_judged_unless_the_backend_skips_that() {
    let site = Site::new().await;
    let weak = |skip| NewUser {
        password: Some(Secret::new("password1".into())),
        skip_password_checks: skip,
        ..named("ada@example.com")
    };
    assert_eq!(code_of(site.engine.users().create(&weak(false)).await), "form_password_pwned");
    let own = NewUser { password: Some(Secret::new("ada@example.com".into())), ..named("ada@example.com") };
    assert_eq!(code_of(site.engine.users().create(&own).await), "form_password_pwned");
    site.create(&weak(true)).await;
}

#[tokio::test]
async fn an_empty_password_is_not_the_one_that_the_settings_require() {
    let mut settings = settings();
    settings.attributes.password.required = true;
    let site = Site::with(settings).await;
    let empty = NewUser { password: Some(Secret::new(String::new())), ..named("ada@example.com") };
    assert_eq!(code_of(site.engine.users().create(&empty).await), "form_data_missing");
    let exempt = NewUser { skip_password_requirement: true, ..empty };
    assert!(!site.create(&exempt).await.has_password());
}

#[tokio::test]
async fn a_user_that_begins_banned_or_locked_does_not_sign_in() {
    let site = Site::new().await;
    site.create(&NewUser { banned: true, ..named("ada@example.com") }).await;
    site.create(&NewUser { locked: true, ..named("bob@example.com") }).await;
    assert_eq!(code_of(site.sign_in("ada@example.com").await), "user_banned");
    assert_eq!(code_of(site.sign_in("bob@example.com").await), "user_locked");
}
