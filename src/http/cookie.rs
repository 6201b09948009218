//! Cookies ([guide: Cookies](crate::guide::contract#cookies)): the client token, which no script reads, and
//! `__client_uat`, which tells scripts and servers when the sessions last changed.

use std::fmt::{self, Write as _};

use hyper::header::{COOKIE, HeaderMap, HeaderValue, SET_COOKIE};

use crate::domain::site::{is_domain, parent};
use crate::token::cookie_suffix;

/// Holds the client token.
pub(in crate::http) const CLIENT: &str = "__client";
/// Holds the unix seconds of the last change of sessions, `0` when signed out.
pub(in crate::http) const CLIENT_UAT: &str = "__client_uat";

/// The suffix that distinguishes the cookies of several instances on the same domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::http) struct CookieSuffix(String);

/// What decides on the attributes of new cookies.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct CookieScope<'a> {
    /// The host of the request, without its port.
    pub(in crate::http) host: Option<&'a str>,
    /// Whether browsers reach the engine by https.
    pub(in crate::http) secure: bool,
}

impl CookieSuffix {
    /// The suffix of an instance, the same as clerk-js computes from the key.
    pub(in crate::http) fn of(publishable_key: &str) -> Self {
        Self(cookie_suffix(publishable_key))
    }
}

impl fmt::Display for CookieSuffix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// All values of a cookie in the request, in their order: cookies of several domains can have the same name.
pub(in crate::http) fn values<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a str> {
    // Pair by pair: an unreadable one does not hide the others.
    headers
        .get_all(COOKIE)
        .iter()
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b';'))
        .filter_map(|pair| str::from_utf8(pair).ok()?.split_once('='))
        .filter(move |(n, _)| n.trim() == name)
        .map(|(_, value)| value.trim())
        .filter(|value| !value.is_empty())
}

/// Sets the client token.
pub(in crate::http) fn set_client(headers: &mut HeaderMap, token: &str, place: CookieScope<'_>) {
    let domain = place.host.filter(|host| is_domain(host));
    append(headers, line(CLIENT, token, domain, MAX_AGE_S, true, place));
}

/// Puts the cookie of the client token last: the helpers of some proxies pass on only the last `Set-Cookie` of an
/// answer, and without this one the browser loses its client.
pub(in crate::http) fn put_client_last(headers: &mut HeaderMap) {
    let lines = || headers.get_all(SET_COOKIE).iter();
    if !sets_client(headers) || lines().next_back().is_some_and(is_clients) {
        return;
    }
    let (last, first): (Vec<_>, Vec<_>) = lines().cloned().partition(is_clients);
    headers.remove(SET_COOKIE);
    for line in first.into_iter().chain(last) {
        headers.append(SET_COOKIE, line);
    }
}

/// Whether an answer already sets or removes the client token.
pub(in crate::http) fn sets_client(headers: &HeaderMap) -> bool {
    headers.get_all(SET_COOKIE).iter().any(is_clients)
}

fn is_clients(line: &HeaderValue) -> bool {
    line.as_bytes().strip_prefix(CLIENT.as_bytes()).is_some_and(|rest| rest.starts_with(b"="))
}

/// Removes the client token.
pub(in crate::http) fn clear_client(headers: &mut HeaderMap, place: CookieScope<'_>) {
    let domain = place.host.filter(|host| is_domain(host));
    append(headers, line(CLIENT, "", domain, 0, true, place));
}

/// Sets the time of the last change of sessions, in unix seconds, under both names.
pub(in crate::http) fn set_uat(headers: &mut HeaderMap, seconds: u64, suffix: &CookieSuffix, place: CookieScope<'_>) {
    let domain = place.host.and_then(parent);
    let value = seconds.to_string();
    for name in [CLIENT_UAT.to_owned(), format!("{CLIENT_UAT}_{suffix}")] {
        append(headers, line(&name, &value, domain, MAX_AGE_S, false, place));
    }
}

/// Whether the request's `__client_uat`, under both names, already says `seconds`.
pub(in crate::http) fn has_uat(headers: &HeaderMap, seconds: u64, suffix: &CookieSuffix) -> bool {
    let value = seconds.to_string();
    let suffixed = format!("{CLIENT_UAT}_{suffix}");
    [CLIENT_UAT, &suffixed].iter().all(|name| {
        let mut found = values(headers, name).peekable();
        found.peek().is_some() && found.all(|v| v == value)
    })
}

/// Whether the request's `__client_uat` says that there are sessions.
pub(in crate::http) fn claims_sessions(headers: &HeaderMap, suffix: &CookieSuffix) -> bool {
    let suffixed = format!("{CLIENT_UAT}_{suffix}");
    [CLIENT_UAT, &suffixed].iter().any(|name| values(headers, name).any(|v| v != "0"))
}

fn line(
    name: &str,
    value: &str,
    domain: Option<&str>,
    max_age: u64,
    http_only: bool,
    place: CookieScope<'_>,
) -> String {
    let mut line = format!("{name}={value}; Path=/");
    if let Some(domain) = domain {
        let _infallible = write!(line, "; Domain={domain}");
    }
    let _infallible = write!(line, "; Max-Age={max_age}");
    if http_only {
        line.push_str("; HttpOnly");
    }
    if place.secure {
        line.push_str("; Secure");
    }
    line.push_str("; SameSite=Lax");
    line
}

