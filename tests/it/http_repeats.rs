//! Repeated calls by the client that succeeded with the first: a double click, a second tab, a lost answer. Other
//! clients learn nothing from it.

use std::sync::Barrier;
use std::thread;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::backend::{SECRET_KEY, backend};
use crate::support::browser::{Browser, PAGE, escaped};
use crate::support::endpoint::{Answer, Endpoint};
use crate::support::server::Server;

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
    assert_eq!(site.server.messages("ada@example.com").len(), 1, "nothing is sent for what is proved");
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
fn equal_calls_with_a_password_at_once_all_succeed_and_are_done_once() {
    for (source, count, rounds) in [("true", 2, 2), ("false", 2, 4), ("false", 16, 1)] {
        for mode in [Mode::Cookie, Mode::Native] {
            for _ in 0..rounds {
                let site = Site::with_settings(source, "", BY_USERNAME);
                let made = site.browser().post("/v1/client/sign_ups", "username=ada_l&password=wanders+under+elms");
                assert_eq!(made.json()["response"]["status"], "complete", "{}", made.body);

                let (token, path) = site.begun(mode, "first_name=Eve");
                let form = "username=eve_l&password=wanders+under+elms";
                site.all_complete(count, mode, &token, ("PATCH", &path, form));

                let (token, _) = site.begun(mode, "first_name=Bob");
                let form = "username=bob_l&password=wanders+under+elms";
                site.all_complete(count, mode, &token, ("POST", "/v1/client/sign_ups", form));

                site.server.advance(11_000);
                let (token, _) = site.begun(mode, "first_name=Ada");
                let form = "identifier=ada_l&password=wanders+under+elms";
                site.all_complete(count, mode, &token, ("POST", "/v1/client/sign_ins", form));

                site.server.advance(11_000);
                let begun = mode.call(&site.server, "", ("POST", "/v1/client/sign_ins", "identifier=ada_l"));
                let id = begun.json()["response"]["id"].as_str().expect("an id").to_owned();
                let path = format!("/v1/client/sign_ins/{id}/attempt_first_factor");
                let form = "strategy=password&password=wanders+under+elms";
                site.all_complete(count, mode, &mode.token_in(&begun).expect("a token"), ("POST", &path, form));
            }
        }
    }
}

#[test]
fn equal_codes_at_once_all_succeed() {
    for mode in [Mode::Cookie, Mode::Native] {
        let site = Site::start();
        let form = "email_address=ada%40example.com&password=wanders+under+elms&strategy=email_code";
        let (token, path) = site.begun(mode, form);
        let path = format!("{path}/attempt_verification");
        for (refused, _) in site.at_once(2, mode, &token, ("POST", &path, "strategy=email_code&code=000000")) {
            assert_eq!(refused.error_codes(), ["form_code_incorrect"], "{mode:?}");
        }
        let form = site.code_form("ada@example.com", 1);
        site.all_complete(16, mode, &token, ("POST", &path, &form));
    }
}

#[test]
fn a_password_and_a_wish_for_a_code_at_once_are_one_mail() {
    for mode in [Mode::Cookie, Mode::Native] {
        let site = Site::start();
        let (token, path) = site.begun(mode, "email_address=ada%40example.com");
        let form = "password=wanders+under+elms&strategy=email_code";
        for (answer, _) in site.at_once(16, mode, &token, ("PATCH", &path, form)) {
            assert_eq!(answer.status, 200, "{mode:?} {}", answer.body);
            assert_eq!(answer.json()["response"]["has_password"], true);
        }
        // Messages are sent in the order of their creation.
        site.begun(mode, "email_address=eve%40example.com&strategy=email_code");
        site.server.mail("eve@example.com", 1);
        assert_eq!(site.server.messages("ada@example.com").len(), 1, "{mode:?}");
    }
}

