//! The waiting list, and sign-ups that wait for a backend action, over HTTP.

use serde_json::{Value, json};

use crate::support::backend::{SECRET_KEY, Site};
use crate::support::browser::{Browser, PAGE};
use crate::support::server::Answer;

#[test]
fn somebody_waits_is_let_in_and_signs_up() {
    let site = Site::start(&settings(json!({"mode": "waitlist"})));
    let mut browser = Browser::of(&site.server);
    let refused = browser.post("/v1/client/sign_ups", "email_address=ada%40example.com");
    assert_eq!((refused.status, refused.error_codes()), (403, vec!["sign_up_restricted_waitlist".to_owned()]));
    let joined = browser.post("/v1/waitlist", "email_address=Ada%40Example.com");
    assert_eq!(joined.status, 200, "{}", joined.body);
    let entry = joined.json()["response"].clone();
    assert_eq!(entry["object"], "waitlist");
    assert!(browser.cookies.is_empty(), "waiting makes no client");
    let again = browser.post("/v1/waitlist", "email_address=ada%40example.com").json();
    assert_eq!(again["response"]["id"], entry["id"], "joining twice is joining once");

    let listed = site.backend("GET", "/v1/waitlist_entries", &Value::Null).json();
    assert_eq!((&listed["total_count"], &listed["data"][0]["id"]), (&json!(1), &entry["id"]));
    assert_eq!(listed["data"][0]["created_at"], entry["created_at"]);
    assert_eq!(listed["data"][0]["status"], "pending");
    let path = format!("/v1/waitlist_entries/{}", entry["id"].as_str().expect("an id"));
    let invited = site.backend("POST", &format!("{path}/invite"), &json!({}));
    assert_eq!(invited.json()["status"], "invited", "{}", invited.body);
    assert_eq!(site.backend("DELETE", &path, &Value::Null).status, 403, "who was invited stays on the list");
    let url = invited.json()["invitation"]["url"].clone();
    assert_eq!(site.server.mail("ada@example.com", 1)["link"], url);
    let form = format!("strategy=ticket&ticket={}&password=wanders+under+elms", Site::ticket_in(&url));
    let done = browser.post("/v1/client/sign_ups", &form);
    assert_eq!(done.json()["response"]["status"], "complete", "{}", done.body);
    let listed = site.backend("GET", "/v1/waitlist_entries?status=completed", &Value::Null).json();
    assert_eq!(listed["total_count"], 1);

    let taken = Browser::of(&site.server).post("/v1/waitlist", "email_address=ada%40example.com");
    assert_eq!((taken.status, taken.error_codes()), (422, vec!["form_identifier_exists".to_owned()]));
}

#[test]
fn joining_tells_nobody_who_was_on_the_list() {
    let site = Site::start(&settings(json!({"mode": "waitlist"})));
    let join = |address: &str| {
        let form = format!("email_address={address}");
        Browser::of(&site.server).post("/v1/waitlist", &form).json()["response"].clone()
    };
    join("ada@example.com");
    let made = site.backend("POST", "/v1/waitlist_entries", &json!({ "email_address": "eve@example.com" })).json();
    let path = format!("/v1/waitlist_entries/{}/reject", made["id"].as_str().expect("an id"));
    assert_eq!(site.backend("POST", &path, &Value::Null).status, 200);
    site.server.advance(3_600_000);
    let now = site.server.request("GET", "/dev/clock", &[], "").expect("an answer").json()["now"].clone();
    for address in ["ada@example.com", "eve@example.com", "new@example.com"] {
        let answer = join(address);
        assert!(answer["created_at"].as_u64() >= now.as_u64(), "{address}: {answer}");
        assert_eq!(answer["created_at"], answer["updated_at"], "{address}");
        let names: Vec<&String> = answer.as_object().expect("an object").keys().collect();
        assert_eq!(names, ["object", "id", "created_at", "updated_at"], "{address}");
    }
    let listed = site.backend("GET", "/v1/waitlist_entries?query=eve", &Value::Null).json();
    assert_eq!(listed["data"][0]["status"], "rejected", "and nothing has changed for them");
}

