//! Resetting a forgotten password over HTTP (guide/contract_sign_ins.md#resetting-a-password).

use serde_json::{Value, json};

use crate::support::backend::{SECRET_KEY, backend};
use crate::support::browser::{Browser, escaped};
use crate::support::endpoint::Answer;
use crate::support::site::Site;

#[test]
fn who_proves_the_address_sets_a_new_password_and_only_then_has_a_session() {
    let site = Site::start(SETTINGS);
    site.browser().join("ada@example.com", OLD);
    let mut browser = site.browser();
    let begun = browser.ask_for("ada@example.com", "reset_password_email_code");
    assert_eq!(begun["status"], "needs_first_factor");
    let verification = &begun["first_factor_verification"];
    assert_eq!(
        (&verification["object"], &verification["status"], &verification["strategy"]),
        (&json!("verification_otp"), &json!("unverified"), &json!("reset_password_email_code"))
    );
    let path = path(&begun);
    let early = browser.set_password(&path, NEW, false);
    assert_eq!((early.status, early.error_codes()), (400, vec!["client_state_invalid".into()]));
    let wrong = browser.answer_reset(&path, &other_than(&site.server.code("ada@example.com", 2)));
    assert_eq!((wrong.status, wrong.error_codes()), (422, vec!["form_code_incorrect".into()]));
    let token = browser.cookie("__client").expect("a token").to_owned();
    let code = site.server.code("ada@example.com", 2);
    let proved = browser.answer_reset(&path, &code);
    assert_eq!(proved.json()["response"]["status"], "needs_new_password", "{}", proved.body);
    assert_eq!(proved.json()["client"]["sessions"], json!([]), "no session yet");
    assert_ne!(browser.cookie("__client"), Some(token.as_str()), "who knew the token before may not set the password");
    let again = browser.answer_reset(&path, &code);
    assert_eq!(again.json()["response"]["status"], "needs_new_password", "a double click");

    for (password, code) in [
        ("", "form_param_missing"),
        ("short", "form_password_length_too_short"),
        ("ada@example.com", "form_password_matches_identifier"),
        (OLD, "form_new_password_matches_current"),
        ("password1234", "form_password_pwned"),
    ] {
        let refused = browser.set_password(&path, password, false);
        assert_eq!((refused.status, refused.error_codes()), (422, vec![code.into()]), "{password}");
        assert_eq!(refused.json()["errors"][0]["meta"]["param_name"], "password");
    }
    let done = browser.set_password(&path, NEW, false);
    let shown = done.json();
    assert_eq!(shown["response"]["status"], "complete", "{}", done.body);
    assert_eq!(shown["response"]["created_session_id"], shown["client"]["sessions"][0]["id"]);
    assert_eq!(shown["client"]["last_authentication_strategy"], "reset_password_email_code");
    assert_eq!(site.server.told("ada@example.com", 1), ["Your password for Vestibule was changed"]);

    assert_eq!(site.browser().enter("ada@example.com", OLD).error_codes(), ["form_password_incorrect"]);
    assert_eq!(site.browser().enter("ada@example.com", NEW).json()["response"]["status"], "complete");
}

#[test]
fn a_password_that_is_known_to_others_is_replaced_by_a_reset_and_signs_in_no_more() {
    let site = Site::start(&format!("[instance]\nsecret_key = \"{SECRET_KEY}\"\n{SETTINGS}"));
    site.browser().join("ada@example.com", OLD);
    let users = backend(&site.server, "GET", "/v1/users", &Value::Null).json();
    let user = users[0]["id"].as_str().expect("an id");
    let marked = backend(&site.server, "POST", &format!("/v1/users/{user}/password/set_compromised"), &json!({}));
    assert_eq!(marked.status, 200, "{}", marked.body);
    let refused = site.browser().enter("ada@example.com", OLD);
    assert_eq!((refused.status, refused.error_codes()), (422, vec!["form_password_compromised".into()]));
    let mut browser = site.browser();
    let path = browser.prove_reset("ada@example.com", &site, 2);
    let same = browser.set_password(&path, OLD, false);
    assert_eq!(same.error_codes(), ["form_new_password_matches_current"]);
    let done = browser.set_password(&path, NEW, false);
    assert_eq!(done.json()["response"]["status"], "complete", "{}", done.body);
    assert_eq!(site.browser().enter("ada@example.com", NEW).json()["response"]["status"], "complete");
}

