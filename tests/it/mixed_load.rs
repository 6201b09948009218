//! Honest sign-ups during all kinds of attacks at once. Each participant has its own loopback address, so that limits
//! by source distinguish them.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::support::binary::{Binary, log_of};

const CONFIG: &str = r#"
[server]
connections_per_source = 200
max_connections = 1500
[settings]
file = "email_code"
[verification]
test_mode = true
"#;

#[test]
#[ignore = "a minute of load; run by hand: VESTIBULE_MIXED_S=60 cargo test --release --test it -- --ignored mixed_load"]
fn honest_sign_ups_are_served_in_time_beside_floods_slow_peers_guesses_and_junk() {
    let seconds = number_of("VESTIBULE_MIXED_S", 60).min(3600);
    let per_s = number_of("VESTIBULE_MIXED_PER_S", 50).clamp(1, 1000);
    let p99_max = Duration::from_millis(number_of("VESTIBULE_MIXED_P99_MS", 250));
    let folder = TempDir::new().expect("a folder");
    let server = Binary::start(folder.path(), CONFIG);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let mut tally = runtime.block_on(mixed(server.port, seconds, per_s));
    runtime.shutdown_timeout(Duration::from_secs(5));
    tally.latencies.sort_unstable();
    let percentile = |p: usize| tally.latencies[(tally.latencies.len() * p / 1000).min(tally.latencies.len() - 1)];
    eprintln!(
        "{seconds} s: {} requests of honest people, {} failed; p50 {:?}, p95 {:?}, p99 {:?}, p99.9 {:?}; nuisances: {:?}",
        tally.latencies.len(),
        tally.failures.len(),
        percentile(500),
        percentile(950),
        percentile(990),
        percentile(999),
        tally.nuisances,
    );
    assert!(tally.failures.is_empty(), "{:?}", tally.failures.first());
    assert!(percentile(990) < p99_max, "p99 is {:?}", percentile(990));
    assert_eq!(server.request("GET", "/health/ready", &[], "").expect("an answer").status, 200);
    assert_eq!(server.terminate(), Some(0), "{}", log_of(folder.path()));
}

#[derive(Default)]
struct Tally {
    latencies: Vec<Duration>,
    failures: Vec<String>,
    nuisances: Vec<(&'static str, u64)>,
}

async fn mixed(port: u16, seconds: u64, per_s: u64) -> Tally {
    let begin = Instant::now();
    let end = begin + Duration::from_secs(seconds);
    let counts: [(&'static str, Arc<AtomicU64>); 7] =
        ["floods", "churn", "slow heads", "slow bodies", "slow readers", "guesses", "junk"]
            .map(|name| (name, Arc::default()));
    let mut nuisances = JoinSet::new();
    for (kind, (_, count)) in counts.iter().enumerate() {
        for number in 0..4 {
            let at = Place { port, from: Ipv4Addr::new(127, 2, u8::try_from(kind).unwrap_or(0), number + 1).into() };
            let count = Arc::clone(count);
            nuisances.spawn(async move {
                while Instant::now() < end {
                    let done = timeout(end.saturating_duration_since(Instant::now()), at.annoy(kind)).await;
                    count.fetch_add(u64::from(matches!(done, Ok(Ok(())))), Ordering::Relaxed);
                    sleep(Duration::from_millis(5)).await;
                }
            });
        }
    }
    let mut people = JoinSet::new();
    let mut tally = Tally::default();
    for number in 0..u32::try_from(seconds * per_s).unwrap_or(u32::MAX) {
        sleep_until(begin + Duration::from_secs(1) * number / u32::try_from(per_s).unwrap_or(1)).await;
        let [_, a, b, c] = number.to_be_bytes();
        let at = Place { port, from: Ipv4Addr::new(127, 64 + a, b, c).into() };
        people.spawn(async move {
            timeout(Duration::from_secs(30), at.sign_up(number)).await.unwrap_or_else(|_| Err("30 s".to_owned()))
        });
        while let Some(done) = people.try_join_next() {
            tally.note(done.expect("no panic"));
        }
    }
    while let Some(done) = people.join_next().await {
        tally.note(done.expect("no panic"));
    }
    while nuisances.join_next().await.is_some() {}
    tally.nuisances = counts.iter().map(|(name, count)| (*name, count.load(Ordering::Relaxed))).collect();
    tally
}

impl Tally {
    fn note(&mut self, done: Result<Vec<Duration>, String>) {
        match done {
            Ok(latencies) => self.latencies.extend(latencies),
            Err(failure) => self.failures.push(failure),
        }
    }
}

/// A participant's address, and the server's port.
#[derive(Clone, Copy)]
struct Place {
    port: u16,
    from: IpAddr,
}

impl Place {
    async fn connect(&self) -> io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.set_recv_buffer_size(16 * 1024)?;
        socket.bind(SocketAddr::new(self.from, 0))?;
        socket.connect(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), self.port)).await
    }

    /// One complete sign-up; returns the duration of each request, the first with its connection.
    async fn sign_up(&self, number: u32) -> Result<Vec<Duration>, String> {
        let mut latencies = Vec::new();
        let mut begun = Instant::now();
        let mut stream = self.connect().await.map_err(|error| format!("no connection: {error}"))?;
        let form = format!("email_address=honest{number}%2Bclerk_test@example.com");
        let (made, token) = post(&mut stream, "/v1/client/sign_ups", "", &form).await?;
        let mut next = |begun: &mut Instant| {
            latencies.push(begun.elapsed());
            *begun = Instant::now();
        };
        next(&mut begun);
        let id = made.split("\"id\":\"").nth(1).and_then(|rest| rest.split('"').next()).ok_or("no id")?.to_owned();
        let path = |verb: &str| format!("/v1/client/sign_ups/{id}/{verb}");
        post(&mut stream, &path("prepare_verification"), &token, "strategy=email_code").await?;
        next(&mut begun);
        let attempt = "strategy=email_code&code=424242";
        let (done, _) = post(&mut stream, &path("attempt_verification"), &token, attempt).await?;
        next(&mut begun);
        if done.contains("\"status\":\"complete\"") { Ok(latencies) } else { Err(done) }
    }