#[test]
fn whoever_is_rejected_stays_outside() {
    let site = Site::start(&settings(json!({"mode": "waitlist"})));
    let made = site.backend("POST", "/v1/waitlist_entries", &json!({ "email_address": "eve@example.com" })).json();
    let path = format!("/v1/waitlist_entries/{}", made["id"].as_str().expect("an id"));
    let url = site.backend("POST", &format!("{path}/invite"), &Value::Null).json()["invitation"]["url"].clone();
    let rejected = site.backend("POST", &format!("{path}/reject"), &Value::Null).json();
    assert_eq!((&rejected["status"], &rejected["invitation"]["status"]), (&json!("rejected"), &json!("revoked")));
    let form = format!("strategy=ticket&ticket={}&password=wanders+under+elms", Site::ticket_in(&url));
    let refused = Browser::of(&site.server).post("/v1/client/sign_ups", &form);
    assert_eq!(refused.error_codes(), ["revoked_invitation"]);
    let bulk = json!([{ "email_address": "a@example.com" }, { "email_address": "eve@example.com" }]);
    let made = site.backend("POST", "/v1/waitlist_entries/bulk", &bulk).json();
    assert_eq!((&made[0]["status"], &made[1]["status"]), (&json!("pending"), &json!("rejected")));
    let path = format!("/v1/waitlist_entries/{}", made[0]["id"].as_str().expect("an id"));
    assert_eq!(site.backend("DELETE", &path, &Value::Null).json()["deleted"], true);
    assert_eq!(site.backend("DELETE", &path, &Value::Null).status, 404);
    assert_eq!(site.backend("POST", &format!("{path}/invite"), &Value::Null).status, 404);
}

#[test]
fn what_is_done_twice_to_somebody_who_waits_is_told_so() {
    let site = Site::start(&settings(json!({"mode": "waitlist"})));
    let made = site.backend("POST", "/v1/waitlist_entries", &json!({ "email_address": "eve@example.com" })).json();
    let path = format!("/v1/waitlist_entries/{}", made["id"].as_str().expect("an id"));
    let call = |what: &str, body: Value| {
        let answer = site.backend("POST", &format!("{path}/{what}"), &body);
        let told = match answer.status {
            200 => answer.json()["status"].as_str().expect("a status").to_owned(),
            _ => answer.error_codes().concat(),
        };
        (answer.status, told)
    };
    let is = |status: u16, word: &str| (status, word.to_owned());
    assert_eq!(call("reject", Value::Null), is(200, "rejected"));
    assert_eq!(call("reject", Value::Null), is(409, "waitlist_entry_already_rejected"));
    assert_eq!(call("invite", Value::Null), is(200, "invited"), "the operator may think again");
    for body in [Value::Null, json!({ "ignore_existing": true })] {
        assert_eq!(call("invite", body), is(409, "waitlist_entry_already_invited"));
    }
    let listed = site.backend("GET", "/v1/invitations", &Value::Null).json();
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "none was made by the way");
    assert_eq!(call("reject", Value::Null), is(200, "rejected"), "which takes the invitation back");
    assert_eq!(call("invite", Value::Null), is(200, "invited"));
    // An expired invitation does not prevent a new one.
    site.server.advance(31 * 86_400_000);
    let invited = site.backend("POST", &format!("{path}/invite"), &Value::Null);
    assert_eq!(invited.status, 200, "{}", invited.body);
    let ticket = Site::ticket_in(&invited.json()["invitation"]["url"]);
    let form = format!("strategy=ticket&ticket={ticket}&password=wanders+under+elms");
    let done = Browser::of(&site.server).post("/v1/client/sign_ups", &form);
    assert_eq!(done.json()["response"]["status"], "complete", "{}", done.body);
    for what in ["invite", "reject"] {
        assert_eq!(call(what, Value::Null), is(409, "waitlist_entry_already_completed"), "{what}");
    }
    assert_eq!(site.backend("DELETE", &path, &Value::Null).error_codes(), ["resource_forbidden"]);
}

