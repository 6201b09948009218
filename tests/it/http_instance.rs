//! What the application's backend changes of the instance: restrictions, lists and redirect URLs, over the configuration
//! and over restarts.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;
use vestibule::domain::policy::Policy;

use crate::support::backend::{SECRET_KEY, Site, backend};
use crate::support::browser::{Browser, PAGE, escaped};
use crate::support::endpoint::Answer;
use crate::support::server::{Server, log_of};

#[test]
fn a_blocked_identifier_counts_at_once_on_every_way_while_the_list_is_on_and_after_a_restart() {
    let folder = TempDir::new().expect("a folder");
    let server = start(&folder);
    let mut early = Browser::of(&server);
    let begun = early
        .post("/v1/client/sign_ups", "email_address=eve%40bad.example&password=wanders+under+elms&strategy=email_code");
    let path = format!("/v1/client/sign_ups/{}", begun.json()["response"]["id"].as_str().expect("an id"));
    become_user(&server, "ada@bad.example");

    let made = backend(&server, "POST", "/v1/blocklist_identifiers", &json!({"identifier": " *@Bad.example"}));
    assert_eq!(made.status, 200, "{}", made.body);
    let made = made.json();
    let shown = json!({
        "object": "blocklist_identifier", "id": made["id"], "identifier": "*@bad.example",
        "identifier_type": "email_address", "invitation_id": null, "instance_id": made["instance_id"],
        "created_at": made["created_at"], "updated_at": made["created_at"],
    });
    assert_eq!(made, shown);
    assert_eq!(sign_up(&server, "bob@bad.example").status, 200, "the list is off");

    restrict(&server, json!({"blocklist": true}));
    let check = |server: &Server| {
        for address in ["bob@bad.example", "BOB@deep.bad.example"] {
            refused(&sign_up(server, address), "email_address");
        }
        refused(&sign_in(server, "ada@bad.example"), "identifier");
        let new = "identifier=new%40bad.example&strategy=email_code&sign_up_if_missing=true";
        refused(&Browser::of(server).post("/v1/client/sign_ins", new), "identifier");
        let invited = backend(server, "POST", "/v1/invitations", &json!({"email_address": "bob@bad.example"}));
        refused(&invited, "email_address");
        assert_eq!(sign_up(server, "bob@good.example").status, 200);
    };
    check(&server);
    let code = server.code("eve@bad.example", 1);
    let attempt = format!("strategy=email_code&code={code}");
    let late = early.post(&format!("{path}/attempt_verification"), &attempt);
    assert_eq!((late.status, late.error_codes()), (403, vec!["not_allowed_access".to_owned()]));

    assert_eq!(server.terminate(), Some(0));
    let server = start(&folder);
    check(&server);
    let listed = backend(&server, "GET", "/v1/blocklist_identifiers", &Value::Null);
    assert_eq!(listed.json(), json!({"data": [made], "total_count": 1}));

    restrict(&server, json!({"allowlist_blocklist_disabled_on_sign_in": true}));
    assert_eq!(sign_in(&server, "ada@bad.example").status, 200);
    refused(&sign_up(&server, "bob@bad.example"), "email_address");
    let path = format!("/v1/blocklist_identifiers/{}", made["id"].as_str().expect("an id"));
    let elsewhere = path.replace("blocklist", "allowlist");
    assert_eq!(backend(&server, "DELETE", &elsewhere, &Value::Null).status, 404, "it is on the other list");
    let deleted = backend(&server, "DELETE", &path, &Value::Null);
    assert_eq!(deleted.json(), json!({"object": "blocklist_identifier", "id": made["id"], "deleted": true}));
    assert_eq!(sign_up(&server, "bob@bad.example").status, 200);
    assert_eq!(backend(&server, "DELETE", &path, &Value::Null).status, 404);
}

