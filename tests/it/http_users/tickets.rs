//! Sign-in tokens: the backend lets a person in by a ticket, once.

use serde_json::{Value, json};

use super::{create, path_of, refused, site, with};
use crate::support::backend::Site;
use crate::support::browser::{Browser, PAGE};
use crate::support::endpoint::Answer;
use crate::support::schema::faults;

#[test]
fn a_person_with_the_link_is_signed_in_once() {
    let site = site();
    let ada = create(&site, "ada@example.com");
    let made = site.backend("POST", "/v1/sign_in_tokens", &json!({ "user_id": ada["id"] })).json();
    assert_eq!(faults("sign_in_token", &made), [""; 0], "{made:#}");
    assert_eq!((&made["user_id"], &made["status"]), (&ada["id"], &json!("pending")));

    let url = made["url"].as_str().expect("a URL");
    let path = &url[url.find("/v1/").expect("a path")..];
    let mut browser = Browser::of(&site.server);
    let followed = browser.navigate(path);
    let location = followed.header("location").expect("a place").to_owned();
    assert_eq!(followed.status, 303, "{}", followed.body);
    assert!(location.contains("__clerk_status=sign_in"), "{location}");
    let ticket = location.split_once("__clerk_ticket=").expect("a ticket").1.split('&').next().expect("a ticket");
    assert_eq!(ticket, made["token"]);

    let done = sign_in(&mut browser, ticket);
    let body = done.json();
    assert_eq!(body["response"]["status"], "complete", "{}", done.body);
    let proof = &body["response"]["first_factor_verification"];
    assert_eq!((&proof["object"], &proof["status"]), (&json!("verification_ticket"), &json!("verified")));
    assert_eq!(proof["strategy"], "ticket");
    assert_eq!(body["client"]["sessions"][0]["user"]["id"], ada["id"]);
    assert_eq!(body["client"]["last_authentication_strategy"], "ticket");

    // The page is loaded again, and the link is passed on.
    let again = sign_in(&mut browser, ticket);
    assert_eq!(refused(&again), with(400, "session_exists"));
    assert_eq!(again.json()["errors"][0]["meta"]["session_id"], body["response"]["created_session_id"]);
    let mut stranger = Browser::of(&site.server);
    assert_eq!(refused(&sign_in(&mut stranger, ticket)), with(400, "sign_in_token_already_used_code"));
    let followed = stranger.navigate(path);
    assert!(followed.header("location").is_some_and(|place| !place.contains("ticket")), "{followed:?}");
    assert!(browser.navigate(path).header("location").is_some_and(|place| place.contains("__clerk_status=complete")));
}

#[test]
fn a_revoked_token_lets_nobody_in() {
    let site = site();
    let ada = create(&site, "ada@example.com");
    let (path, ticket) = token(&site, &ada, &json!({}));
    let revoked = site.backend("POST", &format!("{path}/revoke"), &Value::Null).json();
    assert_eq!(faults("sign_in_token", &revoked), [""; 0], "{revoked:#}");
    assert_eq!(
        (&revoked["status"], &revoked["token"], &revoked["url"]),
        (&json!("revoked"), &Value::Null, &Value::Null)
    );
    let mut browser = Browser::of(&site.server);
    assert_eq!(refused(&sign_in(&mut browser, &ticket)), with(400, "sign_in_token_revoked_code"));
    assert_eq!(browser.navigate(&format!("/v1/tickets/accept?ticket={ticket}")).status, 400);
    let twice = site.backend("POST", &format!("{path}/revoke"), &Value::Null);
    assert_eq!(refused(&twice), with(400, "sign_in_token_cannot_be_revoked_code"));

    let (path, ticket) = token(&site, &ada, &json!({}));
    assert_eq!(sign_in(&mut browser, &ticket).status, 200);
    let used = site.backend("POST", &format!("{path}/revoke"), &Value::Null);
    assert_eq!(refused(&used), with(400, "sign_in_token_cannot_be_revoked_code"));
    let unknown = "/v1/sign_in_tokens/sit_000000000000000000000000007/revoke";
    assert_eq!(refused(&site.backend("POST", unknown, &Value::Null)), with(404, "resource_not_found"));
}

