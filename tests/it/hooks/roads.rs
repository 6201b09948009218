//! Every road to a new user leads past the hook. Each one is walked while it refuses: there is no user, the person is
//! told why, and what was proved is kept. Then it is walked on while it allows.

use serde_json::{Value, json};

use super::*;
use crate::support::browser::{Browser, PAGE, escaped};
use crate::support::endpoint::Answer as Reply;
use crate::support::social::{begin_form, id_of};

#[test]
fn a_create_that_has_everything() {
    let site = Site::start(&with_email(&[], &json!({"password": {"enabled": true, "required": true}})));
    let mut browser = site.site.browser();
    let create = |browser: &mut Browser<'_>| {
        browser.post("/v1/client/sign_ups", "email_address=ada%40example.com&password=wanders+under+elms")
    };
    is_refused(&site, &create(&mut browser));
    assert!(browser.cookies.is_empty(), "nothing was begun: {:?}", browser.cookies);
    completes(&site, || create(&mut browser));
}

#[test]
fn an_update_with_the_last_field() {
    let site = Site::start(&with_email(&[], &json!({"first_name": {"enabled": true, "required": true}})));
    let mut browser = site.site.browser();
    let path = browser.begin_sign_up("email_address=ada%40example.com");
    assert_eq!(site.door.take_asked(), [], "it is not finished");
    is_refused(&site, &browser.request("PATCH", &path, &[], "first_name=Ada"));
    let shown = browser.get(&path).json()["response"].clone();
    assert_eq!((&shown["status"], &shown["first_name"]), (&json!("missing_requirements"), &json!("Ada")));
    assert_eq!((&shown["missing_fields"], &shown["unverified_fields"]), (&json!([]), &json!([])));
    assert_eq!(browser.get("/v1/client").json()["response"]["sessions"], json!([]));
    is_refused(&site, &browser.request("PATCH", &path, &[], ""));
    completes(&site, || browser.request("PATCH", &path, &[], ""));
}

#[test]
fn an_attempt_with_the_right_code() {
    let site = Site::start(&with_email(&["email_code"], &json!({})));
    let mut browser = site.site.browser();
    let path = browser.begin_sign_up("email_address=ada%40example.com&strategy=email_code");
    let form = site.site.server.code_form("ada@example.com", 1);
    let attempt = |browser: &mut Browser<'_>, form: &str| browser.post(&format!("{path}/attempt_verification"), form);
    is_refused(&site, &attempt(&mut browser, &form));
    let shown = browser.get(&path).json()["response"].clone();
    assert_eq!(shown["verifications"]["email_address"]["status"], "verified", "that is proved");
    is_refused(&site, &attempt(&mut browser, &form));
    completes(&site, || attempt(&mut browser, &form));
}

#[test]
fn a_link_in_the_browser_that_asked_for_it() {
    let site = Site::start(&with_email(&["email_link"], &json!({})));
    let mut browser = site.site.browser();
    let (path, link) = begin_link(&site, &mut browser, &format!("{PAGE}/verify"));
    let clicked = browser.navigate(&link);
    asked_once(&site);
    let place = clicked.header("location").expect("back to the page").to_owned();
    assert_eq!(place, format!("{PAGE}/verify?__clerk_status=verified"), "without a session");
    let shown = browser.get(&path).json()["response"].clone();
    assert_eq!(shown["status"], "missing_requirements");
    let verification = &shown["verifications"]["email_address"];
    assert_eq!((&verification["status"], &verification["error"]["code"]), (&json!("verified"), &json!("company_only")));
    is_refused(&site, &browser.request("GET", &link, &[("accept", "application/json")], ""));
    site.door.says_now(allows());
    let again = browser.navigate(&link);
    assert!(again.header("location").is_some_and(|url| url.contains("__clerk_created_session=sess_")), "{again:?}");
    asked_once(&site);
    assert_eq!(site.users().len(), 1);
}

#[test]
fn a_link_in_another_browser_and_to_nowhere_shows_a_page() {
    let mut settings = with_email(&["email_link"], &json!({}));
    settings["attack_protection"] = json!({"email_link": {"require_same_client": false}});
    let site = Site::start(&settings);
    let mut browser = site.site.browser();
    let (path, link) = begin_link(&site, &mut browser, &format!("{PAGE}/verify"));
    let (to, token) = link.split_once('?').expect("a token");
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("accept", "text/html"), ("origin", "null")];
    let pressed = site.site.browser().send("POST", to, &headers, token);
    asked_once(&site);
    assert!(pressed.header("location").is_some_and(|url| url.contains("__clerk_status=verified")), "{pressed:?}");
    assert!(site.users().is_empty());
    completes(&site, || browser.request("PATCH", &path, &[], ""));
}

