//! Error answers: the envelope, and the errors of HTTP itself
//! ([guide: The error envelope](crate::guide::contract_errors#the-error-envelope)). This module knows neither the route
//! nor the caller.

mod table;

use std::borrow::Cow;

use hyper::StatusCode;
use hyper::header::{ALLOW, HeaderMap, HeaderValue, RETRY_AFTER};
use serde_json::{Value, json};

use crate::domain::rejection::{ErrorCode, Reason, Rejection};
use crate::domain::time::Span;
use crate::engine::EngineError;

use super::api_response::{ApiResponse, insert};
use crate::http::request_id::RequestId;
use crate::wire::error::{Failure, Problem};

macro_rules! transport_errors {
    ($($variant:ident $code:literal)*) => {
        /// Errors that are found before the engine sees a request.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(in crate::http) enum TransportError { $($variant,)* }

        impl TransportError {
            /// All variants.
            #[cfg(test)]
            const ALL: &[Self] = &[$(Self::$variant,)*];

            const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }
        }
    };
}

transport_errors! {
    OriginInvalid "origin_invalid"
    OriginMissing "origin_missing"
    OriginAuthorizationConflict "origin_authorization_headers_conflict"
    HostInvalid "host_invalid"
    MethodNotAllowed "method_not_allowed"
    RequestTimeout "request_timeout"
    RequestBodyTooLarge "request_body_too_large"
    UnsupportedContentType "unsupported_content_type"
    BodyUnreadable "request_body_invalid"
    AuthorizationHeaderFormatInvalid "authorization_header_format_invalid"
    ClerkKeyInvalid "clerk_key_invalid"
    ProxyRequestInvalidSecretKey "proxy_request_invalid_secret_key"
    DevBrowserUnauthenticated "dev_browser_unauthenticated"
    CallbackInvalid "callback_invalid"
}

/// An error answer. Boxed, because nearly every `Result` here contains one.
#[derive(Debug)]
pub(in crate::http) struct HttpError(Box<Parts>);

#[derive(Debug)]
pub(in crate::http) struct Parts {
    pub(in crate::http) status: StatusCode,
    pub(in crate::http) problems: Vec<Problem>,
    retry_after: Option<Span>,
    /// `meta.client`, where a client exists.
    client: Option<Value>,
    pub(in crate::http) headers: HeaderMap,
    /// Details for the log.
    pub(in crate::http) cause: Option<String>,
    /// Where a person who navigated here can go next; a URL that the instance allows.
    pub(in crate::http) way_on: Option<String>,
}

impl HttpError {
    /// 405 with the methods that the path allows.
    pub(in crate::http) fn method_not_allowed(allow: &str) -> Self {
        let mut error = Self::from(TransportError::MethodNotAllowed);
        insert(error.headers_mut(), ALLOW, allow);
        error
    }

    /// 500, with the cause for the log.
    pub(in crate::http) fn internal(cause: impl Into<String>) -> Self {
        Self::from(EngineError::Internal).because(cause)
    }

    /// 503 with the reason in words, for monitoring.
    pub(in crate::http) fn not_ready(reason: &str) -> Self {
        let mut error = Self::from(EngineError::Unavailable(reason.to_owned()));
        // The answer has the reason itself, so that it is nothing for the log.
        error.0.cause = None;
        for problem in &mut error.0.problems {
            problem.long_message = Cow::Owned(format!("Not ready: {reason}"));
        }
        error
    }

    /// 400 for pages of an origin that is not allowed. The answer contains the origin, so that a developer sees which
    /// one.
    pub(in crate::http) fn origin_invalid(origin: &str) -> Self {
        let mut error = Self::from(TransportError::OriginInvalid);
        for problem in &mut error.0.problems {
            let is_not = "is not one of the allowed origins of this instance";
            problem.long_message = Cow::Owned(format!("The Origin HTTP header {origin} {is_not}."));
        }
        error
    }

    /// 400 for what is not the current token of a client, where a backend asks about one.
    pub(in crate::http) fn client_token_invalid() -> Self {
        let mut error = Self::from(EngineError::SeveralClients);
        for problem in &mut error.0.problems {
            problem.message = Cow::Borrowed("Invalid client token");
            problem.long_message = Cow::Borrowed("This is not the current token of a client of this instance.");
        }
        error
    }

    /// 412: the object has another version than those that `If-Match` names (RFC 9110, 13.1.1).
    pub(in crate::http) fn precondition_failed() -> Self {
        let mut error = Self::from(ErrorCode::ResourceConflict);
        error.0.status = StatusCode::PRECONDITION_FAILED;
        error
    }

