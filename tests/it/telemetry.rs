//! What logs and answers say about requests: an id that is in both, the outcome, and no personal data.

use std::collections::BTreeSet;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::endpoint::Answer;
use crate::support::server::{Server, log_of};

#[test]
fn every_answer_has_an_id_that_its_line_in_the_log_names() {
    let folder = TempDir::new().expect("a folder");
    let server = Server::start(folder.path(), CONFIG);
    let form = ("content-type", "application/x-www-form-urlencoded");
    let page = ("origin", "http://localhost:5173");
    let sign_ups = "/v1/client/sign_ups?_is_native=1";
    let unknown = "/v1/client/sign_ups/sua_000000000000000000000000000?_is_native=1";
    let big = format!("locale={}", "x".repeat(70_000));
    let mut seen = BTreeSet::new();
    for (method, path, headers, body, status, line) in [
        ("GET", "/v1/environment", vec![page], "", 200, "GET /v1/environment 200"),
        ("GET", "/v1/client", vec![], "", 200, "GET /v1/client 200"),
        ("POST", "/v1/client?_method=DELETE&_is_native=1", vec![form], "", 200, "DELETE /v1/client 200"),
        ("OPTIONS", "/v1/client/sign_ups", vec![page], "", 204, "OPTIONS /v1/client/sign_ups 204"),
        ("POST", sign_ups, vec![form], "email_address=nonsense", 422, "POST /v1/client/sign_ups 422"),
        ("POST", sign_ups, vec![form], &big, 413, "POST /v1/client/sign_ups 413"),
        ("POST", sign_ups, vec![("content-type", "text/plain")], "x", 415, "POST /v1/client/sign_ups 415"),
        ("POST", "/v1/client/sign_ups", vec![form], "", 400, "POST /v1/client/sign_ups 400"),
        ("PUT", "/v1/client/sign_ups?_is_native=1", vec![form], "", 405, "PUT /v1/client/sign_ups 405"),
        ("GET", unknown, vec![], "", 404, "GET /v1/client/sign_ups/{id} 404"),
        ("GET", "/nowhere/ada@example.com", vec![], "", 404, "GET - 404"),
        ("GET", "/v1/verify?token=nonsense", vec![], "", 0, "GET /v1/verify"),
        ("GET", "/v1/oauth_callback?state=nonsense", vec![], "", 0, "GET /v1/oauth_callback"),
        ("GET", "/v1/tickets/accept?ticket=nonsense", vec![], "", 0, "GET /v1/tickets/accept"),
        ("GET", "/.well-known/jwks.json", vec![], "", 200, "GET /.well-known/jwks.json 200"),
        ("GET", "/v1/invitations", vec![], "", 401, "GET /v1/invitations 401"),
        ("POST", "/v1/dev_browser", vec![page], "", 200, "POST /v1/dev_browser 200"),
        ("GET", "/", vec![], "", 200, ""),
        ("GET", "/dev/mailbox", vec![], "", 200, ""),
        ("GET", "/health/live", vec![], "", 200, ""),
        ("GET", "/health/ready", vec![], "", 200, ""),
    ] {
        let answer = server.request(method, path, &headers, body).expect("an answer");
        assert!(status == 0 || answer.status == status, "{method} {path}: {}", answer.body);
        let id = id_of(&answer);
        assert!(seen.insert(id.clone()), "{path}: an id of its own");
        let log = log_of(folder.path());
        let lines: Vec<&str> = log.lines().filter(|line| line.contains(&id)).collect();
        assert_eq!(lines.len(), usize::from(!line.is_empty()), "{method} {path}: {lines:?}");
        assert!(lines.iter().all(|told| summary(told).starts_with(line)), "{line}: {lines:?}");
    }
    assert_eq!(server.terminate(), Some(0));
    let log = log_of(folder.path());
    for word in ["nonsense", "ada@", "_method", "127.0.0.1:", "localhost:5173"] {
        let told = log.lines().filter(|line| line.contains("request.id"));
        assert_eq!(told.filter(|line| line.contains(word)).count(), 0, "{word}: {log}");
    }
}

