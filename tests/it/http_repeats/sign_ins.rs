//! Sign-ins whose last call is repeated.

use serde_json::{Value, json};

use super::{BY_USERNAME, Site};
use crate::support::browser::Browser;

#[test]
fn the_right_code_twice_shows_the_sign_in_that_it_completed() {
    let site = Site::start();
    site.signed_in("ada@example.com");
    let mut browser = site.browser();
    let path = browser.begin_sign_in("identifier=ada%40example.com");
    assert_eq!(browser.post(&format!("{path}/prepare_first_factor"), "strategy=email_code").status, 200);
    let attempt = format!("{path}/attempt_first_factor");
    let form = site.server.code_form("ada@example.com", 2);
    let before = browser.cookies.clone();
    let done = browser.post(&attempt, &form).json();
    let session = done["response"]["created_session_id"].clone();
    assert_eq!((&done["response"]["status"], &done["client"]["sign_in"]), (&json!("complete"), &Value::Null));

    let mut double = Browser { server: &site.server, cookies: before.clone() };
    let again = double.post(&attempt, &form);
    assert_eq!(again.status, 200, "{}", again.body);
    assert_eq!(again.json()["response"]["created_session_id"], session);
    assert_eq!(double.cookie("__client"), browser.cookie("__client"));
    assert_eq!(browser.get(&path).json()["response"]["created_session_id"], session);
    site.server.advance(120_000);
    let again = browser.post(&attempt, &form).json();
    assert_eq!((&again["response"]["status"], &again["client"]["sessions"][0]["id"]), (&json!("complete"), &session));
    let mut late = Browser { server: &site.server, cookies: before };
    assert_eq!(late.post(&attempt, &form).status, 404, "the token from before is good for a minute");
    for mut stranger in [site.browser(), site.signed_in("eve@example.com")] {
        assert_eq!(stranger.post(&attempt, &form).status, 404);
        assert_eq!(stranger.get(&path).status, 404);
    }
    site.server.advance(600_000);
    assert_eq!(browser.post(&attempt, &form).status, 404, "no code is good for longer");
}

#[test]
fn the_right_password_twice_shows_the_sign_in_that_it_completed() {
    let site = Site::start();
    site.signed_in("ada@example.com");
    let mut browser = site.browser();
    let path = browser.begin_sign_in("identifier=ada%40example.com");
    let attempt = format!("{path}/attempt_first_factor");
    let form = "strategy=password&password=wanders+under+elms";
    let before = browser.cookies.clone();
    let done = browser.post(&attempt, form).json();
    assert_eq!(done["response"]["status"], "complete", "{done}");
    let mut double = Browser { server: &site.server, cookies: before };
    assert_eq!(double.post(&attempt, form).json()["response"], done["response"]);
    assert_eq!(browser.post(&attempt, form).json()["response"]["status"], "complete");
    // A correct code of another verification proves nothing here.
    assert_eq!(browser.post(&attempt, "strategy=email_code&code=000000").status, 404);
}

#[test]
fn a_finished_sign_in_is_not_guessed_at() {
    let site = Site::start();
    site.signed_in("ada@example.com");
    let right = "strategy=password&password=wanders+under+elms";
    for wrong in
        ["strategy=password&password=wanders+under+oaks", "strategy=email_code&code=123456", "strategy=password"]
    {
        let mut browser = site.browser();
        let path = browser.begin_sign_in("identifier=ada%40example.com");
        let attempt = format!("{path}/attempt_first_factor");
        let before = browser.cookies.clone();
        assert_eq!(browser.post(&attempt, right).status, 200);
        let mut planted = Browser { server: &site.server, cookies: before };
        for form in [wrong, right] {
            let refused = planted.post(&attempt, form);
            assert!(refused.status == 400 || refused.status == 404, "{wrong} {form} {}", refused.status);
        }
        assert_eq!(browser.post(&attempt, right).status, 404, "one wrong try ends it for all");
        assert_eq!(browser.get("/v1/client").json()["response"]["sessions"].as_array().map(Vec::len), Some(1));
    }
}

#[test]
fn a_sign_in_that_is_over_is_not_shown_again() {
    let site = Site::start();
    site.signed_in("ada@example.com");
    let mut browser = site.browser();
    let path = browser.begin_sign_in("identifier=ada%40example.com");
    let (attempt, right) = (format!("{path}/attempt_first_factor"), "strategy=password&password=wanders+under+elms");
    assert_eq!(browser.post(&attempt, right).status, 200);
    for _ in 0..2 {
        assert_eq!(browser.request("DELETE", "/v1/client/sessions", &[], "").status, 200, "signing out twice");
    }
    assert_eq!(browser.post(&attempt, right).status, 404);
    assert_eq!(browser.get(&path).status, 404);
}

#[test]
fn a_sign_in_is_told_again_for_a_moment_and_only_while_its_session_lives() {
    let site = Site::start_with("[session]\nlifetime_s = 300\n");
    site.signed_in("ada@example.com");
    for (later_ms, why) in [(301_000, "its session is over"), (601_000, "it is long ago")] {
        let mut browser = site.browser();
        let path = browser.begin_sign_in("identifier=ada%40example.com");
        let attempt = format!("{path}/attempt_first_factor");
        let form = "strategy=password&password=wanders+under+elms";
        assert_eq!(browser.post(&attempt, form).json()["response"]["status"], "complete");
        assert_eq!(browser.get(&path).json()["response"]["status"], "complete");
        site.server.advance(later_ms);
        for answer in [browser.get(&path), browser.post(&attempt, form)] {
            assert_eq!((answer.status, answer.error_codes()), (404, vec!["resource_not_found".into()]), "{why}");
        }
    }
}

#[test]
fn a_sign_in_is_not_shown_again_after_a_wrong_password() {
    let site = Site::with_settings("false", "", BY_USERNAME);
    let right = "identifier=ada_l&password=wanders+under+elms";
    site.browser().post("/v1/client/sign_ups", "username=ada_l&password=wanders+under+elms");
    let mut browser = site.browser();
    browser.begin_sign_up("first_name=Ada");
    let before = browser.cookies.clone();
    assert_eq!(browser.post("/v1/client/sign_ins", right).json()["response"]["status"], "complete");
    let mut double = Browser { server: &site.server, cookies: before.clone() };
    assert_eq!(double.post("/v1/client/sign_ins", right).json()["response"]["status"], "complete");
    let mut planted = Browser { server: &site.server, cookies: before };
    for form in ["identifier=ada_l&password=wanders+under+oaks", right] {
        let refused = planted.post("/v1/client/sign_ins", form);
        assert_eq!(refused.error_codes(), ["client_state_invalid"], "{form}");
    }
}
