//! Vonage, formerly Nexmo: the SMS API (developer.vonage.com/en/api/sms).

use std::fmt;

use aws_lc_rs::{constant_time, hmac};
use form_urlencoded::Serializer;
use http::Request;
use http::header::CONTENT_TYPE;
use url::Url;

use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::domain::verification::PhoneChannel;

use super::super::{Callback, CallbackError, Failure, FailureClass, Message, Outcome, Report, ReportedState};
use super::answer::ApiAnswer;
use super::api::{ApiError, MessageApi, at, check_secret, check_url};
use super::resend::unsendable;
use super::sigv4::hex;

/// Text messages by Vonage. It has no idempotency keys.
#[derive(Clone)]
pub struct Vonage {
    /// The key of the account.
    pub api_key: String,
    /// Its secret.
    pub api_secret: Secret<String>,
    /// The number or name that messages come from, such as `Acme`.
    pub from: String,
    /// What reports are signed with, by HMAC-SHA-256; without it none is believed.
    pub signature_secret: Option<Secret<String>>,
    /// Where the API is: `https://rest.nexmo.com`.
    pub base_url: Url,
    /// Where Vonage reports what becomes of a message; the URL of the account if absent.
    pub callback: Option<Url>,
}

impl MessageApi for Vonage {
    fn name(&self) -> &'static str {
        "vonage"
    }

    fn check(&self) -> Result<(), ApiError> {
        if self.api_key.is_empty() || !self.api_key.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(ApiError::new("sms.vonage.api_key", "must be the key of the account: letters and digits"));
        }
        check_secret("sms.vonage.api_secret", &self.api_secret)?;
        if self.from.trim().is_empty() {
            return Err(ApiError::new(
                "sms.vonage.from",
                "is missing; write the number or name that messages come from",
            ));
        }
        check_url("sms.vonage.base_url", &self.base_url)
    }

    fn takes(&self, message: &Message) -> bool {
        message.phone_channel != Some(PhoneChannel::WhatsApp)
    }

    fn request(&self, message: &Message, now: Timestamp) -> Result<Request<Vec<u8>>, Failure> {
        let text = message.text.expose();
        let mut form = Serializer::new(String::new());
        form.append_pair("api_key", &self.api_key).append_pair("api_secret", self.api_secret.expose());
        form.append_pair("from", &self.from).append_pair("to", message.to.trim_start_matches('+'));
        form.append_pair("text", text).append_pair("client-ref", &message.id.to_string());
        if !text.is_ascii() {
            form.append_pair("type", "unicode");
        }
        // Vonage does not send it after this many milliseconds, from 20 s to 7 days.
        let good_for_ms = message.expire_at.since(now).as_millis().clamp(20_000, 604_800_000);
        form.append_pair("ttl", &good_for_ms.to_string());
        if let Some(url) = &self.callback {
            form.append_pair("callback", url.as_str());
        }
        let request = Request::post(at(&self.base_url, "/sms/json"))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form.finish().into_bytes());
        request.map_err(|error| unsendable(&error))
    }

    /// It answers 200 to everything; each part of the message has a status
    /// (developer.vonage.com/en/messaging/sms/guides/troubleshooting-sms).
    fn outcome(&self, answer: &ApiAnswer<'_>) -> Outcome {
        let parts = answer.json["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
        let status = |part: &serde_json::Value| part["status"].as_str().and_then(|status| status.parse::<u32>().ok());
        let failed = parts.iter().find(|part| status(part) != Some(0));
        let Some(part) = failed.or(parts.first()) else {
            let is_success = (200..300).contains(&answer.status);
            return if is_success { answer.strange() } else { answer.by_status("sms.vonage.api_secret") };
        };
        let Some(code) = status(part) else { return answer.strange() };
        let said = |what: &str| format!("vonage answered with status {code}: {what}");
        let refused = |class, what: &str| Outcome::Refused(Failure::new(class, said(what)));
        match code {
            0 => answer.sent(parts.first().and_then(|part| part["message-id"].as_str())),
            1 => answer.unavailable(FailureClass::RateLimited, said("it takes no more messages now")),
            4 | 14 | 32 => answer.unavailable(FailureClass::Authentication, said(LOGIN)),
            5 => answer.unavailable(FailureClass::Provider, said("it has a fault")),
            6 | 7 | 22 | 33 => refused(FailureClass::Address, "the number can't get messages"),
            3 => refused(FailureClass::Address, "it does not accept a field, most often the number"),
            8 | 11 | 29 => answer.unavailable(FailureClass::Sender, said("the account may not send this: ask Vonage")),
            9 => answer.unavailable(FailureClass::RateLimited, said("the account has no credit left; pay it")),
            12 => refused(FailureClass::Content, "the text is too long"),
            15 => answer.unavailable(FailureClass::Sender, said("check `sms.vonage.from`")),
            _ => answer.unavailable(FailureClass::Provider, said("it did not take the message")),
        }
    }

    /// Reports come as a query, a form or JSON, signed if the account is set so
    /// (developer.vonage.com/en/getting-started/concepts/signing-messages).
    fn reports(&self, callback: &Callback<'_>) -> Option<Result<Vec<Report>, CallbackError>> {
        Some(self.signature_secret.as_ref().ok_or(CallbackError::NoKey).and_then(|secret| {
            let fields = fields(callback).ok_or(CallbackError::Unreadable)?;
            let field = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
            check_signature(&fields, field("sig").ok_or(CallbackError::Signature)?, secret)?;
            if !field("timestamp").is_some_and(|timestamp| callback.is_near(timestamp)) {
                return Err(CallbackError::Stale);
            }
            let message_id = field("messageId").ok_or(CallbackError::Unreadable)?.to_owned();
            let state = match field("status") {
                Some("delivered") => ReportedState::Delivered,
                Some(status @ ("failed" | "rejected" | "expired" | "undeliverable" | "deleted")) => {
                    let class = match field("err-code") {
                        Some("6") => FailureClass::Content,
                        Some("1" | "3" | "7" | "9" | "12" | "13") => FailureClass::Address,
                        _ => FailureClass::Provider,
                    };
                    ReportedState::Failed(Failure::new(class, format!("vonage could not deliver it ({status})")))
                }
                _ => return Ok(Vec::new()),
            };
            Ok(vec![Report { message_id, state }])
        }))
    }
}

