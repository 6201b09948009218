//! The head of a request: what it asks for, its source, and how its client identifies itself. This module does not
//! check any of that, and does not know what the paths mean.

use std::net::{IpAddr, SocketAddr};

use hyper::Method;
use hyper::header::{AUTHORIZATION, HeaderMap, HeaderName, REFERER, USER_AGENT};
use hyper::http::request::Parts;
use url::Url;

use crate::engine::{DEV_BROWSER_PREFIX, RequestContext, TokenCarrier};

use super::audience::Audience;
use super::form::Params;
use super::host;
use super::proxy::client_ip;
use crate::http::HttpOptions;
use crate::http::cookie::{self, CookieScope};
use crate::http::response::cors::{OriginInput, Origins, Realm, origin_of};
use crate::http::response::error::{HttpError, TransportError};

/// A request without its body.
#[derive(Debug)]
pub(in crate::http) struct RequestHead {
    /// The method, after `_method`.
    pub(in crate::http) method: Method,
    /// The path, still encoded.
    pub(in crate::http) path: String,
    /// The query.
    pub(in crate::http) query: Params,
    /// The query as it was received.
    pub(in crate::http) encoded_query: String,
    /// The headers.
    pub(in crate::http) headers: HeaderMap,
    /// How the client identifies itself.
    pub(in crate::http) mode: AuthMode,
    /// The source address.
    pub(in crate::http) ip: IpAddr,
    /// The host that the browser used, in lower case and without a port; a trusted proxy may have forwarded it.
    pub(in crate::http) host: Option<String>,
    /// Whether that is only the host of `public_url`: a proxy that is not trusted passes requests on from a path of a site, and
    /// calls the engine by another name, which the browser does not know.
    pub(in crate::http) is_host_assumed: bool,
    /// The host in the request itself, regardless of forwarding headers.
    pub(in crate::http) own_host: Option<String>,
    /// Whether the browser's connection is https.
    pub(in crate::http) secure: bool,
    /// Whether an application passed it on ([guide: Proxies of an
    /// application](crate::guide::contract_handshakes#proxies-of-an-application)).
    pub(in crate::http) relay: Relay,
}

/// Whether an application's server passed a request on, and proved it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Relay {
    /// The request shows no secret key.
    None,
    /// It shows the instance's secret key, so its statements about the browser are believed.
    Proved,
    /// It shows another key.
    Refused,
}

/// How a client identifies itself, chosen per request ([guide: Clients](crate::guide::contract#clients)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum AuthMode {
    /// By the `__client` cookie.
    Cookie,
    /// By `Authorization`: an application without cookies.
    Native,
    /// By `__clerk_db_jwt`: the dev browser of a development instance.
    DevBrowser,
}

impl RequestHead {
    /// Reads the head of a request from `peer`. `is_secret_key` compares a key with the instance's.
    ///
    /// # Errors
    /// When the host is invalid, or the HTTP layer can't read the query.
    pub(in crate::http) fn read(
        parts: Parts,
        peer: SocketAddr,
        options: &HttpOptions,
        is_secret_key: impl Fn(&str) -> bool,
    ) -> Result<Self, HttpError> {
        let own_host = host::named(&parts)?;
        let mut headers = parts.headers;
        // Nothing behind this line sees the key.
        let relay = match headers.remove(RELAY_KEY) {
            None => Relay::None,
            Some(key) if key.to_str().is_ok_and(is_secret_key) => Relay::Proved,
            Some(_) => Relay::Refused,
        };
        let encoded = parts.uri.query().unwrap_or_default();
        let query =
            Params::decode(encoded.as_bytes(), options.max_params).map_err(|_| TransportError::RequestBodyTooLarge)?;
        let mode = mode(&query, options)?;
        let method = match (parts.method, query.single("_method")?) {
            (Method::POST, Some(name)) => overridden(name)?,
            (method, _) => method,
        };
        let trusted = options.trusts(peer.ip()) || relay == Relay::Proved;
        let ip = match relay {
            Relay::Proved => {
                let proxies = [&options.trusted_proxies[..], &[peer.ip().into()]].concat();
                client_ip(peer.ip(), &headers, &proxies)
            }
            Relay::None | Relay::Refused => client_ip(peer.ip(), &headers, &options.trusted_proxies),
        };
        let by_proxy = |name| texts(&headers, name).next().filter(|_| trusted);
        let secure = options.public_url.scheme() == "https"
            || by_proxy("x-forwarded-proto").is_some_and(|p| p.eq_ignore_ascii_case("https"));
        let told = by_proxy("x-forwarded-host").and_then(host::of);
        let public = elsewhere(&options.public_url, own_host.as_deref()).filter(|_| told.is_none());
        let is_host_assumed = public.is_some();
        let host = told.or(public).or_else(|| own_host.clone());
        let (path, encoded_query) = (parts.uri.path().to_owned(), encoded.to_owned());
        Ok(Self {
            method,
            path,
            query,
            encoded_query,
            mode,
            ip,
            host,
            is_host_assumed,
            own_host,
            secure,
            relay,
            headers,
        })
    }