/// Adds a whole `Set-Cookie` line.
pub(in crate::http) fn append(headers: &mut HeaderMap, line: String) {
    match HeaderValue::try_from(line) {
        Ok(value) => drop(headers.append(SET_COOKIE, value)),
        Err(_) => tracing::error!("a cookie could not be written"),
    }
}

/// 400 days, the longest that browsers keep a cookie.
const MAX_AGE_S: u64 = 400 * 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_suffix_is_the_one_that_clerk_js_computes() {
        // printf %s KEY | openssl sha1 -binary | base64 | tr '+/' '-_' | cut -c1-8
        let suffix = CookieSuffix::of("pk_live_Y2xlcmsubG9jYWxob3N0JA==");
        assert_eq!(suffix.to_string(), "9Kq1Csaf");
    }

    #[test]
    fn the_client_cookie_is_for_the_engine_alone() {
        let line = |host, secure| set(|h| set_client(h, "t0ken", CookieScope { host, secure }));
        assert_eq!(
            line(Some("localhost"), false),
            ["__client=t0ken; Path=/; Max-Age=34560000; HttpOnly; SameSite=Lax"]
        );
        assert_eq!(
            line(Some("clerk.example.com"), true),
            ["__client=t0ken; Path=/; Domain=clerk.example.com; Max-Age=34560000; HttpOnly; Secure; SameSite=Lax"]
        );
        for host in ["127.0.0.1", "[::1]", "localhost", "a.b; Secure", "A.b", "10.1", ""] {
            assert!(!line(Some(host), false)[0].contains("Domain"), "{host}");
        }
    }

    #[test]
    fn the_time_of_sessions_is_for_the_application_too() {
        let suffix = CookieSuffix("9Kq1Csaf".into());
        let lines = |host| {
            let place = CookieScope { host: Some(host), secure: false };
            set(|h| set_uat(h, 1_795_411_798, &suffix, place))
        };
        assert_eq!(
            lines("clerk.example.com"),
            [
                "__client_uat=1795411798; Path=/; Domain=example.com; Max-Age=34560000; SameSite=Lax",
                "__client_uat_9Kq1Csaf=1795411798; Path=/; Domain=example.com; Max-Age=34560000; SameSite=Lax",
            ]
        );
        assert!(lines("example.com")[0].contains("Domain=example.com;"));
        assert!(lines("example.co.uk")[0].contains("Domain=example.co.uk;"));
        assert!(lines("clerk.example.co.uk")[0].contains("Domain=example.co.uk;"));
        assert!(!lines("localhost")[0].contains("Domain"));
    }

    #[test]
    fn the_client_token_is_set_last_and_the_rest_stays_in_order() {
        let order = |lines: &[&'static str]| {
            set(|headers| {
                for line in lines {
                    headers.append(SET_COOKIE, HeaderValue::from_static(line));
                }
                put_client_last(headers);
            })
        };
        for (lines, ordered) in [
            (&["__client=a; Path=/", "__client_uat=1", "__client_uat_x=1"][..], vec![1, 2, 0]),
            (&["__client_uat=1", "__client=a", "__client_uat_x=1"], vec![0, 2, 1]),
            (&["__client_uat=1", "__client_uat_x=1", "__client=; Max-Age=0"], vec![0, 1, 2]),
            (&["__client=a", "x=1", "__client=b"], vec![0, 1, 2]),
            (&["__client=a"], vec![0]),
            (&["__client_uat=1", "__clients=1"], vec![0, 1]),
            (&[], vec![]),
        ] {
            let expected: Vec<_> = ordered.into_iter().map(|n| lines[n]).collect();
            assert_eq!(order(lines), expected);
        }
    }

    #[test]
    fn clearing_has_the_same_place() {
        let place = CookieScope { host: Some("clerk.example.com"), secure: true };
        assert_eq!(
            set(|h| clear_client(h, place)),
            ["__client=; Path=/; Domain=clerk.example.com; Max-Age=0; HttpOnly; Secure; SameSite=Lax"]
        );
    }

    #[test]
    fn cookies_of_one_name_are_all_read() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, HeaderValue::from_static("a=1; __client=x; __clients=no"));
        headers.append(COOKIE, HeaderValue::from_static("__client= y=z ;__client="));
        assert_eq!(values(&headers, CLIENT).collect::<Vec<_>>(), ["x", "y=z"]);
        let odd = HeaderValue::from_bytes(b"__client=\xff; a=\xc3\xa4; __client=z").expect("bytes that may be sent");
        headers.append(COOKIE, odd);
        assert_eq!(values(&headers, CLIENT).collect::<Vec<_>>(), ["x", "y=z", "z"]);
    }

    #[test]
    fn the_time_is_written_only_where_it_is_news() {
        let suffix = CookieSuffix("9Kq1Csaf".into());
        let mut headers = HeaderMap::new();
        assert!(!has_uat(&headers, 0, &suffix) && !claims_sessions(&headers, &suffix));
        headers.insert(COOKIE, HeaderValue::from_static("__client_uat=5"));
        assert!(!has_uat(&headers, 5, &suffix) && claims_sessions(&headers, &suffix));
        headers.append(COOKIE, HeaderValue::from_static("__client_uat_9Kq1Csaf=5"));
        assert!(has_uat(&headers, 5, &suffix) && !has_uat(&headers, 6, &suffix));
    }

    fn set(write: impl FnOnce(&mut HeaderMap)) -> Vec<String> {
        let mut headers = HeaderMap::new();
        write(&mut headers);
        let lines = headers.get_all(SET_COOKIE).iter();
        lines.map(|l| l.to_str().expect("text").to_owned()).collect()
    }
}
