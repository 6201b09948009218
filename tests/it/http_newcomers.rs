//! `sign_up_if_missing` over HTTP: a person who signs in with an unused identifier verifies it and signs up with it
//! (guide/contract_sign_ins.md#sign-up-if-missing).

use std::ops::Deref;

use serde_json::{Value, json};

use crate::support::browser::{Browser, escaped};
use crate::support::endpoint::Answer;
use crate::support::site;

#[test]
fn whoever_proves_an_address_that_is_nobodys_signs_up_with_it() {
    for protected in [true, false] {
        let site = Site::start(protected, "");
        let mut browser = site.browser();
        let begun = browser.ask_in("ada@example.com");
        let factors = begun["supported_first_factors"].as_array().expect("factors").clone();
        assert_eq!(factors.len(), 1, "{begun}");
        assert_eq!((&begun["status"], &factors[0]["strategy"]), (&json!("needs_first_factor"), &json!("email_code")));
        let path = path(&begun);
        let again = browser.ask_in("ada@example.com");
        assert_eq!(again["supported_first_factors"], begun["supported_first_factors"], "invented, and stable");
        let gone = browser.post(&format!("{path}/prepare_first_factor"), "strategy=email_code");
        assert_eq!(gone.status, 404, "the sign-in before");
        let path = self::path(&again);

        let id = factors[0]["email_address_id"].as_str().expect("an id");
        let prepare = format!("strategy=email_code&email_address_id={id}");
        let prepared = browser.post(&format!("{path}/prepare_first_factor"), &prepare);
        assert_eq!(
            prepared.json()["response"]["first_factor_verification"]["status"],
            "unverified",
            "{}",
            prepared.body
        );
        let code = site.server.code("ada@example.com", 1);
        let wrong = if code == "000000" { "000001" } else { "000000" };
        let refused = browser.try_code(&path, wrong);
        assert_eq!((refused.status, refused.error_codes()), (422, vec!["form_code_incorrect".into()]));
        for _ in 0..2 {
            let right = browser.try_code(&path, &code);
            assert_eq!((right.status, right.error_codes()), (404, vec!["sign_up_if_missing_transfer".into()]));
            let sign_in = &right.json()["meta"]["client"]["sign_in"];
            assert_eq!(sign_in["first_factor_verification"]["status"], "transferable", "{}", right.body);
            assert_eq!(sign_in["status"], "needs_first_factor");
        }
        assert_eq!(browser.get("/v1/client").json()["response"]["sessions"], json!([]));

        let done = browser.post("/v1/client/sign_ups", "transfer=true&unsafe_metadata=%7B%22plan%22%3A1%7D").json();
        let sign_up = &done["response"];
        assert_eq!((&sign_up["status"], &sign_up["email_address"]), (&json!("complete"), &json!("ada@example.com")));
        let verification = &sign_up["verifications"]["email_address"];
        assert_eq!((&verification["status"], &verification["strategy"]), (&json!("verified"), &json!("email_code")));
        assert_eq!(done["client"]["sign_in"], Value::Null);
        let user = &done["client"]["sessions"][0]["user"];
        assert_eq!((&user["id"], &user["unsafe_metadata"]), (&sign_up["created_user_id"], &json!({"plan": 1})));
        assert_eq!(user["email_addresses"][0]["verification"]["status"], "verified");
        assert_eq!(done["client"]["last_authentication_strategy"], "email_code");

        // The same person, later and on another browser.
        let mut elsewhere = site.browser();
        let path = self::path(&elsewhere.ask_in("ada@example.com"));
        assert_eq!(elsewhere.post(&format!("{path}/prepare_first_factor"), "strategy=email_code").status, 200);
        let signed_in = elsewhere.try_code(&path, &site.server.code("ada@example.com", 2)).json();
        assert_eq!(signed_in["response"]["status"], "complete", "{signed_in}");
        assert_eq!(signed_in["client"]["sessions"][0]["user"]["id"], user["id"]);
    }
}

