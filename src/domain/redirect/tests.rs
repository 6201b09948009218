//! Tests of which URLs are allowed.

use url::Url;

use super::*;

#[test]
fn pages_of_the_allowed_origins_are_allowed() {
    let rule = rule();
    for (text, url) in [
        ("/verify", "http://localhost:3000/verify"),
        ("/", "http://localhost:3000/"),
        ("?step=2", "http://localhost:3000/?step=2"),
        ("#/verify", "http://localhost:3000/#/verify"),
        ("/a/../b", "http://localhost:3000/b"),
        ("/next?to=https://evil.example", "http://localhost:3000/next?to=https://evil.example"),
        ("/@evil.example", "http://localhost:3000/@evil.example"),
        ("/%2f%2fevil.example", "http://localhost:3000/%2f%2fevil.example"),
        ("http://localhost:3000", "http://localhost:3000/"),
        ("http://localhost:3000/join#/verify?x=1", "http://localhost:3000/join#/verify?x=1"),
        ("HTTP://LOCALHOST:3000/x", "http://localhost:3000/x"),
        ("https://app.example.com:443/x", "https://app.example.com/x"),
        ("http://localhost:8080/done", "http://localhost:8080/done"),
        ("capacitor://localhost/done?x=1", "capacitor://localhost/done?x=1"),
        ("capacitor://localhost", "capacitor://localhost"),
        ("http://localhost:3000/?__clerk_db_jwt=dvb_x", "http://localhost:3000/?__clerk_db_jwt=dvb_x"),
        ("http://localhost:3000//evil.example", "http://localhost:3000//evil.example"),
        ("https://other.example/app", "https://other.example/app"),
        ("https://other.example/app/deep/er?x#y", "https://other.example/app/deep/er?x#y"),
        ("https://fixed.example/cb?kind=a", "https://fixed.example/cb?kind=a"),
        ("myapp://callback", "myapp://callback"),
        ("com.example.app:/oauth", "com.example.app:/oauth"),
    ] {
        assert_eq!(checked(&rule, text, PAGE).as_deref(), Ok(url), "{text}");
    }
}

#[test]
fn everything_else_is_refused_however_it_is_spelled() {
    let rule = rule();
    let long = format!("/{}", "a".repeat(LENGTH_MAX));
    for hostile in [
        "",
        " ",
        "evil.example",
        "localhost:3000/x",
        "verify",
        "//evil.example",
        "///evil.example",
        "////evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "/\r\nLocation: https://evil.example",
        " https://evil.example",
        "https://evil.example",
        "https:evil.example",
        "https:/evil.example",
        "https:///evil.example",
        "http:localhost:3000/x",
        "http:///localhost:3000/x",
        "HtTpS://evil.example",
        "ht\ntp://localhost:3000/",
        "http://localhost:3000@evil.example/",
        "http://localhost:3000%40evil.example/",
        "http://localhost:3000\\@evil.example/",
        "http://localhost:3000:@evil.example/",
        "http://user@localhost:3000/",
        "http://user:word@localhost:3000/",
        "http://@localhost:3000/",
        "http://:@localhost:3000/",
        "http://localhost:3000.evil.example/",
        "http://localhost.evil.example:3000/",
        "http://evil.example/http://localhost:3000/",
        "http://evil.example?http://localhost:3000/",
        "http://evil.example#http://localhost:3000/",
        "http://localhost:3001/",
        "http://localhost/",
        "http://localhost:03001/",
        "http://localhost:99999/",
        "https://localhost:3000/",
        "http://localhost.:3000/",
        "http://%6cocalhost:3000/",
        "http://127.0.0.1:3000/",
        "http://2130706433:8080/x",
        "http://[::1]:3000/",
        "http://[::ffff:127.0.0.1]:3000/",
        "http://0/",
        "https://app.example.com./x",
        "https://app.example.com.evil.example/",
        "https://app。example。com/",
        "https://app\u{ff0e}example.com/",
        "https://app\u{200d}.example.com/",
        "https://аpp.example.com/",
        "https://xn--pp-6kc.example.com/",
        "https://app.example.com\u{0}.evil.example/",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java\tscript:alert(1)",
        "\u{1}javascript:alert(1)",
        "javascript://localhost:3000/%0aalert(1)",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:msgbox(1)",
        "blob:http://localhost:3000/0f0f",
        "file:///etc/passwd",
        "ftp://localhost:3000/",
        "ws://localhost:3000/",
        "about:blank",
        "view-source:http://localhost:3000/",
        "myapp://callback/",
        "myapp://callback?x=1",
        "myapp://callback.evil.example",
        "MYAPP://callback",
        "myapp:callback",
        "https://other.example/",
        "https://other.example/application",
        "https://other.example/app/../admin",
        "https://other.example/app/%2e%2e/admin",
        "https://other.example/app/..%2fadmin",
        "https://other.example/app%5c..%5cadmin",
        "http://other.example/app",
        "https://fixed.example/cb",
        "https://fixed.example/cb?kind=b",
        "capacitor://evil.example/done",
        "capacitor://localhost:3000/",
        "capacitor://localhost.evil.example/",
        "capacitor://localhost@evil.example/",
        "capacitor://user@localhost/",
        "capacitor:/localhost/",
        "capacitor:localhost",
        "ionic://localhost/",
        "*",
        "null",
        &long,
    ] {
        let refused = checked(&rule, hostile, PAGE);
        assert_eq!(refused, Err(ErrorCode::InvalidRedirectUrl.on("redirect_url")), "{hostile:?}");
    }
}

