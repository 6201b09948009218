//! One attempt to deliver a webhook.

use std::time::Duration;

use http::Request;
use http::header::CONTENT_TYPE;

use crate::domain::id::MessageId;
use crate::domain::time::Timestamp;
use crate::outbound::{Outbound, OutboundError, OutboundOptions};

use super::endpoint::{EndpointUrl, Targets};
use super::outcome::{Answer, Failure, Outcome};
use super::secret::SigningSecrets;
use super::signature::sign;

/// Posts webhooks. Clones share connections and limits.
#[derive(Clone, Debug)]
pub struct Sender {
    outbound: Outbound,
}

impl Sender {
    /// A sender that asks only these targets: with [`Targets::Public`] https to public addresses, whatever the URL of an
    /// endpoint says and wherever its name leads. An attempt takes at most 15 seconds.
    pub fn new(targets: Targets) -> Self {
        Self::with_timeout(targets, TIMEOUT)
    }

    fn with_timeout(targets: Targets, timeout: Duration) -> Self {
        let allow_private = targets == Targets::AlsoLocal;
        let options = OutboundOptions {
            allow_private,
            timeout,
            body_max: BODY_MAX,
            per_host_max: PER_HOST_MAX,
            ..OutboundOptions::default()
        };
        Self { outbound: Outbound::new(options) }
    }

    /// Signs these bytes and posts them once. Redirects are not followed, and the body of the answer is dropped.
    pub async fn attempt(
        &self,
        url: &EndpointUrl,
        secrets: &SigningSecrets,
        id: MessageId,
        body: &[u8],
        now: Timestamp,
    ) -> Outcome {
        let signed = sign(secrets, id, now, body);
        let mut request = Request::post(url.as_str()).header(CONTENT_TYPE, "application/json");
        for (name, value) in signed.pairs() {
            request = request.header(name, value);
        }
        let answer = match request.body(body.to_vec()) {
            Ok(request) => self.outbound.send_for_head(request).await,
            Err(_) => return Outcome::Refused { reason: "the endpoint's URL can't be used for a request".into() },
        };
        match answer {
            Ok(head) => {
                let header = |name| head.headers().get(name).and_then(|value| value.to_str().ok());
                let answer = Answer {
                    status: head.status().as_u16(),
                    webhook_delivery: header("webhook-delivery"),
                    retry_after: header("retry-after"),
                };
                Outcome::of(&answer, now)
            }
            Err(error @ OutboundError::Forbidden(..)) => Outcome::Refused { reason: error.to_string() },
            Err(error) => Outcome::Retry { reason: failure(error), after: None },
        }
    }
}

fn failure(error: OutboundError) -> Failure {
    match error {
        OutboundError::Timeout(_) => Failure::Timeout,
        OutboundError::Busy(_) => Failure::Busy,
        error => Failure::Unreachable(error.to_string()),
    }
}

