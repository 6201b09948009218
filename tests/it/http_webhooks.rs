//! The endpoints of webhooks over HTTP: the Backend API and the configuration.

use std::sync::Arc;

use serde_json::{Value, json};
use vestibule::clock::{Clock, SystemClock};
use vestibule::config::{Config, Sources};
use vestibule::domain::time::Timestamp;

use crate::support::backend::{SECRET_KEY, Site, backend};
use crate::support::browser::Browser;
use crate::support::receiver::{Answering, Receiver};
use crate::support::server::Server;

#[test]
fn an_endpoint_is_made_shown_changed_and_deleted() {
    let site = Site::start(&settings());
    let made = site.backend("POST", ENDPOINTS, &json!({ "url": URL, "events": ["user.*"], "description": "the shop" }));
    assert_eq!(made.status, 200, "{}", made.body);
    let made = made.json();
    assert_eq!(
        (&made["object"], &made["status"], &made["owner"]),
        (&json!("webhook_endpoint"), &json!("enabled"), &json!("api"))
    );
    let (id, secret) = (made["id"].as_str().expect("an id"), made["secret"].clone());
    assert!(id.starts_with("we_") && secret.as_str().is_some_and(|secret| secret.starts_with("whsec_")));

    let path = format!("{ENDPOINTS}/{id}");
    let shown = site.backend("GET", &path, &Value::Null).json();
    assert_eq!((&shown["url"], shown.get("secret")), (&json!(URL), None));
    let listed = site.backend("GET", ENDPOINTS, &Value::Null).json();
    assert_eq!(listed, json!({ "data": [shown], "total_count": 1 }));
    let revealed = site.backend("GET", &format!("{path}/secret"), &Value::Null).json();
    assert_eq!(revealed, json!({ "object": "webhook_secret", "secret": secret }));

    let changed = site.backend("PATCH", &path, &json!({ "events": ["session.created", "user.*"] })).json();
    assert_eq!(changed["events"], json!(["session.created", "user.*"]));
    assert_eq!((&changed["url"], &changed["description"]), (&json!(URL), &json!("the shop")));
    for (body, param) in [(json!({ "events": [] }), "events"), (json!({ "url": "" }), "url")] {
        let refused = site.backend("PATCH", &path, &body);
        assert_eq!((refused.status, refused.error_codes()), (422, vec!["form_param_missing".to_owned()]), "{param}");
    }
    let off = site.backend("POST", &format!("{path}/disable"), &Value::Null).json();
    assert_eq!((&off["status"], &off["disabled_reason"]), (&json!("disabled"), &json!("operator")));
    let on = site.backend("POST", &format!("{path}/enable"), &Value::Null).json();
    assert_eq!((&on["status"], &on["disabled_reason"]), (&json!("enabled"), &json!(null)));
    let replaced = site.backend("POST", &format!("{path}/rotate_secret"), &Value::Null).json();
    assert_ne!(replaced["secret"], secret);
    assert!(replaced["previous_secret_until"].is_u64(), "{replaced}");

    let gone = site.backend("DELETE", &path, &Value::Null).json();
    assert_eq!(gone, json!({ "object": "webhook_endpoint", "id": id, "deleted": true }));
    for (method, path) in [("GET", path.clone()), ("DELETE", path.clone()), ("POST", format!("{path}/test"))] {
        let refused = site.backend(method, &path, &Value::Null);
        assert_eq!((refused.status, refused.error_codes()), (404, vec!["resource_not_found".to_owned()]), "{path}");
    }
    assert!(!site.log().contains("whsec_"), "no secret in the log");
}