#[test]
fn other_sessions_end_where_the_person_asks_for_it() {
    for ends in [true, false] {
        let site = Site::start(SETTINGS);
        let mut elsewhere = site.browser();
        elsewhere.join("ada@example.com", OLD);
        let mut browser = site.browser();
        let path = browser.prove_reset("ada@example.com", &site, 2);
        assert_eq!(browser.set_password(&path, NEW, ends).json()["response"]["status"], "complete");
        let sessions = |browser: &mut Browser<'_>| {
            let shown = browser.get("/v1/client").json();
            shown["response"]["sessions"].as_array().map_or(0, Vec::len)
        };
        assert_eq!(sessions(&mut elsewhere), usize::from(!ends));
        assert_eq!(sessions(&mut browser), 1, "the one that the reset made goes on");
    }
}

#[test]
fn older_clients_send_the_password_with_the_code() {
    let site = Site::start(SETTINGS);
    site.browser().join("ada@example.com", OLD);
    let mut browser = site.browser();
    let begun = browser.ask_for("ada@example.com", "reset_password_email_code");
    let code = site.server.code("ada@example.com", 2);
    let form =
        |password: &str| format!("strategy=reset_password_email_code&code={code}&password={}", escaped(password));
    let attempt = format!("{}/attempt_first_factor", path(&begun));
    let refused = browser.post(&attempt, &form("short"));
    assert_eq!(refused.json()["response"]["status"], "needs_new_password", "the code is proved: {}", refused.body);
    let done = browser.post(&attempt, &form(NEW));
    assert_eq!(done.json()["response"]["status"], "complete", "{}", done.body);
    assert_eq!(done.json()["client"]["sessions"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_reset_is_over_half_an_hour_after_its_code() {
    let site = Site::start(SETTINGS);
    site.browser().join("ada@example.com", OLD);
    let mut browser = site.browser();
    let path = browser.prove_reset("ada@example.com", &site, 2);
    site.server.advance(1_800_001);
    let late = browser.set_password(&path, NEW, false);
    assert_eq!((late.status, late.error_codes()), (400, vec!["verification_expired".into()]));
}

#[test]
fn a_lock_by_failures_ends_with_a_reset() {
    let site = Site::start(&format!("{SETTINGS}{LOCKOUT}"));
    site.browser().join("ada@example.com", OLD);
    for _ in 0..5 {
        site.browser().enter("ada@example.com", "wanders under birches");
    }
    assert_eq!(site.browser().enter("ada@example.com", OLD).error_codes(), ["user_locked"]);
    let mut browser = site.browser();
    let path = browser.prove_reset("ada@example.com", &site, 2);
    assert_eq!(site.browser().enter("ada@example.com", OLD).error_codes(), ["user_locked"], "not yet");
    assert_eq!(browser.set_password(&path, NEW, false).json()["response"]["status"], "complete");
    assert_eq!(site.browser().enter("ada@example.com", NEW).json()["response"]["status"], "complete");
}

#[test]
fn the_code_of_a_reset_signs_nobody_in_and_the_code_of_a_sign_in_resets_nothing() {
    let site = Site::start(SETTINGS);
    site.browser().join("ada@example.com", OLD);
    let mut browser = site.browser();
    let begun = browser.ask_for("ada@example.com", "reset_password_email_code");
    let code = site.server.code("ada@example.com", 2);
    let crossed =
        browser.post(&format!("{}/attempt_first_factor", path(&begun)), &format!("strategy=email_code&code={code}"));
    assert_eq!(crossed.error_codes(), ["verification_strategy_invalid"]);
    site.server.advance(60_000);
    let begun = browser.ask_for("ada@example.com", "email_code");
    let crossed = browser.answer_reset(&path(&begun), &site.server.code("ada@example.com", 3));
    assert_eq!(crossed.error_codes(), ["verification_strategy_invalid"]);
}

#[test]
fn under_enumeration_protection_an_unknown_address_looks_the_same() {
    let site = Site::start(&format!("{SETTINGS}{PROTECTED}"));
    site.browser().join("ada@example.com", OLD);
    let mut shown = Vec::new();
    for (address, sent) in [("ada@example.com", 2), ("eve@example.com", 0)] {
        let mut browser = site.browser();
        let mut begun = browser.ask_for(address, "reset_password_email_code");
        let path = path(&begun);
        let mut codes = Vec::new();
        let right = if sent > 0 { site.server.code(address, sent) } else { String::new() };
        for n in 0..7 {
            let guess = browser.answer_reset(&path, &other_than(&right).replace('1', &(2 + n).to_string()));
            codes.push((guess.status, guess.error_codes()));
        }
        for key in ["id", "identifier", "abandon_at"] {
            begun[key] = Value::Null;
        }
        begun["first_factor_verification"]["expire_at"] = Value::Null;
        let text = begun["supported_first_factors"].to_string().replace(address, "");
        let ids = text.split("idn_").next().unwrap_or_default().to_owned();
        begun["supported_first_factors"] = json!(ids);
        shown.push((begun, codes));
    }
    assert_eq!(shown[0], shown[1]);
    assert_eq!(shown[0].1[0], (422, vec!["form_code_incorrect".into()]));
    assert_eq!(site.server.messages("eve@example.com").len(), 0);
}

#[test]
fn without_protection_an_unknown_address_is_told() {
    let site = Site::start(SETTINGS);
    let refused =
        site.browser().post("/v1/client/sign_ins", "strategy=reset_password_email_code&identifier=eve%40example.com");
    assert_eq!((refused.status, refused.error_codes()), (422, vec!["form_identifier_not_found".into()]));
}

impl Browser<'_> {
    fn join(&mut self, address: &str, password: &str) {
        let form = format!("email_address={}&password={}&strategy=email_code", escaped(address), escaped(password));
        let begun = self.post("/v1/client/sign_ups", &form);
        assert_eq!(begun.status, 200, "{}", begun.body);
        let id = begun.json()["response"]["id"].as_str().expect("an id").to_owned();
        let code = self.server.mail(address, 1)["code"].as_str().expect("a code").to_owned();
        let path = format!("/v1/client/sign_ups/{id}/attempt_verification");
        let done = self.post(&path, &format!("strategy=email_code&code={code}"));
        assert_eq!(done.json()["response"]["status"], "complete", "{}", done.body);
    }

    fn enter(&mut self, address: &str, password: &str) -> Answer {
        let form = format!("identifier={}&password={}", escaped(address), escaped(password));
        self.post("/v1/client/sign_ins", &form)
    }

    fn ask_for(&mut self, address: &str, strategy: &str) -> Value {
        let form = format!("identifier={}&strategy={strategy}", escaped(address));
        let begun = self.post("/v1/client/sign_ins", &form);
        assert_eq!(begun.status, 200, "{}", begun.body);
        begun.json()["response"].clone()
    }

    fn answer_reset(&mut self, path: &str, code: &str) -> Answer {
        let form = format!("strategy=reset_password_email_code&code={code}");
        self.post(&format!("{path}/attempt_first_factor"), &form)
    }

    /// Proves the code of a reset, which is in the message with this number; returns the path of the sign-in.
    fn prove_reset(&mut self, address: &str, site: &Site, count: usize) -> String {
        let begun = self.ask_for(address, "reset_password_email_code");
        let path = path(&begun);
        let proved = self.answer_reset(&path, &site.server.code(address, count));
        assert_eq!(proved.json()["response"]["status"], "needs_new_password", "{}", proved.body);
        path
    }

    fn set_password(&mut self, path: &str, password: &str, ends: bool) -> Answer {
        let form = format!("password={}&sign_out_of_other_sessions={ends}", escaped(password));
        self.post(&format!("{path}/reset_password"), &form)
    }
}

fn path(sign_in: &Value) -> String {
    format!("/v1/client/sign_ins/{}", sign_in["id"].as_str().expect("an id"))
}

fn other_than(code: &str) -> String {
    if code == "111111" { "111112".into() } else { "111111".into() }
}

const OLD: &str = "wanders under elms";
const NEW: &str = "strolls beneath oaks";

const SETTINGS: &str = r#"
[limits]
source = false
[settings.attributes.email_address]
enabled = true
required = true
used_for_first_factor = true
first_factors = ["email_code"]
verifications = ["email_code"]
verify_at_sign_up = true
[settings.attributes.password]
enabled = true
required = true
"#;

const LOCKOUT: &str = r#"
[settings.attack_protection.user_lockout]
enabled = true
max_attempts = 5
duration_in_minutes = 60
"#;

const PROTECTED: &str = r#"
[settings.attack_protection.enumeration_protection]
enabled = true
"#;
