//! `GET /npm/@clerk/…`: clerk-js and its components, for pages whose package loads them from the host of the Frontend API
//! ([guide: Bundles](crate::guide::contract#bundles)). A path of a request is compared with a list and never reaches the disk.

use std::sync::Arc;

use bytes::Bytes;
use hyper::header::{
    ACCEPT_ENCODING, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_ENCODING, ETAG, HeaderMap, HeaderName,
    HeaderValue, IF_NONE_MATCH, VARY,
};
use url::Url;

use crate::domain::rejection::ErrorCode;
use crate::http::call::Call;
use crate::http::endpoint::PathId;
use crate::http::response::api_response::{ApiResponse, insert};
use crate::http::response::error::HttpError;
use crate::npm::{Bundle, Found, Package, is_file_name, is_selector};

/// What a path holds in place of an id where it may name a file of the packages.
pub(in crate::http) fn file(rest: &str) -> Option<PathId> {
    Asked::parse(rest).map(|_| PathId::Absent)
}

/// The file at the call's path, or where it is.
pub(in crate::http) async fn show(call: &Call<'_>) -> Result<ApiResponse, HttpError> {
    let rest = call.head.path.strip_prefix(BEGIN);
    let asked = rest.and_then(Asked::parse).ok_or(ErrorCode::ResourceNotFound)?;
    let options = &call.app.options;
    match (&options.bundles, &options.npm_cdn) {
        (Some(bundles), _) => {
            let found = bundles.find(asked.package, asked.selector, asked.name).ok_or(ErrorCode::ResourceNotFound)?;
            Ok(sent(&found, &call.head.headers).await)
        }
        (None, Some(cdn)) => Ok(for_every_page(ApiResponse::elsewhere(&asked.at(cdn), FOR_A_WHILE))),
        (None, None) => Err(ErrorCode::ResourceNotFound.into()),
    }
}

/// A path below `/npm/@clerk/` that may name a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Asked<'a> {
    package: Package,
    selector: &'a str,
    name: &'a str,
}

impl<'a> Asked<'a> {
    fn parse(rest: &'a str) -> Option<Self> {
        let (package, rest) = rest.split_once('@')?;
        let (selector, name) = rest.split_once("/dist/")?;
        let package = Package::named(package)?;
        (is_selector(selector) && is_file_name(name)).then_some(Self { package, selector, name })
    }

    /// The same file at a network that delivers npm packages.
    fn at(self, cdn: &Url) -> String {
        let Self { package, selector, name } = self;
        format!("{}/{package}@{selector}/dist/{name}", cdn.as_str().trim_end_matches('/'))
    }
}

/// A file as the caller can take it: nothing if they have it, else compressed if they can read that.
async fn sent(found: &Found, asked: &HeaderMap) -> ApiResponse {
    let bundle = &found.bundle;
    let gzip = if takes_gzip(asked) { compressed(bundle).await } else { None };
    let tag = match gzip {
        Some(_) => format!("\"{}-gzip\"", bundle.version()),
        None => format!("\"{}\"", bundle.version()),
    };
    let is_zipped = gzip.is_some();
    let mut answer = if has(asked, &tag) {
        ApiResponse::not_modified()
    } else {
        ApiResponse::of(bundle.content_type(), gzip.unwrap_or_else(|| bundle.plain().clone()))
    };
    let headers = answer.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(if found.is_exact { FOR_EVER } else { FOR_A_WHILE }));
    insert(headers, ETAG, &tag);
    if is_zipped {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    for_every_page(answer)
}

/// The file in gzip, made at the first request for it.
async fn compressed(bundle: &Arc<Bundle>) -> Option<Bytes> {
    if let Some(gzip) = bundle.compressed() {
        return gzip.cloned();
    }
    let file = bundle.clone();
    // Without it the file goes uncompressed, which is never wrong.
    let _done = tokio::task::spawn_blocking(move || file.compress()).await;
    bundle.compressed().flatten().cloned()
}

/// Pages of any origin may run it, and no cookie makes a difference: `crossorigin="anonymous"` demands both.
fn for_every_page(mut answer: ApiResponse) -> ApiResponse {
    let headers = answer.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    answer
}

/// Whether the caller reads gzip (RFC 9110, 12.5.3). A coding with the quality 0 is one that it does not read.
fn takes_gzip(headers: &HeaderMap) -> bool {
    listed(headers, &ACCEPT_ENCODING).any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let is_gzip = parts.next().is_some_and(|coding| coding.eq_ignore_ascii_case("gzip"));
        let quality = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        is_gzip && quality.is_none_or(|quality| quality.parse::<f32>().is_ok_and(|quality| quality > 0.0))
    })
}

/// Whether the caller says that it has the version `tag` (RFC 9110, 13.1.2: a weak comparison).
fn has(headers: &HeaderMap, tag: &str) -> bool {
    listed(headers, &IF_NONE_MATCH).any(|held| held == "*" || held.strip_prefix("W/").unwrap_or(held) == tag)
}

/// The elements of a header that is a list.
fn listed<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(name).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

const BEGIN: &str = "/npm/@clerk/";
/// For a version that is named exactly: its files never change.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// For a selector that another version may answer to tomorrow.
const FOR_A_WHILE: &str = "public, max-age=300";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_a_package_a_version_and_a_file_or_nothing() {
        let asked = Asked::parse("clerk-js@6/dist/clerk.browser.js").expect("a file");
        assert_eq!(asked, Asked { package: Package::ClerkJs, selector: "6", name: "clerk.browser.js" });
        let cdn = Url::parse("https://cdn.example/npm/").expect("a URL");
        assert_eq!(asked.at(&cdn), "https://cdn.example/npm/@clerk/clerk-js@6/dist/clerk.browser.js");
        for path in [
            "",
            "react@6/dist/index.js",
            "clerk-js/dist/clerk.browser.js",
            "clerk-js@/dist/clerk.browser.js",
            "clerk-js@6/clerk.browser.js",
            "clerk-js@6/dist/",
            "clerk-js@6/dist/../package.json",
            "clerk-js@6/dist/..%2f..%2fx.js",
            "clerk-js@6/dist/%2e%2e/x.js",
            "clerk-js@6/dist/a/b.js",
            "clerk-js@6/dist//x.js",
            "clerk-js@../dist/x.js",
            "clerk-js@6@7/dist/x.js",
            "clerk-js@6/dist/x.js@evil.example",
            "clerk-js%406/dist/x.js",
            "clerk-js@6/dist/package.json",
        ] {
            assert_eq!(Asked::parse(path), None, "{path}");
        }
    }

    #[test]
    fn what_a_caller_takes_and_has_is_read_from_lists() {
        let with =
            |name: HeaderName, value: &'static str| HeaderMap::from_iter([(name, HeaderValue::from_static(value))]);
        for (value, expected) in [
            ("gzip, deflate, br", true),
            ("br;q=1.0, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("gzip;q=0.0, identity", false),
            ("identity", false),
            ("", false),
            ("xgzip", false),
        ] {
            assert_eq!(takes_gzip(&with(ACCEPT_ENCODING, value)), expected, "{value}");
        }
        for (value, expected) in
            [("\"a\"", true), ("\"b\", W/\"a\"", true), ("*", true), ("\"a-gzip\"", false), ("a", false), ("", false)]
        {
            assert_eq!(has(&with(IF_NONE_MATCH, value), "\"a\""), expected, "{value}");
        }
        assert!(!takes_gzip(&HeaderMap::new()) && !has(&HeaderMap::new(), "\"a\""));
    }
}