#[test]
fn a_transfer_happens_once_and_keeps_the_sign_up_that_came_of_it() {
    let site = Site::start(true, "[settings.attributes.first_name]\nenabled = true\nrequired = true\n");
    let mut browser = site.browser();
    for nothing in ["", "ada@example.com"] {
        if !nothing.is_empty() {
            browser.ask_in(nothing);
        }
        let refused = browser.post("/v1/client/sign_ups", "transfer=true");
        assert_eq!(refused.error_codes(), ["account_transfer_invalid"], "nothing is proved");
    }
    site.prove(&mut browser, "ada@example.com");
    let odd = browser.post("/v1/client/sign_ups", "transfer=true&email_address=eve%40example.com");
    assert_eq!(odd.error_codes(), ["form_conditional_param_disallowed"]);
    let begun = browser.post("/v1/client/sign_ups", "transfer=true").json();
    assert_eq!(begun["response"]["missing_fields"], json!(["first_name"]), "{begun}");
    assert_eq!(begun["response"]["unverified_fields"], json!([]));
    assert_eq!(begun["client"]["sign_in"], Value::Null);
    let second = browser.post("/v1/client/sign_ups", "transfer=true");
    assert_eq!((second.status, second.error_codes()), (400, vec!["account_transfer_invalid".into()]));
    let id = begun["response"]["id"].as_str().expect("an id");
    assert_eq!(browser.get("/v1/client").json()["response"]["sign_up"]["id"], id);
    let done = browser.request("PATCH", &format!("/v1/client/sign_ups/{id}"), &[], "first_name=Ada").json();
    assert_eq!(done["response"]["status"], "complete", "{done}");
}

#[test]
fn whoever_signed_up_with_the_address_meanwhile_is_signed_in_or_told() {
    let site = Site::start(true, "");
    let (mut early, mut late) = (site.browser(), site.browser());
    site.prove(&mut early, "ada@example.com");
    let waiting = path(&late.ask_in("ada@example.com"));
    assert_eq!(late.post(&format!("{waiting}/prepare_first_factor"), "strategy=email_code").status, 200);
    let code = site.server.code("ada@example.com", 2);
    let mut third = site.browser();
    site.prove(&mut third, "ada@example.com");
    assert_eq!(third.post("/v1/client/sign_ups", "transfer=true").json()["response"]["status"], "complete");
    let told = early.post("/v1/client/sign_ups", "transfer=true");
    assert_eq!((told.status, told.error_codes()), (422, vec!["form_identifier_exists".into()]));
    assert_eq!(told.json()["errors"][0]["meta"]["param_name"], "email_address");
    assert_eq!(late.try_code(&waiting, &code).json()["response"]["status"], "complete", "it is theirs by now");
}

#[test]
fn a_proof_tells_nothing_of_what_is_typed_beside_it() {
    let site = Site::start(true, "");
    let mut somebody = site.browser();
    site.prove(&mut somebody, "somebody@example.com");
    assert_eq!(somebody.post("/v1/client/sign_ups", "transfer=true").json()["response"]["status"], "complete");
    let mut browser = site.browser();
    let begun = |browser: &mut Browser<'_>, address: &str| {
        let begun = browser.post("/v1/client/sign_ups", &format!("email_address={}", escaped(address))).json();
        format!("/v1/client/sign_ups/{}", begun["response"]["id"].as_str().unwrap_or_else(|| panic!("{begun}")))
    };
    let open = begun(&mut browser, "somebody@example.com");
    site.prove(&mut browser, "eve@example.com");
    let answers = ["somebody@example.com", "nobody@example.com"].map(|address| {
        let form = format!("transfer=true&email_address={}", escaped(address));
        let created = browser.post("/v1/client/sign_ups", &form);
        let changed = browser.request("PATCH", &open, &[], &form);
        [created, changed].map(|answer| (answer.status, answer.error_codes()))
    });
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0][0], (422, vec!["form_conditional_param_disallowed".into()]));
    // An address typed earlier is replaced by the verified one and is no obstacle, even if it belongs to a user.
    let done = ["somebody@example.com", "nobody@example.com"].map(|address| {
        let mut browser = site.browser();
        let open = begun(&mut browser, address);
        let own = format!("eve-{address}");
        site.prove(&mut browser, &own);
        let done = browser.request("PATCH", &open, &[], "transfer=true&strategy=email_code").json();
        assert_eq!(done["response"]["email_address"], own, "{done}");
        done["response"]["status"].clone()
    });
    assert_eq!(done, [json!("complete"), json!("complete")]);
}

#[test]
fn a_password_is_not_made_of_what_was_proved() {
    let site = Site::start(true, "");
    let mut browser = site.browser();
    site.prove(&mut browser, "marguerite.longname@example.com");
    for own in ["marguerite.longname", "marguerite.longname@example.com"] {
        let refused = browser.post("/v1/client/sign_ups", &format!("transfer=true&password={}", escaped(own)));
        assert_eq!((refused.status, refused.error_codes()), (422, vec!["form_password_pwned".into()]), "{own}");
    }
    let done = browser.post("/v1/client/sign_ups", "transfer=true&password=wanders+under+elms").json();
    assert_eq!(done["response"]["status"], "complete", "a refusal uses nothing up: {done}");
}

