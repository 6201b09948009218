//! What signs nobody in.

use serde_json::{Value, json};

use super::{Spoiled, credential, site};
use crate::http_second_factors::path;
use crate::support::authenticator::{encoded, options};
use crate::support::browser::PAGE;

#[test]
fn an_answer_that_is_not_the_passkeys_own_signs_nobody_in() {
    let site = site("");
    let mut own = site.browser();
    own.join_with_password("ada@example.com");
    let mut device = own.add_passkey();
    let spoiled: [Spoiled; 8] = [
        ("another site", |_| (), "https://localhost.evil.example"),
        ("another port of nobody's", |_| (), "http://evil.localhost.example:3000"),
        ("an unknown application", |_| (), "android:apk-key-hash:pNiP5iKyQ8JwgGOaKA1zGPUPJIS-0H1xKCQcfIoGLck"),
        ("another domain", |device| device.rp_id = Some("example.com".into()), PAGE),
        ("another challenge", |device| device.challenge = Some(encoded(&[1; 32])), PAGE),
        ("a frame of another site", |device| device.top_origin = Some("https://evil.example".into()), PAGE),
        ("a device that was not unlocked", |device| device.verifies = false, PAGE),
        ("a counter that goes back", |device| device.counter = 0, PAGE),
    ];
    let mut other = site.browser();
    let (at, asked) = other.ask_for_any();
    device.counter = 20;
    assert_eq!(other.attempt_passkey(&at, &device.get(&asked, PAGE)).status, 200, "the device as it is");
    for (what, spoil, origin) in spoiled {
        for identifier in ["", "identifier=ada%40example.com&"] {
            let mut browser = site.browser();
            let begun = browser.post("/v1/client/sign_ins", &format!("{identifier}strategy=passkey")).json();
            let at = path(&begun["response"]);
            let (counter, rp_id) = (device.counter, device.rp_id.clone());
            spoil(&mut device);
            let answer = device.get(&options(&begun["response"]["first_factor_verification"]), origin);
            (device.counter, device.rp_id, device.challenge, device.verifies) = (counter, rp_id, None, true);
            device.top_origin = None;
            let refused = browser.attempt_passkey(&at, &answer);
            let failed = vec!["passkey_authentication_failure".to_owned()];
            assert_eq!((refused.status, refused.error_codes()), (422, failed), "{what}: {}", refused.body);
            let client = browser.get("/v1/client").json()["response"].clone();
            assert_eq!(client["sessions"], json!([]), "{what}");
            assert_eq!(client["sign_in"]["first_factor_verification"]["status"], "failed", "{what}");
            let again =
                browser.attempt_passkey(&at, &device.get(&json!({"challenge": "AA", "rpId": "localhost"}), PAGE));
            assert_eq!(again.error_codes(), ["verification_failed"], "{what}: the challenge is used up");
        }
    }
}

#[test]
fn a_challenge_of_a_sign_in_is_good_for_it_alone_once_and_for_a_time() {
    let site = site("");
    let mut own = site.browser();
    own.join_with_password("ada@example.com");
    let mut device = own.add_passkey();

    let (mut one, mut two) = (site.browser(), site.browser());
    let ((first, asked), (second, _)) = (one.ask_for_any(), two.ask_for_any());
    let answer = device.get(&asked, PAGE);
    assert_eq!(two.attempt_passkey(&first, &answer).status, 404, "a sign-in of another client");
    let refused = two.attempt_passkey(&second, &answer);
    assert_eq!(refused.error_codes(), ["passkey_authentication_failure"], "to a challenge of another sign-in");
    assert_eq!(one.attempt_passkey(&first, &answer).json()["response"]["status"], "complete");
    let mut thief = site.browser();
    let (third, _) = thief.ask_for_any();
    let replayed = thief.attempt_passkey(&third, &answer);
    assert_eq!(replayed.error_codes(), ["passkey_authentication_failure"], "an answer that was seen");

    let mut late = site.browser();
    let (at, asked) = late.ask_for_any();
    site.server.advance(600_000);
    let refused = late.attempt_passkey(&at, &device.get(&asked, PAGE));
    assert_eq!(refused.error_codes(), ["verification_expired"]);
    let shown = late.get(&at).json()["response"]["first_factor_verification"].clone();
    assert_eq!((&shown["status"], &shown["nonce"]), (&json!("expired"), &Value::Null));

    let mut other = site.browser();
    let (at, older) = other.ask_for_any();
    let newer = other.prepare_passkey(&at).json();
    let refused = other.attempt_passkey(&at, &device.get(&older, PAGE));
    assert_eq!(refused.error_codes(), ["passkey_authentication_failure"], "a newer challenge took its place");
    let newest = other.prepare_passkey(&at).json()["response"]["first_factor_verification"].clone();
    assert_ne!(newest["nonce"], newer["response"]["first_factor_verification"]["nonce"]);
    let done = other.attempt_passkey(&at, &device.get(&options(&newest), PAGE)).json();
    assert_eq!(done["response"]["status"], "complete", "after a failure it is asked for again: {done}");
}

