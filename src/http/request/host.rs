//! The host of a request (RFC 9112, 3.2): exactly one, and the same wherever it appears. Two machines that read the
//! same request must not find different hosts in it.

use std::net::Ipv6Addr;

use hyper::Version;
use hyper::header::HOST;
use hyper::http::request::Parts;

use crate::http::response::error::TransportError;

/// The host of the request, in lower case and without a port; `None` where an HTTP/1.0 request has none.
///
/// # Errors
/// 400 for HTTP/1.1 without a `Host` line, for several of them, for an invalid one, and for one that differs from the
/// target of the request.
pub(in crate::http) fn named(parts: &Parts) -> Result<Option<String>, TransportError> {
    let mut lines = parts.headers.get_all(HOST).iter();
    let line = lines.next();
    if lines.next().is_some() || (line.is_none() && parts.version == Version::HTTP_11) {
        return Err(TransportError::HostInvalid);
    }
    let parse = |text: &str| Authority::parse(text).ok_or(TransportError::HostInvalid);
    let line = line.map(|line| line.to_str().map_err(|_| TransportError::HostInvalid).and_then(parse)).transpose()?;
    let target = parts.uri.authority().map(|target| parse(target.as_str())).transpose()?;
    let default = if parts.uri.scheme_str() == Some("https") { 443 } else { 80 };
    match (line, target) {
        (Some(line), Some(target)) if !line.is_same(&target, default) => Err(TransportError::HostInvalid),
        (line, target) => Ok(line.or(target).map(|named| named.host)),
    }
}

/// The host in an authority, in lower case and without the port; `None` where there is none.
pub(in crate::http) fn of(authority: &str) -> Option<String> {
    Authority::parse(authority).map(|authority| authority.host)
}

/// `host [":" port]`.
struct Authority {
    host: String,
    port: Option<u16>,
}

impl Authority {
    /// Parses a host as a DNS name, since the engine is reached by no other: no other characters, no user before an
    /// `@`.
    fn parse(text: &str) -> Option<Self> {
        let (host, port) = match text.rfind(']') {
            Some(end) => text.split_at(end + 1),
            None => text.split_at(text.find(':').unwrap_or(text.len())),
        };
        let port = match port.strip_prefix(':') {
            None if port.is_empty() => None,
            Some("") => None,
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => Some(digits.parse().ok()?),
            _ => return None,
        };
        let is_host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(address) => address.parse::<Ipv6Addr>().is_ok(),
            None => {
                let is_letter = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
                !host.is_empty() && host.bytes().all(is_letter)
            }
        };
        is_host.then(|| Self { host: host.to_ascii_lowercase(), port })
    }

    fn is_same(&self, other: &Self, default_port: u16) -> bool {
        self.host == other.host && self.port.unwrap_or(default_port) == other.port.unwrap_or(default_port)
    }
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    #[test]
    fn one_host_is_named_and_only_one() {
        assert_eq!(host(Version::HTTP_11, "/", &["Clerk.Example.com:8443"]), Ok(Some("clerk.example.com".into())));
        assert_eq!(host(Version::HTTP_11, "/", &[]), Err(TransportError::HostInvalid));
        assert_eq!(host(Version::HTTP_10, "/", &[]), Ok(None));
        for version in [Version::HTTP_10, Version::HTTP_11] {
            assert_eq!(host(version, "/", &["a.example", "b.example"]), Err(TransportError::HostInvalid));
            assert_eq!(host(version, "/", &["a.example", "a.example"]), Err(TransportError::HostInvalid));
        }
    }

    #[test]
    fn a_target_with_a_host_and_the_line_agree() {
        let line = |line| host(Version::HTTP_11, "http://a.example/v1/client", &[line]);
        assert_eq!(line("a.example"), Ok(Some("a.example".into())));
        assert_eq!(line("A.example:80"), Ok(Some("a.example".into())));
        assert_eq!(line("a.example:8080"), Err(TransportError::HostInvalid));
        assert_eq!(line("b.example"), Err(TransportError::HostInvalid));
        let default = host(Version::HTTP_11, "https://a.example/", &["a.example:443"]);
        assert_eq!(default, Ok(Some("a.example".into())));
        assert_eq!(host(Version::HTTP_11, "http://a.example/", &[]), Err(TransportError::HostInvalid));
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for line in
            ["", ":80", "a b", "a, b", "a,b", "me@a.example", "a:b", "a:80:80", "a:99999", "[::1", "::1", "[x]", "a/b"]
        {
            assert_eq!(host(Version::HTTP_11, "/", &[line]), Err(TransportError::HostInvalid), "{line:?}");
        }
        for (line, named) in
            [("localhost:", "localhost"), ("[::1]:8080", "[::1]"), ("[::1]", "[::1]"), ("127.0.0.1", "127.0.0.1")]
        {
            assert_eq!(host(Version::HTTP_11, "/", &[line]), Ok(Some(named.into())), "{line}");
        }
    }

    fn host(version: Version, target: &str, lines: &[&str]) -> Result<Option<String>, TransportError> {
        let request = Request::builder().version(version).uri(target);
        let request = lines.iter().fold(request, |request, line| request.header(HOST, *line));
        named(&request.body(()).expect("a request").into_parts().0)
    }
}
