//! Who reads the answer to a request: a person in front of a browser, or a program. People get pages and redirects;
//! programs get the envelope ([guide: The envelope](crate::guide::contract#the-envelope)).

use hyper::Method;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName};

/// Who reads the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Audience {
    /// A person: the browser shows the answer as a page of its own.
    Person,
    /// A program that identifies itself as one, such as a script on a page.
    Program,
    /// A caller that indicates neither, such as `curl`: it gets the answers of programs, but the redirects of people.
    Unknown,
}

impl Audience {
    /// The audience of a request with this method (the one on the wire) and these headers.
    ///
    /// Browsers state the purpose of a request in `Sec-Fetch-AuthMode` (W3C Fetch Metadata, 2.2), which no script can
    /// set. Browsers without it are recognised by an `Accept` that prefers pages (RFC 9110, 12.5.1), on the kinds of
    /// request that links and forms make. They never send `Authorization`.
    pub(in crate::http) fn of(method: &Method, headers: &HeaderMap) -> Self {
        if let Some(mode) = headers.get(SEC_FETCH_MODE) {
            return if mode == "navigate" { Self::Person } else { Self::Program };
        }
        let (page, data) = wishes(headers);
        let is_followed = match *method {
            Method::GET | Method::HEAD => true,
            Method::POST => headers.get(CONTENT_TYPE).is_none_or(|kind| is_form(kind.as_bytes())),
            _ => false,
        };
        if page > data && is_followed && !headers.contains_key(AUTHORIZATION) {
            Self::Person
        } else if data > 0.0 {
            Self::Program
        } else {
            Self::Unknown
        }
    }
}

/// The quality values of pages and of JSON in `Accept`, each only where it is named, else 0. `*/*` counts for neither.
fn wishes(headers: &HeaderMap) -> (f32, f32) {
    let lines = headers.get_all(ACCEPT).iter().filter_map(|line| line.to_str().ok());
    let (mut page, mut data) = (0.0_f32, 0.0_f32);
    for range in lines.flat_map(|line| line.split(',')) {
        let mut parts = range.split(';').map(|part| part.trim().to_ascii_lowercase());
        let kind = parts.next().unwrap_or_default();
        let quality = parts.find_map(|part| part.strip_prefix("q=").map(|q| q.parse().unwrap_or(0.0))).unwrap_or(1.0);
        if kind == "text/html" || kind == "application/xhtml+xml" {
            page = page.max(quality);
        } else if kind.ends_with("/json") || kind.ends_with("+json") {
            data = data.max(quality);
        }
    }
    (page, data)
}

/// The types that HTML forms are sent as (HTML, 4.10.21.6).
fn is_form(kind: &[u8]) -> bool {
    let essence = kind.split(|b| *b == b';').next().unwrap_or_default().trim_ascii();
    let known: [&[u8]; 3] = [b"application/x-www-form-urlencoded", b"multipart/form-data", b"text/plain"];
    known.iter().any(|known| essence.eq_ignore_ascii_case(known))
}

const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::Audience::{Person, Program, Unknown};
    use super::*;

    #[test]
    fn a_browser_says_itself_what_a_request_is_for() {
        for (mode, audience) in [
            ("navigate", Person),
            ("cors", Program),
            ("same-origin", Program),
            ("no-cors", Program),
            ("websocket", Program),
            ("nested-navigate", Program),
            ("Navigate", Program),
            ("", Program),
        ] {
            for accept in ["*/*", BROWSER, "application/json"] {
                let of = |method| who(method, &[("sec-fetch-mode", mode), ("accept", accept)]);
                assert_eq!((of("GET"), of("POST"), of("DELETE")), (audience, audience, audience), "{mode} {accept}");
            }
        }
    }

    #[test]
    fn an_older_browser_is_known_by_what_it_accepts() {
        for (accept, audience) in [
            (BROWSER, Person),
            ("text/html", Person),
            ("TEXT/HTML;level=1", Person),
            ("application/json;q=0.4, text/html;q=0.5", Person),
            ("text/html;q=0.5, application/json", Program),
            ("text/html, application/json", Program),
            ("text/html;q=0", Unknown),
            ("text/html;q=high", Unknown),
            ("application/json", Program),
            ("application/json, text/plain, */*", Program),
            ("application/problem+json", Program),
            ("application/json;q=0", Unknown),
            ("*/*", Unknown),
            ("text/*", Unknown),
            ("image/avif,image/webp,*/*;q=0.8", Unknown),
            ("", Unknown),
        ] {
            assert_eq!(who("GET", &[("accept", accept)]), audience, "{accept}");
        }
        assert_eq!(who("GET", &[]), Unknown);
        assert_eq!(who("GET", &[("accept", "application/json;q=0.1"), ("accept", BROWSER)]), Person);
    }

    #[test]
    fn only_what_links_and_forms_send_is_a_navigation() {
        let html = ("accept", BROWSER);
        for (method, headers, audience) in [
            ("HEAD", &[html][..], Person),
            ("POST", &[html], Person),
            ("POST", &[html, ("content-type", "application/x-www-form-urlencoded;charset=utf-8")], Person),
            ("POST", &[html, ("content-type", "Multipart/Form-Data; boundary=x")], Person),
            ("POST", &[html, ("content-type", "text/plain")], Person),
            ("POST", &[html, ("content-type", "application/json")], Unknown),
            ("PATCH", &[html], Unknown),
            ("DELETE", &[html], Unknown),
            ("OPTIONS", &[html], Unknown),
            ("GET", &[html, ("authorization", "Bearer sk_live_x")], Unknown),
            ("GET", &[html, ("authorization", "")], Unknown),
        ] {
            assert_eq!(who(method, headers), audience, "{method} {headers:?}");
        }
    }

    fn who(method: &str, headers: &[(&'static str, &str)]) -> Audience {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_str(value).expect("a value"));
        }
        Audience::of(&Method::from_bytes(method.as_bytes()).expect("a method"), &map)
    }

    /// What Safari sends.
    const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
}
