//! Sessions that wait for a second factor, and what proves one (guide/contract_sign_ins.md#second-factors).

use serde_json::{Value, json};

use crate::http_second_factors::{App, NUMBER, PASSWORD, PHONE, base32, other_than, path, settings};
use crate::support::backend::{SECRET_KEY, backend};
use crate::support::browser::{Browser, escaped};
use crate::support::site::Site;

#[test]
fn who_knows_the_password_alone_changes_no_second_factor_of_another_session() {
    let site = Site::start(&settings(&format!("{REQUIRED}[instance]\nsecret_key = \"{SECRET_KEY}\"\n")));
    let mut own = site.browser();
    own.join_with_password("ada@example.com");
    let mut thief = site.browser();
    let stolen = thief.enter_with("ada@example.com", PASSWORD).json()["client"]["sessions"][0].clone();
    assert_eq!(stolen["status"], "pending");
    let app = own.set_up_app(&site);
    assert_eq!(session(&mut own)["status"], "active");

    site.server.advance(90_000);
    let code = app.code(&site);
    let calls = [
        ("POST", "/v1/me/backup_codes", String::new()),
        ("DELETE", "/v1/me/totp", String::new()),
        ("POST", "/v1/me/totp", String::new()),
        ("POST", "/v1/me/totp/attempt_verification", format!("code={code}")),
    ];
    let refused = |thief: &mut Browser<'_>| {
        for (method, path, form) in &calls {
            let refused = thief.request(method, path, &[], form);
            assert_eq!(
                (refused.status, refused.error_codes()),
                (401, vec!["signed_out".to_owned()]),
                "{method} {path}"
            );
        }
        assert_eq!(thief.get("/v1/client").json()["response"]["sessions"], json!([]), "it is over");
    };
    refused(&mut thief);
    let shown = format!("/v1/sessions/{}", stolen["id"].as_str().expect("an id"));
    assert_eq!(backend(&site.server, "GET", &shown, &Value::Null).json()["status"], "ended");
    let begun = thief.enter_with("ada@example.com", PASSWORD).json();
    assert_eq!(begun["response"]["status"], "needs_second_factor", "{begun}");
    let done = thief.prove_second(&path(&begun["response"]), "totp", &code).json();
    assert_eq!(done["client"]["sessions"][0]["status"], "active", "who has the app comes in: {done}");
}

#[test]
fn a_session_that_is_over_stays_over_when_the_second_factor_is_removed() {
    let site = Site::start(&settings(REQUIRED));
    let mut own = site.browser();
    own.join_with_password("ada@example.com");
    let mut other = site.browser();
    other.enter_with("ada@example.com", PASSWORD);
    own.set_up_app(&site);
    assert_eq!(own.request("DELETE", "/v1/me/totp", &[], "").status, 200);
    assert_eq!(other.get("/v1/client").json()["response"]["sessions"], json!([]));
    assert_eq!(other.post("/v1/me/totp", "").status, 401);
    other.enter_with("ada@example.com", PASSWORD);
    assert_eq!(session(&mut other)["status"], "pending", "a new one waits again");
    other.set_up_app(&site);
    assert_eq!(session(&mut other)["status"], "active");
}

#[test]
fn the_codes_of_an_app_that_is_proved_can_not_be_guessed_at_in_the_profile() {
    let site = Site::start(&settings(""));
    let mut own = site.browser();
    own.join_with_password("ada@example.com");
    let app = own.set_up_app(&site);
    site.server.advance(90_000);
    let code = app.code(&site);
    for tried in [&code, &other_than(&code)] {
        let refused = own.post("/v1/me/totp/attempt_verification", &format!("code={tried}"));
        assert_eq!((refused.status, refused.error_codes()), (400, vec!["totp_already_enabled".to_owned()]));
    }
    let mut browser = site.browser();
    let begun = browser.enter_with("ada@example.com", PASSWORD).json();
    let done = browser.prove_second(&path(&begun["response"]), "totp", &code).json();
    assert_eq!(done["response"]["status"], "complete", "the code was not used up: {done}");
}