#[test]
fn what_was_allowed_is_still_allowed_and_nothing_else_becomes_so() {
    let rule = rule();
    let braces = format!("http://localhost:3000/{}", "{".repeat(2000));
    for text in
        ["http://localhost:3000", "HTTP://LOCALHOST:3000/x", "myapp://callback", "https://other.example/app", &braces]
    {
        let url = rule.check("redirect_url", text, PAGE).expect(text);
        assert!(rule.still_allows(&url), "{url}");
    }
    for url in ["", "/verify", "https://evil.example/", "myapp://other", "https://other.example/admin", "javascript:1"]
    {
        assert!(!rule.still_allows(&RedirectUrl::restored(url.into())), "{url}");
    }
}

#[test]
fn pages_of_this_machine_are_allowed_in_development_only() {
    let development = rule_of(true);
    for url in
        ["http://localhost:5173/done", "https://127.0.0.1:3001/", "http://[::1]:3000/x?y#z", "http://app.localhost/"]
    {
        assert_eq!(checked(&development, url, None).as_deref(), Ok(url));
        assert!(rule().check("redirect_url", url, None).is_err(), "{url}");
    }
    for hostile in [
        "http://192.168.1.7:3000/",
        "http://localhost.evil.example/",
        "http://localhost@evil.example/",
        "http://2130706433/",
        "http://0/",
        "javascript://localhost/%0aalert(1)",
        "ftp://localhost/",
    ] {
        assert!(development.check("redirect_url", hostile, PAGE).is_err(), "{hostile}");
    }
}

#[test]
fn a_relative_url_of_an_application_is_one_of_its_pages() {
    let url = checked(&rule(), "/sso-callback", Some("capacitor://localhost"));
    assert_eq!(url.as_deref(), Ok("capacitor://localhost/sso-callback"));
}

#[test]
fn a_relative_url_needs_a_page_it_is_relative_to() {
    assert!(rule().check("redirect_url", "/verify", None).is_err());
    assert!(rule().check("redirect_url", "/verify", Some("https://evil.example")).is_err());
}

#[test]
fn an_allowed_origin_is_not_listed() {
    let rule = rule();
    for (text, url) in [
        ("myapp://callback", "myapp://callback"),
        ("com.example.app:/oauth", "com.example.app:/oauth"),
        ("https://other.example/app/deep?x#y", "https://other.example/app/deep?x#y"),
        ("HTTPS://OTHER.EXAMPLE/app", "https://other.example/app"),
    ] {
        let listed = rule.check_listed("redirect_uri", text).expect(text);
        assert_eq!(listed.as_str(), url);
        assert!(rule.still_lists(&listed), "{text}");
    }
    let long = format!("https://other.example/app/{}", "a".repeat(LENGTH_MAX));
    for text in [
        "http://localhost:3000/done",
        "capacitor://localhost/done",
        "http://localhost:8080/",
        "/app",
        "",
        "https://other.example/app/../admin",
        "https:other.example/app",
        "https://user@other.example/app",
        "myapp://callback?x=1",
        "evil://callback",
        &long,
    ] {
        let refused = rule.check_listed("redirect_uri", text);
        assert_eq!(refused, Err(ErrorCode::ResourceMissmatch.on("redirect_uri")), "{text}");
    }
    let page = rule.check("redirect_url", "http://localhost:3000/done", None).expect("an allowed origin");
    assert!(rule.still_allows(&page) && !rule.still_lists(&page));
}

#[test]
fn an_entry_that_is_no_redirect_target_allows_nothing() {
    let texts = ["javascript:alert(1)", "data:text/html,x", "https://user@other.example/", "https://*.example/", "/a"];
    let rule = RedirectRule::new(origins(false), &texts.map(str::to_owned));
    for text in texts {
        assert!(rule.check("redirect_url", text, None).is_err(), "{text}");
    }
}

#[test]
fn a_url_is_not_printed_with_its_secrets() {
    let url = rule().check("redirect_url", "http://localhost:3000/?__clerk_db_jwt=dvb_x", None).expect("allowed");
    assert_eq!(format!("{url:?}"), "[redirect url]");
}

fn checked(rule: &RedirectRule, text: &str, origin: Option<&str>) -> Result<String, Reason> {
    rule.check("redirect_url", text, origin).map(|url| url.to_string())
}

fn rule() -> RedirectRule {
    rule_of(false)
}

fn rule_of(loopback: bool) -> RedirectRule {
    let further =
        ["myapp://callback", "com.example.app:/oauth", "https://other.example/app/", "https://fixed.example/cb?kind=a"];
    RedirectRule::new(origins(loopback), &further.map(str::to_owned))
}

fn origins(loopback: bool) -> PageOrigins {
    let url = Url::parse("http://localhost:8080").expect("a URL");
    let listed = ["http://localhost:3000", "https://app.example.com", "capacitor://localhost"];
    PageOrigins::new(&url, &listed.map(str::to_owned), loopback)
}

const PAGE: Option<&str> = Some("http://localhost:3000");
