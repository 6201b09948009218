//! The addresses of users by their ids.

use serde_json::{Value, json};

use super::{call_with, create, path_of, refused, sign_in, site, site_with_phones, with};
use crate::support::browser::Browser;
use crate::support::schema::faults;

#[test]
fn an_address_is_added_read_changed_and_removed() {
    let site = site_with_phones();
    let ada = create(&site, "ada@example.com");
    for (path, kind, value, normal) in [
        ("/v1/email_addresses", "email_address", "Work@Example.com", "work@example.com"),
        ("/v1/phone_numbers", "phone_number", "+1 415 555 2671", "+14155552671"),
    ] {
        let body = json!({ "user_id": ada["id"], kind: value, "verified": true });
        let made = site.backend("POST", path, &body);
        assert_eq!(made.status, 200, "{}", made.body);
        let made = made.json();
        assert_eq!(faults(kind, &made), [""; 0], "{made:#}");
        assert_eq!((&made["object"], &made[kind]), (&json!(kind), &json!(normal)));
        assert_eq!((&made["reserved"], &made["verification"]["strategy"]), (&json!(false), &json!("admin")));
        let one = format!("{path}/{}", made["id"].as_str().expect("an id"));
        assert_eq!(site.backend("GET", &one, &Value::Null).json(), made);

        let changed = site.backend("PATCH", &one, &json!({ "verified": false, "primary": true })).json();
        assert_eq!((&changed["reserved"], &changed["verification"]), (&json!(true), &Value::Null));
        let user = site.backend("GET", &path_of(&ada), &Value::Null).json();
        assert_eq!(user[format!("primary_{kind}_id")], made["id"]);

        let gone = site.backend("DELETE", &one, &Value::Null).json();
        assert_eq!(gone, json!({ "object": kind, "id": made["id"], "deleted": true }));
        for method in ["GET", "PATCH", "DELETE"] {
            assert_eq!(refused(&site.backend(method, &one, &Value::Null)), with(404, "resource_not_found"), "{method}");
        }
    }
    let user = site.backend("GET", &path_of(&ada), &Value::Null).json();
    assert_eq!(user["primary_email_address_id"], ada["primary_email_address_id"]);
}

#[test]
fn an_address_without_a_word_on_its_proof_is_reserved() {
    let site = site_with_phones();
    let (ada, bob) = (create(&site, "ada@example.com"), create(&site, "bob@example.com"));
    let body = |user: &Value| json!({ "user_id": user["id"], "email_address": "work@example.com" });
    let made = site.backend("POST", "/v1/email_addresses", &body(&ada)).json();
    assert_eq!((&made["reserved"], &made["verification"]), (&json!(true), &Value::Null));
    for user in [&ada, &bob] {
        let again = site.backend("POST", "/v1/email_addresses", &body(user));
        assert_eq!(refused(&again), with(422, "form_identifier_exists"));
    }
    let user = site.backend("GET", &path_of(&ada), &Value::Null).json();
    assert_eq!(user["primary_email_address_id"], ada["primary_email_address_id"], "it is not the primary one");
}

