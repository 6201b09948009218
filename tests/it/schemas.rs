//! Each answer matches its schema in `tests/schemas`, which the contract documents, in every state.

mod backend;
mod others;
mod providers;
mod talk;
mod walk;

use serde_json::{Value, json};

use crate::support::backend::Site;

use talk::{Mode, Seen};
use walk::Person;

#[test]
fn pages_are_told_everything_in_its_shape() {
    through_samples(Mode::Cookie, &["custom action", "nobody is told", "optional password"]);
}

#[test]
fn applications_without_cookies_are_told_everything_in_its_shape() {
    through_samples(Mode::Native, &["custom action", "nobody is told", "optional password"]);
}

#[test]
fn dev_browsers_are_told_everything_in_its_shape() {
    through_samples(Mode::DevBrowser, &[]);
}

/// Tests all built-in samples and some of our own.
fn through_samples(mode: Mode, ours: &[&str]) {
    let site = Site::start(&json!({}));
    let seen = Seen::default();
    for (number, (name, settings)) in samples(ours).into_iter().enumerate() {
        eprintln!("{name}");
        site.configure(&settings);
        let mut person = Person::new(number);
        walk::partly(&site, mode, &person, &seen);
        walk::wholly(&site, &settings, mode, &mut person, &seen);
    }
    let seen = seen.into_inner();
    for state in [
        "sign_up_attempt:missing_requirements",
        "sign_up_attempt:complete",
        "sign_up_attempt:abandoned",
        "verification_otp:unverified",
        "verification_otp:expired",
        "verification_otp:failed",
        "verification_otp:verified",
        "verification_email_link:unverified",
        "verification_email_link:expired",
        "verification_password:verified",
        "sign_in_attempt:needs_identifier",
        "sign_in_attempt:needs_first_factor",
        "sign_in_attempt:complete",
        "session:active",
        "session:ended",
        "form_code_incorrect",
        "form_param_unknown",
        "feature_not_enabled",
        "resource_not_found",
        "verification_code_too_many_requests",
        "sign_up_cannot_be_updated",
        "signed_out",
    ] {
        assert!(seen.contains(state), "{state} was not on the way: {seen:#?}");
    }
}

/// The built-in settings and some of our own, by name.
fn samples(ours: &[&str]) -> Vec<(String, Value)> {
    let read = |name: &str| {
        let file = format!("{}/config/settings/{name}.toml", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(file).expect("a sample");
        toml::from_str::<Value>(&text).expect("settings")
    };
    let names = ["email_code", "email_link", "legal", "password", "phone", "progressive", "username_password"];
    let mut samples: Vec<(String, Value)> = names.iter().map(|name| ((*name).to_owned(), read(name))).collect();
    for name in ours {
        let (sample, changes) = match *name {
            "custom action" => ("email_code", json!({"sign_up": {"custom_action_required": true}})),
            "optional password" => ("email_code", json!({"attributes": {"password": {"enabled": true}}})),
            "nobody is told" => {
                ("password", json!({"attack_protection": {"enumeration_protection": {"enabled": true}}}))
            }
            _ => panic!("no such sample: {name}"),
        };
        let mut settings = read(sample);
        merge(&mut settings, &changes);
        samples.push(((*name).to_owned(), settings));
    }
    samples
}

fn merge(into: &mut Value, changes: &Value) {
    match changes {
        Value::Object(changes) => changes.iter().for_each(|(key, change)| merge(&mut into[key], change)),
        _ => *into = changes.clone(),
    }
}
