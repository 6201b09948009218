//! Twilio: text messages and WhatsApp (twilio.com/docs/messaging/api/message-resource).

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use form_urlencoded::Serializer;
use http::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::json;
use url::Url;

use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::domain::verification::PhoneChannel;

use super::super::{Callback, CallbackError, Failure, FailureClass, Message, Outcome, Report, ReportedState};
use super::answer::ApiAnswer;
use super::api::{ApiError, MessageApi, at, check_secret, check_url};
use super::resend::unsendable;

/// Text messages and WhatsApp messages by Twilio. It has no idempotency keys.
#[derive(Clone)]
pub struct Twilio {
    /// The id of the account, `AC…`.
    pub account_sid: String,
    /// The account's token. Reports are signed with it too.
    pub auth_token: Secret<String>,
    /// The id of an API key, `SK…`, and its secret, to send with instead of the token.
    pub api_key: Option<(String, Secret<String>)>,
    /// The number or name that text messages come from, such as `+15005550006`.
    pub from: Option<String>,
    /// A messaging service, `MG…`, which chooses where they come from.
    pub messaging_service_sid: Option<String>,
    /// The number that WhatsApp messages come from; without it none is sent by WhatsApp.
    pub whatsapp_from: Option<String>,
    /// The template of WhatsApp messages with a code, `HX…`, whose variable `1` is the code. WhatsApp delivers messages
    /// that a business begins only by an approved template (twilio.com/docs/whatsapp/tutorial/send-whatsapp-notification-messages-templates).
    pub whatsapp_content_sid: Option<String>,
    /// Where the API is: `https://api.twilio.com`.
    pub base_url: Url,
    /// Where Twilio reports what becomes of a message; none if absent.
    pub status_callback: Option<Url>,
}