#[test]
fn a_code_proves_the_secret_that_it_is_of_and_no_other_one() {
    let site = Site::start(&settings(&format!("[instance]\nsecret_key = \"{SECRET_KEY}\"\n")));
    let mut own = site.browser();
    let user = own.join_with_password("ada@example.com");
    let mut other = site.browser();
    other.enter_with("ada@example.com", PASSWORD);
    let call = |method: &str, path: &str, body: Value| {
        backend(&site.server, method, &format!("/v1/users/{user}/{path}"), &body)
    };
    for round in 0..6 {
        let begun = own.post("/v1/me/totp", "").json();
        let secret = base32(begun["response"]["secret"].as_str().expect("a secret"));
        let app = App { secret, backup_codes: Vec::new() };
        let form = format!("code={}", app.code(&site));
        let proved = std::thread::scope(|scope| {
            // They may be refused: the app is set up by then.
            scope.spawn(|| (0..3).for_each(|_| drop(other.post("/v1/me/totp", ""))));
            own.post("/v1/me/totp/attempt_verification", &form)
        });
        site.server.advance(90_000);
        let checked = call("POST", "verify_totp", json!({ "code": app.code(&site) }));
        assert_eq!(proved.status == 200, checked.status == 200, "round {round}: {} {}", proved.body, checked.body);
        call("DELETE", "mfa", json!({}));
    }
}

#[test]
fn a_phone_number_ends_the_wait_where_it_is_the_only_second_factor() {
    let site = Site::start(&phones_alone());
    let mut own = site.browser();
    own.join_with_password("ada@example.com");
    assert_eq!(session(&mut own)["status"], "pending");
    assert_eq!(own.post("/v1/me/totp", "").error_codes(), ["feature_not_enabled"]);
    let email = session(&mut own)["user"]["email_addresses"][0]["id"].as_str().expect("an id").to_owned();
    for (method, path, form) in [
        ("PATCH", "/v1/me", "unsafe_metadata=%7B%7D".to_owned()),
        ("POST", "/v1/me/email_addresses", "email_address=eve%40example.com".to_owned()),
        ("POST", &format!("/v1/me/email_addresses/{email}/prepare_verification"), "strategy=email_code".to_owned()),
        ("POST", &format!("/v1/me/email_addresses/{email}/attempt_verification"), "code=424242".to_owned()),
    ] {
        let refused = own.request(method, path, &[], &form);
        assert_eq!((refused.status, refused.error_codes()), (401, vec!["signed_out".to_owned()]), "{method} {path}");
    }
    let id = add_number(&mut own, "&reserved_for_second_factor=true");
    assert_eq!(session(&mut own)["status"], "pending", "it is not proved");
    prove_number(&site, &mut own, &id);
    let shown = session(&mut own);
    assert_eq!((&shown["status"], &shown["tasks"]), (&json!("active"), &Value::Null));
    assert_eq!(shown["factor_verification_age"][1], 0, "{shown}");
    assert_eq!(shown["user"]["two_factor_enabled"], true);
    assert!(shown["user"]["mfa_enabled_at"].is_u64(), "{shown}");
    assert_eq!(own.request("PATCH", "/v1/me", &[], "unsafe_metadata=%7B%7D").status, 200);
    let begun = site.browser().enter_with("ada@example.com", PASSWORD).json();
    assert_eq!(begun["response"]["status"], "needs_second_factor");
}