    /// One round of an attack with a bounded amount of data.
    async fn annoy(&self, kind: usize) -> io::Result<()> {
        match kind {
            0 => self.flood().await,
            1 => self.connect().await.map(drop),
            2 => self.drip(b"GET /v1/client HTTP/1.1\r\nhost: localhost\r\nx-drip: ", 100).await,
            3 => {
                let head = "POST /v1/client/sign_ups?_is_native=1 HTTP/1.1\r\nhost: localhost\r\n\
                            content-type: application/x-www-form-urlencoded\r\ncontent-length: 60000\r\n\r\n";
                self.drip(head.as_bytes(), 100).await
            }
            4 => self.take_nothing().await,
            5 => self.guess().await,
            _ => self.talk_nonsense().await,
        }
    }

    /// Opens more connections than allowed, sends nothing, and waits.
    async fn flood(&self) -> io::Result<()> {
        let mut held = Vec::new();
        for _ in 0..400 {
            held.push(self.connect().await?);
        }
        sleep(Duration::from_secs(2)).await;
        Ok(())
    }

    /// Sends a head or body byte by byte on many connections.
    async fn drip(&self, start: &[u8], connections: usize) -> io::Result<()> {
        let mut streams = Vec::new();
        for _ in 0..connections {
            let mut stream = self.connect().await?;
            stream.write_all(start).await?;
            streams.push(stream);
        }
        for _ in 0..60 {
            for stream in &mut streams {
                // Some connections are closed by now.
                drop(stream.write_all(b"a").await);
            }
            sleep(Duration::from_millis(500)).await;
        }
        Ok(())
    }

    async fn take_nothing(&self) -> io::Result<()> {
        let requests = b"GET /v1/environment HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(64);
        let mut streams = Vec::new();
        for _ in 0..20 {
            let mut stream = self.connect().await?;
            for _ in 0..100 {
                if timeout(Duration::from_millis(100), stream.write_all(&requests)).await.is_err() {
                    break;
                }
            }
            streams.push(stream);
        }
        sleep(Duration::from_secs(15)).await;
        Ok(())
    }

    /// A sign-up with another person's address, and wrong codes for it.
    async fn guess(&self) -> io::Result<()> {
        let mut stream = self.connect().await?;
        let victim = NEXT.fetch_add(1, Ordering::Relaxed);
        let form = format!("email_address=victim{victim}%2Bclerk_test@example.com&strategy=email_code");
        let made = post(&mut stream, "/v1/client/sign_ups", "", &form).await.map_err(io::Error::other)?;
        let id =
            made.0.split("\"id\":\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default().to_owned();
        for guess in 0..50 {
            let form = format!("strategy=email_code&code={guess:06}");
            let path = format!("/v1/client/sign_ups/{id}/attempt_verification");
            drop(post(&mut stream, &path, &made.1, &form).await);
        }
        Ok(())
    }

    async fn talk_nonsense(&self) -> io::Result<()> {
        let large = format!("GET / HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n", "a".repeat(40_000));
        let nonsense: [&[u8]; 5] = [
            &[0xFF; 512],
            large.as_bytes(),
            b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
            b"POST /v1/client HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
            b"POST /v1/client/sign_ups?_is_native=1 HTTP/1.1\r\nhost: localhost\r\ncontent-length: 3\r\n\r\n{[}",
        ];
        for bytes in nonsense {
            let mut stream = self.connect().await?;
            drop(stream.write_all(bytes).await);
            drop(timeout(Duration::from_millis(200), stream.read(&mut [0; 1024])).await);
        }
        Ok(())
    }
}

/// Sends a form in native mode over an open connection; returns the body and the client token in the answer.
async fn post(stream: &mut TcpStream, path: &str, token: &str, form: &str) -> Result<(String, String), String> {
    let request = format!(
        "POST {path}?_is_native=1 HTTP/1.1\r\nhost: localhost\r\nauthorization: {token}\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
        form.len()
    );
    stream.write_all(request.as_bytes()).await.map_err(|error| format!("{path}: {error}"))?;
    let (mut bytes, mut part) = (Vec::new(), [0; 8192]);
    loop {
        if let Some(at) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..at]).into_owned();
            let field = |name: &str| {
                head.lines().find_map(|line| Some(line.split_once(": ")?).filter(|(n, _)| n.eq_ignore_ascii_case(name)))
            };
            let length: usize = field("content-length").and_then(|(_, n)| n.parse().ok()).ok_or("no length")?;
            if bytes.len() >= at + 4 + length {
                let body = String::from_utf8_lossy(&bytes[at + 4..]).into_owned();
                let token = field("authorization").map_or(token, |(_, token)| token).to_owned();
                return if head.starts_with("HTTP/1.1 200") {
                    Ok((body, token))
                } else {
                    Err(format!("{head}\n{body}"))
                };
            }
        }
        match stream.read(&mut part).await {
            Ok(0) => return Err(format!("{path}: cut off")),
            Ok(read) => bytes.extend_from_slice(&part[..read]),
            Err(error) => return Err(format!("{path}: {error}")),
        }
    }
}

fn number_of(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

static NEXT: AtomicU32 = AtomicU32::new(0);
