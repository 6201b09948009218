//! Allowed redirect targets: one check for every `redirect_url` in a request, and the status parameters that are added
//! to it. The parsed URL is compared, and the parsed URL is also the result, so that later readers can't read it
//! differently.

use url::Url;

use crate::domain::rejection::{ErrorCode, Reason};

use super::cors::{Origins, origin_of_page};
use crate::http::HttpOptions;

/// The URLs that browsers may be redirected to: everything on the allowed origins and the engine's own, and
/// `server.allowed_redirects`.
#[derive(Clone, Debug)]
pub(in crate::http) struct Redirects {
    origins: Origins,
    entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
enum Entry {
    /// An http or https URL and everything below it.
    Below(Url),
    /// Exactly this, such as the callback of a native application.
    Exactly(String),
}

impl Redirects {
    /// What the options allow.
    pub(in crate::http) fn new(options: &HttpOptions) -> Self {
        let entry = |text: &String| match Url::parse(text) {
            Ok(url) if is_web(&url) => Entry::Below(url),
            _ => Entry::Exactly(text.clone()),
        };
        Self { origins: Origins::new(options), entries: options.allowed_redirects.iter().map(entry).collect() }
    }

    /// The absolute URL in `text`, the value of the parameter `param`. A relative one is resolved against `origin`, the
    /// allowed origin of the calling page.
    ///
    /// # Errors
    /// `invalid_redirect_url` for a URL that is not allowed, or whose notation different parsers could read
    /// differently.
    pub(in crate::http) fn check(&self, param: &str, text: &str, origin: Option<&str>) -> Result<String, Reason> {
        let is_short = text.len() <= LENGTH_MAX;
        self.allowed(text, origin).filter(|_| is_short).ok_or_else(|| ErrorCode::InvalidRedirectUrl.on(param))
    }

    /// Whether a URL that was allowed when a flow began is still allowed: the operator may have changed the list since.
    pub(in crate::http) fn still_allow(&self, url: &str) -> bool {
        self.allowed(url, None).is_some_and(|allowed| allowed == url)
    }

    fn allowed(&self, text: &str, origin: Option<&str>) -> Option<String> {
        // No spaces, control characters, or characters beyond ASCII: parsers drop or change them, each in its own way.
        if !text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\') {
            return None;
        }
        let exactly = |entry: &Entry| matches!(entry, Entry::Exactly(exact) if exact == text);
        if self.entries.iter().any(exactly) {
            return Some(text.to_owned());
        }
        let url = match Url::parse(text) {
            Ok(url) if has_no_user(&url) && is_plainly_spelled(text, &url) => url,
            Err(url::ParseError::RelativeUrlWithoutBase) if is_relative(text) => {
                Url::parse(origin?).ok()?.join(text).ok()?
            }
            _ => return None,
        };
        let on_allowed_origin = origin_of_page(&url).is_some_and(|origin| self.origins.allows(&origin));
        let below = |entry: &Entry| matches!(entry, Entry::Below(prefix) if is_below(&url, prefix));
        (on_allowed_origin || self.entries.iter().any(below)).then(|| url.into())
    }
}

/// `url` with the result of a link, in the parameters of [guide: Redirects](crate::guide::contract_sign_ups#redirects).
/// Existing parameters of those names are removed, because pages read the first one.
pub(in crate::http) fn with_status(url: &str, status: &str, session: Option<&str>) -> Option<Url> {
    let mut url = without(Url::parse(url).ok()?, &[STATUS, CREATED_SESSION]);
    url.query_pairs_mut().append_pair(STATUS, status);
    if let Some(session) = session {
        url.query_pairs_mut().append_pair(CREATED_SESSION, session);
    }
    Some(url)
}

/// `url` with the next step for the holder of a ticket, in the parameters of
/// [guide: Invitations and tickets](crate::guide::contract_sign_ups#invitations-and-tickets), and the ticket where it
/// is useful.
pub(in crate::http) fn with_ticket(url: &str, status: &str, ticket: Option<&str>) -> Option<Url> {
    let mut url = without(Url::parse(url).ok()?, &[STATUS, TICKET]);
    if let Some(ticket) = ticket {
        url.query_pairs_mut().append_pair(TICKET, ticket);
    }
    url.query_pairs_mut().append_pair(STATUS, status);
    Some(url)
}

