//! E-mail links of sign-ins over HTTP (guide/contract_sign_ins.md#e-mail-links).

use serde_json::{Value, json};

use crate::support::browser::{Browser, PAGE, escaped};
use crate::support::endpoint::Answer;
use crate::support::site::Site;

#[test]
fn the_browser_that_asked_follows_its_link_and_the_page_that_waits_has_the_session() {
    let site = Site::start(&settings(true, ""));
    site.browser().join_by_code("ada@example.com");
    let mut browser = site.browser();
    let begun = browser.begin_by_link("identifier=ada%40example.com");
    let factors = begun["supported_first_factors"].as_array().expect("factors");
    let link = factors.iter().find(|factor| factor["strategy"] == "email_link").expect("a link is offered");
    let id = link["email_address_id"].as_str().expect("an id").to_owned();
    let path = path(&begun);
    let missing = browser.post(&format!("{path}/prepare_first_factor"), "strategy=email_link");
    assert_eq!((missing.status, missing.error_codes()), (422, vec!["form_param_missing".into()]));
    let foreign = browser.post(
        &format!("{path}/prepare_first_factor"),
        "strategy=email_link&redirect_url=https%3A%2F%2Fevil.example%2F",
    );
    assert_eq!(foreign.error_codes(), ["invalid_redirect_url"]);
    let prepared = browser.prepare_link(&path, &format!("&email_address_id={id}"));
    let verification = &prepared["first_factor_verification"];
    assert_eq!(
        (&verification["object"], &verification["status"], &verification["strategy"]),
        (&json!("verification_email_link"), &json!("unverified"), &json!("email_link"))
    );
    let link = site.link("ada@example.com", 2);
    let clicked = browser.navigate(&link);
    assert_eq!(status_of(&clicked), "verified");
    let url = clicked.header("location").expect("a place to go").to_owned();
    let polled = browser.get(&path).json();
    let (sign_in, client) = (&polled["response"], &polled["client"]);
    assert_eq!(sign_in["status"], "complete", "{polled}");
    assert_eq!(sign_in["first_factor_verification"]["status"], "verified");
    assert_eq!(sign_in["first_factor_verification"]["verified_at_client"], client["id"]);
    assert_eq!(sign_in["created_session_id"], client["sessions"][0]["id"]);
    let session = sign_in["created_session_id"].as_str().expect("a session");
    assert!(url.ends_with(&format!("__clerk_created_session={session}")), "{url}");

    let again = browser.navigate(&link);
    assert_eq!(again.header("location"), Some(url.as_str()), "they have succeeded, however often they click");
    assert_eq!(status_of(&site.browser().navigate(&link)), "failed", "to another browser it is used up");
}

#[test]
fn under_the_same_client_rule_other_browsers_are_turned_away_and_change_nothing() {
    let site = Site::start(&settings(true, ""));
    site.browser().join_by_code("ada@example.com");
    let mut browser = site.browser();
    let path = path(&browser.begin_by_link("identifier=ada%40example.com"));
    browser.prepare_link(&path, "");
    let link = site.link("ada@example.com", 2);
    let mut stranger = site.browser();
    assert_eq!(status_of(&stranger.navigate(&link)), "client_mismatch");
    assert_eq!(status_of(&stranger.press_button(&link)), "client_mismatch");
    let refused = stranger.request("GET", &link, &[("accept", "application/json")], "");
    assert_eq!((refused.status, refused.error_codes()), (403, vec!["sign_in_email_link_not_same_client".into()]));
    assert_eq!(browser.sign_in_link_status(&path), "unverified");
    assert_eq!(status_of(&browser.navigate(&link)), "verified");
}