    /// 422 about one value of a JSON document, with the text of its parser.
    pub(in crate::http) fn document(key: &str, reason: &str) -> Self {
        let mut error = Self::from(Reason::from(ErrorCode::FormParamValueInvalid));
        for problem in &mut error.0.problems {
            problem.meta.param = Some(key.to_owned());
            problem.message = Cow::Owned(reason.to_owned());
            problem.long_message =
                Cow::Owned(if key.is_empty() { reason.to_owned() } else { format!("{key}: {reason}") });
        }
        error
    }

    /// The same about several values: their keys and errors.
    pub(in crate::http) fn documents(faults: impl IntoIterator<Item = (String, String)>) -> Self {
        let errors = faults.into_iter().map(|(key, reason)| Self::document(&key, &reason));
        let all = errors.reduce(|mut all, next| {
            all.0.problems.extend(next.0.problems);
            all
        });
        all.unwrap_or_else(|| Self::internal("a document is at fault for no reason"))
    }

    /// Adds the client.
    pub(in crate::http) fn with_client(mut self, client: Value) -> Self {
        self.0.client = Some(client);
        self
    }

    /// Adds a link for a person who navigated here; the instance allows `url`.
    pub(in crate::http) fn leading_to(mut self, url: String) -> Self {
        self.0.way_on = Some(url);
        self
    }

    /// Whether the client's token was replaced during the call, so that a retry may succeed.
    pub(in crate::http) fn is_token_replaced(&self) -> bool {
        self.0.problems.iter().any(|problem| problem.code == Failure::TokenReplaced.as_str())
    }

    /// The headers of the answer.
    pub(in crate::http) fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.0.headers
    }

    /// The status of the answer.
    pub(in crate::http) fn status(&self) -> StatusCode {
        self.0.status
    }

    /// Its codes, separated by commas.
    pub(in crate::http) fn codes(&self) -> String {
        let codes: Vec<&str> = self.0.problems.iter().map(|problem| &*problem.code).collect();
        codes.join(",")
    }

    /// Details for the log; never shown to the caller.
    pub(in crate::http) fn cause(&self) -> Option<&str> {
        self.0.cause.as_deref()
    }

    /// The answer to a program; `id` is the request's id.
    pub(in crate::http) fn into_answer(self, id: &RequestId) -> ApiResponse {
        let parts = self.settled();
        let mut envelope = json!({"errors": parts.problems, "clerk_trace_id": id.as_str()});
        if let Some(client) = parts.client {
            envelope["meta"] = json!({ "client": client });
        }
        ApiResponse::json(&envelope).with_status(parts.status).with_headers(parts.headers)
    }

    /// The parts of every error answer.
    pub(in crate::http) fn settled(self) -> Parts {
        let mut parts = *self.0;
        let is_wait = matches!(parts.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
        if is_wait || parts.retry_after.is_some() {
            let seconds = parts.retry_after.map_or(1, Span::as_secs_ceil).max(1);
            parts.headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        parts
    }

    fn new(status: u16, problems: Vec<Problem>) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self(Box::new(Parts {
            status,
            problems,
            retry_after: None,
            client: None,
            headers: HeaderMap::new(),
            cause: None,
            way_on: None,
        }))
    }

    fn because(mut self, cause: impl Into<String>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    fn after(mut self, span: Option<Span>) -> Self {
        self.0.retry_after = span;
        self
    }
}

impl From<Reason> for HttpError {
    fn from(reason: Reason) -> Self {
        Rejection::from(reason).into()
    }
}

impl From<ErrorCode> for HttpError {
    fn from(code: ErrorCode) -> Self {
        Reason::from(code).into()
    }
}

impl From<Rejection> for HttpError {
    fn from(rejection: Rejection) -> Self {
        EngineError::from(rejection).into()
    }
}

impl From<TransportError> for HttpError {
    fn from(fault: TransportError) -> Self {
        let row = table::of_transport(fault);
        Self::new(row.status, vec![Problem::new(fault.as_str(), row, None, None)])
    }
}

impl From<EngineError> for HttpError {
    fn from(error: EngineError) -> Self {
        let answer = Self::new(error.http_status(), Problem::all_of(&error)).after(error.retry_after());
        match error {
            EngineError::Overloaded { .. } => answer.because("overloaded"),
            EngineError::Unavailable(cause) => answer.because(cause),
            _ => answer,
        }
    }
}

#[cfg(test)]
mod tests;
