//! What people change of their own users over HTTP (guide/contract_me.md).

use serde_json::{Value, json};

use crate::support::backend::{SECRET_KEY, backend};
use crate::support::browser::{Browser, escaped};
use crate::support::site::Site;

#[test]
fn names_and_metadata_change_and_the_client_has_the_new_user() {
    let site = Site::start(SETTINGS);
    let mut browser = site.browser();
    let before = sign_up(&site, &mut browser, "ada");
    let changed = browser.request("PATCH", "/v1/me", &[], "first_name=Augusta&last_name=&username=countess");
    assert_eq!(changed.status, 200, "{}", changed.body);
    let user = changed.json()["response"].clone();
    assert_eq!((&user["first_name"], &user["last_name"]), (&json!("Augusta"), &Value::Null));
    assert_eq!(user["username"], "countess");
    assert!(user["updated_at"].as_u64() > before["updated_at"].as_u64());
    let beside = &changed.json()["client"]["sessions"][0]["user"];
    assert_eq!((&beside["first_name"], &beside["updated_at"]), (&user["first_name"], &user["updated_at"]));

    for (metadata, expected) in [
        (r#"{"a":{"b":1,"c":2}}"#, json!({"a": {"b": 1, "c": 2}})),
        (r#"{"a":{"b":null},"d":3}"#, json!({"a": {"c": 2}, "d": 3})),
    ] {
        let form = format!("unsafe_metadata={}", escaped(metadata));
        let merged = browser.request("PATCH", "/v1/me/metadata", &[], &form);
        assert_eq!(merged.json()["response"]["unsafe_metadata"], expected, "{}", merged.body);
    }
    let form = format!("unsafe_metadata={}", escaped(r#"{"e":4}"#));
    let replaced = browser.request("PATCH", "/v1/me", &[], &form);
    assert_eq!(replaced.json()["response"]["unsafe_metadata"], json!({"e": 4}));
}

#[test]
fn a_refused_change_changes_nothing() {
    let site = Site::start(SETTINGS);
    let mut browser = site.browser();
    sign_up(&site, &mut browser, "ada");
    sign_up(&site, &mut site.browser(), "eve");
    let before = me(&mut browser);
    let (idn, eac) = ("idn_000000000000000000000000007", "eac_000000000000000000000000007");
    for (method, path, form, status, code) in [
        ("PATCH", "/v1/me", "username=eve", 422, "form_identifier_exists"),
        ("PATCH", "/v1/me", "username=x", 422, "form_username_invalid_length"),
        ("PATCH", "/v1/me", "public_metadata=%7B%7D", 422, "form_param_unknown"),
        ("PATCH", "/v1/me", "password=wanders+under+elms", 403, "updating_user_password_deprecated"),
        ("PATCH", "/v1/me", &format!("primary_email_address_id={idn}"), 404, "resource_not_found"),
        ("PATCH", "/v1/me/metadata", "", 422, "form_param_missing"),
        ("PATCH", "/v1/me/metadata", "unsafe_metadata=%5B%5D", 422, "form_param_value_invalid"),
        ("POST", "/v1/me/change_password", "new_password=strolls+beneath+oaks", 422, "form_param_missing"),
        (
            "POST",
            "/v1/me/change_password",
            &changing("wrong", "strolls beneath oaks"),
            422,
            "form_password_validation_failed",
        ),
        ("POST", "/v1/me/change_password", &changing(PASSWORD, PASSWORD), 422, "form_new_password_matches_current"),
        ("POST", "/v1/me/change_password", &changing(PASSWORD, "short"), 422, "form_password_length_too_short"),
        ("POST", "/v1/me/change_password", &changing(PASSWORD, "password1"), 422, "form_password_pwned"),
        ("DELETE", "/v1/me", "", 403, "user_delete_self_not_enabled"),
        ("POST", "/v1/me/email_addresses/", "", 422, "form_param_missing"),
        ("POST", "/v1/me/email_addresses/", "email_address=ada", 422, "form_param_format_invalid"),
        ("POST", "/v1/me/email_addresses/", "email_address=eve%40example.com", 422, "form_identifier_exists"),
        ("POST", "/v1/me/email_addresses/", "email_address=ADA%40example.com", 422, "form_identifier_exists"),
        (
            "POST",
            "/v1/me/phone_numbers",
            "phone_number=%2B14155552671&reserved_for_second_factor=true",
            400,
            "form_param_value_disabled",
        ),
        ("GET", &format!("/v1/me/email_addresses/{idn}"), "", 404, "resource_not_found"),
        ("DELETE", &format!("/v1/me/email_addresses/{idn}"), "", 404, "resource_not_found"),
        (
            "POST",
            &format!("/v1/me/email_addresses/{idn}/prepare_verification"),
            "strategy=email_code",
            404,
            "resource_not_found",
        ),
        (
            "POST",
            "/v1/me/external_accounts",
            "strategy=oauth_google&redirect_url=http%3A%2F%2Flocalhost%3A3000",
            400,
            "oauth_provider_not_enabled",
        ),
        ("DELETE", &format!("/v1/me/external_accounts/{eac}"), "", 404, "resource_not_found"),
        ("POST", "/v1/me/sessions/sess_000000000000000000000000007/revoke", "", 404, "resource_not_found"),
    ] {
        let refused = browser.request(method, path, &[], form);
        assert_eq!((refused.status, refused.error_codes()), (status, vec![code.to_owned()]), "{method} {path} {form}");
    }
    let last = id(&before["email_addresses"][0]);
    let refused = browser.request("DELETE", &format!("/v1/me/email_addresses/{last}"), &[], "");
    assert_eq!(refused.error_codes(), ["last_required_identification_deletion_failed"]);
    let refused =
        browser.request("POST", "/v1/me/remove_password", &[], &format!("current_password={}", escaped(PASSWORD)));
    assert_eq!((refused.status, refused.error_codes()), (400, vec!["password_required".to_owned()]));
    assert_eq!(me(&mut browser), before);
}

#[test]
fn nobody_changes_anything_without_a_session() {
    let site = Site::start(SETTINGS);
    let mut browser = site.browser();
    sign_up(&site, &mut browser, "ada");
    let session = browser.get("/v1/client").json()["response"]["last_active_session_id"].clone();
    let session = session.as_str().expect("a session").to_owned();
    let stranger =
        site.browser().request("PATCH", &format!("/v1/me?_clerk_session_id={session}"), &[], "first_name=Eve");
    assert_eq!((stranger.status, stranger.error_codes()), (401, vec!["signed_out".to_owned()]));
    let ended = browser.post(&format!("/v1/client/sessions/{session}/end"), "");
    assert_eq!(ended.status, 200, "{}", ended.body);
    let late = browser.request("PATCH", &format!("/v1/me?_clerk_session_id={session}"), &[], "first_name=Eve");
    assert_eq!((late.status, late.error_codes()), (401, vec!["signed_out".to_owned()]));
}

#[test]
fn an_added_address_is_theirs_once_it_is_proved() {
    let site = Site::start(SETTINGS);
    let mut browser = site.browser();
    let before = sign_up(&site, &mut browser, "ada");
    let added = browser.post("/v1/me/email_addresses/", "email_address=Ada%40Work.example");
    assert_eq!(added.status, 200, "{}", added.body);
    let address = added.json()["response"].clone();
    assert_eq!((&address["email_address"], &address["verification"]), (&json!("ada@work.example"), &Value::Null));
    assert_eq!(added.json()["client"]["sessions"][0]["user"]["email_addresses"][1], address);
    let path = format!("/v1/me/email_addresses/{}", id(&address));

    // It reserves nothing, signs nobody in, and is not the primary one.
    let primary = browser.request("PATCH", "/v1/me", &[], &format!("primary_email_address_id={}", id(&address)));
    assert_eq!((primary.status, primary.error_codes()), (404, vec!["resource_not_found".to_owned()]));
    let sign_in = site.browser().post("/v1/client/sign_ins", "identifier=ada%40work.example");
    assert_eq!(sign_in.error_codes(), ["form_identifier_not_found"]);

    let missing = browser.post(&format!("{path}/attempt_verification"), "code=000000");
    assert_eq!(missing.error_codes(), ["verification_missing"]);
    let sent = browser.post(&format!("{path}/prepare_verification"), "strategy=email_code");
    assert_eq!(sent.json()["response"]["verification"]["status"], "unverified", "{}", sent.body);
    let code = site.server.code("ada@work.example", 1);
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let refused = browser.post(&format!("{path}/attempt_verification"), &format!("code={wrong}"));
    assert_eq!((refused.status, refused.error_codes()), (422, vec!["form_code_incorrect".to_owned()]));
    assert_eq!(browser.get(&path).json()["response"]["verification"]["attempts"], 1, "it was counted");
    let done = browser.post(&format!("{path}/attempt_verification"), &format!("code={code}"));
    assert_eq!(done.json()["response"]["verification"]["status"], "verified", "{}", done.body);
    assert_eq!(
        done.json()["client"]["sessions"][0]["user"]["email_addresses"][1]["verification"]["status"],
        "verified"
    );

    let list = browser.get("/v1/me/email_addresses").json();
    assert_eq!(list.as_array().map(Vec::len), Some(2), "a bare array");
    let primary = browser.request("PATCH", "/v1/me", &[], &format!("primary_email_address_id={}", id(&address)));
    assert_eq!(primary.json()["response"]["primary_email_address_id"], address["id"], "{}", primary.body);
    let sign_in = site.browser().post("/v1/client/sign_ins", "identifier=ada%40work.example");
    assert_eq!(sign_in.json()["response"]["status"], "needs_first_factor", "{}", sign_in.body);

    let removed = browser.request("DELETE", &path, &[], "");
    assert_eq!(removed.json()["response"], json!({"object": "email_address", "id": address["id"], "deleted": true}));
    let user = me(&mut browser);
    assert_eq!(user["primary_email_address_id"], before["primary_email_address_id"]);
    assert_eq!(
        site.browser().post("/v1/client/sign_ins", "identifier=ada%40work.example").error_codes(),
        ["form_identifier_not_found"]
    );
}

#[test]
fn of_two_who_add_an_address_the_first_proof_wins() {
    let site = Site::start(SETTINGS);
    let (mut ada, mut eve) = (site.browser(), site.browser());
    sign_up(&site, &mut ada, "ada");
    sign_up(&site, &mut eve, "eve");
    let mut codes = Vec::new();
    for (n, browser) in (1..).zip([&mut ada, &mut eve]) {
        let added = browser.post("/v1/me/email_addresses", "email_address=shared%40example.com").json();
        let path = format!("/v1/me/email_addresses/{}", id(&added["response"]));
        let sent = browser.post(&format!("{path}/prepare_verification"), "strategy=email_code");
        assert_eq!(sent.status, 200, "{}", sent.body);
        codes.push((path, site.server.code("shared@example.com", n)));
    }
    let crossed = ada.post(&format!("{}/attempt_verification", codes[0].0), &format!("code={}", codes[1].1));
    assert_eq!(crossed.error_codes(), ["form_code_incorrect"], "another person's code proves nothing");
    let done = ada.post(&format!("{}/attempt_verification", codes[0].0), &format!("code={}", codes[0].1));
    assert_eq!(done.status, 200, "{}", done.body);
    let late = eve.post(&format!("{}/attempt_verification", codes[1].0), &format!("code={}", codes[1].1));
    assert_eq!((late.status, late.error_codes()), (422, vec!["form_identifier_exists".to_owned()]));
    assert_eq!(me(&mut eve)["email_addresses"][1]["verification"], Value::Null);
}

#[test]
fn where_it_is_hidden_who_is_a_user_a_taken_address_is_added_like_any_other() {
    let hidden = "[settings.attack_protection.enumeration_protection]\nenabled = true\n";
    let site = Site::start(&format!("{SETTINGS}{hidden}"));
    let (mut ada, mut eve) = (site.browser(), site.browser());
    sign_up(&site, &mut ada, "ada");
    sign_up(&site, &mut eve, "eve");
    let mut shown = Vec::new();
    for address in ["ada@example.com", "nobody@example.com"] {
        let added = eve.post("/v1/me/email_addresses/", &format!("email_address={}", escaped(address)));
        let path = format!("/v1/me/email_addresses/{}", id(&added.json()["response"]));
        let sent = eve.post(&format!("{path}/prepare_verification"), "strategy=email_code");
        let wrong = eve.post(&format!("{path}/attempt_verification"), "code=000000");
        shown.push((
            added.status,
            sent.status,
            sent.json()["response"]["verification"]["status"].clone(),
            wrong.error_codes(),
        ));
    }
    assert_eq!(shown[0], shown[1]);
    assert_eq!(shown[0].3, ["form_code_incorrect"]);
    site.server.code("nobody@example.com", 1);
    assert_eq!(site.server.messages("ada@example.com").len(), 1, "the one of the sign-up");
}

#[test]
fn a_user_keeps_few_addresses_that_are_not_proved() {
    let site = Site::start(SETTINGS);
    let mut browser = site.browser();
    sign_up(&site, &mut browser, "ada");
    for n in 0..10 {
        let added = browser.post("/v1/me/email_addresses/", &format!("email_address=ada{n}%40example.com"));
        assert_eq!(added.status, 200, "{}", added.body);
    }
    let refused = browser.post("/v1/me/email_addresses/", "email_address=more%40example.com");
    assert_eq!((refused.status, refused.error_codes()), (400, vec!["too_many_unverified_identifications".to_owned()]));
}

#[test]
fn a_phone_number_is_added_proved_and_removed() {
    let site = Site::start(SETTINGS);
    let mut browser = site.browser();
    sign_up(&site, &mut browser, "ada");
    let added = browser.post("/v1/me/phone_numbers/", "phone_number=%2B14155552671").json()["response"].clone();
    let path = format!("/v1/me/phone_numbers/{}", id(&added));
    let wrong = browser.post(&format!("{path}/prepare_verification"), "strategy=email_code");
    assert_eq!(wrong.error_codes(), ["form_param_value_invalid"]);
    browser.post(&format!("{path}/prepare_verification"), "strategy=phone_code");
    let code = site.server.code("+14155552671", 1);
    let done = browser.post(&format!("{path}/attempt_verification"), &format!("code={code}"));
    assert_eq!(done.json()["response"]["verification"]["status"], "verified", "{}", done.body);
    assert_eq!(me(&mut browser)["primary_phone_number_id"], added["id"], "the first one is the primary one");
    let second = browser.request("PATCH", &path, &[], "reserved_for_second_factor=true");
    assert_eq!((second.status, second.error_codes()), (400, vec!["form_param_value_disabled".to_owned()]));
    assert_eq!(browser.get("/v1/me/phone_numbers").json()[0]["phone_number"], "+14155552671");
    let removed = browser.request("DELETE", &path, &[], "");
    assert_eq!(removed.json()["response"]["deleted"], true, "{}", removed.body);
    assert_eq!(me(&mut browser)["phone_numbers"], json!([]));
}

#[test]
fn a_new_password_ends_the_other_sessions_and_spares_its_own() {
    let site = Site::start(SETTINGS);
    let (mut here, mut elsewhere) = (site.browser(), site.browser());
    sign_up(&site, &mut here, "ada");
    sign_in(&mut elsewhere, PASSWORD);
    let form = format!("{}&sign_out_of_other_sessions=true", changing(PASSWORD, "strolls beneath oaks"));
    let changed = here.post("/v1/me/change_password", &form);
    assert_eq!(changed.status, 200, "{}", changed.body);
    assert_eq!(here.get("/v1/me").status, 200);
    assert_eq!(elsewhere.get("/v1/me").error_codes(), ["signed_out"]);
    let old = site.browser().post("/v1/client/sign_ins", &signing_in(PASSWORD));
    assert_eq!(old.error_codes(), ["form_password_incorrect"]);
    sign_in(&mut elsewhere, "strolls beneath oaks");
    // Without the tick they go on.
    let changed = here.post("/v1/me/change_password", &changing("strolls beneath oaks", PASSWORD));
    assert_eq!(changed.status, 200, "{}", changed.body);
    assert_eq!(elsewhere.get("/v1/me").status, 200);
}

#[test]
fn wrong_current_passwords_are_counted_like_failed_sign_ins() {
    let site = Site::start(SETTINGS);
    let mut browser = site.browser();
    sign_up(&site, &mut browser, "ada");
    let mut seen = Vec::new();
    for _ in 0..20 {
        let refused = browser.post("/v1/me/change_password", &changing("wrong", "strolls beneath oaks"));
        seen.extend(refused.error_codes());
    }
    assert_eq!(seen[0], "form_password_validation_failed");
    assert_eq!(seen.last().map(String::as_str), Some("too_many_requests"), "{seen:?}");
    let right = browser.post("/v1/me/change_password", &changing(PASSWORD, "strolls beneath oaks"));
    assert_eq!(right.error_codes(), ["too_many_requests"], "a right one is refused like a wrong one");
}

#[test]
fn the_devices_of_a_user_are_listed_and_ended() {
    let site = Site::start(SETTINGS);
    let (mut here, mut elsewhere, mut stranger) = (site.browser(), site.browser(), site.browser());
    sign_up(&site, &mut here, "ada");
    sign_in(&mut elsewhere, PASSWORD);
    sign_up(&site, &mut stranger, "eve");
    let list = here.get("/v1/me/sessions/active").json();
    let list = list.as_array().expect("a bare array");
    assert_eq!(list.len(), 2);
    assert!(list.iter().all(|session| session["latest_activity"]["object"] == "session_activity"), "{list:?}");
    assert_eq!(list[0]["latest_activity"]["ip_address"], "127.0.0.1");
    let own = |browser: &mut Browser<'_>| {
        browser.get("/v1/client").json()["response"]["last_active_session_id"].as_str().expect("a session").to_owned()
    };
    let (mine, other, foreign) = (own(&mut here), own(&mut elsewhere), own(&mut stranger));
    assert_eq!(here.post(&format!("/v1/me/sessions/{foreign}/revoke"), "").status, 404);
    let revoked = here.post(&format!("/v1/me/sessions/{other}/revoke"), "");
    assert_eq!(revoked.json()["response"]["status"], "revoked", "{}", revoked.body);
    assert_eq!(elsewhere.get("/v1/me").error_codes(), ["signed_out"]);
    assert_eq!(here.get("/v1/me/sessions/active").json().as_array().map(Vec::len), Some(1));
    assert_eq!(here.get("/v1/me/sessions").json().as_array().map(Vec::len), Some(2), "also those that are over");
    let revoked = here.post(&format!("/v1/me/sessions/{mine}/revoke"), "");
    assert_eq!(revoked.json()["client"]["sessions"], json!([]), "{}", revoked.body);
    assert_eq!(here.get("/v1/me").error_codes(), ["signed_out"]);
}

#[test]
fn whoever_may_deletes_the_user_and_is_signed_out_everywhere() {
    let site = Site::start(&format!("{SETTINGS}[settings.actions]\ndelete_self = true\n"));
    let (mut here, mut elsewhere) = (site.browser(), site.browser());
    let user = sign_up(&site, &mut here, "ada");
    assert_eq!(user["delete_self_enabled"], true);
    assert_eq!(here.get("/v1/environment").json()["user_settings"]["actions"]["delete_self"], true);
    sign_in(&mut elsewhere, PASSWORD);
    let deleted = here.request("DELETE", "/v1/me", &[], "");
    assert_eq!(
        deleted.json()["response"],
        json!({"object": "user", "id": user["id"], "deleted": true}),
        "{}",
        deleted.body
    );
    assert_eq!(deleted.json()["client"]["sessions"], json!([]));
    assert_eq!(here.cookie("__client_uat"), Some("0"));
    assert_eq!(elsewhere.get("/v1/me").error_codes(), ["signed_out"]);
    sign_up(&site, &mut site.browser(), "ada");
}

#[test]
fn what_the_settings_make_immutable_stays() {
    let site = Site::start(
        &SETTINGS.replace("[settings.attributes.username]\n", "[settings.attributes.username]\nimmutable = true\n"),
    );
    let mut browser = site.browser();
    sign_up(&site, &mut browser, "ada");
    let refused = browser.request("PATCH", "/v1/me", &[], "username=countess");
    assert_eq!(
        (refused.status, refused.error_codes()),
        (403, vec!["immutable_attribute_modification_not_allowed".to_owned()])
    );
    assert_eq!(browser.request("PATCH", "/v1/me", &[], "username=ada").status, 200, "the same one is no change");
}

#[test]
fn sensitive_changes_need_a_fresh_proof_where_the_instance_asks_for_one() {
    let site = Site::start(&format!("{SETTINGS}[session]\nreverification = true\n"));
    let mut browser = site.browser();
    sign_up(&site, &mut browser, "ada");
    let client = browser.get("/v1/client").json()["response"].clone();
    let session = client["last_active_session_id"].as_str().expect("a session").to_owned();
    assert_eq!(browser.get("/v1/environment").json()["auth_config"]["reverification"], true);
    assert_eq!(browser.request("PATCH", "/v1/me", &[], "username=first").status, 200, "the sign-up was a moment ago");
    site.server.advance(11 * 60_000);
    let refused = browser.request("PATCH", "/v1/me", &[], "username=countess");
    assert_eq!((refused.status, refused.error_codes()), (403, vec!["session_reverification_required".to_owned()]));
    assert_eq!(browser.request("PATCH", "/v1/me", &[], "first_name=Augusta").status, 200, "a name is not sensitive");

    let verify = format!("/v1/client/sessions/{session}/verify");
    let missing = browser
        .post(&format!("{verify}/attempt_first_factor"), &format!("strategy=password&password={}", escaped(PASSWORD)));
    assert_eq!(missing.error_codes(), ["session_reverification_missing"]);
    let begun = browser.post(&verify, "level=second_factor").json()["response"].clone();
    assert_eq!((&begun["level"], &begun["status"]), (&json!("first_factor"), &json!("needs_first_factor")), "{begun}");
    let strategies: Vec<_> =
        begun["supported_first_factors"].as_array().expect("factors").iter().map(|f| f["strategy"].clone()).collect();
    assert_eq!(strategies, ["password", "email_code"]);
    let unasked = browser.post(&format!("{verify}/attempt_second_factor"), "strategy=phone_code&code=000000");
    assert_eq!(unasked.error_codes(), ["invalid_action_for_session_reverification"]);
    let wrong = browser.post(&format!("{verify}/attempt_first_factor"), "strategy=password&password=wrong");
    assert_eq!((wrong.status, wrong.error_codes()), (422, vec!["form_password_incorrect".to_owned()]));
    let done = browser
        .post(&format!("{verify}/attempt_first_factor"), &format!("strategy=password&password={}", escaped(PASSWORD)));
    assert_eq!(done.json()["response"]["status"], "complete", "{}", done.body);
    assert_eq!(done.json()["response"]["session"]["factor_verification_age"], json!([0, -1]));
    assert_eq!(browser.request("PATCH", "/v1/me", &[], "username=countess").status, 200);

    site.server.advance(11 * 60_000);
    browser.post(&verify, "level=first_factor");
    let sent = browser.post(&format!("{verify}/prepare_first_factor"), "strategy=email_code");
    assert_eq!(sent.json()["response"]["first_factor_verification"]["status"], "unverified", "{}", sent.body);
    let code = site.server.code("ada@example.com", 2);
    let done = browser.post(&format!("{verify}/attempt_first_factor"), &format!("strategy=email_code&code={code}"));
    assert_eq!(done.json()["response"]["status"], "complete", "{}", done.body);
    // With it the new password needs no old one.
    let changed = browser.post("/v1/me/change_password", "new_password=strolls+beneath+oaks");
    assert_eq!(changed.status, 200, "{}", changed.body);
}

#[test]
fn the_backend_sees_and_settles_what_people_have_added() {
    let site = Site::start(&format!("[instance]\nsecret_key = \"{SECRET_KEY}\"\n{SETTINGS}"));
    let mut browser = site.browser();
    let user = sign_up(&site, &mut browser, "ada");
    let added = browser.post("/v1/me/email_addresses/", "email_address=new%40example.com").json()["response"].clone();
    let path = format!("/v1/email_addresses/{}", id(&added));
    let shown = backend(&site.server, "GET", &path, &Value::Null);
    assert_eq!((shown.status, &shown.json()["email_address"]), (200, &json!("new@example.com")), "{}", shown.body);
    let verified = backend(&site.server, "PATCH", &path, &json!({"verified": true}));
    assert_eq!(verified.json()["verification"]["status"], "verified", "{}", verified.body);
    let user = backend(&site.server, "GET", &format!("/v1/users/{}", id(&user)), &Value::Null).json();
    assert_eq!(user["email_addresses"].as_array().map(Vec::len), Some(2));
}

fn sign_up(site: &Site, browser: &mut Browser<'_>, name: &str) -> Value {
    let address = format!("{name}@example.com");
    let form = format!(
        "email_address={}&username={name}&password={}&first_name=Ada&last_name=Lovelace",
        escaped(&address),
        escaped(PASSWORD)
    );
    let created = browser.post("/v1/client/sign_ups", &form);
    assert_eq!(created.status, 200, "{}", created.body);
    let path = format!("/v1/client/sign_ups/{}", id(&created.json()["response"]));
    let before = site.server.messages(&address).len();
    browser.post(&format!("{path}/prepare_verification"), "strategy=email_code");
    let code = site.server.code(&address, before + 1);
    let done = browser.post(&format!("{path}/attempt_verification"), &format!("strategy=email_code&code={code}"));
    assert_eq!(done.json()["response"]["status"], "complete", "{}", done.body);
    me(browser)
}

fn sign_in(browser: &mut Browser<'_>, password: &str) {
    let done = browser.post("/v1/client/sign_ins", &signing_in(password));
    assert_eq!(done.json()["response"]["status"], "complete", "{}", done.body);
}

fn signing_in(password: &str) -> String {
    format!("identifier=ada%40example.com&password={}", escaped(password))
}

fn changing(current: &str, new: &str) -> String {
    format!("current_password={}&new_password={}", escaped(current), escaped(new))
}

fn me(browser: &mut Browser<'_>) -> Value {
    let shown = browser.get("/v1/me");
    assert_eq!(shown.status, 200, "{}", shown.body);
    shown.json()["response"].clone()
}

fn id(object: &Value) -> String {
    object["id"].as_str().unwrap_or_else(|| panic!("no id: {object}")).to_owned()
}

const PASSWORD: &str = "wanders under elms";
const SETTINGS: &str = r#"
[limits]
source = false
[password]
m_kib = 64
t = 1
p = 1
[verification]
resend_cooldown_s = 0
[settings.attributes.email_address]
enabled = true
required = true
used_for_first_factor = true
verifications = ["email_code"]
verify_at_sign_up = true
[settings.attributes.phone_number]
enabled = true
verifications = ["phone_code"]
[settings.attributes.username]
enabled = true
used_for_first_factor = true
[settings.attributes.password]
enabled = true
required = true
[settings.attributes.first_name]
enabled = true
[settings.attributes.last_name]
enabled = true
"#;
