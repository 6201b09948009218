//! The sender that all APIs share: deadlines, answers of a bounded size, and what it means that there is no answer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{Request, Response, StatusCode};
use url::Url;

use crate::clock::{Clock, SystemClock};
use crate::domain::time::Timestamp;
use crate::outbound::{Outbound, OutboundError, OutboundOptions, retry_after};

#[cfg(feature = "cli")]
use super::super::milestone::{Milestone, Tell};
#[cfg(feature = "cli")]
use super::super::smtp::walk;
use super::super::{BoxFuture, Callback, CallbackError, Failure, FailureClass, Message, Outcome, Report, Transport};
use super::answer::ApiAnswer;
use super::api::{ApiError, MessageApi};
use super::certificates::Certificates;

/// Sends messages by a [`MessageApi`].
pub struct ApiTransport {
    api: Box<dyn MessageApi>,
    outbound: Outbound,
    clock: Arc<dyn Clock>,
    limits: ApiLimits,
    certificates: Mutex<Certificates>,
}

/// Limits for the requests to one API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiLimits {
    /// Timeout of one request, from the look-up of the name to the last byte of the answer.
    pub timeout: Duration,
    /// Maximum number of requests at the same time.
    pub at_once_max: usize,
}

impl Default for ApiLimits {
    /// 10 s, and 32 requests at the same time.
    fn default() -> Self {
        Self { timeout: Duration::from_secs(10), at_once_max: 32 }
    }
}

impl ApiTransport {
    /// A transport; it connects when the first message is sent.
    ///
    /// # Errors
    /// When a setting of the API can't be used.
    pub fn new(api: impl MessageApi, limits: ApiLimits) -> Result<Self, ApiError> {
        Self::boxed(Box::new(api), limits)
    }

    /// The same for an API whose kind is known at run time only.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn boxed(api: Box<dyn MessageApi>, limits: ApiLimits) -> Result<Self, ApiError> {
        api.check()?;
        let options = OutboundOptions {
            // The operator chose the URL; `MessageApi::check` requires https apart from this machine.
            allow_private: true,
            timeout: limits.timeout,
            connect_timeout: Some(limits.timeout / 2),
            idle_per_host_max: limits.at_once_max,
            body_max: BODY_MAX,
            per_host_max: limits.at_once_max.max(1),
        };
        let (clock, certificates) = (Arc::new(SystemClock::new()), Mutex::default());
        Ok(Self { api, outbound: Outbound::new(options), clock, limits, certificates })
    }

    /// The API's name in the configuration.
    pub fn name(&self) -> &'static str {
        self.api.name()
    }

    /// Sends a message, and tells each step that went well: the look-up, the connection and TLS on a connection of their
    /// own first, since the one of the request is hidden.
    #[cfg(feature = "cli")]
    pub async fn examine(&self, message: &Message, tell: Tell<'_>) -> Outcome {
        let request = match self.api.request(message, self.clock.now()) {
            Ok(request) => request,
            Err(failure) => return Outcome::Refused(failure),
        };
        let is_https = request.uri().scheme_str() == Some("https");
        let host = request.uri().host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let port = request.uri().port_u16().unwrap_or(if is_https { 443 } else { 80 });
        if let Err(reason) = walk(&host, port, is_https, self.limits.timeout, tell).await {
            let reason = format!("{}: {host}:{port} {reason}; {NETWORK}", self.api.name());
            return Outcome::Unavailable(Failure::new(FailureClass::Unreachable, reason));
        }
        let outcome = self.send(message).await;
        if let Outcome::Sent(receipt) = &outcome {
            tell(Milestone::Accepted(receipt.message_id.clone().unwrap_or_else(|| "it gave no id".into())));
        }
        outcome
    }

    async fn send(&self, message: &Message) -> Outcome {
        match self.ask(message).await {
            // The API finds out by itself whether it has taken the message.
            Err(OutboundError::Lost(..)) if self.api.is_idempotent() => self.ask(message).await,
            answered => answered,
        }
        .unwrap_or_else(|error| self.unanswered(&error))
    }

    /// One request.
    async fn ask(&self, message: &Message) -> Result<Outcome, OutboundError> {
        let request: Request<Vec<u8>> = match self.api.request(message, self.clock.now()) {
            Ok(request) => request,
            Err(failure) => return Ok(Outcome::Refused(failure)),
        };
        let answer = self.outbound.send(request).await?;
        Ok(self.api.outcome(&read(self.api.name(), &answer, self.clock.now())))
    }

    /// Fetches a certificate that reports are signed with. Strangers can name any that is at the provider: so no more than
    /// a few are kept, and asked for. Reports that wait for the same one cause one request.
    async fn fetch_certificate(&self, url: Url) {
        let Some(turn) = self.certificates().turn(url.as_str(), self.clock.now()) else { return };
        let mut was_tried = turn.lock().await;
        if !*was_tried {
            self.ask_for_certificate(url).await;
            *was_tried = true;
        }
    }

    async fn ask_for_certificate(&self, url: Url) {
        let Ok(request) = Request::get(url.as_str()).body(Vec::new()) else { return };
        match self.outbound.send(request).await {
            Ok(answer) if answer.status().is_success() => {
                if !self.certificates().keep(url.into(), answer.body(), self.clock.now()) {
                    tracing::warn!("what was fetched is no certificate of reports");
                }
            }
            Ok(answer) => {
                tracing::warn!(status = answer.status().as_u16(), "a certificate of reports could not be fetched");
                if matches!(answer.status(), StatusCode::FORBIDDEN | StatusCode::NOT_FOUND | StatusCode::GONE) {
                    self.certificates().forget(url.as_str());
                }
            }
            Err(error) => tracing::warn!(%error, "a certificate of reports could not be fetched"),
        }
    }

    fn certificates(&self) -> MutexGuard<'_, Certificates> {
        self.certificates.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it means that there is no answer.
    fn unanswered(&self, error: &OutboundError) -> Outcome {
        let name = self.api.name();
        let (class, reason) = match error {
            OutboundError::Forbidden(..) => (FailureClass::Unreachable, format!("{name}: {error}")),
            OutboundError::Unreachable(..) => (FailureClass::Unreachable, format!("{name}: {error}; {NETWORK}")),
            OutboundError::Certificate(..) => (FailureClass::Unreachable, format!("{name}: {error}; {CERTIFICATE}")),
            OutboundError::Busy(_) => (FailureClass::RateLimited, format!("{name}: {error}")),
            OutboundError::Timeout(_) | OutboundError::Lost(..) => {
                (FailureClass::Timeout, format!("{name}: {error}; it may have taken the message"))
            }
            OutboundError::TooLarge(_) => (FailureClass::Provider, format!("{name}: {error}")),
        };
        Outcome::Unavailable(Failure::new(class, reason))
    }
}