/// For one attempt, from the look-up of the name to the head of the answer; receivers of Svix have as long.
const TIMEOUT: Duration = Duration::from_secs(15);
/// How much of an answer's body is read before the connection is closed, in bytes.
const BODY_MAX: usize = 64 * 1024;
/// Requests in flight to one host, so that one that hangs does not hold up the others.
const PER_HOST_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::domain::time::Span;
    use crate::entropy::SeededEntropy;
    use crate::webhook::{ReceivedHeaders, SigningSecret, verify};

    #[tokio::test]
    async fn what_is_sent_is_what_was_signed() {
        let receiver = Receiver::start(b"HTTP/1.1 204 No Content\r\n\r\n").await;
        let body = "{\"data\" : \"ü\"}\n".as_bytes();
        let outcome = sender().attempt(&receiver.url(), &secrets(), id(), body, NOW).await;
        assert_eq!(outcome, Outcome::Delivered);
        let request = receiver.only_request();
        assert!(request.head.starts_with("POST /hooks?tenant=1 HTTP/1.1\r\n"), "{}", request.head);
        assert_eq!((request.header("content-type"), &*request.body), (Some("application/json"), body));
        for prefix in ["webhook-", "svix-"] {
            let of_family = |name: &str| if name.starts_with(prefix) { request.header(name) } else { None };
            let headers = ReceivedHeaders::find(of_family).expect("the headers");
            assert_eq!((headers.id, headers.timestamp), (&*id().to_string(), "1700000000"));
            assert_eq!(verify(&secrets(), &headers, &request.body, NOW), Ok(()));
        }
    }

    #[tokio::test]
    async fn each_answer_has_its_outcome() {
        let retry = |status, after| Outcome::Retry { reason: Failure::Status(status), after };
        let wait = Some(Span::from_secs(60));
        for (head, outcome) in [
            ("200 OK", Outcome::Delivered),
            ("302 Found\r\nlocation: /elsewhere", retry(302, None)),
            ("307 Temporary Redirect\r\nlocation: /elsewhere", retry(307, None)),
            ("400 Bad Request", retry(400, None)),
            ("400 Bad Request\r\nWebhook-Delivery: abort-message", Outcome::Abort(400)),
            ("404 Not Found", retry(404, None)),
            ("410 Gone", Outcome::Gone),
            ("429 Too Many Requests\r\nRetry-After: 60", retry(429, wait)),
            ("500 Internal Server Error", retry(500, None)),
            ("503 Service Unavailable\r\nretry-after: Tue, 14 Nov 2023 22:14:20 GMT", retry(503, wait)),
        ] {
            let receiver = Receiver::start(format!("HTTP/1.1 {head}\r\ncontent-length: 0\r\n\r\n").as_bytes()).await;
            let answered = sender().attempt(&receiver.url(), &secrets(), id(), b"{}", NOW).await;
            assert_eq!(answered, outcome, "{head}");
            // A redirect that was followed would be a second request.
            receiver.only_request();
        }
    }

    #[tokio::test]
    async fn a_huge_body_changes_nothing_and_is_not_read_to_its_end() {
        let mut answer = b"HTTP/1.1 500 Internal Server Error\r\n\r\n".to_vec();
        answer.resize(64 * 1024 * 1024, b'x');
        let receiver = Receiver::start(&answer).await;
        let outcome = sender().attempt(&receiver.url(), &secrets(), id(), b"{}", NOW).await;
        assert_eq!(outcome, Outcome::Retry { reason: Failure::Status(500), after: None });
        let written = receiver.written().await;
        assert!(written < answer.len() / 2, "{written} bytes were taken");
    }

    #[tokio::test]
    async fn a_receiver_that_is_slow_or_hangs_up_is_tried_again() {
        let sender = Sender::with_timeout(Targets::AlsoLocal, Duration::from_millis(300));
        let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let outcome = sender.attempt(&url_of(&silent), &secrets(), id(), b"{}", NOW).await;
        assert_eq!(outcome, Outcome::Retry { reason: Failure::Timeout, after: None });

        for answer in [&b""[..], b"HTTP/1.1 20", b"220 smtp.example.com\r\n"] {
            let receiver = Receiver::start(answer).await;
            let outcome = sender.attempt(&receiver.url(), &secrets(), id(), b"{}", NOW).await;
            let unreachable = matches!(outcome, Outcome::Retry { reason: Failure::Unreachable(_), after: None });
            assert!(unreachable, "{answer:?}: {outcome:?}");
        }
    }

    #[tokio::test]
    async fn in_production_no_private_address_is_asked_however_it_is_written() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let sender = Sender::new(Targets::Public);
        for host in ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0x7f.1", "2130706433"] {
            let url = EndpointUrl::parse(&format!("https://{host}:{port}/k3y"), Targets::AlsoLocal).expect("a URL");
            let Outcome::Refused { reason } = sender.attempt(&url, &secrets(), id(), b"{}", NOW).await else {
                panic!("{host} was asked");
            };
            assert!(reason.ends_with("are not allowed: its address is not public"), "{reason}");
            assert!(!reason.contains("k3y"), "{reason}");
        }
        // The URL of an endpoint that was made in development.
        let outcome = sender.attempt(&url_of(&listener), &secrets(), id(), b"{}", NOW).await;
        assert!(matches!(outcome, Outcome::Refused { .. }), "{outcome:?}");
        let nobody_came = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await.is_err();
        assert!(nobody_came, "a connection was made");
    }

    /// A server on this machine that gives each request the same answer and closes the connection.
    struct Receiver {
        url: EndpointUrl,
        requests: Arc<Mutex<Vec<Received>>>,
        written: tokio::sync::mpsc::Receiver<usize>,
    }

    #[derive(Clone, Debug)]
    struct Received {
        head: String,
        body: Vec<u8>,
    }

    impl Received {
        fn header(&self, name: &str) -> Option<&str> {
            let lines = self.head.lines().filter_map(|line| line.split_once(": "));
            lines.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
        }
    }

    impl Receiver {
        async fn start(answer: &[u8]) -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let (url, answer) = (url_of(&listener), answer.to_vec());
            let requests = Arc::new(Mutex::new(Vec::new()));
            let (seen, (sender, written)) = (requests.clone(), tokio::sync::mpsc::channel(8));
            tokio::spawn(async move {
                while let Ok((mut stream, _)) = listener.accept().await {
                    let request = read(&mut stream).await;
                    seen.lock().expect("no panic").push(request);
                    let mut length = 0;
                    while let Ok(more @ 1..) = stream.write(&answer[length..]).await {
                        length += more;
                    }
                    drop(stream);
                    if sender.send(length).await.is_err() {
                        return;
                    }
                }
            });
            Self { url, requests, written }
        }

        fn url(&self) -> EndpointUrl {
            self.url.clone()
        }

        /// How many bytes of the answer the other side took.
        async fn written(mut self) -> usize {
            self.written.recv().await.expect("an answer")
        }

        fn only_request(&self) -> Received {
            let requests = self.requests.lock().expect("no panic");
            assert_eq!(requests.len(), 1, "{requests:?}");
            requests[0].clone()
        }
    }

    async fn read(stream: &mut TcpStream) -> Received {
        let mut bytes = Vec::new();
        loop {
            let mut chunk = [0; 4096];
            let length = stream.read(&mut chunk).await.expect("a request");
            assert!(length > 0, "the request ended early");
            bytes.extend_from_slice(&chunk[..length]);
            let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
            let head = String::from_utf8(bytes[..end].to_vec()).expect("a head");
            let request = Received { head, body: bytes[end + 4..].to_vec() };
            let length: usize = request.header("content-length").expect("a length").parse().expect("a number");
            if request.body.len() == length {
                return request;
            }
        }
    }

    fn url_of(listener: &TcpListener) -> EndpointUrl {
        let address = listener.local_addr().expect("an address");
        EndpointUrl::parse(&format!("http://{address}/hooks?tenant=1"), Targets::AlsoLocal).expect("a URL")
    }

    fn sender() -> Sender {
        Sender::new(Targets::AlsoLocal)
    }

    fn secrets() -> SigningSecrets {
        SigningSecrets::new(SigningSecret::generate(&mut SeededEntropy::new(1)))
    }

    fn id() -> MessageId {
        MessageId::from_bytes([7; 16])
    }

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
}