#[test]
fn every_fault_of_an_address_is_told() {
    let site = site_with_phones();
    let ada = create(&site, "ada@example.com");
    let id = &ada["id"];
    for (body, codes) in [
        (json!({}), vec!["form_param_missing"; 2]),
        (json!({ "user_id": id, "email_address": "none" }), vec!["form_param_format_invalid"]),
        (
            json!({ "user_id": id, "email_address": "b@example.com", "verified": "yes" }),
            vec!["form_param_type_invalid"],
        ),
    ] {
        let answer = site.backend("POST", "/v1/email_addresses", &body);
        assert_eq!((answer.status, answer.error_codes()), (422, codes.into_iter().map(str::to_owned).collect()));
    }
    for user in ["user_000000000000000000000000007", "nonsense"] {
        let body = json!({ "user_id": user, "email_address": "b@example.com" });
        let answer = site.backend("POST", "/v1/email_addresses", &body);
        assert_eq!(refused(&answer), with(404, "resource_not_found"), "{user}");
    }
    let held_back = json!({ "user_id": id, "phone_number": "+14155552671", "reserved_for_second_factor": true });
    assert_eq!(refused(&site.backend("POST", "/v1/phone_numbers", &held_back)), with(422, "form_param_unknown"));

    // An address is found below the paths of its own kind only.
    let email = ada["primary_email_address_id"].as_str().expect("an id");
    for (method, path) in [
        ("GET", format!("/v1/phone_numbers/{email}")),
        ("PATCH", format!("/v1/phone_numbers/{email}")),
        ("DELETE", format!("/v1/phone_numbers/{email}")),
        ("GET", "/v1/email_addresses/idn_000000000000000000000000007".to_owned()),
        ("GET", "/v1/email_addresses/nonsense".to_owned()),
        ("POST", format!("/v1/phone_numbers/{email}/prepare_verification")),
    ] {
        assert_eq!(
            refused(&site.backend(method, &path, &Value::Null)),
            with(404, "resource_not_found"),
            "{method} {path}"
        );
    }
    assert_eq!(site.backend("GET", &path_of(&ada), &Value::Null).json(), ada, "nothing was changed");
}

#[test]
fn the_backend_verifies_an_address_by_a_code_that_its_person_brings() {
    let site = site_with_phones();
    let ada = create(&site, "ada@example.com");
    for (path, kind, value, strategy) in [
        ("/v1/email_addresses", "email_address", "work@example.com", "email_code"),
        ("/v1/phone_numbers", "phone_number", "+14155552671", "phone_code"),
    ] {
        let made = site.backend("POST", path, &json!({ "user_id": ada["id"], kind: value })).json();
        let one = format!("{path}/{}", made["id"].as_str().expect("an id"));
        let prepare = || site.backend("POST", &format!("{one}/prepare_verification"), &json!({ "strategy": strategy }));
        let attempt = |of: &Value, code: &str| {
            let body = json!({ "verification_id": of["id"], "code": code });
            site.backend("POST", &format!("{one}/attempt_verification"), &body)
        };
        let prepared = prepare().json();
        assert_eq!(faults("backend_verification", &prepared), [""; 0], "{prepared:#}");
        assert_eq!((&prepared["status"], &prepared["strategy"]), (&json!("unverified"), &json!(strategy)));
        assert_eq!(refused(&prepare()), with(429, "verification_code_too_many_requests"));
        let code = site.server.code(value, 1);
        let wrong = if code == "000000" { "000001" } else { "000000" };
        let guessed = attempt(&prepared, wrong);
        assert_eq!((guessed.status, &guessed.json()["attempts"]), (200, &json!(1)), "{}", guessed.body);
        assert_eq!(guessed.json()["status"], "unverified");
        assert_eq!(attempt(&prepared, "no code").json()["attempts"], 1, "it could not have been right");

        site.server.advance(30_000);
        let next = prepare().json();
        assert_eq!(refused(&attempt(&prepared, &code)), with(404, "resource_not_found"), "an earlier code");
        let done = attempt(&next, &site.server.code(value, 2));
        assert_eq!((done.status, &done.json()["status"]), (200, &json!("verified")), "{}", done.body);
        assert_eq!(refused(&attempt(&next, &code)), with(400, "verification_already_verified"));
        let shown = site.backend("GET", &one, &Value::Null).json();
        assert_eq!((&shown["reserved"], &shown["verification"]["status"]), (&json!(false), &json!("verified")));
        assert_eq!(shown["verification"]["strategy"], strategy);
        site.server.advance(30_000);
        let again = prepare().json();
        let done = attempt(&again, &site.server.code(value, 3)).json();
        assert_eq!(done["status"], "verified", "a verified address is proved again: {done}");
        assert_eq!(site.backend("GET", &one, &Value::Null).json(), shown, "and stays as it is");
    }
    assert_eq!(sign_in(&mut Browser::of(&site.server), "ada@example.com").status, 200, "the password is still hers");
}

