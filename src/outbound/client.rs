//! The HTTP client: no redirects, no cookies, no cache.

use std::error::Error as _;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use url::Host;

use super::address::is_public;
use super::places::{Permit, Permits};

/// Limits for requests to other servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboundOptions {
    /// Whether private addresses and plain HTTP are allowed. Development only.
    pub allow_private: bool,
    /// Timeout of a request, from the DNS look-up to the last byte of the answer.
    pub timeout: Duration,
    /// Timeout of the connection alone, with its look-up and TLS; that of the whole request if absent.
    pub connect_timeout: Option<Duration>,
    /// Maximum number of idle connections that are kept for each host.
    pub idle_per_host_max: usize,
    /// Maximum size of an answer body, in bytes.
    pub body_max: usize,
    /// Maximum number of requests in flight to one host. One more is refused at once, so a host that hangs holds only
    /// this many, each until its timeout.
    pub per_host_max: usize,
}

/// HTTP client for other servers. Clones share connections and limits.
#[derive(Clone, Debug)]
pub struct Outbound {
    client: Option<reqwest::Client>,
    options: OutboundOptions,
    permits: Permits,
}

/// Why a request failed. The message names the host only; the URL may hold secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// The URL or address is not allowed.
    #[error("requests to {0} are not allowed: {1}")]
    Forbidden(String, &'static str),
    /// The maximum number of requests to this host is in flight.
    #[error("too many requests to {0} at once")]
    Busy(String),
    /// The timeout passed.
    #[error("{0} took too long")]
    Timeout(String),
    /// The answer body is larger than `body_max`.
    #[cfg_attr(
        not(any(feature = "http-messages", feature = "oauth")),
        allow(dead_code, reason = "the sender of webhooks drops bodies")
    )]
    #[error("the answer of {0} is too large")]
    TooLarge(String),
    /// Connecting, or reading the answer, failed.
    #[error("{0} could not be reached: {1}")]
    Unreachable(String, String),
    /// The certificate of the server is not valid. The request was not sent.
    #[error("{0} has a certificate that is not trusted: {1}")]
    Certificate(String, &'static str),
    /// The connection was lost after the request was sent, so that the server may have acted on it.
    #[error("{0} closed the connection before it had answered: {1}")]
    Lost(String, String),
}

impl OutboundError {
    fn of(error: &reqwest::Error, host: &str) -> Self {
        let host = host.to_owned();
        match root_of(error) {
            _ if error.is_timeout() && error.is_connect() => Self::Unreachable(host, SLOW.into()),
            _ if error.is_timeout() => Self::Timeout(host),
            None => Self::Unreachable(host, "the request failed".into()),
            Some(root) if root.is::<NotPublic>() => Self::Forbidden(host, PRIVATE),
            Some(root) => match certificate_fault(&root.to_string()) {
                Some(why) => Self::Certificate(host, why),
                None if error.is_connect() || error.is_builder() => Self::Unreachable(host, root.to_string()),
                None => Self::Lost(host, root.to_string()),
            },
        }
    }
}

impl Default for OutboundOptions {
    fn default() -> Self {
        Self {
            allow_private: false,
            timeout: Duration::from_secs(10),
            connect_timeout: None,
            idle_per_host_max: 4,
            body_max: 1024 * 1024,
            per_host_max: 256,
        }
    }
}

impl Default for Outbound {
    fn default() -> Self {
        Self::new(OutboundOptions::default())
    }
}

impl Outbound {
    /// A client with these limits. If the system's root certificates can't be read, each request fails with that error.
    pub fn new(options: OutboundOptions) -> Self {
        let builder = reqwest::Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .referer(false)
            .timeout(options.timeout)
            .connect_timeout(options.connect_timeout.unwrap_or(options.timeout))
            .pool_max_idle_per_host(options.idle_per_host_max)
            .https_only(!options.allow_private)
            .user_agent("Vestibule");
        let builder = if options.allow_private { builder } else { builder.dns_resolver(Arc::new(PublicOnly)) };
        let client = builder.build().inspect_err(|error| {
            tracing::error!(%error, "the HTTP client could not be created; requests to other servers will fail")
        });
        Self { client: client.ok(), options, permits: Permits::default() }
    }

