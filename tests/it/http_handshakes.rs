//! Handshakes over HTTP: what the server of a page is told of who is signed in.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower_service::Service as _;
use url::Url;
use vestibule::config::sample_settings;
use vestibule::http::HttpOptions;
use vestibule::{Caller, Engine, NewSignUp, RequestContext, Secret};

use crate::support::backend::{SECRET_KEY, backend};
use crate::support::browser::{Browser, PAGE, escaped};
use crate::support::server::{Answer, Server};

#[test]
fn who_is_signed_in_comes_back_with_a_fresh_token_for_the_page() {
    let site = Site::start(LIVE, "");
    let mut browser = Browser::of(&site.server);
    let user = signed_up(&mut browser, "ada@example.com");
    let answer = handshake(&mut browser, "http://localhost:3000/members?a=%26", "");
    assert_eq!((answer.status, answer.body.as_str()), (307, ""));
    assert_eq!(answer.header("location"), Some("http://localhost:3000/members?a=%26"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("access-control-allow-origin"), None);

    let lines = lines_of(&answer);
    let token = value(&lines, "__session").expect("a session");
    let claims = claims(&token);
    assert_eq!((&claims["azp"], &claims["sub"]), (&json!(PAGE), &json!(user)));
    let changed_at: u64 = value(&lines, "__client_uat").expect("a time").parse().expect("a number");
    assert!(changed_at > 0 && changed_at <= claims["iat"].as_u64().expect("a time"), "{changed_at} {claims}");
    assert_eq!(Some(changed_at.to_string().as_str()), browser.cookie("__client_uat"), "as the engine itself says");
    for name in ["__session", "__client_uat"] {
        assert_eq!(value(&lines, name), value(&lines, &format!("{name}_{}", site.suffix)), "{lines:?}");
    }
    assert!(lines.iter().all(|line| !line.contains("Secure") && !line.contains("Domain")), "{lines:?}");
    let last = lines.iter().rfind(|line| line.starts_with("__session")).expect("a session");
    assert!(last.contains(&token) && !last.contains("HttpOnly"), "{last}");
    let removed = lines.last().expect("lines");
    assert_eq!(removed, "__clerk_handshake=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
    let set = answer.header("set-cookie").expect("a cookie");
    assert!(set.ends_with("; Path=/; Max-Age=60; HttpOnly; SameSite=Lax"), "{set}");
}

#[test]
fn whoever_is_not_signed_in_is_told_apart_by_nothing() {
    let site = Site::start(LIVE, "");
    let expected = |lines: &[String]| {
        assert_eq!(value(lines, "__client_uat").as_deref(), Some("0"), "{lines:?}");
        assert!(lines.iter().all(|line| !line.contains("eyJ")), "{lines:?}");
    };
    let mut stranger = Browser::of(&site.server);
    expected(&lines_of(&handshake(&mut stranger, PAGE, "")));
    let mut damaged = Browser::of(&site.server);
    damaged.cookies =
        vec![("__client".into(), "nonsense".into()), ("__session".into(), "eyJhbGciOiJub25lIn0.e30.".into())];
    expected(&lines_of(&handshake(&mut damaged, PAGE, "&__session=eyJhbGciOiJub25lIn0.e30.")));
    let mut begun = Browser::of(&site.server);
    begun.begin_sign_up("email_address=eve%40example.com");
    expected(&lines_of(&handshake(&mut begun, PAGE, "")));

    let (mut ada, mut eve) = (Browser::of(&site.server), Browser::of(&site.server));
    for (browser, address) in [(&mut ada, "ada@example.com"), (&mut eve, "mallory@example.com")] {
        signed_up(browser, address);
    }
    let both: Vec<_> = [&ada, &eve].iter().flat_map(|browser| browser.cookie("__client")).collect();
    let cookies = both.iter().map(|token| format!("__client={token}")).collect::<Vec<_>>().join("; ");
    let path = path_of(PAGE, "");
    let planted = site.server.request("GET", &path, &[("cookie", &cookies)], "").expect("an answer");
    expected(&lines_of(&planted));
}

#[test]
fn whose_session_is_over_comes_back_signed_out() {
    let site = Site::start(LIVE, "[session]\nlifetime_s = 3600\n");
    type End = fn(&Site, &mut Browser<'_>, &str);
    let ends: [(&str, End); 5] = [
        ("signed out", |_, browser, _| {
            browser.request("DELETE", "/v1/client/sessions", &[], "");
        }),
        ("revoked", |site, browser, _| {
            let client = browser.get("/v1/client").json();
            let session = client["response"]["sessions"][0]["id"].as_str().expect("a session").to_owned();
            site.backend("POST", &format!("/v1/sessions/{session}/revoke"));
        }),
        ("banned", |site, _, user| drop(site.backend("POST", &format!("/v1/users/{user}/ban")))),
        ("deleted", |site, _, user| drop(site.backend("DELETE", &format!("/v1/users/{user}")))),
        ("expired", |site, _, _| site.server.advance(3_600_000)),
    ];
    for (n, (what, end)) in ends.into_iter().enumerate() {
        let mut browser = Browser::of(&site.server);
        let user = signed_up(&mut browser, &format!("person{n}@example.com"));
        assert!(
            value(&lines_of(&handshake(&mut browser, PAGE, "")), "__session").is_some_and(|token| !token.is_empty())
        );
        end(&site, &mut browser, &user);
        let lines = lines_of(&handshake(&mut browser, PAGE, ""));
        assert_eq!(value(&lines, "__session").as_deref(), Some(""), "{what}: {lines:?}");
        assert_eq!(value(&lines, "__client_uat").as_deref(), Some("0"), "{what}: {lines:?}");
    }
}

#[test]
fn a_token_that_was_replaced_gets_no_session() {
    let site = Site::start(LIVE, "");
    let mut person = Browser::of(&site.server);
    let path = person.begin_sign_up("email_address=ada%40example.com&strategy=email_code");
    let planted = person.cookie("__client").expect("a token").to_owned();
    let form = site.server.code_form("ada@example.com", 1);
    assert_eq!(person.post(&format!("{path}/attempt_verification"), &form).json()["response"]["status"], "complete");

    let mut thief = Browser::of(&site.server);
    thief.cookies = vec![("__client".into(), planted.clone())];
    let again = thief.navigate(&path_of(PAGE, ""));
    assert_eq!(again.status, 307);
    let reference = again.header("location").expect("where to").to_owned();
    assert!(reference.starts_with("?redirect_url=") && reference.ends_with("&_vestibule_again=1"), "{reference}");
    let lines = lines_of(&thief.navigate(&format!("/v1/client/handshake{reference}")));
    assert_eq!(value(&lines, "__session").as_deref(), Some(""), "{lines:?}");
    let mut of_page = Browser::of(&site.server);
    let told = of_page.navigate(&path_of(PAGE, &format!("&__clerk_db_jwt=dvb_{planted}")));
    assert_eq!(told.header("location"), Some("http://localhost:3000/"), "the page asks again by itself");
    site.server.advance(11_000);
    let told = of_page.navigate(&path_of(PAGE, &format!("&__clerk_db_jwt=dvb_{planted}")));
    let lines = lines_of(&told);
    assert_eq!(value(&lines, "__session").as_deref(), Some(""), "{lines:?}");
    assert!(!value(&lines, "__clerk_db_jwt").expect("a dev browser").ends_with(&planted), "{lines:?}");
}

#[test]
fn a_dev_browser_comes_back_in_the_url_and_is_made_where_there_is_none() {
    let site = Site::start(TEST, "");
    let mut browser = Browser::of(&site.server);
    let first = handshake(
        &mut browser,
        "http://localhost:3000/a?b=1&__clerk_handshake=old",
        "&__clerk_hs_reason=dev-browser-missing",
    );
    assert_eq!(first.header("set-cookie"), None);
    let to = first.header("location").expect("where to");
    assert!(to.starts_with("http://localhost:3000/a?b=1&__clerk_handshake=eyJ"), "{to}");
    let lines = lines_of(&first);
    let made = value(&lines, "__clerk_db_jwt").expect("a dev browser");
    assert!(made.starts_with("dvb_") && !lines.iter().any(|line| line.starts_with("__clerk_handshake")), "{lines:?}");
    assert_eq!(value(&lines, &format!("__clerk_db_jwt_{}", site.suffix)), Some(made.clone()));

    let and = format!("__clerk_db_jwt={made}");
    let created =
        browser.post(&format!("/v1/client/sign_ups?{and}"), "email_address=ada%40example.com&strategy=email_code");
    let id = created.json()["response"]["id"].as_str().expect("an id").to_owned();
    let form = site.server.code_form("ada@example.com", 1);
    let done = browser.post(&format!("/v1/client/sign_ups/{id}/attempt_verification?{and}"), &form);
    assert_eq!(done.json()["response"]["status"], "complete", "{}", done.body);
    let newest = done.header("clerk-db-jwt").expect("a new id").to_owned();
    let lines = lines_of(&handshake(&mut browser, PAGE, &format!("&__clerk_db_jwt={newest}")));
    assert_eq!(value(&lines, "__clerk_db_jwt"), Some(newest));
    assert_eq!(claims(&value(&lines, "__session").expect("a session"))["azp"], PAGE);

    // With a host of its own clerk-js keeps a cookie, whatever the server takes the key for.
    let mut by_cookie = Browser::of(&site.server);
    let user = signed_up(&mut by_cookie, "eve@example.com");
    for more in [
        "&__clerk_hs_reason=dev-browser-missing".to_owned(),
        format!("&__clerk_db_jwt={made}"),
        "&__clerk_db_jwt=dvb_x".into(),
    ] {
        site.server.advance(11_000);
        let lines = lines_of(&handshake(&mut by_cookie, PAGE, &more));
        assert_eq!(claims(&value(&lines, "__session").expect("a session"))["sub"], json!(user), "{more}");
        let token = by_cookie.cookie("__client").expect("a token");
        assert!(lines.iter().all(|line| !line.contains(token)), "the token of the cookie stays in the cookie");
    }
}

#[test]
fn pages_that_are_not_allowed_or_not_reached_get_nothing() {
    let site = Site::start(LIVE, "");
    let mut browser = Browser::of(&site.server);
    signed_up(&mut browser, "ada@example.com");
    for (url, status, code) in [
        ("", 422, "invalid_redirect_url"),
        ("/", 422, "invalid_redirect_url"),
        ("//localhost:3000/", 422, "invalid_redirect_url"),
        ("javascript:alert(1)", 422, "invalid_redirect_url"),
        ("http://localhost:3000@evil.example/", 422, "invalid_redirect_url"),
        ("http://localhost:3000\\@evil.example/", 422, "invalid_redirect_url"),
        ("http://localhost:3000/\r\nSet-Cookie: a=b", 422, "invalid_redirect_url"),
        ("https://evil.example/", 400, "invalid_handshake"),
        ("http://localhost.evil.example:3000/", 400, "invalid_handshake"),
        ("http://192.168.1.7:3000/", 400, "invalid_handshake"),
        // Allowed in development, but a cookie of `localhost` does not get there.
        ("http://127.0.0.1:3000/", 400, "invalid_handshake"),
        ("http://app.localhost:3000/", 400, "invalid_handshake"),
    ] {
        for more in ["", "&__clerk_hs_reason=dev-browser-missing"] {
            let is_reached = url.contains("127.0.0.1") || url.contains("app.localhost");
            if is_reached && !more.is_empty() {
                continue;
            }
            let path = path_of(url, more);
            let answer = browser.get(&path);
            assert_eq!((answer.status, answer.error_codes()), (status, vec![code.to_owned()]), "{url:?} {more}");
            assert_eq!((answer.header("location"), answer.header("set-cookie")), (None, None), "{url:?}");
        }
    }
    let long = browser.get(&path_of(&format!("{PAGE}/{}", "a".repeat(2048)), ""));
    let to = long.header("location").expect("the root of the site");
    assert!(to.starts_with(&format!("{PAGE}/")) && !to.contains("aaaa"), "{to}");
    let twice = browser.get(&format!("{}&redirect_url=https%3A%2F%2Fevil.example", path_of(PAGE, "")));
    assert_eq!(twice.error_codes(), ["invalid_redirect_url"]);
    let page = browser.navigate(&path_of("https://evil.example/", ""));
    assert!(page.status == 400 && page.header("content-type") == Some("text/html; charset=utf-8"), "{page:?}");
}

#[test]
fn a_domain_that_page_and_engine_share_carries_the_result() {
    let config = "trusted_proxies = [\"127.0.0.1\"]\nallowed_redirects = [\"https://app.example.com\", \"https://shop.example.org\"]\n";
    let site = Site::start_with(LIVE, config, "");
    let ask = |url: &str, host: &str| {
        let headers = [("x-forwarded-host", host), ("x-forwarded-proto", "https")];
        site.server.request("GET", &path_of(url, ""), &headers, "").expect("an answer")
    };
    let answer = ask("https://app.example.com/x", "clerk.example.com");
    let set = answer.header("set-cookie").expect("a cookie");
    assert!(set.ends_with("; Path=/; Domain=example.com; Max-Age=60; HttpOnly; SameSite=Lax; Secure"), "{set}");
    let lines = lines_of(&answer);
    assert!(
        lines.contains(&"__client_uat=0; Path=/; Domain=example.com; Max-Age=31536000; SameSite=Lax; Secure".into()),
        "{lines:?}"
    );
    assert!(lines.iter().all(|line| !line.starts_with("__session") || !line.contains("Domain")), "{lines:?}");
    let same = ask("https://app.example.com/x", "app.example.com");
    assert!(!same.header("set-cookie").expect("a cookie").contains("Domain"));
    let apart = ask("https://shop.example.org/", "clerk.example.com");
    assert_eq!(apart.error_codes(), ["invalid_handshake"]);
    let told = apart.json()["errors"][0]["message"].as_str().expect("a message").to_owned();
    assert!(told.contains("shop.example.org") && told.contains("clerk.example.com"), "{told}");
}

#[test]
fn a_nonce_is_exchanged_once_within_a_minute_also_after_a_restart() {
    let site = Site::start(LIVE, "[session]\nhandshake_bytes_max = 0\n");
    let mut browser = Browser::of(&site.server);
    signed_up(&mut browser, "ada@example.com");
    let nonce_of = |browser: &mut Browser<'_>| {
        let answer = handshake(browser, PAGE, "&format=nonce");
        let set = answer.header("set-cookie").expect("a cookie").to_owned();
        let rest = set.strip_prefix("__clerk_handshake_nonce=").expect("a nonce").to_owned();
        rest.split(';').next().expect("a value").to_owned()
    };
    let plain = handshake(&mut browser, PAGE, "");
    assert!(
        plain.header("set-cookie").is_some_and(|line| line.starts_with("__clerk_handshake=eyJ")),
        "who takes no nonce"
    );
    let (first, second, third) = (nonce_of(&mut browser), nonce_of(&mut browser), nonce_of(&mut browser));
    assert!(first.len() == 43 && first != second, "{first}");
    let path = format!("/v1/clients/handshake_payload?nonce={first}");
    let key = format!("Bearer {SECRET_KEY}");
    let asked = site.server.request("HEAD", &path, &[("authorization", &key)], "").expect("an answer");
    assert_eq!(asked.status, 405, "it uses nothing up");
    let fetched = site.fetch(&first);
    let lines: Vec<String> = serde_json::from_value(fetched.json()["directives"].clone()).expect("lines");
    assert!(value(&lines, "__session").is_some_and(|token| token.starts_with("eyJ")), "{lines:?}");
    assert!(lines.last().is_some_and(|line| line.starts_with("__clerk_handshake_nonce=; ")), "{lines:?}");
    let unknown = |nonce: &str, site: &Site| {
        let answer = site.fetch(nonce);
        assert_eq!((answer.status, answer.error_codes()), (400, vec!["invalid_nonce".to_owned()]), "{nonce}");
        assert_eq!(answer.json()["errors"][0]["meta"]["param_name"], "nonce");
    };
    let other = Site::start(LIVE, "");
    for nonce in [first.as_str(), "x", &"A".repeat(43)] {
        unknown(nonce, &site);
    }
    unknown(&second, &other);
    let without = site.server.request("GET", &format!("/v1/clients/handshake_payload?nonce={second}"), &[], "");
    assert_eq!(without.expect("an answer").status, 401);
    let site = site.restarted();
    assert_eq!(site.fetch(&second).status, 200);
    site.server.advance(60_000);
    unknown(&third, &site);
}

#[test]
fn the_result_of_a_handshake_is_no_session_token() {
    let site = Site::start(LIVE, "");
    let mut browser = Browser::of(&site.server);
    signed_up(&mut browser, "ada@example.com");
    let session = browser.get("/v1/client").json()["response"]["sessions"][0]["id"].clone();
    let result = result_of(&handshake(&mut browser, PAGE, ""));
    let names: Vec<String> = claims(&result).as_object().expect("an object").keys().cloned().collect();
    assert_eq!(names, ["exp", "handshake", "iat"]);
    let path = format!("/v1/sessions/{}/verify", session.as_str().expect("an id"));
    let refused = backend(&site.server, "POST", &path, &json!({ "token": result }));
    assert_eq!(refused.status, 422, "{}", refused.body);
    let header: Value = part(&result, 0);
    let kid = site.server.request("GET", "/v1/jwks", &[], "").expect("an answer").json()["keys"][0]["kid"].clone();
    assert_eq!(header, json!({"alg": "RS256", "cat": "cl_B7d4PD111AAA", "kid": kid, "typ": "JWT"}));
    assert!(result.len() <= 3500, "it fits a cookie: {}", result.len());
}

#[test]
fn satellites_are_told_that_there_are_none() {
    let site = Site::start(LIVE, "");
    for path in ["/v1/client/sync", "/v1/client/link"] {
        let answer = site.server.request("GET", path, &[], "").expect("an answer");
        assert_eq!((answer.status, answer.error_codes()), (404, vec!["resource_not_found".to_owned()]));
        assert!(answer.body.contains("satellite"), "{}", answer.body);
    }
}

#[test]
fn a_touch_renews_the_cookie_and_leads_to_allowed_pages_only() {
    let site = Site::start(LIVE, "");
    let mut browser = Browser::of(&site.server);
    signed_up(&mut browser, "ada@example.com");
    let token = browser.cookie("__client").expect("a token").to_owned();
    let answer = browser.navigate(&format!("/v1/client/touch?redirect_url={}", escaped(&format!("{PAGE}/a"))));
    assert_eq!((answer.status, answer.header("location")), (303, Some("http://localhost:3000/a")));
    let set = answer.header("set-cookie").expect("a cookie");
    assert!(set.starts_with(&format!("__client={token}; ")) && set.contains("Max-Age=34560000"), "{set}");
    let refused = browser.get("/v1/client/touch?redirect_url=https%3A%2F%2Fevil.example");
    assert_eq!((refused.status, refused.error_codes()), (422, vec!["invalid_redirect_url".to_owned()]));
    assert_eq!(refused.header("set-cookie"), None);
    let stranger = Browser::of(&site.server).navigate(&format!("/v1/client/touch?redirect_url={}", escaped(PAGE)));
    assert_eq!((stranger.status, stranger.header("set-cookie")), (303, None));
}

#[test]
fn an_application_that_passes_requests_on_proves_itself() {
    let site = Site::start(LIVE, "");
    let ask = |path: &str, key: Option<&str>| {
        let told = [
            ("clerk-proxy-url", "http://localhost:3000/__clerk"),
            ("x-forwarded-for", "198.51.100.7"),
            ("x-forwarded-host", "app.example.com"),
        ];
        let headers: Vec<_> = told.into_iter().chain(key.map(|key| ("clerk-secret-key", key))).collect();
        site.server.request("GET", path, &headers, "").expect("an answer")
    };
    let wrong = ask("/v1/environment", Some("sk_live_no"));
    assert_eq!((wrong.status, wrong.error_codes()), (401, vec!["proxy_request_invalid_secret_key".to_owned()]));
    for key in [Some(SECRET_KEY), None] {
        assert_eq!(ask("/v1/environment", key).status, 200);
    }
    let healthy = ask("/v1/proxy-health?domain_id=x", Some(SECRET_KEY));
    assert_eq!(healthy.status, 200);
    assert_eq!(healthy.json(), json!({"status": "healthy", "x_forwarded_for": "198.51.100.7"}));
    for key in [Some("sk_live_no"), None] {
        let sick = ask("/v1/proxy-health", key);
        assert_eq!((sick.status, &sick.json()["status"]), (503, &json!("unhealthy")), "{key:?}");
        assert!(sick.json()["message"].is_string());
    }
    // A reference from the root is what the package reads rightly.
    let posted = site.server.request(
        "POST",
        "/v1/oauth_callback",
        &[("clerk-proxy-url", "http://localhost:3000/__clerk"), ("content-type", "application/x-www-form-urlencoded")],
        "state=x&code=y",
    );
    assert_eq!(posted.expect("an answer").header("location"), Some("/v1/oauth_callback?state=x&code=y"));

    let own = format!("http://localhost:{}", site.server.port);
    let checked =
        backend(&site.server, "POST", "/v1/proxy_checks", &json!({"domain_id": "dmn_1", "proxy_url": own})).json();
    assert_eq!(
        (&checked["object"], &checked["successful"], &checked["proxy_url"]),
        (&json!("proxy_check"), &json!(true), &json!(own))
    );
    let refused = backend(
        &site.server,
        "POST",
        "/v1/proxy_checks",
        &json!({"domain_id": "dmn_1", "proxy_url": "https://evil.example"}),
    );
    assert_eq!((refused.status, refused.error_codes()), (422, vec!["invalid_proxy_configuration".to_owned()]));
    assert!(!site.log().contains(SECRET_KEY));
}

#[tokio::test]
async fn a_production_instance_puts_no_session_into_a_url() {
    for ((key, _), goes_into_url) in [(LIVE, false), (TEST, true)] {
        let settings = sample_settings("username_password").expect("a sample");
        let builder = Engine::builder().settings(settings).publishable_key(key.into()).source_limits(None);
        let own = "https://clerk.example.com".parse::<Url>().expect("a URL");
        let pages = vec!["https://app.example.com".to_owned()];
        let engine = builder.public_url(own.clone()).allowed_origins(pages).build().await.expect("an engine");
        let input = NewSignUp::new().username("ada_lovelace").password(Secret::new("wanders under elms".into()));
        let made = engine.sign_ups().create(&Caller::anonymous(), &input, &RequestContext::default()).await;
        let token = made.expect("a sign-up").1.new_token.expect("a token");
        let mut service = engine.http_service(HttpOptions::new(own, key, false));
        for more in
            ["&__clerk_hs_reason=dev-browser-missing", "&__clerk_db_jwt=dvb_x", "&__clerk_db_jwt=x&format=nonce"]
        {
            let asked = Request::get(path_of("https://app.example.com/", more)).header("host", "clerk.example.com");
            let asked = asked.header("cookie", format!("__client={}", token.expose()));
            let answer =
                service.call(asked.body(Full::<Bytes>::default()).expect("a request")).await.expect("an answer");
            let header = |name| answer.headers().get(name).map(|value| value.to_str().expect("text"));
            let to = header("location").expect("where to");
            assert_eq!(to.contains("__clerk_handshake="), goes_into_url, "{key} {more}: {to}");
            assert_eq!(header("set-cookie").is_some(), !goes_into_url, "{key} {more}");
        }
    }
}

/// An instance with a key of one kind.
struct Site {
    server: Server,
    folder: TempDir,
    config: String,
    suffix: String,
}

impl Site {
    fn start(key: (&str, &str), more: &str) -> Self {
        Self::start_with(key, "", more)
    }

    /// `server` goes on in the section `[server]`, and `more` behind it.
    fn start_with((key, suffix): (&str, &str), server: &str, more: &str) -> Self {
        let config = format!(
            "[instance]\npublishable_key = \"{key}\"\nsecret_key = \"{SECRET_KEY}\"\n\
             [settings]\nattributes.email_address = {{ enabled = true, required = true, used_for_first_factor = true, \
             verifications = [\"email_code\"], verify_at_sign_up = true }}\n\
             [server]\nallowed_origins = [\"{PAGE}\"]\n{server}\n[limits]\nsource = false\n{more}"
        );
        let folder = TempDir::new().expect("a folder");
        Self { server: Server::start(folder.path(), &config), folder, config, suffix: suffix.to_owned() }
    }

    fn restarted(self) -> Self {
        let Self { server, folder, config, suffix } = self;
        drop(server);
        Self { server: Server::start(folder.path(), &config), folder, config, suffix }
    }

    fn backend(&self, method: &str, path: &str) -> Answer {
        let answer = backend(&self.server, method, path, &Value::Null);
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer
    }

    fn fetch(&self, nonce: &str) -> Answer {
        backend(&self.server, "GET", &format!("/v1/clients/handshake_payload?nonce={nonce}"), &Value::Null)
    }

    fn log(&self) -> String {
        crate::support::server::log_of(self.folder.path())
    }
}

fn signed_up(browser: &mut Browser<'_>, address: &str) -> String {
    let done = browser.sign_up_by_code(&format!("email_address={}", escaped(address)), address);
    done.json()["response"]["created_user_id"].as_str().expect("a user").to_owned()
}

fn handshake(browser: &mut Browser<'_>, url: &str, more: &str) -> Answer {
    let answer = browser.navigate(&path_of(url, more));
    assert_eq!(answer.status, 307, "{}", answer.body);
    answer
}

fn path_of(url: &str, more: &str) -> String {
    format!("/v1/client/handshake?redirect_url={}{more}", escaped(url))
}

/// The signed result, from the cookie or the URL.
fn result_of(answer: &Answer) -> String {
    let in_cookie = answer.header("set-cookie").and_then(|line| line.strip_prefix("__clerk_handshake="));
    let in_url = answer.header("location").and_then(|url| url.split_once("__clerk_handshake=")).map(|(_, value)| value);
    let found = in_cookie.or(in_url).unwrap_or_else(|| panic!("no result: {answer:?}"));
    found.split([';', '&']).next().expect("a value").to_owned()
}

fn lines_of(answer: &Answer) -> Vec<String> {
    serde_json::from_value(claims(&result_of(answer))["handshake"].clone()).expect("lines")
}

/// The value that a cookie has after all lines.
fn value(lines: &[String], name: &str) -> Option<String> {
    let last = lines.iter().rev().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    last.and_then(|rest| rest.split(';').next()).map(str::to_owned)
}

fn claims(jwt: &str) -> Value {
    part(jwt, 1)
}

fn part(jwt: &str, n: usize) -> Value {
    let text = jwt.split('.').nth(n).unwrap_or_else(|| panic!("no JWT: {jwt}"));
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).expect("base64url")).expect("JSON")
}

/// `pk_live_` for `clerk.localhost`, and the suffix of its cookies: `printf %s KEY | openssl sha1 -binary | base64`.
const LIVE: (&str, &str) = ("pk_live_Y2xlcmsubG9jYWxob3N0JA==", "9Kq1Csaf");
/// `pk_test_` for the same.
const TEST: (&str, &str) = ("pk_test_Y2xlcmsubG9jYWxob3N0JA==", "ao6A9cAi");
