//! Who may not sign up, over HTTP: where each refusal shows, and that new settings count for sign-ups in flight.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::browser::{Browser, PAGE};
use crate::support::server::{Answer, Server};

#[test]
fn each_restriction_answers_403_at_its_field() {
    let (server, _folder) = start();
    configure(
        &server,
        json!({
            "blocklist": {"enabled": true, "identifiers": ["mallory@example.com", "@bad.example", "+1212*"]},
            "block_email_subaddresses": {"enabled": true},
            "block_disposable_email_domains": {"enabled": true},
            "phone_countries": {"blocked": ["GB"]},
        }),
    );
    for (form, code, param) in [
        ("email_address=Mallory%40example.com", "not_allowed_access", "email_address"),
        ("email_address=x%40deep.bad.example", "not_allowed_access", "email_address"),
        ("email_address=ada%2Btag%40example.com", "not_allowed_access", "email_address"),
        ("email_address=ada%40mailinator.com", "not_allowed_access", "email_address"),
        ("phone_number=%2B12125550123", "not_allowed_access", "phone_number"),
        ("phone_number=%2B442079460018", "unsupported_country_code", "phone_number"),
    ] {
        let refused = Browser::of(&server).post("/v1/client/sign_ups", form);
        assert_eq!((refused.status, refused.error_codes()), (403, vec![code.to_owned()]), "{form}");
        assert_eq!(refused.json()["errors"][0]["meta"]["param_name"], param, "{form}");
    }
    assert_eq!(Browser::of(&server).post("/v1/client/sign_ups", "email_address=ada%40gmail.com").status, 200);
    let shown = Browser::of(&server).get("/v1/environment");
    assert!(!shown.body.contains("mallory"), "browsers see the switches only");
    assert_eq!(shown.json()["user_settings"]["restrictions"]["blocklist"], json!({"enabled": true}));
}

#[test]
fn a_sign_up_in_flight_meets_the_restrictions_of_its_last_moment() {
    let (server, _folder) = start();
    configure(&server, json!({}));
    let mut browser = Browser::of(&server);
    let created = browser.post("/v1/client/sign_ups", "email_address=ada%40example.com&strategy=email_code");
    let path = format!("/v1/client/sign_ups/{}", created.json()["response"]["id"].as_str().expect("an id"));
    let code = server.mail("ada@example.com", 1)["code"].as_str().expect("a code").to_owned();
    configure(&server, json!({"allowlist": {"enabled": true, "identifiers": ["@friends.example"]}}));
    let form = format!("strategy=email_code&code={code}");
    let attempt = |browser: &mut Browser<'_>| browser.post(&format!("{path}/attempt_verification"), &form);
    let refused: Answer = attempt(&mut browser);
    assert_eq!((refused.status, refused.error_codes()), (403, vec!["not_allowed_access".to_owned()]));
    assert_eq!(browser.get("/v1/client").json()["response"]["sessions"], json!([]));
    configure(&server, json!({}));
    assert_eq!(attempt(&mut browser).json()["response"]["status"], "complete", "nothing was lost by it");
}

#[test]
fn an_entry_that_means_nothing_is_named() {
    let (server, _folder) = start();
    let document = settings(json!({"allowlist": {"enabled": true, "identifiers": ["example.com"]}}));
    let kind = ("content-type", "application/json");
    let refused = server.request("PUT", "/dev/settings", &[kind], &document.to_string()).expect("an answer");
    assert_eq!(refused.status, 422);
    assert!(refused.body.contains("`example.com` is no e-mail address"), "{}", refused.body);
}

fn start() -> (Server, TempDir) {
    let folder = TempDir::new().expect("a folder");
    let config = format!("[server]\nallowed_origins = [\"{PAGE}\"]\n[limits]\nsource = false\n");
    (Server::start(folder.path(), &config), folder)
}

fn configure(server: &Server, restrictions: Value) {
    let document = settings(restrictions).to_string();
    let kind = ("content-type", "application/json");
    let answer = server.request("PUT", "/dev/settings", &[kind], &document).expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.body);
}

fn settings(restrictions: Value) -> Value {
    let address = |strategy: &str| json!({"enabled": true, "verifications": [strategy], "verify_at_sign_up": true});
    json!({
        "attributes": {"email_address": address("email_code"), "phone_number": address("phone_code")},
        "restrictions": restrictions,
    })
}