#[test]
fn a_number_that_is_marked_later_ends_the_wait_and_is_no_fresh_proof() {
    let site = Site::start(&phones_alone());
    let mut own = site.browser();
    own.join_with_password("ada@example.com");
    let id = add_number(&mut own, "");
    prove_number(&site, &mut own, &id);
    assert_eq!(session(&mut own)["status"], "pending", "it is an address");
    let marked = own.request("PATCH", &format!("/v1/me/phone_numbers/{id}"), &[], "reserved_for_second_factor=true");
    assert_eq!(marked.status, 200, "{}", marked.body);
    let shown = session(&mut own);
    assert_eq!((&shown["status"], &shown["factor_verification_age"][1]), (&json!("active"), &json!(-1)), "{shown}");
}

#[test]
fn what_is_proved_half_way_is_no_fresh_proof() {
    let site = Site::start(&settings("[session]\nreverification = true\n"));
    let mut own = site.browser();
    own.join_with_password("ada@example.com");
    let app = own.set_up_app(&site);
    site.server.advance(11 * 60_000);
    let verify = format!("/v1/client/sessions/{}/verify", session(&mut own)["id"].as_str().expect("an id"));
    own.post(&verify, "level=multi_factor");
    let form = format!("strategy=password&password={}", escaped(PASSWORD));
    let half = own.post(&format!("{verify}/attempt_first_factor"), &form).json();
    assert_eq!(half["response"]["status"], "needs_second_factor", "{half}");
    let refused = own.request("DELETE", "/v1/me/totp", &[], "");
    assert_eq!(refused.error_codes(), ["session_reverification_required"]);
    let form = format!("strategy=totp&code={}", app.code(&site));
    let done = own.post(&format!("{verify}/attempt_second_factor"), &form).json();
    assert_eq!(done["response"]["status"], "complete", "{done}");
    assert_eq!(done["response"]["session"]["factor_verification_age"], json!([0, 0]));
    assert_eq!(own.request("DELETE", "/v1/me/totp", &[], "").status, 200);
}

#[test]
fn a_password_that_others_know_is_refused_before_the_second_factor() {
    let site = Site::start(&settings(&format!("[instance]\nsecret_key = \"{SECRET_KEY}\"\n")));
    let mut own = site.browser();
    let user = own.join_with_password("ada@example.com");
    own.set_up_app(&site);
    let mark = format!("/v1/users/{user}/password/set_compromised");
    assert_eq!(backend(&site.server, "POST", &mark, &json!({})).status, 200);
    let refused = site.browser().enter_with("ada@example.com", PASSWORD);
    assert_eq!((refused.status, refused.error_codes()), (422, vec!["form_password_compromised".to_owned()]));
}

fn session(browser: &mut Browser<'_>) -> Value {
    browser.get("/v1/client").json()["response"]["sessions"][0].clone()
}

fn add_number(browser: &mut Browser<'_>, more: &str) -> String {
    let added = browser.post("/v1/me/phone_numbers", &format!("phone_number={}{more}", escaped(NUMBER)));
    assert_eq!(added.status, 200, "{}", added.body);
    added.json()["response"]["id"].as_str().expect("an id").to_owned()
}

fn prove_number(site: &Site, browser: &mut Browser<'_>, id: &str) {
    let path = format!("/v1/me/phone_numbers/{id}");
    assert_eq!(browser.post(&format!("{path}/prepare_verification"), "strategy=phone_code").status, 200);
    let code = site.server.code(NUMBER, 1);
    let wrong = browser.post(&format!("{path}/attempt_verification"), &format!("code={}", other_than(&code)));
    assert_eq!(wrong.error_codes(), ["form_code_incorrect"]);
    let proved = browser.post(&format!("{path}/attempt_verification"), &format!("code={code}"));
    assert_eq!(proved.status, 200, "{}", proved.body);
}

fn phones_alone() -> String {
    let app = "enabled = true\nused_for_second_factor = true\nsecond_factors = [\"totp\"]";
    settings(&format!("{PHONE}{REQUIRED}")).replace(app, "enabled = false")
}

const REQUIRED: &str = "[settings.sign_up.mfa]\nrequired = true\n";
