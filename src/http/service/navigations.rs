//! Every route with wrong requests, by a person and by a program: a person gets a page with links, and a program gets
//! the envelope. A new route of the tables must be added here too.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::header::HeaderMap;
use hyper::{Method, Request};
use serde_json::Value;
use url::Url;

use super::answer;
use crate::domain::settings::branding::Branding;
use crate::domain::settings::source_limits::{Budget, SourceLimits};
use crate::domain::settings::{Attribute, Settings};
use crate::domain::time::Span;
use crate::engine::{Engine, EngineBuilder};
use crate::http::endpoint::Endpoint;
use crate::http::response::cors::Realm;
use crate::http::routing;
use crate::http::{App, HttpOptions, backend, dev, frontend, openapi, ops};

#[test]
fn every_route_of_the_tables_is_looked_at() {
    let row = |endpoint: &Endpoint| format!("{} {}", endpoint.method, endpoint.path);
    let found = ROUTES.iter().flat_map(|(method, path)| {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let path = path.split('?').next().unwrap_or_default();
        let at = |realm| {
            routing::find(&method, path, realm, routing::at(path, true)).ok().map(|(endpoint, _)| row(endpoint))
        };
        let found = [at(Realm::Api), at(Realm::Backend)];
        assert_ne!(found, [None, None], "{method} {path}");
        found.into_iter().flatten()
    });
    let tables = [frontend::ENDPOINTS, backend::ENDPOINTS, dev::ENDPOINTS, openapi::ENDPOINTS, ops::ENDPOINTS];
    assert_eq!(found.collect::<BTreeSet<_>>(), tables.into_iter().flatten().map(row).collect());
}

#[tokio::test]
async fn whatever_is_wrong_people_read_a_page_and_programs_get_the_envelope() {
    let app = app(Engine::builder().source_limits(None)).await;
    for (method, path) in ROUTES {
        for asked in wrongs(method, path) {
            look(&app, &asked).await;
        }
    }
    for (method, path) in [
        ("GET", "/nowhere"),
        ("GET", "/v1"),
        ("GET", "/v1/client/sign_ups/sua_1"),
        ("GET", "/v1/invitations/inv_1"),
        ("GET", "//evil.example/x"),
        ("POST", "/"),
        ("POST", "/health/live"),
        ("POST", "/v1/client?_method=TRACE"),
        ("GET", "/v1/client?_is_native=1&_is_native=1"),
        ("GET", "/%3Cscript%3E?%22%3E%3Cscript%3Ealert(1)%3C/script%3E"),
    ] {
        let shown = look(&app, &Asked::of(method, path)).await;
        assert!((400..500).contains(&shown.status), "{method} {path}: {}", shown.status);
    }
    app.engine.shutdown().await;
}

#[tokio::test]
async fn an_engine_that_turns_everybody_away_says_so_on_a_page_too() {
    let none = Budget::new(0, 1, Span::from_secs(30));
    let limits = SourceLimits {
        attempts: none,
        look_ups: none,
        writes: none,
        creates: none,
        tokens: none,
        ..SourceLimits::default()
    };
    let turned_away = [
        (Engine::builder().source_limits(None).requests_max(0), 503),
        (Engine::builder().source_limits(Some(limits)), 429),
    ];
    for (builder, expected) in turned_away {
        let app = app(builder).await;
        let mut count = 0;
        for (method, path) in ROUTES {
            let mut asked = Asked::of(method, path);
            asked.headers.push(("origin", "http://localhost:8080"));
            // The smallest possible quota is one.
            ask(&app, &asked, "cors").await;
            let shown = look(&app, &asked).await;
            if shown.status == expected {
                count += 1;
                assert!(shown.headers.contains_key("retry-after"), "{path}");
                let is_in_words = ["Please try again in 1 second.", "Please try again in 30 seconds."]
                    .iter()
                    .any(|words| shown.body.contains(words));
                assert!(is_in_words, "{path}: {}", shown.body);
                let has_button = shown.body.contains("<a href=\"\" class=\"main\">Try again</a>");
                assert_eq!(has_button, *method == "GET", "{path}");
            }
        }
        assert!(count >= 3, "{expected}: {count}");
        app.engine.shutdown().await;
    }
}

