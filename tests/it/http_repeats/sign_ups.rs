//! Sign-ups whose last call, or a step on the way, is repeated.

use serde_json::json;

use super::{BY_LINK, BY_USERNAME, Site};
use crate::support::browser::{Browser, PAGE, escaped};

#[test]
fn the_right_code_twice_shows_the_sign_up_that_it_completed() {
    let site = Site::start();
    let mut browser = site.browser();
    let (path, form) = site.open_with_code(&mut browser, "ada@example.com");
    let before = browser.cookies.clone();
    let done = browser.post(&path, &form).json();
    assert_eq!(done["response"]["status"], "complete");
    let session = &done["response"]["created_session_id"];
    // With the earlier token: a double click or a lost answer.
    let mut double = Browser { server: &site.server, cookies: before };
    let again = double.post(&path, &form).json();
    assert_eq!((&again["response"]["status"], &again["response"]["created_session_id"]), (&json!("complete"), session));
    assert_eq!(double.cookie("__client"), browser.cookie("__client"));
    // With the new token, also after the minute for lost answers.
    for wait in [0, 120_000] {
        site.server.advance(wait);
        let again = browser.post(&path, &form);
        assert_eq!(again.status, 200, "{wait} {}", again.body);
        let again = again.json();
        assert_eq!(
            (&again["response"]["status"], &again["client"]["sessions"][0]["id"]),
            (&json!("complete"), session)
        );
    }
    let wrong = browser.post(&path, "strategy=email_code&code=x");
    assert_eq!(wrong.error_codes(), ["sign_up_cannot_be_updated"]);
    for mut stranger in [site.browser(), site.signed_in("eve@example.com")] {
        assert_eq!(stranger.post(&path, &form).status, 404, "others hear nothing");
    }
}

#[test]
fn a_code_of_a_step_on_the_way_twice_is_right_twice() {
    let site = Site::start();
    let mut browser = site.browser();
    let path = browser.begin_sign_up("email_address=ada%40example.com&strategy=email_code");
    let form = site.server.code_form("ada@example.com", 1);
    for _ in 0..3 {
        let proved = browser.post(&format!("{path}/attempt_verification"), &form);
        assert_eq!(proved.status, 200, "{}", proved.body);
        let shown = proved.json()["response"].clone();
        assert_eq!(
            (&shown["status"], &shown["missing_fields"]),
            (&json!("missing_requirements"), &json!(["password"]))
        );
        assert_eq!(shown["verifications"]["email_address"]["attempts"], 1);
    }
    let other = browser.post(&format!("{path}/attempt_verification"), "strategy=email_code&code=000000");
    assert_eq!((other.status, other.error_codes()), (400, vec!["verification_already_verified".into()]));
    site.server.advance(31_000);
    let prepared = browser.post(&format!("{path}/prepare_verification"), "strategy=email_code");
    assert_eq!(
        prepared.json()["response"]["verifications"]["email_address"]["status"],
        "verified",
        "{}",
        prepared.body
    );
    assert_eq!(site.server.messages("ada@example.com").len(), 1, "nothing is sent for what is proved");
}