#[test]
fn a_token_expires() {
    let site = site();
    let ada = create(&site, "ada@example.com");
    let (_, ticket) = token(&site, &ada, &json!({ "expires_in_seconds": 60 }));
    site.server.advance(60_000);
    let mut browser = Browser::of(&site.server);
    assert_eq!(refused(&sign_in(&mut browser, &ticket)), with(400, "ticket_expired_code"));
    assert_eq!(browser.navigate(&format!("/v1/tickets/accept?ticket={ticket}")).status, 400);
}

#[test]
fn a_banned_locked_or_deleted_user_is_not_let_in_and_the_ticket_is_kept() {
    let site = site();
    let ada = create(&site, "ada@example.com");
    let (_, ticket) = token(&site, &ada, &json!({}));
    let mut browser = Browser::of(&site.server);
    for (refuse, code, admit) in [("ban", "user_banned", "unban"), ("lock", "user_locked", "unlock")] {
        site.backend("POST", &format!("{}/{refuse}", path_of(&ada)), &Value::Null);
        assert_eq!(refused(&sign_in(&mut browser, &ticket)), with(403, code));
        site.backend("POST", &format!("{}/{admit}", path_of(&ada)), &Value::Null);
    }
    assert_eq!(sign_in(&mut browser, &ticket).status, 200, "it was not used up");

    let (_, ticket) = token(&site, &ada, &json!({}));
    site.backend("DELETE", &path_of(&ada), &Value::Null);
    let mut browser = Browser::of(&site.server);
    assert_eq!(refused(&sign_in(&mut browser, &ticket)), with(400, "sign_in_token_cannot_be_used_code"));
}

#[test]
fn every_fault_of_a_token_and_of_a_ticket_is_told() {
    let site = site();
    let ada = create(&site, "ada@example.com");
    for (body, status, code) in [
        (json!({}), 422, "form_param_missing"),
        (json!({ "user_id": "nonsense" }), 404, "resource_not_found"),
        (json!({ "user_id": "user_000000000000000000000000007" }), 404, "resource_not_found"),
        (json!({ "user_id": ada["id"], "expires_in_seconds": 0 }), 422, "form_param_value_invalid"),
        (json!({ "user_id": ada["id"], "expires_in_seconds": 315_360_001 }), 422, "form_param_value_invalid"),
        (json!({ "user_id": ada["id"], "expires_in_seconds": -1 }), 422, "form_param_type_invalid"),
    ] {
        assert_eq!(refused(&site.backend("POST", "/v1/sign_in_tokens", &body)), with(status, code), "{body}");
    }
    let (_, ticket) = token(&site, &ada, &json!({}));
    let mut browser = Browser::of(&site.server);
    for (form, status, code) in [
        ("strategy=ticket".to_owned(), 422, "form_param_missing"),
        ("strategy=ticket&ticket=nonsense".to_owned(), 400, "ticket_invalid_code"),
        (format!("ticket={ticket}&identifier=ada%40example.com"), 422, "form_conditional_param_disallowed"),
        (format!("strategy=ticket&ticket={ticket}&password=x"), 422, "form_conditional_param_disallowed"),
    ] {
        assert_eq!(refused(&browser.post("/v1/client/sign_ins", &form)), with(status, code), "{form}");
    }
    let sign_up = browser.post("/v1/client/sign_ups", &format!("strategy=ticket&ticket={ticket}"));
    assert_eq!(refused(&sign_up), with(400, "sign_in_token_not_in_sign_in_code"));

    let guest = site.invite(&json!({ "email_address": "guest@example.com", "notify": false }));
    let ticket = Site::ticket_in(&guest["url"]);
    assert_eq!(refused(&sign_in(&mut browser, &ticket)), with(400, "invitation_account_not_exists"));
}