#[tokio::test]
async fn a_production_instance_without_a_home_leads_to_its_application() {
    let origins = vec!["capacitor://localhost".into(), "https://app.acme.example".into()];
    let engine = Engine::builder().allowed_origins(origins).build().await.expect("an engine");
    let url = Url::parse("https://clerk.acme.example").expect("a URL");
    let options = HttpOptions::new(url, "pk_live_x", false);
    let app = App::new(engine, options, None);
    for path in ["/", "/dev/outbox", "/v1/verify", "/v1/oauth_callback?state=x", "/v1/tickets/accept"] {
        let shown = look(&app, &Asked::of("GET", path)).await;
        let link = "<a href=\"https://app.acme.example\" class=\"main\">Go to Vestibule</a>";
        assert!(shown.body.contains(link), "{path}: {}", shown.body);
    }
    app.engine.shutdown().await;
}

/// A request, and what is wrong with it.
struct Asked {
    wrong: &'static str,
    method: String,
    path: String,
    headers: Vec<(&'static str, &'static str)>,
    body: String,
}

struct Shown {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Asked {
    /// A browser navigates by GET and POST; other methods are sent as POST with `_method`.
    fn of(method: &str, path: &str) -> Self {
        let and = if path.contains('?') { '&' } else { '?' };
        let (method, path) = match method {
            "GET" | "POST" => (method.to_owned(), path.to_owned()),
            other => ("POST".to_owned(), format!("{path}{and}_method={other}")),
        };
        Self { wrong: "nothing", method, path, headers: Vec::new(), body: String::new() }
    }

    fn with(mut self, wrong: &'static str, headers: &[(&'static str, &'static str)]) -> Self {
        self.wrong = wrong;
        self.headers.extend(headers);
        self
    }

    fn query(mut self, more: &str) -> Self {
        self.path.push(if self.path.contains('?') { '&' } else { '?' });
        self.path.push_str(more);
        self
    }

    fn sending(mut self, kind: &'static str, body: String) -> Self {
        (self.method, self.body) = ("POST".to_owned(), body);
        self.with(kind, &[("origin", "http://localhost:8080"), ("content-type", kind)])
    }
}

impl Shown {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().expect("text")).unwrap_or_default()
    }
}

/// Wrong requests for a route; they apply to most routes.
fn wrongs(method: &str, path: &str) -> Vec<Asked> {
    let asked = || Asked::of(method, path);
    let own = ("origin", "http://localhost:8080");
    let below = format!("{}/more", path.split('?').next().unwrap_or_default());
    vec![
        asked(),
        asked().with("its own page", &[own]),
        asked().with("another site's page", &[("origin", "https://evil.example")]),
        asked().with("no host", &[("host", "")]),
        asked().with("another host", &[("host", "evil.example")]),
        asked().with("what is no host", &[("host", "a b")]),
        asked().with("odd cookies", &[own, ("cookie", "__client=cl1; __client=cl2")]),
        asked().with("a wrong key", &[("authorization", "Bearer sk_live_no")]),
        Asked::of("GET", path).with("GET", &[]),
        Asked::of("POST", path).with("POST", &[own]),
        asked().with("two modes", &[own]).query("_is_native=1&_is_native=1"),
        asked().with("a page that says it is none", &[own]).query("_is_native=1"),
        asked().with("an unknown dev browser", &[own]).query("__clerk_db_jwt=dvb_x"),
        asked().with("many parameters", &[own]).query(&"a&".repeat(101)),
        asked().sending("application/json", "{\"a\":".into()),
        asked().sending("multipart/form-data; boundary=x", "--x--".into()),
        asked().sending("application/x-www-form-urlencoded", "a".repeat(70_000)),
        Asked::of(method, &below).with("below it", &[own]),
    ]
}

