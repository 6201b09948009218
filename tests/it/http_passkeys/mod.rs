//! Passkeys over HTTP (guide/contract_sign_ins.md#passkeys, guide/contract_me.md#passkeys), with an authenticator of the
//! tests' own.

mod hostile_registrations;
mod hostile_sign_ins;
mod states;

use serde_json::{Value, json};

use crate::http_second_factors::{PASSWORD, path, settings};
use crate::support::authenticator::{Authenticator, options};
use crate::support::backend::{SECRET_KEY, backend};
use crate::support::browser::{Browser, PAGE, escaped};
use crate::support::endpoint::Answer;
use crate::support::site::Site;

/// What is wrong, how a device is made to do it, and the origin of the page that asks it.
type Spoiled = (&'static str, fn(&mut Authenticator), &'static str);

#[test]
fn a_passkey_is_added_named_used_and_removed() {
    let site = site("");
    let mut own = site.browser();
    own.join_with_password("ada@example.com");
    let mut device = Authenticator::new();

    let begun = own.begin_passkey();
    assert_eq!(
        (&begun["object"], &begun["verification"]["status"]),
        (&json!("passkey"), &json!("unverified")),
        "{begun}"
    );
    assert_eq!(begun["verification"]["strategy"], "passkey");
    let asked = options(&begun["verification"]);
    assert_eq!((&asked["rp"]["id"], &asked["rp"]["name"]), (&json!("localhost"), &json!("Vestibule")));
    assert_eq!((&asked["user"]["name"], &asked["excludeCredentials"]), (&json!("ada@example.com"), &json!([])));
    let wanted = &asked["authenticatorSelection"];
    assert_eq!((&wanted["residentKey"], &wanted["userVerification"]), (&json!("required"), &json!("required")));
    assert_eq!(own.me()["passkeys"], json!([]), "it is none before the device has answered");

    let before = own.me();
    let added = own.answer_passkey(&begun, &device.create(&asked, PAGE));
    assert_eq!(added.status, 200, "{}", added.body);
    let passkey = added.json()["response"].clone();
    assert_eq!((&passkey["id"], &passkey["verification"]["status"]), (&begun["id"], &json!("verified")), "{passkey}");
    let me = own.me();
    assert_eq!(me["passkeys"], json!([passkey]));
    assert_eq!(site.server.told("ada@example.com", 1), ["A passkey was added to your Vestibule account"]);
    assert!(me["updated_at"].as_u64() > before["updated_at"].as_u64());
    assert_eq!(added.json()["client"]["sessions"][0]["user"]["passkeys"], me["passkeys"]);
    let again = own.begin_passkey();
    let known = &options(&again["verification"])["excludeCredentials"];
    assert_eq!(known[0]["id"], crate::support::authenticator::encoded(&device.id), "the device is told what it has");

    let mut other = site.browser();
    let begun = other.post("/v1/client/sign_ins", "identifier=ada%40example.com").json()["response"].clone();
    let factors = begun["supported_first_factors"].as_array().expect("factors");
    assert!(factors.contains(&json!({"strategy": "passkey"})), "{begun}");
    let prepared = other.prepare_passkey(&path(&begun));
    let verification = &prepared.json()["response"]["first_factor_verification"];
    assert_eq!(
        (&verification["object"], &verification["status"]),
        (&json!("verification_passkey"), &json!("unverified"))
    );
    let asked = options(verification);
    assert_eq!((&asked["rpId"], &asked["userVerification"]), (&json!("localhost"), &json!("required")), "{asked}");
    assert_eq!(asked["allowCredentials"][0]["id"], crate::support::authenticator::encoded(&device.id));
    let shown = other.get(&path(&begun)).json();
    assert_eq!(shown["response"]["first_factor_verification"]["nonce"], verification["nonce"]);
    let done = other.attempt_passkey(&path(&begun), &device.get(&asked, PAGE));
    assert_eq!(done.status, 200, "{}", done.body);
    let done = done.json();
    assert_eq!(done["response"]["status"], "complete");
    assert_eq!(done["client"]["last_authentication_strategy"], "passkey");
    let used = &done["client"]["sessions"][0]["user"]["passkeys"][0]["last_used_at"];
    assert!(used.is_u64(), "{done}");

    let id = passkey["id"].as_str().expect("an id").to_owned();
    let at = format!("/v1/me/passkeys/{id}");
    let named = own.request("PATCH", &at, &[], "name=%20Ada's%20telephone%20");
    assert_eq!((named.status, &named.json()["response"]["name"]), (200, &json!("Ada's telephone")), "{}", named.body);
    for (name, code) in [
        ("name=", "form_param_missing"),
        (&*format!("name={}", "a".repeat(257)), "form_param_max_length_exceeded"),
        ("name=a%0Ab", "form_param_format_invalid"),
    ] {
        let refused = own.request("PATCH", &at, &[], name);
        assert_eq!((refused.status, refused.error_codes()), (422, vec![code.to_owned()]), "{name}");
    }
    let removed = own.request("DELETE", &at, &[], "");
    assert_eq!(removed.json()["response"], json!({"object": "passkey", "id": id, "deleted": true}), "{}", removed.body);
    assert_eq!(own.me()["passkeys"], json!([]));
    let told = site.server.told("ada@example.com", 2);
    assert_eq!(told.len(), 2, "one for each change, and none for a use or a name: {told:?}");
    assert!(told.contains(&"A passkey was removed from your Vestibule account".to_owned()), "{told:?}");
    assert_eq!(own.request("DELETE", &at, &[], "").status, 404);
    let (path, asked) = site.browser_asks();
    let refused =
        { Browser { server: &site.server, cookies: path.1 }.attempt_passkey(&path.0, &device.get(&asked, PAGE)) };
    assert_eq!((refused.status, refused.error_codes()), (422, vec!["passkey_not_registered".to_owned()]));
}

