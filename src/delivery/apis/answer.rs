//! An answer of an API, and what its status means where the API does not say more.

use std::time::Duration;

use serde_json::Value;

use super::super::{Failure, FailureClass, Outcome, Receipt};

/// An answer of an API.
pub struct ApiAnswer<'a> {
    /// The name of the provider.
    pub provider: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: &'a http::HeaderMap,
    /// The body as JSON; null if it is none.
    pub json: Value,
    /// How long it wants no further request: `Retry-After` in seconds or as a date (RFC 9110 10.2.3).
    pub retry_after: Option<Duration>,
}

impl ApiAnswer<'_> {
    /// Accepted, with this id. An answer without an id is not one of the API: the message counts as not sent.
    pub fn sent(&self, id: Option<&str>) -> Outcome {
        match id.filter(|id| !id.is_empty()) {
            Some(id) => Outcome::Sent(Receipt { provider: self.provider, message_id: Some(id.to_owned()) }),
            None => self.strange(),
        }
    }

    /// It answered with success, and not in its own form, such as a page of a proxy.
    pub fn strange(&self) -> Outcome {
        let form = self.headers.get(http::header::CONTENT_TYPE).and_then(|form| form.to_str().ok());
        let form = form.map(|form| form.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
        let what = match form.as_deref() {
            Some("text/html") => "an HTML page",
            Some("application/json") => "JSON without the id of a message",
            _ => "something else",
        };
        let (provider, status) = (self.provider, self.status);
        self.unavailable(
            FailureClass::Provider,
            format!(
                "{provider} answered {status} with {what}, which is not an answer of its API: check the `base_url`, and \
                 whether a proxy answers in its place"
            ),
        )
    }

    /// What the status alone means.
    pub fn by_status(&self, key: &str) -> Outcome {
        let (provider, status) = (self.provider, self.status);
        match status {
            401 | 403 => self.unavailable(
                FailureClass::Authentication,
                format!("{provider} answered {status}: it does not accept the key; check `{key}`"),
            ),
            402 => self.unavailable(
                FailureClass::RateLimited,
                format!("{provider} answered 402: the account has no credit left; pay it, or add a fallback"),
            ),
            429 => self.limited(),
            // The server behind a gateway may have taken the message.
            408 | 504 => self.unavailable(
                FailureClass::Timeout,
                format!("{provider} answered {status}: it took too long; it may have taken the message"),
            ),
            300..400 | 404 | 405 => self.unavailable(
                FailureClass::Provider,
                format!("{provider} answered {status}: its API is not at this address; check the `base_url`"),
            ),
            413 => self.refused(FailureClass::Content, "the message is too large"),
            400..500 => self.refused(FailureClass::Content, "it does not accept the request"),
            500.. => self.unavailable(FailureClass::Provider, format!("{provider} answered {status}: it has a fault")),
            _ => self.strange(),
        }
    }

    /// It was sent more than it takes.
    pub fn limited(&self) -> Outcome {
        let (provider, status) = (self.provider, self.status);
        let wait = self.retry_after.map(|wait| format!("; it wants a pause of {} s", wait.as_secs()));
        self.unavailable(
            FailureClass::RateLimited,
            format!("{provider} answered {status}: it takes no more messages now{}", wait.unwrap_or_default()),
        )
    }

    /// Not now, and no other message either.
    pub fn unavailable(&self, class: FailureClass, reason: impl Into<String>) -> Outcome {
        Outcome::Unavailable(Failure { class, reason: reason.into(), retry_after: self.retry_after })
    }

    /// Never this message; `why` follows the status.
    pub fn refused(&self, class: FailureClass, why: &str) -> Outcome {
        let reason = format!("{} answered {}: {why}", self.provider, self.status);
        Outcome::Refused(Failure::new(class, reason))
    }

    /// A code or name of a fault in the body, if it is a short word or a number: nothing else of the body is shown.
    pub fn word(&self, pointer: &str) -> Option<String> {
        match self.json.pointer(pointer)? {
            Value::String(word) => {
                let is_plain =
                    |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'#' | b':');
                (word.len() <= WORD_MAX && !word.is_empty() && word.bytes().all(is_plain)).then(|| word.clone())
            }
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }
}

/// The longest word of a provider that is shown, in bytes.
const WORD_MAX: usize = 64;
