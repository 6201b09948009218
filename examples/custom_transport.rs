//! Messages that leave by a provider's HTTP API instead of SMTP: many messages in one request, an answer for each, and a
//! difference between "not now", "not this message now" and "never this message". Run it with
//! `cargo run --example custom_transport`; the provider is a small server inside of the example.

use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use vestibule::messages::{BoxFuture, Failure, FailureClass, Message, Outcome, Receipt, Transport};
use vestibule::settings::sample_settings;
use vestibule::{Caller, Engine, NewSignUp, PrepareVerification, RequestContext, Strategy};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/messages", listener.local_addr()?);
    let provider = tokio::spawn(provider::serve(listener));

    let mail =
        Arc::new(HttpMail::new(Options { url, token: provider::TOKEN.into(), timeout: Duration::from_secs(10) }));
    let settings = sample_settings("email_code")?;
    let engine = Engine::builder().settings(settings).email(mail).build().await?;
    // The provider takes the first message at once, the second at the second try, and the third never.
    for address in ["ada@example.com", "later@example.com", "nobody@example.com"] {
        ask_for_a_code(&engine, address).await?;
    }
    loop {
        let [status, _] = engine.channels();
        if status.waiting == 0 && status.sent + status.refused == 3 {
            println!("sent {}, refused {}, failed tries {}", status.sent, status.refused, status.failed_tries);
            assert_eq!((status.sent, status.refused, status.failed_tries), (2, 1, 1));
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    engine.shutdown().await;
    provider.abort();
    Ok(())
}

async fn ask_for_a_code(engine: &Engine, address: &str) -> Result<(), Box<dyn Error>> {
    let fields = NewSignUp { email_address: Some(address.into()), ..NewSignUp::default() };
    let context = RequestContext::default();
    let (sign_up, client) = engine.sign_ups().create(&Caller::anonymous(), &fields, &context).await?;
    let token = client.new_token.ok_or("a new client has a token")?;
    let caller = engine.identify(Some(token.expose())).await?;
    engine.sign_ups().prepare(&caller, sign_up.id(), &PrepareVerification::new(Strategy::EmailCode), &context).await?;
    Ok(())
}

/// Where the provider is, and how long one request may take.
struct Options {
    url: String,
    token: String,
    timeout: Duration,
}

/// Hands messages to the provider. Those that come while a request is under way go together in the next one.
struct HttpMail(mpsc::Sender<Waiting>);

/// A message that waits for its request.
struct Waiting {
    id: String,
    message: Value,
    answer: oneshot::Sender<Outcome>,
}

impl HttpMail {
    /// Starts the task that makes the requests; it ends with the transport.
    fn new(options: Options) -> Self {
        let (queue, mut waiting) = mpsc::channel(BATCH_MAX);
        tokio::spawn(async move {
            let client = Client::builder(TokioExecutor::new()).build_http();
            let mut batch = Vec::new();
            while waiting.recv_many(&mut batch, BATCH_MAX).await > 0 {
                send(&client, &options, std::mem::take(&mut batch)).await;
            }
        });
        Self(queue)
    }
}

impl Transport for HttpMail {
    fn deliver<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let (answer, outcome) = oneshot::channel();
            let id = message.id.to_string();
            let message = json!({
                // The same in each try, so that the provider sends a message once even if its answer was lost.
                "idempotency_key": id,
                "to": message.display_to,
                "subject": message.subject,
                "text": message.text.expose(),
            });
            let gone = |_| Outcome::Unavailable(Failure::new(FailureClass::Provider, "the task that sends has ended"));
            match self.0.send(Waiting { id, message, answer }).await {
                Ok(()) => outcome.await.unwrap_or_else(|_| gone(())),
                Err(_) => gone(()),
            }
        })
    }

    /// As many as two requests hold: one under way, and the next.
    fn at_once_max(&self) -> usize {
        2 * BATCH_MAX
    }
}