#[test]
fn an_invitation_to_an_address_of_a_user_signs_the_user_in_once() {
    let site = site();
    let ada = create(&site, "ada@example.com");
    let metadata = json!({ "public_metadata": { "plan": "free", "seat": 7 } });
    site.backend("PATCH", &format!("{}/metadata", path_of(&ada)), &metadata);
    let input = json!({
        "email_address": "ada@example.com", "ignore_existing": true, "public_metadata": { "plan": "gold" },
        "redirect_url": format!("{PAGE}/join"),
    });
    let invitation = site.invite(&input);
    let ticket = Site::ticket_in(&invitation["url"]);
    let place = Browser::of(&site.server).navigate(&format!("/v1/tickets/accept?ticket={ticket}"));
    let place = place.header("location").expect("a place").to_owned();
    assert_eq!(place, format!("{PAGE}/join?__clerk_ticket={ticket}&__clerk_status=sign_in"));

    let mut browser = Browser::of(&site.server);
    let done = sign_in(&mut browser, &ticket);
    let body = done.json();
    assert_eq!(body["response"]["status"], "complete", "{}", done.body);
    let proof = &body["response"]["first_factor_verification"];
    assert_eq!((&proof["status"], &proof["strategy"]), (&json!("verified"), &json!("ticket")));
    let user = &body["client"]["sessions"][0]["user"];
    assert_eq!((&user["id"], &user["public_metadata"]), (&ada["id"], &json!({ "plan": "gold", "seat": 7 })));
    let used = site.backend("GET", "/v1/invitations?status=accepted", &Value::Null).json();
    assert_eq!(used[0]["id"], invitation["id"]);
    let again = sign_in(&mut Browser::of(&site.server), &ticket);
    assert_eq!(refused(&again), with(400, "invitation_already_accepted"));
    assert_eq!(refused(&sign_in(&mut browser, &ticket)), with(400, "session_exists"));
}

#[test]
fn an_invitation_that_is_good_no_more_signs_nobody_in() {
    let site = site();
    let ada = create(&site, "ada@example.com");
    let invite =
        || site.invite(&json!({ "email_address": "ada@example.com", "ignore_existing": true, "expires_in_days": 1 }));
    let (revoked, banned, late) = (invite(), invite(), invite());
    let mut browser = Browser::of(&site.server);
    let path = format!("/v1/invitations/{}/revoke", revoked["id"].as_str().expect("an id"));
    assert_eq!(site.backend("POST", &path, &Value::Null).status, 200);
    let by = |browser: &mut Browser<'_>, invitation: &Value| sign_in(browser, &Site::ticket_in(&invitation["url"]));
    assert_eq!(refused(&by(&mut browser, &revoked)), with(400, "revoked_invitation"));
    site.backend("POST", &format!("{}/ban", path_of(&ada)), &Value::Null);
    assert_eq!(refused(&by(&mut browser, &banned)), with(403, "user_banned"));
    site.backend("POST", &format!("{}/unban", path_of(&ada)), &Value::Null);
    assert_eq!(by(&mut browser, &banned).status, 200, "it was not used up");
    site.server.advance(86_400_000);
    assert_eq!(refused(&by(&mut Browser::of(&site.server), &late)), with(400, "ticket_expired_code"));
}

#[test]
fn the_person_who_was_invited_owns_an_address_that_nobody_has_proved() {
    let site = site();
    let mut document = site.server.settings();
    document["attributes"]["email_address"]["verify_at_sign_up"] = false.into();
    site.configure(&document);
    let mut thief = Browser::of(&site.server);
    let form = "email_address=ada%40example.com&password=wanders+under+elms";
    assert_eq!(thief.post("/v1/client/sign_ups", form).json()["response"]["status"], "complete");
    let invitation = site.invite(&json!({ "email_address": "ada@example.com", "ignore_existing": true }));
    let mut ada = Browser::of(&site.server);
    let done = sign_in(&mut ada, &Site::ticket_in(&invitation["url"])).json();
    let user = &done["client"]["sessions"][0]["user"];
    assert_eq!(user["password_enabled"], false, "{done}");
    assert_eq!(user["email_addresses"][0]["verification"]["strategy"], "ticket");
    assert_eq!(thief.get("/v1/client").json()["response"]["sessions"], json!([]), "who came before is out");
}

/// The path of a new token for a user, and its ticket.
fn token(site: &Site, user: &Value, more: &Value) -> (String, String) {
    let mut body = more.clone();
    body["user_id"] = user["id"].clone();
    let made = site.backend("POST", "/v1/sign_in_tokens", &body);
    assert_eq!(made.status, 200, "{}", made.body);
    let (id, ticket) = (made.json()["id"].clone(), made.json()["token"].clone());
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    (format!("/v1/sign_in_tokens/{}", text(&id)), text(&ticket))
}

fn sign_in(browser: &mut Browser<'_>, ticket: &str) -> Answer {
    browser.post("/v1/client/sign_ins", &format!("strategy=ticket&ticket={ticket}"))
}
