//! A provider of messages on this machine: an HTTP API that answers as it is told, is slow, fails, or drops connections.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A provider that keeps the requests that it gets.
pub(crate) struct Gateway {
    url: String,
    state: Arc<State>,
}

struct State {
    got: Mutex<Vec<Asked>>,
    /// What it does with the next requests, one each.
    next: Mutex<VecDeque<Act>>,
    /// What it does with all further ones.
    usual: Mutex<Act>,
}

/// What a provider does with a request, after it has read it.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Answers with this status, these header lines and this body.
    Answer(u16, String, String),
    /// Answers after this time.
    Late(Duration, Box<Act>),
    /// Closes the connection without an answer.
    HangUp,
    /// Never answers.
    FallSilent,
}

impl Act {
    /// An answer in JSON.
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::Answer(status, "content-type: application/json\r\n".into(), body.to_string())
    }

    /// A page.
    pub(crate) fn html(status: u16) -> Self {
        let page = "<!doctype html><title>Welcome</title><p>{\"id\": \"1\"}</p>".to_owned();
        Self::Answer(status, "content-type: text/html; charset=utf-8\r\n".into(), page)
    }
}

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub(crate) fn field(&self, name: &str) -> Option<String> {
        let fields = url::form_urlencoded::parse(self.body.as_bytes());
        fields.into_owned().find(|(key, _)| key == name).map(|(_, value)| value)
    }
}

impl Gateway {
    /// A provider that does this with every request.
    pub(crate) async fn start(usual: Act) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let state = Arc::new(State { got: Mutex::default(), next: Mutex::default(), usual: Mutex::new(usual) });
        let served = state.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, served.clone()));
            }
        });
        Self { url, state }
    }

    /// Its URL, without a path.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn base_url(&self) -> url::Url {
        self.url.parse().expect("a URL")
    }

    /// Does this with the next request, after those told before.
    pub(crate) fn then(&self, act: Act) {
        self.state.next.lock().expect("no panic").push_back(act);
    }

    /// Does this with every further request.
    pub(crate) fn always(&self, act: Act) {
        *self.state.usual.lock().expect("no panic") = act;
    }

    /// The requests so far.
    pub(crate) fn got(&self) -> Vec<Asked> {
        self.state.got.lock().expect("no panic").clone()
    }
}

async fn serve(mut stream: TcpStream, state: Arc<State>) {
    while let Some(asked) = read(&mut stream).await {
        state.got.lock().expect("no panic").push(asked);
        let next = state.next.lock().expect("no panic").pop_front();
        let mut act = next.unwrap_or_else(|| state.usual.lock().expect("no panic").clone());
        while let Act::Late(wait, then) = act {
            tokio::time::sleep(wait).await;
            act = *then;
        }
        match act {
            Act::Answer(status, headers, body) => {
                let head = format!("HTTP/1.1 {status} told\r\n{headers}content-length: {}\r\n\r\n", body.len());
                if stream.write_all(format!("{head}{body}").as_bytes()).await.is_err() {
                    return;
                }
            }
            Act::HangUp => return,
            Act::FallSilent | Act::Late(..) => std::future::pending().await,
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<Asked> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..head_end].to_vec()).ok()?;
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
    let pair = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
    let headers: Vec<(String, String)> = lines.filter_map(pair).collect();
    let length = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length: usize = length.map_or(Some(0), |(_, value)| value.parse().ok())?;
    let mut body = bytes.split_off(head_end + 4);
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    Some(Asked { method, path, headers, body: String::from_utf8(body).ok()? })
}
