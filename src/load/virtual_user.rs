//! A simulated person with a client of its own: sends requests and keeps the client token.

use std::sync::Arc;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HeaderMap, ORIGIN, SET_COOKIE};
use reqwest::{Client, Method, StatusCode};
use serde::Deserialize;
use tokio::sync::Semaphore;

use super::Mode;

/// The HTTP client that all simulated people share.
#[derive(Clone, Debug)]
pub(super) struct HttpClient {
    pub(super) client: Client,
    /// Base URL: the part before `/v1`, without a slash at the end.
    pub(super) base: String,
    pub(super) mode: Mode,
    pub(super) origin: String,
    /// One permit per request in flight.
    pub(super) permits: Arc<Semaphore>,
}

/// A simulated person.
#[derive(Debug)]
pub(super) struct VirtualUser<'a> {
    http: &'a HttpClient,
    token: Option<String>,
}

/// The parts of an answer that are used.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Answer {
    #[serde(default)]
    pub(super) response: Option<SignUp>,
    #[serde(default)]
    pub(super) client: Option<SeenClient>,
    #[serde(default)]
    errors: Vec<SeenError>,
}

/// The parts of a sign-up that are used.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SignUp {
    pub(super) id: String,
    pub(super) status: Option<String>,
    pub(super) missing_fields: Vec<String>,
    pub(super) unverified_fields: Vec<String>,
    pub(super) created_session_id: Option<String>,
}

/// The parts of the piggybacked client that are used.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SeenClient {
    pub(super) sessions: Vec<SeenSession>,
}

/// The parts of a session that are used.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SeenSession {
    pub(super) id: String,
    pub(super) status: String,
}

#[derive(Debug, Deserialize)]
struct SeenError {
    code: String,
}

/// Why a request failed: the server's first error code, or a word for a transport failure.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Refusal(pub(super) String);

impl<'a> VirtualUser<'a> {
    pub(super) const fn new(http: &'a HttpClient) -> Self {
        Self { http, token: None }
    }

    /// Sends a form, or an empty body with GET.
    pub(super) async fn send(&mut self, method: Method, path: &str, form: &[(&str, &str)]) -> Result<Answer, Refusal> {
        let http = self.http;
        let separator = if path.contains('?') { '&' } else { '?' };
        let url = match http.mode {
            Mode::Native => format!("{}{path}{separator}_is_native=1", http.base),
            Mode::Cookie => format!("{}{path}", http.base),
        };
        let mut request = http.client.request(method.clone(), url);
        if method != Method::GET {
            let mut body = form_urlencoded::Serializer::new(String::new());
            body.extend_pairs(form);
            request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body.finish());
        }
        request = match (http.mode, &self.token) {
            (Mode::Native, token) => request.header(AUTHORIZATION, token.as_deref().unwrap_or_default()),
            (Mode::Cookie, None) => request.header(ORIGIN, &http.origin),
            (Mode::Cookie, Some(token)) => {
                request.header(ORIGIN, &http.origin).header(COOKIE, format!("{CLIENT}={token}"))
            }
        };
        let _permit = http.permits.acquire().await;
        let answer = request.send().await.map_err(|error| transport(&error))?;
        let status = answer.status();
        self.keep(answer.headers());
        let body = answer.bytes().await.map_err(|error| transport(&error))?;
        let answer: Option<Answer> = serde_json::from_slice(&body).ok();
        match answer {
            Some(answer) if status.is_success() && answer.errors.is_empty() => Ok(answer),
            Some(answer) => Err(refusal(status, answer.errors.into_iter().next().map(|error| error.code))),
            None => Err(refusal(status, None)),
        }
    }

    /// Keeps the client token of an answer.
    fn keep(&mut self, headers: &HeaderMap) {
        let token = match self.http.mode {
            Mode::Native => headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).map(str::to_owned),
            Mode::Cookie => headers.get_all(SET_COOKIE).iter().find_map(|line| {
                let pair = line.to_str().ok()?.split(';').next()?;
                let (name, value) = pair.split_once('=')?;
                (name == CLIENT && !value.is_empty()).then(|| value.to_owned())
            }),
        };
        self.token = token.filter(|token| !token.is_empty()).or(self.token.take());
    }
}

fn refusal(status: StatusCode, code: Option<String>) -> Refusal {
    Refusal(code.unwrap_or_else(|| format!("status {}", status.as_u16())))
}

fn transport(error: &reqwest::Error) -> Refusal {
    Refusal(
        if error.is_timeout() {
            "timeout"
        } else if error.is_connect() {
            "no connection"
        } else {
            "broken connection"
        }
        .into(),
    )
}

const CLIENT: &str = "__client";
