//! A client that checks the schema of each answer.

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::browser::Browser;
use crate::support::schema::faults;
use crate::support::server::{Answer, Server};

/// How a client sends its token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Mode {
    Cookie,
    Native,
    DevBrowser,
}

/// What the test has seen: `object:status` of resources, and error codes.
pub(super) type Seen = RefCell<BTreeSet<String>>;

/// A client of a server.
pub(super) struct Talk<'a> {
    pub(super) server: &'a Server,
    pub(super) mode: Mode,
    pub(super) browser: Browser<'a>,
    token: String,
    seen: &'a Seen,
}

impl<'a> Talk<'a> {
    pub(super) fn begin(server: &'a Server, mode: Mode, seen: &'a Seen) -> Self {
        let mut talk = Self { server, mode, browser: Browser::of(server), token: String::new(), seen };
        if mode == Mode::DevBrowser {
            let opened = talk.browser.post("/v1/dev_browser", "");
            talk.look("POST /v1/dev_browser", "dev_browser", &opened);
            talk.token = opened.json()["id"].as_str().expect("an id").to_owned();
        }
        talk
    }

    /// Makes a call, checks the answer's schema and returns its body.
    pub(super) fn call(&mut self, method: &str, path: &str, form: &str) -> Value {
        let answer = match self.mode {
            Mode::Cookie => self.browser.request(method, path, &[], form),
            Mode::Native => self.server.native(method, path, &self.token, form).expect("an answer"),
            Mode::DevBrowser => {
                let mark = if path.contains('?') { '&' } else { '?' };
                let path = format!("{path}{mark}__clerk_db_jwt={}", self.token);
                self.browser.request(method, &path, &[], form)
            }
        };
        let label = format!("{:?} {method} {path} {form}", self.mode);
        let shown = self.look(&label, schema_of(method, path), &answer);
        let has_client = [&shown["client"], &shown["meta"]["client"]].iter().any(|client| !client.is_null());
        let authorization = answer.header("authorization");
        match self.mode {
            Mode::Native => {
                assert!(!has_client || authorization.is_some(), "{label}: a client without its token");
                let is_forgotten = method == "DELETE" && path == "/v1/client";
                assert!(authorization.is_none_or(|token| token.is_empty() == is_forgotten), "{label}");
                assert!(authorization.is_none_or(|token| !token.contains(' ')), "{label}");
            }
            _ => assert_eq!(authorization, None, "{label}"),
        }
        let next = if self.mode == Mode::DevBrowser { answer.header("clerk-db-jwt") } else { authorization };
        if let Some(next) = next {
            next.clone_into(&mut self.token);
        }
        shown
    }

    /// Like [`Self::call`]; returns the resource only.
    pub(super) fn ask(&mut self, method: &str, path: &str, form: &str) -> Value {
        self.call(method, path, form)["response"].clone()
    }

    /// Checks an answer against `schema`, or against the error schema.
    pub(super) fn look(&self, label: &str, schema: &str, answer: &Answer) -> Value {
        look(self.seen, label, schema, answer)
    }
}

/// Checks an answer against `schema`, or against the error schema.
pub(super) fn look(seen: &Seen, label: &str, schema: &str, answer: &Answer) -> Value {
    let shown = answer.json();
    let is_error = answer.status >= 400;
    let found = faults(if is_error { "errors" } else { schema }, &shown);
    assert!(found.is_empty(), "{label}: {} {found:#?}\n{shown:#}", answer.status);
    assert!(is_error || answer.status == 200, "{label}: {}", answer.status);
    // The backend SDK compares this text; iOS sorts answers by the date.
    assert_eq!(answer.header("content-type"), Some("application/json"), "{label}");
    assert!(answer.header("date").is_some_and(|date| date.ends_with(" GMT")), "{label}");
    if is_error {
        assert!(!answer.error_codes().is_empty(), "{label}");
    }
    note(&shown, label, &mut seen.borrow_mut());
    shown
}

/// Records the states in an answer, and checks that its resources are consistent.
fn note(value: &Value, label: &str, seen: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            if let (Some(kind), Some(status)) = (text(value, "object"), text(value, "status")) {
                seen.insert(format!("{kind}:{status}"));
            }
            if let (Some(code), Some(_)) = (text(value, "code"), text(value, "long_message")) {
                seen.insert(code.to_owned());
            }
            if text(value, "object") == Some("sign_up_attempt") {
                agrees(value, label);
            }
            assert!(!object.contains_key("private_metadata"), "{label}: what only the backend may know");
            object.values().for_each(|value| note(value, label, seen));
        }
        Value::Array(values) => values.iter().for_each(|value| note(value, label, seen)),
        _ => {}
    }
}

/// Checks that the keys of a sign-up agree with each other.
fn agrees(sign_up: &Value, label: &str) {
    let is_complete = sign_up["status"] == "complete";
    for key in ["created_user_id", "created_session_id"] {
        assert_eq!(sign_up[key].is_string(), is_complete, "{label}: {key} of {sign_up:#}");
    }
    let is_empty = |key: &str| sign_up[key].as_array().is_some_and(Vec::is_empty);
    if is_complete {
        assert!(is_empty("missing_fields") && is_empty("unverified_fields"), "{label}: {sign_up:#}");
    }
    assert_eq!(sign_up["password_enabled"], sign_up["has_password"], "{label}");
    for key in ["email_address", "phone_number"] {
        let verification = &sign_up["verifications"][key];
        assert_eq!(verification.is_null(), sign_up[key].is_null(), "{label}: {key} of {sign_up:#}");
        let action = match verification["status"].as_str() {
            _ if verification.is_null() => continue,
            None | Some("expired" | "failed") => "needs_prepare",
            Some("verified") => "",
            Some(_) => "needs_attempt",
        };
        assert_eq!(verification["next_action"], action, "{label}: {verification}");
    }
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key)?.as_str()
}

/// The schema of a call's successful answer.
fn schema_of(method: &str, path: &str) -> &'static str {
    let segments: Vec<&str> = path.split('?').next().unwrap_or_default().split('/').skip(2).collect();
    match (method, &*segments) {
        (_, ["environment"]) => "environment",
        (_, ["client"] | ["client", "verify"]) | ("DELETE", ["client", "sessions"]) => "wrapped_client",
        (_, ["client", "sign_ups", ..]) => "wrapped_sign_up",
        (_, ["client", "sign_ins", ..]) => "wrapped_sign_in",
        (_, ["client", "sessions", _, "tokens"]) => "token",
        (_, ["client", "sessions", ..]) => "wrapped_session",
        (_, ["me"]) => "wrapped_user",
        (_, ["waitlist"]) => "wrapped_waitlist",
        (_, ["jwks"]) => "jwks",
        // No other call succeeds.
        _ => "errors",
    }
}
