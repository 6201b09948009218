//! `vestibule webhooks`: calls the Backend API of a server that runs. The data belongs to that server, so this program
//! does not open it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
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
    #[command(flatten)]
    server: ServerArguments,
}

/// Which server is asked.
#[derive(Clone, Debug, Default, PartialEq, Args)]
pub(super) struct ServerArguments {
    /// The URL of the server, without /v1: https, or on this machine http; the configured address when absent
    #[arg(long, value_name = "URL", global = true)]
    url: Option<Url>,
    /// Send the secret key to another machine by http too, where everybody on the way can read it
    #[arg(long, global = true)]
    allow_http: bool,
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
    /// Send an endpoint a test, and print whether it was delivered
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
    let (method, path, body) = wanted.action.call();
    let path = format!("webhooks/endpoints{path}");
    let (shown, base) = ask(sources, &wanted.server, method, &path, body)?;
    wanted.action.told(&shown).unwrap_or_else(|| Err(format!("what answers at {base} is not Vestibule")))
}

/// Calls the Backend API of a running server: the answer, and where the server is.
///
/// # Errors
/// A sentence, where the server can't be asked or refuses.
pub(super) fn ask(
    sources: &Sources,
    server: &ServerArguments,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> Result<(Value, String), String> {
    let config = Config::load(sources).map_err(|error| error.faults().join("\nvestibule: "))?;
    let Some(key) = config.instance.secret_key.as_ref().filter(|key| !key.expose().is_empty()) else {
        return Err("`instance.secret_key` is missing; give the secret key of the server, such as the one that a \
                    development instance prints, by VESTIBULE_INSTANCE__SECRET_KEY"
            .into());
    };
    let base = match &server.url {
        Some(url) if server.allow_http || !tells_the_key(url) => url.to_string(),
        Some(url) => {
            return Err(format!(
                "--url {url} would send the secret key unencrypted to another machine; use https, or say that you want \
                 that by --allow-http"
            ));
        }
        None => {
            let address = reachable(&config.server.listen);
            if !server.allow_http && !is_of_this_machine(address.ip()) {
                return Err(format!(
                    "{address}, the configured address, is not one of this machine: the secret key would be sent there \
                     unencrypted; use --url with https, or say that you want that by --allow-http"
                ));
            }
            format!("http://{address}")
        }
    };
    let url = format!("{}/v1/{path}", base.trim_end_matches('/'));
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
    Ok((shown, base))
}

/// Whether what is sent to this address stays on this machine: only then the way to it begins at it. A socket can be bound to
/// addresses of others, too, where the system is told so (`ip_nonlocal_bind`). Nothing is sent.
fn is_of_this_machine(address: IpAddr) -> bool {
    let any: IpAddr = if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let begins_at_it = || {
        let socket = UdpSocket::bind((any, 0))?;
        socket.connect((address, DISCARD))?;
        Ok::<_, io::Error>(socket.local_addr()?.ip() == address)
    };
    address.is_loopback() || begins_at_it().unwrap_or(false)
}

/// Whether a request to this URL can be read by others than this machine and the server.
fn tells_the_key(url: &Url) -> bool {
    let is_here = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() != "https" && !is_here
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

    /// What the answer says, an error where a test failed; `None` where it is not the answer to this call.
    fn told(&self, answer: &Value) -> Option<Result<String, String>> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let is_endpoint = answer["object"] == "webhook_endpoint";
        Some(Ok(match self {
            Self::List => {
                let line = |endpoint: &Value| {
                    let names: Vec<_> = endpoint["events"].as_array().into_iter().flatten().map(text).collect();
                    let (id, status, url) = (text(&endpoint["id"]), text(&endpoint["status"]), text(&endpoint["url"]));
                    let reason = endpoint["disabled_reason"].as_str().map(|reason| format!(" ({reason})"));
                    let (waiting, names, reason) =
                        (&endpoint["waiting_count"], names.join(","), reason.unwrap_or_default());
                    format!("{id}  {status}{reason}  {waiting} waiting  {names}  {url}\n")
                };
                answer["data"].as_array()?.iter().map(line).collect()
            }
            Self::Replay { endpoint, since } if is_endpoint => {
                format!("{endpoint} is sent again what has happened since {since}\n")
            }
            Self::Test { .. } if answer["object"] == "webhook_attempt" => match answer["failure"].as_str() {
                None => "delivered\n".into(),
                Some(reason) => return Some(Err(format!("the test was not delivered: {reason}"))),
            },
            Self::RotateSecret { .. } if is_endpoint => format!("{}\n", answer["secret"].as_str()?),
            Self::Replay { .. } | Self::Test { .. } | Self::RotateSecret { .. } => return None,
        }))
    }
}

