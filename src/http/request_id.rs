//! The id of one request: in the header `x-clerk-trace-id` of every answer, in `clerk_trace_id` of an error's body, and
//! as `request.id` in the log.
//!
//! Clerk's answers carry that header and no `x-request-id`; its value is the trace id of W3C Trace Context, 32 hex
//! digits, and so is ours.

use hyper::header::{HeaderMap, HeaderName, HeaderValue};

use crate::entropy::unique_bytes;

/// 32 hex digits, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::http) struct RequestId(HeaderValue);

impl RequestId {
    /// The id of a request with these headers. A trusted proxy may have set it already, so that its log and ours can be
    /// read together; ids from other peers are ignored.
    pub(in crate::http) fn of(headers: &HeaderMap, is_proxy: bool) -> Self {
        let named = || Self::by_request_id(headers).or_else(|| Self::by_trace(headers));
        if is_proxy { named() } else { None }.unwrap_or_else(Self::fresh)
    }

    /// A new unique id. It need not be secret.
    pub(in crate::http) fn fresh() -> Self {
        let mut text = [0; LENGTH];
        for (digits, byte) in text.chunks_exact_mut(2).zip(unique_bytes()) {
            digits[0] = DIGITS[usize::from(byte >> 4)];
            digits[1] = DIGITS[usize::from(byte & 15)];
        }
        Self(HeaderValue::from_bytes(&text).expect("hex digits are visible ASCII"))
    }

    /// The digits.
    pub(in crate::http) fn as_str(&self) -> &str {
        self.0.to_str().expect("hex digits are visible ASCII")
    }

    /// Adds the id to an answer's headers, unless they have one.
    pub(in crate::http) fn put(&self, headers: &mut HeaderMap) {
        headers.entry(X_CLERK_TRACE_ID).or_insert_with(|| self.0.clone());
    }

    /// `X-Request-Id`, as most proxies make it: 32 hex digits or a UUID. It comes first because it belongs to this
    /// request alone; a trace may contain many. Other values are ignored, since they could be anything, such as an
    /// address.
    fn by_request_id(headers: &HeaderMap) -> Option<Self> {
        let text = only(headers, "x-request-id")?;
        let is_uuid = text.len() == 36 && text.bytes().enumerate().all(|(n, b)| (b == b'-') == HYPHENS.contains(&n));
        if is_uuid { Self::parse(&text.replace('-', "")) } else { Self::parse(text) }
    }

    /// `traceparent` (W3C Trace Context, 3.2.2): version, trace id, parent id and flags. Later versions may have more
    /// fields.
    fn by_trace(headers: &HeaderMap) -> Option<Self> {
        let mut parts = only(headers, "traceparent")?.split('-');
        let is_hex = |part: &str, length| part.len() == length && part.bytes().all(is_digit);
        let version = parts.next().filter(|version| is_hex(version, 2) && *version != "ff")?;
        let trace = Self::parse(parts.next()?)?;
        let has_parent = parts.next().is_some_and(|parent| is_hex(parent, 16) && parent.bytes().any(|b| b != b'0'));
        let has_flags = parts.next().is_some_and(|flags| is_hex(flags, 2));
        (has_parent && has_flags && (version != "00" || parts.next().is_none())).then_some(trace)
    }

    /// All zeros are not a valid id (3.2.2.3).
    fn parse(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        let is_id = text.len() == LENGTH && text.bytes().all(is_digit) && text.bytes().any(|b| b != b'0');
        HeaderValue::from_str(&text).ok().filter(|_| is_id).map(Self)
    }
}

/// The value of a header that appears once.
fn only<'a>(headers: &'a HeaderMap, name: &'static str) -> Option<&'a str> {
    let mut lines = headers.get_all(HeaderName::from_static(name)).iter();
    let line = lines.next()?.to_str().ok()?;
    lines.next().is_none().then_some(line.trim())
}

