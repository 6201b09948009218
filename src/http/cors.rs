//! The origin rule (DESIGN 9) and what browsers must be told about it. Comparison is exact; nothing is guessed
//! from the path or the cookies.

use hyper::Method;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, HeaderMap, HeaderValue, ORIGIN,
    VARY,
};
use url::{Host, Url};

use super::HttpOptions;
use super::error::Fault;
use super::response::{Answer, insert};

/// The origins whose pages may call.
#[derive(Clone, Debug)]
pub(super) struct Origins(Vec<String>);

/// What the rule looks at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    /// The method, after `_method`.
    pub(super) method: &'a Method,
    /// The `Origin`, if there is one.
    pub(super) origin: Option<&'a str>,
    /// Whether the call is native.
    pub(super) native: bool,
    /// Whether it carries `Authorization`.
    pub(super) authorization: bool,
    /// `Sec-Fetch-Site`.
    pub(super) fetch_site: Option<&'a str>,
    /// What kind of path it is about.
    pub(super) realm: Realm,
}

/// The kinds of paths, as far as origins matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Realm {
    /// Navigations, keys and health: for everybody.
    Open,
    /// The Frontend API.
    Api,
    /// The Backend API: for servers, never for pages.
    Backend,
    /// The tools of a development instance: for command lines too, which send no origin.
    Dev,
}

impl Origins {
    /// The allowed origins and the engine's own; in development both of its loopback spellings.
    pub(super) fn new(options: &HttpOptions) -> Self {
        let mut origins: Vec<String> = options.allowed_origins.iter().filter_map(|o| normalise(o)).collect();
        origins.push(options.public_url.origin().ascii_serialization());
        if options.development && is_loopback(&options.public_url) {
            for host in ["localhost", "127.0.0.1"] {
                let mut spelled = options.public_url.clone();
                if spelled.set_host(Some(host)).is_ok() {
                    origins.push(spelled.origin().ascii_serialization());
                }
            }
        }
        origins.sort();
        origins.dedup();
        Self(origins)
    }

    /// Whether pages of `origin` may call.
    pub(super) fn allows(&self, origin: &str) -> bool {
        self.0.iter().any(|o| o == origin)
    }

    /// The origin that a `Referer` names, if its pages may call.
    pub(super) fn of_referer(&self, referer: &str) -> Option<String> {
        let origin = Url::parse(referer).ok()?.origin().ascii_serialization();
        self.allows(&origin).then_some(origin)
    }

    /// The rule itself.
    pub(super) fn check(&self, asked: &Asked<'_>) -> Result<(), Fault> {
        if asked.realm == Realm::Open {
            return Ok(());
        }
        if asked.realm == Realm::Backend {
            return if asked.origin.is_none() { Ok(()) } else { Err(Fault::OriginAuthorizationConflict) };
        }
        let Some(origin) = asked.origin else {
            let is_safe = matches!(*asked.method, Method::GET | Method::HEAD | Method::OPTIONS);
            let passes =
                is_safe || asked.native || asked.realm == Realm::Dev || asked.fetch_site == Some("same-origin");
            return if passes { Ok(()) } else { Err(Fault::OriginMissing) };
        };
        if asked.native {
            return Err(Fault::OriginAuthorizationConflict);
        }
        if !self.allows(origin) {
            return Err(Fault::OriginInvalid);
        }
        if asked.authorization && asked.realm == Realm::Api {
            return Err(Fault::OriginAuthorizationConflict);
        }
        Ok(())
    }

    /// Tells a browser whether the page that asked may read the answer.
    pub(super) fn grant(&self, origin: Option<&str>, headers: &mut HeaderMap) {
        headers.insert(VARY, HeaderValue::from_static("Origin"));
        let Some(origin) = origin.filter(|o| self.allows(o)) else {
            return;
        };
        insert(headers, ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    }
}

/// The `Origin` of a request. One that is sent twice, or is no text, is an origin that nobody allows.
pub(super) fn origin_of(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(ORIGIN).iter();
    let first = values.next()?;
    Some(match values.next() {
        None => first.to_str().unwrap_or_default(),
        Some(_) => "",
    })
}

/// The answer to a preflight that passed the rule.
pub(super) fn preflight() -> Answer {
    let mut answer = Answer::empty();
    let headers = answer.headers_mut();
    headers
        .insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"));
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("Content-Type"));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    answer
}

/// Whether a host is this machine, as far as its name tells.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// An origin as browsers spell it. What can never be an origin's name is left out.
fn normalise(text: &str) -> Option<String> {
    let text = text.trim().trim_end_matches('/');
    if text.is_empty() || text == "*" || text == "null" {
        return None;
    }
    match Url::parse(text).map(|url| url.origin()) {
        Ok(origin) if origin.is_tuple() => Some(origin.ascii_serialization()),
        _ => Some(text.to_owned()),
    }
}

