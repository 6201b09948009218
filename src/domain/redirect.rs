//! Where browsers may be sent: one rule for every `redirect_url` that an application or a page gives
//! ([guide: Redirects](crate::guide::contract_sign_ups#redirects)). The parsed URL is compared, and the parsed URL is
//! also the result, so that later readers can't read it differently.

use std::fmt;

use url::Url;

use super::rejection::{ErrorCode, Reason};

mod origins;
#[cfg(test)]
mod tests;

#[cfg(any(feature = "server", feature = "unstable"))]
pub use origins::is_loopback_host;
pub use origins::{PageOrigins, is_loopback, origin, origin_of_page};

/// An absolute URL that the instance allowed. Only [`RedirectRule::check`] and [`RedirectRule::check_listed`]
/// make one, so a function that takes it needs no check of its own, and a browser may be sent to it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RedirectUrl(String);

/// The URLs that browsers may be sent to: everything on the origins whose pages may call, and a list of further URLs.
#[derive(Clone, Debug)]
pub struct RedirectRule {
    origins: PageOrigins,
    entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
enum Entry {
    /// An http or https URL and everything below it.
    Below(Url),
    /// Exactly this, such as the callback of a native application.
    Exactly(String),
}

impl RedirectUrl {
    /// The URL as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A URL that was allowed when it was stored or sealed, read back. Before a browser is sent to it, it is checked
    /// again by [`RedirectRule::still_allows`].
    pub(crate) const fn restored(text: String) -> Self {
        Self(text)
    }
}

impl RedirectRule {
    /// The rule for pages on `origins`, and for the URLs in `further`: http and https URLs with everything below them,
    /// other URLs exactly. Texts that can't be a redirect target are left out.
    pub fn new(origins: PageOrigins, further: &[String]) -> Self {
        let entry = |text: &String| {
            let url = redirect_target(text)?;
            Some(if is_web(&url) { Entry::Below(url) } else { Entry::Exactly(text.clone()) })
        };
        Self { origins, entries: further.iter().filter_map(entry).collect() }
    }

    /// The origins whose pages may call.
    #[cfg_attr(not(feature = "server"), allow(dead_code, reason = "only HTTP compares the origins of requests"))]
    pub const fn origins(&self) -> &PageOrigins {
        &self.origins
    }

    /// The absolute URL in `text`, the value of the parameter `param`. A relative one is resolved against `origin`, the
    /// allowed origin of the calling page.
    ///
    /// # Errors
    /// `invalid_redirect_url` for a URL that is not allowed, or whose notation different parsers could read
    /// differently.
    pub fn check(&self, param: &str, text: &str, origin: Option<&str>) -> Result<RedirectUrl, Reason> {
        let is_short = text.len() <= LENGTH_MAX;
        let allowed = self.allowed(text, origin).filter(|_| is_short);
        allowed.map(RedirectUrl).ok_or_else(|| ErrorCode::InvalidRedirectUrl.on(param))
    }

    /// The URL in `text`, the value of the parameter `param`, if it is listed: the origins whose pages may call do not count. For
    /// URLs to which an application is brought what it continues with.
    ///
    /// # Errors
    /// `resource_missmatch` for a URL that is not listed, or whose notation different parsers could read differently.
    pub fn check_listed(&self, param: &str, text: &str) -> Result<RedirectUrl, Reason> {
        let is_short = text.len() <= LENGTH_MAX;
        let listed = self.listed(text).filter(|_| is_short);
        listed.map(RedirectUrl).ok_or_else(|| ErrorCode::ResourceMissmatch.on(param))
    }