impl MessageApi for Twilio {
    fn name(&self) -> &'static str {
        "twilio"
    }

    fn check(&self) -> Result<(), ApiError> {
        let is_sid = |sid: &str, kind: &str| {
            sid.strip_prefix(kind)
                .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_alphanumeric()))
        };
        let fault = |key, reason: &str| Err(ApiError::new(key, reason));
        if !is_sid(&self.account_sid, "AC") {
            return fault("sms.twilio.account_sid", "must be the id of the account, which begins with AC");
        }
        check_secret("sms.twilio.auth_token", &self.auth_token)?;
        if let Some((sid, secret)) = &self.api_key {
            if !is_sid(sid, "SK") {
                return fault("sms.twilio.api_key_sid", "must be the id of an API key, which begins with SK");
            }
            check_secret("sms.twilio.api_key_secret", secret)?;
        }
        match (&self.from, &self.messaging_service_sid) {
            (None, None) => {
                let reason = "is missing; write the number that messages come from, or `messaging_service_sid`";
                return fault("sms.twilio.from", reason);
            }
            (_, Some(sid)) if !is_sid(sid, "MG") => {
                return fault("sms.twilio.messaging_service_sid", "must be the id of a service, which begins with MG");
            }
            _ => {}
        }
        if self.whatsapp_content_sid.is_some() && self.whatsapp_from.is_none() {
            return fault("sms.twilio.whatsapp_from", "is missing; `whatsapp_content_sid` is of use only with it");
        }
        if self.whatsapp_content_sid.as_ref().is_some_and(|sid| !is_sid(sid, "HX")) {
            return fault("sms.twilio.whatsapp_content_sid", "must be the id of a template, which begins with HX");
        }
        check_url("sms.twilio.base_url", &self.base_url)
    }

    /// A message that is to arrive by WhatsApp only where it sends by WhatsApp.
    fn takes(&self, message: &Message) -> bool {
        message.phone_channel != Some(PhoneChannel::WhatsApp) || self.whatsapp_from.is_some()
    }

    fn request(&self, message: &Message, now: Timestamp) -> Result<Request<Vec<u8>>, Failure> {
        let mut form = Serializer::new(String::new());
        match &self.whatsapp_from {
            Some(from) if message.phone_channel == Some(PhoneChannel::WhatsApp) => {
                form.append_pair("To", &format!("whatsapp:{}", message.to));
                form.append_pair("From", &format!("whatsapp:{from}"));
                match (&self.whatsapp_content_sid, &message.code) {
                    (Some(sid), Some(code)) => {
                        form.append_pair("ContentSid", sid);
                        form.append_pair("ContentVariables", &json!({ "1": code.expose() }).to_string());
                    }
                    _ => {
                        form.append_pair("Body", message.text.expose());
                    }
                }
            }
            _ => {
                form.append_pair("To", &message.to);
                match (&self.messaging_service_sid, &self.from) {
                    (Some(sid), _) => form.append_pair("MessagingServiceSid", sid),
                    (None, from) => form.append_pair("From", from.as_deref().unwrap_or_default()),
                };
                form.append_pair("Body", message.text.expose());
            }
        }
        // Twilio does not send it after this many seconds, from 1 to 36000.
        let good_for_s = message.expire_at.since(now).as_secs_ceil().clamp(1, 36_000);
        form.append_pair("ValidityPeriod", &good_for_s.to_string());
        if let Some(url) = &self.status_callback {
            form.append_pair("StatusCallback", url.as_str());
        }
        let (user, password) = match &self.api_key {
            Some((sid, secret)) => (sid, secret),
            None => (&self.account_sid, &self.auth_token),
        };
        let login = Secret::new(STANDARD.encode(format!("{user}:{}", password.expose())));
        let path = format!("/2010-04-01/Accounts/{}/Messages.json", self.account_sid);
        let request = Request::post(at(&self.base_url, &path))
            .header(AUTHORIZATION, format!("Basic {}", login.expose()))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form.finish().into_bytes());
        request.map_err(|error| unsendable(&error))
    }

    /// The codes are those of twilio.com/docs/api/errors.
    fn outcome(&self, answer: &ApiAnswer<'_>) -> Outcome {
        if (200..300).contains(&answer.status) {
            return answer.sent(answer.json["sid"].as_str());
        }
        let code = answer.json["code"].as_u64().unwrap_or_default();
        let said = |what: &str| format!("twilio answered {} (code {code}): {what}", answer.status);
        match code {
            20003 | 20008 | 20404 | 20005 => answer.unavailable(FailureClass::Authentication, said(LOGIN)),
            20429 | 14107 | 63018 => answer.limited(),
            // The queue of the number is full, or the account has no credit.
            21611 | 30001 | 30002 => {
                answer.unavailable(FailureClass::RateLimited, said("its queue is full or the account is suspended"))
            }
            21211 | 21214 | 21217 | 21265 | 21614 | 21656 | 63003 => {
                answer.refused(FailureClass::Address, &format!("code {code}: the number can't get messages"))
            }
            21610 => answer.refused(FailureClass::Address, "code 21610: the person has asked for no more messages"),
            21408 => answer.unavailable(
                FailureClass::Sender,
                said("messages to this country are not allowed for the account: see its geographic permissions"),
            ),
            21612 | 21606 | 21603 | 21212 | 21659 | 21660 | 21661 | 21703 | 21704 | 21705 | 63007 => {
                answer.unavailable(FailureClass::Sender, said(SENDER))
            }
            21602 | 21605 | 21617 | 21619 | 63016 | 63027 | 63028 => {
                answer.refused(FailureClass::Content, &format!("code {code}: it does not accept the text"))
            }
            _ => answer.by_status("sms.twilio.auth_token"),
        }
    }

    /// Twilio signs the URL and the form (twilio.com/docs/usage/security#validating-requests).
    fn reports(&self, callback: &Callback<'_>) -> Option<Result<Vec<Report>, CallbackError>> {
        Some(self.check_signature(callback).and_then(|()| {
            let field = |name: &str| {
                form_urlencoded::parse(callback.body).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
            };
            let message_id = field("MessageSid").ok_or(CallbackError::Unreadable)?;
            let code = field("ErrorCode").unwrap_or_default();
            let failed = || {
                let class = match code.as_str() {
                    "30003" | "30004" | "30005" | "30006" | "63024" | "63003" => FailureClass::Address,
                    "30007" | "63016" => FailureClass::Content,
                    _ => FailureClass::Provider,
                };
                let code: String = code.chars().filter(char::is_ascii_digit).take(8).collect();
                ReportedState::Failed(Failure::new(class, format!("twilio could not deliver it (code {code})")))
            };
            let state = match field("MessageStatus").as_deref() {
                Some("delivered" | "read") => ReportedState::Delivered,
                Some("failed" | "undelivered" | "canceled") => failed(),
                _ => return Ok(Vec::new()),
            };
            Ok(vec![Report { message_id, state }])
        }))
    }
}

impl Twilio {
    fn check_signature(&self, callback: &Callback<'_>) -> Result<(), CallbackError> {
        let given = callback.header("x-twilio-signature").and_then(|text| STANDARD.decode(text).ok());
        let given = given.ok_or(CallbackError::Signature)?;
        let mut fields: Vec<_> = form_urlencoded::parse(callback.body).collect();
        fields.sort();
        let signed: String = fields.iter().fold(callback.url.to_owned(), |text, (key, value)| text + key + value);
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, self.auth_token.expose().as_bytes());
        hmac::verify(&key, signed.as_bytes(), &given).map_err(|_| CallbackError::Signature)
    }
}

impl fmt::Debug for Twilio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Twilio").field("base_url", &self.base_url.as_str()).finish_non_exhaustive()
    }
}

const LOGIN: &str = "it does not accept the login: check `sms.twilio.account_sid` and `sms.twilio.auth_token`";
const SENDER: &str = "it can't send from there to this number: check `sms.twilio.from` or \
                      `sms.twilio.messaging_service_sid`, and for WhatsApp `sms.twilio.whatsapp_from`";
