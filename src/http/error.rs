//! Errors on the wire: one table from code to status and texts, and the envelope of CONTRACT 1 and 15. It does not
//! know which route failed or who asked.

use std::borrow::Cow;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use hyper::StatusCode;
use hyper::header::{ALLOW, HeaderMap, HeaderValue, RETRY_AFTER};
use serde_json::{Map, Value, json};

use crate::domain::rejection::{Code, Reason, Rejection};
use crate::domain::time::Span;
use crate::engine::EngineError;

use super::response::{Answer, insert};

/// What is wrong with a request before the domain sees it, or with the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    OriginInvalid,
    OriginMissing,
    OriginAuthorizationConflict,
    HostInvalid,
    MethodNotAllowed,
    RequestTimeout,
    RequestBodyTooLarge,
    UnsupportedContentType,
    BodyUnreadable,
    SignedOut,
    AuthenticationInvalid,
    DevBrowserUnauthenticated,
    InternalError,
    ServiceUnavailable,
}

/// An error answer in the making.
#[derive(Debug)]
pub(super) struct HttpError {
    status: StatusCode,
    problems: Vec<Problem>,
    retry_after: Option<Span>,
    /// `meta.client`, where a client exists.
    client: Option<Box<Value>>,
    headers: Box<HeaderMap>,
    /// What the log says beside the code.
    cause: Option<String>,
    route: Option<&'static str>,
}

#[derive(Debug)]
struct Problem {
    code: &'static str,
    message: Cow<'static, str>,
    long_message: Cow<'static, str>,
    param: Option<String>,
}

impl HttpError {
    /// 405 with the methods that the path has.
    pub(super) fn method_not_allowed(allow: &str) -> Self {
        let mut error = Self::from(Fault::MethodNotAllowed);
        insert(&mut error.headers, ALLOW, allow);
        error
    }

    /// 500, with what the log shall say.
    pub(super) fn internal(cause: impl Into<String>) -> Self {
        Self { cause: Some(cause.into()), ..Fault::InternalError.into() }
    }

    /// 422 about one value of a JSON document, in the words of whoever read it.
    pub(super) fn document(key: &str, reason: &str) -> Self {
        let mut error = Self::from(Reason::from(Code::FormParamValueInvalid));
        for problem in &mut error.problems {
            problem.param = Some(key.to_owned());
            problem.message = Cow::Owned(reason.to_owned());
            problem.long_message =
                Cow::Owned(if key.is_empty() { reason.to_owned() } else { format!("{key}: {reason}") });
        }
        error
    }

    /// The same with the client piggybacked.
    pub(super) fn with_client(mut self, client: Value) -> Self {
        self.client = Some(Box::new(client));
        self
    }

    /// The same, noting for the log at which route it happened.
    pub(super) fn at(mut self, route: &'static str) -> Self {
        self.route = Some(route);
        self
    }

