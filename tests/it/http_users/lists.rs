//! Lists of users, their number, and who may ask for them.

use serde_json::{Value, json};

use super::{create, path_of, refused, sign_in, site, token, with};
use crate::support::backend::{SECRET_KEY, Site};
use crate::support::browser::Browser;
use crate::support::schema::faults;

#[test]
fn a_list_is_bare_and_the_number_is_asked_for_by_itself() {
    let site = site();
    for name in ["ada", "bob", "eve"] {
        create(&site, &format!("{name}@example.com"));
        site.server.advance(1000);
    }
    for query in ["", "?paginated=true"] {
        let listed = site.backend("GET", &format!("/v1/users{query}"), &Value::Null);
        assert_eq!(listed.header("content-type"), Some("application/json"));
        assert_eq!(listed.json().as_array().map(Vec::len), Some(3), "{query}");
    }
    let count = site.backend("GET", "/v1/users/count", &Value::Null);
    assert_eq!((faults("total_count", &count.json()), &count.json()["total_count"]), (Vec::new(), &json!(3)));
    assert_eq!(names(&site, ""), ["eve", "bob", "ada"], "the newest first");
    for order in ["created_at", "%2Bcreated_at", "+created_at", "created_at&order_by=-created_at"] {
        assert_eq!(names(&site, &format!("order_by={order}")), ["ada", "bob", "eve"], "{order}");
    }
    assert_eq!(names(&site, "order_by=-email_address&limit=1&offset=1"), ["bob"]);
}

#[test]
fn filters_are_repeated_to_mean_one_of_several() {
    let site = site();
    let ada = create(&site, "ada@example.com");
    create(&site, "bob@example.com");
    create(&site, "eve@example.com");
    let id = ada["id"].as_str().expect("an id");
    for (query, expected) in [
        ("email_address=ada%40example.com&email_address=Bob%40example.com", &["bob", "ada"][..]),
        ("email_address[]=eve%40example.com", &["eve"]),
        ("email_address=nobody%40example.com", &[]),
        (&format!("user_id={id}"), &["ada"]),
        (&format!("user_id=-{id}"), &["eve", "bob"]),
        (&format!("user_id=+{id}&query=example"), &["ada"]),
        ("query=BOB", &["bob"]),
        ("banned=true", &[]),
        ("created_at_after=0&limit=2", &["eve", "bob"]),
        ("last_active_at_since=1", &[]),
        ("web3_wallet=0x1", &[]),
        ("organization_id=org_1", &[]),
        ("organization_id=-org_1", &["eve", "bob", "ada"]),
        ("something_new=1", &["eve", "bob", "ada"]),
    ] {
        assert_eq!(sorted(names(&site, query)), sorted(expected.iter().map(ToString::to_string).collect()), "{query}");
        let counted = site.backend("GET", &format!("/v1/users/count?{query}"), &Value::Null).json();
        let has_limit = query.contains("limit");
        assert!(has_limit || counted["total_count"] == expected.len(), "{query}: {counted}");
    }
}

#[test]
fn a_list_goes_on_after_its_last_user() {
    let site = site();
    for name in ["ada", "bob", "eve"] {
        create(&site, &format!("{name}@example.com"));
        site.server.advance(1000);
    }
    let first = site.backend("GET", "/v1/users?limit=2", &Value::Null).json();
    let last = first[1]["id"].as_str().expect("an id");
    assert_eq!(names(&site, &format!("limit=2&starting_after={last}")), ["ada"]);
    for query in [
        format!("starting_after={last}&offset=1"),
        format!("starting_after={last}&order_by=username"),
        "starting_after=nonsense".into(),
        "limit=0".into(),
        "limit=501".into(),
        "order_by=shoe_size".into(),
    ] {
        let answer = site.backend("GET", &format!("/v1/users?{query}"), &Value::Null);
        assert_eq!(refused(&answer), with(422, "form_param_value_invalid"), "{query}");
    }
    for query in ["limit=many", "banned=perhaps", "created_at_after=yesterday"] {
        let answer = site.backend("GET", &format!("/v1/users?{query}"), &Value::Null);
        assert_eq!(refused(&answer), with(422, "form_param_type_invalid"), "{query}");
    }
}

#[test]
fn a_filter_has_room_for_a_hundred_values() {
    let site = site();
    let ada = create(&site, "ada@example.com");
    let query = |count: usize| {
        let unknown = "user_id=user_000000000000000000000000007&".repeat(count - 1);
        format!("{unknown}user_id={}&limit=100", ada["id"].as_str().expect("an id"))
    };
    assert_eq!(names(&site, &query(100)), ["ada"]);
    let more = site.backend("GET", &format!("/v1/users?{}", query(101)), &Value::Null);
    assert_eq!(refused(&more), with(422, "form_param_value_invalid"));
}

#[test]
fn only_the_secret_key_reads_users() {
    let site = site();
    let ada = create(&site, "ada@example.com");
    let mut browser = Browser::of(&site.server);
    let signed_in = sign_in(&mut browser, "ada@example.com");
    let jwt = token(&mut browser, &signed_in).json()["jwt"].as_str().expect("a token").to_owned();
    for path in ["/v1/users".to_owned(), "/v1/users/count".into(), path_of(&ada), "/v1/sessions?user_id=x".into()] {
        for key in [&*jwt, "pk_test_bG9jYWxob3N0JA", "sk_test_other"] {
            let bearer = format!("Bearer {key}");
            let answer = site.server.request("GET", &path, &[("authorization", &bearer)], "").expect("an answer");
            assert_eq!(refused(&answer), with(401, "clerk_key_invalid"), "{path} {key}");
        }
        let separator = if path.contains('?') { '&' } else { '?' };
        let in_query = format!("{path}{separator}secret_key={SECRET_KEY}&__session={jwt}");
        let answer = site.server.request("GET", &in_query, &[], "").expect("an answer");
        assert_eq!(refused(&answer), with(401, "authentication_invalid"), "{path}");
    }
    let keys = site.backend("GET", "/v1/jwks", &Value::Null);
    assert_eq!((keys.status, keys.json()["keys"].is_array()), (200, true));
}

/// What is before the `@` in the addresses of the listed users.
fn names(site: &Site, query: &str) -> Vec<String> {
    let listed = site.backend("GET", &format!("/v1/users?{query}"), &Value::Null);
    let users = listed.json();
    let users = users.as_array().unwrap_or_else(|| panic!("a list: {}", listed.body));
    let address = |user: &Value| user["email_addresses"][0]["email_address"].as_str().map(str::to_owned);
    let addresses = users.iter().filter_map(address);
    addresses.map(|address| address.trim_end_matches("@example.com").to_owned()).collect()
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names
}