const EXPOSED: &str = "Authorization, Clerk-Db-Jwt, X-Country, Retry-After";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_origin_rule() {
        let get = asked(Method::GET, None);
        let post = asked(Method::POST, None);
        let own = Some("http://localhost:8080");
        let page = Some("http://localhost:3000");
        let conflict = Err(Fault::OriginAuthorizationConflict);
        for (asked, expected) in [
            (asked(Method::POST, page), Ok(())),
            (asked(Method::POST, own), Ok(())),
            (asked(Method::GET, page), Ok(())),
            (get, Ok(())),
            (asked(Method::HEAD, None), Ok(())),
            (asked(Method::OPTIONS, None), Ok(())),
            (post, Err(Fault::OriginMissing)),
            (with_site(post, "same-origin"), Ok(())),
            (with_site(post, "same-site"), Err(Fault::OriginMissing)),
            (with_site(post, "cross-site"), Err(Fault::OriginMissing)),
            (with_site(post, "none"), Err(Fault::OriginMissing)),
            (Asked { native: true, ..post }, Ok(())),
            (Asked { native: true, authorization: true, ..post }, Ok(())),
            (Asked { native: true, ..asked(Method::POST, page) }, conflict),
            (Asked { native: true, ..asked(Method::GET, own) }, conflict),
            (Asked { authorization: true, ..asked(Method::POST, page) }, conflict),
            (Asked { realm: Realm::Dev, ..post }, Ok(())),
        ] {
            assert_eq!(origins().check(&asked), expected, "{asked:?}");
        }
    }

    #[test]
    fn foreign_origins_are_refused_for_every_method_and_get_no_grant() {
        for origin in FOREIGN {
            for method in [Method::GET, Method::POST, Method::OPTIONS, Method::DELETE] {
                for realm in [Realm::Api, Realm::Dev] {
                    let asked = Asked { realm, ..asked(method.clone(), Some(origin)) };
                    let asked = with_site(asked, "same-origin");
                    assert_eq!(origins().check(&asked), Err(Fault::OriginInvalid), "{origin}");
                }
            }
            let open = Asked { realm: Realm::Open, ..asked(Method::GET, Some(origin)) };
            assert_eq!(origins().check(&open), Ok(()));
            let mut headers = HeaderMap::new();
            origins().grant(Some(origin), &mut headers);
            assert_eq!(headers.keys().collect::<Vec<_>>(), [VARY], "{origin}");
        }
    }

    #[test]
    fn a_grant_names_the_origin_and_never_a_wildcard() {
        let mut headers = HeaderMap::new();
        origins().grant(Some("http://localhost:3000"), &mut headers);
        assert_eq!(headers[ACCESS_CONTROL_ALLOW_ORIGIN], "http://localhost:3000");
        assert_eq!(headers[ACCESS_CONTROL_ALLOW_CREDENTIALS], "true");
        assert_eq!(headers[VARY], "Origin");
    }

    #[test]
    fn loopback_has_two_spellings_in_development_only() {
        assert!(origins().allows("http://127.0.0.1:8080"));
        let mut options = options();
        options.development = false;
        let production = Origins::new(&options);
        assert!(production.allows("http://localhost:8080"));
        assert!(!production.allows("http://127.0.0.1:8080"));
    }

    #[test]
    fn a_referer_counts_when_its_origin_is_allowed() {
        let of = |referer| origins().of_referer(referer);
        let own = Some("http://localhost:3000".to_owned());
        assert_eq!(of("http://localhost:3000/sign-up?step=2"), own);
        assert_eq!(of("http://evil.example/http://localhost:3000"), None);
        assert_eq!(of("about:blank"), None);
    }

    #[test]
    fn a_doubled_origin_is_nobodys() {
        let mut headers = HeaderMap::new();
        assert_eq!(origin_of(&headers), None);
        headers.append(ORIGIN, HeaderValue::from_static("http://localhost:3000"));
        headers.append(ORIGIN, HeaderValue::from_static("http://evil.example"));
        assert_eq!(origin_of(&headers), Some(""));
    }

    fn options() -> HttpOptions {
        let url = Url::parse("http://localhost:8080").expect("a URL");
        let mut options = HttpOptions::new(url, "pk_live_Y2xlcmsubG9jYWxob3N0JA==", true);
        options.allowed_origins =
            ["http://localhost:3000/", "*", "null", "HTTPS://App.Example.com:443"].map(str::to_owned).to_vec();
        options
    }

    fn origins() -> Origins {
        Origins::new(&options())
    }

    fn asked(method: Method, origin: Option<&'static str>) -> Asked<'static> {
        Asked {
            method: match method {
                Method::GET => &Method::GET,
                Method::HEAD => &Method::HEAD,
                Method::OPTIONS => &Method::OPTIONS,
                Method::DELETE => &Method::DELETE,
                _ => &Method::POST,
            },
            origin,
            native: false,
            authorization: false,
            fetch_site: None,
            realm: Realm::Api,
        }
    }

    fn with_site(asked: Asked<'static>, site: &'static str) -> Asked<'static> {
        Asked { fetch_site: Some(site), ..asked }
    }

    const FOREIGN: &[&str] = &[
        "",
        "*",
        "null",
        "http://evil.example",
        "http://localhost",
        "http://localhost:3001",
        "https://localhost:3000",
        "http://localhost:3000/",
        "http://localhost:3000.evil.example",
        "http://sub.localhost:3000",
        "HTTP://LOCALHOST:3000",
        "http://127.0.0.1:3000",
        "http://localhost:3000 http://evil.example",
        "https://app.example.com.evil.example",
    ];
}