#[test]
fn the_list_is_open_only_where_there_is_one() {
    let site = Site::start(&settings(json!({"mode": "public"})));
    let join = |form: &str| Browser::of(&site.server).post("/v1/waitlist", form);
    let refused = join("email_address=ada%40example.com");
    assert_eq!((refused.status, refused.error_codes()), (403, vec!["feature_not_enabled".to_owned()]));
    let mut document = settings(json!({"mode": "waitlist"}));
    document["restrictions"] = json!({"blocklist": {"enabled": true, "identifiers": ["@bad.example"]}});
    site.configure(&document);
    for (form, code) in [
        ("", "form_param_missing"),
        ("email_address=", "form_param_missing"),
        ("email_address=nobody", "form_param_format_invalid"),
        ("email_address=a%40x.org&email_address=b%40x.org", "form_param_duplicate"),
        ("email_address=x%40bad.example", "not_allowed_access"),
    ] {
        let refused = join(form);
        assert_eq!(refused.error_codes(), [code], "{form}");
        assert_eq!(refused.json()["errors"][0]["meta"]["param_name"], "email_address");
    }
}

#[test]
fn a_backend_hears_what_is_not_there_and_nobody_else_hears_anything() {
    let site = Site::start(&settings(json!({"mode": "public"})));
    let key = format!("Bearer {SECRET_KEY}");
    let call = |method: &str, path: &str, headers: &[(&str, &str)]| {
        let json = [("content-type", "application/json")];
        let answer = site.server.request(method, path, &[&json, headers].concat(), "").expect("an answer");
        (answer.status, answer.error_codes().concat())
    };
    let answers = |status: u16, code: &str| (status, code.to_owned());
    for (method, path) in [
        ("GET", "/v1/users/user_1"),
        ("GET", "/v1/users/count/more"),
        ("PATCH", "/v1/users/user_1/metadata"),
        ("DELETE", "/v1/users/user_1"),
        ("GET", "/v1/sessions/sess_1"),
        ("POST", "/v1/sessions/sess_1/revoke"),
        ("GET", "/v1/clients/client_1"),
        ("GET", "/v1/phone_numbers/idn_1"),
        ("GET", "/v1/allowlist_identifiers/lid_1"),
        ("DELETE", "/v1/blocklist_identifiers/lid_1"),
        ("DELETE", "/v1/redirect_urls/ru_1"),
        ("PATCH", "/v1/instance/organization_settings"),
        ("POST", "/v1/instance/change_domain"),
        ("GET", "/v1/organizations"),
        ("POST", "/v1/organizations/org_1/memberships"),
        ("GET", "/v1/billing/plans"),
        ("GET", "/v1/api_keys"),
        ("GET", "/v1/jwt_templates"),
        ("POST", "/v1/actor_tokens"),
        ("GET", "/v1/saml_connections"),
        ("GET", "/v1/invitations/inv_1/nonsense"),
        ("GET", "/v1/sign_ups/sua_1"),
    ] {
        let right = call(method, path, &[("authorization", &key)]);
        assert_eq!(right, answers(404, "resource_not_found"), "{method} {path}");
        assert_eq!(call(method, path, &[]), answers(401, "authentication_invalid"), "{method} {path}");
        for (given, code) in [
            ("Bearer sk_live_nonsense", "clerk_key_invalid"),
            ("Bearer", "authorization_header_format_invalid"),
            (SECRET_KEY, "authorization_header_format_invalid"),
        ] {
            assert_eq!(call(method, path, &[("authorization", given)]), answers(401, code), "{method} {path} {given}");
        }
    }
    // On unknown paths the key decides which API answers.
    for (method, path) in [("POST", "/v1/nonsense"), ("DELETE", "/v1/me/nonsense/1"), ("PUT", "/v1")] {
        assert_eq!(call(method, path, &[("authorization", &key)]), answers(404, "resource_not_found"), "{path}");
        let wrong = ("authorization", "Bearer sk_test_nonsense");
        assert_eq!(call(method, path, &[wrong]), answers(401, "clerk_key_invalid"), "{path}");
        assert_eq!(call(method, path, &[]), answers(400, "origin_missing"), "{path}");
    }
    let refused = site.backend("PUT", "/v1/invitations", &Value::Null);
    assert_eq!((refused.status, refused.error_codes()), (405, vec!["method_not_allowed".to_owned()]));
    assert_eq!(refused.header("allow"), Some("GET, POST, HEAD, OPTIONS"));
    assert_eq!(call("PUT", "/v1/invitations", &[]), answers(401, "authentication_invalid"));
}