#[test]
fn what_is_no_endpoint_is_refused_and_nothing_is_made() {
    let site = Site::start(&settings());
    for (body, code, param) in [
        (json!({}), "form_param_missing", "url"),
        (json!({ "url": URL }), "form_param_missing", "events"),
        (json!({ "url": URL, "events": ["user.craeted"] }), "form_param_value_invalid", "events"),
        (json!({ "url": URL, "events": ["sms.*"] }), "form_param_value_invalid", "events"),
        (json!({ "url": URL, "events": ["user.*", 7] }), "form_param_type_invalid", "events"),
        (json!({ "url": URL, "events": "user.*" }), "form_param_type_invalid", "events"),
        (json!({ "url": "http://app.example.com/", "events": ["user.*"] }), "form_param_format_invalid", "url"),
        (json!({ "url": "https://a:b@app.example.com/", "events": ["user.*"] }), "form_param_format_invalid", "url"),
        (
            json!({ "url": URL, "events": ["user.*"], "secret": "whsec_c2hvcnQ=" }),
            "form_param_format_invalid",
            "secret",
        ),
        (
            json!({ "url": URL, "events": ["user.*"], "description": "x".repeat(501) }),
            "form_param_max_length_exceeded",
            "description",
        ),
    ] {
        let refused = site.backend("POST", ENDPOINTS, &body);
        assert_eq!(refused.status, 422, "{body}: {}", refused.body);
        let errors = refused.json()["errors"].clone();
        let is_named = |error: &Value| error["code"] == code && error["meta"]["param_name"] == param;
        assert!(errors.as_array().is_some_and(|errors| errors.iter().any(is_named)), "{body}: {errors}");
        assert!(!refused.body.contains("c2hvcnQ"), "{}", refused.body);
    }
    let key = format!("Bearer {SECRET_KEY}");
    let headers = [("authorization", &*key), ("content-type", "application/json")];
    let half = site.server.request("POST", ENDPOINTS, &headers, r#"{"url": "https://app.exa"#).expect("an answer");
    assert_eq!(half.status / 100, 4, "{}", half.body);
    let stranger = site.server.request("GET", ENDPOINTS, &[], "").expect("an answer");
    assert_eq!(stranger.status, 401);
    assert_eq!(site.backend("GET", ENDPOINTS, &Value::Null).json()["total_count"], 0);
}

#[test]
fn a_replay_names_a_time_or_an_event() {
    let site = Site::start(&settings());
    let made = site.backend("POST", ENDPOINTS, &json!({ "url": URL, "events": ["user.*"] })).json();
    let path = format!("{ENDPOINTS}/{}/replay", made["id"].as_str().expect("an id"));
    let unknown = "evt_0000000000000000000000000aa";
    for (body, status, code) in [
        (json!({}), 422, "form_param_missing"),
        (json!({ "since": "yesterday" }), 422, "form_param_format_invalid"),
        (json!({ "event_id": "msg_1" }), 422, "form_param_format_invalid"),
        (json!({ "since": "2026-01-01T00:00:00Z", "event_id": unknown }), 422, "form_conditional_param_disallowed"),
        (json!({ "event_id": unknown }), 404, "resource_not_found"),
    ] {
        let refused = site.backend("POST", &path, &body);
        assert_eq!((refused.status, refused.error_codes()), (status, vec![code.to_owned()]), "{body}");
    }
    let begun = site.backend("POST", &path, &json!({ "since": "2026-01-01T00:00:00Z" }));
    assert_eq!((begun.status, begun.json()["id"].clone()), (200, made["id"].clone()), "{}", begun.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_of_the_configuration_is_told_and_changed_only_there() {
    let receiver = Receiver::start(Answering::Status(204)).await;
    let entry = format!(r#"{{ url = "{}", secret = "{SECRET}", events = ["user.created"] }}"#, receiver.url());
    let config = format!("[instance]\nsecret_key = \"{SECRET_KEY}\"\n[webhooks]\nendpoints = [{entry}]\n");
    let folder = tempfile::TempDir::new().expect("a folder");
    let (path, text) = (folder.path().to_owned(), config.clone());
    let server = tokio::task::spawn_blocking(move || Server::start(&path, &text)).await.expect("a server");
    let shown = tokio::task::spawn_blocking(move || {
        let listed = backend(&server, "GET", ENDPOINTS, &Value::Null).json();
        let endpoint = listed["data"][0].clone();
        assert_eq!((&listed["total_count"], &endpoint["owner"]), (&json!(1), &json!("configuration")));
        let path = format!("{ENDPOINTS}/{}", endpoint["id"].as_str().expect("an id"));
        for (method, path) in
            [("PATCH", path.clone()), ("DELETE", path.clone()), ("POST", format!("{path}/rotate_secret"))]
        {
            let refused = backend(&server, method, &path, &json!({ "description": "mine" }));
            assert_eq!((refused.status, refused.error_codes()), (403, vec!["webhook_endpoint_configured".to_owned()]));
        }
        let tested = backend(&server, "POST", &format!("{path}/test"), &Value::Null).json();
        assert_eq!((&tested["status"], &tested["event_type"]), (&json!("succeeded"), &json!("webhook.test")));
        let user = json!({ "skip_user_requirement": true, "skip_password_requirement": true, "external_id": "7" });
        let made = backend(&server, "POST", "/v1/users", &user);
        assert_eq!(made.status, 200, "{}", made.body);
        server
    });
    let server = shown.await.expect("no panic");
    let got = receiver.wait_for_count(2).await;
    assert_eq!((got[0].what(), got[1].what()), ("webhook.test".to_owned(), "user.created".to_owned()));
    assert!(got.iter().all(|got| got.is_signed_with(SECRET, now())));
    tokio::task::spawn_blocking(move || drop(server)).await.expect("it ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_backend_is_asked_before_a_sign_up_becomes_a_user() {
    let receiver = Receiver::start(Answering::Body(REFUSES)).await;
    for (on_failure, without_an_answer) in [("refuse", 422), ("allow", 200)] {
        let asked = format!(
            "[webhooks.before_sign_up_completes]\nurl = \"{}\"\nsecret = \"{SECRET}\"\ntimeout_ms = 2000\n\
             on_failure = \"{on_failure}\"\n",
            receiver.url()
        );
        let config = format!("[limits]\nsource = false\n[settings]\nfile = \"username_password\"\n{asked}");
        let folder = tempfile::TempDir::new().expect("a folder");
        let path = folder.path().to_owned();
        let server =
            Arc::new(tokio::task::spawn_blocking(move || Server::start(&path, &config)).await.expect("a server"));
        let sign_up = async |name: &'static str| {
            let server = server.clone();
            let form = format!("username={name}&password=wanders+under+elms");
            let post = move || Browser::of(&server).post("/v1/client/sign_ups", &form);
            tokio::task::spawn_blocking(post).await.expect("an answer")
        };
        receiver.answer(Answering::Body(REFUSES));
        let refused = sign_up("ada_l").await;
        assert_eq!((refused.status, refused.error_codes()), (422, vec!["company_only".to_owned()]), "{}", refused.body);
        assert_eq!(refused.json()["errors"][0]["long_message"], "Please ask your company.");
        let question = receiver.got().pop().expect("a question");
        assert!(question.is_signed_with(SECRET, now()));
        let told = question.event();
        assert_eq!((&told["type"], &told["data"]["username"]), (&json!("sign_up.before_completion"), &json!("ada_l")));
        assert!(!told.to_string().contains("argon2") && !told.to_string().contains("elms"), "{told}");

        receiver.answer(Answering::Body(r#"{"decision":"allow","public_metadata":{"plan":"gold"}}"#));
        let allowed = sign_up("bob_l").await;
        assert_eq!(allowed.json()["response"]["status"], "complete", "{}", allowed.body);
        let user = &allowed.json()["client"]["sessions"][0]["user"];
        assert_eq!(user["public_metadata"], json!({ "plan": "gold" }));

        for answer in [Answering::Status(500), Answering::Body("{"), Answering::Never] {
            receiver.answer(answer);
            let name = if answer == Answering::Never { "eve_l" } else { "mae_l" };
            let name = if answer == Answering::Status(500) { "zoe_l" } else { name };
            let done = sign_up(name).await;
            assert_eq!(done.status, without_an_answer, "{answer:?}: {}", done.body);
            if without_an_answer == 422 {
                assert_eq!(done.error_codes(), ["sign_up_check_failed"]);
            }
        }
        let server = Arc::into_inner(server).expect("no other");
        tokio::task::spawn_blocking(move || drop(server)).await.expect("it ends");
    }
}

#[test]
fn the_configuration_refuses_what_it_could_not_use_and_never_shows_a_secret() {
    let production =
        "[instance]\nmode = \"production\"\n[email]\ntransport = \"none\"\n[settings]\nfile = \"username_password\"\n";
    let entry = |url: &str, events: &str, secret: &str| {
        format!("[webhooks]\nendpoints = [{{ url = \"{url}\", secret = \"{secret}\", events = [{events}] }}]\n")
    };
    let users = "\"user.*\"";
    for (config, told) in [
        (format!("{production}{}", entry("https://10.0.0.1/", users, SECRET)), "must lead to a public address"),
        (format!("{production}{}", entry("https://localhost/", users, SECRET)), "must lead to a public address"),
        (format!("{production}{}", entry("http://localhost/", users, SECRET)), "must begin with `https://`"),
        (format!("{production}{}", entry(URL, users, &format!("whsec_{}", "A".repeat(32)))), "is easy to guess"),
        (
            format!("{production}{}", entry(URL, users, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")),
            "is easy to guess: it is the one of an example",
        ),
        (entry("http://app.example.com/", users, SECRET), "must begin with `https://`"),
        (entry(URL, "\"user.craeted\"", SECRET), "there is no event `user.craeted`"),
        (entry(URL, "\"email.*\"", SECRET), "`email.*` has only events that contain codes"),
        (entry(URL, "", SECRET), "the list of events is empty"),
        (entry(URL, users, "whsec_c2hvcnQ="), "a signing secret has 24 to 64 bytes, and this one has 5"),
        (format!("[webhooks]\nendpoints = [\"{SECRET}\"]"), "must be a list such as"),
        (format!("[webhooks]\nendpoints = \"{SECRET}\""), "must be a list such as"),
        (format!("[webhooks]\nendpoints = [{{ url = \"{URL}\", secret = \"{SECRET}\" }}]"), "missing field `events`"),
        (format!("[webhooks]\nendpoints = [{{ url = \"{URL}\", secert = \"{SECRET}\" }}]"), "unknown field `secert`"),
    ] {
        let faults = load(&config).expect_err("a fault");
        assert!(faults.contains("`webhooks.endpoints`") && faults.contains(told), "{config}: {faults}");
        assert!(!faults.contains("whsec_QUJD") && !faults.contains("c2hvcnQ"), "{faults}");
    }
    let nothing = load(&format!("[events]\nrecord = false\n{}", entry(URL, users, SECRET))).expect_err("a fault");
    assert!(nothing.contains("`events.record` is false"), "{nothing}");
    let twice = format!("{{ url = \"{URL}\", secret = \"{SECRET}\", events = [{users}] }}");
    let faults = load(&format!("[webhooks]\nendpoints = [{twice}, {twice}]")).expect_err("a fault");
    assert!(faults.contains("number 2: an earlier one has the same URL"), "{faults}");

    let asked = |keys: &str| load(&format!("[webhooks.before_sign_up_completes]\n{keys}")).err().unwrap_or_default();
    assert!(asked(&format!("url = \"{URL}\"")).contains("`webhooks.before_sign_up_completes.secret` is missing"));
    assert!(asked(&format!("secret = \"{SECRET}\"")).contains("`webhooks.before_sign_up_completes.url` is missing"));
    let faults = asked("url = \"http://app.example.com\"\nsecret = \"whsec_c2hvcnQ=\"");
    assert!(faults.contains("must begin with `https://`") && faults.contains("24 to 64 bytes"), "{faults}");
    assert!(!faults.contains("c2hvcnQ"), "{faults}");

    let with_key = load(&entry(&format!("{URL}?key=k3y"), users, SECRET)).expect("a configuration");
    assert!(!with_key.effective().contains("k3y"), "a query may have a key of the receiver");
    assert!(with_key.effective().contains(&format!("{URL}?********")), "{}", with_key.effective());

    let fine = load(&entry(URL, users, SECRET)).expect("a configuration");
    let (shown, differences) = (fine.effective(), format!("{:?}", fine.differences()));
    for text in [&shown, &differences] {
        assert!(text.contains(URL) && text.contains("********") && !text.contains("whsec_"), "{text}");
    }
}

fn now() -> Timestamp {
    SystemClock::new().now()
}

fn load(text: &str) -> Result<Config, String> {
    let folder = tempfile::TempDir::new().expect("a folder");
    let file = folder.path().join("vestibule.toml");
    std::fs::write(&file, text).expect("a file");
    Config::load(&Sources { file: Some(file), ..Sources::default() }).map_err(|error| error.faults().join("\n"))
}

fn settings() -> Value {
    json!({ "attributes": { "username": { "enabled": true, "required": true } } })
}

const ENDPOINTS: &str = "/v1/webhooks/endpoints";
const URL: &str = "https://app.example.com/webhooks";
const REFUSES: &str = r#"{"decision":"refuse","code":"company_only","message":"Please ask your company."}"#;
const SECRET: &str = "whsec_QUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUI=";
