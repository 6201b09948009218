//! A write with fields and a request to send a code: if only the request fails the fields are kept, and if a valid code
//! was sent already no error says otherwise.

use std::ops::Deref;

use serde_json::Value;

use crate::support::browser::Browser;
use crate::support::endpoint::Answer;
use crate::support::site;

#[test]
fn a_code_that_is_on_its_way_meets_the_wish_for_one() {
    let site = Site::start("");
    let mut browser = site.browser();
    let path = browser.begin_sign_up("email_address=ada%40example.com&strategy=email_code");
    let patched = browser.change(&path, "strategy=email_code&password=wanders+under+elms&first_name=Ada");
    assert_eq!(patched.status, 200, "{}", patched.body);
    let shown = patched.json()["response"].clone();
    assert_eq!((&shown["has_password"], &shown["first_name"]), (&true.into(), &"Ada".into()));
    assert_eq!(shown["verifications"]["email_address"]["status"], "unverified");
    let done = browser.post(&format!("{path}/attempt_verification"), &site.code_form(1));
    assert_eq!(done.json()["response"]["status"], "complete", "the one code is good: {}", done.body);
    assert_eq!(site.mails(), 1);
}

#[test]
fn what_is_not_on_its_way_is_refused_beside_the_fields_which_are_kept() {
    let same = "strategy=email_code";
    let link = "strategy=email_link&redirect_url=%2Fverify";
    for (begun, between, wish) in [
        // Five wrong tries end a code, but not the waiting time for the next one.
        (same, vec!["wrong"; 5], same),
        (same, vec!["email_address=eve%40example.com", "email_address=ada%40example.com"], same),
        (same, vec![], link),
        (link, vec![], "strategy=email_link&redirect_url=%2Felsewhere"),
    ] {
        let site = Site::start("");
        let mut browser = site.browser();
        let path = browser.begin_sign_up(&format!("email_address=ada%40example.com&{begun}"));
        for step in &between {
            if *step == "wrong" {
                let wrong = browser.post(&format!("{path}/attempt_verification"), "strategy=email_code&code=000000");
                assert_eq!(wrong.error_codes(), ["form_code_incorrect"]);
            } else {
                assert_eq!(browser.change(&path, step).status, 200, "{step}");
            }
        }
        let refused = browser.change(&path, &format!("{wish}&password=wanders+under+elms&first_name=Ada"));
        assert_eq!(refused.error_codes(), ["verification_code_too_many_requests"], "{begun} {between:?} {wish}");
        assert!(refused.status == 429 && refused.header("retry-after").is_some());
        let kept = &refused.json()["meta"]["client"]["sign_up"];
        assert_eq!((&kept["has_password"], &kept["first_name"]), (&true.into(), &"Ada".into()), "{between:?} {wish}");
        assert_eq!(browser.get(&path).json()["response"]["first_name"], "Ada");
        assert_eq!(site.mails(), 1, "{between:?} {wish}");
    }
}

#[test]
fn the_wish_for_a_link_and_for_the_code_beside_it_are_met_by_the_mail_with_both() {
    let site = Site::start("");
    let mut browser = site.browser();
    let link = "strategy=email_link&redirect_url=%2Fverify";
    let path = browser.begin_sign_up(&format!("email_address=ada%40example.com&{link}"));
    for wish in [link, "strategy=email_code"] {
        assert_eq!(browser.change(&path, &format!("{wish}&first_name=Ada")).status, 200, "{wish}");
    }
    assert_eq!(site.mails(), 1);
    assert_eq!(browser.change(&path, "email_address=eve%40example.com&strategy=email_code").status, 200);
    assert!(site.server.mail("eve@example.com", 1)["code"].is_string(), "another address is another wish");
}

#[test]
fn only_what_is_about_nothing_else_is_told_to_wait() {
    let site = Site::start("");
    let mut browser = site.browser();
    let path = browser.begin_sign_up("email_address=ada%40example.com&strategy=email_code");
    let alone = browser.post(&format!("{path}/prepare_verification"), "strategy=email_code");
    assert_eq!((alone.status, alone.error_codes()), (429, vec!["verification_code_too_many_requests".into()]));
    site.server.advance(30_000);
    assert_eq!(browser.change(&path, "strategy=email_code").status, 200);
    site.server.mail("ada@example.com", 2);
}

#[test]
fn a_spent_budget_of_messages_takes_no_fields_along() {
    for limits in ["address_messages_per_hour = 2\n", "address_messages_per_client_per_hour = 2\n"] {
        let site = Site::start(limits);
        let mut browser = site.browser();
        let path = browser.begin_sign_up("email_address=ada%40example.com&strategy=email_code");
        site.server.advance(31_000);
        assert_eq!(browser.change(&path, "strategy=email_code").status, 200, "{limits}");
        site.server.advance(31_000);
        let met = browser.change(&path, "strategy=email_code&first_name=Ada");
        assert_eq!(met.status, 200, "the code that is good still is what is wished for: {limits} {}", met.body);
        let alone = browser.post(&format!("{path}/prepare_verification"), "strategy=email_code");
        assert_eq!(alone.status, 429, "{limits}");
        site.server.advance(600_000);
        let refused = browser.change(&path, "strategy=email_code&last_name=Lovelace&password=wanders+under+elms");
        assert_eq!((refused.status, refused.error_codes()), (429, vec!["too_many_requests".into()]), "{limits}");
        let kept = browser.get(&path).json()["response"].clone();
        assert!(kept["last_name"] == "Lovelace" && kept["has_password"] == true, "{limits} {kept}");
        assert_eq!(site.mails(), 2);
    }
}