#[test]
fn an_empty_allow_list_admits_nobody_and_an_entry_or_an_invitation_does() {
    let folder = TempDir::new().expect("a folder");
    let server = start(&folder);
    restrict(&server, json!({"allowlist": true}));
    refused(&sign_up(&server, "ada@example.com"), "email_address");

    let list = |body: Value| backend(&server, "POST", "/v1/allowlist_identifiers", &body);
    let made = list(json!({"identifier": "Ada@example.com", "notify": true})).json();
    assert_eq!(made["object"], "allowlist_identifier", "{made}");
    assert_eq!(sign_up(&server, "ada@example.com").status, 200);
    refused(&sign_up(&server, "bob@example.com"), "email_address");
    let invitations = backend(&server, "GET", "/v1/invitations", &Value::Null).json();
    assert_eq!(
        (&invitations[0]["id"], &invitations[0]["email_address"]),
        (&made["invitation_id"], &json!("ada@example.com"))
    );
    assert!(!server.messages("ada@example.com").is_empty(), "the invitation was sent");

    // An invited person needs no entry.
    let invited = backend(&server, "POST", "/v1/invitations", &json!({"email_address": "carl@example.com"})).json();
    let ticket = invited["url"].as_str().and_then(|url| url.split_once("ticket=")).expect("a ticket").1;
    let form = format!("strategy=ticket&ticket={}", escaped(ticket));
    assert_eq!(Browser::of(&server).post("/v1/client/sign_ups", &form).status, 200);

    for (body, status, code, param) in [
        (json!({"identifier": "ADA@example.com"}), 400, "duplicate_record", "identifier"),
        (json!({}), 422, "form_param_missing", "identifier"),
        (json!({"identifier": "ada"}), 422, "form_param_format_invalid", "identifier"),
        (json!({"identifier": 7}), 422, "form_param_type_invalid", "identifier"),
        (json!({"identifier": "*@example.org", "notify": true}), 422, "form_param_value_invalid", "notify"),
        (json!({"identifier": "+14155552671", "notify": true}), 422, "form_param_value_invalid", "notify"),
    ] {
        let answer = list(body.clone());
        assert_eq!((answer.status, answer.error_codes()), (status, vec![code.to_owned()]), "{body}");
        assert_eq!(answer.json()["errors"][0]["meta"]["param_name"], param, "{body}");
    }
    assert_eq!(list(json!({"identifier": "+1 415 555 2671"})).json()["identifier_type"], "phone_number");
    let page = |query: &str| backend(&server, "GET", &format!("/v1/allowlist_identifiers{query}"), &Value::Null).json();
    assert_eq!(page("?limit=1")[0]["identifier"], "+14155552671", "the newest first");
    assert_eq!(page("?paginated=true&offset=1")["data"][0], made);
    assert_eq!(page("?paginated=true&limit=1")["total_count"], 2);
}

#[test]
fn the_log_says_at_each_start_which_stored_settings_are_in_force() {
    let folder = TempDir::new().expect("a folder");
    let server = start(&folder);
    let change = json!({"support_email": "desk@acme.example", "test_mode": true});
    assert_eq!(backend(&server, "PATCH", "/v1/instance", &change).status, 204);
    assert_eq!(server.terminate(), Some(0));
    let told = || {
        let log = log_of(folder.path());
        let line = log.lines().rev().find(|line| line.contains("backend changed these settings"));
        line.unwrap_or_else(|| panic!("{log}")).to_owned()
    };
    drop(start(&folder));
    let line = told();
    assert!(line.contains("instance.support_email") && line.contains("verification.test_mode"), "{line}");
    // As in production: a stored test mode does not count there.
    drop(Server::start_with(folder.path(), &config(), |builder| builder.policy(Policy::default())));
    let line = told();
    assert!(line.contains("instance.support_email") && !line.contains("test_mode"), "{line}");
}

