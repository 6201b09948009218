//! Backend resources, tickets, the waiting list, e-mail links, and limits.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::backend::Site;
use crate::support::browser::{PAGE, escaped};
use crate::support::server::Server;

use super::talk::{Mode, Seen, Talk, look};
use super::walk::{SIGN_UPS, path_of};

#[test]
fn invitations_and_those_who_come_by_them_have_their_shape() {
    let site = Site::start(&settings("restricted"));
    let seen = Seen::default();
    let call = |schema: &str, method: &str, path: &str, body: &Value| {
        look(&seen, &format!("{method} {path}"), schema, &site.backend(method, path, body))
    };
    let mut tickets = Vec::new();
    for (number, mode) in [Mode::Cookie, Mode::Native].into_iter().enumerate() {
        let body = json!({"email_address": format!("guest-{number}@example.com"), "public_metadata": {"seat": number}});
        let made = call("invitation", "POST", "/v1/invitations", &body);
        tickets.push((mode, Site::ticket_in(&made["url"])));
        call("invitation", "POST", "/v1/invitations", &body);
    }
    let bulk = json!([{"email_address": "c@example.com"}, {"email_address": "d@example.com", "expires_in_days": 1}]);
    let made = call("[invitation]", "POST", "/v1/invitations/bulk", &bulk);
    call("[invitation]", "POST", "/v1/invitations/bulk", &json!([{"email_address": "x"}]));
    call("invitation", "POST", &format!("{}/revoke", path_of("/v1/invitations", &made[0])), &Value::Null);
    call("invitation", "POST", &format!("{}/revoke", path_of("/v1/invitations", &made[0])), &Value::Null);
    call("deleted", "DELETE", &path_of("/v1/invitations", &made[0]), &Value::Null);
    call("[invitation]", "GET", "/v1/invitations", &Value::Null);
    call("[invitation]", "GET", "/v1/invitations?status=nonsense", &Value::Null);
    call("testing_token", "POST", "/v1/testing_tokens", &Value::Null);
    for (mode, ticket) in tickets {
        let mut talk = Talk::begin(&site.server, mode, &seen);
        talk.call("POST", SIGN_UPS, "email_address=nobody%40example.com");
        let form = format!("strategy=ticket&ticket={ticket}");
        let begun = talk.ask("POST", SIGN_UPS, &form);
        assert_eq!(begun["missing_fields"], json!(["password"]), "{begun:#}");
        let done = talk.ask("PATCH", &path_of(SIGN_UPS, &begun), "password=wanders+under+elms");
        assert_eq!(done["status"], "complete", "{done:#}");
        let me = talk.ask("GET", "/v1/me", "");
        assert_eq!(me["email_addresses"][0]["verification"]["object"], "verification_ticket");
        Talk::begin(&site.server, mode, &seen).call("POST", SIGN_UPS, &form);
    }
    site.server.advance(32 * 86_400_000);
    call("invitation_page", "GET", "/v1/invitations?paginated=true", &Value::Null);
    let seen = seen.into_inner();
    for state in ["pending", "accepted", "revoked", "expired"] {
        assert!(seen.contains(&format!("invitation:{state}")), "{state}: {seen:#?}");
    }
    assert!(seen.contains("verification_ticket:verified") && seen.contains("sign_up_mode_restricted"), "{seen:#?}");
}

#[test]
fn the_instance_and_its_lists_have_their_shape() {
    let site = Site::start(&settings("public"));
    let seen = Seen::default();
    let call = |schema: &str, method: &str, path: &str, body: &Value| {
        look(&seen, &format!("{method} {path}"), schema, &site.backend(method, path, body))
    };
    call("instance", "GET", "/v1/instance", &Value::Null);
    call("instance", "PATCH", "/v1/instance", &json!({"allowed_origins": ["nonsense"]}));
    call("instance_restrictions", "PATCH", "/v1/instance/restrictions", &json!({"allowlist": true}));
    call("instance_restrictions", "GET", "/v1/instance/restrictions", &Value::Null);
    for (list, identifiers) in [
        (
            "/v1/allowlist_identifiers",
            [json!({"identifier": "ada@example.com", "notify": true}), json!({"identifier": "+1900*"})],
        ),
        ("/v1/blocklist_identifiers", [json!({"identifier": "*@example.org"}), json!({"identifier": "+14155552671"})]),
    ] {
        for identifier in identifiers {
            call("listed_identifier", "POST", list, &identifier);
            call("listed_identifier", "POST", list, &identifier);
        }
        let page = call("listed_identifier_page", "GET", &format!("{list}?paginated=true"), &Value::Null);
        call("deleted", "DELETE", &path_of(list, &page["data"][0]), &Value::Null);
        call("deleted", "DELETE", &path_of(list, &page["data"][0]), &Value::Null);
    }
    call("[listed_identifier]", "GET", "/v1/allowlist_identifiers", &Value::Null);
    let made = call("redirect_url", "POST", "/v1/redirect_urls", &json!({"url": "myapp://callback"}));
    let path = path_of("/v1/redirect_urls", &made);
    call("redirect_url", "GET", &path, &Value::Null);
    call("redirect_url_page", "GET", "/v1/redirect_urls?paginated=true", &Value::Null);
    call("[redirect_url]", "GET", "/v1/redirect_urls", &Value::Null);
    call("deleted", "DELETE", &path, &Value::Null);
    let seen = seen.into_inner();
    for code in ["form_invalid_origin", "duplicate_record", "resource_not_found"] {
        assert!(seen.contains(code), "{code}: {seen:#?}");
    }
}

