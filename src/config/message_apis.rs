//! The sections of providers that take messages by HTTP.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::domain::secret::Secret;

use super::values::WebUrl;

/// Section `[email.resend]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResendSection {
    /// Key of the API.
    pub api_key: Option<Secret<String>>,
    /// What reports are signed with.
    pub webhook_secret: Option<Secret<String>>,
    /// Where the API is.
    pub base_url: WebUrl,
}

/// Section `[email.postmark]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostmarkSection {
    /// Token of the server.
    pub server_token: Option<Secret<String>>,
    /// Stream of transactional messages.
    pub message_stream: String,
    /// Login that reports have, as `name:password`.
    pub webhook_login: Option<Secret<String>>,
    /// Where the API is.
    pub base_url: WebUrl,
}

/// Section `[email.sendgrid]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SendGridSection {
    /// Key of the API.
    pub api_key: Option<Secret<String>>,
    /// Verification key of signed events.
    pub webhook_key: Option<String>,
    /// Where the API is.
    pub base_url: WebUrl,
}

/// Section `[email.ses]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SesSection {
    /// Region of AWS.
    pub region: Option<String>,
    /// Id of the access key.
    pub access_key_id: Option<String>,
    /// The access key.
    pub secret_access_key: Option<Secret<String>>,
    /// Token of a temporary access key.
    pub session_token: Option<Secret<String>>,
    /// Configuration set of the messages.
    pub configuration_set: Option<String>,
    /// Login that reports have, as `name:password`.
    pub webhook_login: Option<Secret<String>>,
    /// Topic whose signed reports are believed.
    pub webhook_topic: Option<String>,
    /// Where the API is; that of the region if absent.
    pub base_url: Option<WebUrl>,
}

/// Section `[sms.twilio]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TwilioSection {
    /// Id of the account.
    pub account_sid: Option<String>,
    /// Token of the account.
    pub auth_token: Option<Secret<String>>,
    /// Id of an API key, to send with instead of the token.
    pub api_key_sid: Option<String>,
    /// Secret of that API key.
    pub api_key_secret: Option<Secret<String>>,
    /// Number or name that messages come from.
    pub from: Option<String>,
    /// Service that chooses where messages come from.
    pub messaging_service_sid: Option<String>,
    /// Number that WhatsApp messages come from.
    pub whatsapp_from: Option<String>,
    /// Template of WhatsApp messages with a code.
    pub whatsapp_content_sid: Option<String>,
    /// Where the API is.
    pub base_url: WebUrl,
}

/// Section `[sms.vonage]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VonageSection {
    /// Key of the account.
    pub api_key: Option<String>,
    /// Secret of the account.
    pub api_secret: Option<Secret<String>>,
    /// Number or name that messages come from.
    pub from: Option<String>,
    /// What reports are signed with.
    pub signature_secret: Option<Secret<String>>,
    /// Where the API is.
    pub base_url: WebUrl,
}

/// Section `[sms.http]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmsHttpSection {
    /// URL, with variables.
    pub url: Option<String>,
    /// `POST`, `GET` or `PUT`.
    pub method: String,
    /// Headers, whose values have variables.
    pub headers: BTreeMap<String, Secret<String>>,
    /// Body, with variables.
    pub body: Option<String>,
    /// Value of `{{secret}}`.
    pub secret: Option<Secret<String>>,
    /// Statuses of success.
    pub success_statuses: Vec<u16>,
    /// Where the id of the message is in a JSON answer (RFC 6901).
    pub id_pointer: Option<String>,
}
