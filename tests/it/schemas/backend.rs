//! What the application's backend is shown: users and what is theirs, sessions, clients, messages, webhooks.

use serde_json::{Value, json};

use crate::support::backend::Site;
use crate::support::schema::faults;

use super::talk::{Mode, Seen, Talk};
use super::walk::SIGN_UPS;

#[test]
fn users_and_all_that_is_theirs_have_their_shape() {
    let site = site();
    let user = ask(&site, "backend_user", "POST", "/v1/users", &ada());
    let id = user["id"].as_str().expect("an id");
    ask(&site, "backend_user", "GET", &format!("/v1/users/{id}"), &Value::Null);
    ask(&site, "[backend_user]", "GET", "/v1/users?limit=500", &Value::Null);
    ask(&site, "total_count", "GET", "/v1/users/count", &Value::Null);
    for call in ["ban", "unban", "lock", "unlock"] {
        ask(&site, "backend_user", "POST", &format!("/v1/users/{id}/{call}"), &Value::Null);
    }
    ask(&site, "verified", "POST", &format!("/v1/users/{id}/verify_password"), &json!({"password": PASSWORD}));
    ask(&site, "backend_user", "PATCH", &format!("/v1/users/{id}"), &json!({"first_name": null}));

    for (list, object, value) in [
        ("/v1/email_addresses", "email_address", "ada@example.org"),
        ("/v1/phone_numbers", "phone_number", "+14155552671"),
    ] {
        let made = ask(&site, object, "POST", list, &json!({"user_id": id, object: value}));
        let path = format!("{list}/{}", made["id"].as_str().expect("an id"));
        ask(&site, object, "GET", &path, &Value::Null);
        let begun = ask(&site, "backend_verification", "POST", &format!("{path}/prepare_verification"), &json!({}));
        let wrong = json!({"verification_id": begun["id"], "code": "000000"});
        ask(&site, "backend_verification", "POST", &format!("{path}/attempt_verification"), &wrong);
        ask(&site, object, "PATCH", &path, &json!({"verified": true}));
        ask(&site, "deleted", "DELETE", &path, &Value::Null);
    }
    ask(&site, "sign_in_token", "POST", "/v1/sign_in_tokens", &json!({"user_id": id}));
    let session = ask(&site, "backend_session", "POST", "/v1/sessions", &json!({"user_id": id}));
    let path = format!("/v1/sessions/{}", session["id"].as_str().expect("an id"));
    ask(&site, "token", "POST", &format!("{path}/tokens"), &json!({}));
    ask(&site, "[backend_session]", "GET", &format!("/v1/sessions?user_id={id}"), &Value::Null);
    ask(&site, "backend_session_page", "GET", &format!("/v1/sessions?user_id={id}&paginated=true"), &Value::Null);
    ask(&site, "backend_session", "POST", &format!("{path}/revoke"), &Value::Null);
    ask(&site, "backend_client_page", "GET", "/v1/clients?paginated=true", &Value::Null);
    ask(&site, "deleted", "DELETE", &format!("/v1/users/{id}"), &Value::Null);
}

#[test]
fn messages_webhooks_and_the_state_of_the_instance_have_their_shape() {
    let site = site();
    let seen = Seen::default();
    let mut talk = Talk::begin(&site.server, Mode::Cookie, &seen);
    talk.ask("POST", SIGN_UPS, "email_address=ada%40example.com&strategy=email_code&password=wanders+under+elms");
    site.server.mail("ada@example.com", 1);
    let page = ask(&site, "message_page", "GET", "/v1/messages", &Value::Null);
    let id = page["data"][0]["id"].as_str().expect("a message");
    ask(&site, "message", "GET", &format!("/v1/messages/{id}"), &Value::Null);
    ask(&site, "[message_channel]", "GET", "/v1/messages/channels", &Value::Null);
    ask(&site, "message_channel", "POST", "/v1/messages/channels/sms/pause", &Value::Null);
    ask(&site, "ready", "GET", "/health/ready", &Value::Null);
    ask(&site, "message_channel", "POST", "/v1/messages/channels/sms/resume", &Value::Null);
    ask(&site, "live", "GET", "/health/live", &Value::Null);

    let wished = json!({"url": "http://127.0.0.1:9/hooks", "events": ["user.created"]});
    let made = ask(&site, "webhook_endpoint", "POST", "/v1/webhooks/endpoints", &wished);
    let path = format!("/v1/webhooks/endpoints/{}", made["id"].as_str().expect("an id"));
    ask(&site, "webhook_attempt", "POST", &format!("{path}/test"), &Value::Null);
    for (schema, method, path) in [
        ("webhook_endpoint", "GET", path.clone()),
        ("webhook_endpoint_page", "GET", "/v1/webhooks/endpoints".into()),
        ("webhook_attempt_page", "GET", format!("{path}/attempts")),
        ("webhook_secret", "GET", format!("{path}/secret")),
        ("webhook_endpoint", "POST", format!("{path}/rotate_secret")),
        ("webhook_endpoint", "POST", format!("{path}/disable")),
        ("webhook_endpoint", "POST", format!("{path}/enable")),
        ("deleted", "DELETE", path.clone()),
    ] {
        ask(&site, schema, method, &path, &Value::Null);
    }

    assert_eq!(site.backend("PATCH", "/v1/instance", &json!({"support_email": "help@acme.example"})).status, 204);
    ask(&site, "instance_overrides", "GET", "/v1/instance/overrides", &Value::Null);
    ask(&site, "instance_overrides", "DELETE", "/v1/instance/overrides", &Value::Null);
    ask(&site, "clock", "GET", "/dev/clock", &Value::Null);
    ask(&site, "outbox", "GET", "/dev/outbox", &Value::Null);
}

/// A call that succeeds, in its shape.
fn ask(site: &Site, schema: &str, method: &str, path: &str, body: &Value) -> Value {
    let answer = site.backend(method, path, body);
    assert_eq!(answer.status, 200, "{method} {path}: {}", answer.body);
    let shown = answer.json();
    let found = faults(schema, &shown);
    assert!(found.is_empty(), "{method} {path}: {found:#?}\n{shown:#}");
    shown
}

fn ada() -> Value {
    json!({
        "email_address": ["ada@example.com"], "phone_number": ["+14155552672"], "password": PASSWORD, "first_name": "Ada",
        "private_metadata": {"plan": "pro"}, "external_id": "crm-1",
    })
}

fn site() -> Site {
    let address = |strategy: &str| {
        json!({
            "enabled": true, "used_for_first_factor": true, "verifications": [strategy], "verify_at_sign_up": true,
        })
    };
    Site::start(&json!({
        "attributes": {
            "email_address": address("email_code"),
            "phone_number": address("phone_code"),
            "password": {"enabled": true},
            "first_name": {"enabled": true},
        },
    }))
}

const PASSWORD: &str = "wanders under elms";
