//! The HTTP client: no redirects, no cookies, no cache.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, HeaderValue, USER_AGENT};
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::Notify;
use tokio_rustls::rustls::ClientConfig;
use url::Host;

use super::address::is_public;
use super::connect::{Connector, NotPublic, PRIVATE, connector, system_trust};
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
    client: Option<legacy::Client<Connector, Full<Bytes>>>,
    options: OutboundOptions,
    permits: Permits,
}

/// Why a request failed. The message names the host only; the URL may hold secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
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
    /// The answer body is larger than `body_max`, or what comes before it has more than 64 KiB.
    #[error("the answer of {0} is too large")]
    TooLarge(String),
    /// There is no connection to the server.
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
    /// What an error of the client means. Only its innermost cause is told.
    fn of(error: &(dyn std::error::Error + 'static), host: &str) -> Self {
        let host = host.to_owned();
        let is_connecting = error.downcast_ref::<legacy::Error>().is_some_and(legacy::Error::is_connect);
        let mut root = error;
        while let Some(source) = root.source() {
            root = source;
        }
        let is_slow = root.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::TimedOut);
        match root.downcast_ref::<hyper::Error>() {
            Some(hyper) if hyper.is_parse_too_large() => Self::TooLarge(host),
            _ if root.is::<NotPublic>() => Self::Forbidden(host, PRIVATE),
            _ if is_connecting && is_slow => Self::Unreachable(host, SLOW.into()),
            _ => match certificate_fault(&root.to_string()) {
                Some(why) => Self::Certificate(host, why),
                None if is_connecting => Self::Unreachable(host, root.to_string()),
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
        let tls = system_trust().inspect_err(|error| {
            tracing::error!(%error, "the HTTP client could not be created; requests to other servers will fail")
        });
        Self::trusting(tls.ok(), options)
    }

    /// A client with this TLS; without, each request fails.
    fn trusting(tls: Option<ClientConfig>, options: OutboundOptions) -> Self {
        let client = tls.map(|tls| {
            legacy::Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .pool_max_idle_per_host(options.idle_per_host_max)
                .http1_max_buf_size(HEADS_MAX)
                .build(connector(tls, !options.allow_private, options.connect_timeout.unwrap_or(options.timeout)))
        });
        Self { client, options, permits: Permits::default() }
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
        let host = host_of(&request);
        self.in_time(&host, async {
            let (_permit, answer) = self.start(request, &host).await?;
            let (head, mut rest) = answer.into_parts();
            let too_large = || OutboundError::TooLarge(host.clone());
            if rest.size_hint().lower() > self.options.body_max as u64 {
                return Err(too_large());
            }
            let mut body = Vec::new();
            while let Some(frame) = rest.frame().await {
                let frame = frame.map_err(|error| OutboundError::of(&error, &host))?;
                let Some(chunk) = frame.data_ref() else { continue };
                if body.len() + chunk.len() > self.options.body_max {
                    return Err(too_large());
                }
                body.extend_from_slice(chunk);
            }
            Ok(Response::from_parts(head, body))
        })
        .await
    }

    /// Sends a request for which only the head of the answer counts. The body is dropped. It is read at all so that the
    /// connection can be used again, but no more than `body_max` bytes and for no longer than a second.
    ///
    /// # Errors
    /// See [`OutboundError`]; none once there is a head.
    #[cfg(feature = "webhooks")]
    pub(crate) async fn send_for_head(&self, request: Request<Vec<u8>>) -> Result<Response<()>, OutboundError> {
        let host = host_of(&request);
        let (_permit, answer) = self.in_time(&host, self.start(request, &host)).await?;
        let (head, mut rest) = answer.into_parts();
        let read_rest = async {
            let mut length = 0;
            while let Some(Ok(frame)) = rest.frame().await {
                length += frame.data_ref().map_or(0, Bytes::len);
                if length > self.options.body_max {
                    break;
                }
            }
        };
        // Whether the rest came makes no difference.
        let _in_time = tokio::time::timeout(DROPPED_BODY_MAX, read_rest).await;
        Ok(Response::from_parts(head, ()))
    }

    async fn in_time<T>(
        &self,
        host: &str,
        work: impl Future<Output = Result<T, OutboundError>>,
    ) -> Result<T, OutboundError> {
        let ended = tokio::time::timeout(self.options.timeout, work).await;
        ended.unwrap_or_else(|_| Err(OutboundError::Timeout(host.to_owned())))
    }

    /// Sends a request, and returns the answer when its head is there.
    async fn start(
        &self,
        request: Request<Vec<u8>>,
        host: &str,
    ) -> Result<(Permit, Response<Incoming>), OutboundError> {
        if !self.options.allow_private {
            self.check(&request, host)?;
        }
        let permit = self.permits.take(host, self.options.per_host_max);
        let permit = permit.ok_or_else(|| OutboundError::Busy(host.to_owned()))?;
        let client = self.client.as_ref();
        let client = client.ok_or_else(|| OutboundError::Unreachable(host.to_owned(), "no certificates".into()))?;
        let mut request = request.map(|body| Full::new(Bytes::from(body)));
        request.headers_mut().entry(ACCEPT).or_insert(HeaderValue::from_static("*/*"));
        request.headers_mut().entry(USER_AGENT).or_insert(HeaderValue::from_static("Vestibule"));
        let too_many = limit_interim_answers(&mut request);
        tokio::select! {
            answer = client.request(request) => match answer {
                Ok(answer) => Ok((permit, answer)),
                Err(error) => Err(OutboundError::of(&error, host)),
            },
            // What waits for the answer is dropped, and the connection ends with it.
            () = too_many.notified() => Err(OutboundError::TooLarge(host.to_owned())),
        }
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

fn host_of(request: &Request<Vec<u8>>) -> String {
    request.uri().host().unwrap_or_default().to_owned()
}

/// Any number of interim answers, such as `100 Continue` and `103 Early Hints`, may come before the answer. The client
/// reads over them, so a server that sent them without an end would keep it busy until the timeout. Wakes what is
/// returned once they have more than [`HEADS_MAX`] bytes together.
fn limit_interim_answers(request: &mut Request<Full<Bytes>>) -> Arc<Notify> {
    let too_many = Arc::new(Notify::new());
    let (woken, size) = (too_many.clone(), AtomicUsize::new(0));
    hyper::ext::on_informational(request, move |head| {
        let added = size_of_head(head.headers());
        if size.fetch_add(added, Ordering::Relaxed) + added > HEADS_MAX {
            woken.notify_one();
        }
    });
    too_many
}

/// How many bytes a head has, at least.
fn size_of_head(headers: &HeaderMap) -> usize {
    let lines = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len());
    "HTTP/1.1 100\r\n\r\n".len() + lines.sum::<usize>()
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

/// How many bytes one head of an answer may have, and how many all heads of interim answers together.
const HEADS_MAX: usize = 64 * 1024;
const SLOW: &str = "it did not take the connection in time";
/// How long a body is read that nothing depends on.
#[cfg(feature = "webhooks")]
const DROPPED_BODY_MAX: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;
    use tokio_rustls::rustls::crypto::aws_lc_rs;
    use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
    use tokio_rustls::rustls::{RootCertStore, ServerConfig};

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
    async fn interim_answers_without_an_end_are_given_up_and_a_few_are_read_over() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let (outbound, url) = site(&listener, Duration::from_secs(60));
        let early = b"HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n".to_vec();
        for (interim, count) in
            [(b"HTTP/1.1 100 Continue\r\n\r\n".to_vec(), usize::MAX), (early.clone(), usize::MAX), (early, 10)]
        {
            let serve = async {
                let (mut stream, _) = listener.accept().await.expect("a client");
                assert!(stream.read(&mut [0; 4096]).await.is_ok_and(|length| length > 0));
                for _ in 0..count {
                    if stream.write_all(&interim).await.is_err() {
                        return;
                    }
                }
                drop(stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndone").await);
            };
            // The server ends too: the connection is closed, not only left alone.
            let (outcome, ()) = tokio::join!(ask(&outbound, &url), serve);
            let expected =
                if count > 10 { Err(OutboundError::TooLarge("127.0.0.1".into())) } else { Ok(b"done".to_vec()) };
            assert_eq!(outcome, expected);
        }
    }

    #[tokio::test]
    async fn a_head_without_an_end_is_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let (outbound, url) = site(&listener, Duration::from_secs(60));
        let serve = async {
            let (mut stream, _) = listener.accept().await.expect("a client");
            assert!(stream.read(&mut [0; 4096]).await.is_ok_and(|length| length > 0));
            drop(stream.write_all(b"HTTP/1.1 200 OK\r\nx: ").await);
            while stream.write_all(&[b'x'; 4096]).await.is_ok() {}
        };
        let (outcome, ()) = tokio::join!(ask(&outbound, &url), serve);
        assert_eq!(outcome, Err(OutboundError::TooLarge("127.0.0.1".into())));
    }

    #[tokio::test]
    async fn a_server_is_asked_by_tls_if_its_certificate_is_trusted_and_for_its_name() {
        let acceptor = acceptor();
        let options = OutboundOptions { allow_private: true, ..OutboundOptions::default() };
        let (trusting, usual) = (Outbound::trusting(Some(own_trust()), options), Outbound::new(options));
        for (outbound, host, is_right) in
            [(&trusting, "localhost", true), (&trusting, "127.0.0.2", false), (&usual, "localhost", false)]
        {
            let listener = TcpListener::bind((host, 0)).await.expect("a port");
            let url = format!("https://{host}:{}/", listener.local_addr().expect("an address").port());
            let serve = async {
                let (stream, _) = listener.accept().await.expect("a client");
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                assert!(stream.read(&mut [0; 4096]).await.is_ok_and(|length| length > 0));
                drop(stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndone").await);
            };
            let (outcome, ()) = tokio::join!(ask(outbound, &url), serve);
            match outcome {
                Ok(body) => assert!(is_right && body == b"done", "{url}"),
                Err(OutboundError::Certificate(named, _)) => assert!(!is_right && named == host, "{url}"),
                Err(other) => panic!("{url}: {other}"),
            }
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

    fn acceptor() -> TlsAcceptor {
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let config = config.with_safe_default_protocol_versions().expect("versions").with_no_client_auth();
        let key = PrivatePkcs8KeyDer::from(KEY).into();
        let config = config.with_single_cert(vec![CertificateDer::from(CERTIFICATE)], key).expect("a certificate");
        TlsAcceptor::from(Arc::new(config))
    }

    /// TLS that trusts the server of the tests, and no other.
    fn own_trust() -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(CERTIFICATE)).expect("a certificate");
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let config = config.with_safe_default_protocol_versions().expect("versions").with_root_certificates(roots);
        config.with_no_client_auth()
    }

    fn site(listener: &TcpListener, timeout: Duration) -> (Outbound, String) {
        let options = OutboundOptions { allow_private: true, timeout, per_host_max: 2, ..OutboundOptions::default() };
        (Outbound::new(options), format!("http://{}/", listener.local_addr().expect("an address")))
    }

    async fn ask(outbound: &Outbound, url: &str) -> Result<Vec<u8>, OutboundError> {
        let request = Request::get(url).body(Vec::new()).expect("a request");
        outbound.send(request).await.map(Response::into_body)
    }

    const CERTIFICATE: &[u8] = include_bytes!("../../tests/support/tls/cert.der");
    const KEY: &[u8] = include_bytes!("../../tests/support/tls/key.der");
}
