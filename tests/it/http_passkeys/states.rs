//! Passkeys of users who may not sign in, or are gone.

use serde_json::{Value, json};

use super::site;
use crate::support::authenticator::Authenticator;
use crate::support::backend::{SECRET_KEY, backend};
use crate::support::browser::{Browser, PAGE};
use crate::support::site::Site;

#[test]
fn a_passkey_of_a_user_who_may_not_sign_in_does_not_sign_in() {
    for (word, code) in [("ban", "user_banned"), ("lock", "user_locked")] {
        let (site, user, mut device) = started();
        let mut browser = site.browser();
        let (at, asked) = browser.ask_for_any();
        let changed = backend(&site.server, "POST", &format!("/v1/users/{user}/{word}"), &Value::Null);
        assert_eq!(changed.status, 200, "{}", changed.body);
        let refused = browser.attempt_passkey(&at, &device.get(&asked, PAGE));
        assert_eq!((refused.status, refused.error_codes()), (403, vec![code.to_owned()]), "{}", refused.body);
        assert_eq!(browser.get("/v1/client").json()["response"]["sessions"], json!([]));
        let undone = backend(&site.server, "POST", &format!("/v1/users/{user}/un{word}"), &Value::Null);
        assert_eq!(undone.status, 200);
        assert_eq!(sign_in(&mut site.browser(), &mut device), "complete", "after the un{word}");
    }
}

#[test]
fn a_passkey_of_a_user_who_is_deleted_meanwhile_is_nobodys() {
    let (site, user, mut device) = started();
    let mut browser = site.browser();
    let (at, asked) = browser.ask_for_any();
    let mut named = site.browser();
    let begun = named.post("/v1/client/sign_ins", "identifier=ada%40example.com&strategy=passkey").json();
    let deleted = backend(&site.server, "DELETE", &format!("/v1/users/{user}"), &Value::Null);
    assert_eq!(deleted.status, 200, "{}", deleted.body);
    let refused = browser.attempt_passkey(&at, &device.get(&asked, PAGE));
    assert_eq!(refused.error_codes(), ["passkey_not_registered"]);
    let asked = crate::support::authenticator::options(&begun["response"]["first_factor_verification"]);
    let at = crate::http_second_factors::path(&begun["response"]);
    let refused = named.attempt_passkey(&at, &device.get(&asked, PAGE));
    assert_eq!(refused.error_codes(), ["passkey_not_registered"]);
}

#[test]
fn a_passkey_outlives_a_restart_and_so_does_its_counter() {
    let (site, _, mut device) = started();
    device.counter = 7;
    assert_eq!(sign_in(&mut site.browser(), &mut device), "complete");
    let site = site.restarted();
    device.counter = 6;
    let mut browser = site.browser();
    let (at, asked) = browser.ask_for_any();
    let refused = browser.attempt_passkey(&at, &device.get(&asked, PAGE));
    assert_eq!(refused.error_codes(), ["passkey_authentication_failure"], "it has signed as often before");
    device.counter = 8;
    assert_eq!(sign_in(&mut site.browser(), &mut device), "complete");
}

#[test]
fn the_first_proof_of_an_address_takes_the_passkeys_of_a_stranger() {
    let (site, _, mut device) = {
        let more = "[settings.attributes.username]\nenabled = true\nused_for_first_factor = true\n";
        let site = site(&format!("{more}[instance]\nsecret_key = \"{SECRET_KEY}\"\n"));
        let mut document = site.server.settings();
        document["attributes"]["email_address"]["verify_at_sign_up"] = json!(false);
        site.server.put_settings(&document);
        let mut thief = site.browser();
        let form = "email_address=ada%40example.com&password=wanders+under+elms";
        let done = thief.post("/v1/client/sign_ups", form).json();
        assert_eq!(done["response"]["status"], "complete", "{done}");
        let device = thief.add_passkey();
        (site, (), device)
    };
    let mut owner = site.browser();
    let path = owner.begin_sign_in("identifier=ada%40example.com&strategy=email_code");
    let form = site.server.code_form("ada@example.com", 1);
    let done = owner.post(&format!("{path}/attempt_first_factor"), &form).json();
    assert_eq!(done["response"]["status"], "complete", "{done}");
    assert_eq!(done["client"]["sessions"][0]["user"]["passkeys"], json!([]));
    let mut thief = site.browser();
    let (at, asked) = thief.ask_for_any();
    assert_eq!(thief.attempt_passkey(&at, &device.get(&asked, PAGE)).error_codes(), ["passkey_not_registered"]);
}

/// A site, a user of it and the device with the user's passkey.
fn started() -> (Site, String, Authenticator) {
    let site = site(&format!("[instance]\nsecret_key = \"{SECRET_KEY}\"\n"));
    let mut own = site.browser();
    let user = own.join_with_password("ada@example.com");
    let device = own.add_passkey();
    (site, user, device)
}

fn sign_in(browser: &mut Browser<'_>, device: &mut Authenticator) -> String {
    let (at, asked) = browser.ask_for_any();
    let done = browser.attempt_passkey(&at, &device.get(&asked, PAGE));
    assert_eq!(done.status, 200, "{}", done.body);
    done.json()["response"]["status"].as_str().expect("a status").to_owned()
}