#[test]
fn the_support_and_the_test_mode_are_changed_everywhere_at_once() {
    let folder = TempDir::new().expect("a folder");
    let server = start(&folder);
    let patch = |body: Value| backend(&server, "PATCH", "/v1/instance", &body).status;
    let begin = |server: &Server, address: &str| {
        let mut browser = Browser::of(server);
        let form = format!("email_address={}&password=wanders+under+elms&strategy=email_code", escaped(address));
        let begun = browser.post("/v1/client/sign_ups", &form).json();
        let path = format!("/v1/client/sign_ups/{}", begun["response"]["id"].as_str().expect("an id"));
        browser.post(&format!("{path}/attempt_verification"), "strategy=email_code&code=424242").status
    };
    let shown = |server: &Server| {
        let environment = Browser::of(server).get("/v1/environment").json();
        json!([environment["display_config"]["support_email"], environment["auth_config"]["test_mode"]])
    };
    assert_eq!(shown(&server), json!(["help@acme.example", false]));
    assert_eq!(begin(&server, "ada+clerk_test@example.com"), 422, "a code like any");
    assert_eq!(patch(json!({"support_email": " desk@acme.example ", "test_mode": true})), 204);
    assert_eq!(shown(&server), json!(["desk@acme.example", true]));
    assert_eq!(begin(&server, "eve+clerk_test@example.com"), 200);
    begin(&server, "bob@example.com");
    let mail = server.mail("bob@example.com", 1);
    assert!(mail["text"].as_str().is_some_and(|text| text.contains("desk@acme.example")), "{mail}");
    let page = Browser::of(&server).navigate("/v1/verify?token=x").body;
    assert!(page.contains("desk@acme.example") && !page.contains("help@acme.example"), "{page}");
    let overrides = backend(&server, "GET", "/v1/instance/overrides", &Value::Null).json()["overrides"].clone();
    let expected = json!([
        {"key": "instance.support_email", "configured": "help@acme.example", "stored": "desk@acme.example"},
        {"key": "verification.test_mode", "configured": false, "stored": true},
    ]);
    assert_eq!(overrides, expected);
    assert_eq!(server.terminate(), Some(0));

    let server = start(&folder);
    assert_eq!(shown(&server), json!(["desk@acme.example", true]));
    assert_eq!(backend(&server, "PATCH", "/v1/instance", &json!({"support_email": ""})).status, 204);
    assert_eq!(shown(&server)[0], Value::Null);
    assert_eq!(backend(&server, "DELETE", "/v1/instance/overrides", &Value::Null).status, 200);
    assert_eq!(shown(&server), json!(["help@acme.example", false]));
}

#[test]
fn spellings_of_a_gmail_address_are_one_address_once_dots_are_ignored() {
    let folder = TempDir::new().expect("a folder");
    let server = start(&folder);
    assert_eq!(user(&server, "a.da@gmail.com"), 200);
    assert_eq!(
        restrict(&server, json!({"ignore_dots_for_gmail_addresses": true}))["ignore_dots_for_gmail_addresses"],
        true
    );
    for other in ["ada@gmail.com", "ad.a@gmail.com", "A.D.A@gmail.com"] {
        assert_eq!(user(&server, other), 422, "{other}");
        assert_eq!(sign_up(&server, other).error_codes(), ["form_identifier_exists"], "{other}");
        let form = format!("identifier={}&password={}", escaped(other), escaped("wanders under elms"));
        let known = Browser::of(&server).post("/v1/client/sign_ins", &form).json();
        assert_eq!(known["response"]["status"], "complete", "{other}: {known}");
    }
    let invitation = json!({"email_address": "ad.a@gmail.com", "ignore_existing": true, "notify": false});
    let invitation = backend(&server, "POST", "/v1/invitations", &invitation).json();
    let ticket = Site::ticket_in(&invitation["url"]);
    let form = format!("strategy=ticket&ticket={}", escaped(&ticket));
    let refused_sign_up = Browser::of(&server).post("/v1/client/sign_ups", &form);
    assert_eq!(refused_sign_up.error_codes(), ["invitation_account_exists"]);
    let signed_in = Browser::of(&server).post("/v1/client/sign_ins", &form).json();
    assert_eq!(signed_in["response"]["status"], "complete", "{signed_in}");
    assert_eq!(user(&server, "a.da@example.com"), 200, "elsewhere dots are letters");
    assert_eq!(user(&server, "ada@example.com"), 200);

    let listed = json!({"identifier": "mal.lory@gmail.com"});
    assert_eq!(backend(&server, "POST", "/v1/blocklist_identifiers", &listed).status, 200);
    restrict(&server, json!({"blocklist": true}));
    refused(&sign_up(&server, "m.allory+new@gmail.com"), "email_address");
    assert_eq!(server.terminate(), Some(0));
    let server = start(&folder);
    refused(&sign_up(&server, "mallory@gmail.com"), "email_address");
    restrict(&server, json!({"ignore_dots_for_gmail_addresses": false}));
    assert_eq!(user(&server, "ada@gmail.com"), 200, "it is another address again");
}