/// Asks as a person and as a program, checks each answer, and returns what the person sees.
async fn look(app: &App, asked: &Asked) -> Shown {
    let case = format!("{} {} ({})", asked.method, asked.path, asked.wrong);
    let shown = ask(app, asked, "navigate").await;
    // For example a row that declares another kind of id than its handler uses.
    assert_ne!(shown.status, 500, "{case}");
    match shown.status {
        200..300 => {
            let is_data = shown.header("content-type").contains("json");
            let is_operators =
                asked.method == "GET" && !asked.path.starts_with("/v1/") || asked.path.starts_with("/v1/jwks");
            assert!(!is_data || is_operators, "{case}: {}", shown.body);
        }
        300..400 => {
            let to = shown.header("location");
            let own = ["http://localhost:8080", "oauth_callback?", "?", "https://cdn.jsdelivr.net/npm/@clerk/"];
            assert!(own.iter().any(|own| to.starts_with(own)), "{case}: {to}");
        }
        _ => {
            let page = &shown.body;
            assert_eq!(shown.header("content-type"), "text/html; charset=utf-8", "{case}: {page}");
            assert!(page.contains("<h1>") && page.contains("<a href=\""), "{case} has no way on: {page}");
            // The refused origin is named, but nothing links to it.
            assert!(!page.contains("<script") && !page.contains("=\"https://evil.example"), "{case}: {page}");
            assert!(shown.header("content-security-policy").ends_with("frame-ancestors 'none'"), "{case}");
            assert_eq!(shown.header("referrer-policy"), "no-referrer", "{case}");
            assert_eq!(shown.header("cache-control"), "no-store", "{case}");
            assert_eq!(shown.header("x-content-type-options"), "nosniff", "{case}");
        }
    }
    let told = ask(app, asked, "cors").await;
    // The check of a proxy has a shape of its own.
    let is_check = told.status == 503 && told.body.contains("\"status\":\"unhealthy\"");
    if told.status >= 400 && !is_check {
        assert_eq!(told.header("content-type"), "application/json", "{case}: {}", told.body);
        let envelope: Value = serde_json::from_str(&told.body).expect("JSON");
        assert!(envelope["errors"][0]["code"].is_string(), "{case}: {envelope}");
        assert!(shown.status == told.status || shown.status < 400, "{case}: {} {}", shown.status, told.status);
    }
    shown
}

async fn ask(app: &App, asked: &Asked, mode: &str) -> Shown {
    let mut request = Request::builder().method(asked.method.as_str()).uri(&asked.path);
    if !asked.headers.iter().any(|(name, _)| *name == "host") {
        request = request.header("host", "localhost:8080");
    }
    for (name, value) in asked.headers.iter().filter(|(_, value)| !value.is_empty()) {
        request = request.header(*name, *value);
    }
    let body = Full::new(Bytes::copy_from_slice(asked.body.as_bytes()));
    let request = request.header("sec-fetch-mode", mode).body(body).expect("a request");
    let (parts, body) = answer(app, request, SocketAddr::from(([192, 0, 2, 1], 4000))).await.into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    let body = String::from_utf8(body.to_vec()).expect("text");
    Shown { status: parts.status.as_u16(), headers: parts.headers, body }
}

async fn app(builder: EngineBuilder) -> App {
    let mut settings = Settings::default();
    settings.attributes.email_address = Attribute { enabled: true, ..Attribute::default() };
    let branding = Branding { name: "Acme".into(), ..Branding::default() };
    let engine = builder.settings(settings).branding(branding).build().await.expect("an engine");
    let url = Url::parse("http://localhost:8080").expect("a URL");
    App::new(engine, HttpOptions::new(url, "pk_live_Y2xlcmsubG9jYWxob3N0JA", true), None)
}

