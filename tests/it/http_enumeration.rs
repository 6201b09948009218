//! Strict enumeration protection: a sign-up does not reveal whether its address belongs to a user
//! (guide/contract_sign_ups.md#enumeration-protection).

use std::ops::Deref;

use serde_json::{Value, json};

use crate::support::browser::{Browser, escaped};
use crate::support::endpoint::Answer;
use crate::support::site;

#[test]
fn a_taken_address_answers_like_a_free_one_at_every_step() {
    for (name, value) in [("email_address", ["owner@example.com", "nobody@example.com"]), ("phone_number", PHONES)] {
        let site = Site::start(BOTH);
        site.become_user(name, value[0]);
        let [taken, free] = value.map(|value| {
            let walk = site.walk(name, value);
            walk.into_iter().map(|answer| neutral(&answer, value)).collect::<Vec<_>>()
        });
        assert_eq!(taken.len(), free.len());
        for (step, (taken, free)) in taken.iter().zip(&free).enumerate() {
            assert_eq!(taken, free, "{name}, step {step}");
        }
    }
}

#[test]
fn the_owner_is_told_and_nobody_gets_a_code() {
    let site = Site::start(BOTH);
    site.become_user("email_address", "owner@example.com");
    let before = site.count("owner@example.com");
    site.walk("email_address", "Owner@Example.com");
    let notice = site.server.mail("owner@example.com", before + 1);
    assert_eq!((&notice["code"], &notice["link"]), (&Value::Null, &Value::Null));
    let text = notice["text"].as_str().expect("text");
    assert!(text.contains("sign in instead"), "{text}");
    assert!(!text.bytes().any(|b| b.is_ascii_digit()), "no code in the words either: {text}");
}

#[test]
fn an_address_that_is_taken_while_its_sign_up_waits_gets_no_code_any_more() {
    let site = Site::start(BOTH);
    let mut early = Browser::of(&site.server);
    let created = early.post("/v1/client/sign_ups", "email_address=owner%40example.com&password=wanders+under+elms");
    let id = created.json()["response"]["id"].as_str().expect("an id").to_owned();
    site.become_user("email_address", "owner@example.com");
    let before = site.count("owner@example.com");
    for path in ["prepare_verification", ""] {
        let prepared = match path {
            "" => early.request("PATCH", &format!("/v1/client/sign_ups/{id}"), &[], "strategy=email_code"),
            path => early.post(&format!("/v1/client/sign_ups/{id}/{path}"), "strategy=email_code"),
        };
        assert_eq!(prepared.status, 200, "{}", prepared.body);
    }
    let notice = site.server.mail("owner@example.com", before + 2);
    assert_eq!(notice["code"], Value::Null);
}

#[test]
fn a_username_is_still_reported_and_without_protection_so_are_addresses() {
    let site = Site::start(&format!("{BOTH}{USERNAME}"));
    let mut browser = Browser::of(&site.server);
    browser.post("/v1/client/sign_ups", "email_address=a%40example.com&password=wanders+under+elms&username=ada_l");
    let code = site.prepare(&mut browser, "a@example.com");
    site.attempt(&mut browser, &code);
    let other = "email_address=b%40example.com&password=wanders+under+elms&username=ada_l";
    assert_eq!(Browser::of(&site.server).post("/v1/client/sign_ups", other).error_codes(), ["form_identifier_exists"]);

    let open = Site::start(&BOTH.replace("enabled = true # protection", "enabled = false"));
    open.become_user("email_address", "owner@example.com");
    let again = "email_address=owner%40example.com&password=wanders+under+elms";
    assert_eq!(Browser::of(&open.server).post("/v1/client/sign_ups", again).error_codes(), ["form_identifier_exists"]);
}

struct Site(site::Site);

impl Deref for Site {
    type Target = site::Site;

    fn deref(&self) -> &site::Site {
        &self.0
    }
}

impl Site {
    fn start(settings: &str) -> Self {
        Self(site::Site::start(&format!("[limits]\nsource = false\n[verification]\nresend_cooldown_s = 0\n{settings}")))
    }