#[test]
fn overrides_outlast_restarts_and_settings_until_they_are_dropped() {
    let folder = TempDir::new().expect("a folder");
    let server = start(&folder);
    let shown = restrict(&server, json!({"block_email_subaddresses": true, "block_disposable_email_domains": null}));
    let expected = json!({
        "object": "instance_restrictions", "allowlist": false, "blocklist": false,
        "allowlist_blocklist_disabled_on_sign_in": false, "block_email_subaddresses": true,
        "block_disposable_email_domains": false, "ignore_dots_for_gmail_addresses": false,
    });
    assert_eq!(shown, expected);
    restrict(&server, json!({"block_disposable_email_domains": true}));
    assert_eq!(server.terminate(), Some(0));

    let server = start(&folder);
    let mut configured = server.settings();
    assert_eq!(configured["restrictions"]["block_email_subaddresses"]["enabled"], true, "what is in force is shown");
    configured["restrictions"]["block_email_subaddresses"]["enabled"] = json!(false);
    server.put_settings(&configured);
    for address in ["ada+tag@example.com", "ada@mailinator.com"] {
        refused(&sign_up(&server, address), "email_address");
    }
    let overrides = |method: &str| backend(&server, method, "/v1/instance/overrides", &Value::Null);
    let stored = |key: &str, configured: bool| json!({"key": key, "configured": configured, "stored": true});
    let listed = overrides("GET").json();
    let keys = [
        stored("settings.restrictions.block_email_subaddresses.enabled", false),
        stored("settings.restrictions.block_disposable_email_domains.enabled", false),
    ];
    assert_eq!(listed, json!({"object": "instance_overrides", "version": 2, "overrides": keys}));

    server.put_settings(&server.settings());
    assert_eq!(overrides("GET").json(), listed, "what is shown configures nothing when it is put back");

    let dropped = overrides("DELETE");
    assert_eq!(dropped.json(), json!({"object": "instance_overrides", "version": 3, "overrides": []}));
    assert_eq!(sign_up(&server, "ada+tag@example.com").status, 200);
    assert_eq!(sign_up(&server, "ada@mailinator.com").status, 200, "they are gone at once");
    assert_eq!(server.terminate(), Some(0));
    let server = start(&folder);
    assert_eq!(sign_up(&server, "ada@mailinator.com").status, 200, "they are gone after a restart too");
}

#[test]
fn of_two_administrators_the_later_one_is_told() {
    let folder = TempDir::new().expect("a folder");
    let server = start(&folder);
    let read = backend(&server, "GET", "/v1/instance", &Value::Null);
    let tag = read.header("etag").expect("an ETag").to_owned();
    let change = |tag: &str, body: Value| {
        let headers = [
            ("authorization", &*format!("Bearer {SECRET_KEY}")),
            ("content-type", "application/json"),
            ("if-match", tag),
        ];
        server.request("PATCH", "/v1/instance/restrictions", &headers, &body.to_string()).expect("an answer")
    };
    let first = change(&tag, json!({"allowlist": true}));
    assert_eq!(first.status, 200, "{}", first.body);
    assert_ne!(first.header("etag"), Some(&*tag));
    let second = change(&tag, json!({"allowlist": false}));
    assert_eq!((second.status, second.error_codes()), (412, vec!["resource_conflict".to_owned()]));
    let current = first.header("etag").expect("an ETag").to_owned();
    assert_eq!(change(&current, json!({"blocklist": true})).json()["allowlist"], true, "the first change stands");
    assert_eq!(change("*", json!({})).status, 200);
}