#[test]
fn what_can_become_no_sign_up_is_refused_whoever_is_named() {
    for protected in [true, false] {
        let site = Site::start(protected, "");
        let mut known = site.browser();
        site.prove(&mut known, "known@example.com");
        assert_eq!(known.post("/v1/client/sign_ups", "transfer=true").json()["response"]["status"], "complete");
        for who in ["known@example.com", "nobody@example.com"] {
            let ask = |form: &str| {
                let form = format!("identifier={}&sign_up_if_missing=true&{form}", escaped(who));
                site.browser().post("/v1/client/sign_ins", &form)
            };
            for form in [
                "password=wanders+under+elms",
                "strategy=password&password=wanders+under+elms",
                "strategy=phone_code",
                "strategy=reset_password_email_code",
            ] {
                let refused = ask(form);
                let code = "sign_up_if_missing_strategy_not_supported".to_owned();
                assert_eq!((refused.status, refused.error_codes()), (422, vec![code]), "{who} {form}");
            }
            assert_eq!(ask("strategy=email_code").status, 200);
        }
        for name in ["known", "nobody"] {
            let refused =
                site.browser().post("/v1/client/sign_ins", &format!("identifier={name}&sign_up_if_missing=true"));
            let code = "sign_up_if_missing_not_allowed".to_owned();
            assert_eq!((refused.status, refused.error_codes()), (422, vec![code]), "{name}");
        }
        // Without an identifier `sign_up_if_missing` has no effect.
        assert_eq!(site.browser().post("/v1/client/sign_ins", "sign_up_if_missing=true").status, 200);
    }
}

#[test]
fn under_protection_somebody_and_nobody_look_alike_until_the_code() {
    let site = Site::start(true, "");
    let mut known = site.browser();
    site.prove(&mut known, "known@example.com");
    assert_eq!(known.post("/v1/client/sign_ups", "transfer=true").json()["response"]["status"], "complete");
    let walk = |address: &str| {
        let mut browser = site.browser();
        let begun = browser.ask_in(address);
        let path = path(&begun);
        let shown = |answer: &Answer| {
            let mut json = answer.json();
            let cut = |of: &mut Value| {
                for key in ["id", "abandon_at", "identifier", "supported_first_factors", "first_factor_verification"] {
                    let gone = of.as_object_mut().and_then(|object| object.remove(key));
                    drop(gone);
                }
            };
            json["client"] = Value::Null;
            json["meta"] = Value::Null;
            json["clerk_trace_id"] = Value::Null;
            cut(&mut json["response"]);
            (answer.status, json)
        };
        let mut steps = Vec::new();
        for (call, form) in [
            ("prepare_first_factor", "strategy=email_code"),
            ("prepare_first_factor", "strategy=email_code"),
            ("prepare_first_factor", "strategy=phone_code"),
            ("prepare_first_factor", "strategy=password"),
            ("attempt_first_factor", "strategy=password&password=wanders+under+elms"),
            ("attempt_first_factor", "strategy=email_code&code=x"),
        ] {
            steps.push(shown(&browser.post(&format!("{path}/{call}"), form)));
        }
        let factors = begun["supported_first_factors"].as_array().map(Vec::len);
        (factors, begun["status"].clone(), begun["user_data"].clone(), steps)
    };
    assert_eq!(walk("known@example.com"), walk("nobody@example.com"));
}

#[test]
fn nobody_is_written_to_who_may_not_sign_up() {
    for (protected, status) in [(true, 200), (false, 403)] {
        let site = Site::start(protected, BLOCKLIST);
        let mut browser = site.browser();
        let path = path(&browser.ask_in("eve@blocked.example"));
        let prepared = browser.post(&format!("{path}/prepare_first_factor"), "strategy=email_code");
        assert_eq!(prepared.status, status, "{}", prepared.body);
        site.prove(&mut site.browser(), "ada@example.com");
        assert_eq!(site.server.messages("eve@blocked.example"), [Value::Null; 0]);
    }
    let closed = Site::start(true, "[settings.sign_up]\nmode = \"restricted\"\n");
    let refused = closed.browser().post("/v1/client/sign_ins", "identifier=ada%40example.com&sign_up_if_missing=true");
    assert_eq!((refused.status, refused.error_codes()), (422, vec!["sign_up_if_missing_not_allowed".into()]));
}

#[test]
fn the_limits_of_every_sign_in_hold() {
    let site = Site::start(true, "");
    let mut browser = site.browser();
    let path = path(&browser.ask_in("ada@example.com"));
    let prepare =
        |browser: &mut Browser<'_>| browser.post(&format!("{path}/prepare_first_factor"), "strategy=email_code");
    assert_eq!(prepare(&mut browser).status, 200);
    assert_eq!(prepare(&mut browser).error_codes(), ["verification_code_too_many_requests"]);
    let code = site.server.code("ada@example.com", 1);
    let wrong = if code == "000000" { "000001" } else { "000000" };
    for _ in 0..5 {
        assert_eq!(browser.try_code(&path, wrong).error_codes(), ["form_code_incorrect"]);
    }
    for code in [wrong, code.as_str()] {
        assert_eq!(browser.try_code(&path, code).error_codes(), ["verification_failed"]);
    }
    assert_eq!(browser.post("/v1/client/sign_ups", "transfer=true").error_codes(), ["account_transfer_invalid"]);
    site.server.advance(31_000);
    assert_eq!(prepare(&mut browser).status, 200);
    let code = site.server.code("ada@example.com", 2);
    site.server.advance(601_000);
    assert_eq!(browser.try_code(&path, &code).error_codes(), ["verification_expired"]);
}