/// `url` with the one-time value for an application without cookies, in the parameter of
/// [guide: Native hand-over](crate::guide::contract_sign_ups#native-hand-over).
pub(in crate::http) fn with_nonce(url: Url, nonce: &str) -> Url {
    let mut url = without(url, &[NONCE]);
    url.query_pairs_mut().append_pair(NONCE, nonce);
    url
}

/// `url` without its dev browser, which is the token of the client that asked and meant for its browser only
/// ([guide: Dev browsers](crate::guide::contract#dev-browsers)).
pub(in crate::http) fn without_dev_browser(url: Url) -> Url {
    without(url, &[DEV_BROWSER])
}

/// The source expression for `url` in a content security policy.
pub(in crate::http) fn csp_source(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let origin = url.origin();
    Some(if origin.is_tuple() { origin.ascii_serialization() } else { format!("{}:", url.scheme()) })
}

fn without(mut url: Url, names: &[&str]) -> Url {
    if url.query_pairs().any(|(name, _)| names.contains(&&*name)) {
        let pairs = url.query_pairs().into_owned();
        let kept: Vec<(String, String)> = pairs.filter(|(name, _)| !names.contains(&name.as_str())).collect();
        url.set_query(None);
        if !kept.is_empty() {
            url.query_pairs_mut().extend_pairs(kept);
        }
    }
    url
}

fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https") && has_no_user(url)
}

fn has_no_user(url: &Url) -> bool {
    url.username().is_empty() && url.password().is_none()
}

/// Exactly two slashes after the scheme, followed directly by the host of `url`; no user, and at most a port. Browsers
/// accept other notations too, which other parsers read differently.
fn is_plainly_spelled(text: &str, url: &Url) -> bool {
    let rest = text.split_once("://").map(|(_, rest)| rest);
    let authority = rest.and_then(|rest| rest.split(['/', '?', '#']).next());
    authority.is_some_and(|a| url.host_str().is_some_and(|known| host(a).eq_ignore_ascii_case(known)))
}

fn host(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    }
}

/// A path, a query or a fragment; not a host (`//…`) and not a bare word, which may be meant as one.
fn is_relative(text: &str) -> bool {
    text.starts_with(['/', '?', '#']) && !text.starts_with("//")
}

/// Whether `url` is `prefix` or below it. With an escaped slash it is unclear where segments end, so the answer is no.
fn is_below(url: &Url, prefix: &Url) -> bool {
    let path = url.path().to_ascii_lowercase();
    if url.origin() != prefix.origin() || path.contains("%2f") || path.contains("%5c") {
        return false;
    }
    let rest = url.path().strip_prefix(prefix.path().trim_end_matches('/'));
    let is_below = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    is_below && prefix.query().is_none_or(|query| url.query() == Some(query))
}

