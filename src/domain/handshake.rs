//! Handshakes: how the server of a web site learns whether a browser is signed in, before it renders a page
//! ([guide: Handshakes](crate::guide::contract_handshakes)). The result is a list of cookies for the host of the page. The
//! server passes them on with the page, and takes the session token from them.

use std::fmt::Write as _;

use url::Url;

use super::redirect::{RedirectRule, RedirectUrl, origin_of_page, without_parameters};
use super::rejection::{ErrorCode, Reason};
use super::site::{Reach, reach, registrable};
use super::time::{Span, Timestamp};

/// The page that the browser is on its way to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Where the browser returns, without the result of an earlier handshake.
    pub url: Url,
    /// Its origin, for which the session token is made.
    pub origin: String,
    /// Its host, without a port.
    pub host: String,
}

/// How the result gets from the engine to the application's server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Road<'a> {
    /// In a cookie that the engine sets and the browser brings, as instances with a `pk_live_` key do.
    Cookie(Reach<'a>),
    /// In a parameter of the URL, beside a dev browser with this id: with a `pk_test_` key.
    Url {
        /// The id of the dev browser, which the pages keep.
        dev_browser: &'a str,
    },
}

/// The result of a handshake.
#[derive(Clone, Copy, Debug)]
pub struct Outcome<'a> {
    /// The page that gets it.
    pub page: &'a Page,
    /// How it gets there.
    pub road: Road<'a>,
    /// The suffix of the instance's cookies.
    pub suffix: &'a str,
    /// The session; `None` where the client is signed out.
    pub session: Option<FreshSession<'a>>,
}

/// A session with a token that was made for the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FreshSession<'a> {
    /// The token.
    pub token: &'a str,
    /// When the client's sessions last changed, in seconds since 1970; not later than the token.
    pub changed_at: u64,
}

/// The result of a handshake that waits for the application's server to fetch it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptHandshake {
    /// The digest of its nonce.
    pub digest: [u8; 32],
    /// The cookies, sealed under the instance key.
    pub sealed: Vec<u8>,
    /// When it can't be fetched any more.
    pub expire_at: Timestamp,
}

/// What a result is called on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The result itself, signed.
    Token,
    /// A nonce, by which the application's server fetches it.
    Nonce,
}

impl Form {
    /// The name of the cookie, and of the parameter.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Token => TOKEN,
            Self::Nonce => NONCE,
        }
    }
}

impl Page {
    /// The page at the value of `redirect_url`, which `rule` must allow.
    ///
    /// # Errors
    /// `invalid_redirect_url` for what is no URL of a web page, `invalid_handshake` for a page that is not allowed.
    pub fn of(text: &str, rule: &RedirectRule) -> Result<Self, Reason> {
        let url = rule.page(PARAM, text)?;
        let invalid = || ErrorCode::InvalidRedirectUrl.on(PARAM);
        let origin = origin_of_page(&url).ok_or_else(invalid)?;
        let host = url.host_str().ok_or_else(invalid)?.to_owned();
        Ok(Self { url: without_parameters(url, &[TOKEN, NONCE]), origin, host })
    }

    /// How a cookie that the engine sets at `host` gets to the page.
    ///
    /// # Errors
    /// `invalid_handshake` where no cookie gets there.
    pub fn reached_from<'a>(&self, host: Option<&'a str>) -> Result<Reach<'a>, Reason> {
        host.and_then(|host| reach(host, &self.host)).ok_or_else(|| {
            let (page, host) = (&self.host, host.unwrap_or("an unknown host"));
            ErrorCode::InvalidHandshake.on(PARAM).saying(format!(
                "The page is at {page} and this instance is reached at {host}, which share no domain, so the page would \
                 not get the cookie with the result."
            ))
        })
    }

    /// Whether the browser takes cookies with `Secure` for it.
    pub fn is_secure(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Where the browser returns. The page was allowed, so this is.
    pub fn back(&self) -> RedirectUrl {
        RedirectUrl::restored(self.url.clone().into())
    }

    /// The same with a result in the URL.
    pub fn back_with(&self, form: Form, value: &str) -> RedirectUrl {
        let mut url = self.url.clone();
        url.query_pairs_mut().append_pair(form.name(), value);
        RedirectUrl::restored(url.into())
    }
}