/// Makes one request, and passes its result on to each of the messages in it.
async fn send(client: &Client<HttpConnector, Full<axum::body::Bytes>>, options: &Options, batch: Vec<Waiting>) {
    let messages: Vec<_> = batch.iter().map(|waiting| &waiting.message).collect();
    let answered = tokio::time::timeout(options.timeout, request(client, options, json!(messages).to_string())).await;
    // Nothing that is said here names an address or holds a code: reasons are logged.
    let answers = match answered {
        Err(_) => {
            let reason = format!("the provider did not answer within {} ms", options.timeout.as_millis());
            Err(Failure::new(FailureClass::Timeout, reason))
        }
        Ok(Err(error)) => {
            Err(Failure::new(FailureClass::Unreachable, format!("the provider can't be reached: {error}")))
        }
        // A bad token (401), too many requests (429), a fault at the provider (5xx): it concerns all messages, so the
        // channel counts as failing until a message is taken.
        Ok(Ok((status, _))) if status != StatusCode::OK => {
            Err(Failure::new(FailureClass::Provider, format!("the provider answered {status}")))
        }
        Ok(Ok((_, body))) => serde_json::from_slice::<HashMap<String, String>>(&body)
            .map_err(|_| Failure::new(FailureClass::Provider, "the provider's answer is not what it should be")),
    };
    for Waiting { id, answer, .. } in batch {
        let outcome = match &answers {
            Err(failure) => Outcome::Unavailable(failure.clone()),
            Ok(answers) => match answers.get(&id).map(String::as_str) {
                Some("accepted") => Outcome::Sent(Receipt::default()),
                Some("rejected") => {
                    Outcome::Refused(Failure::new(FailureClass::Address, "the provider refuses the recipient"))
                }
                // Such as a full mailbox, or a message that the answer does not name.
                _ => Outcome::Retry(Failure::new(FailureClass::Provider, "the provider did not take it this time")),
            },
        };
        // The engine does not wait any more if it gave up first; it tries again then.
        let _ = answer.send(outcome);
    }
}

async fn request(
    client: &Client<HttpConnector, Full<axum::body::Bytes>>,
    options: &Options,
    body: String,
) -> Result<(StatusCode, axum::body::Bytes), Box<dyn Error + Send + Sync>> {
    let request = Request::post(&options.url)
        .header(header::AUTHORIZATION, format!("Bearer {}", options.token))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::from(body))?;
    let response = client.request(request).await?;
    let status = response.status();
    let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await?.to_bytes();
    Ok((status, body))
}

/// Messages in one request.
const BATCH_MAX: usize = 50;
/// A longer answer is not read.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// What a provider does, as far as this example needs it.
mod provider {
    use std::collections::{HashMap, HashSet};
    use std::sync::{Arc, Mutex, PoisonError};

    use axum::Router;
    use axum::extract::State;
    use axum::http::{HeaderMap, StatusCode, header};
    use axum::routing::post;
    use serde_json::{Value, json};
    use tokio::net::TcpListener;

    pub(super) const TOKEN: &str = "a-token-of-this-example";

    /// The addresses whose message was put off once.
    type PutOff = Arc<Mutex<HashSet<String>>>;

    pub(super) async fn serve(listener: TcpListener) -> std::io::Result<()> {
        let router = Router::new().route("/messages", post(take)).with_state(PutOff::default());
        axum::serve(listener, router).await
    }

