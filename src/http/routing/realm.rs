//! The kind of call that a request makes, for the origin rule.

use super::{Found, backend, off, segments};
use crate::http::request::head::RequestHead;
use crate::http::response::cors::Realm;

/// The realm of a request, whether or not its path exists. `found` is what is at the path for callers other than
/// backends. Only backends present a secret key, so an unknown path that is requested with one belongs to the backend's
/// realm.
pub(in crate::http) fn realm(head: &RequestHead, found: Found, development: bool) -> Realm {
    let path = head.path.as_str();
    // A page of another origin can do no harm where a feature is off.
    let is_off = || off::code(&segments(path)).is_some();
    if let Some(first) = found.endpoints.first() {
        let is_missing = !found.endpoints.iter().any(|endpoint| endpoint.answers(&head.method));
        return if is_missing && is_off() { Realm::Open } else { first.realm };
    }
    match path {
        "/v1/client/handshake" | "/metrics" => Realm::Open,
        _ if backend::owns(path) => Realm::Backend,
        _ if backend::shares(path) && !head.is_of_browser_or_application() => Realm::Backend,
        _ if path.starts_with("/.well-known/") || path.starts_with("/health/") => Realm::Open,
        _ if development && path.starts_with("/dev/") => Realm::Dev,
        _ if head.shows_secret_key() => Realm::Backend,
        _ if is_off() => Realm::Open,
        _ => Realm::Api,
    }
}

#[cfg(test)]
mod tests {
    use hyper::Request;
    use url::Url;

    use super::*;
    use crate::http::HttpOptions;

    #[test]
    fn a_backend_is_known_by_the_path_or_by_its_key() {
        let key = ("authorization", "Bearer sk_live_x");
        let other = ("authorization", "Bearer x");
        let origin = ("origin", "http://localhost:3000");
        let site = ("sec-fetch-site", "same-origin");
        for (method, path, headers, expected) in [
            ("GET", "/v1/users", vec![], Realm::Backend),
            ("POST", "/v1/users/user_1/ban", vec![other], Realm::Backend),
            ("GET", "/v1/users", vec![origin], Realm::Backend),
            ("GET", "/v1/organizations", vec![], Realm::Backend),
            ("GET", "/v1/organizations", vec![key], Realm::Backend),
            ("GET", "/v1/organizations", vec![site], Realm::Open),
            ("POST", "/v1/organizations", vec![origin], Realm::Open),
            ("POST", "/v1/organizations?_is_native=1", vec![other], Realm::Open),
            ("POST", "/v1/nonsense", vec![key], Realm::Backend),
            ("GET", "/v1/me/nonsense", vec![key], Realm::Backend),
            ("POST", "/v1/nonsense", vec![other], Realm::Api),
            ("POST", "/v1/nonsense", vec![("authorization", "sk_live_x")], Realm::Api),
            ("POST", "/v1/nonsense", vec![], Realm::Api),
            ("POST", "/v1/client/sign_ups", vec![key], Realm::Api),
            ("GET", "/v1/jwks", vec![key], Realm::Open),
            ("GET", "/v1/me", vec![], Realm::Api),
            ("DELETE", "/v1/me", vec![], Realm::Api),
            ("GET", "/dev/nonsense", vec![key], Realm::Dev),
        ] {
            assert_eq!(seen(method, path, &headers, true), expected, "{method} {path} {headers:?}");
        }
    }

    #[test]
    fn the_tools_are_a_realm_of_development_instances_only() {
        for path in ["/", "/dev/outbox", "/dev/settings", "/dev/mailbox"] {
            assert_eq!(seen("GET", path, &[], true), Realm::Dev, "{path}");
            assert_eq!(seen("GET", path, &[], false), Realm::Api, "{path}");
        }
    }

    fn seen(method: &str, path: &str, headers: &[(&str, &str)], development: bool) -> Realm {
        let mut request = Request::builder().method(method).uri(path).header("host", "localhost:8080");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let url = Url::parse("http://localhost:8080").expect("a URL");
        let parts = request.body(()).expect("a request").into_parts().0;
        let options = HttpOptions::new(url, "pk_live_x", development);
        let head = RequestHead::read(parts, ([192, 0, 2, 1], 4000).into(), &options).expect("a head");
        realm(&head, crate::http::routing::at(&head.path, development), development)
    }
}
