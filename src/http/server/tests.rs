use std::pin::Pin;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use url::Url;

use super::*;

#[tokio::test]
async fn both_loopbacks_are_served_on_one_port() {
    let server = start(options(), |_, _| async { text("hello") }).await;
    let v4 = server.addresses[0];
    assert!(v4.is_ipv4() && v4.port() != 0);
    for address in &server.addresses {
        assert_eq!(address.port(), v4.port());
        let answer = call(*address, GET).await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("hello"));
        assert!(!answer.to_lowercase().contains("\r\nserver:"), "{answer}");
    }
    server.stop().await;
}

#[tokio::test]
async fn begun_answers_finish_and_idle_connections_do_not_hold_up_the_end() {
    let (begun, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let handler = {
        let (begun, release) = (Arc::clone(&begun), Arc::clone(&release));
        move |_: Request<Received>, _| {
            let (begun, release) = (Arc::clone(&begun), Arc::clone(&release));
            async move {
                begun.notify_one();
                release.notified().await;
                text("late but whole")
            }
        }
    };
    let server = start(options(), handler).await;
    let address = server.addresses[0];
    let _idle = TcpStream::connect(address).await.expect("a connection");
    let asking = tokio::spawn(call(address, GET));
    begun.notified().await;
    let stopping = tokio::spawn(server.stop());
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!stopping.is_finished(), "an answer is still on its way");
    release.notify_one();
    let answer = asking.await.expect("an answer");
    assert!(answer.ends_with("late but whole"), "{answer}");
    let ended = timeout(Duration::from_secs(5), stopping).await;
    ended.expect("it ends").expect("without a panic");
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn slow_heads_are_cut_off() {
    let mut options = options();
    options.header_timeout = Duration::from_millis(100);
    let server = start(options, |_, _| async { text("hello") }).await;
    let mut stream = TcpStream::connect(server.addresses[0]).await.expect("a connection");
    stream.write_all(b"GET / HTTP/1.1\r\nHost:").await.expect("sent");
    let mut rest = Vec::new();
    let ended = timeout(Duration::from_secs(5), stream.read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "the connection was closed");
    server.stop().await;
}

#[tokio::test]
async fn large_heads_are_refused() {
    let server = start(options(), |_, _| async { text("hello") }).await;
    let address = server.addresses[0];
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let head = format!("GET / HTTP/1.1\r\nX-Large: {}", "a".repeat(MAX_HEAD_BYTES));
    stream.write_all(head.as_bytes()).await.expect("sent");
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 431");
    server.stop().await;
}

#[tokio::test]
async fn idle_connections_make_room_for_a_request() {
    let mut options = options();
    options.max_connections = 2;
    let server = start(options, |_, _| async { text("hello") }).await;
    let address = server.addresses[0];
    let silent = TcpStream::connect(address).await.expect("a connection");
    let mut kept = TcpStream::connect(address).await.expect("a connection");
    kept.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.expect("sent");
    kept.read_exact(&mut [0; 12]).await.expect("an answer");
    for _ in 0..3 {
        let answer = timeout(Duration::from_secs(5), call(address, GET)).await;
        assert!(answer.expect("a place").ends_with("hello"));
    }
    assert!(is_closed(silent).await, "the most silent one left first");
    server.stop().await;
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_while_the_server_is_at_work_for_all_others() {
    let mut options = options();
    options.max_connections = 1;
    let release = Arc::new(Notify::new());
    let server = start(options, held_until(&release)).await;
    let address = server.addresses[0];
    let busy = tokio::spawn(call(address, GET));
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut waiting = tokio::spawn(call(address, GET));
    assert!(timeout(Duration::from_millis(200), &mut waiting).await.is_err());
    release.notify_one();
    assert!(busy.await.expect("an answer").ends_with("released"));
    release.notify_one();
    let answer = timeout(Duration::from_secs(5), waiting).await.expect("a place");
    assert!(answer.expect("an answer").ends_with("released"));
    server.stop().await;
}

#[tokio::test]
async fn a_source_that_has_its_share_gets_no_more() {
    let mut options = options();
    options.max_connections_per_source = 1;
    let release = Arc::new(Notify::new());
    let server = start(options, held_until(&release)).await;
    let address = server.addresses[0];
    let busy = tokio::spawn(call(address, GET));
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(is_closed(TcpStream::connect(address).await.expect("a connection")).await);
    release.notify_one();
    assert!(busy.await.expect("an answer").ends_with("released"));
    server.stop().await;
}

#[tokio::test]
async fn trusted_proxies_have_no_share() {
    let mut options = options();
    options.max_connections_per_source = 1;
    options.trusted_proxies = vec![IpAddr::V4(Ipv4Addr::LOCALHOST).into()];
    let release = Arc::new(Notify::new());
    let server = start(options, held_until(&release)).await;
    let address = server.addresses[0];
    let busy = [tokio::spawn(call(address, GET)), tokio::spawn(call(address, GET))];
    tokio::time::sleep(Duration::from_millis(50)).await;
    for one in busy {
        release.notify_one();
        assert!(timeout(Duration::from_secs(5), one).await.expect("a place").expect("an answer").ends_with("released"));
    }
    server.stop().await;
}

#[tokio::test]
async fn a_reader_that_takes_nothing_is_cut_off() {
    let mut options = options();
    options.write_timeout = Duration::from_millis(200);
    let server = start(options, |_, _| async { large() }).await;
    let stuck = reader(server.addresses[0], 4096).await;
    tokio::time::sleep(Duration::from_millis(1000)).await;
    let taken = timeout(Duration::from_secs(5), all_of(stuck)).await.expect("the connection was closed");
    assert!(taken < LARGE, "{taken}");
    server.stop().await;
}

#[tokio::test]
async fn a_slow_reader_that_keeps_the_rate_gets_the_whole_answer() {
    let mut options = options();
    options.write_timeout = Duration::from_millis(400);
    let server = start(options, |_, _| async { large() }).await;
    let mut slow = reader(server.addresses[0], 64 * 1024).await;
    let (mut taken, mut part) = (0, vec![0; 256 * 1024]);
    loop {
        tokio::time::sleep(Duration::from_millis(50)).await;
        match slow.read(&mut part).await.expect("bytes") {
            0 => break,
            bytes => taken += bytes,
        }
    }
    assert!(taken > LARGE, "{taken}");
    server.stop().await;
}

#[tokio::test]
async fn the_end_waits_for_nobody_who_is_stuck_and_for_every_answer_that_is_begun() {
    let release = Arc::new(Notify::new());
    let held = held_until(&release);
    let handler = move |request: Request<Received>, peer| {
        let is_large = request.uri().path() == "/large";
        let held = held(request, peer);
        async move { if is_large { large() } else { held.await } }
    };
    let server = start(options(), handler).await;
    let address = server.addresses[0];
    let mut stuck = Vec::new();
    for _ in 0..20 {
        stuck.push(reader(address, 4096).await);
    }
    let mut half = TcpStream::connect(address).await.expect("a connection");
    half.write_all(b"POST / HTTP/1.1\r\nHost: local").await.expect("sent");
    tokio::time::sleep(Duration::from_millis(100)).await;
    let honest = tokio::spawn(call(address, GET));
    tokio::time::sleep(Duration::from_millis(100)).await;
    let stopping = tokio::spawn(server.stop());
    tokio::time::sleep(connections::STUCK_AFTER + Duration::from_millis(500)).await;
    assert!(!stopping.is_finished(), "an answer is still on its way");
    release.notify_one();
    assert!(honest.await.expect("an answer").ends_with("released"));
    timeout(Duration::from_secs(2), stopping).await.expect("it ends").expect("without a panic");
}

#[tokio::test]
async fn the_end_comes_in_time_whatever_is_begun() {
    let mut options = options();
    options.drain_timeout = Duration::from_millis(200);
    let server = start(options, held_until(&Arc::new(Notify::new()))).await;
    let endless = tokio::spawn(call(server.addresses[0], GET));
    tokio::time::sleep(Duration::from_millis(50)).await;
    timeout(Duration::from_secs(5), server.stop()).await.expect("it ends");
    let cut_off = timeout(Duration::from_secs(5), endless).await.expect("the connection is closed too");
    assert_eq!(cut_off.expect("no panic"), "");
}

#[tokio::test]
async fn one_place_serves_both_loopbacks() {
    let mut options = options();
    options.max_connections = 1;
    let server = start(options, |_, _| async { text("hello") }).await;
    for address in server.addresses.iter().flat_map(|address| [address; 2]) {
        let answer = timeout(Duration::from_secs(5), call(*address, GET)).await;
        assert!(answer.expect("a place").ends_with("hello"), "{address}");
    }
    server.stop().await;
}

type Answering = Pin<Box<dyn Future<Output = Response<Full<Bytes>>> + Send>>;

/// A handler whose answers wait until they are released, one by one.
fn held_until(
    release: &Arc<Notify>,
) -> impl Fn(Request<Received>, SocketAddr) -> Answering + Clone + Send + Sync + 'static {
    let release = Arc::clone(release);
    move |_, _| {
        let release = Arc::clone(&release);
        Box::pin(async move {
            release.notified().await;
            text("released")
        })
    }
}

/// Asks for more than fits the system's buffers, and reads nothing yet.
async fn reader(address: SocketAddr, buffer_bytes: u32) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(buffer_bytes).expect("a size");
    let mut stream = socket.connect(address).await.expect("a connection");
    stream.write_all(b"GET /large HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await.expect("sent");
    stream
}

/// How many bytes arrive until the connection ends, whether or not by a reset.
async fn all_of(mut stream: TcpStream) -> usize {
    let (mut taken, mut part) = (0, vec![0; 64 * 1024]);
    while let Ok(bytes @ 1..) = stream.read(&mut part).await {
        taken += bytes;
    }
    taken
}

async fn is_closed(stream: TcpStream) -> bool {
    timeout(Duration::from_secs(2), all_of(stream)).await == Ok(0)
}

struct Running {
    addresses: Vec<SocketAddr>,
    end: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl Running {
    async fn stop(self) {
        self.end.send(()).expect("it serves");
        self.serving.await.expect("without a panic");
    }
}

async fn start<H, F>(options: HttpOptions, handler: H) -> Running
where
    H: Fn(Request<Received>, SocketAddr) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Full<Bytes>>> + Send + 'static,
{
    let server = bind(&options).await.expect("a free port");
    let addresses = server.local_addrs();
    let (end, ended) = oneshot::channel();
    let serving = tokio::spawn(server.serve_with(handler, async {
        let _sender_dropped = ended.await;
    }));
    Running { addresses, end, serving }
}

async fn call(address: SocketAddr, request: &'static str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    // An answer that was cut off is recognised by its missing part.
    drop(stream.read_to_string(&mut answer).await);
    answer
}

fn text(body: &'static str) -> Response<Full<Bytes>> {
    Response::new(Full::new(Bytes::from_static(body.as_bytes())))
}

fn large() -> Response<Full<Bytes>> {
    Response::new(Full::new(vec![b'a'; LARGE].into()))
}

fn options() -> HttpOptions {
    let url = Url::parse("http://localhost:8080").expect("a URL");
    let mut options = HttpOptions::new(url, "pk_live_x", true);
    options.listen = vec![([127, 0, 0, 1], 0).into()];
    options
}

const LARGE: usize = 4 * 1024 * 1024;
const GET: &str = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