/// A hex digit in lower case, as Trace Context requires.
const fn is_digit(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

/// The header of the answer.
const X_CLERK_TRACE_ID: HeaderName = HeaderName::from_static("x-clerk-trace-id");
const LENGTH: usize = 32;
const DIGITS: &[u8; 16] = b"0123456789abcdef";
/// The positions of the hyphens in a UUID (RFC 9562, 4).
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[test]
    fn fresh_ids_are_32_hex_digits_and_differ() {
        let ids: BTreeSet<String> = (0..1000).map(|_| RequestId::fresh().as_str().to_owned()).collect();
        assert_eq!(ids.len(), 1000);
        assert!(ids.iter().all(|id| id.len() == 32 && id.bytes().all(is_digit)));
    }

    #[test]
    fn a_trusted_proxy_names_the_request_and_nobody_else_does() {
        let other = "00000000000000000000000000000abc";
        let traceparent = format!("00-{TRACE}-00f067aa0ba902b7-01");
        let later = format!("cc-{TRACE}-00f067aa0ba902b7-01-what-comes");
        for (headers, expected) in [
            (&[("traceparent", traceparent.as_str())][..], TRACE),
            (&[("traceparent", &later)], TRACE),
            (&[("x-request-id", other), ("traceparent", &traceparent)], other),
            (&[("x-request-id", "4BF92F35-77b3-4da6-a3ce-929d0e0e4736")], TRACE),
            (&[("x-request-id", "ada@example.com"), ("traceparent", &traceparent)], TRACE),
        ] {
            assert_eq!(id(headers, true).as_str(), expected, "{headers:?}");
            assert_ne!(id(headers, false).as_str(), expected, "{headers:?}");
        }
    }

    #[test]
    fn what_is_no_id_is_replaced() {
        let zeros = "0".repeat(32);
        let long = "a".repeat(33);
        for (name, value) in [
            ("x-request-id", ""),
            ("x-request-id", "7"),
            ("x-request-id", "ada@example.com"),
            ("x-request-id", "192.0.2.7"),
            ("x-request-id", &zeros),
            ("x-request-id", &long),
            ("x-request-id", "4bf92f357-7b3-4da6-a3ce-929d0e0e4736"),
            ("x-request-id", "4bf92f35-77b3-4da6-a3ce-929d0e0e473g"),
            ("traceparent", TRACE),
            ("traceparent", &format!("ff-{TRACE}-00f067aa0ba902b7-01")),
            ("traceparent", &format!("00-{TRACE}-0000000000000000-01")),
            ("traceparent", &format!("00-{zeros}-00f067aa0ba902b7-01")),
            ("traceparent", &format!("00-{TRACE}-00f067aa0ba902b7")),
            ("traceparent", &format!("00-{TRACE}-00f067aa0ba902b7-01-more")),
            ("traceparent", &format!("0-{TRACE}-00f067aa0ba902b7-01")),
        ] {
            let made = id(&[(name, value)], true);
            assert!(made.as_str() != value && made.as_str() != TRACE, "{name}: {value}");
            assert!(made.as_str().len() == 32 && made.as_str().bytes().all(is_digit));
        }
        let twice = id(&[("x-request-id", TRACE), ("x-request-id", TRACE)], true);
        assert_ne!(twice.as_str(), TRACE);
    }

    #[test]
    fn an_answer_is_named_once() {
        let (first, second, mut headers) = (RequestId::fresh(), RequestId::fresh(), HeaderMap::new());
        first.put(&mut headers);
        second.put(&mut headers);
        assert_eq!(headers.get_all(X_CLERK_TRACE_ID).iter().collect::<Vec<_>>(), [first.as_str()]);
    }

    fn id(headers: &[(&'static str, &str)], is_proxy: bool) -> RequestId {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::from_static(name), HeaderValue::from_str(value).expect("a value"));
        }
        RequestId::of(&map, is_proxy)
    }
}
