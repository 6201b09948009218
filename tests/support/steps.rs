//! Steps that tests take again and again at a development instance: the mail is read, the clock is moved, settings are
//! changed, people sign up.

use serde_json::{Value, json};

use super::browser::{Browser, escaped};
use super::endpoint::{Answer, Endpoint};

impl Endpoint {
    /// The newest message to an address that is no notice of a change; waits until there are `count`.
    pub(crate) fn mail(&self, to: &str, count: usize) -> Value {
        for _ in 0..500 {
            let mut messages = self.messages(to);
            messages.retain(|message| !is_notice(message));
            if messages.len() >= count
                && let Some(message) = messages.pop()
            {
                return message;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("no mail to {to}");
    }

    /// The code in the newest message to an address; waits until there are `count`.
    pub(crate) fn code(&self, to: &str, count: usize) -> String {
        self.mail(to, count)["code"].as_str().expect("a code").to_owned()
    }

    /// The form that proves an address by that code.
    pub(crate) fn code_form(&self, to: &str, count: usize) -> String {
        format!("strategy={}&code={}", code_strategy(to), self.code(to, count))
    }

    /// The subjects of the notices of changes to an address; waits until there are `count`.
    pub(crate) fn told(&self, to: &str, count: usize) -> Vec<String> {
        let told = || {
            let messages = self.messages(to).into_iter().filter(is_notice);
            messages.map(|message| message["subject"].as_str().expect("a subject").to_owned()).collect::<Vec<_>>()
        };
        for _ in 0..500 {
            let told = told();
            if told.len() >= count {
                return told;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("{:?} and no {count}", told())
    }

    /// The messages to an address that have been sent so far.
    pub(crate) fn messages(&self, to: &str) -> Vec<Value> {
        let outbox = self.request("GET", &format!("/dev/outbox?to={}", escaped(to)), &[], "").expect("an answer");
        outbox.json()["messages"].as_array().unwrap_or_else(|| panic!("{}", outbox.body)).clone()
    }

    /// Moves the engine's clock forward.
    pub(crate) fn advance(&self, ms: u64) {
        let body = json!({ "advance_ms": ms }).to_string();
        let answer = self.request("POST", "/dev/clock", &[JSON], &body);
        assert_eq!(answer.expect("an answer").status, 200);
    }

    /// The settings in force.
    pub(crate) fn settings(&self) -> Value {
        self.request("GET", "/dev/settings", &[], "").expect("an answer").json()
    }

    /// Tries to replace all settings.
    pub(crate) fn try_settings(&self, document: &Value) -> Answer {
        self.request("PUT", "/dev/settings", &[JSON], &document.to_string()).expect("an answer")
    }

    /// Replaces all settings.
    pub(crate) fn put_settings(&self, document: &Value) {
        let answer = self.try_settings(document);
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}

impl Browser<'_> {
    /// Begins a sign-up; returns its path.
    pub(crate) fn begin_sign_up(&mut self, form: &str) -> String {
        self.begin_at("/v1/client/sign_ups", form)
    }

    /// Begins a sign-in; returns its path.
    pub(crate) fn begin_sign_in(&mut self, form: &str) -> String {
        self.begin_at("/v1/client/sign_ins", form)
    }

    /// A sign-up of the address `to` that is complete with a code. `fields` are what it begins with, the address
    /// included. Returns the last answer.
    pub(crate) fn sign_up_by_code(&mut self, fields: &str, to: &str) -> Answer {
        let before = self.server.messages(to).len();
        let path = self.begin_sign_up(&format!("{fields}&strategy={}", code_strategy(to)));
        let form = self.server.code_form(to, before + 1);
        let done = self.post(&format!("{path}/attempt_verification"), &form);
        assert_eq!(done.json()["response"]["status"], "complete", "{}", done.body);
        done
    }

    fn begin_at(&mut self, path: &str, form: &str) -> String {
        let begun = self.post(path, form);
        assert_eq!(begun.status, 200, "{}", begun.body);
        format!("{path}/{}", begun.json()["response"]["id"].as_str().expect("an id"))
    }
}

/// The strategy that sends a code to an address.
fn code_strategy(to: &str) -> &'static str {
    if to.contains('@') { "email_code" } else { "phone_code" }
}

const JSON: (&str, &str) = ("content-type", "application/json");

/// Whether a message tells a user of a change of the own account.
fn is_notice(message: &Value) -> bool {
    const TEMPLATES: [&str; 8] = [
        "password_changed",
        "second_factor_removed",
        "primary_email_address_changed",
        "passkey_added",
        "passkey_removed",
        "second_factor_added",
        "backup_codes_created",
        "external_account_connected",
    ];
    message["template"].as_str().is_some_and(|template| TEMPLATES.contains(&template))
}
