//! Users with an unverified address, and what happens when the owner of the address signs in (Sudhodanan & Paverd,
//! "Pre-hijacked accounts"): a stranger created the user, and no access of the stranger may remain.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::browser::{Browser, PAGE, escaped};
use crate::support::provider::{CLIENT_ID, CLIENT_SECRET, Provider};
use crate::support::server::{Answer, Server};

#[test]
fn the_owner_of_an_address_expels_whoever_registered_it() {
    for (name, value, strategy) in
        [("email_address", "victim@example.com", "email_code"), ("phone_number", "+14155552671", "phone_code")]
    {
        let site = Site::start();
        let mut stranger = site.browser();
        let user = site.register(&mut stranger, &format!("{name}={}&password={PASSWORD}", escaped(value)));
        let mut elsewhere = site.browser();
        assert_eq!(site.by_password(&mut elsewhere, value).status, 200, "before, it is the stranger's");

        let mut victim = site.browser();
        let client = site.by_code(&mut victim, value, strategy);
        let session = client["sessions"][0].clone();
        assert_eq!(session["user"]["id"], user["user"]["id"]);
        assert_eq!(session["user"]["password_enabled"], false);
        let list = if name == "email_address" { "email_addresses" } else { "phone_numbers" };
        let proved = &session["user"][list][0]["verification"];
        assert_eq!((&proved["status"], &proved["strategy"]), (&json!("verified"), &json!(strategy)));

        for (browser, stale) in [(&mut stranger, &user), (&mut elsewhere, &user)] {
            site.is_signed_out(browser, stale["id"].as_str().expect("a session"));
        }
        let refused = site.by_password(&mut site.browser(), value);
        assert!(refused.status >= 400, "{}", refused.body);
        assert_eq!(victim.get("/v1/client").json()["response"]["sessions"][0]["id"], session["id"]);
        let tokens = format!("/v1/client/sessions/{}/tokens", session["id"].as_str().expect("an id"));
        assert_eq!(victim.post(&tokens, "").status, 200);
    }
}

#[test]
fn what_the_owner_proved_stays_when_they_come_again() {
    let site = Site::start();
    let address = "victim@example.com";
    site.register(&mut site.browser(), &format!("email_address={}&password={PASSWORD}", escaped(address)));
    let mut first = site.browser();
    let before = site.by_code(&mut first, address, "email_code");
    let mut second = site.browser();
    site.by_code(&mut second, address, "email_code");
    let still = first.get("/v1/client").json()["response"]["sessions"][0]["id"].clone();
    assert_eq!(still, before["sessions"][0]["id"], "a later proof ends nothing");
}

#[test]
fn another_identifier_of_the_strangers_is_no_way_in_any_more() {
    let site = Site::start();
    let (address, number) = ("victim@example.com", "+14155552671");
    let mut stranger = site.browser();
    let both = format!("email_address={}&phone_number={}&password={PASSWORD}", escaped(address), escaped(number));
    let user = site.register(&mut stranger, &both);
    let client = site.by_code(&mut site.browser(), address, "email_code");
    assert_eq!(client["sessions"][0]["user"]["phone_numbers"], json!([]));
    let begun = site.browser().post("/v1/client/sign_ins", &format!("identifier={}", escaped(number)));
    assert_eq!(begun.error_codes(), ["form_identifier_not_found"]);
    let again = site.register(&mut site.browser(), &format!("phone_number={}&password={PASSWORD}", escaped(number)));
    assert_ne!(again["user"]["id"], user["user"]["id"], "the number is free for its owner");
}