#[test]
fn another_browser_signs_the_first_one_in_and_who_knew_its_token_before_gets_nothing() {
    let site = Site::start(&settings(false, ""));
    site.browser().join_by_code("ada@example.com");
    let mut browser = site.browser();
    let path = path(&browser.begin_by_link("identifier=ada%40example.com"));
    let mut planted = site.browser();
    planted.cookies = browser.cookies.clone();
    browser.prepare_link(&path, "");
    assert_ne!(browser.cookie("__client"), planted.cookie("__client"), "the token is renewed with the link");
    let link = site.link("ada@example.com", 2);
    let mut person = site.browser();
    let asked = person.navigate(&link);
    assert_eq!(asked.status, 200, "mail scanners change nothing");
    assert_eq!(browser.sign_in_link_status(&path), "unverified");
    let pressed = person.press_button(&link);
    assert_eq!(status_of(&pressed), "verified");
    assert_eq!(pressed.header("set-cookie"), None, "the session is not this browser's");
    assert_ne!(planted.get(&path).status, 200, "nor the one who planted a token");
    let shown = planted.get("/v1/client").json();
    assert!(shown["response"]["sessions"].as_array().is_none_or(Vec::is_empty), "{shown}");
    let polled = browser.get(&path).json();
    assert_eq!(polled["response"]["status"], "complete", "{polled}");
    assert_ne!(polled["response"]["first_factor_verification"]["verified_at_client"], polled["client"]["id"]);
    assert_eq!(polled["client"]["sessions"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_newer_link_and_the_time_end_an_older_one() {
    let site = Site::start(&settings(true, ""));
    site.browser().join_by_code("ada@example.com");
    let mut browser = site.browser();
    let path = path(&browser.begin_by_link("identifier=ada%40example.com"));
    browser.prepare_link(&path, "");
    let old = site.link("ada@example.com", 2);
    site.server.advance(60_000);
    browser.prepare_link(&path, "");
    let link = site.link("ada@example.com", 3);
    let replaced = browser.navigate(&old);
    assert_eq!((replaced.status, replaced.header("location")), (400, None), "only the link tells where it leads");
    site.server.advance(600_000);
    assert_eq!(status_of(&browser.navigate(&link)), "expired");
    assert_eq!(browser.sign_in_link_status(&path), "expired");
    for odd in ["/v1/verify?token=sia_1.client_1.00", "/v1/verify?token=", &format!("{link}0")] {
        assert_eq!(browser.navigate(odd).status, 400, "{odd}");
    }
}

#[test]
fn the_code_in_the_same_message_signs_in_too() {
    let site = Site::start(&settings(true, ""));
    site.browser().join_by_code("ada@example.com");
    let mut browser = site.browser();
    let form = format!("identifier=ada%40example.com&strategy=email_link&redirect_url={}", escaped("/verify"));
    let path = path(&browser.begin_by_link(&form));
    let code = site.server.code("ada@example.com", 2);
    let done = browser.post(&format!("{path}/attempt_first_factor"), &format!("strategy=email_code&code={code}"));
    assert_eq!(done.json()["response"]["status"], "complete", "{}", done.body);
    assert_eq!(status_of(&site.browser().navigate(&site.link("ada@example.com", 2))), "failed");
}

#[test]
fn a_link_to_an_address_that_is_nobodys_leads_to_a_sign_up() {
    let site = Site::start(&settings(true, PROTECTED));
    let mut browser = site.browser();
    let path = path(&browser.begin_by_link("identifier=ada%40example.com&sign_up_if_missing=true"));
    browser.prepare_link(&path, "");
    assert_eq!(status_of(&browser.navigate(&site.link("ada@example.com", 1))), "transferable");
    assert_eq!(browser.sign_in_link_status(&path), "transferable");
    let done = browser.post("/v1/client/sign_ups", "transfer=true").json();
    assert_eq!(done["response"]["status"], "complete", "{done}");
    assert_eq!(done["response"]["verifications"]["email_address"]["strategy"], "email_link");
}

#[test]
fn under_enumeration_protection_an_unknown_address_is_sent_nothing_and_looks_the_same() {
    let site = Site::start(&settings(true, PROTECTED));
    site.browser().join_by_code("ada@example.com");
    let mut shown = Vec::new();
    for address in ["ada@example.com", "eve@example.com"] {
        let mut browser = site.browser();
        let path = path(&browser.begin_by_link(&format!("identifier={}", escaped(address))));
        let mut prepared = browser.prepare_link(&path, "")["first_factor_verification"].clone();
        prepared["expire_at"] = Value::Null;
        shown.push((prepared, browser.sign_in_link_status(&path)));
    }
    assert_eq!(shown[0], shown[1]);
    assert_eq!(site.server.messages("eve@example.com").len(), 0);
}

trait Links {
    fn link(&self, to: &str, count: usize) -> String;
}

impl Links for Site {
    /// Path and query of the link in the newest message.
    fn link(&self, to: &str, count: usize) -> String {
        let link = self.server.mail(to, count)["link"].as_str().expect("a link").to_owned();
        let own = format!("http://localhost:{}", self.server.port);
        link.strip_prefix(&own).unwrap_or_else(|| panic!("{link} is not the engine's")).to_owned()
    }
}

impl Browser<'_> {
    fn join_by_code(&mut self, address: &str) {
        let begun =
            self.post("/v1/client/sign_ups", &format!("email_address={}&strategy=email_code", escaped(address)));
        assert_eq!(begun.status, 200, "{}", begun.body);
        let id = begun.json()["response"]["id"].as_str().expect("an id").to_owned();
        let form = self.server.code_form(address, 1);
        let done = self.post(&format!("/v1/client/sign_ups/{id}/attempt_verification"), &form);
        assert_eq!(done.json()["response"]["status"], "complete", "{}", done.body);
    }

    fn begin_by_link(&mut self, form: &str) -> Value {
        let begun = self.post("/v1/client/sign_ins", form);
        assert_eq!(begun.status, 200, "{}", begun.body);
        begun.json()["response"].clone()
    }

    fn prepare_link(&mut self, path: &str, more: &str) -> Value {
        let form = format!("strategy=email_link&redirect_url={}{more}", escaped("/verify"));
        let prepared = self.post(&format!("{path}/prepare_first_factor"), &form);
        assert_eq!(prepared.status, 200, "{}", prepared.body);
        prepared.json()["response"].clone()
    }

    fn sign_in_link_status(&mut self, path: &str) -> String {
        let shown = self.get(path).json();
        shown["response"]["first_factor_verification"]["status"].as_str().expect("a status").to_owned()
    }

    /// Presses the button on the page of a link.
    fn press_button(&mut self, link: &str) -> Answer {
        let (path, token) = link.split_once('?').unwrap_or((link, ""));
        let form = ("content-type", "application/x-www-form-urlencoded");
        self.send("POST", path, &[form, ("accept", "text/html"), ("origin", "null")], token)
    }
}

fn path(sign_in: &Value) -> String {
    format!("/v1/client/sign_ins/{}", sign_in["id"].as_str().expect("an id"))
}

/// The result of a link in the redirect URL.
fn status_of(answer: &Answer) -> String {
    assert_eq!(answer.status, 303, "{}", answer.body);
    let url = answer.header("location").expect("a place to go");
    assert!(url.starts_with(PAGE), "{url}");
    let status = url.split_once("__clerk_status=").expect("a status").1;
    status.split('&').next().unwrap_or_default().to_owned()
}

fn settings(same_client: bool, more: &str) -> String {
    format!(
        r#"
[limits]
source = false
[settings.attributes.email_address]
enabled = true
required = true
used_for_first_factor = true
first_factors = ["email_link", "email_code"]
verifications = ["email_link", "email_code"]
verify_at_sign_up = true
[settings.attack_protection.email_link]
require_same_client = {same_client}
{more}"#
    )
}

const PROTECTED: &str = r#"
[settings.attack_protection.enumeration_protection]
enabled = true
"#;
