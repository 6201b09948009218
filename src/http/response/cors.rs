//! The origin rule ([guide: Origins](crate::guide::contract#origins)) and the CORS headers for browsers. Origins are
//! compared exactly; in development all pages of this machine are allowed too. The path and the cookies play no role.

use std::sync::Arc;

use hyper::Method;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, HeaderMap, HeaderValue, ORIGIN,
    VARY,
};
use url::Url;

use crate::domain::redirect::{RedirectRule, origin_of_page};

use super::api_response::{ApiResponse, insert};
use super::error::TransportError;

/// The origins whose pages may call.
#[derive(Clone, Debug)]
pub(in crate::http) struct Origins {
    rule: Arc<RedirectRule>,
    own: Option<String>,
}

/// The input of the rule.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct OriginInput<'a> {
    /// The method, after `_method`.
    pub(in crate::http) method: &'a Method,
    /// The `Origin` header, if there is one.
    pub(in crate::http) origin: Option<&'a str>,
    /// Whether the call is native.
    pub(in crate::http) native: bool,
    /// Whether the request has `Authorization`.
    pub(in crate::http) authorization: bool,
    /// `Sec-Fetch-Site`.
    pub(in crate::http) fetch_site: Option<&'a str>,
    /// The kind of path.
    pub(in crate::http) realm: Realm,
}

/// The kinds of paths that the origin rule distinguishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Realm {
    /// Navigations, keys and health: every caller may ask.
    Open,
    /// The Frontend API.
    Api,
    /// The Backend API: for servers only, never for pages.
    Backend,
    /// The tools of a development instance: also for command lines, which send no origin.
    Dev,
}

impl Origins {
    /// The origins that the engine allows, and the server's own.
    pub(in crate::http) const fn new(rule: Arc<RedirectRule>, own: Option<String>) -> Self {
        Self { rule, own }
    }

    /// Whether pages of `origin` may call.
    pub(in crate::http) fn allows(&self, origin: &str) -> bool {
        self.own.as_deref() == Some(origin) || self.rule.origins().allows(origin)
    }

    /// The origin of a `Referer`, if its pages may call.
    pub(in crate::http) fn of_referer(&self, referer: &str) -> Option<String> {
        origin_of_page(&Url::parse(referer).ok()?).filter(|origin| self.allows(origin))
    }

    /// Applies the rule.
    pub(in crate::http) fn check(&self, origin_input: &OriginInput<'_>) -> Result<(), TransportError> {
        if origin_input.realm == Realm::Open {
            return Ok(());
        }
        if origin_input.realm == Realm::Backend {
            return if origin_input.origin.is_none() {
                Ok(())
            } else {
                Err(TransportError::OriginAuthorizationConflict)
            };
        }
        let Some(origin) = origin_input.origin else {
            let is_safe = matches!(*origin_input.method, Method::GET | Method::HEAD | Method::OPTIONS);
            let passes = is_safe
                || origin_input.native
                || origin_input.realm == Realm::Dev
                || origin_input.fetch_site == Some("same-origin");
            return if passes { Ok(()) } else { Err(TransportError::OriginMissing) };
        };
        // An application without cookies has no page. One that runs in a web view has one, but with an origin of a
        // scheme that no browser lets other pages use.
        if origin_input.native && (is_web(origin) || origin.is_empty()) {
            return Err(TransportError::OriginAuthorizationConflict);
        }
        if !self.allows(origin) {
            return Err(TransportError::OriginInvalid);
        }
        if origin_input.native {
            return Ok(());
        }
        if origin_input.authorization && origin_input.realm == Realm::Api {
            return Err(TransportError::OriginAuthorizationConflict);
        }
        Ok(())
    }

    /// Adds the headers that let the calling page read the answer.
    ///
    /// An answer that is the same for every page, and says so, stays as it is.
    pub(in crate::http) fn grant(&self, origin: Option<&str>, headers: &mut HeaderMap) {
        if headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) {
            return;
        }
        headers.insert(VARY, HeaderValue::from_static("Origin"));
        let Some(origin) = origin.filter(|o| self.allows(o)) else {
            return;
        };
        insert(headers, ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    }
}

/// The `Origin` of a request. If it appears twice or is not text, the result is an origin that is never allowed.
pub(in crate::http) fn origin_of(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(ORIGIN).iter();
    let first = values.next()?;
    Some(match values.next() {
        None => first.to_str().unwrap_or_default(),
        Some(_) => "",
    })
}