    /// Sends a request and reads the answer, whatever its status. Redirects are not followed.
    ///
    /// # Errors
    /// See [`OutboundError`].
    #[cfg_attr(
        not(any(feature = "http-messages", feature = "oauth")),
        allow(dead_code, reason = "the sender of webhooks drops bodies")
    )]
    pub async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, OutboundError> {
        let (_permit, host, mut answer) = self.start(request).await?;
        let too_large = || OutboundError::TooLarge(host.clone());
        if answer.content_length().is_some_and(|length| length > self.options.body_max as u64) {
            return Err(too_large());
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| OutboundError::of(&error, &host))? {
            if body.len() + chunk.len() > self.options.body_max {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(head_of(&answer).map(|()| body))
    }

    /// Sends a request for which only the head of the answer counts. The body is dropped. It is read at all so that the
    /// connection can be used again, but no more than `body_max` bytes and for no longer than a second.
    ///
    /// # Errors
    /// See [`OutboundError`]; none once there is a head.
    #[cfg(feature = "webhooks")]
    pub(crate) async fn send_for_head(&self, request: Request<Vec<u8>>) -> Result<Response<()>, OutboundError> {
        let (_permit, _host, mut answer) = self.start(request).await?;
        let head = head_of(&answer);
        let read_rest = async {
            let mut length = 0;
            while let Ok(Some(chunk)) = answer.chunk().await {
                length += chunk.len();
                if length > self.options.body_max {
                    break;
                }
            }
        };
        // Whether the rest came makes no difference.
        let _in_time = tokio::time::timeout(DROPPED_BODY_MAX, read_rest).await;
        Ok(head)
    }

    /// Sends a request, and returns the answer when its head is there.
    async fn start(&self, request: Request<Vec<u8>>) -> Result<(Permit, String, reqwest::Response), OutboundError> {
        let host = request.uri().host().unwrap_or_default().to_owned();
        if !self.options.allow_private {
            self.check(&request, &host)?;
        }
        let permit = self.permits.take(&host, self.options.per_host_max);
        let permit = permit.ok_or_else(|| OutboundError::Busy(host.clone()))?;
        let client = self.client.as_ref();
        let client = client.ok_or_else(|| OutboundError::Unreachable(host.clone(), "no certificates".into()))?;
        let failed = |error: reqwest::Error| OutboundError::of(&error, &host);
        let request = reqwest::Request::try_from(request).map_err(failed)?;
        let answer = client.execute(request).await.map_err(failed)?;
        Ok((permit, host, answer))
    }

    /// Checks the scheme and IP addresses in the URL. Host names are checked when they are resolved.
    fn check(&self, request: &Request<Vec<u8>>, host: &str) -> Result<(), OutboundError> {
        let forbidden = |why| Err(OutboundError::Forbidden(host.to_owned(), why));
        if request.uri().scheme_str() != Some("https") {
            return forbidden("only https is allowed");
        }
        match Host::parse(host) {
            Ok(Host::Ipv4(address)) if !is_public(IpAddr::V4(address)) => forbidden(PRIVATE),
            Ok(Host::Ipv6(address)) if !is_public(IpAddr::V6(address)) => forbidden(PRIVATE),
            Ok(_) => Ok(()),
            Err(_) => forbidden("the URL has no valid host"),
        }
    }
}

fn head_of(answer: &reqwest::Response) -> Response<()> {
    let mut head = Response::new(());
    *head.status_mut() = answer.status();
    *head.headers_mut() = answer.headers().clone();
    head
}

/// Resolves names to public addresses only. The connection uses the checked addresses, so a second DNS answer can't
/// replace them (DNS rebinding).
struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|address| is_public(address.ip())).collect();
            if public.is_empty() {
                return Err(NotPublic.into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// A name has private addresses only.
#[derive(Debug, thiserror::Error)]
#[error("{PRIVATE}")]
struct NotPublic;

/// The innermost error. The outermost is left out, because it repeats the URL, which may hold secrets.
fn root_of(error: &reqwest::Error) -> Option<&(dyn std::error::Error + 'static)> {
    let mut root = error.source()?;
    while let Some(source) = root.source() {
        root = source;
    }
    Some(root)
}

/// Why a certificate is not trusted, if that is what the library says. The library's words may hold whole names and times,
/// so they are not repeated.
fn certificate_fault(text: &str) -> Option<&'static str> {
    let fault = text.strip_prefix("invalid peer certificate: ")?;
    Some(match fault {
        _ if fault.contains("not valid for name") || fault.starts_with("NotValidForName") => "it is for another name",
        _ if fault.contains("expired") || fault.starts_with("Expired") => "it has expired",
        _ if fault.contains("not valid yet") || fault.starts_with("NotValidYet") => "it is not valid yet",
        _ if fault.starts_with("UnknownIssuer") => "nobody whom this system trusts has issued it",
        _ if fault.starts_with("Revoked") => "it was revoked",
        _ => "it can't be verified",
    })
}

const SLOW: &str = "it did not take the connection in time";
const PRIVATE: &str = "its address is not public";
/// How long a body is read that nothing depends on.
#[cfg(feature = "webhooks")]
const DROPPED_BODY_MAX: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_host_that_hangs_holds_its_places_no_longer_than_the_deadline() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let (outbound, url) = site(&listener, Duration::from_millis(200));
        for _ in 0..2 {
            let (first, second, third) = tokio::join!(ask(&outbound, &url), ask(&outbound, &url), ask(&outbound, &url));
            let timeout = Err(OutboundError::Timeout("127.0.0.1".into()));
            assert_eq!((first, second), (timeout.clone(), timeout));
            assert_eq!(third, Err(OutboundError::Busy("127.0.0.1".into())));
        }
    }

    #[tokio::test]
    async fn an_answer_that_trickles_or_never_ends_is_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let (outbound, url) = site(&listener, Duration::from_millis(400));
        for (chunk, pause, expected) in [
            (1, 20, OutboundError::Timeout("127.0.0.1".into())),
            (64 * 1024, 0, OutboundError::TooLarge("127.0.0.1".into())),
        ] {
            let serve = async {
                let (mut stream, _) = listener.accept().await.expect("a client");
                assert!(stream.read(&mut [0; 4096]).await.is_ok_and(|length| length > 0));
                drop(stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await);
                for _ in 0..1000 {
                    if stream.write_all(&vec![b'x'; chunk]).await.is_err() {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                }
            };
            let outcome = tokio::select! {
                outcome = ask(&outbound, &url) => outcome,
                () = serve => panic!("it was read to its end"),
            };
            assert_eq!(outcome, Err(expected));
        }
    }

    #[cfg(feature = "webhooks")]
    #[tokio::test]
    async fn where_the_head_counts_a_body_that_never_ends_is_no_failure() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let (outbound, url) = site(&listener, Duration::from_secs(10));
        for body in [Vec::new(), vec![b'x'; 2 * 1024 * 1024]] {
            let serve = async {
                let (mut stream, _) = listener.accept().await.expect("a client");
                assert!(stream.read(&mut [0; 4096]).await.is_ok_and(|length| length > 0));
                let head = b"HTTP/1.1 202 Accepted\r\nretry-after: 5\r\ncontent-length: 9999999\r\n\r\n";
                drop(stream.write_all(head).await);
                drop(stream.write_all(&body).await);
                std::future::pending::<()>().await;
            };
            let request = Request::post(&url).body(Vec::new()).expect("a request");
            let head = tokio::select! {
                head = outbound.send_for_head(request) => head.expect("a head"),
                () = serve => unreachable!("it never ends"),
            };
            assert_eq!((head.status().as_u16(), &head.headers()["retry-after"]), (202, &"5".parse().expect("a value")));
        }
    }

    #[tokio::test]
    async fn a_name_of_this_machine_is_forbidden_like_its_address() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        for host in ["localhost", "127.0.0.1", "[::1]"] {
            let outcome = ask(&Outbound::default(), &format!("https://{host}:{port}/")).await;
            assert_eq!(outcome, Err(OutboundError::Forbidden(host.into(), PRIVATE)));
        }
    }

    fn site(listener: &TcpListener, timeout: Duration) -> (Outbound, String) {
        let options = OutboundOptions { allow_private: true, timeout, per_host_max: 2, ..OutboundOptions::default() };
        (Outbound::new(options), format!("http://{}/", listener.local_addr().expect("an address")))
    }

    async fn ask(outbound: &Outbound, url: &str) -> Result<Vec<u8>, OutboundError> {
        let request = Request::get(url).body(Vec::new()).expect("a request");
        outbound.send(request).await.map(Response::into_body)
    }
}
