//! Connecting and disconnecting accounts at providers in the profile, over HTTP
//! (guide/contract_me.md#connected-accounts).

use serde_json::{Value, json};

use crate::support::backend::{SECRET_KEY, backend};
use crate::support::browser::{Browser, PAGE, escaped};
use crate::support::social::{EMAIL_AND_PASSWORD, Site};

#[test]
fn an_account_is_connected_and_disconnected_and_its_address_stays() {
    let site = Site::start(&settings());
    let mut browser = site.browser();
    sign_up(&site, &mut browser, "ada");
    person(&site, "person-1", "Ada@Work.example");
    let begun = connect(&mut browser);
    let account = &begun["response"];
    assert_eq!((&account["object"], &account["provider"]), (&json!("external_account"), &json!("oauth_custom_fake")));
    let verification = &account["verification"];
    assert_eq!(
        (&verification["object"], &verification["status"]),
        (&json!("verification_oauth"), &json!("unverified"))
    );
    assert_eq!(begun["client"]["sessions"][0]["user"]["external_accounts"][0]["id"], account["id"]);
    let users = format!("/v1/users/{}", id(&begun["client"]["sessions"][0]["user"]));
    let backends = |user: &str| backend(&site.server, "GET", user, &Value::Null).json()["external_accounts"].clone();
    assert_eq!(backends(&users), json!([]), "the URL is for the person");

    let before = browser.cookie("__client").map(str::to_owned);
    let back = come_back(&site, &mut browser, &begun);
    assert_eq!((back.status, back.header("location")), (303, Some(&*format!("{PAGE}/profile"))), "{}", back.body);
    assert_eq!(browser.cookie("__client").map(str::to_owned), before, "no new session");
    let user = me(&mut browser);
    let known = &user["external_accounts"][0];
    assert_eq!(backends(&users)[0]["id"], account["id"]);
    assert_eq!((&known["id"], &known["provider_user_id"]), (&account["id"], &json!("person-1")));
    assert_eq!(known["verification"]["status"], "verified");
    assert_eq!(user["email_addresses"][1]["email_address"], "ada@work.example");
    assert_eq!(user["email_addresses"][1]["linked_to"][0]["id"], known["identification_id"]);

    assert_eq!(site.server.told("ada@example.com", 1), ["An account was connected to your Vestibule account"]);

    let again = browser.post("/v1/me/external_accounts", &form());
    assert_eq!((again.status, again.error_codes()), (422, vec!["form_identifier_exists".to_owned()]));
    let address = format!("/v1/me/email_addresses/{}", id(&user["email_addresses"][1]));
    let linked = browser.request("DELETE", &address, &[], "");
    assert_eq!(linked.error_codes(), ["delete_linked_identification_disallowed"]);
    let path = format!("/v1/me/external_accounts/{}", id(account));
    let removed = browser.request("DELETE", &path, &[], "");
    assert_eq!(removed.json()["response"], json!({"object": "external_account", "id": account["id"], "deleted": true}));
    let user = me(&mut browser);
    assert_eq!(user["external_accounts"], json!([]));
    assert_eq!(user["email_addresses"].as_array().map(Vec::len), Some(2), "the address stays");
    assert_eq!(browser.request("DELETE", &address, &[], "").status, 200);
}

#[test]
fn the_account_of_another_user_stays_theirs() {
    let site = Site::start(&settings());
    person(&site, "person-1", "ada@work.example");
    let mut owner = site.browser();
    sign_up(&site, &mut owner, "ada");
    let begun = connect(&mut owner);
    come_back(&site, &mut owner, &begun);
    let mut other = site.browser();
    sign_up(&site, &mut other, "eve");
    let begun = connect(&mut other);
    let back = come_back(&site, &mut other, &begun);
    assert_eq!((back.status, back.header("location")), (303, Some(&*format!("{PAGE}/profile"))));
    let user = me(&mut other);
    let verification = &user["external_accounts"][0]["verification"];
    assert_eq!(
        (&verification["status"], &verification["error"]["code"]),
        (&json!("failed"), &json!("oauth_identification_claimed"))
    );
    assert_eq!(user["email_addresses"].as_array().map(Vec::len), Some(1));
    assert_eq!(me(&mut owner)["external_accounts"][0]["verification"]["status"], "verified");
    // It can be tried again, and put away.
    let path = format!("/v1/me/external_accounts/{}", id(&user["external_accounts"][0]));
    assert_eq!(other.request("DELETE", &path, &[], "").status, 200);
    assert_eq!(me(&mut other)["external_accounts"], json!([]));
}

#[test]
fn an_address_that_another_user_has_does_not_come_with_an_account() {
    let site = Site::start(&settings());
    sign_up(&site, &mut site.browser(), "ada");
    person(&site, "person-1", "ada@example.com");
    let mut browser = site.browser();
    sign_up(&site, &mut browser, "eve");
    let begun = connect(&mut browser);
    come_back(&site, &mut browser, &begun);
    let user = me(&mut browser);
    assert_eq!(user["external_accounts"][0]["verification"]["status"], "verified");
    assert_eq!(user["email_addresses"].as_array().map(Vec::len), Some(1));
}