#[test]
fn of_two_passwords_at_once_one_completes_and_the_other_is_told_an_error_of_its_own() {
    for mode in [Mode::Cookie, Mode::Native] {
        let site = Site::with_settings("false", "", BY_USERNAME);
        let (token, path) = site.begun(mode, "username=ada_l");
        let start = Barrier::new(2);
        let answers = thread::scope(|scope| {
            let calls = ["wanders+under+elms", "strolls+beneath+oaks"].map(|password| {
                let (site, token, path, start) = (&site, &token, &path, &start);
                scope.spawn(move || {
                    start.wait();
                    mode.call(&site.server, token, ("PATCH", path, &format!("password={password}")))
                })
            });
            calls.map(|call| call.join().expect("an answer"))
        });
        let (done, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
        assert_eq!((done.len(), refused.len()), (1, 1), "{mode:?} {answers:?}");
        assert!(matches!(refused[0].status, 400 | 429), "{mode:?} {}", refused[0].body);
        let told = refused[0].error_codes();
        assert!(told == ["client_state_invalid"] || told == ["too_many_requests"], "{mode:?} {told:?}");
        assert!(!refused[0].body.contains("sess_"), "{mode:?} {}", refused[0].body);
        let session = done[0].json()["response"]["created_session_id"].clone();
        assert!(session.is_string(), "{mode:?} {}", done[0].body);
    }
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

#[test]
fn a_refusal_for_a_session_that_exists_names_it() {
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

/// A method, a path and a form.
type Call<'a> = (&'a str, &'a str, &'a str);

/// How a client sends its token.
#[derive(Clone, Copy, Debug)]
enum Mode {
    Cookie,
    Native,
}

impl Mode {
    fn call(self, server: &Endpoint, token: &str, (method, path, form): Call<'_>) -> Answer {
        match self {
            Self::Native => server.native(method, path, token, form).expect("an answer"),
            Self::Cookie => {
                let mut browser = Browser::of(server);
                if !token.is_empty() {
                    browser.cookies.push(("__client".to_owned(), token.to_owned()));
                }
                browser.request(method, path, &[], form)
            }
        }
    }

    /// The new client token in an answer.
    fn token_in(self, answer: &Answer) -> Option<String> {
        match self {
            Self::Native => answer.header("authorization").map(str::to_owned),
            Self::Cookie => {
                let mut lines = answer.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
                lines.find_map(|(_, line)| Some(line.strip_prefix("__client=")?.split(';').next()?.to_owned()))
            }
        }
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

    /// A sign-up that only lacks its code; returns path and form of the attempt.
    fn open_with_code(&self, browser: &mut Browser<'_>, address: &str) -> (String, String) {
        let form = format!("email_address={}&password=wanders+under+elms&strategy=email_code", escaped(address));
        let created = browser.post("/v1/client/sign_ups", &form).json();
        let id = created["response"]["id"].as_str().unwrap_or_else(|| panic!("{created}")).to_owned();
        (format!("/v1/client/sign_ups/{id}/attempt_verification"), self.code_form(address, 1))
    }

    /// Makes the same call several times at once with one token; returns each answer with its token.
    fn at_once(&self, count: usize, mode: Mode, token: &str, call: Call<'_>) -> Vec<(Answer, Option<String>)> {
        let start = Barrier::new(count);
        let call = || {
            start.wait();
            let answer = mode.call(&self.server, token, call);
            let token = mode.token_in(&answer);
            (answer, token)
        };
        thread::scope(|scope| {
            let calls: Vec<_> = (0..count).map(|_| scope.spawn(call)).collect();
            calls.into_iter().map(|call| call.join().expect("an answer")).collect()
        })
    }

    /// Checks that all calls complete, with one session and one token.
    fn all_complete(&self, count: usize, mode: Mode, token: &str, call: Call<'_>) {
        let answers = self.at_once(count, mode, token, call);
        let first = answers[0].0.json()["response"].clone();
        for (answer, token) in &answers {
            assert_eq!(answer.status, 200, "{mode:?} {call:?} {}", answer.body);
            let shown = answer.json();
            assert_eq!(shown["response"]["status"], "complete", "{mode:?} {call:?}");
            assert_eq!(shown["client"]["sessions"].as_array().map(Vec::len), Some(1), "{mode:?} {call:?}");
            assert_eq!(shown["response"]["created_session_id"], first["created_session_id"], "{mode:?} {call:?}");
            assert!(token.is_some() && *token == answers[0].1, "{mode:?} {call:?}");
        }
    }

    /// A client with a new sign-up: its token and the sign-up's path.
    fn begun(&self, mode: Mode, form: &str) -> (String, String) {
        let created = mode.call(&self.server, "", ("POST", "/v1/client/sign_ups", form));
        assert_eq!(created.status, 200, "{}", created.body);
        let id = created.json()["response"]["id"].as_str().expect("an id").to_owned();
        (mode.token_in(&created).expect("a token"), format!("/v1/client/sign_ups/{id}"))
    }

    fn code_form(&self, address: &str, count: usize) -> String {
        self.server.code_form(address, count)
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
