//! Amazon SES, version 2 (docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Request;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};
use url::Url;

use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;

use super::super::{Callback, CallbackError, Failure, FailureClass, Logo, Message, Outcome, Report, ReportedState};
use super::answer::ApiAnswer;
use super::api::{ApiError, MessageApi, at, check_secret, check_url};
use super::mailbox::Sender;
use super::resend::{SENDER, ascii, json, sender, unsendable};
use super::signature::check_basic;
use super::sigv4::{Scope, Signed, amz_date};
use super::sns;

/// E-mail by Amazon SES. It has no idempotency keys.
#[derive(Clone)]
pub struct Ses {
    /// The region, such as `eu-central-1`.
    pub region: String,
    /// The id of the access key.
    pub access_key_id: String,
    /// The access key.
    pub secret_access_key: Secret<String>,
    /// The token of a temporary key.
    pub session_token: Option<Secret<String>>,
    /// The sender, such as `Acme <no-reply@acme.example>`.
    pub from: String,
    /// Where the API is: `https://email.<region>.amazonaws.com`.
    pub base_url: Url,
    /// The configuration set, whose event destination sends reports.
    pub configuration_set: Option<String>,
    /// The login in the URL of the SNS subscription, as `name:password`. Without it and a topic no report is believed.
    pub webhook_login: Option<Secret<String>>,
    /// The SNS topic whose signed messages are believed, such as `arn:aws:sns:eu-central-1:123456789012:reports`. With a
    /// login, a report needs both.
    pub webhook_topic: Option<String>,
}

impl MessageApi for Ses {
    fn name(&self) -> &'static str {
        "ses"
    }

    fn check(&self) -> Result<(), ApiError> {
        let is_word = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !is_word(&self.region) {
            return Err(ApiError::new("email.ses.region", "must be a region, such as \"eu-central-1\""));
        }
        if !is_word(&self.access_key_id) {
            return Err(ApiError::new("email.ses.access_key_id", "must be the id of an access key, such as \"AKIA…\""));
        }
        check_secret("email.ses.secret_access_key", &self.secret_access_key)?;
        if let Some(token) = &self.session_token {
            check_secret("email.ses.session_token", token)?;
        }
        check_url("email.ses.base_url", &self.base_url)?;
        if self.base_url.path() != "/" {
            return Err(ApiError::new("email.ses.base_url", "must have no path"));
        }
        if self.webhook_login.as_ref().is_some_and(|login| !login.expose().contains(':')) {
            let reason = "must be a name, a colon and a password, as in the URL of the subscription";
            return Err(ApiError::new("email.ses.webhook_login", reason));
        }
        if self.webhook_topic.as_deref().is_some_and(|topic| !sns::is_topic(topic)) {
            let reason = "must be the name of a topic, such as \"arn:aws:sns:eu-central-1:123456789012:reports\"";
            return Err(ApiError::new("email.ses.webhook_topic", reason));
        }
        Sender::parse(&self.from).map(drop)
    }

    fn takes(&self, message: &Message) -> bool {
        message.to.is_ascii()
    }

    fn request(&self, message: &Message, now: Timestamp) -> Result<Request<Vec<u8>>, Failure> {
        let sender = sender(&self.from)?;
        let to = ascii(self.name(), &message.to)?;
        let part = |text: &str| json!({ "Data": text, "Charset": "UTF-8" });
        let mut parts = json!({ "Text": part(message.text.expose()) });
        if let Some(html) = &message.html {
            parts["Html"] = part(html.expose());
        }
        let mut body = json!({
            "FromEmailAddress": sender.written_in_ascii(),
            "Destination": { "ToAddresses": [to] },
            "Content": { "Simple": {
                "Subject": part(&message.subject),
                "Body": parts,
                "Headers": [{ "Name": "Auto-Submitted", "Value": "auto-generated" }],
            }},
        });
        // docs.aws.amazon.com/ses/latest/APIReference-V2/API_Attachment.html
        if let Some(logo) = &message.logo {
            body["Content"]["Simple"]["Attachments"] = json!([{
                "RawContent": STANDARD.encode(&logo.bytes),
                "ContentType": logo.content_type,
                "ContentDisposition": "INLINE",
                "ContentId": Logo::CONTENT_ID,
                "FileName": Logo::CONTENT_ID,
            }]);
        }
        if let Some(set) = &self.configuration_set {
            body["ConfigurationSetName"] = json!(set);
        }
        let (body, date) = (body.to_string().into_bytes(), amz_date(now));
        let host = match (self.base_url.host_str().unwrap_or_default(), self.base_url.port()) {
            (host, Some(port)) => format!("{host}:{port}"),
            (host, None) => host.to_owned(),
        };
        let token = self.session_token.as_ref().map(|token| token.expose().as_str());
        let mut headers = vec![("content-type", "application/json"), ("host", &host), ("x-amz-date", &date)];
        headers.extend(token.map(|token| ("x-amz-security-token", token)));
        let scope = Scope {
            access_key_id: &self.access_key_id,
            secret_access_key: self.secret_access_key.expose(),
            region: &self.region,
            service: "ses",
        };
        let signed = Signed { method: "POST", path: PATH, query: "", headers: &headers, body: &body };
        let mut request = Request::post(at(&self.base_url, PATH))
            .header("authorization", scope.authorization(&signed, &date))
            .header(CONTENT_TYPE, "application/json")
            .header("x-amz-date", &date);
        if let Some(token) = token {
            request = request.header("x-amz-security-token", token);
        }
        request.body(body).map_err(|error| unsendable(&error))
    }

    /// The names of faults are those of the operation, and the common ones of AWS.
    fn outcome(&self, answer: &ApiAnswer<'_>) -> Outcome {
        let name = fault_name(answer);
        let said = |what: &str| format!("ses answered {} ({name}): {what}", answer.status);
        match (answer.status, name.as_str()) {
            (200..300, _) => answer.sent(answer.json["MessageId"].as_str()),
            (_, "MessageRejected" | "MessageRejectedException") => {
                answer.refused(FailureClass::Content, &format!("{name}: it does not accept the content"))
            }
            (_, "MailFromDomainNotVerifiedException" | "NotFoundException") => {
                answer.unavailable(FailureClass::Sender, said(SENDER))
            }
            (_, "AccountSuspendedException" | "SendingPausedException") => {
                answer.unavailable(FailureClass::Sender, said("the account may not send now: ask AWS"))
            }
            (_, "LimitExceededException" | "TooManyRequestsException" | "ThrottlingException" | "Throttling") => {
                answer.unavailable(FailureClass::RateLimited, said("it takes no more messages now"))
            }
            (_, "RequestExpired" | "RequestTimeTooSkewed") => {
                answer.unavailable(FailureClass::Authentication, said("the clock of this machine is wrong; set it"))
            }
            (_, "ExpiredTokenException" | "ExpiredToken") => {
                answer.unavailable(FailureClass::Authentication, said("the temporary key has ended; write a new one"))
            }
            (401 | 403, _) => answer.unavailable(FailureClass::Authentication, said(KEY)),
            (400, "BadRequestException" | "ValidationException") => {
                answer.refused(FailureClass::Address, &format!("{name}, which most often is the address"))
            }
            _ => answer.by_status("email.ses.access_key_id"),
        }
    }

    fn certificate_url(&self, callback: &Callback<'_>) -> Option<Url> {
        let topic = self.webhook_topic.as_deref()?;
        self.webhook_login.as_ref().map_or(Ok(()), |login| check_basic(callback, login)).ok()?;
        sns::certificate_url(&json(callback).ok()?, topic)
    }

    /// Events come by SNS, which signs them, and whose subscription may have a login in its URL
    /// (docs.aws.amazon.com/sns/latest/dg/sns-http-https-endpoint-as-subscriber.html,
    /// docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html).
    fn reports(&self, callback: &Callback<'_>) -> Option<Result<Vec<Report>, CallbackError>> {
        Some(self.believed(callback).and_then(|envelope| {
            if envelope["Type"] == "SubscriptionConfirmation" {
                let url = envelope["SubscribeURL"].as_str().unwrap_or_default();
                tracing::warn!(url, "SNS asks to confirm the subscription for reports of SES: open this URL once");
                return Ok(Vec::new());
            }
            // With raw delivery there is no envelope.
            let event = match envelope["Message"].as_str() {
                Some(text) => serde_json::from_str(text).map_err(|_| CallbackError::Unreadable)?,
                None => envelope,
            };
            let message_id = event["mail"]["messageId"].as_str().ok_or(CallbackError::Unreadable)?.to_owned();
            let failed = |class, why: &str| ReportedState::Failed(Failure::new(class, format!("ses: {why}")));
            // Notifications of an identity say `notificationType`, those of a configuration set `eventType`.
            let kind = event["eventType"].as_str().or(event["notificationType"].as_str());
            let state = match (kind, event["bounce"]["bounceType"].as_str()) {
                (Some("Delivery"), _) => ReportedState::Delivered,
                (Some("Bounce"), Some("Transient")) => failed(FailureClass::Address, "the mailbox takes no mail now"),
                (Some("Bounce"), _) => failed(FailureClass::Address, "the address takes no mail"),
                (Some("Complaint"), _) => failed(FailureClass::Complaint, "the recipient marked it as spam"),
                (Some("Reject"), _) => failed(FailureClass::Content, "it does not accept the content"),
                _ => return Ok(Vec::new()),
            };
            Ok(vec![Report { message_id, state }])
        }))
    }
}