#[test]
fn a_strangers_account_at_a_provider_is_no_way_in_any_more() {
    let site = Site::start();
    let person = |email: &str, verified| json!({"sub": "mallory", "email": email, "email_verified": verified});
    site.provider.person(person("victim@example.com", false));
    let mut stranger = site.browser();
    let made = site.through_provider(&mut stranger, "sign_ups");
    let session = made["sessions"][0]["id"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
    let client = site.by_code(&mut site.browser(), "victim@example.com", "email_code");
    assert_eq!(client["sessions"][0]["user"]["id"], made["sessions"][0]["user"]["id"]);
    assert_eq!(client["sessions"][0]["user"]["external_accounts"], json!([]));
    site.is_signed_out(&mut stranger, &session);
    assert_eq!(site.through_provider(&mut site.browser(), "sign_ins")["sessions"], json!([]));
}

#[test]
fn a_provider_that_vouches_for_the_address_proves_it_first() {
    for resource in ["sign_ups", "sign_ins"] {
        let site = Site::start();
        let mut stranger = site.browser();
        let form = format!("email_address=victim%40example.com&password={PASSWORD}");
        let user = site.register(&mut stranger, &form);
        site.provider.person(json!({"sub": "victim", "email": "Victim@example.com", "email_verified": true}));
        let mut victim = site.browser();
        let mut client = site.through_provider(&mut victim, resource);
        if resource == "sign_ups" {
            client = victim.post("/v1/client/sign_ins", "transfer=true").json()["client"].clone();
        }
        let session = &client["sessions"][0];
        assert_eq!(session["user"]["id"], user["user"]["id"], "{client}");
        assert_eq!(session["user"]["password_enabled"], false);
        assert_eq!(session["user"]["email_addresses"][0]["verification"]["status"], "verified");
        assert_eq!(session["user"]["external_accounts"][0]["provider_user_id"], "victim");
        site.is_signed_out(&mut stranger, user["id"].as_str().expect("a session"));
        assert!(site.by_password(&mut site.browser(), "victim@example.com").status >= 400);
    }
}

#[test]
fn whoever_has_lost_the_user_hears_nothing_of_them_by_an_earlier_sign_in() {
    let number_first = UNPROVED.replacen(
        "[\"phone_code\"]\nverify_at_sign_up = false",
        "[\"phone_code\"]\nverify_at_sign_up = true",
        1,
    );
    let site = Site::start_with(&number_first);
    let fields = "email_address=victim%40example.com&phone_number=%2B14155552671&strategy=phone_code";
    let mut stranger = site.browser();
    let begun = stranger.post("/v1/client/sign_ups", &format!("{fields}&password={PASSWORD}")).json();
    let sign_up = begun["response"]["id"].as_str().unwrap_or_else(|| panic!("{begun}"));
    let code_form = |count| {
        let code = site.server.code("+14155552671", count);
        format!("strategy=phone_code&code={code}")
    };
    let done = stranger.post(&format!("/v1/client/sign_ups/{sign_up}/attempt_verification"), &code_form(1)).json();
    assert_eq!(done["response"]["status"], "complete", "{done}");
    let mut stranger = site.browser();
    let begun = stranger.post("/v1/client/sign_ins", "identifier=%2B14155552671&strategy=phone_code").json();
    let path = format!("/v1/client/sign_ins/{}", begun["response"]["id"].as_str().expect("an id"));
    let (attempt, form) = (format!("{path}/attempt_first_factor"), code_form(2));
    assert_eq!(stranger.post(&attempt, &form).json()["response"]["status"], "complete");
    assert_eq!(stranger.get(&path).status, 200);
    site.by_code(&mut site.browser(), "victim@example.com", "email_code");
    for answer in [stranger.get(&path), stranger.post(&attempt, &form)] {
        assert_eq!(answer.status, 404, "{}", answer.body);
        assert!(!answer.body.contains("user_data"), "{}", answer.body);
    }
}

#[test]
fn a_provider_that_does_not_vouch_for_the_address_proves_nothing() {
    let site = Site::start();
    let mut owner = site.browser();
    let user = site.register(&mut owner, &format!("email_address=owner%40example.com&password={PASSWORD}"));
    site.provider.person(json!({"sub": "mallory", "email": "owner@example.com", "email_verified": false}));
    assert_eq!(site.through_provider(&mut site.browser(), "sign_ins")["sessions"], json!([]));
    let still = owner.get("/v1/client").json()["response"]["sessions"][0]["id"].clone();
    assert_eq!(still, user["id"]);
    assert_eq!(site.by_password(&mut site.browser(), "owner@example.com").status, 200);
}

#[test]
fn what_ended_stays_ended_after_a_restart() {
    let site = Site::start();
    let mut stranger = site.browser();
    let user = site.register(&mut stranger, &format!("email_address=victim%40example.com&password={PASSWORD}"));
    site.by_code(&mut site.browser(), "victim@example.com", "email_code");
    let cookies = stranger.cookies.clone();
    let Site { server, folder, .. } = site;
    assert_eq!(server.terminate(), Some(0));
    let server =
        Server::start(folder.path(), &std::fs::read_to_string(folder.path().join("vestibule.toml")).expect("it"));
    let mut stranger = Browser { server: &server, cookies };
    signed_out(&mut stranger, user["id"].as_str().expect("a session"));
}

struct Site {
    server: Server,
    provider: Provider,
    folder: TempDir,
}

impl Site {
    fn start() -> Self {
        Self::start_with(UNPROVED)
    }

    fn start_with(settings: &str) -> Self {
        let (folder, provider) = (TempDir::new().expect("a folder"), Provider::start());
        let config = format!(
            "[server]\nallowed_origins = [\"{PAGE}\"]\n[limits]\nsource = false\n[verification]\n\
             resend_cooldown_s = 0\n[password]\nm_kib = 64\nt = 1\n{settings}\
             [settings.oauth.oauth_custom_fake]\nclient_id = \"{CLIENT_ID}\"\nclient_secret = \"{CLIENT_SECRET}\"\n\
             issuer = \"{}\"\n",
            provider.issuer()
        );
        Self { server: Server::start(folder.path(), &config), provider, folder }
    }

    fn browser(&self) -> Browser<'_> {
        Browser::of(&self.server)
    }

    /// Creates a user without verification; returns the session.
    fn register(&self, browser: &mut Browser<'_>, form: &str) -> Value {
        let done = browser.post("/v1/client/sign_ups", form);
        assert_eq!(done.json()["response"]["status"], "complete", "{}", done.body);
        done.json()["client"]["sessions"][0].clone()
    }

    fn by_password(&self, browser: &mut Browser<'_>, identifier: &str) -> Answer {
        browser.post("/v1/client/sign_ins", &format!("identifier={}&password={PASSWORD}", escaped(identifier)))
    }

    /// Signs in by a code; returns the client.
    fn by_code(&self, browser: &mut Browser<'_>, identifier: &str, strategy: &str) -> Value {
        let before = self.server.messages(identifier).len();
        let path = browser.begin_sign_in(&format!("identifier={}&strategy={strategy}", escaped(identifier)));
        let form = self.server.code_form(identifier, before + 1);
        let done = browser.post(&format!("{path}/attempt_first_factor"), &form);
        assert_eq!(done.json()["response"]["status"], "complete", "{}", done.body);
        done.json()["client"].clone()
    }

    /// Signs up or in through the provider; returns the client.
    fn through_provider(&self, browser: &mut Browser<'_>, resource: &str) -> Value {
        let there = escaped(&format!("{PAGE}/sso-callback"));
        let form = format!("strategy=oauth_custom_fake&redirect_url={there}&action_complete_redirect_url={there}");
        let begun = browser.post(&format!("/v1/client/{resource}"), &form).json()["response"].clone();
        let at = if resource == "sign_ups" {
            &begun["verifications"]["external_account"]
        } else {
            &begun["first_factor_verification"]
        };
        let page = at["external_verification_redirect_url"].as_str().unwrap_or_else(|| panic!("{begun}")).to_owned();
        let (code, state) = self.provider.allow(&page);
        let back = browser.navigate(&format!("/v1/oauth_callback?code={code}&state={state}"));
        assert_eq!(back.status, 303, "{}", back.body);
        browser.get("/v1/client").json()["response"].clone()
    }

    fn is_signed_out(&self, browser: &mut Browser<'_>, session: &str) {
        signed_out(browser, session);
    }
}