impl Transport for ApiTransport {
    fn deliver<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Outcome> {
        Box::pin(self.send(message))
    }

    fn at_once_max(&self) -> usize {
        self.limits.at_once_max
    }

    fn takes(&self, message: &Message) -> bool {
        self.api.takes(message)
    }

    fn prepare_reports<'a>(&'a self, provider: &'a str, callback: &'a Callback<'a>) -> BoxFuture<'a, ()> {
        let url = if provider == self.api.name() { self.api.certificate_url(callback) } else { None };
        match url {
            Some(url) => Box::pin(self.fetch_certificate(url)),
            None => Box::pin(std::future::ready(())),
        }
    }

    fn reports(&self, provider: &str, callback: &Callback<'_>) -> Option<Result<Vec<Report>, CallbackError>> {
        if provider != self.api.name() {
            return None;
        }
        let url = self.api.certificate_url(callback);
        let known = url.and_then(|url| self.certificates().known(url.as_str(), self.clock.now()));
        self.api.reports(&Callback { certificate: known.as_deref(), ..*callback })
    }
}

fn read<'a>(provider: &'static str, answer: &'a Response<Vec<u8>>, now: Timestamp) -> ApiAnswer<'a> {
    let header = |name| answer.headers().get(name).and_then(|value| value.to_str().ok());
    // A page is never read as JSON, whatever is in it.
    let is_page = header(CONTENT_TYPE).is_some_and(|form| form.to_ascii_lowercase().starts_with("text/html"));
    let json = if is_page { None } else { serde_json::from_slice(answer.body()).ok() };
    let wait = header(RETRY_AFTER).and_then(|value| retry_after(value, now));
    ApiAnswer {
        provider,
        status: answer.status().as_u16(),
        headers: answer.headers(),
        json: json.unwrap_or_default(),
        retry_after: wait.map(|wait| wait.to_std()),
    }
}

/// The largest answer that is read, in bytes. Those of the known APIs are below one KiB.
const BODY_MAX: usize = 64 * 1024;
const NETWORK: &str = "check this machine's DNS and firewall, and the provider's URL if you have set it";
const CERTIFICATE: &str = "if this machine's clock and root certificates are right, the provider or the operator of a \
                           proxy before it must renew it";