    /// The headers of the answer.
    pub(super) fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.headers
    }

    /// The answer; failures of the server leave one line in the log.
    pub(super) fn into_answer(mut self) -> Answer {
        let trace_id = trace_id();
        if self.status.is_server_error() {
            tracing::error!(
                http.route = self.route,
                http.status = self.status.as_u16(),
                error.code = self.problems.first().map(|p| p.code),
                error.cause = self.cause.as_deref(),
                trace_id,
                "a request failed"
            );
        }
        let is_wait = matches!(self.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
        if is_wait || self.retry_after.is_some() {
            let seconds = self.retry_after.map_or(1, Span::as_secs_ceil).max(1);
            self.headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        let errors: Vec<Value> = self.problems.iter().map(Problem::to_json).collect();
        let mut envelope = json!({"errors": errors, "clerk_trace_id": trace_id});
        if let Some(client) = self.client {
            envelope["meta"] = json!({ "client": client });
        }
        Answer::json(&envelope).with_status(self.status).with_headers(*self.headers)
    }
}

impl Problem {
    fn new(code: &'static str, param: Option<&str>, number: Option<u32>) -> (StatusCode, Self) {
        let row = row(code, param);
        debug_assert_eq!(row.code, code, "every code has its row");
        let fill = |text: &'static str| fill(text, param, number);
        let problem = Self {
            code: row.code,
            message: fill(row.message),
            long_message: fill(row.long_message),
            param: param.map(str::to_owned),
        };
        (row.status, problem)
    }

    fn to_json(&self) -> Value {
        let mut meta = Map::new();
        if let Some(param) = &self.param {
            meta.insert("param_name".into(), json!(param));
        }
        json!({
            "code": self.code,
            "message": self.message,
            "long_message": self.long_message,
            "meta": meta,
        })
    }
}

impl From<&[Reason]> for HttpError {
    /// The gravest status wins: a wait before a bad value before a bad state.
    fn from(reasons: &[Reason]) -> Self {
        let (statuses, problems): (Vec<_>, Vec<_>) =
            reasons.iter().map(|r| Problem::new(r.code.as_str(), r.param.as_deref(), r.number)).unzip();
        Self {
            status: statuses.into_iter().max().unwrap_or(StatusCode::BAD_REQUEST),
            problems,
            retry_after: reasons.iter().filter_map(|r| r.retry_after).max(),
            client: None,
            headers: Box::default(),
            cause: None,
            route: None,
        }
    }
}

impl From<Reason> for HttpError {
    fn from(reason: Reason) -> Self {
        Self::from(&[reason][..])
    }
}

impl From<Code> for HttpError {
    fn from(code: Code) -> Self {
        Reason::from(code).into()
    }
}

impl From<Rejection> for HttpError {
    fn from(rejection: Rejection) -> Self {
        rejection.reasons().into()
    }
}

impl From<Fault> for HttpError {
    fn from(fault: Fault) -> Self {
        let (status, problem) = Problem::new(fault.as_str(), None, None);
        Self {
            status,
            problems: vec![problem],
            retry_after: None,
            client: None,
            headers: Box::default(),
            cause: None,
            route: None,
        }
    }
}

impl From<EngineError> for HttpError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Rejected(rejection) => rejection.into(),
            EngineError::NotFound => Code::ResourceNotFound.into(),
            EngineError::NoClient => Fault::AuthenticationInvalid.into(),
            EngineError::SignedOut => Fault::SignedOut.into(),
            EngineError::Overloaded { retry_after } => Self {
                retry_after: Some(retry_after),
                cause: Some("overloaded".into()),
                ..Fault::ServiceUnavailable.into()
            },
            EngineError::Busy { retry_after } => Code::TooManyRequests.after(retry_after).into(),
            EngineError::Unavailable(cause) => Self { cause: Some(cause), ..Fault::ServiceUnavailable.into() },
            EngineError::Internal => Fault::InternalError.into(),
        }
    }
}

impl Fault {
    const fn as_str(self) -> &'static str {
        match self {
            Self::OriginInvalid => "origin_invalid",
            Self::OriginMissing => "origin_missing",
            Self::OriginAuthorizationConflict => "origin_authorization_headers_conflict",
            Self::HostInvalid => "host_invalid",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::RequestTimeout => "request_timeout",
            Self::RequestBodyTooLarge => "request_body_too_large",
            Self::UnsupportedContentType => "unsupported_content_type",
            Self::BodyUnreadable => "request_body_invalid",
            Self::SignedOut => "signed_out",
            Self::AuthenticationInvalid => "authentication_invalid",
            Self::DevBrowserUnauthenticated => "dev_browser_unauthenticated",
            Self::InternalError => "internal_error",
            Self::ServiceUnavailable => "service_unavailable",
        }
    }
}

/// 32 hex digits to find an answer's line in the log by. They need not be secret: the standard library's hash seeds
/// differ from call to call and from process to process.
fn trace_id() -> String {
    let draw = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", draw(), draw())
}

/// One line of the table. `{param}` and `{n}` stand for the parameter in words and the reason's number.
struct Row {
    code: &'static str,
    /// The only parameter the row is for, when it is not for all.
    param: Option<&'static str>,
    status: StatusCode,
    message: &'static str,
    long_message: &'static str,
}

/// The row of a code, a row of its own for the parameter first. A code without one is a defect, and is answered
/// as such.
fn row(code: &str, param: Option<&str>) -> &'static Row {
    let of_code = || TABLE.iter().filter(|row| row.code == code);
    of_code()
        .find(|row| row.param.is_some() && row.param == param)
        .or_else(|| of_code().find(|row| row.param.is_none()))
        .unwrap_or(&INTERNAL)
}