#[test]
fn only_the_browser_that_left_and_is_still_signed_in_connects_an_account() {
    let site = Site::start(&settings());
    person(&site, "person-1", "ada@work.example");
    let mut browser = site.browser();
    sign_up(&site, &mut browser, "ada");
    let begun = connect(&mut browser);
    let (code, state) = site.provider.allow(page_of(&begun));
    let path = format!("/v1/oauth_callback?code={code}&state={state}");
    let mut stranger = site.browser();
    sign_up(&site, &mut stranger, "eve");
    assert_eq!(stranger.navigate(&path).status, 303);
    assert_eq!(me(&mut stranger)["external_accounts"], json!([]));
    assert_eq!(me(&mut browser)["external_accounts"][0]["verification"]["status"], "unverified");
    browser.request("DELETE", "/v1/client/sessions", &[], "");
    assert_eq!(browser.navigate(&path).status, 303);
    let done =
        browser.post("/v1/client/sign_ins", &format!("identifier=ada%40example.com&password={}", escaped(PASSWORD)));
    assert_eq!(done.json()["response"]["status"], "complete", "{}", done.body);
    assert_eq!(me(&mut browser)["external_accounts"][0]["verification"]["status"], "unverified");
}

#[test]
fn whoever_denies_access_reads_why_on_the_page() {
    let site = Site::start(&settings());
    let mut browser = site.browser();
    sign_up(&site, &mut browser, "ada");
    let begun = connect(&mut browser);
    let (_, state) = site.provider.allow(page_of(&begun));
    let back = browser.navigate(&format!("/v1/oauth_callback?error=access_denied&state={state}"));
    assert_eq!(back.header("location"), Some(&*format!("{PAGE}/profile")));
    let verification = me(&mut browser)["external_accounts"][0]["verification"].clone();
    assert_eq!(
        (&verification["status"], &verification["error"]["code"]),
        (&json!("failed"), &json!("oauth_access_denied"))
    );
    let again = connect(&mut browser);
    person(&site, "person-1", "ada@work.example");
    come_back(&site, &mut browser, &again);
    let accounts = me(&mut browser)["external_accounts"].clone();
    assert_eq!(
        (accounts.as_array().map(Vec::len), &accounts[0]["verification"]["status"]),
        (Some(1), &json!("verified"))
    );
}

#[test]
fn an_account_is_asked_again_and_only_for_itself() {
    let site = Site::start(&settings());
    person(&site, "person-1", "ada@work.example");
    let mut browser = site.browser();
    sign_up(&site, &mut browser, "ada");
    let begun = connect(&mut browser);
    come_back(&site, &mut browser, &begun);
    let path = format!("/v1/me/external_accounts/{}/reauthorize", id(&begun["response"]));
    for (subject, status) in [("person-2", "failed"), ("person-1", "verified")] {
        person(&site, subject, "ada@work.example");
        let again =
            browser.request("PATCH", &path, &[], &format!("redirect_url={}", escaped(&format!("{PAGE}/profile"))));
        assert_eq!(again.status, 200, "{}", again.body);
        come_back(&site, &mut browser, &again.json());
        let accounts = me(&mut browser)["external_accounts"].clone();
        assert_eq!(
            (&accounts[0]["verification"]["status"], &accounts[0]["provider_user_id"]),
            (&json!(status), &json!("person-1"))
        );
        assert_eq!(accounts.as_array().map(Vec::len), Some(1));
    }
}

#[test]
fn an_application_without_cookies_connects_an_account_by_what_the_system_browser_brought() {
    let site = Site::start(&settings());
    person(&site, "person-1", "ada@work.example");
    let native = |method: &str, path: &str, token: &str, form: &str| {
        site.server.native(method, path, token, form).expect("an answer")
    };
    let joins = |name: &str| {
        let address = format!("{name}@example.com");
        let form = format!("email_address={}&password={}", escaped(&address), escaped(PASSWORD));
        let begun = native("POST", "/v1/client/sign_ups", "", &form);
        let token = begun.header("authorization").expect("a token").to_owned();
        let path = format!("/v1/client/sign_ups/{}", id(&begun.json()["response"]));
        native("POST", &format!("{path}/prepare_verification"), &token, "strategy=email_code");
        let code = site.server.code(&address, 1);
        let form = format!("strategy=email_code&code={code}");
        let done = native("POST", &format!("{path}/attempt_verification"), &token, &form);
        assert_eq!(done.json()["response"]["status"], "complete", "{}", done.body);
        done.header("authorization").expect("a token").to_owned()
    };
    let (token, other) = (joins("ada"), joins("eve"));
    let form = format!("strategy=oauth_custom_fake&redirect_url={}", escaped("myapp://callback"));
    let begun = native("POST", "/v1/me/external_accounts", &token, &form);
    assert_eq!(begun.status, 200, "{}", begun.body);
    let (code, state) = site.provider.allow(page_of(&begun.json()));
    let back = site.browser().navigate(&format!("/v1/oauth_callback?code={code}&state={state}"));
    let to = back.header("location").expect("a place to go").to_owned();
    let nonce = to.strip_prefix("myapp://callback?rotating_token_nonce=").expect("a hand-over").to_owned();
    let shown = native("GET", "/v1/me", &token, "").json();
    assert_eq!(shown["response"]["external_accounts"][0]["verification"]["status"], "unverified", "only brought");

    let claim = format!("/v1/me?rotating_token_nonce={nonce}");
    for (token, status, code) in [(other.as_str(), 400, "oauth_callback_invalid"), ("", 401, "signed_out")] {
        let refused = native("GET", &claim, token, "");
        assert_eq!((refused.status, refused.error_codes()), (status, vec![code.to_owned()]));
    }
    let claimed = native("GET", &claim, &token, "");
    let account = claimed.json()["response"]["external_accounts"][0].clone();
    assert_eq!(
        (&account["verification"]["status"], &account["provider_user_id"]),
        (&json!("verified"), &json!("person-1"))
    );
    assert_eq!(claimed.json()["client"]["sessions"][0]["user"]["external_accounts"][0]["id"], account["id"]);
    assert_eq!(native("GET", &claim, &token, "").error_codes(), ["oauth_callback_invalid"], "once");
}