impl Outcome<'_> {
    /// The lines of `Set-Cookie` for the host of the page. Removals come before what is set, because the server takes the
    /// session from the last line that begins with `__session`. `form` says what brings the result.
    pub fn cookies(&self, form: Form) -> Vec<String> {
        let (attributes, lifted) = (self.attributes(), self.attributes_of_removals());
        let both = |name: &str| [name.to_owned(), format!("{name}_{}", self.suffix)];
        let domain = self.domain().map(|domain| format!("; Domain={domain}")).unwrap_or_default();
        let mut lines = Vec::with_capacity(9);
        if !domain.is_empty() {
            // One for the host alone would hide the one for the domain.
            lines.extend(both(CLIENT_UAT).map(|name| format!("{name}=; Path=/; Max-Age=0{lifted}")));
        }
        let changed_at = self.session.map_or(0, |session| session.changed_at);
        if self.session.is_none() {
            lines.extend(both(SESSION).map(|name| format!("{name}=; Path=/; Max-Age=0{lifted}")));
        }
        let kept = |name: String, value: &str, domain: &str| {
            format!("{name}={value}; Path=/{domain}; Max-Age={YEAR_S}{attributes}")
        };
        lines.extend(both(CLIENT_UAT).map(|name| kept(name, &changed_at.to_string(), &domain)));
        if let Some(FreshSession { token, .. }) = self.session {
            lines.extend(both(SESSION).map(|name| kept(name, token, "")));
        }
        match self.road {
            Road::Url { dev_browser } => lines.extend(both(DEV_BROWSER).map(|name| kept(name, dev_browser, ""))),
            // It would be taken for a new result at each request.
            Road::Cookie(reach) => lines.push(carrier(form, "", reach, 0, self.page.is_secure())),
        }
        lines
    }

    /// The domain of `__client_uat`, which all pages of the site read.
    fn domain(&self) -> Option<&str> {
        match self.road {
            Road::Cookie(Reach::Domain(domain)) => Some(domain),
            Road::Cookie(Reach::SameHost) => super::site::parent(&self.page.host),
            Road::Url { .. } => registrable(&self.page.host),
        }
    }

    /// In development pages may be in frames of other sites.
    fn attributes(&self) -> &'static str {
        match (self.page.is_secure(), self.road) {
            (true, Road::Url { .. }) => "; SameSite=None; Secure",
            (true, Road::Cookie(_)) => "; SameSite=Lax; Secure",
            (false, _) => "; SameSite=Lax",
        }
    }

    /// A removal is short, because a cookie holds all of this. In a frame of another site it needs what it removes.
    fn attributes_of_removals(&self) -> &'static str {
        match self.road {
            Road::Url { .. } => self.attributes(),
            Road::Cookie(_) => "",
        }
    }
}

/// The line of `Set-Cookie` by which the engine hands a result to the page.
pub fn hand_over(form: Form, value: &str, reach: Reach<'_>, is_secure: bool) -> String {
    carrier(form, value, reach, GOOD_FOR.as_secs_ceil(), is_secure)
}

fn carrier(form: Form, value: &str, reach: Reach<'_>, max_age_s: u64, is_secure: bool) -> String {
    let mut line = format!("{}={value}; Path=/", form.name());
    if let Reach::Domain(domain) = reach {
        let _infallible = write!(line, "; Domain={domain}");
    }
    let secure = if is_secure { "; Secure" } else { "" };
    let _infallible = write!(line, "; Max-Age={max_age_s}; HttpOnly; SameSite=Lax{secure}");
    line
}

