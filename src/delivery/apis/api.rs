//! What a provider with an HTTP API is.

use http::Request;
use url::Url;

use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;

use super::super::{Callback, CallbackError, Failure, Message, Outcome, Report};
use super::answer::ApiAnswer;

/// An HTTP API that takes messages. [`ApiTransport`](super::ApiTransport) sends its requests.
pub trait MessageApi: Send + Sync + 'static {
    /// Its name in the configuration, such as `resend`.
    fn name(&self) -> &'static str;

    /// Looks at its own settings, once at the start.
    ///
    /// # Errors
    /// Which setting can't be used, and what to write.
    fn check(&self) -> Result<(), ApiError>;

    /// Whether it can take messages to such an address at all.
    fn takes(&self, message: &Message) -> bool {
        let _any = message;
        true
    }

    /// The request that sends the message. The same message makes the same request in each try, but for its time.
    ///
    /// # Errors
    /// When the message can't be sent by this API.
    fn request(&self, message: &Message, now: Timestamp) -> Result<Request<Vec<u8>>, Failure>;

    /// What an answer means.
    fn outcome(&self, answer: &ApiAnswer<'_>) -> Outcome;

    /// Whether the API finds out that it has taken the same message already, so that a request whose answer was lost can
    /// be repeated at once.
    fn is_idempotent(&self) -> bool {
        false
    }

    /// Where the certificate is that a report is signed with, in PEM, if the report names a place and that is believed. The
    /// transport fetches it once a day, and gives it to [`reports`](Self::reports) in [`Callback::certificate`].
    fn certificate_url(&self, callback: &Callback<'_>) -> Option<Url> {
        let _none = callback;
        None
    }

    /// Reads a report about messages that it accepted. `None` if it makes none.
    ///
    /// # Errors
    /// In the inner result, when the report is not believed or can't be read.
    fn reports(&self, callback: &Callback<'_>) -> Option<Result<Vec<Report>, CallbackError>> {
        let _none = callback;
        None
    }
}

/// A setting of a provider that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` {reason}")]
pub struct ApiError {
    /// The key, such as `email.resend.api_key`.
    pub key: &'static str,
    /// What is wrong, as the end of a sentence that begins with the key. No secret is in it.
    pub reason: String,
}

impl ApiError {
    pub(super) fn new(key: &'static str, reason: impl Into<String>) -> Self {
        Self { key, reason: reason.into() }
    }
}

/// Requires a secret that can be written in a header.
pub(super) fn check_secret(key: &'static str, secret: &Secret<String>) -> Result<(), ApiError> {
    let secret = secret.expose();
    if secret.is_empty() {
        return Err(ApiError::new(key, "is missing; write the one that the provider gave you"));
    }
    if !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(ApiError::new(key, "has blanks or letters outside ASCII; write it as the provider shows it"));
    }
    Ok(())
}

/// Requires https, except for a server on this machine: requests carry codes and keys.
pub(super) fn check_url(key: &'static str, url: &Url) -> Result<(), ApiError> {
    let is_local = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" if url.host().is_some() => Ok(()),
        "http" if is_local => Ok(()),
        _ => Err(ApiError::new(
            key,
            "must be an https URL: codes and keys are sent to it; only a server on this machine may have http",
        )),
    }
}

/// The URL of a path below the base URL.
pub(super) fn at(base: &Url, path: &str) -> String {
    format!("{}{path}", base.as_str().trim_end_matches('/'))
}