#[test]
fn a_return_from_a_provider() {
    let site = Site::start(&with_email(&["email_code"], &json!({})));
    let mut browser = site.site.browser();
    let begun = site.site.begin(&mut browser, "");
    let back = site.site.come_back(&mut browser, &begun);
    assert_eq!(back.header("location"), Some(&*format!("{PAGE}/sso-callback")), "{}", back.body);
    asked_once(&site);
    let sign_up = browser.get("/v1/client").json()["response"]["sign_up"].clone();
    let account = &sign_up["verifications"]["external_account"];
    assert_eq!((&account["status"], &account["error"]["code"]), (&json!("verified"), &json!("company_only")));
    assert_eq!(account["error"]["long_message"], "Please use the address that your company gave you.");
    assert!(site.users().is_empty());
    let path = format!("/v1/client/sign_ups/{}", id_of(&begun));
    completes(&site, || browser.request("PATCH", &path, &[], ""));
    let shown = browser.get(&path).json()["response"]["verifications"]["external_account"].clone();
    assert_eq!(shown["error"], Value::Null);
}

#[test]
fn a_ticket_of_an_invitation() {
    let site = Site::start(&with_email(&["email_code"], &json!({"ticket": {"enabled": true}})));
    let made = site.backend("POST", "/v1/invitations", &json!({"email_address": "ada@example.com"})).json();
    let ticket = made["url"].as_str().and_then(|url| url.split_once("ticket=")).expect("a ticket").1.to_owned();
    let mut browser = site.site.browser();
    let create =
        |browser: &mut Browser<'_>| browser.post("/v1/client/sign_ups", &format!("strategy=ticket&ticket={ticket}"));
    is_refused(&site, &create(&mut browser));
    let listed = site.backend("GET", "/v1/invitations", &Value::Null).json();
    assert_eq!(listed[0]["status"], "pending", "it is not used up");
    completes(&site, || create(&mut browser));
    let asked = site.backend("GET", "/v1/invitations?status=accepted", &Value::Null).json();
    assert_eq!(asked[0]["id"], made["id"]);
}

#[test]
fn a_transfer_of_an_account_from_a_sign_in() {
    let site = Site::start(&with_email(&["email_code"], &json!({})));
    let mut browser = site.site.browser();
    let begun = browser.post("/v1/client/sign_ins", &begin_form("")).json();
    let page = begun["response"]["first_factor_verification"]["external_verification_redirect_url"].clone();
    let (code, state) = site.site.provider.allow(page.as_str().expect("a page"));
    browser.navigate(&format!("/v1/oauth_callback?code={code}&state={state}"));
    assert_eq!(site.door.take_asked(), []);
    is_refused(&site, &browser.post("/v1/client/sign_ups", "transfer=true"));
    let sign_in = browser.get("/v1/client").json()["response"]["sign_in"].clone();
    assert_eq!(sign_in["first_factor_verification"]["status"], "transferable", "what was proved is still there");
    completes(&site, || browser.post("/v1/client/sign_ups", "transfer=true"));
}

#[test]
fn a_sign_in_of_somebody_who_is_new() {
    let mut settings = with_email(&["email_code"], &json!({}));
    settings["attack_protection"] = json!({"enumeration_protection": {"enabled": true}});
    let site = Site::start(&settings);
    let mut browser = site.site.browser();
    let path = browser.begin_sign_in("identifier=ada%40example.com&sign_up_if_missing=true&strategy=email_code");
    let form = site.site.server.code_form("ada@example.com", 1);
    let proved = browser.post(&format!("{path}/attempt_first_factor"), &form);
    assert_eq!(proved.error_codes(), ["sign_up_if_missing_transfer"], "{}", proved.body);
    is_refused(&site, &browser.post("/v1/client/sign_ups", "transfer=true"));
    completes(&site, || browser.post("/v1/client/sign_ups", "transfer=true"));
}

#[test]
fn an_update_by_the_backend() {
    let mut settings = with_email(&[], &json!({}));
    settings["sign_up"] = json!({"custom_action_required": true});
    let site = Site::start(&settings);
    let mut browser = site.site.browser();
    let path = browser.begin_sign_up("email_address=ada%40example.com");
    let of_backend = path.replace("/client", "");
    let update = || site.backend("PATCH", &of_backend, &json!({"custom_action": true, "external_id": "customer 7"}));
    is_refused(&site, &update());
    assert_eq!(site.backend("GET", &of_backend, &Value::Null).json()["custom_action"], true, "the step is done");
    site.door.says_now(allows());
    let done = update();
    asked_once(&site);
    assert_eq!(done.json()["status"], "complete", "{}", done.body);
    let client = browser.get("/v1/client").json()["response"].clone();
    assert_eq!(client["sessions"][0]["user"]["external_id"], "customer 7", "the client is not locked out: {client}");
}