/// The answer to a preflight that passed the rule. The token header of a `native` call needs to be allowed explicitly.
pub(in crate::http) fn preflight(native: bool) -> ApiResponse {
    let mut answer = ApiResponse::empty();
    let headers = answer.headers_mut();
    headers
        .insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"));
    let allowed = if native { ALLOWED_NATIVE } else { ALLOWED };
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(allowed));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    answer
}

fn is_web(origin: &str) -> bool {
    let scheme = origin.split_once("://").map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https"))
}

const EXPOSED: &str = "Authorization, Clerk-Db-Jwt, X-Country, Retry-After, X-Clerk-Trace-Id";
const ALLOWED: &str = "Content-Type";
/// The headers that native SDKs send with the token
/// ([guide: Native applications](crate::guide::contract#native-applications)), as far as those SDKs run in web views.
const ALLOWED_NATIVE: &str =
    "Authorization, Content-Type, Clerk-Api-Version, X-Clerk-Client-Id, X-Mobile, X-Expo-Sdk-Version";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::redirect::PageOrigins;

    #[test]
    fn the_origin_rule() {
        let get = origin_input(Method::GET, None);
        let post = origin_input(Method::POST, None);
        let own = Some("http://localhost:8080");
        let page = Some("http://localhost:3000");
        let conflict = Err(TransportError::OriginAuthorizationConflict);
        for (origin_input, expected) in [
            (origin_input(Method::POST, page), Ok(())),
            (origin_input(Method::POST, own), Ok(())),
            (origin_input(Method::GET, page), Ok(())),
            (get, Ok(())),
            (origin_input(Method::HEAD, None), Ok(())),
            (origin_input(Method::OPTIONS, None), Ok(())),
            (post, Err(TransportError::OriginMissing)),
            (with_site(post, "same-origin"), Ok(())),
            (with_site(post, "same-site"), Err(TransportError::OriginMissing)),
            (with_site(post, "cross-site"), Err(TransportError::OriginMissing)),
            (with_site(post, "none"), Err(TransportError::OriginMissing)),
            (OriginInput { native: true, ..post }, Ok(())),
            (OriginInput { native: true, authorization: true, ..post }, Ok(())),
            (OriginInput { native: true, ..origin_input(Method::POST, page) }, conflict),
            (OriginInput { native: true, ..origin_input(Method::GET, own) }, conflict),
            (OriginInput { authorization: true, ..origin_input(Method::POST, page) }, conflict),
            (OriginInput { realm: Realm::Dev, ..post }, Ok(())),
            // Web views send the origin of the page that they show.
            (
                OriginInput {
                    native: true,
                    authorization: true,
                    ..origin_input(Method::POST, Some("capacitor://localhost"))
                },
                Ok(()),
            ),
            (
                OriginInput { native: true, authorization: true, ..origin_input(Method::OPTIONS, Some(EXTENSION)) },
                Ok(()),
            ),
            (origin_input(Method::POST, Some(EXTENSION)), Ok(())),
            (OriginInput { authorization: true, ..origin_input(Method::POST, Some(EXTENSION)) }, conflict),
            (
                OriginInput { native: true, ..origin_input(Method::POST, Some("ionic://localhost")) },
                Err(TransportError::OriginInvalid),
            ),
            (
                OriginInput { native: true, ..origin_input(Method::POST, Some("null")) },
                Err(TransportError::OriginInvalid),
            ),
            (OriginInput { native: true, ..origin_input(Method::POST, Some("https://evil.example")) }, conflict),
        ] {
            assert_eq!(origins().check(&origin_input), expected, "{origin_input:?}");
        }
    }

    #[test]
    fn foreign_origins_are_refused_for_every_method_and_get_no_grant() {
        for origin in FOREIGN {
            for method in [Method::GET, Method::POST, Method::OPTIONS, Method::DELETE] {
                for realm in [Realm::Api, Realm::Dev] {
                    let origin_input = OriginInput { realm, ..origin_input(method.clone(), Some(origin)) };
                    let origin_input = with_site(origin_input, "same-origin");
                    assert_eq!(origins().check(&origin_input), Err(TransportError::OriginInvalid), "{origin}");
                }
            }
            let open = OriginInput { realm: Realm::Open, ..origin_input(Method::GET, Some(origin)) };
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
        let exposed = headers[ACCESS_CONTROL_EXPOSE_HEADERS].to_str().expect("text");
        assert!(exposed.contains("X-Clerk-Trace-Id"), "{exposed}");
    }

    #[test]
    fn the_host_of_an_application_is_compared_in_its_own_case_and_that_of_a_site_in_lower_case() {
        for (listed, sent, is_allowed) in [
            ("safari-web-extension://0D1F-EF", "safari-web-extension://0D1F-EF", true),
            ("Safari-Web-Extension://0D1F-EF/", "safari-web-extension://0D1F-EF", true),
            ("safari-web-extension://0D1F-EF", "safari-web-extension://0d1f-ef", false),
            ("safari-web-extension://0d1f-ef", "safari-web-extension://0D1F-EF", false),
            ("myapp://Host:8080", "myapp://Host:8080", true),
            ("myapp://Host:8080", "myapp://host:8080", false),
            ("https://APP.example.com", "https://app.example.com", true),
            ("https://app.example.com", "https://APP.example.com", false),
        ] {
            let origins = origins_of(&[listed], false);
            assert_eq!(origins.allows(sent), is_allowed, "{listed} {sent}");
            let referer = origins.of_referer(&format!("{sent}/page.html")).is_some();
            assert_eq!(referer, is_allowed || sent.starts_with("https"), "{listed} {sent}: the page at it");
        }
    }

    #[test]
    fn pages_of_this_machine_are_allowed_in_development_only() {
        let development = origins_of(LISTED, true);
        for origin in [
            "http://localhost",
            "http://localhost:3001",
            "https://localhost:3000",
            "http://127.0.0.1:5173",
            "http://127.8.8.8",
            "https://[::1]:3000",
            "http://app.localhost:3000",
        ] {
            assert!(development.allows(origin) && !origins().allows(origin), "{origin}");
        }
        for origin in [
            "http://localhost:80",
            "http://localhost:3001/",
            "HTTP://localhost:3001",
            "http://localhost.:3001",
            "http://localhost.evil.example",
            "http://evil-localhost",
            "http://user@localhost:3001",
            "http://2130706433",
            "http://0.0.0.0:3000",
            "http://192.168.1.7:3000",
            "http://[::]:3000",
            "http://[::ffff:127.0.0.1]:3000",
            "ftp://localhost",
            "javascript://localhost",
            "capacitor://127.0.0.1",
            "null",
            "",
        ] {
            assert!(!development.allows(origin), "{origin}");
        }
        assert!(origins().allows("http://localhost:8080"), "the engine's own");
    }

    #[test]
    fn a_native_preflight_lets_the_token_through() {
        for (native, expected) in [(true, true), (false, false)] {
            let response = preflight(native).into_response();
            let allowed = response.headers()[ACCESS_CONTROL_ALLOW_HEADERS].to_str().expect("text");
            assert_eq!(allowed.contains("Authorization"), expected, "{allowed}");
        }
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

    fn origins() -> Origins {
        origins_of(LISTED, false)
    }

    fn origins_of(listed: &[&str], loopback: bool) -> Origins {
        let url = Url::parse("http://localhost:8080").expect("a URL");
        let listed: Vec<String> = listed.iter().map(|text| (*text).to_owned()).collect();
        let rule = RedirectRule::new(PageOrigins::new(&url, &listed, loopback), &[]);
        Origins::new(Arc::new(rule), None)
    }

    fn origin_input(method: Method, origin: Option<&'static str>) -> OriginInput<'static> {
        OriginInput {
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

    fn with_site(origin_input: OriginInput<'static>, site: &'static str) -> OriginInput<'static> {
        OriginInput { fetch_site: Some(site), ..origin_input }
    }

    const LISTED: &[&str] =
        &["http://localhost:3000/", "*", "null", "HTTPS://App.Example.com:443", "Capacitor://localhost", EXTENSION];
    const EXTENSION: &str = "chrome-extension://abcdefghijklmnopabcdefghijklmnop";
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
        "capacitor://localhost:3000",
        "capacitor://localhost.evil.example",
        "CAPACITOR://localhost",
        "ionic://localhost",
        "chrome-extension://abcdefghijklmnopabcdefghijklmnoo",
        "file://",
    ];
}
