//! Links that prove an address in the profile, over HTTP (guide/contract_me.md#addresses-of-the-profile).

use serde_json::{Value, json};

use crate::support::browser::{Browser, PAGE, escaped};
use crate::support::endpoint::Answer;
use crate::support::site::Site;

#[test]
fn the_link_proves_an_added_address_and_the_tab_that_waits_sees_it() {
    let site = Site::start(&settings(true));
    let mut browser = site.browser();
    let path = browser.adds(&site, "new@example.com");
    let missing = browser.post(&format!("{path}/prepare_verification"), "strategy=email_link");
    assert_eq!((missing.status, missing.error_codes()), (422, vec!["form_param_missing".into()]));
    let evil = format!("strategy=email_link&redirect_url={}", escaped("https://evil.example/"));
    let foreign = browser.post(&format!("{path}/prepare_verification"), &evil);
    assert_eq!(foreign.error_codes(), ["invalid_redirect_url"]);
    assert_eq!(site.server.messages("new@example.com").len(), 0);

    let shown = browser.asks_for_link(&path);
    assert_eq!(shown["verification"]["object"], "verification_email_link", "{shown}");
    assert_eq!(shown["verification"]["status"], "unverified");
    let (link, mail) = site.link_to("new@example.com", 1);
    assert_eq!(mail["template"].as_str().unwrap_or("magic_link_user_profile"), "magic_link_user_profile", "{mail}");
    assert_eq!(browser.get(&path).json()["response"]["verification"]["status"], "unverified");

    let clicked = browser.navigate(&link);
    assert_eq!(clicked.header("location"), Some(format!("{PAGE}/profile?__clerk_status=verified").as_str()));
    let polled = browser.get(&path).json();
    assert_eq!(polled["response"]["verification"]["status"], "verified", "{polled}");
    assert_eq!(polled["response"]["verification"]["strategy"], "email_link");
    let emails = &polled["client"]["sessions"][0]["user"]["email_addresses"];
    assert_eq!((&emails[1]["email_address"], emails.as_array().map(Vec::len)), (&json!("new@example.com"), Some(2)));

    assert_eq!(status_of(&browser.navigate(&link)), "verified", "however often they click");
    assert_eq!(status_of(&site.browser().navigate(&link)), "failed", "to another browser it is used up");
    let again = browser.post(&format!("{path}/prepare_verification"), &wish());
    assert_eq!(again.error_codes(), ["verification_already_verified"]);
    let begun = site.browser().post("/v1/client/sign_ins", "identifier=new%40example.com");
    assert_eq!(begun.status, 200, "it signs in: {}", begun.body);
}

#[test]
fn another_browser_is_turned_away_or_asked() {
    for same_client in [true, false] {
        let site = Site::start(&settings(same_client));
        let mut browser = site.browser();
        let path = browser.adds(&site, "new@example.com");
        browser.asks_for_link(&path);
        let (link, _) = site.link_to("new@example.com", 1);
        let mut other = site.browser();
        assert_eq!(other.request("HEAD", &link, &[], "").status, 200);
        if same_client {
            assert_eq!(status_of(&other.navigate(&link)), "client_mismatch");
            assert_eq!(status_of(&other.press(&link)), "client_mismatch");
            let refused = other.request("GET", &link, &[("accept", "application/json")], "");
            let expected = vec!["verification_link_not_same_client".to_owned()];
            assert_eq!((refused.status, refused.error_codes()), (403, expected));
        } else {
            let asked = other.navigate(&link);
            assert_eq!(asked.status, 200, "a scanner changes nothing: {}", asked.body);
            assert!(asked.body.contains("the address is added to your account"), "{}", asked.body);
        }
        assert_eq!(browser.address_status(&path), "unverified");
        if !same_client {
            let pressed = other.press(&link);
            assert_eq!(status_of(&pressed), "verified");
            assert_eq!(pressed.header("set-cookie"), None);
            assert_eq!(browser.address_status(&path), "verified");
        }
    }
}

