//! A banned user is let in by no road, and is told only once they proved who they are
//! (guide/contract_backend.md#users). Passwords and codes are tested in `backend_users/bans.rs`.

use serde_json::{Value, json};

use crate::support::backend::{SECRET_KEY, Site as OfBackend, backend};
use crate::support::browser::Browser;
use crate::support::social::{EMAIL_AND_PASSWORD, Site, begin_form};

#[test]
fn a_banned_user_is_not_signed_in_by_a_provider() {
    let site = site();
    let user = site.sign_up(&mut site.browser());
    ban(&site, &user);
    let client = site.sign_in(&mut site.browser());
    assert_eq!(client["sessions"], json!([]));
    assert_eq!(client["sign_in"]["first_factor_verification"]["error"]["code"], "user_banned");
}

#[test]
fn a_user_who_is_banned_while_the_person_is_at_the_provider_is_not_signed_in() {
    let site = site();
    let user = site.sign_up(&mut site.browser());
    let mut browser = site.browser();
    let (back, _) = site.leave_to_sign_in(&mut browser);
    ban(&site, &user);
    browser.navigate(&back);
    let client = browser.get("/v1/client").json()["response"].clone();
    assert_eq!(client["sessions"], json!([]));
    assert_eq!(client["sign_in"]["first_factor_verification"]["error"]["code"], "user_banned");
}

#[test]
fn a_sign_up_that_finds_the_account_of_a_banned_user_leads_nowhere() {
    let site = site();
    let user = site.sign_up(&mut site.browser());
    ban(&site, &user);
    let mut browser = site.browser();
    let begun = site.begin(&mut browser, "");
    site.come_back(&mut browser, &begun);
    let client = browser.get("/v1/client").json()["response"].clone();
    let account = &client["sign_up"]["verifications"]["external_account"];
    assert_eq!((&account["error"]["code"], &client["sessions"]), (&json!("user_banned"), &json!([])));
    let transfer = browser.post("/v1/client/sign_ins", "transfer=true");
    assert_eq!((transfer.status, transfer.error_codes()), (400, vec!["account_transfer_invalid".into()]));
}

#[test]
fn a_transfer_to_a_user_who_was_banned_meanwhile_is_refused() {
    let site = site();
    let user = site.sign_up(&mut site.browser());
    let mut browser = site.browser();
    let begun = site.begin(&mut browser, "");
    site.come_back(&mut browser, &begun);
    ban(&site, &user);
    let transfer = browser.post("/v1/client/sign_ins", "transfer=true");
    assert_eq!((transfer.status, transfer.error_codes()), (403, vec!["user_banned".into()]), "{}", transfer.body);
    assert_eq!(browser.get("/v1/client").json()["response"]["sessions"], json!([]));
}

#[test]
fn an_account_is_not_linked_to_a_banned_user_with_its_address() {
    let site = site();
    let body = json!({ "email_address": ["ada@example.com"], "skip_password_requirement": true });
    let user = backend(&site.server, "POST", "/v1/users", &body).json();
    site.provider.person(json!({"sub": "p", "email": "ada@example.com", "email_verified": true}));
    ban(&site, &user);
    for path in ["/v1/client/sign_ins", "/v1/client/sign_ups"] {
        let mut browser = site.browser();
        let created = browser.post(path, &begin_form("")).json()["response"].clone();
        let account = match &created["verifications"]["external_account"] {
            Value::Null => created["first_factor_verification"].clone(),
            account => account.clone(),
        };
        let page = account["external_verification_redirect_url"].as_str().expect("a page").to_owned();
        let (code, state) = site.provider.allow(&page);
        browser.navigate(&format!("/v1/oauth_callback?code={code}&state={state}"));
        let client = browser.get("/v1/client").json()["response"].clone();
        assert_eq!(client["sessions"], json!([]), "{path}");
    }
    let user = backend(&site.server, "GET", &path_of(&user), &Value::Null).json();
    assert_eq!(user["external_accounts"], json!([]));
}

#[test]
fn whoever_may_be_new_is_not_let_in_as_a_banned_user() {
    for is_protected in [false, true] {
        let site = OfBackend::start(&json!({
            "attributes": { "email_address": {
                "enabled": true, "used_for_first_factor": true, "verifications": ["email_code"], "verify_at_sign_up": true,
            } },
            "attack_protection": { "enumeration_protection": { "enabled": is_protected } },
        }));
        let user = site.backend("POST", "/v1/users", &json!({ "email_address": ["ada@example.com"] })).json();
        let mut browser = Browser::of(&site.server);
        let form = "identifier=ada%40example.com&sign_up_if_missing=true&strategy=email_code";
        let begun = browser.post("/v1/client/sign_ins", form);
        assert_eq!(begun.status, 200, "{}", begun.body);
        let path = format!("/v1/client/sign_ins/{}", begun.json()["response"]["id"].as_str().expect("an id"));
        let code = site.server.code("ada@example.com", 1);
        site.backend("POST", &format!("{}/ban", path_of(&user)), &Value::Null);
        let attempt = format!("strategy=email_code&code={code}");
        let refused = browser.post(&format!("{path}/attempt_first_factor"), &attempt);
        assert_eq!((refused.status, refused.error_codes()), (403, vec!["user_banned".into()]), "{}", refused.body);
        let transfer = browser.post("/v1/client/sign_ups", "transfer=true");
        assert_eq!(transfer.error_codes(), ["account_transfer_invalid"], "{}", transfer.body);
        assert_eq!(browser.get("/v1/client").json()["response"]["sessions"], json!([]));
    }
}

fn site() -> Site {
    Site::start(&format!("[instance]\nsecret_key = \"{SECRET_KEY}\"\n{EMAIL_AND_PASSWORD}"))
}

fn ban(site: &Site, user: &Value) {
    let banned = backend(&site.server, "POST", &format!("{}/ban", path_of(user)), &Value::Null);
    assert_eq!(banned.json()["banned"], true, "{}", banned.body);
}

fn path_of(user: &Value) -> String {
    format!("/v1/users/{}", user["id"].as_str().expect("an id"))
}