impl Ses {
    /// The envelope of a report that proves itself.
    fn believed(&self, callback: &Callback<'_>) -> Result<Value, CallbackError> {
        if self.webhook_login.is_none() && self.webhook_topic.is_none() {
            return Err(CallbackError::NoKey);
        }
        self.webhook_login.as_ref().map_or(Ok(()), |login| check_basic(callback, login))?;
        let envelope = json(callback)?;
        if let Some(topic) = &self.webhook_topic {
            sns::check(&envelope, topic, callback.certificate, callback.at)?;
        }
        Ok(envelope)
    }
}

/// The name of a fault: in a header, or in the body, perhaps behind a namespace and before a URL.
fn fault_name(answer: &ApiAnswer<'_>) -> String {
    let header = answer.headers.get("x-amzn-errortype").and_then(|name| name.to_str().ok()).map(str::to_owned);
    let name = header.or_else(|| answer.word("/__type")).or_else(|| answer.word("/code")).unwrap_or_default();
    let name = name.split(':').next().unwrap_or_default().rsplit('#').next().unwrap_or_default();
    name.chars().filter(char::is_ascii_alphanumeric).take(64).collect()
}

impl fmt::Debug for Ses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ses").field("base_url", &self.base_url.as_str()).finish_non_exhaustive()
    }
}

const PATH: &str = "/v2/email/outbound-emails";
const KEY: &str = "it does not accept the key: check `email.ses.access_key_id`, `email.ses.secret_access_key` and \
                   `email.ses.region`, and that the key may call ses:SendEmail";