#[test]
fn a_feature_that_is_off_says_so_to_pages_and_applications() {
    let site = Site::start(&settings(json!({"mode": "public"})));
    for (method, path, code) in [
        ("POST", "/v1/organizations", "feature_not_enabled"),
        ("GET", "/v1/organizations/org_1", "feature_not_enabled"),
        ("GET", "/v1/billing/plans", "feature_not_enabled"),
        ("POST", "/v1/me/passkeys", "feature_not_enabled"),
        ("POST", "/v1/me/web3_wallets/", "feature_not_enabled"),
    ] {
        let mut browser = Browser::of(&site.server);
        let by_page = browser.request(method, path, &[], "");
        assert_eq!((by_page.status, by_page.error_codes()), (403, vec![code.to_owned()]), "{method} {path}");
        assert_eq!(by_page.header("access-control-allow-origin"), Some(PAGE), "the page may read it");
        let form = if method == "GET" { "" } else { "a=b" };
        let by_application = site.server.native(method, path, "", form).expect("an answer");
        assert_eq!(by_application.error_codes(), [code], "{method} {path}");
    }
}

/// A proxy of a site puts the engine's host in the place of the one that the browser named.
#[test]
fn the_tools_of_development_are_not_there_for_people_who_come_through_a_site() {
    let site = Site::start(&settings(json!({"mode": "public"})));
    for (name, value, status) in [
        ("clerk-proxy-url", "http://site.example/__clerk", 400),
        ("clerk-secret-key", SECRET_KEY, 400),
        ("x-forwarded-host", "site.example", 400),
        ("x-forwarded-host", "localhost, site.example", 400),
        ("x-forwarded-host", "@", 400),
        ("x-forwarded-host", "localhost:3000", 200),
        ("x-real-ip", "203.0.113.7", 200),
    ] {
        for path in ["/dev/outbox", "/dev/settings"] {
            let answer = site.server.request("GET", path, &[(name, value)], "").expect("an answer");
            assert_eq!(answer.status, status, "{name}: {value}, {path}: {}", answer.body);
        }
    }
}

#[test]
fn a_sign_up_waits_for_the_backend_to_act() {
    let site = Site::start(&settings(json!({"custom_action_required": true})));
    let mut browser = Browser::of(&site.server);
    let done = finish(&site, &mut browser, "ada@example.com");
    let sign_up = done.json()["response"].clone();
    assert_eq!(sign_up["status"], "missing_requirements", "{}", done.body);
    assert_eq!((&sign_up["missing_fields"], &sign_up["unverified_fields"]), (&json!([]), &json!([])));
    assert_eq!((&sign_up["custom_action"], &sign_up["external_id"]), (&json!(false), &Value::Null));

    let id = sign_up["id"].as_str().expect("an id");
    let path = format!("/v1/sign_ups/{id}");
    let shown = site.backend("GET", &path, &Value::Null).json();
    assert_eq!((&shown["id"], &shown["email_address"]), (&sign_up["id"], &json!("ada@example.com")));
    let named = site.backend("PATCH", &path, &json!({ "external_id": "customer 7" })).json();
    assert_eq!((&named["status"], &named["external_id"]), (&json!("missing_requirements"), &json!("customer 7")));
    let acted = site.backend("PATCH", &path, &json!({ "custom_action": true })).json();
    assert_eq!((&acted["status"], &acted["custom_action"]), (&json!("complete"), &json!(true)));

    // The browser repeats the request with its token and is signed in.
    let seen = browser.get(&format!("/v1/client/sign_ups/{id}")).json();
    assert_eq!(seen["response"]["status"], "complete");
    assert_eq!(seen["client"]["sign_up"]["status"], "complete", "the page that waits is told too");
    let session = &seen["client"]["sessions"][0];
    assert_eq!(session["id"], seen["response"]["created_session_id"]);
    assert_eq!(session["user"]["external_id"], "customer 7");
    let again = site.backend("PATCH", &path, &json!({ "custom_action": true, "external_id": "customer 7" }));
    assert_eq!((again.status, &again.json()["status"]), (200, &json!("complete")), "the answer may have been lost");
    let over = site.backend("PATCH", &path, &json!({ "external_id": "customer 8" }));
    assert_eq!((over.status, over.error_codes()), (400, vec!["sign_up_cannot_be_updated".to_owned()]));
}

