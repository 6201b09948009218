//! Bans, locks and passwords.

use serde_json::{Value, json};

use super::{PASSWORD, create, path_of, refused, sign_in, site, token, with};
use crate::support::browser::Browser;

#[test]
fn a_banned_user_is_out_at_once_and_comes_back_after_the_ban() {
    let site = site();
    let path = path_of(&create(&site, "ada@example.com"));
    let mut browser = Browser::of(&site.server);
    let signed_in = sign_in(&mut browser, "ada@example.com");
    assert_eq!(token(&mut browser, &signed_in).status, 200);
    let banned = site.backend("POST", &format!("{path}/ban"), &Value::Null);
    assert_eq!((banned.status, &banned.json()["banned"]), (200, &json!(true)), "{}", banned.body);
    assert_eq!(token(&mut browser, &signed_in).status, 401);
    assert_eq!(refused(&sign_in(&mut browser, "ada@example.com")), with(403, "user_banned"));
    assert_eq!(site.backend("GET", "/v1/users/count?banned=true", &Value::Null).json()["total_count"], 1);
    assert_eq!(site.backend("POST", &format!("{path}/unban"), &Value::Null).json()["banned"], false);
    let signed_in = sign_in(&mut browser, "ada@example.com");
    assert_eq!(token(&mut browser, &signed_in).status, 200);
}

#[test]
fn several_users_are_banned_at_once_or_none() {
    let site = site();
    let (ada, bob) = (create(&site, "ada@example.com"), create(&site, "bob@example.com"));
    let ban = |ids: Value| site.backend("POST", "/v1/users/ban", &json!({ "user_ids": ids }));
    for (ids, status) in [
        (json!([ada["id"], "user_000000000000000000000000007"]), 404),
        (json!([ada["id"], "nonsense"]), 400),
        (json!([]), 422),
        (json!("all"), 422),
    ] {
        assert_eq!(ban(ids.clone()).status, status, "{ids}");
    }
    assert_eq!(site.backend("GET", &path_of(&ada), &Value::Null).json()["banned"], false);
    let banned = ban(json!([ada["id"], bob["id"], ada["id"]])).json();
    let shown: Vec<_> = banned.as_array().expect("a list").iter().map(|user| (&user["id"], &user["banned"])).collect();
    assert_eq!(shown, [(&ada["id"], &json!(true)), (&bob["id"], &json!(true))]);
    let unbanned = site.backend("POST", "/v1/users/unban", &json!({ "user_ids": [bob["id"]] })).json();
    assert_eq!(unbanned[0]["banned"], false);
}

#[test]
fn a_locked_user_stays_signed_in_and_can_not_sign_in_again() {
    let site = site();
    let path = path_of(&create(&site, "ada@example.com"));
    let mut browser = Browser::of(&site.server);
    let signed_in = sign_in(&mut browser, "ada@example.com");
    let locked = site.backend("POST", &format!("{path}/lock"), &Value::Null).json();
    assert_eq!((&locked["locked"], &locked["lockout_expires_in_seconds"]), (&json!(true), &json!(30 * 86_400)));
    assert_eq!(token(&mut browser, &signed_in).status, 200);
    let mut other = Browser::of(&site.server);
    assert_eq!(refused(&sign_in(&mut other, "ada@example.com")), with(403, "user_locked"));
    assert_eq!(site.backend("POST", &format!("{path}/unlock"), &Value::Null).json()["locked"], false);
    assert_eq!(sign_in(&mut other, "ada@example.com").status, 200);
}

#[test]
fn a_password_is_verified_without_a_sign_in() {
    let site = site();
    let path = path_of(&create(&site, "ada@example.com"));
    let verify = |body: Value| site.backend("POST", &format!("{path}/verify_password"), &body);
    assert_eq!(verify(json!({ "password": PASSWORD })).json(), json!({ "verified": true }));
    assert_eq!(refused(&verify(json!({ "password": "another one" }))), with(422, "incorrect_password"));
    assert_eq!(refused(&verify(json!({}))), with(422, "form_param_missing"));
    let removed = site.backend("POST", &format!("{path}/remove_password"), &json!({})).json();
    assert_eq!(removed["password_enabled"], false);
    assert_eq!(refused(&verify(json!({ "password": PASSWORD }))), with(400, "no_password_set"));
    let again = site.backend("POST", &format!("{path}/remove_password"), &json!({}));
    assert_eq!(refused(&again), with(400, "no_password_set"));
}

#[test]
fn a_compromised_password_does_not_sign_in() {
    let site = site();
    let path = path_of(&create(&site, "ada@example.com"));
    let mut browser = Browser::of(&site.server);
    let signed_in = sign_in(&mut browser, "ada@example.com");
    let mark = |word: &str, body: Value| site.backend("POST", &format!("{path}/password/{word}_compromised"), &body);
    assert_eq!(mark("set", json!({})).status, 200);
    assert_eq!(token(&mut browser, &signed_in).status, 200, "sessions go on");
    let refusal = sign_in(&mut Browser::of(&site.server), "ada@example.com");
    assert_eq!(refused(&refusal), with(422, "form_password_compromised"));
    assert_eq!(mark("set", json!({ "revoke_all_sessions": true })).status, 200);
    assert_eq!(token(&mut browser, &signed_in).status, 401);
    assert_eq!(mark("unset", json!({})).status, 200);
    assert_eq!(sign_in(&mut Browser::of(&site.server), "ada@example.com").status, 200);
}