    /// A reference to the path of this request with another query. `last` is the last part of that path, or nothing: it is
    /// relative, so that it is right below every path at which a proxy has the server. But the proxies in Clerk's packages
    /// read references as if they were at the root.
    pub(in crate::http) fn reference(&self, last: &str, query: &str) -> String {
        let is_told = self.headers.contains_key(RELAY_URL);
        format!("{}?{query}", if is_told { &self.path } else { last })
    }

    /// Whether a proxy of an application passes it on, or says so.
    pub(in crate::http) fn is_relayed(&self) -> bool {
        self.relay != Relay::None || self.headers.contains_key(RELAY_URL)
    }

    /// The hosts that proxies name, believed or not; `None` for one that is none.
    pub(in crate::http) fn forwarded_hosts(&self) -> impl Iterator<Item = Option<String>> {
        texts(&self.headers, "x-forwarded-host").flat_map(|line| line.split(',')).map(|host| host::of(host.trim()))
    }

    /// Who reads the answer.
    pub(in crate::http) fn audience(&self) -> Audience {
        Audience::of(&self.method, &self.headers)
    }

    /// The input of the origin rule.
    pub(in crate::http) fn origin_input(&self, realm: Realm) -> OriginInput<'_> {
        OriginInput {
            method: &self.method,
            origin: origin_of(&self.headers),
            native: self.mode == AuthMode::Native,
            authorization: self.headers.contains_key(AUTHORIZATION),
            fetch_site: self.text("sec-fetch-site"),
            realm,
        }
    }

    /// The source of the call for the engine, with its allowed origin, which a same-origin GET has only in `Referer`.
    pub(in crate::http) fn source(&self, origins: &Origins) -> RequestContext {
        let origin = match origin_of(&self.headers) {
            Some(origin) => Some(origin.to_owned()).filter(|o| origins.allows(o)),
            None => self.text(REFERER.as_str()).and_then(|r| origins.of_referer(r)),
        };
        let carrier = match self.mode {
            AuthMode::Cookie => TokenCarrier::Cookie,
            AuthMode::Native => TokenCarrier::Header,
            AuthMode::DevBrowser => TokenCarrier::DevBrowser,
        };
        // The signature is the most expensive part of an answer. Pages need the token at once; an application without
        // cookies asks for one when it calls its own backend.
        let tokens = self.mode != AuthMode::Native;
        let testing_token = self.query.single("__clerk_testing_token").ok().flatten().map(str::to_owned);
        let user_agent = self.text(USER_AGENT.as_str()).map(str::to_owned);
        RequestContext { origin, carrier, tokens, testing_token, address: Some(self.ip), user_agent }
    }

    /// What decides on the attributes of new cookies.
    pub(in crate::http) fn cookie_scope(&self) -> CookieScope<'_> {
        // Without a domain a cookie is for the host that the browser used, whichever that is.
        let host = self.host.as_deref().filter(|_| !self.is_host_assumed);
        CookieScope { host, secure: self.secure }
    }

    /// The key in `Authorization: Bearer …`, as backends send it.
    pub(in crate::http) fn bearer(&self) -> Option<&str> {
        let value = self.text(AUTHORIZATION.as_str())?;
        Some(bearer(value)).filter(|key| !key.is_empty() && *key != value.trim())
    }

    /// Whether it contains what looks like a backend's secret key, right or wrong.
    pub(in crate::http) fn shows_secret_key(&self) -> bool {
        self.bearer().is_some_and(|key| key.starts_with("sk_"))
    }

    /// Whether the caller is a page or an application without cookies: servers send no such headers.
    pub(in crate::http) fn is_of_browser_or_application(&self) -> bool {
        self.mode != AuthMode::Cookie || origin_of(&self.headers).is_some() || self.text("sec-fetch-site").is_some()
    }

    /// The client tokens in the request, for its mode: several only where there are several cookies or headers of the
    /// name.
    pub(in crate::http) fn tokens(&self) -> Vec<&str> {
        match self.mode {
            AuthMode::Cookie => cookie::values(&self.headers, cookie::CLIENT).collect(),
            AuthMode::Native => {
                let lines = self.headers.get_all(AUTHORIZATION).iter();
                lines.filter_map(|line| line.to_str().ok()).map(bearer).filter(|token| !token.is_empty()).collect()
            }
            AuthMode::DevBrowser => self
                .query
                .single(DEV_BROWSER)
                .ok()
                .flatten()
                .and_then(|id| id.strip_prefix(DEV_BROWSER_PREFIX))
                .into_iter()
                .collect(),
        }
    }

    /// The value of a header, if it is text.
    pub(in crate::http) fn text(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

fn mode(query: &Params, options: &HttpOptions) -> Result<AuthMode, HttpError> {
    let native = query.single("_is_native")?;
    if native.is_some_and(|n| n == "1" || n == "true") {
        return Ok(AuthMode::Native);
    }
    Ok(match query.single(DEV_BROWSER)? {
        Some(_) if options.development => AuthMode::DevBrowser,
        _ => AuthMode::Cookie,
    })
}

/// The method that `_method` gives to a POST. Methods that the contract does not have are refused here as on the wire.
fn overridden(name: &str) -> Result<Method, HttpError> {
    let method = name.to_ascii_uppercase();
    match method.as_str() {
        "GET" | "POST" | "PUT" | "PATCH" | "DELETE" => {
            Method::from_bytes(method.as_bytes()).map_err(|_| TransportError::MethodNotAllowed.into())
        }
        _ => Err(HttpError::method_not_allowed("GET, POST, PUT, PATCH, DELETE")),
    }
}

fn texts<'a>(headers: &'a HeaderMap, name: &'static str) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(HeaderName::from_static(name)).iter();
    values.filter_map(|value| value.to_str().ok().map(str::trim))
}

