//! HTTP over loopback: reading a sign-up, beside bare hyper that serialises the same JSON, and a bundle for browsers, beside the
//! same bytes, each under the same load. And what a handshake costs beside a session token: it signs two texts, where the
//! token is one.

#![allow(clippy::disallowed_methods, reason = "a bench measures real time")]

mod support;

use std::time::{Duration, Instant};

use serde_json::Value;
use support::http::{connect, exchange, load, serve, serve_bare, serve_bundles};
use vestibule::config::sample_settings;
use vestibule::domain::secret::Secret;
use vestibule::domain::sign_up::NewSignUp;
use vestibule::engine::{Caller, Engine, HandshakeRequest, RequestContext};
use vestibule::npm::Bundles;

const ROUNDS: usize = 5;
const CONNECTIONS: usize = 64;
const BURST: Duration = Duration::from_secs(1);

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let ours = serve(engine().await).await;
        let form = "email_address=ada%40example.com";
        let head = format!(
            "POST /v1/client/sign_ups?_is_native=1 HTTP/1.1\r\nhost: localhost:{ours}\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
            form.len()
        );
        let mut stream = connect(ours).await;
        let (head, body) = exchange(&mut stream, head.as_bytes(), &mut Vec::new()).await;
        let made: Value = serde_json::from_slice(&body).expect("JSON");
        let id = made["response"]["id"].as_str().expect("a sign-up");
        let token = head.lines().find_map(|line| line.strip_prefix("authorization: ")).expect("a token");
        let get = format!(
            "GET /v1/client/sign_ups/{id}?_is_native=1 HTTP/1.1\r\nhost: localhost:{ours}\r\nauthorization: {token}\r\n\r\n"
        );
        let (_, body) = exchange(&mut stream, get.as_bytes(), &mut Vec::new()).await;
        let answer: Value = serde_json::from_slice(&body).expect("JSON");
        let bare = serve_bare(move || serde_json::to_vec(&answer).expect("JSON").into()).await;

        let (mut subject, mut baseline) = (Vec::new(), Vec::new());
        let (mut ours_took, mut bare_took) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            baseline.push(load(bare, &get, CONNECTIONS, BURST, &mut bare_took).await);
            subject.push(load(ours, &get, CONNECTIONS, BURST, &mut ours_took).await);
        }
        let (subject, baseline) = (support::median(subject), support::median(baseline));
        support::compare("HTTP GET of a sign-up", subject, "bare hyper + serde_json", baseline, 0.6);
        support::percentiles("HTTP GET of a sign-up, 64 connections", &mut ours_took);
        support::percentiles("bare hyper + serde_json", &mut bare_took);
        handshakes().await;
        bundle().await;
    });
}

/// One after the other, so that the times are those of a single call.
async fn handshakes() {
    let settings = sample_settings("username_password").expect("a sample");
    let engine = Engine::builder().settings(settings).source_limits(None).build().await.expect("an engine");
    let context = RequestContext::default();
    let password = Secret::new("wanders under elms".into());
    let input = NewSignUp::new().username("ada_lovelace").password(password);
    let made = engine.sign_ups().create(&Caller::anonymous(), &input, &context).await.expect("a sign-up");
    let token = made.1.new_token.expect("a token");
    let caller = engine.identify(Some(token.expose())).await.expect("a client");
    let session = caller.client().and_then(|client| client.last_active_session_id).expect("a session");
    let redirect_url = "http://localhost:3000/".to_owned();
    let request = HandshakeRequest { redirect_url, host: Some("localhost".into()), ..HandshakeRequest::default() };

    let (mut subject, mut baseline) = (Vec::new(), Vec::new());
    let (mut handshakes_took, mut tokens_took) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        baseline.push(
            repeated(&mut tokens_took, async || {
                drop(engine.sessions().token(&caller, session, &context).await.expect("a token"))
            })
            .await,
        );
        subject.push(
            repeated(&mut handshakes_took, async || {
                drop(engine.sessions().handshake(&caller, &request, &context).await.expect("a handshake"))
            })
            .await,
        );
    }
    let (subject, baseline) = (support::median(subject), support::median(baseline));
    support::compare("handshakes", subject, "session tokens", baseline, 0.4);
    support::percentiles("a handshake", &mut handshakes_took);
    support::percentiles("a session token", &mut tokens_took);
    engine.shutdown().await;
}

/// Calls a second.
async fn repeated(took: &mut Vec<Duration>, call: impl AsyncFn()) -> f64 {
    let (began, before) = (Instant::now(), took.len());
    while began.elapsed() < BURST {
        let sent = Instant::now();
        call().await;
        took.push(sent.elapsed());
    }
    support::rate(took.len() - before, began.elapsed())
}

/// A file of the size of clerk-js.
async fn bundle() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().join("@clerk/clerk-js");
    std::fs::create_dir_all(place.join("dist")).expect("a folder");
    let manifest = r#"{"name": "@clerk/clerk-js", "version": "6.40.0"}"#;
    std::fs::write(place.join("package.json"), manifest).expect("a file");
    let script = bytes::Bytes::from("window.Clerk ||= {};\n".repeat(14_000));
    std::fs::write(place.join("dist/clerk.browser.js"), &script).expect("a file");
    let bundles = Bundles::open(folder.path()).expect("bundles");

    let ours = serve_bundles(engine().await, Some(bundles)).await;
    let bare = serve_bare(move || script.clone()).await;
    let get = "GET /npm/@clerk/clerk-js@6/dist/clerk.browser.js HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let (mut subject, mut baseline, mut took) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        baseline.push(load(bare, get, CONNECTIONS, BURST, &mut took).await);
        subject.push(load(ours, get, CONNECTIONS, BURST, &mut took).await);
    }
    let (subject, baseline) = (support::median(subject), support::median(baseline));
    support::compare("HTTP GET of a bundle of 290 kB", subject, "bare hyper, the same bytes", baseline, 0.5);
}

async fn engine() -> Engine {
    let builder = Engine::builder().settings(support::settings()).policy(support::policy());
    builder.email(support::nowhere()).sms(support::nowhere()).source_limits(None).build().await.expect("an engine")
}
