//! The client: one request, one answer, no redirects, nothing kept.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use url::Host;

use super::address::is_public;

/// What asking another server may cost, and where it may lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboundOptions {
    /// Whether addresses that are not public may be asked, and unencrypted: for development.
    pub allow_private: bool,
    /// How long a request may take, from the look-up of the name to the last byte of the answer.
    pub timeout: Duration,
    /// The largest answer, in bytes.
    pub body_max: usize,
}

/// Asks other servers. Clones share their connections.
#[derive(Clone, Debug)]
pub struct Outbound {
    client: Option<reqwest::Client>,
    options: OutboundOptions,
}

/// Why a server did not answer. None of it shows what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// The URL leads nowhere that may be asked.
    #[error("{0} may not be asked: {1}")]
    Forbidden(String, &'static str),
    /// It took too long.
    #[error("{0} took too long")]
    Timeout(String),
    /// The answer is too large.
    #[error("the answer of {0} is too large")]
    TooLarge(String),
    /// There was no answer.
    #[error("{0} could not be reached: {1}")]
    Unreachable(String, String),
}

impl Default for OutboundOptions {
    fn default() -> Self {
        Self { allow_private: false, timeout: Duration::from_secs(10), body_max: 1024 * 1024 }
    }
}

impl Default for Outbound {
    fn default() -> Self {
        Self::new(OutboundOptions::default())
    }
}

impl Outbound {
    /// A client by these options. Where the system's certificates can't be read it reaches nobody, and says so.
    pub fn new(options: OutboundOptions) -> Self {
        let builder = reqwest::Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .referer(false)
            .timeout(options.timeout)
            .connect_timeout(options.timeout)
            .pool_max_idle_per_host(4)
            .https_only(!options.allow_private)
            .user_agent("Vestibule");
        let builder = if options.allow_private { builder } else { builder.dns_resolver(Arc::new(PublicOnly)) };
        let client = builder.build().inspect_err(|error| tracing::error!(%error, "no other server can be asked"));
        Self { client: client.ok(), options }
    }

    /// Sends a request and reads its answer, whatever its status. A redirect is an answer.
    ///
    /// # Errors
    /// See [`OutboundError`].
    pub async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, OutboundError> {
        let host = request.uri().host().unwrap_or_default().to_owned();
        if !self.options.allow_private {
            self.check(&request, &host)?;
        }
        let failed = |error: &reqwest::Error| {
            if error.is_timeout() {
                OutboundError::Timeout(host.clone())
            } else {
                OutboundError::Unreachable(host.clone(), root_of(error))
            }
        };
        let client = self.client.as_ref();
        let client = client.ok_or_else(|| OutboundError::Unreachable(host.clone(), "no certificates".into()))?;
        let request = reqwest::Request::try_from(request).map_err(|error| failed(&error))?;
        let mut answer = client.execute(request).await.map_err(|error| failed(&error))?;
        let too_large = || OutboundError::TooLarge(host.clone());
        if answer.content_length().is_some_and(|length| length > self.options.body_max as u64) {
            return Err(too_large());
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| failed(&error))? {
            if body.len() + chunk.len() > self.options.body_max {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        let mut response = Response::new(body);
        *response.status_mut() = answer.status();
        *response.headers_mut() = answer.headers().clone();
        Ok(response)
    }

    /// Names are checked when they are resolved; addresses in URLs are not resolved at all.
    fn check(&self, request: &Request<Vec<u8>>, host: &str) -> Result<(), OutboundError> {
        let forbidden = |why| Err(OutboundError::Forbidden(host.to_owned(), why));
        if request.uri().scheme_str() != Some("https") {
            return forbidden("only https is");
        }
        match Host::parse(host) {
            Ok(Host::Ipv4(address)) if !is_public(IpAddr::V4(address)) => forbidden(PRIVATE),
            Ok(Host::Ipv6(address)) if !is_public(IpAddr::V6(address)) => forbidden(PRIVATE),
            Ok(_) => Ok(()),
            Err(_) => forbidden("it is no host"),
        }
    }
}

/// Resolves names to public addresses only: the very addresses that are then connected to.
struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|address| is_public(address.ip())).collect();
            if public.is_empty() {
                return Err(PRIVATE.into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// The innermost reason: the outer ones repeat the URL, which may hold secrets.
fn root_of(error: &reqwest::Error) -> String {
    let mut root: &dyn std::error::Error = error;
    let mut is_outermost = true;
    while let Some(source) = root.source() {
        root = source;
        is_outermost = false;
    }
    if is_outermost { "the request failed".into() } else { root.to_string() }
}

const PRIVATE: &str = "its address is not public";
