//! `PUT /dev/settings` over HTTP, with documents that the engine has shown and with invalid ones.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::browser::{Browser, PAGE, escaped};
use crate::support::endpoint::{Answer, Endpoint};
use crate::support::server::Server;

#[test]
fn the_environment_s_settings_with_one_switch_changed_change_that_switch() {
    let (server, _folder) = start();
    let before = server.settings();
    let mut document = environment(&server);
    assert!(document.get("oauth").is_none() && document["saml"].is_object(), "it hides some and adds some: {document}");
    document["sign_up"]["progressive"] = json!(false);
    let answer = server.try_settings(&document);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let mut expected = before;
    expected["sign_up"]["progressive"] = json!(false);
    assert_eq!((answer.json(), server.settings()), (expected.clone(), expected));
    assert_eq!(environment(&server), document);
}

#[test]
fn what_was_shown_and_is_put_back_changes_nothing() {
    let (server, _folder) = start();
    let before = (server.settings(), environment(&server));
    for document in [before.0.clone(), before.1.clone()] {
        assert_eq!(server.try_settings(&document).status, 200);
        assert_eq!((server.settings(), environment(&server)), before);
    }
    // The credentials are still there: the browser is redirected to the provider.
    let back = escaped(PAGE);
    let form = format!("strategy=oauth_custom_acme&redirect_url={back}&action_complete_redirect_url={back}");
    let begun = Browser::of(&server).post("/v1/client/sign_ups", &form);
    assert!(
        begun.body.contains("https://id.acme.example/authorize") && begun.body.contains("client_id=id"),
        "{}",
        begun.body
    );
}

#[test]
fn a_document_of_settings_is_whole_and_switches_off_what_it_leaves_out() {
    let (server, _folder) = start();
    let answer = server.try_settings(&json!({"attributes": {"username": {"enabled": true}}}));
    assert_eq!(answer.status, 200, "{}", answer.body);
    let now = server.settings();
    assert_eq!((&now["oauth"], &now["social"]), (&json!({}), &json!({})));
    assert_eq!(now["restrictions"]["allowlist"], json!({"enabled": false}));
}

#[test]
fn what_does_not_fit_is_told_by_its_key_in_words() {
    let (server, _folder) = start();
    let before = server.settings();
    let mut misspelt = environment(&server);
    misspelt["attributes"]["emial_address"] = json!({"enabled": true});
    for (document, key, reason) in [
        (misspelt, "attributes.emial_address", "is not a setting; did you mean `attributes.email_address`?"),
        (json!({"sing_up": {}}), "sing_up", "is not a setting; did you mean `sign_up`?"),
        (
            json!({"sign_up": {"progresive": true}}),
            "sign_up.progresive",
            "is not a setting; did you mean `sign_up.progressive`?",
        ),
        (
            json!({"sign_up": {"mode": "open"}}),
            "sign_up.mode",
            "can't be \"open\"; use \"public\", \"restricted\" or \"waitlist\"",
        ),
        (json!({"sign_up": {"progressive": "yes"}}), "sign_up.progressive", "must be true or false, without quotes"),
        (json!({"attributes": []}), "attributes", "must be an object"),
        (json!({"user_settings": {}}), "user_settings", "is not a setting; send its content instead"),
        (
            json!({"attributes": {"username": {"required": true}}}),
            "attributes.username.required",
            "is true, but the attribute is not enabled",
        ),
        (
            json!({"attributes": {"web3_wallet": {"enabled": true, "required": true}}}),
            "attributes.web3_wallet.required",
            "is true, but wallets can't be verified yet: no sign-up could be completed; write false",
        ),
        (json!(["sign_up"]), "", "must be a JSON object"),
    ] {
        let answer = server.try_settings(&document);
        assert_eq!(
            (answer.status, answer.error_codes()),
            (422, vec!["form_param_value_invalid".to_owned()]),
            "{document}"
        );
        let error = &answer.json()["errors"][0];
        assert_eq!((&error["meta"]["param_name"], &error["message"]), (&json!(key), &json!(reason)), "{document}");
    }
    let two = server.try_settings(&json!({"sing_up": {}, "sign_up": {"progressive": 1}}));
    assert_eq!(two.json()["errors"].as_array().map(Vec::len), Some(2), "{}", two.body);
    for body in [
        "",
        "{",
        "{\"sign_up\": {\"mode\": \"public\", \"mode\": \"waitlist\"}}",
        // In the environment's form, and among names that are nobody's in particular.
        "{\"saml\": {}, \"sign_up\": {\"mode\": \"public\", \"mode\": \"waitlist\"}}",
        "{\"social\": {\"oauth_google\": {\"enabled\": true}, \"oauth_google\": {\"enabled\": false}}}",
    ] {
        let answer = send(&server, body);
        assert_eq!(answer.status, 422, "{body}: {}", answer.body);
        for word in ["struct", "expected one of", "duplicate field", "line 0"] {
            assert!(!answer.body.contains(word), "{body}: {}", answer.body);
        }
    }
    assert_eq!(server.settings(), before, "and nothing is in force of what was refused");
}

fn environment(server: &Endpoint) -> Value {
    server.request("GET", "/v1/environment", &[], "").expect("an answer").json()["user_settings"].clone()
}

fn send(server: &Endpoint, body: &str) -> Answer {
    server.request("PUT", "/dev/settings", &[("content-type", "application/json")], body).expect("an answer")
}

fn start() -> (Server, TempDir) {
    let folder = TempDir::new().expect("a folder");
    (Server::start(folder.path(), &format!("[server]\nallowed_origins = [\"{PAGE}\"]\n{HIDDEN}")), folder)
}

/// Settings that the environment resource hides in part or shows in another form.
const HIDDEN: &str = r#"
[settings.attributes.email_address]
enabled = true
verifications = ["email_code"]
verify_at_sign_up = true
[settings.attributes.phone_number]
enabled = true
[settings.password_settings]
disable_hibp = false
[settings.social.oauth_custom_acme]
enabled = true
authenticatable = true
[settings.oauth.oauth_custom_acme]
client_id = "id"
client_secret = "hidden"
authorization_endpoint = "https://id.acme.example/authorize"
token_endpoint = "https://id.acme.example/token"
userinfo_endpoint = "https://id.acme.example/me"
[settings.restrictions.allowlist]
enabled = false
identifiers = ["@acme.example"]
[settings.restrictions.blocklist]
enabled = true
identifiers = ["mallory@example.com"]
[settings.restrictions.phone_countries]
blocked = ["GB"]
[settings.restrictions.block_disposable_email_domains]
allowed_domains = ["relay.example"]
"#;