/// A token from `Authorization`, bare or after `Bearer`.
fn bearer(value: &str) -> &str {
    let value = value.trim();
    match value.split_at_checked(6) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") && (rest.is_empty() || rest.starts_with(' ')) => {
            rest.trim()
        }
        _ => value,
    }
}

const DEV_BROWSER: &str = "__clerk_db_jwt";
/// The URL at which an application has this server, for browsers.
const RELAY_URL: &str = "clerk-proxy-url";
/// The instance's secret key, by which the application proves itself.
const RELAY_KEY: &str = "clerk-secret-key";

/// The host of `public_url`, where that has a path and the request names another host.
fn elsewhere(public_url: &Url, own_host: Option<&str>) -> Option<String> {
    let host = public_url.host_str().filter(|_| public_url.path() != "/")?;
    (own_host != Some(host)).then(|| host.to_owned())
}

#[cfg(test)]
mod tests {
    use hyper::Request;
    use url::Url;

    use super::*;

    #[test]
    fn a_post_can_stand_for_other_methods() {
        let method = |verb: &str, path| read(verb, path, &[]).map(|head| head.method);
        assert_eq!(method("POST", "/v1/client?_method=PATCH").ok(), Some(Method::PATCH));
        assert_eq!(method("POST", "/v1/client?_method=delete").ok(), Some(Method::DELETE));
        assert_eq!(method("GET", "/v1/client?_method=DELETE").ok(), Some(Method::GET));
        assert!(method("POST", "/v1/client?_method=TRACE").is_err());
        assert!(method("POST", "/v1/client?_method=PATCH&_method=GET").is_err());
    }

