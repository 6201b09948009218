//! Failures in a row lock a user, where the settings ask for it (guide/contract_sign_ins.md#lockout).

use serde_json::{Value, json};

use super::{PASSWORD, create, path_of, refused, sign_in, site, user_in, with};
use crate::support::backend::Site;
use crate::support::browser::Browser;
use crate::support::endpoint::Answer;

#[test]
fn failures_in_a_row_lock_a_user_until_the_time_is_over() {
    let (site, ada) = locking(60, false);
    assert_eq!(shown(&site, &ada), json!([false, null, 5]));
    let codes: Vec<_> = (0..5).map(|_| refused(&guess(&site))).collect();
    let warned = (422, vec!["form_password_incorrect".to_owned(), "account_lockout_warning".to_owned()]);
    let plain = with(422, "form_password_incorrect");
    assert_eq!(codes, [plain.clone(), plain, warned.clone(), warned.clone(), warned]);
    assert_eq!(shown(&site, &ada), json!([true, 3_600, 0]));
    let listed = site.backend("GET", "/v1/users?query=ada", &Value::Null).json();
    assert_eq!(listed[0]["locked"], true);

    site.server.advance(1_800_000);
    let locked = sign_in(&mut Browser::of(&site.server), "ada@example.com");
    assert_eq!(refused(&locked), with(403, "user_locked"), "the right password as well");
    let error = &locked.json()["errors"][0];
    assert_eq!(error["message"], "Account locked");
    let left = error["meta"]["lockout_expires_in_seconds"].as_u64().expect("a number");
    assert!((1_700..=1_800).contains(&left), "{error}");
    site.server.advance(1_800_000);
    assert_eq!(shown(&site, &ada), json!([false, null, 5]));
    assert_eq!(sign_in(&mut Browser::of(&site.server), "ada@example.com").status, 200);
}

#[test]
fn the_backend_ends_a_lock_and_without_a_duration_only_it_does() {
    let (site, ada) = locking(0, false);
    while guess(&site).status == 422 {}
    site.server.advance(400 * 86_400_000);
    assert_eq!(shown(&site, &ada), json!([true, null, 0]));
    let before = site.backend("GET", &path_of(&ada), &Value::Null);
    let unlocked = site.backend("POST", &format!("{}/unlock", path_of(&ada)), &Value::Null);
    assert_eq!(lock_of(&user_in(&unlocked)), json!([false, null, 5]));
    assert_ne!(unlocked.header("etag"), before.header("etag"), "it is another version");
    assert_eq!(sign_in(&mut Browser::of(&site.server), "ada@example.com").status, 200);
    let locked = site.backend("POST", &format!("{}/lock", path_of(&ada)), &Value::Null).json();
    assert_eq!(lock_of(&locked), json!([true, null, 5]), "by an administrator, for as long");
}

#[test]
fn strangers_lock_out_other_strangers_and_not_the_owner() {
    let (site, ada) = locking(60, false);
    let mut owner = Browser::of(&site.server);
    assert_eq!(sign_in(&mut owner, "ada@example.com").status, 200);
    assert_eq!(owner.request("DELETE", "/v1/client/sessions", &[], "").status, 200);
    while guess(&site).status == 422 {}
    assert_eq!(shown(&site, &ada)[0], true);

    let mut another = Browser::of(&site.server);
    let path = another.begin_sign_in("identifier=ada%40example.com&strategy=email_code");
    let form = format!("strategy=email_code&code={}", site.server.code("ada@example.com", 1));
    let by_code = another.post(&format!("{path}/attempt_first_factor"), &form);
    assert_eq!(by_code.json()["response"]["status"], "complete", "the mailbox is hers: {}", by_code.body);
    assert_eq!(shown(&site, &ada)[0], false, "a success ends the lock");

    while guess(&site).status == 422 {}
    assert_eq!(sign_in(&mut owner, "ada@example.com").status, 200, "the device is hers");
}

#[test]
fn where_users_are_hidden_a_lock_is_as_that_of_nobody() {
    let (site, ada) = locking(60, true);
    let walk = |identifier: &str| {
        let form = format!("identifier={identifier}&password=wrong");
        let answers = (0..7).map(|_| refused(&Browser::of(&site.server).post("/v1/client/sign_ins", &form)));
        answers.collect::<Vec<_>>()
    };
    let somebody = walk("ada%40example.com");
    assert_eq!(somebody, walk("nobody%40example.com"));
    assert_eq!(somebody[5], with(429, "too_many_requests"));
    assert_eq!(shown(&site, &ada)[0], true);
}

#[test]
fn a_lockout_that_can_not_be_is_refused_and_the_environment_has_the_one_that_is() {
    let (site, _) = locking(60, false);
    let mut document = site.server.settings();
    let environment = Browser::of(&site.server).get("/v1/environment").json();
    let expected = json!({ "enabled": true, "max_attempts": 5, "duration_in_minutes": 60 });
    assert_eq!(environment["user_settings"]["attack_protection"]["user_lockout"], expected);
    for (key, value) in [("max_attempts", 4), ("max_attempts", 1_000_001), ("duration_in_minutes", 525_601)] {
        document["attack_protection"]["user_lockout"] = json!({ "enabled": true, (key): value });
        let answer = site.server.request("PUT", "/dev/settings", &[], &document.to_string()).expect("an answer");
        assert_eq!(answer.status, 422, "{key}: {}", answer.body);
        assert!(answer.body.contains(key), "{}", answer.body);
    }
}

fn locking(minutes: u32, hides_users: bool) -> (Site, Value) {
    let site = site();
    let mut document = site.server.settings();
    document["attack_protection"]["user_lockout"] =
        json!({ "enabled": true, "max_attempts": 5, "duration_in_minutes": minutes });
    document["attack_protection"]["enumeration_protection"]["enabled"] = hides_users.into();
    site.configure(&document);
    let ada = create(&site, "ada@example.com");
    (site, ada)
}

/// A wrong password from a client that is new to the account.
fn guess(site: &Site) -> Answer {
    assert_ne!(PASSWORD, "wrong");
    Browser::of(&site.server).post("/v1/client/sign_ins", "identifier=ada%40example.com&password=wrong")
}

fn shown(site: &Site, user: &Value) -> Value {
    lock_of(&user_in(&site.backend("GET", &path_of(user), &Value::Null)))
}

fn lock_of(user: &Value) -> Value {
    json!([user["locked"], user["lockout_expires_in_seconds"], user["verification_attempts_remaining"]])
}
