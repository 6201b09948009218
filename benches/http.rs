//! HTTP over loopback: reading a sign-up, beside bare hyper that serialises the same JSON, under the same load.

#![allow(clippy::disallowed_methods, reason = "a bench measures real time")]

mod support;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use vestibule::engine::Engine;
use vestibule::http::{App, HttpOptions, bind};

const ROUNDS: usize = 5;
const CONNECTIONS: usize = 64;
const BURST: Duration = Duration::from_secs(1);

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let ours = vestibule_server().await;
        let form = "email_address=ada%40example.com";
        let head = format!(
            "POST /v1/client/sign_ups?_is_native=1 HTTP/1.1\r\nhost: localhost:{ours}\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
            form.len()
        );
        let mut stream = TcpStream::connect(("127.0.0.1", ours)).await.expect("a connection");
        let (head, body) = exchange(&mut stream, head.as_bytes(), &mut Vec::new()).await;
        let made: Value = serde_json::from_slice(&body).expect("JSON");
        let id = made["response"]["id"].as_str().expect("a sign-up");
        let token = head.lines().find_map(|line| line.strip_prefix("authorization: ")).expect("a token");
        let get = format!(
            "GET /v1/client/sign_ups/{id}?_is_native=1 HTTP/1.1\r\nhost: localhost:{ours}\r\nauthorization: {token}\r\n\r\n"
        );
        let (_, body) = exchange(&mut stream, get.as_bytes(), &mut Vec::new()).await;
        let bare = bare_server(serde_json::from_slice(&body).expect("JSON")).await;

        let (mut subject, mut baseline) = (Vec::new(), Vec::new());
        let (mut ours_took, mut bare_took) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            baseline.push(load(bare, &get, &mut bare_took).await);
            subject.push(load(ours, &get, &mut ours_took).await);
        }
        let (subject, baseline) = (support::median(subject), support::median(baseline));
        support::compare("HTTP GET of a sign-up", subject, "bare hyper + serde_json", baseline, 0.6);
        support::percentiles("HTTP GET of a sign-up, 64 connections", &mut ours_took);
        support::percentiles("bare hyper + serde_json", &mut bare_took);
    });
}

async fn vestibule_server() -> u16 {
    let builder = Engine::builder().settings(support::settings()).policy(support::policy());
    let engine =
        builder.email(support::nowhere()).sms(support::nowhere()).source_limits(None).build().await.expect("an engine");
    let url = "http://localhost".parse().expect("a URL");
    let mut options = HttpOptions::new(url, engine.publishable_key(), true);
    options.listen = vec!["127.0.0.1:0".parse().expect("an address")];
    let server = bind(&options).await.expect("a socket");
    let port = server.local_addrs()[0].port();
    let app = App::new(engine, options, None);
    tokio::spawn(server.serve(Arc::new(app), std::future::pending()));
    port
}

async fn bare_server(body: Value) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a socket");
    let port = listener.local_addr().expect("an address").port();
    let body = Arc::new(body);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).expect("a socket option");
            let body = body.clone();
            let answer = service_fn(move |_: Request<hyper::body::Incoming>| {
                let text = serde_json::to_vec(&*body).expect("JSON");
                async move {
                    let answer = Response::builder().header("content-type", "application/json");
                    Ok::<_, Infallible>(answer.body(Full::new(Bytes::from(text))).expect("an answer"))
                }
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
        }
    });
    port
}

/// Requests per second over kept connections, each with one request at a time.
async fn load(port: u16, request: &str, took: &mut Vec<Duration>) -> f64 {
    let (began, mut connections) = (Instant::now(), Vec::new());
    for _ in 0..CONNECTIONS {
        let request = request.to_owned();
        connections.push(tokio::spawn(async move {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
            stream.set_nodelay(true).expect("a socket option");
            let (mut buffer, mut took) = (Vec::new(), Vec::new());
            while began.elapsed() < BURST {
                let sent = Instant::now();
                let (head, _) = exchange(&mut stream, request.as_bytes(), &mut buffer).await;
                assert!(head.starts_with("HTTP/1.1 200"), "{head}");
                took.push(sent.elapsed());
            }
            took
        }));
    }
    let before = took.len();
    for connection in connections {
        took.extend(connection.await.expect("a connection"));
    }
    support::rate(took.len() - before, began.elapsed())
}

/// One request and its answer: head and body.
async fn exchange(stream: &mut TcpStream, request: &[u8], buffer: &mut Vec<u8>) -> (String, Vec<u8>) {
    stream.write_all(request).await.expect("a connection");
    buffer.clear();
    loop {
        let read = stream.read_buf(buffer).await.expect("a connection");
        assert!(read > 0, "the server hung up");
        let Some(end) = buffer.windows(4).position(|w| w == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
        let length = length.expect("a length");
        if buffer.len() >= end + 4 + length {
            return (head, buffer[end + 4..end + 4 + length].to_vec());
        }
    }
}