#[test]
fn the_step_after_a_captcha() {
    let mut settings = with_email(&["email_code"], &json!({}));
    settings["sign_up"] = json!({"captcha_enabled": true});
    let site = Site::start(&settings);
    let made = site.backend("POST", "/v1/testing_tokens", &Value::Null).json();
    let solved = format!("?__clerk_testing_token={}", made["token"].as_str().expect("a token"));
    let mut browser = site.site.browser();
    let form = "email_address=ada%40example.com&strategy=email_code";
    assert_eq!(browser.post("/v1/client/sign_ups", form).error_codes(), ["captcha_missing_token"]);
    let begun = browser.post(&format!("/v1/client/sign_ups{solved}"), form);
    assert_eq!((begun.status, site.door.take_asked()), (200, vec![]), "{}", begun.body);
    let path = format!("/v1/client/sign_ups/{}", id_of(&begun.json()["response"]));
    let form = site.site.server.code_form("ada@example.com", 1);
    is_refused(&site, &browser.post(&format!("{path}/attempt_verification"), &form));
    completes(&site, || browser.post(&format!("{path}/attempt_verification"), &form));
}

#[test]
fn an_approval() {
    let mut settings = with_email(&[], &json!({}));
    settings["sign_up"] = json!({"approval_required": true});
    let site = Site::start(&settings);
    let mut browser = site.site.browser();
    let path = browser.begin_sign_up("email_address=ada%40example.com");
    assert_eq!(site.door.take_asked(), [], "it waits");
    let approve = || site.backend("POST", &format!("{}/approve", path.replace("/client", "")), &Value::Null);
    is_refused(&site, &approve());
    let waiting = site.backend("GET", "/v1/sign_ups?status=awaiting_approval", &Value::Null).json();
    assert_eq!(waiting.as_array().map(Vec::len), Some(1), "an approval that is refused was none");
    site.door.says_now(allows());
    let done = approve();
    asked_once(&site);
    assert_eq!(done.json()["status"], "complete", "{}", done.body);
    let client = browser.get("/v1/client").json()["response"].clone();
    assert_eq!(client["sessions"].as_array().map(Vec::len), Some(1), "{client}");
}

#[test]
fn who_does_not_become_a_user_yet_is_not_asked_about() {
    let site = Site::start(&with_email(&["email_code"], &json!({})));
    let mut browser = site.site.browser();
    let path = browser.begin_sign_up("email_address=ada%40example.com&strategy=email_code");
    let code = site.site.server.code("ada@example.com", 1);
    let wrong = if code == "000000" { "000001" } else { "000000" };
    for form in [format!("strategy=email_code&code={wrong}"), "strategy=email_code&code=".to_owned()] {
        assert_eq!(browser.post(&format!("{path}/attempt_verification"), &form).status, 422);
    }
    browser.request("PATCH", &path, &[], "locale=en");
    browser.get(&path);
    assert_eq!(site.door.take_asked(), []);
}

fn begin_link(site: &Site, browser: &mut Browser<'_>, redirect_url: &str) -> (String, String) {
    let form = format!("email_address=ada%40example.com&strategy=email_link&redirect_url={}", escaped(redirect_url));
    let path = browser.begin_sign_up(&form);
    let link = site.site.server.mail("ada@example.com", 1)["link"].as_str().expect("a link").to_owned();
    let at = link.find("/v1/verify").expect("the path of links");
    (path, link[at..].to_owned())
}

/// The hook was asked once, told nothing secret, and there is no user.
fn is_refused(site: &Site, answer: &Reply) {
    assert_eq!((answer.status, answer.error_codes()), (422, vec!["company_only".to_owned()]), "{}", answer.body);
    let error = &answer.json()["errors"][0];
    assert_eq!(error["message"], "Please use the address that your company gave you.");
    assert_eq!(error["long_message"], error["message"]);
    asked_once(site);
    assert!(site.users().is_empty(), "{:?}", site.users());
}

fn asked_once(site: &Site) {
    let asked = site.door.take_asked();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert_eq!(asked[0].email_addresses[0].value.as_str(), "ada@example.com");
    let shown = format!("{asked:?}");
    assert!(!shown.contains("argon2") && !shown.contains("digest"), "{shown}");
}

/// With the hook's leave this step makes the person a user.
fn completes(site: &Site, step: impl FnOnce() -> Reply) {
    site.door.says_now(allows());
    let answer = step();
    assert_eq!(answer.json()["response"]["status"], "complete", "{}", answer.body);
    asked_once(site);
    assert_eq!(site.users().len(), 1);
}