#[test]
fn a_sign_up_whose_message_is_refused_begins_without_it() {
    let form = "email_address=ada%40example.com&first_name=Ada&password=wanders+under+elms&strategy=email_code";
    for (source, limits) in [("false", "address_messages_per_hour = 1\n"), ("true", "source_emails_per_minute = 1\n")] {
        let site = Site::start_with(source, limits);
        site.browser().begin_sign_up("email_address=ada%40example.com&strategy=email_code");
        // Without a client, and with a client that has a sign-up.
        let mut browser = site.browser();
        for _ in 0..2 {
            let refused = browser.post("/v1/client/sign_ups", form);
            assert_eq!((refused.status, refused.error_codes()), (429, vec!["too_many_requests".into()]), "{limits}");
            assert!(refused.header("retry-after").is_some());
            let kept = refused.json()["meta"]["client"]["sign_up"].clone();
            assert_eq!((&kept["first_name"], &kept["has_password"]), (&"Ada".into(), &true.into()), "{limits} {kept}");
            assert!(browser.cookie("__client").is_some(), "its client hears of it");
            let path = format!("/v1/client/sign_ups/{}", kept["id"].as_str().expect("an id"));
            assert_eq!(browser.get(&path).json()["response"]["status"], "missing_requirements");
        }
        assert_eq!(site.mails(), 1);
        let mut other = site.browser();
        let faulty = other.post("/v1/client/sign_ups", "email_address=nobody&strategy=email_code");
        assert_eq!(faulty.status, 422);
        assert!(faulty.json()["meta"]["client"].is_null() && other.cookie("__client").is_none(), "nothing was begun");
    }
}

#[test]
fn a_good_code_meets_the_wish_that_a_limit_refuses() {
    for (source, limits) in [
        ("false", "address_messages_per_hour = 1\n[verification]\nresend_cooldown_s = 0\n"),
        ("true", "source_emails_per_minute = 1\n[verification]\nresend_cooldown_s = 0\n"),
    ] {
        let site = Site::start_with(source, limits);
        let mut browser = site.browser();
        let path = browser.begin_sign_up("email_address=ada%40example.com&strategy=email_code");
        let met = browser.change(&path, "strategy=email_code&first_name=Ada");
        assert_eq!(met.status, 200, "{limits} {}", met.body);
        let other = browser.change(&path, "strategy=email_link&redirect_url=%2Fverify&last_name=Lovelace");
        assert_eq!(other.status, 429, "a link is another wish: {limits}");
        assert_eq!(browser.get(&path).json()["response"]["last_name"], "Lovelace");
        assert_eq!(site.mails(), 1);
    }
}

#[test]
fn a_provider_that_cannot_be_asked_takes_no_fields_along() {
    let site = Site::start("");
    let mut browser = site.browser();
    let path = browser.begin_sign_up("email_address=ada%40example.com");
    let trip = "strategy=oauth_custom_gone&redirect_url=%2Fcallback";
    let refused = browser.change(&path, &format!("{trip}&first_name=Ada&password=wanders+under+elms"));
    assert_eq!((refused.status, refused.error_codes()), (400, vec!["oauth_token_exchange_error".into()]));
    let kept = browser.get(&path).json()["response"].clone();
    assert_eq!((&kept["first_name"], &kept["has_password"]), (&"Ada".into(), &true.into()));
    assert_eq!(kept["verifications"]["external_account"], Value::Null);
    let evil = browser.change(&path, "strategy=oauth_custom_gone&redirect_url=https%3A%2F%2Fevil.example&first_name=E");
    assert_eq!(evil.error_codes(), ["invalid_redirect_url"]);
    let nowhere = browser.change(&path, "strategy=oauth_custom_gone&first_name=E");
    assert_eq!(nowhere.error_codes(), ["form_param_missing"]);
    assert_eq!(browser.get(&path).json()["response"]["first_name"], "Ada", "a faulty write changes nothing");
}

struct Site(site::Site);

impl Deref for Site {
    type Target = site::Site;

    fn deref(&self) -> &site::Site {
        &self.0
    }
}

impl Site {
    fn start(limits: &str) -> Self {
        Self::start_with("false", limits)
    }

    /// With limits by source, or without.
    fn start_with(source: &str, limits: &str) -> Self {
        Self(site::Site::start(&format!("[limits]\nsource = {source}\n{limits}{SETTINGS}")))
    }

    fn code_form(&self, count: usize) -> String {
        self.server.code_form("ada@example.com", count)
    }

    /// Number of messages to the address.
    fn mails(&self) -> usize {
        self.server.mail("ada@example.com", 1);
        // Leaves time for one more message, if one were being sent.
        std::thread::sleep(std::time::Duration::from_millis(50));
        self.server.messages("ada@example.com").len()
    }
}

impl Browser<'_> {
    fn change(&mut self, path: &str, form: &str) -> Answer {
        self.request("PATCH", path, &[], form)
    }
}

const SETTINGS: &str = r#"
[settings.attributes.email_address]
enabled = true
required = true
verifications = ["email_code", "email_link"]
verify_at_sign_up = true
[settings.attributes.password]
enabled = true
required = true
[settings.attributes.first_name]
enabled = true
[settings.attributes.last_name]
enabled = true
[settings.social.oauth_custom_gone]
enabled = true
authenticatable = true
strategy = "oauth_custom_gone"
[settings.oauth.oauth_custom_gone]
client_id = "an app"
client_secret = "a secret"
issuer = "http://127.0.0.1:1"
"#;
