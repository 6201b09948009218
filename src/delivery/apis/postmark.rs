//! Postmark (postmarkapp.com/developer/api/email-api).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Request;
use http::header::{ACCEPT, CONTENT_TYPE};
use serde_json::json;
use url::Url;

use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;

use super::super::{Callback, CallbackError, Failure, FailureClass, Logo, Message, Outcome, Report, ReportedState};
use super::answer::ApiAnswer;
use super::api::{ApiError, MessageApi, at, check_secret, check_url};
use super::mailbox::Sender;
use super::resend::{SENDER, ascii, json, sender, unsendable};
use super::signature::check_basic;

/// E-mail by Postmark. It has no idempotency keys.
#[derive(Clone)]
pub struct Postmark {
    /// The token of the server.
    pub server_token: Secret<String>,
    /// The sender, such as `Acme <no-reply@acme.example>`.
    pub from: String,
    /// Where the API is: `https://api.postmarkapp.com`.
    pub base_url: Url,
    /// The stream of transactional messages: `outbound`.
    pub message_stream: String,
    /// The login in the URL of the webhook, as `name:password`; without it no report is believed.
    pub webhook_login: Option<Secret<String>>,
}

impl MessageApi for Postmark {
    fn name(&self) -> &'static str {
        "postmark"
    }

    fn check(&self) -> Result<(), ApiError> {
        check_secret("email.postmark.server_token", &self.server_token)?;
        check_url("email.postmark.base_url", &self.base_url)?;
        if self.webhook_login.as_ref().is_some_and(|login| !login.expose().contains(':')) {
            let reason = "must be a name, a colon and a password, as in the URL that Postmark is given";
            return Err(ApiError::new("email.postmark.webhook_login", reason));
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
            "From": sender.written(),
            "To": to,
            "Subject": message.subject,
            "TextBody": message.text.expose(),
            "MessageStream": self.message_stream,
            // Nothing in a message with a code is to be rewritten or watched.
            "TrackOpens": false,
            "TrackLinks": "None",
            "Headers": [{ "Name": "Auto-Submitted", "Value": "auto-generated" }],
            "Metadata": { "message_id": message.id.to_string() },
        });
        if let Some(html) = &message.html {
            body["HtmlBody"] = json!(html.expose());
        }
        // postmarkapp.com/developer/user-guide/send-email-with-api#inline-images
        if let Some(logo) = &message.logo {
            body["Attachments"] = json!([{
                "Name": Logo::CONTENT_ID,
                "Content": STANDARD.encode(&logo.bytes),
                "ContentType": logo.content_type,
                "ContentID": format!("cid:{}", Logo::CONTENT_ID),
            }]);
        }
        let request = Request::post(at(&self.base_url, "/email"))
            .header("x-postmark-server-token", self.server_token.expose())
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/json")
            .body(body.to_string().into_bytes());
        request.map_err(|error| unsendable(&error))
    }

    /// The codes are those of postmarkapp.com/developer/api/overview#error-codes.
    fn outcome(&self, answer: &ApiAnswer<'_>) -> Outcome {
        let code = answer.json["ErrorCode"].as_u64();
        let said =
            |what: &str| format!("postmark answered {} (code {}): {what}", answer.status, code.unwrap_or_default());
        match (answer.status, code) {
            (200..300, Some(0)) => answer.sent(answer.json["MessageID"].as_str()),
            (_, Some(10)) => {
                answer.unavailable(FailureClass::Authentication, said("check `email.postmark.server_token`"))
            }
            (_, Some(100)) => answer.unavailable(FailureClass::Provider, said("it is being maintained")),
            (_, Some(300)) => answer.refused(FailureClass::Address, "code 300, which most often is the address"),
            (_, Some(400 | 401)) => answer.unavailable(FailureClass::Sender, said(SENDER)),
            (_, Some(405)) => {
                answer.unavailable(FailureClass::RateLimited, said("the account has no credit left; pay it"))
            }
            (_, Some(406)) => answer.refused(FailureClass::Address, "code 406: the address took no mail before"),
            (_, Some(412 | 413)) => answer
                .unavailable(FailureClass::Sender, said("the account may not send yet: ask Postmark to approve it")),
            (_, Some(1235)) => answer.unavailable(
                FailureClass::Provider,
                said("there is no such stream: check `email.postmark.message_stream`"),
            ),
            (_, Some(429)) => answer.limited(),
            _ => answer.by_status("email.postmark.server_token"),
        }
    }

    /// Postmark signs nothing; it sends the login of the URL that it was given
    /// (postmarkapp.com/developer/webhooks/webhooks-overview#protecting-your-webhook).
    fn reports(&self, callback: &Callback<'_>) -> Option<Result<Vec<Report>, CallbackError>> {
        Some(self.webhook_login.as_ref().ok_or(CallbackError::NoKey).and_then(|login| {
            check_basic(callback, login)?;
            let record = json(callback)?;
            let message_id = record["MessageID"].as_str().ok_or(CallbackError::Unreadable)?.to_owned();
            let failed = |class, why: &str| ReportedState::Failed(Failure::new(class, format!("postmark: {why}")));
            let state = match (record["RecordType"].as_str(), record["Type"].as_str()) {
                (Some("Delivery"), _) => ReportedState::Delivered,
                // Postmark goes on trying.
                (Some("Bounce"), Some("Transient" | "AutoResponder" | "AddressChange" | "Subscribe")) => {
                    return Ok(Vec::new());
                }
                (Some("Bounce"), Some("SpamNotification" | "Blocked")) => {
                    failed(FailureClass::Content, "the recipient's server refused it as unwanted")
                }
                (Some("Bounce"), _) => failed(FailureClass::Address, "the address takes no mail"),
                (Some("SpamComplaint"), _) => failed(FailureClass::Complaint, "the recipient marked it as spam"),
                _ => return Ok(Vec::new()),
            };
            Ok(vec![Report { message_id, state }])
        }))
    }
}

impl fmt::Debug for Postmark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postmark").field("base_url", &self.base_url.as_str()).finish_non_exhaustive()
    }
}
