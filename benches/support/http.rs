//! Requests over loopback, to the engine's server and to bare hyper.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use vestibule::engine::Engine;
use vestibule::http::{App, HttpOptions, bind};
use vestibule::npm::Bundles;

/// The engine's server on a free port, which it returns.
pub(crate) async fn serve(engine: Engine) -> u16 {
    serve_bundles(engine, None).await
}

/// The same with the files of Clerk's packages.
pub(crate) async fn serve_bundles(engine: Engine, bundles: Option<Bundles>) -> u16 {
    let url = "http://localhost".parse().expect("a URL");
    let mut options = HttpOptions::new(url, engine.publishable_key(), true);
    options.bundles = bundles;
    options.listen = vec!["127.0.0.1:0".parse().expect("an address")];
    let server = bind(&options).await.expect("a socket");
    let port = server.local_addrs()[0].port();
    let app = App::new(engine, options, None);
    tokio::spawn(server.serve(Arc::new(app), std::future::pending()));
    port
}

/// Bare hyper on a free port, which it returns. Each answer is what `body` makes.
pub(crate) async fn serve_bare(body: impl Fn() -> Bytes + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a socket");
    let port = listener.local_addr().expect("an address").port();
    let body = Arc::new(body);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).expect("a socket option");
            let body = body.clone();
            let answer = service_fn(move |_: Request<hyper::body::Incoming>| {
                let body = body();
                async move {
                    let answer = Response::builder().header("content-type", "application/json");
                    Ok::<_, Infallible>(answer.body(Full::new(body)).expect("an answer"))
                }
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
        }
    });
    port
}

/// A connection to a port of this machine.
pub(crate) async fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
    stream.set_nodelay(true).expect("a socket option");
    stream
}

/// Requests per second over kept connections, each with one request at a time.
pub(crate) async fn load(
    port: u16,
    request: &str,
    connections: usize,
    burst: Duration,
    took: &mut Vec<Duration>,
) -> f64 {
    let (began, mut loads) = (Instant::now(), Vec::new());
    for _ in 0..connections {
        let request = request.to_owned();
        loads.push(tokio::spawn(async move {
            let mut stream = connect(port).await;
            let (mut buffer, mut took) = (Vec::new(), Vec::new());
            while began.elapsed() < burst {
                let sent = Instant::now();
                let (head, _) = exchange(&mut stream, request.as_bytes(), &mut buffer).await;
                assert!(head.starts_with("HTTP/1.1 200"), "{head}");
                took.push(sent.elapsed());
            }
            took
        }));
    }
    let before = took.len();
    for load in loads {
        took.extend(load.await.expect("a connection"));
    }
    super::rate(took.len() - before, began.elapsed())
}

/// One request and its answer: head and body.
pub(crate) async fn exchange(stream: &mut TcpStream, request: &[u8], buffer: &mut Vec<u8>) -> (String, Vec<u8>) {
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