#[test]
fn what_completed_a_sign_up_with_its_password_is_shown_again_to_the_same_call_and_to_no_other() {
    for (method, begins) in [("PATCH", false), ("POST", true)] {
        let site = Site::with_settings("false", "", BY_USERNAME);
        let mut browser = site.browser();
        let mut path = browser.begin_sign_up("first_name=Ada");
        if begins {
            path = "/v1/client/sign_ups".to_owned();
        }
        let form = "username=ada_l&first_name=Ada&password=wanders+under+elms";
        let before = browser.cookies.clone();
        let done = browser.request(method, &path, &[], form).json();
        assert_eq!(done["response"]["status"], "complete", "{done}");
        let mut double = Browser { server: &site.server, cookies: before.clone() };
        let again = double.request(method, &path, &[], form);
        assert_eq!((again.status, &again.json()["response"]), (200, &done["response"]), "{method} {}", again.body);
        assert_eq!(double.cookie("__client"), browser.cookie("__client"));
        let mut stranger = site.browser();
        stranger.begin_sign_up("first_name=Eve");
        let refused = stranger.request(method, &path, &[], form);
        assert!(refused.status >= 400 && !refused.body.contains("sess_"), "{method} {}", refused.body);
        // The last form is the correct one. It is refused too: a try with other data ends the time for repeats.
        for other in [
            "username=ada_l&first_name=Ada&password=",
            "username=ada_l&first_name=Ada",
            "username=eve_l&first_name=Ada&password=wanders+under+elms",
            "username=ada_l&first_name=Eve&password=wanders+under+elms",
            "username=ada_l&first_name=Ada&password=wanders+under+oaks",
            form,
        ] {
            let mut planted = Browser { server: &site.server, cookies: before.clone() };
            let refused = planted.request(method, &path, &[], other);
            assert_eq!((refused.status, refused.error_codes()), (400, vec!["client_state_invalid".into()]), "{other}");
            assert!(!refused.body.contains("sess_") && planted.cookies == before, "{other} {}", refused.body);
        }
    }
}

/// The step has no secret, so whoever planted the token can repeat it too: the new token is in the first answer only.
#[test]
fn a_link_that_is_asked_for_twice_is_answered_twice_and_its_token_is_told_once() {
    let site = Site::with_settings("false", "", BY_LINK);
    let mut browser = site.browser();
    let path = browser.begin_sign_up("email_address=ada%40example.com");
    let before = browser.cookies.clone();
    let prepare = format!("{path}/prepare_verification");
    let form = format!("strategy=email_link&redirect_url={}", escaped(&format!("{PAGE}/verify")));
    let first = browser.post(&prepare, &form);
    assert_eq!(first.status, 200, "{}", first.body);
    assert_ne!(
        browser.cookie("__client"),
        Browser { server: &site.server, cookies: before.clone() }.cookie("__client")
    );
    let double = |form: &str| {
        let mut double = Browser { server: &site.server, cookies: before.clone() };
        let answer = double.post(&prepare, form);
        assert_eq!(double.cookies, before, "no token and no session: {}", answer.body);
        answer
    };
    for _ in 0..2 {
        let again = double(&form);
        assert_eq!((again.status, &again.json()["response"]), (200, &first.json()["response"]), "{}", again.body);
        assert_eq!(again.json()["client"]["sign_up"]["id"], first.json()["response"]["id"]);
    }
    assert_eq!(double(&format!("{form}0")).error_codes(), ["client_state_invalid"], "another call");
    assert_eq!(site.server.messages("ada@example.com").len(), 1);
    let next = browser.request("PATCH", &path, &[], "first_name=Ada");
    assert_eq!(next.status, 200, "{}", next.body);
    assert!(double(&form).status >= 400, "something has followed");

    let path = browser.begin_sign_up("email_address=eve%40example.com");
    let before = browser.cookies.clone();
    browser.post(&format!("{path}/prepare_verification"), &form);
    site.server.advance(61_000);
    let mut late = Browser { server: &site.server, cookies: before };
    assert!(late.post(&format!("{path}/prepare_verification"), &form).status >= 400, "a minute later");
}

#[test]
fn a_minute_later_the_replaced_token_shows_nothing() {
    for (method, begins) in [("PATCH", false), ("POST", true)] {
        let site = Site::with_settings("false", "", BY_USERNAME);
        let mut browser = site.browser();
        let begun = browser.begin_sign_up("first_name=Ada");
        let path = if begins { "/v1/client/sign_ups" } else { &begun };
        let form = "username=ada_l&password=wanders+under+elms";
        let mut late = Browser { server: &site.server, cookies: browser.cookies.clone() };
        assert_eq!(browser.request(method, path, &[], form).json()["response"]["status"], "complete");
        site.server.advance(61_000);
        let refused = late.request(method, path, &[], form);
        assert!(refused.status >= 400 && !refused.body.contains("sess_"), "{method} {}", refused.body);
    }
}
