//! Users and sessions over HTTP, as the application's backend sees and changes them.

mod addresses;
mod lists;
mod lockout;
mod sessions;
mod states;
mod tickets;
mod writes;

use serde_json::{Map, Value, json};

use crate::support::backend::{SECRET_KEY, Site};
use crate::support::browser::Browser;
use crate::support::schema::faults;
use crate::support::server::Answer;

fn site() -> Site {
    Site::start(&json!({
        "attributes": {
            "email_address": {
                "enabled": true, "required": true, "used_for_first_factor": true,
                "verifications": ["email_code"], "verify_at_sign_up": true,
            },
            "username": {"enabled": true, "used_for_first_factor": true},
            "first_name": {"enabled": true},
            "password": {"enabled": true},
        },
    }))
}

/// The same with phone numbers.
fn site_with_phones() -> Site {
    Site::start(&json!({
        "attributes": {
            "email_address": {
                "enabled": true, "used_for_first_factor": true, "verifications": ["email_code"],
                "verify_at_sign_up": true,
            },
            "phone_number": {"enabled": true, "verifications": ["phone_code"], "verify_at_sign_up": true},
            "password": {"enabled": true},
        },
    }))
}

/// A user with this address and the password.
fn create(site: &Site, address: &str) -> Value {
    let made = site.backend("POST", "/v1/users", &json!({ "email_address": [address], "password": PASSWORD }));
    user_in(&made)
}

fn path_of(user: &Value) -> String {
    format!("/v1/users/{}", user["id"].as_str().expect("an id"))
}

fn sign_in(browser: &mut Browser<'_>, address: &str) -> Answer {
    let form = format!("identifier={address}&password={}", PASSWORD.replace(' ', "+"));
    browser.post("/v1/client/sign_ins", &form)
}

/// Asks for a token of the session that a sign-in made.
fn token(browser: &mut Browser<'_>, signed_in: &Answer) -> Answer {
    let session = session_of(signed_in);
    browser.post(&format!("/v1/client/sessions/{session}/tokens"), "")
}

fn session_of(signed_in: &Answer) -> String {
    let session = &signed_in.json()["response"]["created_session_id"];
    session.as_str().unwrap_or_else(|| panic!("a session: {}", signed_in.body)).to_owned()
}

fn refused(answer: &Answer) -> (u16, Vec<String>) {
    (answer.status, answer.error_codes())
}

fn with(status: u16, code: &str) -> (u16, Vec<String>) {
    (status, vec![code.to_owned()])
}

/// The user, after its shape was checked.
fn user_in(answer: &Answer) -> Value {
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")), "{}", answer.body);
    let user = answer.json();
    let (mut shared, mut own) = (Map::new(), Map::new());
    for (key, value) in user.as_object().expect("an object").clone() {
        let is_own = BACKEND_ONLY.contains(&&*key);
        if is_own { &mut own } else { &mut shared }.insert(key, value);
    }
    assert_eq!(faults("user", &Value::Object(shared)), [""; 0], "{user:#}");
    assert_eq!(faults("backend_part_of_user", &Value::Object(own)), [""; 0], "{user:#}");
    user
}

/// A call with the secret key and one more header.
fn call_with(site: &Site, method: &str, path: &str, header: (&str, &str), body: &Value) -> Answer {
    let key = format!("Bearer {SECRET_KEY}");
    let headers = [("authorization", &*key), ("content-type", "application/json"), header];
    let body = if body.is_null() { String::new() } else { body.to_string() };
    site.server.request(method, path, &headers, &body).expect("an answer")
}

const BACKEND_ONLY: [&str; 4] =
    ["private_metadata", "password_last_updated_at", "create_organizations_limit", "bypass_client_trust"];
const PASSWORD: &str = "wanders under elms";