#[test]
fn a_whole_sign_up_leaves_nobody_in_the_log() {
    let folder = TempDir::new().expect("a folder");
    // The most verbose log level.
    let server = Server::start_with_filter(folder.path(), PEOPLE, "info,vestibule=trace");
    let mut secrets: Vec<String> =
        ["countess", "lovelace", "Augusta", "4155552671", "meadows", "wrong-pass", "127.0.0.1:"]
            .map(str::to_owned)
            .to_vec();
    let fields = "email_address=countess%40lovelace.example&phone_number=%2B14155552671&username=countess7\
                  &first_name=Augusta&last_name=Lovelace&password=meadows+beyond+rivers";
    let mut answer = server.native("POST", "/v1/client/sign_ups", "", fields).expect("an answer");
    let id = answer.json()["response"]["id"].as_str().unwrap_or_else(|| panic!("{}", answer.body)).to_owned();
    let mut token = answer.header("authorization").expect("a token").to_owned();
    for (strategy, to) in [("email_code", "countess@lovelace.example"), ("phone_code", "+14155552671")] {
        let step = |verb: &str, form: &str| {
            let path = format!("/v1/client/sign_ups/{id}/{verb}");
            server.native("POST", &path, &token, form).expect("an answer")
        };
        assert_eq!(step("prepare_verification", &format!("strategy={strategy}")).status, 200);
        let code = server.code(to, 1);
        assert_eq!(step("attempt_verification", &format!("strategy={strategy}&code=000000")).status, 422);
        answer = step("attempt_verification", &format!("strategy={strategy}&code={code}"));
        assert_eq!(answer.status, 200, "{}", answer.body);
        secrets.extend([code, token.clone()]);
        token = answer.header("authorization").unwrap_or(&token).to_owned();
    }
    assert_eq!(answer.json()["response"]["status"], "complete", "{}", answer.body);
    let jwt = answer.json()["client"]["sessions"][0]["last_active_token"]["jwt"].as_str().unwrap_or("-").to_owned();
    for form in [
        "identifier=countess%40lovelace.example&password=wrong-pass-wrong",
        "identifier=countess7&password=meadows+beyond+rivers",
        "identifier=%2B14155552671",
    ] {
        server.native("POST", "/v1/client/sign_ins", "", form).expect("an answer");
    }
    let again = server.native("POST", "/v1/client/sign_ups", "", fields).expect("an answer");
    assert_eq!(again.status, 422, "{}", again.body);
    secrets.push(token.clone());
    secrets.extend((jwt.len() > 1).then_some(jwt));
    assert_eq!(server.terminate(), Some(0));
    let log = log_of(folder.path());
    assert!(log.lines().filter(|line| line.contains("/v1/client/sign_ups/{id}/")).count() >= 6, "{log}");
    for line in log.lines().filter(|line| line.contains(" vestibule::")) {
        for secret in &secrets {
            assert!(!line.contains(secret.as_str()), "{secret}: {line}");
        }
    }
}

#[test]
fn a_flood_of_refused_requests_is_a_few_lines_in_production() {
    let folder = TempDir::new().expect("a folder");
    let server = Server::start(folder.path(), PRODUCTION);
    for _ in 0..1000 {
        let refused = server.request("POST", "/v1/client/sign_ups", &[], "").expect("an answer");
        assert_eq!(refused.status, 400);
    }
    let (failed, found) = (id_of(&server.request("GET", "/v1/x", &[], "").expect("an answer")), log_of(folder.path()));
    assert!(found.contains(&failed), "another kind is told at once: {found}");
    assert_eq!(server.terminate(), Some(0));
    let lines = log_of(folder.path()).lines().filter(|line| line.contains("origin_missing")).count();
    assert!((1..=20).contains(&lines), "{lines} lines");
}

#[test]
fn a_refused_origin_is_named_once_and_pages_of_this_machine_are_none() {
    let folder = TempDir::new().expect("a folder");
    let server = Server::start(folder.path(), CONFIG);
    let form = ("content-type", "application/x-www-form-urlencoded");
    let call = |method: &str, origin: &str| {
        server.request(method, "/v1/client/sign_ups", &[form, ("origin", origin)], "").expect("an answer")
    };
    let stranger = "http://192.168.1.7:3000";
    let mut ids = Vec::new();
    for _ in 0..20 {
        for method in ["OPTIONS", "POST"] {
            let refused = call(method, stranger);
            ids.push(id_of(&refused));
            assert_eq!((refused.status, refused.error_codes()), (400, vec!["origin_invalid".to_owned()]));
            assert_eq!(refused.header("access-control-allow-origin"), None);
            let said = refused.json()["errors"][0]["long_message"].as_str().expect("text").to_owned();
            assert!(said.contains(stranger), "{said}");
        }
    }
    for origin in ["http://localhost:5173", "http://127.0.0.1:3001", "https://[::1]:8443", "http://app.localhost:3000"]
    {
        let welcome = call("POST", origin);
        assert_eq!(welcome.status, 200, "{origin}: {}", welcome.body);
        assert_eq!(welcome.header("access-control-allow-origin"), Some(origin));
        let exposed = welcome.header("access-control-expose-headers").expect("a list").to_ascii_lowercase();
        assert!(exposed.contains("x-clerk-trace-id"), "{exposed}");
    }
    assert_eq!(server.terminate(), Some(0));
    let log = log_of(folder.path());
    let told: Vec<&str> = log.lines().filter(|line| line.contains(stranger)).collect();
    assert!(told.len() == 1 && told[0].contains("server.allowed_origins"), "{told:?}");
    assert!(told[0].contains(&ids[0]), "whatever is said during a request names it: {told:?}");
}