#[test]
fn a_passkey_signs_in_without_an_identifier() {
    let site = site("");
    let mut own = site.browser();
    own.join_with_password("ada@example.com");
    let mut device = own.add_passkey();
    let mut other = site.browser();
    let (at, asked) = other.ask_for_any();
    assert_eq!(asked["allowCredentials"], json!([]), "it tells nothing of anybody");
    let done = other.attempt_passkey(&at, &device.get(&asked, PAGE)).json();
    assert_eq!(done["response"]["status"], "complete", "{done}");
    let session = &done["client"]["sessions"][0];
    assert_eq!(session["user"]["id"], own.me()["id"]);
    assert_eq!(session["factor_verification_age"], json!([0, -1]));

    let unnamed = site.browser().attempt_without_handle(&mut device);
    assert_eq!(unnamed.error_codes(), ["passkey_not_registered"], "the passkey must name its user");
}

#[test]
fn a_passkey_is_two_factors_in_one() {
    let site = site("");
    let mut own = site.browser();
    own.join_with_password("ada@example.com");
    own.set_up_app(&site);
    let mut device = own.add_passkey();
    let mut other = site.browser();
    let (at, asked) = other.ask_for_any();
    let done = other.attempt_passkey(&at, &device.get(&asked, PAGE)).json();
    assert_eq!(done["response"]["status"], "complete", "no code is asked for: {done}");
    assert_eq!(done["client"]["sessions"][0]["factor_verification_age"], json!([0, 0]));
    let by_password = site.browser().enter_with("ada@example.com", PASSWORD).json();
    assert_eq!(by_password["response"]["status"], "needs_second_factor");

    // The device was not unlocked: that is one factor only.
    device.verifies = false;
    let mut thief = site.browser();
    let (at, asked) = thief.ask_for_any();
    let refused = thief.attempt_passkey(&at, &device.get(&asked, PAGE));
    assert_eq!(refused.error_codes(), ["passkey_authentication_failure"]);
}

#[test]
fn who_must_have_a_second_factor_sets_one_up_after_a_passkey_too() {
    let site = site("");
    let mut own = site.browser();
    own.join_with_password("ada@example.com");
    let mut device = own.add_passkey();
    let mut document = site.server.settings();
    document["sign_up"]["mfa"]["required"] = json!(true);
    site.server.put_settings(&document);
    let mut other = site.browser();
    let (at, asked) = other.ask_for_any();
    let done = other.attempt_passkey(&at, &device.get(&asked, PAGE)).json();
    assert_eq!(done["client"]["sessions"][0]["status"], "pending", "{done}");
    assert_eq!(done["client"]["sessions"][0]["tasks"][0]["key"], "setup-mfa");
}