#[test]
fn redirect_urls_are_allowed_at_once_and_after_a_restart_until_they_are_removed() {
    let folder = TempDir::new().expect("a folder");
    let server = start(&folder);
    let allowed = |server: &Server, url: &str| {
        let body =
            json!({"email_address": "ada@example.com", "redirect_url": url, "ignore_existing": true, "notify": false});
        backend(server, "POST", "/v1/invitations", &body).status
    };
    assert_eq!(allowed(&server, "myapp://cb"), 422);
    let list = |url: &str| backend(&server, "POST", "/v1/redirect_urls", &json!({ "url": url }));
    let made = list("myapp://cb");
    assert_eq!(made.status, 200, "{}", made.body);
    let made = made.json();
    let shown = json!({
        "object": "redirect_url", "id": made["id"], "url": "myapp://cb", "created_at": made["created_at"],
        "updated_at": made["created_at"],
    });
    assert_eq!(made, shown);
    assert_eq!(list("https://other.example/in").status, 200);
    for (url, status, code) in [
        ("myapp://cb", 400, "duplicate_record"),
        ("", 422, "form_param_missing"),
        ("/in", 422, "form_param_format_invalid"),
        ("javascript:alert(1)", 422, "form_param_format_invalid"),
    ] {
        let answer = list(url);
        assert_eq!((answer.status, answer.error_codes()), (status, vec![code.to_owned()]), "{url}");
    }
    let check = |server: &Server| {
        for (url, status) in [
            ("myapp://cb", 200),
            ("myapp://cb/more", 422),
            ("https://other.example/in/here", 200),
            ("https://other.example/", 422),
        ] {
            assert_eq!(allowed(server, url), status, "{url}");
        }
    };
    check(&server);
    assert_eq!(server.terminate(), Some(0));

    let server = start(&folder);
    check(&server);
    let path = format!("/v1/redirect_urls/{}", made["id"].as_str().expect("an id"));
    let call = |method: &str, path: &str| backend(&server, method, path, &Value::Null);
    assert_eq!(call("GET", &path).json(), made);
    assert_eq!(call("GET", "/v1/redirect_urls?paginated=true").json()["total_count"], 2);
    let deleted = call("DELETE", &path).json();
    assert_eq!(deleted, json!({"object": "redirect_url", "id": made["id"], "deleted": true}));
    assert_eq!((call("GET", &path).status, call("DELETE", &path).status), (404, 404));
    assert_eq!(allowed(&server, "myapp://cb"), 422);
}

#[test]
fn pages_of_an_allowed_origin_may_call_at_once() {
    let folder = TempDir::new().expect("a folder");
    let server = start(&folder);
    let page = "https://other.example";
    let status = |server: &Server, page: &str| {
        server.request("GET", "/v1/client", &[("origin", page)], "").expect("an answer").status
    };
    assert_eq!((status(&server, page), status(&server, PAGE)), (400, 200));
    let patch = |body: Value| backend(&server, "PATCH", "/v1/instance", &body);
    let changed = patch(json!({"allowed_origins": [page, "Capacitor://localhost"]}));
    assert_eq!((changed.status, changed.body.as_str()), (204, ""));
    let instance = backend(&server, "GET", "/v1/instance", &Value::Null).json();
    assert_eq!(instance["allowed_origins"], json!([page, "capacitor://localhost"]));
    assert_eq!((&instance["object"], &instance["environment_type"]), (&json!("instance"), &json!("development")));
    assert_eq!(status(&server, page), 200);
    for origins in [json!(["https://a.example/path"]), json!(["*"]), json!([""])] {
        let refused = patch(json!({"allowed_origins": origins}));
        assert_eq!((refused.status, refused.error_codes()), (422, vec!["form_invalid_origin".to_owned()]), "{origins}");
    }
    assert_eq!(server.terminate(), Some(0));
    assert_eq!(status(&start(&folder), page), 200);
}