#[test]
fn a_link_is_over_with_its_time_a_newer_one_its_address_and_the_session() {
    let site = Site::start(&settings(true));
    let mut browser = site.browser();
    let path = browser.adds(&site, "new@example.com");
    browser.asks_for_link(&path);
    let (old, _) = site.link_to("new@example.com", 1);
    site.server.advance(61_000);
    browser.asks_for_link(&path);
    let (link, _) = site.link_to("new@example.com", 2);
    let replaced = browser.navigate(&old);
    assert_eq!((replaced.status, replaced.header("location")), (400, None), "only the link tells where it leads");
    // The client in the link belongs to it.
    let owner = link.split('.').nth(1).expect("a client").to_owned();
    let stranger = site.browser().begin_client();
    assert_eq!(site.browser().navigate(&link.replace(&owner, &stranger)).status, 400, "no such link on that client");
    assert_eq!(browser.address_status(&path), "unverified");
    site.server.advance(601_000);
    assert_eq!(status_of(&browser.navigate(&link)), "expired");
    assert_eq!(browser.address_status(&path), "expired");

    browser.asks_for_link(&path);
    let (link, _) = site.link_to("new@example.com", 3);
    assert_eq!(browser.request("DELETE", "/v1/client/sessions", &[], "").status, 200);
    assert_eq!(status_of(&browser.navigate(&link)), "failed", "nobody is signed in");

    let mut eve = site.browser();
    eve.sign_up_by_code("email_address=eve%40example.com", "eve@example.com");
    let added = eve.post("/v1/me/email_addresses", "email_address=gone%40example.com").json();
    let path = format!("/v1/me/email_addresses/{}", added["response"]["id"].as_str().expect("an id"));
    eve.asks_for_link(&path);
    let (link, _) = site.link_to("gone@example.com", 1);
    assert_eq!(eve.request("DELETE", &path, &[], "").status, 200);
    let opened = eve.navigate(&link);
    assert_ne!(opened.header("location").map(|to| to.contains("=verified")), Some(true), "{opened:?}");
}

#[test]
fn the_code_beside_the_link_proves_the_address_too_and_settings_without_links_have_none() {
    let site = Site::start(&settings(true));
    let mut browser = site.browser();
    let path = browser.adds(&site, "new@example.com");
    browser.asks_for_link(&path);
    let (link, mail) = site.link_to("new@example.com", 1);
    let code = mail["code"].as_str().expect("a code");
    let done = browser.post(&format!("{path}/attempt_verification"), &format!("code={code}")).json();
    assert_eq!(done["response"]["verification"]["status"], "verified", "{done}");
    assert_eq!(status_of(&site.browser().navigate(&link)), "failed");

    let site = Site::start(&settings(true).replace(r#""email_link", "#, ""));
    let mut browser = site.browser();
    let path = browser.adds(&site, "new@example.com");
    let refused = browser.post(&format!("{path}/prepare_verification"), &wish());
    assert_eq!(refused.error_codes(), ["form_param_value_disabled"], "{}", refused.body);
}

impl Site {
    /// The link in the newest message to an address, as a path, and the message.
    fn link_to(&self, to: &str, count: usize) -> (String, Value) {
        let mail = self.server.mail(to, count);
        let link = mail["link"].as_str().expect("a link");
        (format!("/v1/{}", link.split_once("/v1/").expect("a path").1), mail)
    }
}

impl Browser<'_> {
    /// Signs up, and adds an address; returns its path.
    fn adds(&mut self, _site: &Site, address: &str) -> String {
        self.sign_up_by_code("email_address=ada%40example.com", "ada@example.com");
        let added = self.post("/v1/me/email_addresses/", &format!("email_address={}", escaped(address))).json();
        format!("/v1/me/email_addresses/{}", added["response"]["id"].as_str().expect("an id"))
    }

    fn asks_for_link(&mut self, path: &str) -> Value {
        let prepared = self.post(&format!("{path}/prepare_verification"), &wish());
        assert_eq!(prepared.status, 200, "{}", prepared.body);
        prepared.json()["response"].clone()
    }

    fn address_status(&mut self, path: &str) -> String {
        self.get(path).json()["response"]["verification"]["status"].as_str().expect("a status").to_owned()
    }

    /// The id of a new client.
    fn begin_client(&mut self) -> String {
        self.post("/v1/client", "").json()["response"]["id"].as_str().expect("an id").to_owned()
    }
}

fn wish() -> String {
    format!("strategy=email_link&redirect_url={}", escaped("/profile"))
}

/// The result of a link in the redirect URL.
fn status_of(answer: &Answer) -> String {
    assert_eq!(answer.status, 303, "{}", answer.body);
    let url = answer.header("location").expect("a place to go");
    assert!(url.starts_with(PAGE), "{url}");
    let status = url.split_once("__clerk_status=").expect("a status").1;
    status.split('&').next().unwrap_or_default().to_owned()
}

fn settings(same_client: bool) -> String {
    format!(
        r#"
[limits]
source = false
[settings.attributes.email_address]
enabled = true
required = true
used_for_first_factor = true
first_factors = ["email_code"]
verifications = ["email_link", "email_code"]
verify_at_sign_up = true
[settings.attack_protection.email_link]
require_same_client = {same_client}
"#
    )
}
