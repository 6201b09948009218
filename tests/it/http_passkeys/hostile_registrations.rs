//! What is no new passkey.

use serde_json::{Value, json};

use super::{Spoiled, credential, site};
use crate::support::authenticator::{Authenticator, encoded, options};
use crate::support::browser::{Browser, PAGE, escaped};

#[test]
fn an_answer_that_is_not_the_devices_own_makes_no_passkey() {
    let site = site("");
    let mut own = site.browser();
    own.join_with_password("ada@example.com");
    let spoiled: [Spoiled; 9] = [
        ("another site", |_| (), "https://localhost.evil.example"),
        ("another port of nobody's", |_| (), "http://evil.localhost.example:3000"),
        ("no origin", |_| (), ""),
        ("an unknown application", |_| (), "android:apk-key-hash:pNiP5iKyQ8JwgGOaKA1zGPUPJIS-0H1xKCQcfIoGLck"),
        ("another domain", |device| device.rp_id = Some("example.com".into()), PAGE),
        ("another challenge", |device| device.challenge = Some(encoded(&[1; 32])), PAGE),
        ("a frame of another site", |device| device.top_origin = Some("https://evil.example".into()), PAGE),
        ("a device that was not unlocked", |device| device.verifies = false, PAGE),
        ("a credential that another device could have, too", |device| device.id.truncate(15), PAGE),
    ];
    for (what, spoil, origin) in spoiled {
        let begun = own.begin_passkey();
        let mut device = Authenticator::new();
        spoil(&mut device);
        let refused = own.answer_passkey(&begun, &device.create(&options(&begun["verification"]), origin));
        let failed = vec!["passkey_registration_failure".to_owned()];
        assert_eq!((refused.status, refused.error_codes()), (422, failed), "{what}: {}", refused.body);
        let again = own.answer_passkey(&begun, &Authenticator::new().create(&options(&begun["verification"]), PAGE));
        assert_eq!(again.status, 404, "{what}: the challenge is used up");
    }
    assert_eq!(own.me()["passkeys"], json!([]));
}

#[test]
fn one_credential_is_one_passkey_also_of_its_own_user() {
    let site = site("");
    let (mut own, mut other) = (site.browser(), site.browser());
    own.join_with_password("ada@example.com");
    let mut first = own.add_passkey();
    let (at, asked) = other.ask_for_any();
    assert_eq!(other.attempt_passkey(&at, &first.get(&asked, PAGE)).status, 200);

    // Both are asked before either of them answers, so that neither is told of the other's.
    let (begun, also) = (own.begin_passkey(), other.begin_passkey());
    let mut device = Authenticator::new();
    let made = own.answer_passkey(&begun, &device.create(&options(&begun["verification"]), PAGE));
    assert_eq!(made.status, 200, "{}", made.body);
    let again = other.answer_passkey(&also, &device.create(&options(&also["verification"]), PAGE));
    let failed = vec!["passkey_registration_failure".to_owned()];
    assert_eq!((again.status, again.error_codes()), (422, failed), "{}", again.body);
    assert_eq!(own.me()["passkeys"].as_array().map(Vec::len), Some(2));
}

#[test]
fn what_is_no_answer_is_told_from_a_wrong_one_and_uses_nothing_up() {
    let site = site("");
    let mut own = site.browser();
    own.join_with_password("ada@example.com");
    let begun = own.begin_passkey();
    let asked = options(&begun["verification"]);
    let id = begun["id"].as_str().expect("an id").to_owned();
    let at = format!("/v1/me/passkeys/{id}/attempt_verification");
    let missing = own.post(&at, "strategy=passkey");
    assert_eq!((missing.status, missing.error_codes()), (422, vec!["form_param_missing".to_owned()]));
    let other = own.post(&at, "strategy=email_code&public_key_credential=%7B%7D");
    assert_eq!(other.error_codes(), ["verification_strategy_invalid"]);
    let mut device = Authenticator::new();
    let good = device.create(&asked, PAGE);
    let with = |key: &str, value: Value| {
        let mut answer = good.clone();
        answer["response"][key] = value;
        answer
    };
    for answer in [
        json!({}),
        json!([]),
        json!("text"),
        json!({"id": "a", "rawId": "a", "type": "public-key", "response": {}}),
        with("clientDataJSON", json!("not base64!")),
        with("clientDataJSON", json!(encoded(b"not JSON"))),
        with("attestationObject", json!("not base64!")),
        with("attestationObject", json!(encoded(&[0xff; 40]))),
        with("attestationObject", json!(encoded(&[0xa3, 0x63]))),
        with("attestationObject", json!(encoded(&[0x9f; 300]))),
        with("attestationObject", json!(7)),
    ] {
        let refused = own.post(&at, &credential(&answer));
        let code = vec!["passkey_invalid_public_key_credential".to_owned()];
        assert_eq!((refused.status, refused.error_codes()), (422, code), "{answer}");
    }
    let refused = own.post(&at, &format!("strategy=passkey&public_key_credential={}", escaped("{\"id\":")));
    assert_eq!(refused.error_codes(), ["passkey_invalid_public_key_credential"]);
    let large = with("attestationObject", json!("A".repeat(40_000)));
    assert_eq!(own.post(&at, &credential(&large)).status, 422);
    let larger = with("attestationObject", json!("A".repeat(200_000)));
    assert_eq!(own.post(&at, &credential(&larger)).status, 413);
    let added = own.post(&at, &credential(&good));
    assert_eq!(added.status, 200, "the challenge is still good: {}", added.body);
}