/// Every route, by a request for it.
const ROUTES: &[(&str, &str)] = &[
    ("GET", "/v1/environment"),
    ("PATCH", "/v1/environment"),
    ("GET", "/v1/client"),
    ("POST", "/v1/client"),
    ("PUT", "/v1/client"),
    ("DELETE", "/v1/client"),
    ("POST", "/v1/client/verify"),
    ("GET", "/v1/client/handshake?redirect_url=http://localhost:8080/"),
    ("GET", "/v1/client/touch?redirect_url=http://localhost:8080/"),
    ("POST", "/v1/client/sign_ins"),
    ("GET", "/v1/client/sign_ins/sia_000000000000000000000000007"),
    ("POST", "/v1/client/sign_ins/sia_000000000000000000000000007/prepare_first_factor"),
    ("POST", "/v1/client/sign_ins/sia_000000000000000000000000007/attempt_first_factor"),
    ("POST", "/v1/client/sign_ins/sia_000000000000000000000000007/reset_password"),
    ("POST", "/v1/client/sign_ins/sia_000000000000000000000000007/prepare_second_factor"),
    ("POST", "/v1/client/sign_ins/sia_000000000000000000000000007/attempt_second_factor"),
    ("POST", "/v1/client/sign_ups"),
    ("GET", "/v1/client/sign_ups/sua_000000000000000000000000007"),
    ("PATCH", "/v1/client/sign_ups/sua_000000000000000000000000007"),
    ("POST", "/v1/client/sign_ups/sua_000000000000000000000000007/prepare_verification"),
    ("POST", "/v1/client/sign_ups/sua_000000000000000000000000007/attempt_verification"),
    ("POST", "/v1/client/sessions/sess_000000000000000000000000007/verify"),
    ("POST", "/v1/client/sessions/sess_000000000000000000000000007/verify/prepare_first_factor"),
    ("POST", "/v1/client/sessions/sess_000000000000000000000000007/verify/attempt_first_factor"),
    ("POST", "/v1/client/sessions/sess_000000000000000000000000007/verify/prepare_second_factor"),
    ("POST", "/v1/client/sessions/sess_000000000000000000000000007/verify/attempt_second_factor"),
    ("PATCH", "/v1/me"),
    ("DELETE", "/v1/me"),
    ("PATCH", "/v1/me/metadata"),
    ("POST", "/v1/me/change_password"),
    ("POST", "/v1/me/remove_password"),
    ("GET", "/v1/me/email_addresses"),
    ("POST", "/v1/me/email_addresses"),
    ("GET", "/v1/me/email_addresses/"),
    ("POST", "/v1/me/email_addresses/"),
    ("GET", "/v1/me/email_addresses/idn_000000000000000000000000007"),
    ("DELETE", "/v1/me/email_addresses/idn_000000000000000000000000007"),
    ("POST", "/v1/me/email_addresses/idn_000000000000000000000000007/prepare_verification"),
    ("POST", "/v1/me/email_addresses/idn_000000000000000000000000007/attempt_verification"),
    ("GET", "/v1/me/phone_numbers"),
    ("POST", "/v1/me/phone_numbers"),
    ("GET", "/v1/me/phone_numbers/"),
    ("POST", "/v1/me/phone_numbers/"),
    ("GET", "/v1/me/phone_numbers/idn_000000000000000000000000007"),
    ("PATCH", "/v1/me/phone_numbers/idn_000000000000000000000000007"),
    ("DELETE", "/v1/me/phone_numbers/idn_000000000000000000000000007"),
    ("POST", "/v1/me/phone_numbers/idn_000000000000000000000000007/prepare_verification"),
    ("POST", "/v1/me/phone_numbers/idn_000000000000000000000000007/attempt_verification"),
    ("POST", "/v1/me/external_accounts"),
    ("DELETE", "/v1/me/external_accounts/eac_000000000000000000000000007"),
    ("PATCH", "/v1/me/external_accounts/eac_000000000000000000000000007/reauthorize"),
    ("GET", "/v1/me/sessions"),
    ("GET", "/v1/me/sessions/active"),
    ("POST", "/v1/me/sessions/sess_000000000000000000000000007/revoke"),
    ("POST", "/v1/client/magic_links/complete"),
    ("GET", "/v1/verify?token=sua_000000000000000000000000007.0f"),
    ("POST", "/v1/verify"),
    ("GET", "/v1/oauth_callback?state=x&code=y"),
    ("POST", "/v1/oauth_callback"),
    ("GET", "/v1/tickets/accept?ticket=x"),
    ("POST", "/v1/waitlist"),
    ("GET", "/v1/invitations"),
    ("POST", "/v1/invitations"),
    ("POST", "/v1/invitations/bulk"),
    ("DELETE", "/v1/invitations/inv_000000000000000000000000007"),
    ("POST", "/v1/invitations/inv_000000000000000000000000007/revoke"),
    ("GET", "/v1/waitlist_entries"),
    ("POST", "/v1/waitlist_entries"),
    ("POST", "/v1/waitlist_entries/bulk"),
    ("DELETE", "/v1/waitlist_entries/wle_000000000000000000000000007"),
    ("POST", "/v1/waitlist_entries/wle_000000000000000000000000007/invite"),
    ("POST", "/v1/waitlist_entries/wle_000000000000000000000000007/reject"),
    ("GET", "/v1/users"),
    ("POST", "/v1/users"),
    ("GET", "/v1/users/count"),
    ("POST", "/v1/users/ban"),
    ("POST", "/v1/users/unban"),
    ("GET", "/v1/users/user_000000000000000000000000007"),
    ("PATCH", "/v1/users/user_000000000000000000000000007"),
    ("DELETE", "/v1/users/user_000000000000000000000000007"),
    ("PATCH", "/v1/users/user_000000000000000000000000007/metadata"),
    ("PUT", "/v1/users/user_000000000000000000000000007/metadata"),
    ("POST", "/v1/users/user_000000000000000000000000007/ban"),
    ("POST", "/v1/users/user_000000000000000000000000007/unban"),
    ("POST", "/v1/users/user_000000000000000000000000007/lock"),
    ("POST", "/v1/users/user_000000000000000000000000007/unlock"),
    ("POST", "/v1/users/user_000000000000000000000000007/verify_password"),
    ("POST", "/v1/users/user_000000000000000000000000007/remove_password"),
    ("DELETE", "/v1/users/user_000000000000000000000000007/mfa"),
    ("DELETE", "/v1/users/user_000000000000000000000000007/totp"),
    ("DELETE", "/v1/users/user_000000000000000000000000007/backup_code"),
    ("POST", "/v1/users/user_000000000000000000000000007/verify_totp"),
    ("POST", "/v1/users/user_000000000000000000000000007/password/set_compromised"),
    ("POST", "/v1/users/user_000000000000000000000000007/password/unset_compromised"),
    ("PUT", "/v1/users/user_000000000000000000000000007/email_address"),
    ("PUT", "/v1/users/user_000000000000000000000000007/phone_number"),
    ("DELETE", "/v1/users/user_000000000000000000000000007/external_accounts/eac_000000000000000000000000007"),
    ("DELETE", "/v1/users/user_000000000000000000000000007/passkeys/idn_000000000000000000000000007"),
    ("GET", "/v1/users/user_000000000000000000000000007/oauth_access_tokens/oauth_google"),
    ("GET", "/v1/users/user_000000000000000000000000007/organization_memberships"),
    ("GET", "/v1/users/user_000000000000000000000000007/organization_invitations"),
    ("POST", "/v1/email_addresses"),
    ("GET", "/v1/email_addresses/idn_000000000000000000000000007"),
    ("PATCH", "/v1/email_addresses/idn_000000000000000000000000007"),
    ("DELETE", "/v1/email_addresses/idn_000000000000000000000000007"),
    ("POST", "/v1/email_addresses/idn_000000000000000000000000007/prepare_verification"),
    ("POST", "/v1/email_addresses/idn_000000000000000000000000007/attempt_verification"),
    ("POST", "/v1/phone_numbers"),
    ("GET", "/v1/phone_numbers/idn_000000000000000000000000007"),
    ("PATCH", "/v1/phone_numbers/idn_000000000000000000000000007"),
    ("DELETE", "/v1/phone_numbers/idn_000000000000000000000000007"),
    ("POST", "/v1/phone_numbers/idn_000000000000000000000000007/prepare_verification"),
    ("POST", "/v1/phone_numbers/idn_000000000000000000000000007/attempt_verification"),
    ("GET", "/v1/sessions"),
    ("POST", "/v1/sessions"),
    ("GET", "/v1/sessions/sess_000000000000000000000000007"),
    ("POST", "/v1/sessions/sess_000000000000000000000000007/revoke"),
    ("POST", "/v1/sessions/sess_000000000000000000000000007/tokens"),
    ("POST", "/v1/sessions/sess_000000000000000000000000007/verify"),
    ("GET", "/v1/clients"),
    ("POST", "/v1/clients/verify"),
    ("GET", "/v1/clients/handshake_payload?nonce=x"),
    ("POST", "/v1/proxy_checks"),
    ("GET", "/v1/clients/client_000000000000000000000000007"),
    ("GET", "/v1/messages"),
    ("GET", "/v1/messages/channels"),
    ("POST", "/v1/messages/channels/sms/pause"),
    ("POST", "/v1/messages/channels/sms/resume"),
    ("GET", "/v1/messages/msg_000000000000000000000000007"),
    ("POST", "/v1/messages/msg_000000000000000000000000007/send_again"),
    ("POST", "/v1/messages/callbacks/resend"),
    ("POST", "/v1/sign_in_tokens"),
    ("POST", "/v1/sign_in_tokens/sit_000000000000000000000000007/revoke"),
    #[cfg(feature = "webhooks")]
    ("GET", "/v1/webhooks/endpoints"),
    #[cfg(feature = "webhooks")]
    ("POST", "/v1/webhooks/endpoints"),
    #[cfg(feature = "webhooks")]
    ("GET", "/v1/webhooks/endpoints/we_000000000000000000000000007"),
    #[cfg(feature = "webhooks")]
    ("PATCH", "/v1/webhooks/endpoints/we_000000000000000000000000007"),
    #[cfg(feature = "webhooks")]
    ("DELETE", "/v1/webhooks/endpoints/we_000000000000000000000000007"),
    #[cfg(feature = "webhooks")]
    ("POST", "/v1/webhooks/endpoints/we_000000000000000000000000007/enable"),
    #[cfg(feature = "webhooks")]
    ("POST", "/v1/webhooks/endpoints/we_000000000000000000000000007/disable"),
    #[cfg(feature = "webhooks")]
    ("GET", "/v1/webhooks/endpoints/we_000000000000000000000000007/secret"),
    #[cfg(feature = "webhooks")]
    ("POST", "/v1/webhooks/endpoints/we_000000000000000000000000007/rotate_secret"),
    #[cfg(feature = "webhooks")]
    ("GET", "/v1/webhooks/endpoints/we_000000000000000000000000007/attempts"),
    #[cfg(feature = "webhooks")]
    ("POST", "/v1/webhooks/endpoints/we_000000000000000000000000007/replay"),
    #[cfg(feature = "webhooks")]
    ("POST", "/v1/webhooks/endpoints/we_000000000000000000000000007/test"),
    ("GET", "/v1/instance"),
    ("PATCH", "/v1/instance"),
    ("GET", "/v1/instance/restrictions"),
    ("PATCH", "/v1/instance/restrictions"),
    ("GET", "/v1/instance/overrides"),
    ("DELETE", "/v1/instance/overrides"),
    ("GET", "/v1/allowlist_identifiers"),
    ("POST", "/v1/allowlist_identifiers"),
    ("DELETE", "/v1/allowlist_identifiers/lid_000000000000000000000000007"),
    ("GET", "/v1/blocklist_identifiers"),
    ("POST", "/v1/blocklist_identifiers"),
    ("DELETE", "/v1/blocklist_identifiers/lid_000000000000000000000000007"),
    ("GET", "/v1/redirect_urls"),
    ("POST", "/v1/redirect_urls"),
    ("GET", "/v1/redirect_urls/ru_000000000000000000000000007"),
    ("DELETE", "/v1/redirect_urls/ru_000000000000000000000000007"),
    ("POST", "/v1/testing_tokens"),
    ("GET", "/v1/sign_ups"),
    ("GET", "/v1/sign_ups/sua_000000000000000000000000007"),
    ("PATCH", "/v1/sign_ups/sua_000000000000000000000000007"),
    ("POST", "/v1/sign_ups/sua_000000000000000000000000007/approve"),
    ("POST", "/v1/sign_ups/sua_000000000000000000000000007/refuse"),
    ("DELETE", "/v1/client/sessions"),
    ("GET", "/v1/client/sessions/sess_000000000000000000000000007"),
    ("POST", "/v1/client/sessions/sess_000000000000000000000000007/touch"),
    ("POST", "/v1/client/sessions/sess_000000000000000000000000007/tokens"),
    ("POST", "/v1/client/sessions/sess_000000000000000000000000007/end"),
    ("POST", "/v1/client/sessions/sess_000000000000000000000000007/remove"),
    ("GET", "/v1/proxy-health"),
    ("GET", "/v1/me"),
    ("GET", "/npm/@clerk/clerk-js@6/dist/clerk.browser.js"),
    ("POST", "/v1/me/passkeys"),
    ("PATCH", "/v1/me/passkeys/idn_000000000000000000000000007"),
    ("DELETE", "/v1/me/passkeys/idn_000000000000000000000000007"),
    ("POST", "/v1/me/passkeys/idn_000000000000000000000000007/attempt_verification"),
    ("POST", "/v1/me/totp"),
    ("DELETE", "/v1/me/totp"),
    ("POST", "/v1/me/totp/attempt_verification"),
    ("POST", "/v1/me/backup_codes"),
    ("POST", "/v1/me/backup_codes/"),
    ("POST", "/v1/dev_browser"),
    ("GET", "/v1/jwks"),
    ("GET", "/openapi.json"),
    ("GET", "/health/live"),
    ("GET", "/health/ready"),
    ("GET", "/dev/outbox"),
    ("DELETE", "/dev/outbox"),
    ("GET", "/dev/outbox/events"),
    ("GET", "/dev/outbox/msg_000000000000000000000000007"),
    ("GET", "/dev/outbox/msg_000000000000000000000000007/html"),
    ("GET", "/dev/outbox/msg_000000000000000000000000007/source"),
    ("GET", "/dev/sign_ups/sua_000000000000000000000000007"),
    ("GET", "/dev/mailbox"),
    ("GET", "/dev/pages/app.js"),
    ("GET", "/.well-known/jwks.json"),
    ("GET", "/dev/settings"),
    ("PUT", "/dev/settings"),
    ("GET", "/dev/clock"),
    ("POST", "/dev/clock"),
    ("GET", "/"),
];