#[test]
fn the_environment_shows_where_passkeys_are_offered() {
    let site = site("");
    let shown = |site: &Site| site.browser().get("/v1/environment").json()["user_settings"]["passkey_settings"].clone();
    let on = json!({"allow_autofill": true, "show_sign_in_button": true, "satisfies_second_factor": false});
    assert_eq!(shown(&site), on);
    let mut document = site.server.settings();
    document["passkey_settings"]["show_sign_in_button"] = json!(false);
    site.server.put_settings(&document);
    assert_eq!(shown(&site)["show_sign_in_button"], false);
    document["attributes"]["passkey"]["used_for_first_factor"] = json!(false);
    site.server.put_settings(&document);
    assert_eq!(shown(&site)["allow_autofill"], false);
    let refused = site.browser().post("/v1/client/sign_ins", "strategy=passkey");
    assert_eq!((refused.status, refused.error_codes()), (400, vec!["form_param_value_disabled".to_owned()]));
}

#[test]
fn nobody_is_asked_for_a_passkey_any_more_once_passkeys_do_not_sign_in() {
    let site = site("");
    let mut own = site.browser();
    own.join_with_password("ada@example.com");
    let mut device = own.add_passkey();
    let mut browser = site.browser();
    let (at, asked) = browser.ask_for_any();
    let nonce =
        |browser: &mut Browser<'_>| browser.get(&at).json()["response"]["first_factor_verification"]["nonce"].clone();
    assert!(nonce(&mut browser).is_string());
    let mut document = site.server.settings();
    document["attributes"]["passkey"]["used_for_first_factor"] = json!(false);
    site.server.put_settings(&document);
    assert_eq!(nonce(&mut browser), Value::Null);
    assert!(browser.attempt_passkey(&at, &device.get(&asked, PAGE)).status >= 400);
}

#[test]
fn wrong_passkeys_in_a_reverification_count_as_no_failures() {
    let lockout =
        "[settings.attack_protection.user_lockout]\nenabled = true\nmax_attempts = 5\nduration_in_minutes = 60\n";
    let site = site(&format!("[session]\nreverification = true\n{lockout}"));
    let mut own = site.browser();
    own.join_with_password("ada@example.com");
    let mut device = own.add_passkey();
    site.server.advance(11 * 60_000);
    let client = own.get("/v1/client").json()["response"].clone();
    let verify = format!("/v1/client/sessions/{}/verify", client["last_active_session_id"].as_str().expect("an id"));
    assert_eq!(own.post(&verify, "level=first_factor").status, 200);
    let attempt = |own: &mut Browser<'_>, device: &mut Authenticator, origin: &str| {
        let prepared = own.prepare_passkey(&verify).json();
        let asked = options(&prepared["response"]["first_factor_verification"]);
        own.attempt_passkey(&verify, &device.get(&asked, origin))
    };
    for _ in 0..6 {
        let refused = attempt(&mut own, &mut device, "https://evil.example");
        assert_eq!(refused.error_codes(), ["passkey_authentication_failure"], "{}", refused.body);
    }
    let done = attempt(&mut own, &mut device, PAGE);
    assert_eq!(done.json()["response"]["status"], "complete", "{}", done.body);
}

#[test]
fn without_passkeys_nothing_of_them_is_there() {
    let site = Site::start(&settings(""));
    let mut own = site.browser();
    own.join_with_password("ada@example.com");
    let refused = own.post("/v1/me/passkeys", "");
    assert_eq!((refused.status, refused.error_codes()), (403, vec!["feature_not_enabled".to_owned()]));
    let begun = site.browser().post("/v1/client/sign_ins", "strategy=passkey");
    assert_eq!(begun.error_codes(), ["form_param_value_disabled"]);
}

#[test]
fn the_backend_sees_passkeys_and_removes_one() {
    let site = site(&format!("[instance]\nsecret_key = \"{SECRET_KEY}\"\n"));
    let mut own = site.browser();
    let user = own.join_with_password("ada@example.com");
    let mut device = own.add_passkey();
    let at = format!("/v1/users/{user}");
    let shown = backend(&site.server, "GET", &at, &Value::Null).json();
    assert_eq!(shown["passkeys"], own.me()["passkeys"], "{shown}");
    let id = shown["passkeys"][0]["id"].as_str().expect("an id").to_owned();
    let gone = backend(&site.server, "DELETE", &format!("{at}/passkeys/idn_000000000000000000000000007"), &Value::Null);
    assert_eq!(gone.status, 404);
    let deleted = backend(&site.server, "DELETE", &format!("{at}/passkeys/{id}"), &Value::Null);
    assert_eq!(deleted.json(), json!({"object": "passkey", "id": id, "deleted": true}), "{}", deleted.body);
    assert_eq!(own.me()["passkeys"], json!([]));
    assert_eq!(site.server.told("ada@example.com", 2).len(), 2, "added, and removed");
    let mut other = site.browser();
    let (path, asked) = other.ask_for_any();
    assert_eq!(other.attempt_passkey(&path, &device.get(&asked, PAGE)).error_codes(), ["passkey_not_registered"]);
}