#[test]
fn what_the_configuration_decides_is_taken_only_as_it_is() {
    let folder = TempDir::new().expect("a folder");
    let server = start(&folder);
    let patch = |body: Value| backend(&server, "PATCH", "/v1/instance", &body);
    let same = json!({
        "test_mode": false, "support_email": "help@acme.example", "url_based_session_syncing": false,
        "enhanced_email_deliverability": false, "clerk_js_version": null, "development_origin": "", "hibp": false,
    });
    assert_eq!(patch(same).status, 204);
    for (key, value) in [
        ("url_based_session_syncing", json!(true)),
        ("enhanced_email_deliverability", json!(true)),
        ("clerk_js_version", json!("6")),
        ("development_origin", json!("http://localhost:5173")),
        ("hibp", json!(true)),
        ("preferred_sign_in_strategy_when_password_required", json!("magic")),
    ] {
        let answer = patch(json!({ (key): value, "allowed_origins": ["https://other.example"] }));
        assert_eq!((answer.status, answer.error_codes()), (422, vec!["form_param_value_invalid".to_owned()]), "{key}");
        assert_eq!(answer.json()["errors"][0]["meta"]["param_name"], key);
    }
    let no_address = patch(json!({"support_email": "help", "allowed_origins": ["https://other.example"]}));
    assert_eq!((no_address.status, no_address.error_codes()), (422, vec!["form_param_format_invalid".to_owned()]));
    let origins = &backend(&server, "GET", "/v1/instance", &Value::Null).json()["allowed_origins"];
    assert_eq!(origins, &json!([PAGE]), "a refused change changes nothing");

    assert_eq!(patch(json!({"preferred_sign_in_strategy_when_password_required": "otp"})).status, 204);
    let environment = || Browser::of(&server).get("/v1/environment").json();
    assert_eq!(environment()["display_config"]["preferred_sign_in_strategy"], "otp");
    assert_eq!(patch(json!({"preferred_sign_in_strategy_when_password_required": ""})).status, 204);
    assert_eq!(environment()["display_config"]["preferred_sign_in_strategy"], "password");
}

/// Creates a user with this address; the status.
fn user(server: &Server, address: &str) -> u16 {
    let body = json!({"email_address": [address], "password": "wanders under elms"});
    backend(server, "POST", "/v1/users", &body).status
}

/// A server with its data in `folder`, whose users have an address and a password.
fn start(folder: &TempDir) -> Server {
    let path: &Path = folder.path();
    Server::start(path, &config())
}

fn config() -> String {
    format!(
        "[instance]\nsecret_key = \"{SECRET_KEY}\"\nsupport_email = \"help@acme.example\"\n\
         [server]\nallowed_origins = [\"{PAGE}\"]\n[limits]\nsource = false\naddress = false\n\
         [settings.attributes.email_address]\nenabled = true\nrequired = true\nused_for_first_factor = true\n\
         first_factors = [\"email_code\"]\nverifications = [\"email_code\"]\nverify_at_sign_up = true\n\
         [settings.attributes.phone_number]\nenabled = true\n\
         [settings.attributes.ticket]\nenabled = true\n\
         [settings.attributes.password]\nenabled = true\nrequired = true\n"
    )
}

/// Changes restrictions; the answer.
fn restrict(server: &Server, change: Value) -> Value {
    let changed = backend(server, "PATCH", "/v1/instance/restrictions", &change);
    assert_eq!(changed.status, 200, "{}", changed.body);
    changed.json()
}

fn sign_up(server: &Server, address: &str) -> Answer {
    Browser::of(server).post("/v1/client/sign_ups", &format!("email_address={}", escaped(address)))
}

fn sign_in(server: &Server, identifier: &str) -> Answer {
    let form = format!("identifier={}&strategy=email_code", escaped(identifier));
    Browser::of(server).post("/v1/client/sign_ins", &form)
}

fn become_user(server: &Server, address: &str) {
    let body = json!({"email_address": [address], "password": "wanders under elms"});
    let made = backend(server, "POST", "/v1/users", &body);
    assert_eq!(made.status, 200, "{}", made.body);
}

fn refused(answer: &Answer, param: &str) {
    assert_eq!((answer.status, answer.error_codes()), (403, vec!["not_allowed_access".to_owned()]), "{}", answer.body);
    assert_eq!(answer.json()["errors"][0]["meta"]["param_name"], param);
}
