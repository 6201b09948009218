//! A receiver of webhooks on this machine.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use vestibule::domain::time::Timestamp;
use vestibule::webhook::{ReceivedHeaders, SigningSecret, SigningSecrets, verify};

/// A receiver that keeps what it gets.
pub(crate) struct Receiver {
    url: String,
    got: Arc<Mutex<Vec<Got>>>,
    answer: Arc<Mutex<Answering>>,
}

/// How a receiver answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answering {
    /// With this status.
    Status(u16),
    /// With status 200 and this body.
    Body(&'static str),
    /// Not at all.
    Never,
}

/// A request that a receiver got.
#[derive(Clone, Debug)]
pub(crate) struct Got {
    headers: HashMap<String, String>,
    body: Vec<u8>,
}

impl Got {
    pub(crate) fn id(&self) -> &str {
        &self.headers["webhook-id"]
    }

    pub(crate) fn event(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// The type of the event.
    pub(crate) fn what(&self) -> String {
        self.event()["type"].as_str().expect("a text").to_owned()
    }

    /// Whether it was signed with this secret at about `now`.
    pub(crate) fn is_signed_with(&self, secret: &str, now: Timestamp) -> bool {
        let secret: SigningSecret = secret.parse().expect("a secret");
        let headers = ReceivedHeaders::find(|name| self.headers.get(name).map(String::as_str)).expect("headers");
        verify(&SigningSecrets::new(secret), &headers, &self.body, now).is_ok()
    }
}

impl Receiver {
    /// A receiver that answers so.
    pub(crate) async fn start(answer: Answering) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/webhooks", listener.local_addr().expect("an address"));
        let (got, answer) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(answer)));
        let (seen, answers) = (got.clone(), answer.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, seen.clone(), answers.clone()));
            }
        });
        Self { url, got, answer }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Answers so from now on.
    pub(crate) fn answer(&self, answer: Answering) {
        *self.answer.lock().expect("no panic") = answer;
    }

    /// What it got so far.
    pub(crate) fn got(&self) -> Vec<Got> {
        self.got.lock().expect("no panic").clone()
    }

    /// What it got, once `enough` says that it is.
    pub(crate) async fn wait_for(&self, what: &str, enough: impl Fn(&[Got]) -> bool) -> Vec<Got> {
        for _ in 0..WAITS_MAX {
            let got = self.got();
            if enough(&got) {
                return got;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{what} did not come: {:?}", self.got().iter().map(Got::event).collect::<Vec<_>>());
    }

    /// The same, for this many requests.
    pub(crate) async fn wait_for_count(&self, count: usize) -> Vec<Got> {
        self.wait_for(&format!("request {count}"), |got| got.len() >= count).await
    }
}

async fn serve(mut stream: TcpStream, got: Arc<Mutex<Vec<Got>>>, answer: Arc<Mutex<Answering>>) {
    while let Some(request) = read(&mut stream).await {
        let answer = *answer.lock().expect("no panic");
        got.lock().expect("no panic").push(request);
        let (status, body) = match answer {
            Answering::Status(status) => (status, ""),
            Answering::Body(body) => (200, body),
            Answering::Never => return std::future::pending().await,
        };
        let answer = format!("HTTP/1.1 {status} Status\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// The next request of a connection.
async fn read(stream: &mut TcpStream) -> Option<Got> {
    let mut bytes = Vec::new();
    loop {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let pairs = head.lines().filter_map(|line| line.split_once(": "));
        let headers: HashMap<_, _> = pairs.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
        let length: usize = headers.get("content-length").expect("a length").parse().expect("a number");
        let body = &bytes[end + 4..];
        if body.len() >= length {
            return Some(Got { headers, body: body[..length].to_vec() });
        }
    }
}

/// How often something is looked for: for 30 seconds.
const WAITS_MAX: usize = 1500;