#[test]
fn the_backends_say_is_checked_like_any_other() {
    let site = Site::start(&settings(json!({"custom_action_required": true})));
    let open = |address: &str| {
        let done = finish(&site, &mut Browser::of(&site.server), address).json();
        format!("/v1/sign_ups/{}", done["response"]["id"].as_str().expect("an id"))
    };
    let (first, second) = (open("ada@example.com"), open("bob@example.com"));
    let say = json!({ "custom_action": true, "external_id": "customer 7" });
    assert_eq!(site.backend("PATCH", &first, &say).json()["status"], "complete");
    let taken = site.backend("PATCH", &second, &say);
    assert_eq!((taken.status, taken.error_codes()), (422, vec!["form_identifier_exists".to_owned()]));
    assert_eq!(taken.json()["errors"][0]["meta"]["param_name"], "external_id");
    let shown = site.backend("GET", &second, &Value::Null).json();
    assert_eq!((&shown["status"], &shown["external_id"]), (&json!("missing_requirements"), &Value::Null));
    for (say, code) in [
        (json!({ "custom_action": "yes" }), "form_param_type_invalid"),
        (json!({ "external_id": 7 }), "form_param_type_invalid"),
        (json!({ "external_id": "x".repeat(300) }), "form_param_max_length_exceeded"),
        (json!({ "external_id": "a\nb" }), "form_param_format_invalid"),
    ] {
        assert_eq!(site.backend("PATCH", &second, &say).error_codes(), [code], "{say}");
    }
    let unknown = "/v1/sign_ups/sua_000000000000000000000000007";
    assert_eq!(site.backend("GET", unknown, &Value::Null).status, 404);
    assert_eq!(site.backend("PATCH", unknown, &json!({ "custom_action": true })).status, 404);
    let taken_back = site.backend("PATCH", &second, &json!({ "external_id": null })).json();
    assert_eq!(taken_back["external_id"], Value::Null);
    assert_eq!(site.backend("PATCH", &second, &json!({ "custom_action": true })).json()["status"], "complete");
}

/// Fills in all fields that the person can fill in.
fn finish(site: &Site, browser: &mut Browser<'_>, address: &str) -> Answer {
    let form = format!("email_address={address}&password=wanders+under+elms&strategy=email_code");
    let created = browser.post("/v1/client/sign_ups", &form).json();
    let code = site.server.code(address, 1);
    let id = created["response"]["id"].as_str().expect("an id");
    let form = format!("strategy=email_code&code={code}");
    browser.post(&format!("/v1/client/sign_ups/{id}/attempt_verification"), &form)
}

fn settings(sign_up: Value) -> Value {
    json!({
        "attributes": {
            "email_address": {
                "enabled": true, "required": true, "verifications": ["email_code"], "verify_at_sign_up": true,
            },
            "password": {"enabled": true, "required": true},
        },
        "sign_up": sign_up,
    })
}
