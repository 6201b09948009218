//! Creating, changing and deleting users.

use serde_json::{Value, json};

use super::{PASSWORD, call_with, create, path_of, refused, sign_in, site, user_in, with};
use crate::support::backend::SECRET_KEY;
use crate::support::browser::Browser;
use crate::support::schema::faults;

#[test]
fn a_created_user_has_what_was_given_and_signs_in() {
    let site = site();
    let made = site.backend(
        "POST",
        "/v1/users",
        &json!({
            "external_id": "customer 7",
            "first_name": "Ada",
            "username": "ada_lovelace",
            "email_address": ["Ada@Example.com", "second@example.com"],
            "email_address_identification_status": ["verified", "reserved"],
            "password": PASSWORD,
            "public_metadata": {"plan": "gold"},
            "private_metadata": {"note": "kind"},
            "unsafe_metadata": {"theme": "dark"},
            "created_at": "2020-02-29T12:00:00.250Z",
            "something_new": [1],
        }),
    );
    let user = user_in(&made);
    assert_eq!(user["object"], "user");
    assert_eq!((&user["external_id"], &user["first_name"]), (&json!("customer 7"), &json!("Ada")));
    assert_eq!(user["private_metadata"], json!({"note": "kind"}));
    assert_eq!(user["created_at"], 1_582_977_600_250_u64);
    let addresses = &user["email_addresses"];
    assert_eq!(addresses[0]["id"], user["primary_email_address_id"]);
    assert_eq!(addresses[0]["verification"]["strategy"], "admin");
    assert_eq!((&addresses[1]["reserved"], &addresses[1]["verification"]), (&json!(true), &Value::Null));
    assert_eq!(site.backend("GET", &path_of(&user), &Value::Null).json(), user);

    let signed_in = sign_in(&mut Browser::of(&site.server), "ada@example.com");
    assert_eq!(signed_in.json()["response"]["status"], "complete", "{}", signed_in.body);
    let shown = &signed_in.json()["client"]["sessions"][0]["user"];
    assert_eq!((&shown["public_metadata"], shown.get("private_metadata")), (&json!({"plan": "gold"}), None));
}

#[test]
fn a_digest_of_another_system_signs_in() {
    let site = site();
    // Of `PASSWORD`, with the cost 4.
    let digest = "$2b$04$abcdefghijklmnopqrstuuGJu8VHVrrDdSneajL7N2c3G/5GiSaAy";
    let body = json!({ "email_address": ["ada@example.com"], "password_digest": digest, "password_hasher": "bcrypt" });
    let made = site.backend("POST", "/v1/users", &body);
    assert_eq!((made.status, &made.json()["password_enabled"]), (200, &json!(true)), "{}", made.body);
    assert!(!made.body.contains(digest));
    let signed_in = sign_in(&mut Browser::of(&site.server), "ada@example.com");
    assert_eq!(signed_in.json()["response"]["status"], "complete", "{}", signed_in.body);
}

