//! The same call many times at once: all of them succeed, and it is done once.

use std::sync::Barrier;
use std::thread;

use super::{BY_LINK, BY_USERNAME, Site};
use crate::support::browser::{Browser, PAGE, escaped};
use crate::support::endpoint::{Answer, Endpoint};

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
        let form = site.server.code_form("ada@example.com", 1);
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
fn a_link_that_is_asked_for_many_times_at_once_is_one_mail_and_all_are_answered() {
    for mode in [Mode::Cookie, Mode::Native] {
        let site = Site::with_settings("false", "", BY_LINK);
        let (token, path) = site.begun(mode, "email_address=ada%40example.com");
        let path = format!("{path}/prepare_verification");
        let form = format!("strategy=email_link&redirect_url={}", escaped(&format!("{PAGE}/verify")));
        let answers = site.at_once(16, mode, &token, ("POST", &path, &form));
        for (answer, _) in &answers {
            assert_eq!(answer.status, 200, "{mode:?} {}", answer.body);
            assert_eq!(answer.json()["response"]["verifications"]["email_address"]["status"], "unverified");
        }
        let told: Vec<_> = answers.iter().filter_map(|(_, told)| told.as_ref()).collect();
        assert!(told.len() == 1 && *told[0] != token, "{mode:?} {told:?}");
        site.begun(mode, "email_address=eve%40example.com");
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

impl Site {
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
