//! The origins of pages, in the notation of browsers and web views (RFC 6454).

use url::{Host, Url};

/// The origins whose pages may call the engine, and to whose pages browsers may be sent. They are compared exactly.
#[derive(Clone, Debug)]
pub struct PageOrigins {
    /// In the order in which they were given.
    listed: Vec<String>,
    /// The engine's own, which is always allowed.
    own: Option<String>,
    /// Whether pages of this machine are allowed, on every port.
    loopback: bool,
}

impl PageOrigins {
    /// The origins in `listed` and the engine's own, that of `public_url`. Texts that can't be an origin are left out.
    /// With `loopback` the pages of this machine are allowed too, on every port: for developers.
    pub fn new(public_url: &Url, listed: &[String], loopback: bool) -> Self {
        let listed = listed.iter().filter_map(|text| origin(text.trim())).collect();
        Self { listed, own: origin_of_page(public_url), loopback }
    }

    /// Whether pages of `origin` may call.
    pub fn allows(&self, origin: &str) -> bool {
        let is_known = self.own.iter().chain(&self.listed).any(|known| known == origin);
        is_known || (self.loopback && is_loopback_origin(origin))
    }

    /// The first listed origin of a web site, which is where the application is.
    #[cfg_attr(not(feature = "server"), allow(dead_code, reason = "only pages over HTTP lead there"))]
    pub fn first_site(&self) -> Option<&str> {
        self.listed.iter().map(String::as_str).find(|origin| is_web(origin))
    }
}

/// The origin in a text, as browsers and web views write it: of a web site, or of a native application's pages, such
/// as `capacitor://localhost`. `None` where the text is no origin.
pub fn origin(text: &str) -> Option<String> {
    let is_plain = !text.contains(|c: char| c.is_whitespace() || c.is_control() || "*@\\?#".contains(c));
    let (scheme, authority) = text.split_once("://").filter(|_| is_plain)?;
    match scheme.to_ascii_lowercase().as_str() {
        "http" | "https" => {
            let url = Url::parse(text).ok().filter(|url| url.path() == "/")?;
            Some(url.origin().ascii_serialization())
        }
        scheme => app_origin(scheme, authority.strip_suffix('/').unwrap_or(authority)),
    }
}

/// The origin of the page at `url`, in the notation of browsers; `None` for a URL without a host.
pub fn origin_of_page(url: &Url) -> Option<String> {
    if matches!(url.scheme(), "http" | "https") {
        return Some(url.origin().ascii_serialization());
    }
    // The URL standard calls such origins opaque, but web views send scheme, host and port all the same.
    let (scheme, host) = (url.scheme(), url.host_str().filter(|host| !host.is_empty())?);
    Some(url.port().map_or_else(|| format!("{scheme}://{host}"), |port| format!("{scheme}://{host}:{port}")))
}

/// Whether a URL's host is this machine, judged by its name.
pub fn is_loopback(url: &Url) -> bool {
    url.host().is_some_and(|host| is_loopback_host(&host))
}

/// Whether a host is this machine, judged by its name.
pub fn is_loopback_host(host: &Host<impl AsRef<str>>) -> bool {
    match host {
        Host::Domain(name) => name.as_ref() == "localhost",
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => ip.is_loopback(),
    }
}

/// The origin of a native application's pages, as web views and browsers write it: the scheme in lower case, the opaque
/// host unchanged (URL standard; Safari names its extensions in capitals), the port if there is one. Schemes with pages
/// that any site can create, or without pages, are refused.
fn app_origin(scheme: &str, authority: &str) -> Option<String> {
    const REFUSED: [&str; 11] =
        ["file", "filesystem", "javascript", "vbscript", "data", "blob", "about", "view-source", "ws", "wss", "ftp"];
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_lowercase())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
    let is_host = !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
    let is_port = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|number| number.to_string() == port));
    let is_good = is_scheme && is_host && is_port && !REFUSED.contains(&scheme);
    is_good.then(|| format!("{scheme}://{authority}"))
}

/// Whether an origin is one of this machine's, in the notation of browsers. Names below `localhost` are too (RFC 6761,
/// 6.3).
fn is_loopback_origin(origin: &str) -> bool {
    let Ok(url) = Url::parse(origin) else { return false };
    let is_below = matches!(url.host(), Some(Host::Domain(name)) if name.ends_with(".localhost"));
    is_web(origin) && (is_below || is_loopback(&url)) && url.origin().ascii_serialization() == origin
}

fn is_web(origin: &str) -> bool {
    let scheme = origin.split_once("://").map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https"))
}