#[test]
fn a_registration_and_a_sign_in_do_not_answer_each_other() {
    let site = site("");
    let mut own = site.browser();
    own.join_with_password("ada@example.com");
    let mut device = own.add_passkey();
    let begun = own.begin_passkey();
    let mut asked = options(&begun["verification"]);
    asked["rpId"] = json!("localhost");
    let mut other = site.browser();
    let (at, _) = other.ask_for_any();
    let refused = other.attempt_passkey(&at, &device.get(&asked, PAGE));
    assert_eq!(refused.error_codes(), ["passkey_authentication_failure"]);
}

#[test]
fn a_passkey_signs_in_to_its_own_user_only() {
    let site = site("");
    let (mut ada, mut eve) = (site.browser(), site.browser());
    ada.join_with_password("ada@example.com");
    eve.join_with_password("eve@example.com");
    ada.add_passkey();
    let mut evil = eve.add_passkey();
    let hers = evil.handle.clone();

    let mut browser = site.browser();
    let begun = browser.post("/v1/client/sign_ins", "identifier=ada%40example.com&strategy=passkey").json();
    let at = path(&begun["response"]);
    let answer = evil.get(&options(&begun["response"]["first_factor_verification"]), PAGE);
    assert_eq!(browser.attempt_passkey(&at, &answer).error_codes(), ["passkey_authentication_failure"]);

    // It names another user than the one who has it.
    let user = ada.me()["id"].as_str().expect("an id").to_owned();
    let id: vestibule::UserId = user.parse().expect("an id");
    evil.handle = Some(id.as_bytes().to_vec());
    let (at, asked) = browser.ask_for_any();
    assert_eq!(browser.attempt_passkey(&at, &evil.get(&asked, PAGE)).error_codes(), ["passkey_not_registered"]);
    evil.handle = hers;
    let (at, asked) = browser.ask_for_any();
    let done = browser.attempt_passkey(&at, &evil.get(&asked, PAGE)).json();
    assert_eq!(done["client"]["sessions"][0]["user"]["id"], eve.me()["id"], "{done}");
}

#[test]
fn what_is_no_answer_of_a_browser_is_refused_and_uses_nothing_up() {
    let site = site("");
    let mut own = site.browser();
    own.join_with_password("ada@example.com");
    let mut device = own.add_passkey();
    let mut other = site.browser();
    let (at, asked) = other.ask_for_any();
    let good = device.get(&asked, PAGE);
    let attempt = format!("{at}/attempt_first_factor");
    assert_eq!(other.post(&attempt, "strategy=passkey").error_codes(), ["form_param_missing"]);
    let with = |key: &str, value: Value| {
        let mut answer = good.clone();
        answer["response"][key] = value;
        answer
    };
    for answer in [
        json!({}),
        json!(null),
        json!({"id": "a", "rawId": "a", "type": "public-key", "response": {}}),
        with("clientDataJSON", json!("not base64!")),
        with("clientDataJSON", json!(encoded(b"{}"))),
        with("authenticatorData", json!("not base64!")),
        with("authenticatorData", json!(encoded(&[1, 2, 3]))),
        with("signature", json!(7)),
    ] {
        let refused = other.post(&attempt, &credential(&answer));
        let code = vec!["passkey_invalid_public_key_credential".to_owned()];
        assert_eq!((refused.status, refused.error_codes()), (422, code), "{answer}");
    }
    let large = with("signature", json!("A".repeat(40_000)));
    assert_eq!(other.post(&attempt, &credential(&large)).status, 422);
    let done = other.post(&attempt, &credential(&good)).json();
    assert_eq!(done["response"]["status"], "complete", "the challenge is still good: {done}");

    let mut again = site.browser();
    let (at, asked) = again.ask_for_any();
    let mut answer = device.get(&asked, PAGE);
    answer["response"]["signature"] = json!(encoded(&[0x30, 0x02, 0x01, 0x00]));
    assert_eq!(again.attempt_passkey(&at, &answer).error_codes(), ["passkey_authentication_failure"]);
}

#[test]
fn wrong_passkeys_lock_nobody_out() {
    let lockout =
        "[settings.attack_protection.user_lockout]\nenabled = true\nmax_attempts = 5\nduration_in_minutes = 60\n";
    let site = site(lockout);
    let mut own = site.browser();
    own.join_with_password("ada@example.com");
    let mut device = own.add_passkey();
    let mut stranger = site.browser();
    for _ in 0..6 {
        let (at, asked) = stranger.ask_for_any();
        let refused = stranger.attempt_passkey(&at, &device.get(&asked, "https://evil.example"));
        assert_eq!(refused.status, 422, "{}", refused.body);
    }
    let mut other = site.browser();
    let (at, asked) = other.ask_for_any();
    let done = other.attempt_passkey(&at, &device.get(&asked, PAGE));
    assert_eq!(done.status, 200, "a signature can't be guessed: {}", done.body);
}