/// Checks that no call accepts the session any more.
fn signed_out(browser: &mut Browser<'_>, session: &str) {
    let client = browser.get("/v1/client").json();
    assert_eq!(
        (&client["response"]["sessions"], &client["response"]["last_active_session_id"]),
        (&json!([]), &json!(null))
    );
    for path in ["tokens", "touch", "end", "remove"] {
        let refused = browser.post(&format!("/v1/client/sessions/{session}/{path}"), "");
        assert!((401..=404).contains(&refused.status), "{path}: {} {}", refused.status, refused.body);
    }
    assert_eq!(browser.get("/v1/me").status, 401);
    assert_eq!(browser.get(&format!("/v1/me?_clerk_session_id={session}")).status, 401);
}

const PASSWORD: &str = "planted+by+mallory";
const UNPROVED: &str = r#"
[settings.attributes.email_address]
enabled = true
used_for_first_factor = true
verifications = ["email_code"]
verify_at_sign_up = false
[settings.attributes.phone_number]
enabled = true
used_for_first_factor = true
verifications = ["phone_code"]
verify_at_sign_up = false
[settings.attributes.password]
enabled = true
[settings.social.oauth_custom_fake]
enabled = true
authenticatable = true
strategy = "oauth_custom_fake"
name = "Fake"
"#;