#[test]
fn an_application_in_a_web_view_calls_in_native_mode() {
    let folder = TempDir::new().expect("a folder");
    let config = format!("{CONFIG}[server]\nallowed_origins = [\"capacitor://localhost\"]\n");
    let server = Server::start(folder.path(), &config);
    let path = "/v1/client/sign_ups?_is_native=1";
    let ask = |method: &str, origin: &str| {
        let headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("origin", origin),
            ("authorization", ""),
            ("access-control-request-headers", "authorization"),
        ];
        server.request(method, path, &headers, "").expect("an answer")
    };
    let preflight = ask("OPTIONS", "capacitor://localhost");
    assert_eq!(preflight.status, 204);
    let allowed = preflight.header("access-control-allow-headers").expect("a list").to_ascii_lowercase();
    assert!(allowed.contains("authorization"), "{allowed}");
    let made = ask("POST", "capacitor://localhost");
    assert_eq!(made.status, 200, "{}", made.body);
    assert_eq!(made.header("access-control-allow-origin"), Some("capacitor://localhost"));
    assert!(made.header("authorization").is_some_and(|token| !token.is_empty()));
    for (origin, code) in [
        ("ionic://localhost", "origin_invalid"),
        ("null", "origin_invalid"),
        ("http://localhost:3000", "origin_authorization_headers_conflict"),
        ("https://evil.example", "origin_authorization_headers_conflict"),
    ] {
        assert_eq!(ask("POST", origin).error_codes(), [code], "{origin}");
    }
}

#[test]
fn a_trusted_proxy_names_requests_and_strangers_do_not() {
    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    let traceparent = format!("00-{TRACE}-00f067aa0ba902b7-01");
    for (trusted, expected) in [("[\"127.0.0.1\"]", true), ("[]", false)] {
        let folder = TempDir::new().expect("a folder");
        let server = Server::start(folder.path(), &format!("{CONFIG}[server]\ntrusted_proxies = {trusted}\n"));
        for header in [("traceparent", traceparent.as_str()), ("x-request-id", TRACE)] {
            let answer = server.request("GET", "/v1/nowhere", &[header], "").expect("an answer");
            assert_eq!(id_of(&answer) == TRACE, expected, "{header:?}");
            assert_eq!(log_of(folder.path()).contains(TRACE), expected, "{header:?}");
        }
        let forged = [("x-request-id", "zoe@example.com")];
        assert_ne!(id_of(&server.request("GET", "/v1/nowhere", &forged, "").expect("an answer")), "zoe@example.com");
        assert!(!log_of(folder.path()).contains("zoe@example.com"));
    }
}

#[test]
fn json_lines_have_the_documented_fields() {
    let folder = TempDir::new().expect("a folder");
    let server = Server::start(folder.path(), &format!("{CONFIG}[telemetry]\nlog = \"json\"\n"));
    let answer = server.native("POST", "/v1/client/sign_ups", "", "email_address=nonsense").expect("an answer");
    let id = id_of(&answer);
    assert_eq!(server.terminate(), Some(0));
    let log = log_of(folder.path());
    let line = log.lines().find(|line| line.contains(&id)).unwrap_or_else(|| panic!("{log}"));
    let event: Value = serde_json::from_str(line).expect("JSON");
    let fields = &event["fields"];
    assert_eq!((&event["level"], &fields["message"]), (&Value::from("INFO"), &Value::from("refused")), "{event}");
    assert_eq!(fields["request.id"], id.as_str());
    assert_eq!(fields["http.method"], "POST");
    assert_eq!(fields["http.route"], "/v1/client/sign_ups");
    assert_eq!(fields["http.status"], 422);
    assert_eq!(fields["error.code"], "form_param_format_invalid");
    assert!(fields["duration_ms"].is_f64(), "{event}");
}

/// The request id of an answer, which an error body repeats.
fn id_of(answer: &Answer) -> String {
    let id = answer.header("x-clerk-trace-id").unwrap_or_else(|| panic!("no id: {answer:?}")).to_owned();
    assert!(id.len() == 32 && id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)), "{id}");
    if let Ok(body) = serde_json::from_str::<Value>(&answer.body)
        && let Some(named) = body.get("clerk_trace_id")
    {
        assert_eq!(named, id.as_str());
    }
    id
}

/// Method, route and status in a log line.
fn summary(line: &str) -> String {
    let field = |name: &str| {
        let rest = line.split_once(&format!(" {name}=")).map_or("-", |(_, rest)| rest);
        rest.split(' ').next().unwrap_or_default().trim_matches('"').to_owned()
    };
    format!("{} {} {}", field("http.method"), field("http.route"), field("http.status"))
}

const CONFIG: &str = "[settings]\nfile = \"email_code\"\n[limits]\nsource = false\naddress = false\n";

const PRODUCTION: &str = "[instance]\nmode = \"production\"\n[limits]\nsource = false\n\
                          [server]\npublic_url = \"https://clerk.example.com\"\n[email]\ntransport = \"smtp\"\n\
                          host = \"127.0.0.1\"\nport = 1\nsecurity = \"none\"\nfrom = \"a@example.com\"\n";

const PEOPLE: &str = r#"
[limits]
source = false
address = false
[settings.attributes]
email_address = { enabled = true, required = true, used_for_first_factor = true, verifications = ["email_code"], verify_at_sign_up = true }
phone_number = { enabled = true, required = true, used_for_first_factor = true, verifications = ["phone_code"], verify_at_sign_up = true }
username = { enabled = true, required = true, used_for_first_factor = true }
first_name = { enabled = true }
last_name = { enabled = true }
password = { enabled = true, required = true }
"#;
