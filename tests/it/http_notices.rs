//! What users are told of changes of their accounts, over HTTP (guide/contract_me.md#notices).

use serde_json::{Value, json};

use crate::http_second_factors::{PASSWORD, settings};
use crate::support::backend::{SECRET_KEY, backend};
use crate::support::browser::{Browser, escaped};
use crate::support::site::Site;

const ADA: &str = "ada@example.com";

#[test]
fn the_profile_and_the_backend_tell_of_a_changed_password() {
    let site = Site::start(&settings(&format!("[instance]\nsecret_key = \"{SECRET_KEY}\"\n")));
    let mut browser = site.browser();
    let user = browser.join_with_password(ADA);
    let form = format!("current_password={}&new_password=strolls+beneath+oaks", escaped(PASSWORD));
    let refused = browser.post("/v1/me/change_password", &form.replace("current_password=", "current_password=x"));
    assert_eq!(refused.status, 422, "{}", refused.body);
    assert_eq!(browser.post("/v1/me/change_password", &form).status, 200);
    assert_eq!(site.server.told(ADA, 1), ["Your password for Vestibule was changed"]);

    let path = format!("/v1/users/{user}");
    for (method, path, body, count) in [
        ("PATCH", path.as_str(), json!({"password": "wanders over hills"}), 2),
        ("PATCH", &format!("{path}/metadata"), json!({"public_metadata": {"plan": "free"}}), 2),
        ("POST", &format!("{path}/password/set_compromised"), json!({}), 2),
        ("PATCH", path.as_str(), json!({"password": "rambles along rivers"}), 3),
    ] {
        let done = backend(&site.server, method, path, &body);
        assert_eq!(done.status, 200, "{}", done.body);
        assert_eq!(site.server.told(ADA, count).len(), count, "{method} {path} {body}");
    }
    let made = backend(
        &site.server,
        "POST",
        "/v1/users",
        &json!({"email_address": ["eve@example.com"], "skip_password_requirement": true}),
    )
    .json();
    let path = format!("/v1/users/{}", made["id"].as_str().expect("an id"));
    assert_eq!(backend(&site.server, "PATCH", &path, &json!({"password": "wanders over hills"})).status, 200);
    assert_eq!(site.server.told("eve@example.com", 0), [""; 0], "it had none");
    let listed = backend(&site.server, "GET", "/v1/messages?template=password_changed", &Value::Null).json();
    let messages = listed["data"].as_array().expect("messages");
    assert_eq!(messages.len(), 3, "{listed}");
    assert!(messages.iter().all(|m| m["origin_type"] == "user" && m["origin_id"] == user.as_str()), "{listed}");
}

#[test]
fn a_second_factor_that_is_added_or_removed_and_new_backup_codes_are_told() {
    let site = Site::start(&settings(""));
    let mut browser = site.browser();
    browser.join_with_password(ADA);
    browser.set_up_app(&site);
    assert_eq!(site.server.told(ADA, 1), ["A second factor was added to your Vestibule account"], "with its codes");
    assert_eq!(browser.post("/v1/me/backup_codes", "").status, 200);
    assert!(site.server.told(ADA, 2).contains(&"Your Vestibule account has new backup codes".to_owned()));
    assert_eq!(browser.request("DELETE", "/v1/me/totp", &[], "").status, 200);
    assert!(site.server.told(ADA, 3).contains(&"A second factor was removed from your Vestibule account".to_owned()));
}

#[test]
fn a_user_is_told_of_so_many_changes_in_an_hour_and_the_others_are_made_all_the_same() {
    let site = Site::start(&settings(""));
    let mut browser = site.browser();
    browser.join_with_password(ADA);
    browser.set_up_app(&site);
    for _ in 0..25 {
        let made = browser.post("/v1/me/backup_codes", "");
        assert_eq!(made.status, 200, "{}", made.body);
    }
    site.server.advance(3_601_000);
    assert_eq!(browser.request("DELETE", "/v1/me/totp", &[], "").status, 200);
    let told = site.server.told(ADA, 21);
    assert_eq!(told.len(), 21, "20 in the hour, and one after it");
    assert!(told.contains(&"A second factor was removed from your Vestibule account".to_owned()));
}

#[test]
fn another_primary_address_is_told_to_the_one_of_before() {
    let site = Site::start(&settings(""));
    let mut browser = site.browser();
    browser.join_with_password(ADA);
    let added = browser.post("/v1/me/email_addresses", "email_address=new%40example.com").json();
    let id = added["response"]["id"].as_str().expect("an id").to_owned();
    let path = format!("/v1/me/email_addresses/{id}");
    browser.post(&format!("{path}/prepare_verification"), "strategy=email_code");
    let form = site.server.code_form("new@example.com", 1);
    assert_eq!(browser.post(&format!("{path}/attempt_verification"), &form).status, 200);
    assert_eq!(site.server.told(ADA, 0), [""; 0]);
    let chosen = browser.request("PATCH", "/v1/me", &[], &format!("primary_email_address_id={id}"));
    assert_eq!(chosen.status, 200, "{}", chosen.body);
    assert_eq!(site.server.told(ADA, 1), ["Your Vestibule account has another e-mail address"]);
    assert_eq!(site.server.told("new@example.com", 0), [""; 0]);
}

#[test]
fn with_reverification_the_password_alone_does_not_remove_a_second_factor() {
    let site = Site::start(&settings("[session]\nreverification = true\n"));
    let mut browser = site.browser();
    browser.join_with_password(ADA);
    let app = browser.set_up_app(&site);
    site.server.advance(11 * 60_000);
    let client = browser.get("/v1/client").json()["response"].clone();
    let verify = format!("/v1/client/sessions/{}/verify", client["last_active_session_id"].as_str().expect("an id"));
    let first = format!("strategy=password&password={}", escaped(PASSWORD));
    assert_eq!(browser.post(&verify, "level=first_factor").status, 200);
    let proved = browser.post(&format!("{verify}/attempt_first_factor"), &first).json();
    assert_eq!(proved["response"]["status"], "complete", "{proved}");
    let named = browser.request("PATCH", "/v1/me", &[], "unsafe_metadata=%7B%22theme%22%3A%22dark%22%7D");
    assert_eq!(named.status, 200, "{}", named.body);
    let refuses = |browser: &mut Browser<'_>| {
        for (method, path) in [("DELETE", "/v1/me/totp"), ("POST", "/v1/me/backup_codes")] {
            let refused = browser.request(method, path, &[], "");
            let expected = vec!["session_reverification_required".to_owned()];
            assert_eq!((refused.status, refused.error_codes()), (403, expected), "{method} {path}");
        }
    };
    refuses(&mut browser);

    let begun = browser.post(&verify, "level=multi_factor").json();
    assert_eq!(begun["response"]["status"], "needs_first_factor", "{begun}");
    let half = browser.post(&format!("{verify}/attempt_first_factor"), &first).json();
    assert_eq!(half["response"]["status"], "needs_second_factor", "{half}");
    refuses(&mut browser);
    let form = format!("strategy=totp&code={}", app.code(&site));
    let done = browser.post(&format!("{verify}/attempt_second_factor"), &form).json();
    assert_eq!(done["response"]["status"], "complete", "{done}");
    assert_eq!(browser.post("/v1/me/backup_codes", "").status, 200);
    assert_eq!(browser.request("DELETE", "/v1/me/totp", &[], "").status, 200);
    let another = browser.post("/v1/me/totp", "");
    assert_eq!(another.status, 200, "without a second factor the first is enough: {}", another.body);
}