    #[test]
    fn the_mode_is_chosen_per_request() {
        let mode = |path| head(path, &[]).mode;
        assert_eq!(mode("/v1/client"), AuthMode::Cookie);
        assert_eq!(mode("/v1/client?_is_native=0"), AuthMode::Cookie);
        assert_eq!(mode("/v1/client?_is_native=1"), AuthMode::Native);
        assert_eq!(mode("/v1/client?_is_native=true&__clerk_db_jwt=dvb_x"), AuthMode::Native);
        assert_eq!(mode("/v1/client?__clerk_db_jwt=dvb_x"), AuthMode::DevBrowser);
    }

    #[test]
    fn production_instances_have_no_dev_browsers() {
        let mut options = options();
        options.development = false;
        let parts = request("GET", "/v1/client?__clerk_db_jwt=dvb_x", &[]);
        let head = RequestHead::read(parts, PEER, &options, is_key).expect("a head");
        assert_eq!(head.mode, AuthMode::Cookie);
    }

    #[test]
    fn each_mode_reads_only_its_own_token() {
        let headers = [("cookie", "__client=c1; __client=c2"), ("authorization", "bearer n"), ("authorization", "n2")];
        let tokens = |path| {
            let head = head(path, &headers);
            head.tokens().iter().map(|t| (*t).to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(tokens("/v1/client"), ["c1", "c2"]);
        assert_eq!(tokens("/v1/client?_is_native=1"), ["n", "n2"]);
        assert_eq!(tokens("/v1/client?__clerk_db_jwt=dvb_d"), ["d"]);
        assert_eq!(tokens("/v1/client?__clerk_db_jwt=d"), [""; 0]);
    }

    #[test]
    fn a_bearer_token_may_be_bare_or_empty() {
        for (value, token) in [
            ("abc", "abc"),
            ("Bearer abc", "abc"),
            ("BEARER  abc ", "abc"),
            ("Bearer", ""),
            ("", ""),
            ("bearerabc", "bearerabc"),
        ] {
            assert_eq!(bearer(value), token, "{value}");
        }
    }

    #[test]
    fn forwarded_headers_of_strangers_are_ignored() {
        let headers = [
            ("host", "Clerk.Example.com:8443"),
            ("x-forwarded-for", "198.51.100.7"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "other.example"),
        ];
        let stranger = head("/v1/client", &headers);
        assert_eq!(stranger.ip, PEER.ip());
        assert_eq!(stranger.host.as_deref(), Some("clerk.example.com"));
        assert!(!stranger.secure);
        let mut options = options();
        options.trusted_proxies = vec![PEER.ip().into()];
        let parts = request("GET", "/v1/client", &headers);
        let proxied = RequestHead::read(parts, PEER, &options, is_key).expect("a head");
        assert_eq!(proxied.ip.to_string(), "198.51.100.7");
        assert_eq!(proxied.host.as_deref(), Some("other.example"));
        assert!(proxied.secure);
    }

    #[test]
    fn what_proxies_say_of_the_host_does_not_replace_the_requests_own() {
        let headers = [("host", "evil.example"), ("x-forwarded-host", "localhost")];
        let mut options = options();
        options.trusted_proxies = vec![PEER.ip().into()];
        let head = RequestHead::read(request("GET", "/dev/outbox", &headers), PEER, &options, is_key).expect("a head");
        assert_eq!((head.host.as_deref(), head.own_host.as_deref()), (Some("localhost"), Some("evil.example")));
    }

    #[test]
    fn an_application_that_passes_requests_on_is_believed_with_the_right_key_only() {
        let told = [
            ("host", "engine.internal:8080"),
            ("clerk-proxy-url", "https://app.example.com/__clerk"),
            ("x-forwarded-for", "198.51.100.7"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "app.example.com"),
        ];
        for (key, relay) in [(None, Relay::None), (Some("sk_no"), Relay::Refused), (Some("sk_yes"), Relay::Proved)] {
            let headers: Vec<_> = told.into_iter().chain(key.map(|key| ("clerk-secret-key", key))).collect();
            let head = head("/v1/client", &headers);
            let (ip, host) = (head.ip.to_string(), head.host.as_deref());
            let expected = match relay {
                Relay::Proved => ("198.51.100.7".to_owned(), Some("app.example.com"), true),
                Relay::None | Relay::Refused => (PEER.ip().to_string(), Some("engine.internal"), false),
            };
            assert_eq!((head.relay, (ip, host, head.secure)), (relay, expected));
            assert!(!head.headers.contains_key("clerk-secret-key"));
        }
    }

    #[test]
    fn behind_a_path_the_name_that_a_proxy_calls_the_engine_by_gets_no_cookies() {
        let read = |own: &str, headers: &[(&str, &str)], trusted| {
            let mut options = options();
            options.public_url = Url::parse("https://app.example.com/__clerk").expect("a URL");
            options.trusted_proxies = if trusted { vec![PEER.ip().into()] } else { Vec::new() };
            let headers = [headers, &[("host", own)]].concat();
            RequestHead::read(request("GET", "/v1/client", &headers), PEER, &options, is_key).expect("a head")
        };
        let told = [("x-forwarded-host", "other.example")];
        for (own, headers, trusted, host, domain) in [
            ("app.example.com", &[][..], false, "app.example.com", Some("app.example.com")),
            ("engine.internal:8080", &[], false, "app.example.com", None),
            ("engine.internal:8080", &told, false, "app.example.com", None),
            ("engine.internal:8080", &told, true, "other.example", Some("other.example")),
        ] {
            let head = read(own, headers, trusted);
            assert_eq!((head.host.as_deref(), head.cookie_scope().host), (Some(host), domain), "{own} {trusted}");
        }
        let plain = head("/v1/client", &[("host", "engine.internal:8080")]);
        assert_eq!(plain.cookie_scope().host, Some("engine.internal"), "without a path it may have several names");
    }

    #[test]
    fn references_suit_the_proxies_that_read_them() {
        let relayed = [("clerk-proxy-url", "https://app.example.com/__clerk")];
        assert_eq!(head("/v1/client", &[]).reference("client", "a=b"), "client?a=b");
        assert_eq!(head("/v1/client", &relayed).reference("client", "a=b"), "/v1/client?a=b");
    }

    fn is_key(key: &str) -> bool {
        key == "sk_yes"
    }

    fn head(path: &str, headers: &[(&str, &str)]) -> RequestHead {
        read("GET", path, headers).expect("a head")
    }

    fn read(method: &str, path: &str, headers: &[(&str, &str)]) -> Result<RequestHead, HttpError> {
        RequestHead::read(request(method, path, headers), PEER, &options(), is_key)
    }

    fn request(method: &str, path: &str, headers: &[(&str, &str)]) -> Parts {
        let mut builder = Request::builder().method(method).uri(path);
        if !headers.iter().any(|(name, _)| *name == "host") {
            builder = builder.header("host", "localhost:8080");
        }
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        builder.body(()).expect("a request").into_parts().0
    }

    fn options() -> HttpOptions {
        let url = Url::parse("http://localhost:8080").expect("a URL");
        HttpOptions::new(url, "pk_live_x", true)
    }

    const PEER: SocketAddr = SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)), 4000);
}
