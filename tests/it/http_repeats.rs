//! The same call once more, by who has succeeded with it: a double click, a second tab, an answer that was lost. Others
//! learn nothing by it.

use std::sync::Barrier;
use std::thread;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::backend::{SECRET_KEY, backend};
use crate::support::browser::{Browser, PAGE, escaped};
use crate::support::server::{Answer, Server};

#[test]
fn the_right_code_twice_shows_the_sign_up_that_it_completed() {
    let site = Site::start();
    let mut browser = site.browser();
    let (path, form) = site.open_with_code(&mut browser, "ada@example.com");
    let before = browser.cookies.clone();
    let done = browser.post(&path, &form).json();
    assert_eq!(done["response"]["status"], "complete");
    let session = &done["response"]["created_session_id"];
    // With the token from before: a double click, or a lost answer.
    let mut double = Browser { server: &site.server, cookies: before };
    let again = double.post(&path, &form).json();
    assert_eq!((&again["response"]["status"], &again["response"]["created_session_id"]), (&json!("complete"), session));
    assert_eq!(double.cookie("__client"), browser.cookie("__client"));
    // With the new one, also when the minute for lost answers is over.
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
fn the_right_code_twice_shows_the_sign_in_that_it_completed() {
    let site = Site::start();
    site.signed_in("ada@example.com");
    let mut browser = site.browser();
    let path = site.sign_in(&mut browser, "ada@example.com");
    assert_eq!(browser.post(&format!("{path}/prepare_first_factor"), "strategy=email_code").status, 200);
    let attempt = format!("{path}/attempt_first_factor");
    let form = site.code_form("ada@example.com", 2);
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
    let path = site.sign_in(&mut browser, "ada@example.com");
    let attempt = format!("{path}/attempt_first_factor");
    let form = "strategy=password&password=wanders+under+elms";
    let before = browser.cookies.clone();
    let done = browser.post(&attempt, form).json();
    assert_eq!(done["response"]["status"], "complete", "{done}");
    let mut double = Browser { server: &site.server, cookies: before };
    assert_eq!(double.post(&attempt, form).json()["response"], done["response"]);
    assert_eq!(browser.post(&attempt, form).json()["response"]["status"], "complete");
    // The right code of another moment proves nothing here.
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
        let path = site.sign_in(&mut browser, "ada@example.com");
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
    let path = site.sign_in(&mut browser, "ada@example.com");
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
        let path = site.sign_in(&mut browser, "ada@example.com");
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
fn a_code_of_a_step_on_the_way_twice_is_right_twice() {
    let site = Site::start();
    let mut browser = site.browser();
    let created = browser.post("/v1/client/sign_ups", "email_address=ada%40example.com&strategy=email_code").json();
    let path = format!("/v1/client/sign_ups/{}", created["response"]["id"].as_str().expect("an id"));
    let form = site.code_form("ada@example.com", 1);
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
    let outbox = site.server.request("GET", "/dev/outbox?to=ada%40example.com", &[], "").expect("an answer").json();
    assert_eq!(outbox["messages"].as_array().map(Vec::len), Some(1), "nothing is sent for what is proved");
}

#[test]
fn what_another_call_made_since_is_not_for_who_repeats_an_older_one() {
    let site = Site::start_with("[session]\nsingle = false\n");
    site.signed_in("bob@example.com");
    let mut browser = site.browser();
    let (path, form) = site.open_with_code(&mut browser, "eve@example.com");
    assert_eq!(browser.post(&path, &form).json()["response"]["status"], "complete");
    let eves = browser.cookies.clone();
    let form_of_bob = "identifier=bob%40example.com&password=wanders+under+elms";
    let bob = browser.post("/v1/client/sign_ins", form_of_bob).json();
    assert_eq!(bob["client"]["sessions"].as_array().map(Vec::len), Some(2), "{bob}");
    let mut eve = Browser { server: &site.server, cookies: eves.clone() };
    let refused = eve.post(&path, &form);
    assert!(refused.status == 400 || refused.status == 404, "{} {}", refused.status, refused.body);
    assert!(!refused.body.contains("sess_"), "{}", refused.body);
    let token = |cookies: &[(String, String)]| cookies.iter().find(|(name, _)| name == "__client").cloned();
    assert_eq!(token(&eve.cookies), token(&eves), "no token of the session that came since");
}

#[test]
fn whoever_is_signed_in_already_is_told_which_session_to_go_on_with() {
    let site = Site::start_with("[session]\nsingle = false\n");
    let mut browser = site.signed_in("ada@example.com");
    let session = browser.get("/v1/client").json()["response"]["last_active_session_id"].clone();
    let form = "identifier=ada%40example.com";
    for form in [form.to_owned(), format!("{form}&password=wanders+under+elms")] {
        let refused = browser.post("/v1/client/sign_ins", &form);
        assert_eq!((refused.status, refused.error_codes()), (400, vec!["identifier_already_signed_in".into()]));
        assert_eq!(refused.json()["errors"][0]["meta"]["session_id"], session, "{}", refused.body);
    }
}

#[test]
fn whoever_accepted_an_invitation_and_is_still_here_is_told_so() {
    let config = format!("[session]\nsingle = false\n[instance]\nsecret_key = \"{SECRET_KEY}\"\n");
    let site = Site::start_with(&config);
    let invited = json!({ "email_address": "ada@example.com", "ignore_existing": true });
    let ticket = || {
        let made = backend(&site.server, "POST", "/v1/invitations", &invited).json();
        let url = made["url"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
        url.split_once("ticket=").expect("a ticket").1.to_owned()
    };
    let (first, other) = (ticket(), ticket());
    let mut browser = site.browser();
    let form = |ticket: &str| format!("strategy=ticket&ticket={ticket}&password=wanders+under+elms");
    let done = browser.post("/v1/client/sign_ups", &form(&first)).json();
    assert_eq!(done["response"]["status"], "complete", "{done}");
    for ticket in [&first, &other] {
        let again = browser.post("/v1/client/sign_ups", &form(ticket));
        assert_eq!((again.status, again.error_codes()), (400, vec!["identifier_already_signed_in".into()]));
        assert_eq!(again.json()["errors"][0]["meta"]["session_id"], done["response"]["created_session_id"]);
    }
    for (ticket, code) in [(&first, "invitation_already_accepted"), (&other, "invitation_account_exists")] {
        assert_eq!(site.browser().post("/v1/client/sign_ups", &form(ticket)).error_codes(), [code], "somebody else");
    }
}

#[test]
fn a_password_step_made_twice_at_once_succeeds_twice() {
    for source in ["false", "true"] {
        for round in 0..4 {
            let site = Site::with_settings(source, "", BY_USERNAME);
            let mut owner = site.browser();
            let made = owner.post("/v1/client/sign_ups", "username=ada_l&password=wanders+under+elms").json();
            assert_eq!(made["response"]["status"], "complete", "{made}");

            let mut browser = site.browser();
            let path = browser.begin_sign_up("first_name=Eve");
            site.twice(&browser, "PATCH", &path, "username=eve_l&password=wanders+under+elms", round);

            let mut browser = site.browser();
            browser.begin_sign_up("first_name=Bob");
            site.twice(&browser, "POST", "/v1/client/sign_ups", "username=bob_l&password=wanders+under+elms", round);

            site.server.advance(11_000);
            let mut browser = site.browser();
            browser.begin_sign_up("first_name=Ada");
            let form = "identifier=ada_l&password=wanders+under+elms";
            site.twice(&browser, "POST", "/v1/client/sign_ins", form, round);

            site.server.advance(11_000);
            let mut browser = site.browser();
            let path = site.sign_in(&mut browser, "ada_l");
            let form = "strategy=password&password=wanders+under+elms";
            site.twice(&browser, "POST", &format!("{path}/attempt_first_factor"), form, round);
        }
    }
}

#[test]
fn a_password_and_a_wish_for_a_code_twice_at_once_are_one_mail() {
    for round in 0..4 {
        let site = Site::start();
        let mut browser = site.browser();
        let path = browser.begin_sign_up("email_address=ada%40example.com");
        let form = "password=wanders+under+elms&strategy=email_code";
        for (answer, _) in site.at_once(&browser, "PATCH", &path, form) {
            assert_eq!(answer.status, 200, "{round} {}", answer.body);
            assert_eq!(answer.json()["response"]["has_password"], true);
        }
        site.server.mail("ada@example.com", 1);
        thread::sleep(std::time::Duration::from_millis(50));
        let outbox = site.server.request("GET", "/dev/outbox?to=ada%40example.com", &[], "").expect("an answer").json();
        assert_eq!(outbox["messages"].as_array().map(Vec::len), Some(1), "{round}");
    }
}

#[test]
fn what_completed_a_sign_up_with_its_password_is_shown_again_for_a_minute() {
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
        for other in [
            "username=eve_l&first_name=Ada&password=wanders+under+elms",
            "username=ada_l&first_name=Eve&password=wanders+under+elms",
            "username=ada_l&first_name=Ada&password=wanders+under+oaks",
            "username=ada_l&first_name=Ada&password=",
            "username=ada_l&first_name=Ada",
        ] {
            let mut planted = Browser { server: &site.server, cookies: before.clone() };
            let refused = planted.request(method, &path, &[], other);
            assert_eq!((refused.status, refused.error_codes()), (400, vec!["client_state_invalid".into()]), "{other}");
            assert!(!refused.body.contains("sess_") && planted.cookies == before, "{other} {}", refused.body);
        }
        let mut stranger = site.browser();
        stranger.begin_sign_up("first_name=Eve");
        let refused = stranger.request(method, &path, &[], form);
        assert!(refused.status >= 400 && !refused.body.contains("sess_"), "{method} {}", refused.body);
        site.server.advance(61_000);
        let mut late = Browser { server: &site.server, cookies: before };
        let refused = late.request(method, &path, &[], form);
        assert!(refused.status >= 400 && !refused.body.contains("sess_"), "{method} {}", refused.body);
    }
}

#[test]
fn the_password_of_a_finished_sign_up_is_not_guessed_at_with_the_token_from_before() {
    let site = Site::with_settings("false", "", BY_USERNAME);
    let mut browser = site.browser();
    let path = browser.begin_sign_up("first_name=Ada");
    let before = browser.cookies.clone();
    let right = "username=ada_l&password=wanders+under+elms";
    assert_eq!(browser.request("PATCH", &path, &[], right).json()["response"]["status"], "complete");
    let mut planted = Browser { server: &site.server, cookies: before };
    for n in 0..6 {
        let guess = format!("username=ada_l&password=wanders+under+elms+{n}");
        assert!(planted.request("PATCH", &path, &[], &guess).status >= 400);
    }
    let refused = planted.request("PATCH", &path, &[], right);
    assert_eq!((refused.status, refused.error_codes()), (429, vec!["too_many_requests".into()]), "{}", refused.body);
}

#[test]
fn a_sign_in_begun_again_with_a_wrong_password_ends_the_matter() {
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

#[test]
fn whoever_may_have_one_session_is_told_which_it_is() {
    let site = Site::start();
    let mut browser = site.signed_in("ada@example.com");
    let session = browser.get("/v1/client").json()["response"]["last_active_session_id"].clone();
    for (path, form) in [
        ("/v1/client/sign_ins", "identifier=ada%40example.com&password=wanders+under+elms"),
        ("/v1/client/sign_ins", "identifier=eve%40example.com"),
        ("/v1/client/sign_ups", "email_address=eve%40example.com"),
    ] {
        let refused = browser.post(path, form);
        assert_eq!((refused.status, refused.error_codes()), (400, vec!["session_exists".into()]), "{path} {form}");
        assert_eq!(refused.json()["errors"][0]["meta"]["session_id"], session, "{}", refused.body);
    }
}

struct Site {
    server: Server,
    _folder: TempDir,
}

impl Site {
    fn start() -> Self {
        Self::start_with("")
    }

    fn start_with(more: &str) -> Self {
        Self::with_settings("false", more, SETTINGS)
    }

    /// With limits by source, or without.
    fn with_settings(source: &str, more: &str, settings: &str) -> Self {
        let folder = TempDir::new().expect("a folder");
        let config = format!("[server]\nallowed_origins = [\"{PAGE}\"]\n[limits]\nsource = {source}\n{more}{settings}");
        Self { server: Server::start(folder.path(), &config), _folder: folder }
    }

    fn browser(&self) -> Browser<'_> {
        Browser::of(&self.server)
    }

    /// A sign-up that only its code is missing to; returns where that goes and the form with it.
    fn open_with_code(&self, browser: &mut Browser<'_>, address: &str) -> (String, String) {
        let form = format!("email_address={}&password=wanders+under+elms&strategy=email_code", escaped(address));
        let created = browser.post("/v1/client/sign_ups", &form).json();
        let id = created["response"]["id"].as_str().unwrap_or_else(|| panic!("{created}")).to_owned();
        (format!("/v1/client/sign_ups/{id}/attempt_verification"), self.code_form(address, 1))
    }

    /// The same call twice at once, by one browser: the answers, and what the browser would have after each.
    fn at_once(&self, browser: &Browser<'_>, method: &str, path: &str, form: &str) -> Vec<(Answer, Option<String>)> {
        let start = Barrier::new(2);
        let call = || {
            let mut browser = Browser { server: &self.server, cookies: browser.cookies.clone() };
            start.wait();
            let answer = browser.request(method, path, &[], form);
            let token = browser.cookie("__client").map(str::to_owned);
            (answer, token)
        };
        thread::scope(|scope| {
            let calls = [scope.spawn(call), scope.spawn(call)];
            calls.map(|call| call.join().expect("an answer")).into()
        })
    }

    /// Has both calls complete, with one session and one token.
    fn twice(&self, browser: &Browser<'_>, method: &str, path: &str, form: &str, round: usize) {
        let answers = self.at_once(browser, method, path, form);
        for (answer, token) in &answers {
            assert_eq!(answer.status, 200, "{round} {method} {path} {}", answer.body);
            let shown = answer.json();
            assert_eq!(shown["response"]["status"], "complete", "{round} {method} {path}");
            assert_eq!(shown["client"]["sessions"].as_array().map(Vec::len), Some(1), "{round} {method} {path}");
            let session = &answers[0].0.json()["response"]["created_session_id"];
            assert_eq!(&shown["response"]["created_session_id"], session, "{round} {method} {path}");
            assert_eq!(token, &answers[0].1, "{round} {method} {path}");
        }
    }

    fn code_form(&self, address: &str, count: usize) -> String {
        format!("strategy=email_code&code={}", self.server.mail(address, count)["code"].as_str().expect("a code"))
    }

    fn signed_in(&self, address: &str) -> Browser<'_> {
        let mut browser = self.browser();
        let (path, form) = self.open_with_code(&mut browser, address);
        assert_eq!(browser.post(&path, &form).json()["response"]["status"], "complete");
        browser
    }

    fn sign_in(&self, browser: &mut Browser<'_>, address: &str) -> String {
        let begun = browser.post("/v1/client/sign_ins", &format!("identifier={}", escaped(address))).json();
        format!("/v1/client/sign_ins/{}", begun["response"]["id"].as_str().expect("an id"))
    }
}

impl Browser<'_> {
    /// Begins a sign-up; returns its path.
    fn begin_sign_up(&mut self, form: &str) -> String {
        let created = self.post("/v1/client/sign_ups", form);
        assert_eq!(created.status, 200, "{}", created.body);
        format!("/v1/client/sign_ups/{}", created.json()["response"]["id"].as_str().expect("an id"))
    }
}

const BY_USERNAME: &str = r#"
[settings.attributes.username]
enabled = true
required = true
used_for_first_factor = true
[settings.attributes.password]
enabled = true
required = true
[settings.attributes.first_name]
enabled = true
"#;

const SETTINGS: &str = r#"
[settings.attributes.email_address]
enabled = true
required = true
used_for_first_factor = true
verifications = ["email_code"]
verify_at_sign_up = true
[settings.attributes.password]
enabled = true
required = true
"#;