/// Longer than an attempt to deliver, for which a test waits.
const TIMEOUT: Duration = Duration::from_secs(20);
/// The port of a service that drops what it gets.
const DISCARD: u16 = 9;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_of_this_machine_where_the_way_to_it_begins_at_it() {
        for here in ["127.0.0.1", "127.8.9.1", "::1"] {
            assert!(is_of_this_machine(here.parse().expect("an address")), "{here}");
        }
        // Addresses for documentation, which no machine has.
        for elsewhere in ["192.0.2.7", "2001:db8::7"] {
            assert!(!is_of_this_machine(elsewhere.parse().expect("an address")), "{elsewhere}");
        }
    }

    #[test]
    fn without_a_secret_key_it_says_how_to_give_one() {
        let wanted = WebhooksArguments { action: Action::List, server: ServerArguments::default() };
        for given in [None, Some("")] {
            let key = given.map(|key| ("VESTIBULE_INSTANCE__SECRET_KEY".to_owned(), key.to_owned()));
            let sources = Sources { environment: key.into_iter().collect(), ..Sources::default() };
            let refused = webhooks(&wanted, &sources).expect_err("there is no key");
            assert!(refused.starts_with("`instance.secret_key` is missing; give"), "{given:?}: {refused}");
        }
    }

    #[test]
    fn the_secret_key_is_not_sent_to_another_machine_unencrypted() {
        let key = ("VESTIBULE_INSTANCE__SECRET_KEY".to_owned(), "sk_test_7".to_owned());
        let sources = Sources { environment: [key].into_iter().collect(), ..Sources::default() };
        for (text, is_told) in [
            ("http://198.51.100.7:8080", true),
            ("http://clerk.acme.example", true),
            ("http://localhost.acme.example", true),
            ("https://clerk.acme.example", false),
            ("http://localhost:8080", false),
            ("http://127.0.0.1:8080", false),
            ("http://[::1]:8080", false),
        ] {
            let url: Url = text.parse().expect("a URL");
            assert_eq!(tells_the_key(&url), is_told, "{text}");
            if is_told {
                let server = ServerArguments { url: Some(url), allow_http: false };
                let refused = webhooks(&WebhooksArguments { action: Action::List, server }, &sources);
                assert!(refused.is_err_and(|why| why.contains("--allow-http")), "{text}");
            }
        }
    }

    #[test]
    fn nor_to_another_machine_by_the_configured_address() {
        for (listen, is_refused) in [("198.51.100.7:8080", true), ("127.0.0.1:1", false), ("0.0.0.0:1", false)] {
            let key = ("VESTIBULE_INSTANCE__SECRET_KEY".to_owned(), "sk_test_7".to_owned());
            let sources = Sources {
                environment: [key].into_iter().collect(),
                listen: Some(listen.to_owned()),
                ..Sources::default()
            };
            let wanted = WebhooksArguments { action: Action::List, server: ServerArguments::default() };
            let why = webhooks(&wanted, &sources).expect_err("nobody listens there");
            assert_eq!(why.contains("--allow-http"), is_refused, "{listen}: {why}");
        }
    }

    #[test]
    fn an_endpoint_is_listed_with_the_reason_why_nothing_is_sent_to_it() {
        let endpoint = |status: &str, reason: Value| {
            json!({"id": "we_1", "status": status, "disabled_reason": reason, "waiting_count": 2,
                "events": ["user.*", "session.created"], "url": "http://localhost/"})
        };
        let endpoints = [endpoint("enabled", Value::Null), endpoint("disabled", json!("url_not_allowed"))];
        let told = Action::List.told(&json!({ "data": endpoints })).expect("an answer");
        let lines = "we_1  enabled  2 waiting  user.*,session.created  http://localhost/\n\
                     we_1  disabled (url_not_allowed)  2 waiting  user.*,session.created  http://localhost/\n";
        assert_eq!(told, Ok(lines.into()));
    }

    #[test]
    fn what_is_not_the_answer_to_a_call_is_not_taken_for_success() {
        let endpoint = WebhookEndpointId::from_bytes([1; 16]);
        let since = "2026-01-31T12:00:00Z".to_owned();
        let calls = [
            (Action::List, json!({"data": [], "total_count": 0})),
            (Action::Replay { endpoint, since }, json!({"object": "webhook_endpoint"})),
            (Action::Test { endpoint }, json!({"object": "webhook_attempt", "failure": null})),
            (Action::RotateSecret { endpoint }, json!({"object": "webhook_endpoint", "secret": "whsec_1"})),
        ];
        for (number, (call, right)) in calls.iter().enumerate() {
            assert!(call.told(right).is_some_and(|told| told.is_ok()), "{call:?}");
            let of_others = calls.iter().enumerate().filter(|(other, _)| *other != number).map(|(_, (_, right))| right);
            let strange = [Value::Null, json!({}), json!("ok"), json!({"object": "webhook_endpoint", "secret": 1})];
            for wrong in
                of_others.chain(&strange).filter(|wrong| wrong["object"] != right["object"] || wrong["secret"] == 1)
            {
                let is_replayed = matches!(call, Action::Replay { .. }) && wrong["object"] == "webhook_endpoint";
                assert!(is_replayed || call.told(wrong).is_none(), "{call:?}: {wrong}");
            }
        }
        let failed = json!({"object": "webhook_attempt", "failure": "it answered 500"});
        let told = Action::Test { endpoint }.told(&failed).expect("an answer");
        assert_eq!(told, Err("the test was not delivered: it answered 500".into()));
    }
}
