//! `vestibule webhooks`: calls the Backend API of a server that runs. The data belongs to that server, so this program
//! does not open it.

use std::time::Duration;

use clap::{Args, Subcommand};
use http::{Method, Request};
use serde_json::{Value, json};
use url::Url;

use crate::config::{Config, Sources};
use crate::domain::id::WebhookEndpointId;
use crate::outbound::{Outbound, OutboundOptions};

use super::healthcheck::reachable;

/// Arguments of `vestibule webhooks`.
#[derive(Clone, Debug, PartialEq, Args)]
pub(super) struct WebhooksArguments {
    #[command(subcommand)]
    action: Action,
    /// The server: what stands before /v1; the configured address when absent
    #[arg(long, value_name = "URL", global = true)]
    url: Option<Url>,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Subcommand)]
enum Action {
    /// List the endpoints, and how their deliveries are
    List,
    /// Send an endpoint again what has happened since a time
    Replay {
        /// The endpoint, such as we_…
        #[arg(long, value_name = "ID")]
        endpoint: WebhookEndpointId,
        /// The time, such as 2026-01-31T12:00:00Z
        #[arg(long, value_name = "TIME")]
        since: String,
    },
    /// Send an endpoint a test, and say what came of it
    Test {
        /// The endpoint, such as we_…
        #[arg(long, value_name = "ID")]
        endpoint: WebhookEndpointId,
    },
    /// Replace the secret of an endpoint and print the new one; for 24 hours both sign
    RotateSecret {
        /// The endpoint, such as we_…
        #[arg(long, value_name = "ID")]
        endpoint: WebhookEndpointId,
    },
}

/// Carries it out, and returns what to print.
///
/// # Errors
/// A sentence, where the server can't be asked or refuses.
pub(super) fn webhooks(wanted: &WebhooksArguments, sources: &Sources) -> Result<String, String> {
    let config = Config::load(sources).map_err(|error| error.faults().join("\nvestibule: "))?;
    let Some(key) = &config.instance.secret_key else {
        return Err("`instance.secret_key` is missing; give the secret key of the server, such as the one that a \
                    development instance prints, by VESTIBULE_INSTANCE__SECRET_KEY"
            .into());
    };
    let base = match &wanted.url {
        Some(url) => url.to_string(),
        None => format!("http://{}", reachable(&config.server.listen)),
    };
    let (method, path, body) = wanted.action.call();
    let url = format!("{}/v1/webhooks/endpoints{path}", base.trim_end_matches('/'));
    let request = Request::builder()
        .method(method)
        .uri(url)
        .header("authorization", format!("Bearer {}", key.expose()))
        .header("content-type", "application/json")
        .body(body.map(|body| body.to_string().into_bytes()).unwrap_or_default())
        .map_err(|error| format!("--url: {error}"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("no runtime: {error}"))?;
    let options = OutboundOptions { allow_private: true, timeout: TIMEOUT, ..OutboundOptions::default() };
    let answer = runtime.block_on(async { Outbound::new(options).send(request).await });
    let answer = answer.map_err(|error| format!("the server can't be asked: {error}"))?;
    let shown: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    if !answer.status().is_success() {
        let message = shown["errors"][0]["long_message"].as_str().unwrap_or("without a reason");
        return Err(format!("the server refuses with status {}: {message}", answer.status().as_u16()));
    }
    wanted.action.told(&shown)
}

impl Action {
    /// The method, the path below that of all endpoints, and the body.
    fn call(&self) -> (Method, String, Option<Value>) {
        match self {
            Self::List => (Method::GET, String::new(), None),
            Self::Replay { endpoint, since } => {
                (Method::POST, format!("/{endpoint}/replay"), Some(json!({ "since": since })))
            }
            Self::Test { endpoint } => (Method::POST, format!("/{endpoint}/test"), None),
            Self::RotateSecret { endpoint } => (Method::POST, format!("/{endpoint}/rotate_secret"), None),
        }
    }

    /// What the answer says; an error where a test failed.
    fn told(&self, answer: &Value) -> Result<String, String> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Ok(match self {
            Self::List => {
                let line = |endpoint: &Value| {
                    let names: Vec<_> = endpoint["events"].as_array().into_iter().flatten().map(text).collect();
                    let (id, status, url) = (text(&endpoint["id"]), text(&endpoint["status"]), text(&endpoint["url"]));
                    let (waiting, names) = (&endpoint["waiting_count"], names.join(","));
                    format!("{id}  {status}  {waiting} waiting  {names}  {url}\n")
                };
                answer["data"].as_array().into_iter().flatten().map(line).collect()
            }
            Self::Replay { endpoint, since } => format!("{endpoint} is sent again what has happened since {since}\n"),
            Self::Test { .. } => match answer["failure"].as_str() {
                None => "delivered\n".into(),
                Some(reason) => return Err(format!("the test was not delivered: {reason}")),
            },
            Self::RotateSecret { .. } => format!("{}\n", text(&answer["secret"])),
        })
    }
}

/// Longer than an attempt to deliver, for which a test waits.
const TIMEOUT: Duration = Duration::from_secs(20);