fn fields(callback: &Callback<'_>) -> Option<Vec<(String, String)>> {
    let of_form = |bytes: &[u8]| form_urlencoded::parse(bytes).into_owned().collect::<Vec<_>>();
    if callback.body.is_empty() {
        let query = callback.url.split_once('?')?.1;
        return Some(of_form(query.as_bytes()));
    }
    if callback.header("content-type").is_some_and(|form| form.starts_with("application/json")) {
        let object: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(callback.body).ok()?;
        let text = |value: serde_json::Value| match value {
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        };
        return Some(object.into_iter().map(|(key, value)| (key, text(value))).collect());
    }
    Some(of_form(callback.body))
}

/// HMAC-SHA-256 over `&name=value` of all fields but `sig`, sorted, with `_` in place of `&` and `=`.
fn check_signature(fields: &[(String, String)], given: &str, secret: &Secret<String>) -> Result<(), CallbackError> {
    let mut signed: Vec<_> = fields.iter().filter(|(key, _)| key != "sig").collect();
    signed.sort();
    let signed: String =
        signed.iter().map(|(key, value)| format!("&{key}={}", value.replace(['&', '='], "_"))).collect();
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
    let right = hex(hmac::sign(&key, signed.as_bytes()).as_ref());
    let given = given.to_ascii_lowercase();
    constant_time::verify_slices_are_equal(right.as_bytes(), given.as_bytes()).map_err(|_| CallbackError::Signature)
}

impl fmt::Debug for Vonage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vonage").field("base_url", &self.base_url.as_str()).finish_non_exhaustive()
    }
}

const LOGIN: &str = "it does not accept the login: check `sms.vonage.api_key` and `sms.vonage.api_secret`";