    /// The page to which a handshake returns: an absolute URL of a web site, in the value of the parameter `param`; of one
    /// that is too long the root of its site.
    ///
    /// # Errors
    /// `invalid_redirect_url` for what is no such URL, or whose notation different parsers could read differently;
    /// `invalid_handshake` for a page that is not allowed.
    pub fn page(&self, param: &str, text: &str) -> Result<Url, Reason> {
        let is_readable = text.len() <= PAGE_LENGTH_MAX && is_plain(text);
        let url = Url::parse(text).ok().filter(|url| is_readable && is_web(url) && is_plainly_spelled(text, url));
        let mut url = url.ok_or_else(|| ErrorCode::InvalidRedirectUrl.on(param))?;
        if text.len() > LENGTH_MAX {
            // The person wanted a page: the root of its site is better than none. The result does not fit beside the rest.
            url.set_path("/");
            url.set_query(None);
            url.set_fragment(None);
        }
        if self.allowed(url.as_str(), None).is_some() { Ok(url) } else { Err(ErrorCode::InvalidHandshake.on(param)) }
    }

    /// Whether a URL that was allowed when a flow began is still allowed: the operator may have changed the list since.
    pub fn still_allows(&self, url: &RedirectUrl) -> bool {
        self.allowed(&url.0, None).is_some_and(|allowed| allowed == url.0)
    }

    /// Whether a URL that was listed when a flow began is still listed.
    pub fn still_lists(&self, url: &RedirectUrl) -> bool {
        self.listed(&url.0).is_some_and(|listed| listed == url.0)
    }

    fn allowed(&self, text: &str, origin: Option<&str>) -> Option<String> {
        if self.lists_exactly(text) {
            return Some(text.to_owned());
        }
        let url = read(text, origin)?;
        let on_allowed_origin = origin_of_page(&url).is_some_and(|origin| self.origins.allows(&origin));
        (on_allowed_origin || self.lists_above(&url)).then(|| url.into())
    }

    fn listed(&self, text: &str) -> Option<String> {
        if self.lists_exactly(text) {
            return Some(text.to_owned());
        }
        read(text, None).filter(|url| self.lists_above(url)).map(Into::into)
    }

    fn lists_exactly(&self, text: &str) -> bool {
        let is_exact = |entry: &Entry| matches!(entry, Entry::Exactly(exact) if exact == text);
        is_plain(text) && self.entries.iter().any(is_exact)
    }

    fn lists_above(&self, url: &Url) -> bool {
        self.entries.iter().any(|entry| matches!(entry, Entry::Below(prefix) if is_below(url, prefix)))
    }
}

/// The absolute URL in a text; a relative one is resolved against `origin`. `None` for a notation that parsers could read
/// differently.
fn read(text: &str, origin: Option<&str>) -> Option<Url> {
    if !is_plain(text) {
        return None;
    }
    match Url::parse(text) {
        Ok(url) if has_no_user(&url) && is_plainly_spelled(text, &url) => Some(url),
        Err(url::ParseError::RelativeUrlWithoutBase) if is_relative(text) => Url::parse(origin?).ok()?.join(text).ok(),
        _ => None,
    }
}

/// No spaces, control characters, or characters beyond ASCII: parsers drop or change them, each in its own way.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\')
}

/// `url` without the parameters of these names. Without any of them it stays as it is, byte for byte.
pub fn without_parameters(mut url: Url, names: &[&str]) -> Url {
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

/// The URL in a text that an operator lists as a redirect target; `None` where it can't be one.
pub fn redirect_target(text: &str) -> Option<Url> {
    // Schemes that execute or show the content of the URL itself, or read files.
    const REFUSED: [&str; 8] = ["javascript", "vbscript", "data", "blob", "file", "filesystem", "about", "view-source"];
    let url = Url::parse(text).ok().filter(|_| is_plain(text) && !text.contains('*'))?;
    Some(url).filter(|url| !REFUSED.contains(&url.scheme()) && has_no_user(url))
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

impl fmt::Display for RedirectUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The URL may have secrets of its page, such as a dev browser.
impl fmt::Debug for RedirectUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redirect url]")
    }
}

impl AsRef<str> for RedirectUrl {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// In bytes; longer than the URLs that browser applications use.
const LENGTH_MAX: usize = 2048;
/// The longest URL of a page that is read at all, in bytes.
const PAGE_LENGTH_MAX: usize = 32 * 1024;