#[test]
fn where_users_are_hidden_nobody_learns_who_has_a_passkey() {
    let site = site("[settings.attack_protection.enumeration_protection]\nenabled = true\n");
    let mut own = site.browser();
    own.join_with_password("ada@example.com");
    let mut device = own.add_passkey();
    let walk = |address: &str| {
        let mut browser = site.browser();
        let begun = browser.post("/v1/client/sign_ins", &format!("identifier={}", escaped(address))).json();
        let sign_in = &begun["response"];
        let prepared = browser.prepare_passkey(&path(sign_in));
        let created = browser.post("/v1/client/sign_ins", &format!("identifier={}&strategy=passkey", escaped(address)));
        let strategies: Vec<_> = sign_in["supported_first_factors"]
            .as_array()
            .expect("factors")
            .iter()
            .map(|f| f["strategy"].clone())
            .collect();
        (strategies, prepared.status, prepared.error_codes(), created.status, created.error_codes())
    };
    assert_eq!(walk("ada@example.com"), walk("nobody@example.com"));
    let mut other = site.browser();
    let (at, asked) = other.ask_for_any();
    let done = other.attempt_passkey(&at, &device.get(&asked, PAGE)).json();
    assert_eq!(done["response"]["status"], "complete", "without an identifier it signs in: {done}");
}

impl Site {
    /// A new browser that is asked for any passkey: the sign-in with the cookies, and what is asked.
    fn browser_asks(&self) -> ((String, Vec<(String, String)>), Value) {
        let mut browser = self.browser();
        let (path, asked) = browser.ask_for_any();
        ((path, browser.cookies), asked)
    }
}

impl Browser<'_> {
    fn me(&mut self) -> Value {
        self.get("/v1/me").json()["response"].clone()
    }

    /// Begins to add a passkey.
    fn begin_passkey(&mut self) -> Value {
        let begun = self.post("/v1/me/passkeys", "");
        assert_eq!(begun.status, 200, "{}", begun.body);
        begun.json()["response"].clone()
    }

    /// Answers as the browser does.
    fn answer_passkey(&mut self, begun: &Value, answer: &Value) -> Answer {
        let id = begun["id"].as_str().expect("an id");
        self.post(&format!("/v1/me/passkeys/{id}/attempt_verification"), &credential(answer))
    }

    /// Adds a passkey that a new device makes.
    fn add_passkey(&mut self) -> Authenticator {
        let mut device = Authenticator::new();
        let begun = self.begin_passkey();
        let added = self.answer_passkey(&begun, &device.create(&options(&begun["verification"]), PAGE));
        assert_eq!(added.status, 200, "{}", added.body);
        device
    }

    /// Begins a sign-in without an identifier: its path, and what the device is asked.
    fn ask_for_any(&mut self) -> (String, Value) {
        let begun = self.post("/v1/client/sign_ins", "strategy=passkey");
        assert_eq!(begun.status, 200, "{}", begun.body);
        let sign_in = begun.json()["response"].clone();
        (path(&sign_in), options(&sign_in["first_factor_verification"]))
    }

    fn prepare_passkey(&mut self, path: &str) -> Answer {
        self.post(&format!("{path}/prepare_first_factor"), "strategy=passkey")
    }

    fn attempt_passkey(&mut self, path: &str, answer: &Value) -> Answer {
        self.post(&format!("{path}/attempt_first_factor"), &credential(answer))
    }

    fn attempt_without_handle(&mut self, device: &mut Authenticator) -> Answer {
        let (at, asked) = self.ask_for_any();
        let handle = device.handle.take();
        let answer = device.get(&asked, PAGE);
        device.handle = handle;
        self.attempt_passkey(&at, &answer)
    }
}

/// The form with the answer of the browser.
fn credential(answer: &Value) -> String {
    format!("strategy=passkey&public_key_credential={}", escaped(&answer.to_string()))
}

/// A site with passwords, codes and passkeys.
fn site(more: &str) -> Site {
    Site::start(&settings(&format!(
        "[settings.attributes.passkey]\nenabled = true\nused_for_first_factor = true\n{more}"
    )))
}