#[test]
fn a_code_of_the_backend_has_five_attempts_and_ten_minutes() {
    let site = site_with_phones();
    let ada = create(&site, "ada@example.com");
    let made =
        site.backend("POST", "/v1/email_addresses", &json!({ "user_id": ada["id"], "email_address": "b@x.org" }));
    let one = format!("/v1/email_addresses/{}", made.json()["id"].as_str().expect("an id"));
    let prepare = || site.backend("POST", &format!("{one}/prepare_verification"), &Value::Null).json();
    let attempt = |of: &Value, code: &str| {
        let body = json!({ "verification_id": of["id"], "code": code });
        site.backend("POST", &format!("{one}/attempt_verification"), &body).json()
    };
    let first = prepare();
    let right = site.server.code("b@x.org", 1);
    let wrong = if right == "000000" { "000001" } else { "000000" };
    let statuses: Vec<_> = (0..5).map(|_| attempt(&first, wrong)["status"].clone()).collect();
    assert_eq!(statuses, ["unverified", "unverified", "unverified", "unverified", "failed"]);
    assert_eq!(attempt(&first, &right)["status"], "failed", "the right one comes too late");
    site.server.advance(60_000);
    let second = prepare();
    site.server.advance(600_000);
    assert_eq!(attempt(&second, &site.server.code("b@x.org", 2))["status"], "expired");
    for (body, param) in [(json!({ "code": "1" }), "verification_id"), (json!({ "verification_id": "ver_1" }), "code")]
    {
        let answer = site.backend("POST", &format!("{one}/attempt_verification"), &body);
        assert_eq!(refused(&answer), with(422, "form_param_missing"));
        assert_eq!(answer.json()["errors"][0]["meta"]["param_name"], param);
    }
    let other = site.backend("POST", &format!("{one}/prepare_verification"), &json!({ "strategy": "phone_code" }));
    assert_eq!(refused(&other), with(422, "form_param_value_invalid"));
}

#[test]
fn an_attribute_that_is_off_has_no_addresses() {
    let site = super::site();
    let ada = create(&site, "ada@example.com");
    let answer =
        site.backend("POST", "/v1/phone_numbers", &json!({ "user_id": ada["id"], "phone_number": "+14155552671" }));
    assert_eq!(refused(&answer), with(422, "form_param_unknown"));
}

#[test]
fn a_write_of_an_address_is_made_only_in_the_version_that_it_names() {
    let site = site();
    let user = site.backend("POST", "/v1/users", &json!({ "email_address": ["ada@example.com"] })).json();
    let id = user["email_addresses"][0]["id"].as_str().expect("an id").to_owned();
    let path = format!("/v1/email_addresses/{id}");
    let add = json!({ "user_id": user["id"], "email_address": "countess@example.com", "verified": true });
    let stale = ("if-match", "\"77\"");
    for (method, path, body) in [
        ("POST", "/v1/email_addresses", add.clone()),
        ("PATCH", &*path, json!({ "primary": true })),
        ("DELETE", &*path, Value::Null),
    ] {
        let late = call_with(&site, method, path, stale, &body);
        assert_eq!((late.status, late.error_codes()), (412, vec!["resource_conflict".to_owned()]), "{method}");
    }
    let user_path = format!("/v1/users/{}", user["id"].as_str().expect("an id"));
    let shown = site.backend("GET", &user_path, &Value::Null);
    assert_eq!(shown.json()["email_addresses"].as_array().map(Vec::len), Some(1), "nothing was written");
    let tag = shown.header("etag").expect("a version").to_owned();
    let added = call_with(&site, "POST", "/v1/email_addresses", ("if-match", &tag), &add);
    assert_eq!(added.status, 200, "{}", added.body);
}