#[test]
fn every_fault_of_a_new_user_is_told() {
    let site = site();
    create(&site, "ada@example.com");
    for (body, status, codes) in [
        (json!({}), 422, vec!["form_data_missing"]),
        (json!({ "email_address": ["ada@example.com"] }), 422, vec!["form_identifier_exists"]),
        (json!({ "email_address": "ada@example.com", "banned": 1 }), 422, vec!["form_param_type_invalid"; 2]),
        (
            json!({ "email_address": ["no"], "last_name": "L" }),
            422,
            vec!["form_param_unknown", "form_param_format_invalid"],
        ),
        (json!({ "email_address": ["b@example.com"], "totp_secret": "x" }), 422, vec!["form_param_unknown"]),
        (json!({ "email_address": ["b@example.com"], "created_at": "soon" }), 422, vec!["form_param_format_invalid"]),
        (json!({ "email_address": ["b@example.com"], "public_metadata": [] }), 422, vec!["form_param_type_invalid"]),
        (json!([{}, {}]), 422, vec!["form_param_value_invalid"]),
    ] {
        let answer = site.backend("POST", "/v1/users", &body);
        let codes: Vec<String> = codes.into_iter().map(str::to_owned).collect();
        assert_eq!(refused(&answer), (status, codes), "{body}: {}", answer.body);
        assert_eq!(answer.header("content-type"), Some("application/json"));
    }
    let key = format!("Bearer {SECRET_KEY}");
    let headers = [("authorization", &*key), ("content-type", "application/json")];
    let half = site.server.request("POST", "/v1/users", &headers, r#"{"email_address":["b@exam"#).expect("an answer");
    assert_eq!(refused(&half), with(422, "form_param_value_invalid"));
    assert_eq!(site.backend("GET", "/v1/users/count", &Value::Null).json()["total_count"], 1);
}

#[test]
fn a_change_sets_what_it_names_and_keeps_the_rest() {
    let site = site();
    let path = path_of(&create(&site, "ada@example.com"));
    let body = json!({ "first_name": "Ada", "username": "ada_lovelace", "external_id": "customer 7" });
    assert_eq!(user_in(&site.backend("PATCH", &path, &body))["first_name"], "Ada");
    let changed = user_in(&site.backend("PATCH", &path, &json!({ "first_name": null, "username": "ada_byron" })));
    assert_eq!((&changed["first_name"], &changed["username"]), (&Value::Null, &json!("ada_byron")));
    assert_eq!(changed["external_id"], "customer 7");
    assert_eq!(changed["email_addresses"][0]["email_address"], "ada@example.com");
    for param in ["public_metadata", "private_metadata", "unsafe_metadata"] {
        let answer = site.backend("PATCH", &path, &json!({ param: {"a": 1} }));
        assert_eq!(refused(&answer), with(422, "form_param_unknown"), "{param}");
    }
    let answer = site.backend("PATCH", &path, &json!({ "primary_email_address_id": "idn_1" }));
    assert_eq!(answer.error_codes(), ["resource_not_found"]);
    assert_eq!(site.backend("PATCH", UNKNOWN, &json!({ "first_name": "Ada" })).status, 404);
}

#[test]
fn a_backend_of_an_older_version_replaces_metadata_with_other_attributes() {
    let site = site();
    let path = path_of(&create(&site, "ada@example.com"));
    let change = |version: &str, body: &Value| call_with(&site, "PATCH", &path, ("clerk-api-version", version), body);
    let first = json!({ "first_name": "Ada", "public_metadata": {"a": 1}, "private_metadata": {"b": 2} });
    let changed = user_in(&change("2025-11-10", &first));
    assert_eq!((&changed["first_name"], &changed["public_metadata"]), (&json!("Ada"), &json!({"a": 1})));
    let changed = user_in(&change("2024-10-01", &json!({ "public_metadata": {"c": 3} })));
    assert_eq!(changed["public_metadata"], json!({"c": 3}), "not merged");
    assert_eq!(changed["private_metadata"], json!({"b": 2}), "what is not named is kept");
    for version in ["2026-05-12", "2027-01-01", "newest", "1"] {
        let answer = change(version, &json!({ "public_metadata": {"d": 4} }));
        assert_eq!(refused(&answer), with(422, "form_param_unknown"), "{version}");
    }
    let odd = change("2025-11-10", &json!({ "first_name": "Augusta", "public_metadata": [] }));
    assert_eq!(refused(&odd), with(422, "form_param_type_invalid"));
    assert_eq!(site.backend("GET", &path, &Value::Null).json()["first_name"], "Ada", "all of it or nothing");
}

#[test]
fn what_no_user_has_is_an_empty_list_or_not_there() {
    let site = site();
    let path = path_of(&create(&site, "ada@example.com"));
    let empty = json!({ "data": [], "total_count": 0 });
    for list in
        ["organization_memberships", "organization_invitations", "oauth_access_tokens/oauth_google?paginated=true"]
    {
        assert_eq!(site.backend("GET", &format!("{path}/{list}"), &Value::Null).json(), empty, "{list}");
        assert_eq!(site.backend("GET", &format!("{UNKNOWN}/{list}"), &Value::Null).status, 404, "{list}");
    }
    assert_eq!(
        site.backend("GET", &format!("{path}/oauth_access_tokens/oauth_google"), &Value::Null).json(),
        json!([])
    );
    for (method, part) in [
        ("GET", "oauth_access_tokens/nonsense"),
        ("DELETE", "mfa"),
        ("DELETE", "totp"),
        ("DELETE", "backup_code"),
        ("POST", "profile_image"),
    ] {
        let answer = site.backend(method, &format!("{path}/{part}"), &Value::Null);
        assert_eq!(refused(&answer), with(404, "resource_not_found"), "{part}");
    }
}

#[test]
fn metadata_is_merged_by_patch_and_replaced_by_put() {
    let site = site();
    let path = format!("{}/metadata", path_of(&create(&site, "ada@example.com")));
    let first = json!({ "public_metadata": {"a": {"b": 1, "c": 2}}, "private_metadata": {"camelCase": true} });
    site.backend("PATCH", &path, &first);
    let merged = site.backend("PATCH", &path, &json!({ "public_metadata": {"a": {"b": null}, "d": 3} })).json();
    assert_eq!(merged["public_metadata"], json!({"a": {"c": 2}, "d": 3}));
    assert_eq!(merged["private_metadata"], json!({"camelCase": true}));
    let replaced = site.backend("PUT", &path, &json!({ "public_metadata": {"e": 4} })).json();
    assert_eq!(replaced["public_metadata"], json!({"e": 4}));
    assert_eq!(replaced["private_metadata"], json!({"camelCase": true}), "what is not named is kept");
    let wrong = site.backend("PATCH", &path, &json!({ "public_metadata": "text" }));
    assert_eq!(refused(&wrong), with(422, "form_param_type_invalid"));
}

#[test]
fn the_later_of_two_administrators_is_told() {
    let site = site();
    let path = path_of(&create(&site, "ada@example.com"));
    let read = site.backend("GET", &path, &Value::Null);
    let tag = read.header("etag").expect("an ETag").to_owned();
    let patch = |tag: &str, name: &str| {
        let body = json!({ "first_name": name });
        call_with(&site, "PATCH", &path, ("if-match", tag), &body)
    };
    let first = patch(&tag, "Ada");
    assert_eq!(first.status, 200, "{}", first.body);
    assert_ne!(first.header("etag"), Some(&*tag));
    for stale in [&*tag, "W/\"2\"", "2", "\"x\"", ""] {
        assert_eq!(refused(&patch(stale, "Eve")), with(412, "resource_conflict"), "{stale}");
    }
    let deleted = call_with(&site, "DELETE", &path, ("if-match", &tag), &Value::Null);
    assert_eq!(refused(&deleted), with(412, "resource_conflict"));
    assert_eq!(site.backend("GET", &path, &Value::Null).json()["first_name"], "Ada");
    let current = first.header("etag").expect("an ETag");
    assert_eq!(patch(&format!("{tag}, {current}"), "Grace").status, 200);
    assert_eq!(patch("*", "Mae").json()["first_name"], "Mae");
    let unknown = call_with(&site, "PATCH", UNKNOWN, ("if-match", "*"), &json!({ "first_name": "Ada" }));
    assert_eq!(refused(&unknown), with(404, "resource_not_found"));
}

#[test]
fn a_deleted_user_is_gone_and_the_address_is_free() {
    let site = site();
    let user = create(&site, "ada@example.com");
    let path = path_of(&user);
    let mut browser = Browser::of(&site.server);
    sign_in(&mut browser, "ada@example.com");
    site.backend("PATCH", &path, &json!({ "external_id": "customer 7" }));
    let deleted = site.backend("DELETE", &path, &Value::Null).json();
    assert_eq!(faults("deleted", &deleted), [""; 0]);
    assert_eq!(deleted, json!({ "object": "user", "id": user["id"], "deleted": true, "external_id": "customer 7" }));
    for method in ["GET", "DELETE"] {
        assert_eq!(refused(&site.backend(method, &path, &Value::Null)), with(404, "resource_not_found"));
    }
    let client = browser.get("/v1/client").json();
    assert_eq!(client["response"]["sessions"], json!([]), "{client}");
    assert_eq!(site.backend("GET", "/v1/users/count", &Value::Null).json()["total_count"], 0);
    assert_ne!(create(&site, "ada@example.com")["id"], user["id"]);
}

#[test]
fn an_address_replaces_all_others() {
    let site = site();
    let path = path_of(&create(&site, "ada@example.com"));
    let replace = |body: &Value| site.backend("PUT", &format!("{path}/email_address"), body);
    let body = json!({ "email_address": "new@example.com", "identification_status": "reserved" });
    let addresses = replace(&body).json()["email_addresses"].clone();
    assert_eq!(addresses.as_array().map(Vec::len), Some(1));
    assert_eq!((&addresses[0]["email_address"], &addresses[0]["reserved"]), (&json!("new@example.com"), &json!(true)));
    create(&site, "ada@example.com");
    for (body, code) in [
        (json!({}), "form_param_missing"),
        (json!({ "email_address": "ada@example.com" }), "form_identifier_exists"),
        (json!({ "email_address": "no" }), "form_param_format_invalid"),
        (json!({ "email_address": "x@example.com", "identification_status": "open" }), "form_param_value_invalid"),
    ] {
        assert_eq!(refused(&replace(&body)), with(422, code), "{body}");
    }
    let number = site.backend("PUT", &format!("{path}/phone_number"), &json!({ "phone_number": "+14155552671" }));
    assert_eq!(refused(&number), with(422, "form_param_unknown"), "the instance has no phone numbers");
    let account = format!("{path}/external_accounts/eac_000000000000000000000000007");
    assert_eq!(refused(&site.backend("DELETE", &account, &Value::Null)), with(404, "resource_not_found"));
}

const UNKNOWN: &str = "/v1/users/user_000000000000000000000000007";

#[test]
fn many_administrators_who_name_no_version_all_get_through() {
    const WRITES: usize = 30;
    let site = site();
    let user = site.backend("POST", "/v1/users", &json!({ "email_address": ["ada@example.com"] })).json();
    let path = format!("/v1/users/{}", user["id"].as_str().expect("an id"));
    std::thread::scope(|scope| {
        let write = |n: usize| {
            let body = json!({ "public_metadata": { (format!("key{n}")): n } });
            site.backend("PATCH", &format!("{path}/metadata"), &body).status
        };
        let writes: Vec<_> = (0..WRITES).map(|n| scope.spawn(move || write(n))).collect();
        for written in writes {
            assert_eq!(written.join().expect("no panic"), 200);
        }
    });
    let stored = site.backend("GET", &path, &Value::Null).json()["public_metadata"].clone();
    assert_eq!(stored.as_object().map(serde_json::Map::len), Some(WRITES), "{stored}");
}

#[test]
fn a_parameter_of_a_wrong_type_is_one_fault_and_not_missing_too() {
    let site = site();
    for (path, body) in [
        ("/v1/sign_in_tokens", json!({ "user_id": 5 })),
        ("/v1/invitations", json!({ "email_address": true })),
        ("/v1/allowlist_identifiers", json!({ "identifier": [] })),
    ] {
        let refused = site.backend("POST", path, &body);
        assert_eq!(
            (refused.status, refused.error_codes()),
            (422, vec!["form_param_type_invalid".to_owned()]),
            "{path}: {}",
            refused.body
        );
        let empty = site.backend("POST", path, &json!({}));
        assert_eq!(empty.error_codes(), ["form_param_missing"], "{path}");
    }
}
