//! Answers before they become hyper's: a status, a body and headers. This module knows neither origins nor clients.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, LOCATION, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode};
use serde::Serialize;

use super::error::HttpError;
use crate::http::cookie;
use crate::http::request_id::RequestId;

/// An answer.
#[derive(Debug)]
pub(in crate::http) struct ApiResponse {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

/// The envelope of client-scoped resources.
#[derive(Debug, Serialize)]
pub(in crate::http) struct Wrapped<R, C> {
    /// The requested resource.
    pub(in crate::http) response: R,
    /// The client that is sent along.
    pub(in crate::http) client: C,
}

impl ApiResponse {
    /// 200 with JSON that must not be cached.
    pub(in crate::http) fn json(value: &impl Serialize) -> Self {
        let mut body = Vec::with_capacity(JSON_USUAL);
        match serde_json::to_writer(&mut body, value) {
            Ok(()) => Self::of(JSON, body.into()),
            Err(error) => HttpError::internal(format!("rendering: {error}")).into_answer(&RequestId::fresh()),
        }
    }

    /// 200 with this body.
    pub(in crate::http) fn of(content_type: &'static str, body: Bytes) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Self { status: StatusCode::OK, headers, body }
    }

    /// 303 to another URL, not cached and without a referrer.
    pub(in crate::http) fn see_other(url: &str) -> Self {
        Self::empty().with_status(StatusCode::SEE_OTHER).to(url)
    }

    /// 307: the browser must send the same request to this relative reference.
    pub(in crate::http) fn again(reference: &str) -> Self {
        Self::empty().with_status(StatusCode::TEMPORARY_REDIRECT).to(reference)
    }

    /// 307 to a URL of another host, for `Cache-Control` as long as that says.
    pub(in crate::http) fn elsewhere(url: &str, cache_control: &'static str) -> Self {
        Self::again(url).kept(cache_control)
    }

    /// 304: what the caller has is still right (RFC 9110, 15.4.5).
    pub(in crate::http) fn not_modified() -> Self {
        Self::empty().with_status(StatusCode::NOT_MODIFIED)
    }

    /// 204.
    pub(in crate::http) fn empty() -> Self {
        Self { status: StatusCode::NO_CONTENT, headers: HeaderMap::new(), body: Bytes::new() }
    }

    fn to(mut self, location: &str) -> Self {
        insert(&mut self.headers, LOCATION, location);
        self.headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        self.kept("no-store")
    }

    /// Sets the status.
    pub(in crate::http) fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// Adds these headers; they replace existing ones of the same name.
    pub(in crate::http) fn with_headers(mut self, headers: HeaderMap) -> Self {
        self.headers.extend(headers);
        self
    }

    /// Sets `Cache-Control`.
    pub(in crate::http) fn kept(mut self, cache_control: &'static str) -> Self {
        let value = HeaderValue::from_static(cache_control);
        self.headers.insert(CACHE_CONTROL, value);
        self
    }

    /// Sets `ETag` to a version (RFC 9110, 8.8.3).
    pub(in crate::http) fn in_version(mut self, version: u64) -> Self {
        insert(&mut self.headers, ETAG, &etag(version));
        self
    }

    /// Whether the body is data for programs.
    pub(in crate::http) fn is_json(&self) -> bool {
        self.headers.get(CONTENT_TYPE).is_some_and(|kind| kind == JSON)
    }

    /// Shows `page` instead: its status and body, and the headers of both. Where both have a header, that of `page` is
    /// used.
    pub(in crate::http) fn shown_as(self, page: Self) -> Self {
        Self { status: page.status, headers: self.headers, body: page.body }.with_headers(page.headers)
    }

    /// The status.
    pub(in crate::http) fn status(&self) -> StatusCode {
        self.status
    }

    /// The headers.
    pub(in crate::http) fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.headers
    }

    /// The body.
    pub(in crate::http) fn body(&self) -> &[u8] {
        &self.body
    }

    /// The answer as hyper sends it.
    pub(in crate::http) fn into_response(mut self) -> Response<Full<Bytes>> {
        let nosniff = HeaderValue::from_static("nosniff");
        self.headers.insert(X_CONTENT_TYPE_OPTIONS, nosniff);
        cookie::put_client_last(&mut self.headers);
        let mut response = Response::new(Full::new(self.body));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}

/// The entity tag of a version.
pub(in crate::http) fn etag(version: u64) -> String {
    format!("\"{version}\"")
}

/// Sets a header to a text that was made here. A text that is not valid in a header is left out.
pub(in crate::http) fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    match HeaderValue::from_str(value) {
        Ok(value) => drop(headers.insert(name, value)),
        Err(_) => tracing::error!(header = %name, "a header value could not be written"),
    }
}

const JSON: &str = "application/json";
/// Most answers are shorter, in bytes: a client with its user and session has three thousand.
const JSON_USUAL: usize = 4096;