#[test]
fn a_challenge_is_answered_once_in_time_and_by_who_was_asked() {
    let site = site("");
    let (mut ada, mut eve) = (site.browser(), site.browser());
    ada.join_with_password("ada@example.com");
    eve.join_with_password("eve@example.com");

    let hers = ada.begin_passkey();
    let mut device = Authenticator::new();
    let answer = device.create(&options(&hers["verification"]), PAGE);
    assert_eq!(eve.answer_passkey(&hers, &answer).status, 404, "of another user");
    let other = eve.begin_passkey();
    let refused = eve.answer_passkey(&other, &answer);
    assert_eq!(refused.error_codes(), ["passkey_registration_failure"], "to another user's challenge");
    let anonymous = site.browser().answer_passkey(&hers, &answer);
    assert_eq!(anonymous.status, 401);

    let first = ada.answer_passkey(&hers, &answer);
    let again = ada.answer_passkey(&hers, &answer);
    assert_eq!((first.status, again.status), (200, 200), "{}", again.body);
    assert_eq!(first.json()["response"], again.json()["response"], "the first answer may have been lost");
    assert_eq!(ada.me()["passkeys"].as_array().map(Vec::len), Some(1));
    let of_another = Authenticator::new().create(&options(&hers["verification"]), PAGE);
    assert_eq!(ada.answer_passkey(&hers, &of_another).error_codes(), ["verification_already_verified"]);

    let late = ada.begin_passkey();
    let answer = Authenticator::new().create(&options(&late["verification"]), PAGE);
    site.server.advance(600_000);
    assert_eq!(ada.answer_passkey(&late, &answer).error_codes(), ["verification_expired"]);

    let older = ada.begin_passkey();
    let newer = ada.begin_passkey();
    let answer = Authenticator::new().create(&options(&older["verification"]), PAGE);
    assert_eq!(ada.answer_passkey(&older, &answer).status, 404, "a newer one took its place");
    let stopped = delete(&mut ada, &newer);
    assert_eq!(stopped, 200, "a person may stop");
    let answer = Authenticator::new().create(&options(&newer["verification"]), PAGE);
    assert_eq!(ada.answer_passkey(&newer, &answer).status, 404);
}

#[test]
fn a_credential_is_one_users_and_a_user_has_ten() {
    let site = site("");
    let (mut ada, mut eve) = (site.browser(), site.browser());
    ada.join_with_password("ada@example.com");
    eve.join_with_password("eve@example.com");
    let mut device = ada.add_passkey();
    let begun = eve.begin_passkey();
    let taken = eve.answer_passkey(&begun, &device.create(&options(&begun["verification"]), PAGE));
    assert_eq!((taken.status, taken.error_codes()), (422, vec!["passkey_registration_failure".to_owned()]));
    assert_eq!(eve.me()["passkeys"], json!([]));
    let begun = ada.begin_passkey();
    let twice = ada.answer_passkey(&begun, &device.create(&options(&begun["verification"]), PAGE));
    assert_eq!(twice.error_codes(), ["passkey_registration_failure"], "her own, a second time");
    for _ in 1..10 {
        ada.add_passkey();
    }
    let refused = ada.post("/v1/me/passkeys", "");
    assert_eq!((refused.status, refused.error_codes()), (403, vec!["passkey_quota_exceeded".to_owned()]));
    assert_eq!(ada.me()["passkeys"].as_array().map(Vec::len), Some(10));

    let first = ada.me()["passkeys"][0].clone();
    assert_eq!(delete(&mut ada, &first), 200);
    let begun = eve.begin_passkey();
    let free = eve.answer_passkey(&begun, &device.create(&options(&begun["verification"]), PAGE));
    assert_eq!(free.status, 200, "what is deleted is gone: {}", free.body);
}

#[test]
fn a_passkey_is_a_sensitive_change_and_may_be_the_last_way_in() {
    let site = site("[session]\nreverification = true\n");
    let mut own = site.browser();
    own.join_with_password("ada@example.com");
    own.add_passkey();
    site.server.advance(3_600_000);
    let refused = own.post("/v1/me/passkeys", "");
    assert_eq!((refused.status, refused.error_codes()), (403, vec!["session_reverification_required".to_owned()]));
    let passkey = own.me()["passkeys"][0].clone();
    assert_eq!(delete(&mut own, &passkey), 403);
    assert_eq!(own.me()["passkeys"].as_array().map(Vec::len), Some(1));
}

fn delete(browser: &mut Browser<'_>, passkey: &Value) -> u16 {
    let id = passkey["id"].as_str().expect("an id");
    browser.request("DELETE", &format!("/v1/me/passkeys/{id}"), &[], "").status
}