#[test]
fn a_number_is_proved_like_an_address() {
    let site = Site::start(true, "");
    let mut browser = site.browser();
    let path = path(&browser.ask_in("+14155552671"));
    assert_eq!(browser.post(&format!("{path}/prepare_first_factor"), "strategy=phone_code").status, 200);
    let code = site.server.code("+14155552671", 1);
    let form = format!("strategy=phone_code&code={code}");
    let right = browser.post(&format!("{path}/attempt_first_factor"), &form);
    assert_eq!(right.error_codes(), ["sign_up_if_missing_transfer"], "{}", right.body);
    let done = browser.post("/v1/client/sign_ups", "transfer=true").json();
    assert_eq!(
        (&done["response"]["status"], &done["response"]["phone_number"]),
        (&json!("complete"), &json!("+14155552671"))
    );
}

#[test]
fn what_was_proved_outlives_a_restart() {
    let site = Site::start(true, "");
    let mut browser = site.browser();
    site.prove(&mut browser, "ada@example.com");
    let cookies = std::mem::take(&mut browser.cookies);
    let site = site.restarted();
    let mut browser = Browser { server: &site.server, cookies };
    let shown = browser.get("/v1/client").json();
    assert_eq!(shown["response"]["sign_in"]["first_factor_verification"]["status"], "transferable", "{shown}");
    assert_eq!(browser.post("/v1/client/sign_ups", "transfer=true").json()["response"]["status"], "complete");
}

/// A server with sign-ups by e-mail address or phone number only.
struct Site(site::Site);

impl Deref for Site {
    type Target = site::Site;

    fn deref(&self) -> &site::Site {
        &self.0
    }
}

impl Site {
    fn start(protected: bool, more: &str) -> Self {
        Self(site::Site::start(&format!(
            "[limits]\nsource = false\n{SETTINGS}\
             [settings.attack_protection.enumeration_protection]\nenabled = {protected}\n{more}"
        )))
    }

    fn restarted(self) -> Self {
        Self(self.0.restarted())
    }

    /// Verifies an unused address; the next message to it contains the code.
    fn prove(&self, browser: &mut Browser<'_>, address: &str) {
        let sent = self.server.messages(address).len();
        let path = path(&browser.ask_in(address));
        assert_eq!(browser.post(&format!("{path}/prepare_first_factor"), "strategy=email_code").status, 200);
        let right = browser.try_code(&path, &self.server.code(address, sent + 1));
        assert_eq!(right.error_codes(), ["sign_up_if_missing_transfer"], "{}", right.body);
    }
}

trait Newcomer {
    /// Starts a sign-in that may become a sign-up.
    fn ask_in(&mut self, identifier: &str) -> Value;

    fn try_code(&mut self, path: &str, code: &str) -> Answer;
}

impl Newcomer for Browser<'_> {
    fn ask_in(&mut self, identifier: &str) -> Value {
        let form = format!("identifier={}&sign_up_if_missing=true&locale=en-US", escaped(identifier));
        let begun = self.post("/v1/client/sign_ins", &form);
        assert_eq!(begun.status, 200, "{}", begun.body);
        begun.json()["response"].clone()
    }

    fn try_code(&mut self, path: &str, code: &str) -> Answer {
        self.post(&format!("{path}/attempt_first_factor"), &format!("strategy=email_code&code={code}"))
    }
}

fn path(sign_in: &Value) -> String {
    format!("/v1/client/sign_ins/{}", sign_in["id"].as_str().expect("an id"))
}

const BLOCKLIST: &str = r#"
[settings.restrictions.blocklist]
enabled = true
identifiers = ["@blocked.example"]
[settings.restrictions.allowlist_blocklist_disabled_on_sign_in]
enabled = true
"#;

const SETTINGS: &str = r#"
[settings.attributes.email_address]
enabled = true
used_for_first_factor = true
verifications = ["email_code"]
verify_at_sign_up = true
[settings.attributes.phone_number]
enabled = true
used_for_first_factor = true
verifications = ["phone_code"]
verify_at_sign_up = true
[settings.attributes.username]
enabled = true
used_for_first_factor = true
[settings.attributes.password]
enabled = true
"#;
