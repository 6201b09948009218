//! SendGrid (twilio.com/docs/sendgrid/api-reference/mail-send/mail-send).

use std::fmt;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
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
use super::resend::{SENDER, ascii, json, sender, unsendable};

/// E-mail by SendGrid. It has no idempotency keys.
#[derive(Clone)]
pub struct SendGrid {
    /// The key, `SG.…`, which may send mail.
    pub api_key: Secret<String>,
    /// The sender, such as `Acme <no-reply@acme.example>`.
    pub from: String,
    /// Where the API is: `https://api.sendgrid.com`, or `https://api.eu.sendgrid.com`.
    pub base_url: Url,
    /// The verification key of the signed event webhook, base64; without it no report is believed.
    pub webhook_key: Option<String>,
}

impl MessageApi for SendGrid {
    fn name(&self) -> &'static str {
        "sendgrid"
    }

    fn check(&self) -> Result<(), ApiError> {
        check_secret("email.sendgrid.api_key", &self.api_key)?;
        check_url("email.sendgrid.base_url", &self.base_url)?;
        if self.webhook_key.as_ref().is_some_and(|key| point(key).is_none()) {
            let reason = "must be the verification key as SendGrid shows it: base64 of a public key on the curve P-256";
            return Err(ApiError::new("email.sendgrid.webhook_key", reason));
        }
        Sender::parse(&self.from).map(drop)
    }

    fn takes(&self, message: &Message) -> bool {
        message.to.is_ascii()
    }

    fn request(&self, message: &Message, _: Timestamp) -> Result<Request<Vec<u8>>, Failure> {
        let sender = sender(&self.from)?;
        let to = ascii(self.name(), &message.to)?;
        let mut from = json!({ "email": sender.address });
        if let Some(name) = &sender.name {
            from["name"] = json!(name);
        }
        // Plain text has to come first.
        let mut content = vec![json!({ "type": "text/plain", "value": message.text.expose() })];
        content.extend(message.html.as_ref().map(|html| json!({ "type": "text/html", "value": html.expose() })));
        let mut body = json!({
            "personalizations": [{ "to": [{ "email": to }] }],
            "from": from,
            "subject": message.subject,
            "content": content,
            "headers": { "Auto-Submitted": "auto-generated" },
            "custom_args": { "message_id": message.id.to_string() },
            // Nothing in a message with a code is to be rewritten or watched.
            "tracking_settings": {
                "click_tracking": { "enable": false, "enable_text": false },
                "open_tracking": { "enable": false },
                "subscription_tracking": { "enable": false },
            },
        });
        if let Some(logo) = &message.logo {
            body["attachments"] = json!([{
                "content": STANDARD.encode(&logo.bytes),
                "type": logo.content_type,
                "filename": Logo::CONTENT_ID,
                "disposition": "inline",
                "content_id": Logo::CONTENT_ID,
            }]);
        }
        let request = Request::post(at(&self.base_url, "/v3/mail/send"))
            .header(AUTHORIZATION, format!("Bearer {}", self.api_key.expose()))
            .header(CONTENT_TYPE, "application/json")
            .body(body.to_string().into_bytes());
        request.map_err(|error| unsendable(&error))
    }

    /// It answers 202 without a body; the id is in a header. Faults name the field
    /// (twilio.com/docs/sendgrid/api-reference/how-to-use-the-sendgrid-v3-api/responses).
    fn outcome(&self, answer: &ApiAnswer<'_>) -> Outcome {
        let field = answer.word("/errors/0/field").unwrap_or_default();
        match (answer.status, field.as_str()) {
            (202, _) => answer.sent(answer.headers.get("x-message-id").and_then(|id| id.to_str().ok())),
            (200..300, _) => answer.strange(),
            (400 | 403, field) if field == "from" || field.starts_with("from.") => {
                answer.unavailable(FailureClass::Sender, format!("sendgrid answered {}: {SENDER}", answer.status))
            }
            (400, field) if field.starts_with("personalizations") => {
                answer.refused(FailureClass::Address, "it does not accept the address")
            }
            _ => answer.by_status("email.sendgrid.api_key"),
        }
    }

    /// Events are signed with a key on the curve P-256
    /// (twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features).
    fn reports(&self, callback: &Callback<'_>) -> Option<Result<Vec<Report>, CallbackError>> {
        Some(self.webhook_key.as_deref().and_then(point).ok_or(CallbackError::NoKey).and_then(|key| {
            let header = |name: &str| callback.header(name).ok_or(CallbackError::Signature);
            let timestamp = header("x-twilio-email-event-webhook-timestamp")?;
            let signature = STANDARD.decode(header("x-twilio-email-event-webhook-signature")?);
            let signature = signature.map_err(|_| CallbackError::Signature)?;
            let signed = [timestamp.as_bytes(), callback.body].concat();
            let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key);
            key.verify(&signed, &signature).map_err(|_| CallbackError::Signature)?;
            if !callback.is_near(timestamp) {
                return Err(CallbackError::Stale);
            }
            let events = json(callback)?;
            Ok(events.as_array().ok_or(CallbackError::Unreadable)?.iter().filter_map(report).collect())
        }))
    }
}

fn report(event: &serde_json::Value) -> Option<Report> {
    // The id of the answer, a dot, and what tells the parts of one request apart.
    let message_id = event["sg_message_id"].as_str()?.split('.').next()?.to_owned();
    let failed = |class, why: &str| ReportedState::Failed(Failure::new(class, format!("sendgrid: {why}")));
    let state = match (event["event"].as_str()?, event["type"].as_str()) {
        ("delivered", _) => ReportedState::Delivered,
        ("bounce", Some("blocked")) => failed(FailureClass::Content, "the recipient's server refused it"),
        ("bounce", _) => failed(FailureClass::Address, "the address takes no mail"),
        ("dropped", _) => failed(FailureClass::Address, "the address took no mail before"),
        ("spamreport", _) => failed(FailureClass::Complaint, "the recipient marked it as spam"),
        _ => return None,
    };
    Some(Report { message_id, state })
}

/// The point in a public key on the curve P-256 (RFC 5480 2): the last 65 bytes of its DER.
fn point(key: &str) -> Option<Vec<u8>> {
    let der = STANDARD.decode(key.trim()).ok()?;
    let point = der.strip_prefix(&SPKI_P256)?;
    (point.len() == 65 && point[0] == 4).then(|| point.to_vec())
}

impl fmt::Debug for SendGrid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendGrid").field("base_url", &self.base_url.as_str()).finish_non_exhaustive()
    }
}

/// The bytes of a DER-encoded public key before the curve point: the algorithm `ecPublicKey` and the curve `prime256v1`.
const SPKI_P256: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