/// How long a result can be used.
pub const GOOD_FOR: Span = Span::from_secs(60);
/// The parameter with the page.
const PARAM: &str = "redirect_url";
const TOKEN: &str = "__clerk_handshake";
const NONCE: &str = "__clerk_handshake_nonce";
const SESSION: &str = "__session";
const CLIENT_UAT: &str = "__client_uat";
const DEV_BROWSER: &str = "__clerk_db_jwt";
/// The pages renew these cookies long before.
const YEAR_S: u64 = 365 * 86_400;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::redirect::PageOrigins;

    #[test]
    fn a_session_is_set_after_all_removals_under_both_names() {
        let page = page("https://app.example.com/a?b=1");
        let reach = Reach::Domain("example.com");
        let session = Some(FreshSession { token: "jwt", changed_at: 7 });
        let outcome = Outcome { page: &page, road: Road::Cookie(reach), suffix: "Sfx", session };
        assert_eq!(
            outcome.cookies(Form::Token),
            [
                "__client_uat=; Path=/; Max-Age=0",
                "__client_uat_Sfx=; Path=/; Max-Age=0",
                "__client_uat=7; Path=/; Domain=example.com; Max-Age=31536000; SameSite=Lax; Secure",
                "__client_uat_Sfx=7; Path=/; Domain=example.com; Max-Age=31536000; SameSite=Lax; Secure",
                "__session=jwt; Path=/; Max-Age=31536000; SameSite=Lax; Secure",
                "__session_Sfx=jwt; Path=/; Max-Age=31536000; SameSite=Lax; Secure",
                "__clerk_handshake=; Path=/; Domain=example.com; Max-Age=0; HttpOnly; SameSite=Lax; Secure",
            ]
        );
        let brought = hand_over(Form::Token, "x", reach, true);
        assert_eq!(
            brought,
            "__clerk_handshake=x; Path=/; Domain=example.com; Max-Age=60; HttpOnly; SameSite=Lax; Secure"
        );
    }

    #[test]
    fn nobody_signed_in_is_no_session_and_a_time_of_zero() {
        let page = page("http://localhost:3000/");
        let outcome = Outcome { page: &page, road: Road::Cookie(Reach::SameHost), suffix: "Sfx", session: None };
        assert_eq!(
            outcome.cookies(Form::Nonce),
            [
                "__session=; Path=/; Max-Age=0",
                "__session_Sfx=; Path=/; Max-Age=0",
                "__client_uat=0; Path=/; Max-Age=31536000; SameSite=Lax",
                "__client_uat_Sfx=0; Path=/; Max-Age=31536000; SameSite=Lax",
                "__clerk_handshake_nonce=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax",
            ]
        );
    }

    #[test]
    fn a_dev_browser_is_set_beside_the_session() {
        for (url, attributes, domain) in [
            ("http://localhost:3000/", "; SameSite=Lax", ""),
            ("https://a.app.example.com/", "; SameSite=None; Secure", "; Domain=example.com"),
        ] {
            let (page, session) = (page(url), Some(FreshSession { token: "jwt", changed_at: 7 }));
            let road = Road::Url { dev_browser: "dvb_1" };
            let cookies = Outcome { page: &page, road, suffix: "Sfx", session }.cookies(Form::Token);
            let uat = format!("__client_uat_Sfx=7; Path=/{domain}; Max-Age=31536000{attributes}");
            assert!(cookies.contains(&uat), "{cookies:?}");
            let last = cookies.iter().rev().take(2).rev().map(String::as_str).collect::<Vec<_>>();
            let kept = |name: &str| format!("{name}=dvb_1; Path=/; Max-Age=31536000{attributes}");
            assert_eq!(last, [kept("__clerk_db_jwt"), kept("__clerk_db_jwt_Sfx")]);
            assert!(cookies.iter().all(|line| line.contains("Secure") == page.is_secure()), "{cookies:?}");
        }
    }

    #[test]
    fn the_result_of_an_earlier_handshake_is_taken_off_the_url() {
        for (url, expected) in [
            ("http://localhost:3000/a?b=%26&c", "http://localhost:3000/a?b=%26&c&__clerk_handshake=x"),
            ("http://localhost:3000/", "http://localhost:3000/?__clerk_handshake=x"),
            ("http://localhost:3000/?__clerk_handshake=old&a=1", "http://localhost:3000/?a=1&__clerk_handshake=x"),
            ("http://localhost:3000/?__clerk_handshake_nonce=old", "http://localhost:3000/?__clerk_handshake=x"),
            ("http://localhost:3000/#f", "http://localhost:3000/?__clerk_handshake=x#f"),
        ] {
            assert_eq!(page(url).back_with(Form::Token, "x").as_str(), expected);
        }
    }

    #[test]
    fn a_page_whose_url_is_too_long_becomes_the_root_of_its_site() {
        let long = "a".repeat(2048);
        for (text, expected) in [
            (format!("http://localhost:3000/{long}"), Ok("http://localhost:3000/")),
            (format!("http://localhost:3000/list?q={long}#top"), Ok("http://localhost:3000/")),
            (format!("http://localhost.evil.example:3000/{long}"), Err(ErrorCode::InvalidHandshake)),
            (format!("http://user@localhost:3000/{long}"), Err(ErrorCode::InvalidRedirectUrl)),
        ] {
            let page = Page::of(&text, &rule());
            assert_eq!(page.as_ref().map(|page| page.url.as_str()).map_err(|reason| reason.code), expected, "{text}");
        }
    }

    #[test]
    fn a_page_is_of_an_allowed_origin_and_plainly_spelled() {
        let code = |text: &str| Page::of(text, &rule()).map(|_| ()).map_err(|reason| reason.code);
        let endless = format!("http://localhost:3000/{}", "a".repeat(40_000));
        for text in [
            "",
            "/a",
            "//localhost:3000/",
            "localhost:3000",
            "javascript:alert(1)",
            "capacitor://localhost/",
            "myapp://callback",
            "http://user@localhost:3000/",
            "http://localhost:3000@evil.example/",
            "http://@localhost:3000/",
            "http:localhost:3000/",
            "http:///localhost:3000/",
            "http://localhost:3000\\@evil.example/",
            "http://localhost:3000/\r\nSet-Cookie: a=b",
            "http://localhost:3000/\u{0}",
            " http://localhost:3000/",
            "http://loc\talhost:3000/",
            "http://127.1:3000/",
            "http://localhost:99999/",
            &endless,
        ] {
            assert_eq!(code(text), Err(ErrorCode::InvalidRedirectUrl), "{text:?}");
        }
        for text in [
            "http://localhost:3001/",
            "https://localhost:3000/",
            "http://localhost/",
            "http://localhost.evil.example:3000/",
            "https://app.example.com.evil.example/",
            "https://evilapp.example.com/",
            "https://example.com/",
            "https://app.example.com:8443/",
            "http://app.example.com/",
            "https://app.example.com./",
            "https://other.example/",
            "https://other.example/application",
        ] {
            assert_eq!(code(text), Err(ErrorCode::InvalidHandshake), "{text:?}");
        }
        for text in ["http://localhost:3000/", "https://app.example.com:443/x?y#z", "https://other.example/app/x"] {
            assert_eq!(code(text), Ok(()), "{text:?}");
        }
    }

    #[test]
    fn a_page_that_no_cookie_reaches_is_told_both_hosts() {
        let page = page("https://app.example.com/");
        assert_eq!(page.reached_from(Some("clerk.example.com")), Ok(Reach::Domain("example.com")));
        let refused = page.reached_from(Some("engine.internal")).expect_err("no cookie gets there");
        let words = refused.words.expect("words").message;
        assert!(words.contains("app.example.com") && words.contains("engine.internal"), "{words}");
        assert!(page.reached_from(None).is_err());
    }

    fn page(url: &str) -> Page {
        Page::of(url, &rule()).expect("an allowed page")
    }

    fn rule() -> RedirectRule {
        let own = Url::parse("http://localhost:8080").expect("a URL");
        let listed =
            ["http://localhost:3000", "https://app.example.com", "https://a.app.example.com", "capacitor://localhost"];
        let further = ["myapp://callback", "https://other.example/app"];
        RedirectRule::new(PageOrigins::new(&own, &listed.map(str::to_owned), false), &further.map(str::to_owned))
    }
}