const TICKET: &str = "__clerk_ticket";
const NONCE: &str = "rotating_token_nonce";
const STATUS: &str = "__clerk_status";
const CREATED_SESSION: &str = "__clerk_created_session";
const DEV_BROWSER: &str = "__clerk_db_jwt";
/// In bytes; longer than the URLs that browser applications use.
const LENGTH_MAX: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_the_allowed_origins_are_allowed() {
        let redirects = redirects();
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
            assert_eq!(redirects.check("redirect_url", text, PAGE).as_deref(), Ok(url), "{text}");
        }
    }

    #[test]
    fn everything_else_is_refused_however_it_is_spelled() {
        let redirects = redirects();
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
            let refused = redirects.check("redirect_url", hostile, PAGE);
            assert_eq!(refused, Err(ErrorCode::InvalidRedirectUrl.on("redirect_url")), "{hostile:?}");
        }
    }

    #[test]
    fn what_was_allowed_is_still_allowed_and_nothing_else_becomes_so() {
        let redirects = redirects();
        let braces = format!("http://localhost:3000/{}", "{".repeat(2000));
        for text in [
            "http://localhost:3000",
            "HTTP://LOCALHOST:3000/x",
            "myapp://callback",
            "https://other.example/app",
            &braces,
        ] {
            let url = redirects.check("redirect_url", text, PAGE).expect(text);
            assert!(redirects.still_allow(&url), "{url}");
        }
        for url in
            ["", "/verify", "https://evil.example/", "myapp://other", "https://other.example/admin", "javascript:1"]
        {
            assert!(!redirects.still_allow(url), "{url}");
        }
    }

    #[test]
    fn pages_of_this_machine_are_allowed_in_development_only() {
        let mut options = options();
        options.development = true;
        let development = Redirects::new(&options);
        for url in [
            "http://localhost:5173/done",
            "https://127.0.0.1:3001/",
            "http://[::1]:3000/x?y#z",
            "http://app.localhost/",
        ] {
            assert_eq!(development.check("redirect_url", url, None).as_deref(), Ok(url));
            assert!(redirects().check("redirect_url", url, None).is_err(), "{url}");
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
    fn a_policy_names_a_site_by_its_origin_and_an_application_by_its_scheme() {
        for (url, expected) in [
            ("https://app.example.com/done?x", Some("https://app.example.com")),
            ("http://localhost:3000/", Some("http://localhost:3000")),
            ("capacitor://localhost/done", Some("capacitor:")),
            ("chrome-extension://abcdefghijklmnopabcdefghijklmnop/popup.html", Some("chrome-extension:")),
            ("myapp://callback", Some("myapp:")),
            ("/done", None),
        ] {
            assert_eq!(csp_source(url).as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn a_relative_url_of_an_application_is_one_of_its_pages() {
        let url = redirects().check("redirect_url", "/sso-callback", Some("capacitor://localhost"));
        assert_eq!(url.as_deref(), Ok("capacitor://localhost/sso-callback"));
    }

    #[test]
    fn a_relative_url_needs_a_page_it_is_relative_to() {
        assert!(redirects().check("redirect_url", "/verify", None).is_err());
        assert!(redirects().check("redirect_url", "/verify", Some("https://evil.example")).is_err());
    }

    #[test]
    fn the_status_goes_on_the_query_and_what_was_there_stays() {
        let with = |url: &str, session| with_status(url, "verified", session).map(String::from);
        for (url, expected) in [
            ("http://a.example/verify", "http://a.example/verify?__clerk_status=verified"),
            ("http://a.example/j?x=1#/verify", "http://a.example/j?x=1&__clerk_status=verified#/verify"),
            (
                "http://a.example/?__clerk_db_jwt=dvb_x",
                "http://a.example/?__clerk_db_jwt=dvb_x&__clerk_status=verified",
            ),
            ("http://a.example/?__clerk_status=failed&y=2", "http://a.example/?y=2&__clerk_status=verified"),
            ("http://a.example/?__clerk_created_session=s", "http://a.example/?__clerk_status=verified"),
            ("myapp://callback", "myapp://callback?__clerk_status=verified"),
        ] {
            assert_eq!(with(url, None).as_deref(), Some(expected));
        }
        let created = with("http://a.example/", Some("sess_1"));
        assert!(created.expect("a URL").ends_with("?__clerk_status=verified&__clerk_created_session=sess_1"));
    }

    #[test]
    fn a_dev_browser_is_taken_off_for_strangers() {
        let url = Url::parse("http://a.example/?a=1&__clerk_db_jwt=dvb_x#f").expect("a URL");
        assert_eq!(without_dev_browser(url).as_str(), "http://a.example/?a=1#f");
    }

    fn redirects() -> Redirects {
        Redirects::new(&options())
    }

    fn options() -> HttpOptions {
        let url = Url::parse("http://localhost:8080").expect("a URL");
        let mut options = HttpOptions::new(url, "pk_live_x", false);
        options.allowed_origins =
            vec!["http://localhost:3000".into(), "https://app.example.com".into(), "capacitor://localhost".into()];
        options.allowed_redirects = vec![
            "myapp://callback".into(),
            "com.example.app:/oauth".into(),
            "https://other.example/app/".into(),
            "https://fixed.example/cb?kind=a".into(),
        ];
        options
    }

    const PAGE: Option<&str> = Some("http://localhost:3000");
}