#[test]
fn the_waiting_list_has_its_shape() {
    let site = Site::start(&settings("waitlist"));
    let seen = Seen::default();
    let call = |schema: &str, method: &str, path: &str, body: &Value| {
        look(&seen, &format!("{method} {path}"), schema, &site.backend(method, path, body))
    };
    for mode in [Mode::Cookie, Mode::Native] {
        let mut talk = Talk::begin(&site.server, mode, &seen);
        talk.call("POST", "/v1/waitlist", "email_address=ada%40example.com");
        talk.call("POST", "/v1/waitlist", "email_address=nobody");
        talk.call("POST", SIGN_UPS, "email_address=ada%40example.com");
        talk.call("PUT", "/v1/client", "");
        talk.call("POST", "/v1/waitlist", "email_address=ada%40example.com");
    }
    let made = call("waitlist_entry", "POST", "/v1/waitlist_entries", &json!({"email_address": "eve@example.com"}));
    let path = path_of("/v1/waitlist_entries", &made);
    let invited = call("waitlist_entry", "POST", &format!("{path}/invite"), &Value::Null);
    call("deleted", "DELETE", &path, &Value::Null);
    call("waitlist_entry", "POST", &format!("{path}/invite"), &json!({"ignore_existing": "x"}));
    let form = format!(
        "strategy=ticket&password=wanders+under+elms&ticket={}",
        Site::ticket_in(&invited["invitation"]["url"])
    );
    Talk::begin(&site.server, Mode::Cookie, &seen).call("POST", SIGN_UPS, &form);
    let bulk = json!([{"email_address": "c@example.com"}]);
    let made = call("[waitlist_entry]", "POST", "/v1/waitlist_entries/bulk", &bulk);
    let path = path_of("/v1/waitlist_entries", &made[0]);
    call("waitlist_entry", "POST", &format!("{path}/reject"), &Value::Null);
    call("deleted", "DELETE", &path, &Value::Null);
    call("waitlist_page", "GET", "/v1/waitlist_entries", &Value::Null);
    let seen = seen.into_inner();
    for state in ["pending", "invited", "completed", "rejected"] {
        assert!(seen.contains(&format!("waitlist_entry:{state}")), "{state}: {seen:#?}");
    }
}

#[test]
fn links_that_are_followed_leave_shapes_that_the_waiting_page_can_read() {
    let mut settings = settings("public");
    settings["attributes"]["email_address"]["verifications"] = json!(["email_link"]);
    let site = Site::start(&settings);
    let seen = Seen::default();
    let mut talk = Talk::begin(&site.server, Mode::Cookie, &seen);
    let begun = talk.ask("POST", SIGN_UPS, "email_address=ada%40example.com&password=wanders+under+elms");
    let path = path_of(SIGN_UPS, &begun);
    let wish = format!("strategy=email_link&redirect_url={}", escaped(&format!("{PAGE}/verify")));
    talk.call("POST", &format!("{path}/prepare_verification"), &wish);
    let link = site.server.mail("ada@example.com", 1)["link"].as_str().expect("a link").to_owned();
    let (_, link) = link.split_once("/v1/").expect("a path");
    assert_eq!(talk.browser.navigate(&format!("/v1/{link}")).status, 303);
    let polled = talk.ask("GET", &path, "");
    assert_eq!(polled["status"], "complete", "{polled:#}");
    let me = talk.ask("GET", "/v1/me", "");
    assert_eq!(me["email_addresses"][0]["verification"]["object"], "verification_email_link");
    talk.call("POST", &format!("{path}/prepare_verification"), &wish);
}

#[test]
fn whoever_has_to_wait_is_told_so_in_its_shape() {
    let folder = TempDir::new().expect("a folder");
    let config = format!(
        "[server]\nallowed_origins = [\"{PAGE}\"]\n[limits]\nnetwork_factor = 1\nsource_creates_per_10s = 1\n\
         source_attempts_per_10s = 1\n"
    );
    let server = Server::start(folder.path(), &config);
    for mode in [Mode::Cookie, Mode::Native] {
        let seen = Seen::default();
        for _ in 0..200 {
            Talk::begin(&server, mode, &seen).call("POST", SIGN_UPS, "email_address=ada%40example.com");
            if seen.borrow().contains("too_many_requests") {
                break;
            }
        }
        assert!(seen.borrow().contains("too_many_requests"), "{seen:?}");
    }
}

#[test]
fn every_answer_has_a_date_whatever_it_is() {
    let site = Site::start(&settings("public"));
    for (method, path, status) in [
        ("GET", "/v1/client", 200),
        ("HEAD", "/v1/client", 200),
        ("OPTIONS", "/v1/client", 204),
        ("GET", "/v1/users", 401),
        ("PUT", "/v1/environment", 405),
        ("GET", "/", 200),
        ("GET", "/health/live", 200),
        ("GET", "/nowhere", 404),
    ] {
        let headers = [("origin", PAGE)];
        let headers = if path == "/v1/users" { &headers[..0] } else { &headers[..] };
        let answer = site.server.request(method, path, headers, "").expect("an answer");
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        assert!(answer.header("date").is_some_and(|date| date.ends_with(" GMT")), "{method} {path}: {answer:?}");
    }
}

fn settings(mode: &str) -> Value {
    json!({
        "attributes": {
            "email_address": {
                "enabled": true, "required": true, "used_for_first_factor": true, "first_factors": ["email_code"],
                "verifications": ["email_code"], "verify_at_sign_up": true,
            },
            "password": {"enabled": true, "required": true},
        },
        "sign_up": {"mode": mode},
    })
}
