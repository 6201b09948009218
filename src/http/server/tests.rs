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
        let answer = exchange(*address, GET).await;
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
        move |_: Request<Incoming>, _| {
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
    let asking = tokio::spawn(exchange(address, GET));
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
async fn connections_beyond_the_limit_wait_their_turn() {
    let mut options = options();
    options.max_connections = 1;
    options.header_timeout = Duration::from_millis(300);
    let server = start(options, |_, _| async { text("hello") }).await;
    let address = server.addresses[0];
    let idle = TcpStream::connect(address).await.expect("a connection");
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut waiting = tokio::spawn(exchange(address, GET));
    assert!(timeout(Duration::from_millis(100), &mut waiting).await.is_err());
    drop(idle);
    let answer = timeout(Duration::from_secs(5), waiting).await.expect("a place");
    assert!(answer.expect("an answer").ends_with("hello"));
    server.stop().await;
}

#[tokio::test]
async fn one_place_serves_both_loopbacks() {
    let mut options = options();
    options.max_connections = 1;
    let server = start(options, |_, _| async { text("hello") }).await;
    for address in server.addresses.iter().flat_map(|address| [address; 2]) {
        let answer = timeout(Duration::from_secs(5), exchange(*address, GET)).await;
        assert!(answer.expect("a place").ends_with("hello"), "{address}");
    }
    server.stop().await;
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
    H: Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + Sync + 'static,
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

async fn exchange(address: SocketAddr, request: &'static str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    answer
}

fn text(body: &'static str) -> Response<Full<Bytes>> {
    Response::new(Full::new(Bytes::from_static(body.as_bytes())))
}

fn options() -> HttpOptions {
    let url = Url::parse("http://localhost:8080").expect("a URL");
    let mut options = HttpOptions::new(url, "pk_live_x", true);
    options.listen = vec![([127, 0, 0, 1], 0).into()];
    options
}

const GET: &str = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