fn fill(text: &'static str, param: Option<&str>, number: Option<u32>) -> Cow<'static, str> {
    if !text.contains('{') {
        return Cow::Borrowed(text);
    }
    let noun = param.map_or_else(|| "value".into(), |p| p.replace('_', " "));
    let number = number.map_or_else(|| "the allowed number of".into(), |n| n.to_string());
    Cow::Owned(text.replace("{param}", &noun).replace("{n}", &number))
}

const fn all(code: &'static str, status: StatusCode, message: &'static str, long_message: &'static str) -> Row {
    Row { code, param: None, status, message, long_message }
}

const fn only(
    code: &'static str,
    param: &'static str,
    status: StatusCode,
    message: &'static str,
    long_message: &'static str,
) -> Row {
    Row { param: Some(param), ..all(code, status, message, long_message) }
}

const BAD: StatusCode = StatusCode::BAD_REQUEST;
const UNAUTHENTICATED: StatusCode = StatusCode::UNAUTHORIZED;
const FORBIDDEN: StatusCode = StatusCode::FORBIDDEN;
const FIELD: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;
const WAIT: StatusCode = StatusCode::TOO_MANY_REQUESTS;

const INTERNAL: Row = all(
    "internal_error",
    StatusCode::INTERNAL_SERVER_ERROR,
    "Internal error",
    "Something went wrong on our side. Please try again.",
);

#[rustfmt::skip]
const TABLE: &[Row] = &[
    // Fields
    only("form_identifier_exists", "email_address", FIELD, "That email address is taken. Please try another.", "That email address is taken. Please try another."),
    only("form_identifier_exists", "phone_number", FIELD, "That phone number is taken. Please try another.", "That phone number is taken. Please try another."),
    only("form_identifier_exists", "username", FIELD, "That username is taken. Please try another.", "That username is taken. Please try another."),
    all("form_identifier_exists", FIELD, "already exists", "This identifier is taken. Please try another."),
    only("form_param_format_invalid", "email_address", FIELD, "is invalid", "Email address must be a valid email address."),
    only("form_param_format_invalid", "phone_number", FIELD, "is invalid", "Phone number must be a valid phone number according to E.164 international standard."),
    all("form_param_format_invalid", FIELD, "is invalid", "The {param} is not in a valid format."),
    all("form_param_missing", FIELD, "is missing", "Enter {param}."),
    all("form_param_nil", FIELD, "is empty", "Enter {param}."),
    all("form_param_unknown", FIELD, "is unknown", "{param} is not a valid parameter for this request."),
    all("form_param_duplicate", FIELD, "is duplicated", "The {param} was included several times."),
    only("form_param_value_invalid", "strategy", FIELD, "is invalid", "The strategy is not one of the allowed values."),
    only("form_param_value_invalid", "unsafe_metadata", FIELD, "is invalid", "The unsafe metadata must be a JSON object."),
    all("form_param_value_invalid", FIELD, "is invalid", "The {param} does not have an allowed value."),
    all("form_param_value_disabled", BAD, "is disabled", "The {param} given is not enabled for this instance."),
    all("form_param_type_invalid", FIELD, "is invalid", "The {param} has the wrong type."),
    all("form_param_max_length_exceeded", FIELD, "is too long", "The {param} must not exceed {n} characters."),
    all("form_param_exceeds_allowed_size", FIELD, "is too big", "The {param} must not exceed {n} bytes."),
    all("form_password_length_too_short", FIELD, "Passwords must be {n} characters or more.", "Passwords must be {n} characters or more."),
    all("form_password_length_too_long", FIELD, "Passwords must be {n} characters or less.", "Passwords must be {n} characters or less."),
    all("form_password_size_in_bytes_exceeded", FIELD, "Password is too long.", "The password has exceeded the maximum number of bytes permitted. Please try a shorter one."),
    all("form_password_no_lowercase", FIELD, "Passwords must contain at least one lowercase character.", "Passwords must contain at least one lowercase character."),
    all("form_password_no_uppercase", FIELD, "Passwords must contain at least one uppercase character.", "Passwords must contain at least one uppercase character."),
    all("form_password_no_number", FIELD, "Passwords must contain at least one number.", "Passwords must contain at least one number."),
    all("form_password_no_special_char", FIELD, "Passwords must contain at least one special character.", "Passwords must contain at least one special character."),
    all("form_password_pwned", FIELD, "Password is too easily guessed.", "This password is too common or too close to your own details, or was found in a data breach. Please use a different password."),
    all("form_username_invalid_length", FIELD, "is invalid", "The username is too short or too long."),
    all("form_username_invalid_character", FIELD, "is invalid", "The username can only contain letters, numbers and the allowed special characters."),
    all("form_username_needs_non_number_char", FIELD, "is invalid", "The username must contain one non-number character."),
    all("form_code_incorrect", FIELD, "is incorrect", "Incorrect code"),
    all("legal_not_accepted", FIELD, "must be accepted", "You must accept the terms to continue."),
    // Verifications
    all("verification_missing", BAD, "No verification in progress", "You need to send a verification code before attempting to verify."),
    all("verification_expired", BAD, "expired", "This verification has expired. You must create a new one."),
    all("verification_failed", BAD, "failed", "Too many failed attempts. You have to request a new code."),
    all("verification_already_verified", BAD, "already verified", "This verification has already been verified."),
    all("verification_strategy_invalid", BAD, "Invalid verification strategy", "The verification strategy is not valid for this sign up."),
    all("verification_code_too_many_requests", WAIT, "Too many requests", "You need to wait before you can request another verification code."),
    all("verification_link_token_invalid", BAD, "Invalid link", "This link is not valid, or was used already. Please ask for a new one."),
    all("verification_link_token_expired", BAD, "Link expired", "This link has expired. Please ask for a new one."),
    all("sign_up_email_link_not_same_client", FORBIDDEN, "Not the same browser", "Open this link in the browser and on the device where you began to sign up."),
    all("invalid_redirect_url", FIELD, "is not allowed", "The {param} does not match an allowed origin or redirect URL of this instance."),
    // Sign-ups
    all("too_many_requests", WAIT, "Too many requests", "Too many requests. Please try again in a bit."),
    all("sign_up_cannot_be_updated", BAD, "Sign up cannot be updated", "This sign up has reached a terminal state and cannot be updated."),
    all("sign_up_mode_restricted", FORBIDDEN, "Sign ups are restricted", "Sign up is restricted to people with an invitation."),
    all("sign_up_restricted_waitlist", FORBIDDEN, "Sign ups are restricted", "Sign up is restricted to people let in from the waiting list."),
    all("oauth_provider_not_enabled", BAD, "Provider not enabled", "This provider is not enabled for this instance."),
    all("account_transfer_invalid", BAD, "Invalid account transfer", "There is no account to transfer."),
    all("session_exists", BAD, "Session already exists", "You're currently in single session mode. You can only be signed into one account at a time."),
    all("resource_not_found", StatusCode::NOT_FOUND, "not found", "There is nothing here, or nothing that you may see."),
    // Who asks
    all("signed_out", UNAUTHENTICATED, "Signed out", "You are signed out."),
    all("authentication_invalid", UNAUTHENTICATED, "Invalid authentication", "Unable to authenticate the request, you need to supply an active session."),
    all("dev_browser_unauthenticated", UNAUTHENTICATED, "Browser unauthenticated", "Unable to authenticate this browser for your development instance."),
    // Transport
    all("origin_invalid", BAD, "Invalid HTTP Origin header", "The Origin HTTP header is not one of the allowed origins of this instance."),
    all("origin_missing", BAD, "Missing HTTP Origin header", "The Origin HTTP header is missing."),
    all("origin_authorization_headers_conflict", BAD, "Origin and Authorization conflict", "For security purposes, only one of the Origin and Authorization headers should be provided, but not both."),
    all("host_invalid", BAD, "Invalid host", "The Host HTTP header does not name this instance."),
    all("method_not_allowed", StatusCode::METHOD_NOT_ALLOWED, "Method not allowed", "This resource does not have that method."),
    all("request_timeout", StatusCode::REQUEST_TIMEOUT, "Request timeout", "The request took too long to arrive."),
    all("request_body_too_large", StatusCode::PAYLOAD_TOO_LARGE, "Request too large", "The request is larger, or has more parameters, than allowed."),
    all("unsupported_content_type", StatusCode::UNSUPPORTED_MEDIA_TYPE, "Content-Type is unsupported", "The request's content type must be application/x-www-form-urlencoded, without a content encoding."),
    all("request_body_invalid", BAD, "Body is invalid", "The request's body could not be read."),
    all("service_unavailable", StatusCode::SERVICE_UNAVAILABLE, "Service unavailable", "The service is not available at the moment. Please try again in a bit."),
    INTERNAL,
];

#[cfg(test)]
mod tests;