#[test]
fn further_scopes_are_asked_for_beside_those_of_the_settings() {
    let site = Site::start(&settings());
    let mut browser = site.browser();
    sign_up(&site, &mut browser, "ada");
    let many = "&additional_scope=a".repeat(33);
    for wrong in ["&additional_scope=two+words", "&additional_scope=a%2Cb", "&additional_scope=%C3%A9", &many] {
        let refused = browser.post("/v1/me/external_accounts", &format!("{}{wrong}", form()));
        assert_eq!((refused.status, refused.error_codes()), (422, vec!["form_param_value_invalid".to_owned()]));
    }
    let further =
        "&additional_scope=calendar.read&additional_scope[]=https%3A%2F%2Fa.example%2Fdrive&additional_scope=email";
    let begun = browser.post("/v1/me/external_accounts", &format!("{}{further}", form())).json();
    let page = url::Url::parse(page_of(&begun)).expect("a URL");
    let scope = page.query_pairs().find(|(name, _)| name == "scope").expect("scopes").1.into_owned();
    let scopes: Vec<_> = scope.split(' ').collect();
    assert!(scopes.ends_with(&["calendar.read", "https://a.example/drive"]), "{scope}");
    assert_eq!(scopes.iter().filter(|scope| **scope == "email").count(), 1, "{scope}");
}

fn person(site: &Site, subject: &str, email: &str) {
    site.provider.person(json!({"sub": subject, "email": email, "email_verified": true}));
}

fn connect(browser: &mut Browser<'_>) -> Value {
    let begun = browser.post("/v1/me/external_accounts", &form());
    assert_eq!(begun.status, 200, "{}", begun.body);
    begun.json()
}

fn form() -> String {
    format!("strategy=oauth_custom_fake&redirect_url={}", escaped(&format!("{PAGE}/profile")))
}

fn page_of(begun: &Value) -> &str {
    let verification = &begun["response"]["verification"];
    verification["external_verification_redirect_url"].as_str().unwrap_or_else(|| panic!("no page: {begun}"))
}

fn come_back(site: &Site, browser: &mut Browser<'_>, begun: &Value) -> crate::support::server::Answer {
    let (code, state) = site.provider.allow(page_of(begun));
    browser.navigate(&format!("/v1/oauth_callback?code={code}&state={state}"))
}

fn sign_up(site: &Site, browser: &mut Browser<'_>, name: &str) {
    let address = format!("{name}@example.com");
    let form = format!("email_address={}&password={}", escaped(&address), escaped(PASSWORD));
    let created = browser.post("/v1/client/sign_ups", &form).json();
    let path = format!("/v1/client/sign_ups/{}", id(&created["response"]));
    browser.post(&format!("{path}/prepare_verification"), "strategy=email_code");
    let code = site.server.code(&address, 1);
    let done = browser.post(&format!("{path}/attempt_verification"), &format!("strategy=email_code&code={code}"));
    assert_eq!(done.json()["response"]["status"], "complete", "{}", done.body);
}

fn me(browser: &mut Browser<'_>) -> Value {
    let shown = browser.get("/v1/me");
    assert_eq!(shown.status, 200, "{}", shown.body);
    shown.json()["response"].clone()
}

fn id(object: &Value) -> String {
    object["id"].as_str().unwrap_or_else(|| panic!("no id: {object}")).to_owned()
}

/// An address also signs in.
fn settings() -> String {
    let settings = EMAIL_AND_PASSWORD.replacen("verifications", "used_for_first_factor = true\nverifications", 1);
    format!("[instance]\nsecret_key = \"{SECRET_KEY}\"\n{settings}")
}

const PASSWORD: &str = "wanders under elms";