    async fn take(State(put_off): State<PutOff>, headers: HeaderMap, body: String) -> Result<String, StatusCode> {
        let token = headers.get(header::AUTHORIZATION).and_then(|token| token.to_str().ok());
        if token.and_then(|token| token.strip_prefix("Bearer ")) != Some(TOKEN) {
            return Err(StatusCode::UNAUTHORIZED);
        }
        let messages: Vec<HashMap<String, Value>> =
            serde_json::from_str(&body).map_err(|_| StatusCode::UNPROCESSABLE_ENTITY)?;
        let mut put_off = put_off.lock().unwrap_or_else(PoisonError::into_inner);
        let answers: HashMap<_, _> = messages
            .iter()
            .map(|message| {
                let text = |name: &str| message.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
                let (id, to) = (text("idempotency_key"), text("to"));
                let answer = match to.split('@').next() {
                    Some("nobody") => "rejected",
                    Some("later") if put_off.insert(to.clone()) => "deferred",
                    _ => "accepted",
                };
                (id, answer)
            })
            .collect();
        Ok(json!(answers).to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use axum::Router;
    use axum::routing::post;
    use vestibule::messages::Capture;

    use super::*;

    #[test]
    fn the_example_runs() {
        super::main().expect("three messages");
    }

    #[tokio::test]
    async fn messages_that_come_during_a_request_go_together_in_the_next_one() {
        let sizes = Arc::new(Mutex::new(Vec::new()));
        let (started, mut first) = mpsc::channel(1);
        let proceed = Arc::new(tokio::sync::Notify::new());
        let (seen, gate) = (sizes.clone(), proceed.clone());
        let url = serve(post(move |body: String| async move {
            let messages: Vec<Value> = serde_json::from_str(&body).expect("a list");
            let is_first = {
                let mut seen = seen.lock().expect("no panic");
                seen.push(messages.len());
                seen.len() == 1
            };
            if is_first {
                started.send(()).await.expect("a test that waits");
                gate.notified().await;
            }
            let id = |message: &Value| message["idempotency_key"].as_str().expect("an id").to_owned();
            json!(messages.iter().map(|message| (id(message), "accepted")).collect::<HashMap<_, _>>()).to_string()
        }))
        .await;
        let mail = Arc::new(HttpMail::new(Options { url, token: String::new(), timeout: Duration::from_secs(30) }));
        let deliver = |message: Arc<Message>| {
            let mail = mail.clone();
            tokio::spawn(async move { mail.deliver(&message).await })
        };
        let mut under_way = vec![deliver(message().await)];
        first.recv().await.expect("a request");
        for _ in 0..3 {
            under_way.push(deliver(message().await));
        }
        // All three are in the queue.
        while mail.0.capacity() > BATCH_MAX - 3 {
            tokio::task::yield_now().await;
        }
        proceed.notify_one();
        for delivery in under_way {
            assert_eq!(delivery.await.expect("a task"), Outcome::Sent(Receipt::default()));
        }
        assert_eq!(*sizes.lock().expect("no panic"), [1, 3]);
    }

    #[tokio::test]
    async fn what_concerns_all_messages_is_told_apart_from_what_concerns_one() {
        let refused = |status: StatusCode| post(move || async move { (status, "{}") });
        let silent = post(|| async { std::future::pending::<String>().await });
        let nonsense = post(|| async { "<html>" });
        let forgetful = post(|| async { "{}" });
        for (answers, is_for_all) in [
            (refused(StatusCode::UNAUTHORIZED), true),
            (refused(StatusCode::TOO_MANY_REQUESTS), true),
            (refused(StatusCode::BAD_GATEWAY), true),
            (silent, true),
            (nonsense, true),
            (forgetful, false),
        ] {
            let url = serve(answers).await;
            let options = Options { url, token: String::new(), timeout: Duration::from_millis(300) };
            let outcome = HttpMail::new(options).deliver(&*message().await).await;
            let expected = if is_for_all {
                matches!(outcome, Outcome::Unavailable(_))
            } else {
                matches!(outcome, Outcome::Retry(_))
            };
            assert!(expected, "{outcome:?}");
        }
        let nowhere = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
        let options =
            Options { url: format!("http://{nowhere}/"), token: String::new(), timeout: Duration::from_secs(30) };
        let outcome = HttpMail::new(options).deliver(&*message().await).await;
        assert!(matches!(outcome, Outcome::Unavailable(_)), "{outcome:?}");
    }

    /// A message of an engine.
    async fn message() -> Arc<Message> {
        let mail = Arc::new(Capture::new());
        let settings = sample_settings("email_code").expect("a sample");
        let engine = Engine::builder().settings(settings).email(mail.clone()).build().await.expect("an engine");
        ask_for_a_code(&engine, "ada@example.com").await.expect("a sign-up");
        let message = mail.next_to("ada@example.com").await;
        engine.shutdown().await;
        message
    }

    async fn serve(answers: axum::routing::MethodRouter) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, Router::new().route("/", answers)).await });
        url
    }
}
