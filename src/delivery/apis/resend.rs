//! Resend (resend.com/docs/api-reference/emails/send-email).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::json;
use url::Url;

use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;

use super::super::{Callback, CallbackError, Failure, FailureClass, Logo, Message, Outcome, Report, ReportedState};
use super::answer::ApiAnswer;
use super::api::{ApiError, MessageApi, at, check_secret, check_url};
use super::mailbox::Sender;
use super::signature::{check_svix, svix_key};

/// E-mail by Resend. Repetitions are found by `Idempotency-Key`, for 24 hours
/// (resend.com/docs/dashboard/emails/idempotency-keys).
#[derive(Clone)]
pub struct Resend {
    /// The key, `re_…`.
    pub api_key: Secret<String>,
    /// The sender, such as `Acme <no-reply@acme.example>`.
    pub from: String,
    /// Where the API is: `https://api.resend.com`.
    pub base_url: Url,
    /// What reports are signed with, `whsec_…`; without it none is believed.
    pub webhook_secret: Option<Secret<String>>,
}

impl MessageApi for Resend {
    fn name(&self) -> &'static str {
        "resend"
    }

    fn check(&self) -> Result<(), ApiError> {
        check_secret(API_KEY, &self.api_key)?;
        check_url("email.resend.base_url", &self.base_url)?;
        if self.webhook_secret.as_ref().is_some_and(|secret| svix_key(secret).is_none()) {
            let reason = "must be whsec_ and base64, as Resend shows it beside the webhook";
            return Err(ApiError::new("email.resend.webhook_secret", reason));
        }
        Sender::parse(&self.from).map(drop)
    }

    fn takes(&self, message: &Message) -> bool {
        message.to.is_ascii()
    }

    fn request(&self, message: &Message, _: Timestamp) -> Result<Request<Vec<u8>>, Failure> {
        let sender = sender(&self.from)?;
        let to = ascii(self.name(), &message.to)?;
        let mut body = json!({
            "from": sender.written(),
            "to": [to],
            "subject": message.subject,
            "text": message.text.expose(),
            "headers": { "Auto-Submitted": "auto-generated" },
        });
        if let Some(html) = &message.html {
            body["html"] = json!(html.expose());
        }
        // resend.com/docs/dashboard/emails/embed-inline-images
        if let Some(logo) = &message.logo {
            body["attachments"] = json!([{
                "content": STANDARD.encode(&logo.bytes),
                "content_type": logo.content_type,
                "content_id": Logo::CONTENT_ID,
                "filename": Logo::CONTENT_ID,
            }]);
        }
        let request = Request::post(at(&self.base_url, "/emails"))
            .header(AUTHORIZATION, format!("Bearer {}", self.api_key.expose()))
            .header(CONTENT_TYPE, "application/json")
            .header("idempotency-key", message.id.to_string())
            .body(body.to_string().into_bytes());
        request.map_err(|error| unsendable(&error))
    }

    /// The names of faults are those of resend.com/docs/api-reference/errors.
    fn outcome(&self, answer: &ApiAnswer<'_>) -> Outcome {
        let name = answer.word("/name").unwrap_or_default();
        let said = |what: &str| format!("resend answered {} ({name}): {what}", answer.status);
        match (answer.status, name.as_str()) {
            (200..300, _) => answer.sent(answer.json["id"].as_str()),
            (_, "missing_api_key" | "invalid_api_key" | "restricted_api_key" | "suspended_api_key") => {
                answer.unavailable(FailureClass::Authentication, said("check `email.resend.api_key`"))
            }
            // Among other things: a domain of the sender that is not verified.
            (403, _) => answer.unavailable(FailureClass::Sender, said(SENDER)),
            (_, "invalid_from_address") => answer.unavailable(FailureClass::Sender, said(SENDER)),
            (_, "daily_quota_exceeded" | "monthly_quota_exceeded") => {
                answer.unavailable(FailureClass::RateLimited, said("the quota of the account is used up"))
            }
            // The first request with this key is still being worked on.
            (409, "concurrent_idempotent_requests") => {
                answer.unavailable(FailureClass::Timeout, said("it still works on the first try of this message"))
            }
            (401, _) => answer.unavailable(FailureClass::Authentication, said("check `email.resend.api_key`")),
            (400 | 422, _) => {
                answer.refused(FailureClass::Address, &format!("{name}, which most often is the address"))
            }
            _ => answer.by_status("email.resend.api_key"),
        }
    }

    fn is_idempotent(&self) -> bool {
        true
    }

    /// Events are signed as by Svix (resend.com/docs/dashboard/webhooks/verify-webhooks-requests).
    fn reports(&self, callback: &Callback<'_>) -> Option<Result<Vec<Report>, CallbackError>> {
        Some(self.webhook_secret.as_ref().ok_or(CallbackError::NoKey).and_then(|secret| {
            check_svix(callback, secret)?;
            let event = json(callback)?;
            let message_id = event["data"]["email_id"].as_str().ok_or(CallbackError::Unreadable)?.to_owned();
            let failed = |class, why: &str| ReportedState::Failed(Failure::new(class, format!("resend: {why}")));
            let state = match event["type"].as_str() {
                Some("email.delivered") => ReportedState::Delivered,
                Some("email.bounced") => failed(FailureClass::Address, "the address takes no mail"),
                Some("email.complained") => failed(FailureClass::Complaint, "the recipient marked it as spam"),
                Some("email.suppressed") => failed(FailureClass::Address, "the address took no mail before"),
                Some("email.failed") => failed(FailureClass::Provider, "it could not be sent"),
                _ => return Ok(Vec::new()),
            };
            Ok(vec![Report { message_id, state }])
        }))
    }
}

impl fmt::Debug for Resend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resend").field("base_url", &self.base_url.as_str()).finish_non_exhaustive()
    }
}

/// The sender, which `check` has looked at.
pub(super) fn sender(from: &str) -> Result<Sender<'_>, Failure> {
    Sender::parse(from).map_err(|error| Failure::new(FailureClass::Sender, error.to_string()))
}

/// An address that an API can take.
pub(super) fn ascii<'a>(provider: &str, address: &'a str) -> Result<&'a str, Failure> {
    if address.is_ascii() {
        return Ok(address);
    }
    let reason =
        format!("{provider} does not take addresses outside ASCII; SMTP does, where the server offers SMTPUTF8");
    Err(Failure::new(FailureClass::Address, reason))
}

pub(super) fn unsendable(error: &http::Error) -> Failure {
    Failure::new(FailureClass::Content, format!("the request can't be written: {error}"))
}

pub(super) fn json(callback: &Callback<'_>) -> Result<serde_json::Value, CallbackError> {
    serde_json::from_slice(callback.body).map_err(|_| CallbackError::Unreadable)
}

const API_KEY: &str = "email.resend.api_key";
pub(super) const SENDER: &str = "it does not accept the sender: check `email.from`, and verify its domain there";