    fn become_user(&self, name: &str, value: &str) {
        let mut browser = Browser::of(&self.server);
        let form = format!("{name}={}&password=wanders+under+elms", escaped(value));
        assert_eq!(browser.post("/v1/client/sign_ups", &form).status, 200);
        let code = self.prepare(&mut browser, value);
        let done = self.attempt(&mut browser, &code);
        assert_eq!(done.json()["response"]["status"], "complete", "{}", done.body);
    }

    /// All calls that a person can make with another person's address.
    fn walk(&self, name: &str, value: &str) -> Vec<Answer> {
        let mut browser = Browser::of(&self.server);
        let form = format!("{name}={}&password=wanders+under+elms", escaped(value));
        let mut answers = vec![browser.post("/v1/client/sign_ups", &form)];
        let id = answers[0].json()["response"]["id"].as_str().expect("an id").to_owned();
        let path = format!("/v1/client/sign_ups/{id}");
        let strategy = if name == "email_address" { "email_code" } else { "phone_code" };
        answers.push(browser.request("PATCH", &path, &[], &form));
        for _ in 0..2 {
            answers.push(browser.post(&format!("{path}/prepare_verification"), &format!("strategy={strategy}")));
            answers.push(browser.get(&path));
        }
        // The chance that this is the code of the free address is one in a million.
        for _ in 0..6 {
            let form = format!("strategy={strategy}&code=000001");
            answers.push(browser.post(&format!("{path}/attempt_verification"), &form));
        }
        answers.push(browser.get("/v1/client"));
        answers.push(browser.request("PATCH", &path, &[], &format!("strategy={strategy}")));
        answers.push(browser.get(&path));
        answers
    }

    fn prepare(&self, browser: &mut Browser<'_>, value: &str) -> String {
        let count = self.count(value);
        let strategy = if value.contains('@') { "email_code" } else { "phone_code" };
        let path = format!("/v1/client/sign_ups/{}/prepare_verification", current(browser));
        assert_eq!(browser.post(&path, &format!("strategy={strategy}")).status, 200);
        self.server.code(value, count + 1)
    }

    fn attempt(&self, browser: &mut Browser<'_>, code: &str) -> Answer {
        let id = current(browser);
        let shown = browser.get(&format!("/v1/client/sign_ups/{id}")).json()["response"].clone();
        let strategy = if shown["email_address"].is_null() { "phone_code" } else { "email_code" };
        let form = format!("strategy={strategy}&code={code}");
        browser.post(&format!("/v1/client/sign_ups/{id}/attempt_verification"), &form)
    }

    fn count(&self, to: &str) -> usize {
        self.server.messages(to).len()
    }
}

fn current(browser: &mut Browser<'_>) -> String {
    let client = browser.get("/v1/client").json();
    client["response"]["sign_up"]["id"].as_str().unwrap_or_else(|| panic!("{client}")).to_owned()
}

/// Status, headers and body without parts that differ between any two sign-ups: ids, times and the address.
fn neutral(answer: &Answer, address: &str) -> (u16, Vec<String>, Value) {
    let names = answer.headers.iter().map(|(name, _)| name.to_ascii_lowercase());
    let mut body = answer.json();
    blank(&mut body, address);
    (answer.status, names.collect(), body)
}

fn blank(value: &mut Value, address: &str) {
    match value {
        Value::Object(object) => {
            for (name, value) in object.iter_mut() {
                let is_id = name == "id" || name == "clerk_trace_id" || name == "verified_at_client";
                if is_id || name.ends_with("_at") {
                    *value = json!("-");
                } else {
                    blank(value, address);
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| blank(value, address)),
        Value::String(text) if text == address => *text = "the address".into(),
        _ => {}
    }
}

const PHONES: [&str; 2] = ["+14155552671", "+14155552672"];

const BOTH: &str = r#"
[settings.attributes.email_address]
enabled = true
verifications = ["email_code"]
verify_at_sign_up = true
[settings.attributes.phone_number]
enabled = true
verifications = ["phone_code"]
verify_at_sign_up = true
[settings.attributes.password]
enabled = true
required = true
[settings.attack_protection.enumeration_protection]
enabled = true # protection
"#;

const USERNAME: &str = r#"
[settings.attributes.username]
enabled = true
"#;
