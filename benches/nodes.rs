//! Complete sign-ups by code over HTTP on one, two and three processes over one PostgreSQL, beside one process over the store on
//! the disk: how many a second, how long each takes, and the processor time of the database for each, beside that of as many rows
//! which a loop in the database writes. All run on this machine, with the load; the processor time says more than the rate.
//!
//! `VESTIBULE_NODES_SECONDS` (5), `VESTIBULE_NODES_CALLERS` (64 at each node) and `VESTIBULE_NODES_ROUNDS` (3) bound it. The
//! addresses are those of the test mode, which get no message. After `npm ci` in `benches/better_auth` that is measured, too: on
//! the same PostgreSQL, by the same callers.

#![allow(clippy::disallowed_methods, reason = "a bench measures real time")]

#[allow(dead_code, reason = "tests use the rest")]
#[path = "../tests/it/nodes/database.rs"]
mod database;
mod support;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::http::{connect, exchange};
use tempfile::TempDir;
use tokio::net::TcpStream;

use database::Database;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let Some(database) = Database::start(&["shared_buffers=256MB"]) else {
        return println!("nodes: there is no PostgreSQL here");
    };
    let url = database.url();
    let shared = |nodes: usize| format!("kind = \"postgres\"\nurl = \"{url}\"\nprefix = \"of_{nodes}\"\n");
    let sites: Vec<Site> = (1..=NODES_MAX).map(|nodes| Site::start(nodes, &shared(nodes))).collect();
    let alone = Site::start(1, "kind = \"sled\"\n");
    let peer = Peer::start(&database);
    let mut of_peer = Figures::default();
    let mut figures: Vec<Figures> = (0..=NODES_MAX).map(|_| Figures::default()).collect();
    for _ in 0..of_environment("ROUNDS", 3) {
        runtime.block_on(alone.measure(None, &mut figures[0]));
        for (index, site) in sites.iter().enumerate() {
            runtime.block_on(site.measure(Some(&database), &mut figures[index + 1]));
        }
        if let Some(peer) = &peer {
            runtime.block_on(peer.measure(&database, &mut of_peer));
        }
    }
    let baseline = support::median(figures[0].rates.clone());
    let rows = of_rows(&database);
    for (nodes, figures) in figures.iter_mut().enumerate().rev() {
        figures.print(nodes, baseline, rows);
    }
    if peer.is_some() {
        let (one, theirs) = (support::median(figures[1].rates.clone()), support::median(of_peer.rates.clone()));
        support::compare("one node, PostgreSQL", one, "better-auth", theirs, 5.0);
        of_peer.print_times("better-auth, PostgreSQL", Some(rows));
    }
}

/// What was measured in all rounds at one site.
#[derive(Default)]
struct Figures {
    rates: Vec<f64>,
    took: Vec<Duration>,
    asked: Vec<Duration>,
    done: usize,
    of_database: Duration,
    of_nodes: Duration,
}

impl Figures {
    /// `rows` is the processor time that the rows of a sign-up take alone.
    fn print(&mut self, nodes: usize, baseline: f64, rows: Duration) {
        let name = match nodes {
            0 => "one process, on the disk".to_owned(),
            1 => "one node, PostgreSQL".to_owned(),
            _ => format!("{nodes} nodes, PostgreSQL"),
        };
        support::compare(&name, support::median(self.rates.clone()), "on the disk", baseline, 1.0);
        self.print_times(&name, (nodes > 0).then_some(rows));
    }

    /// One round: callers at these ports who sign up one address after the other.
    async fn measure(
        &mut self,
        ports: &[u16],
        database: Option<&Database>,
        of_nodes: impl Fn() -> Duration,
        flow: Flow,
    ) {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let burst = Duration::from_secs(of_environment("SECONDS", 5) as u64);
        let of_database = || {
            database
                .map(|database| cpu_time_of_database(database.socket().parent().expect("a folder")))
                .unwrap_or_default()
        };
        let before = (of_database(), of_nodes());
        let began = Instant::now();
        let callers = (0..of_environment("CALLERS", 64) * ports.len()).map(|caller| {
            let port = ports[caller % ports.len()];
            tokio::spawn(async move {
                let mut person = Person::at(port).await;
                let mut took = Vec::new();
                while began.elapsed() < burst {
                    let since = Instant::now();
                    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
                    match flow {
                        Flow::SignUp => person.sign_up(number).await,
                        Flow::OfPeer => person.sign_up_at_peer(number).await,
                    }
                    took.push(since.elapsed());
                }
                (took, person.asked)
            })
        });
        let mut done = 0;
        for caller in callers.collect::<Vec<_>>() {
            let (took, asked) = caller.await.expect("a caller");
            done += took.len();
            self.took.extend(took);
            self.asked.extend(asked);
        }
        self.rates.push(support::rate(done, began.elapsed()));
        self.done += done;
        self.of_database += of_database().saturating_sub(before.0);
        self.of_nodes += of_nodes().saturating_sub(before.1);
    }

    fn print_times(&mut self, name: &str, rows: Option<Duration>) {
        support::percentiles(&format!("{name}: a sign-up"), &mut self.took);
        support::percentiles(&format!("{name}: a request"), &mut self.asked);
        let of_each = |time: Duration| time.as_secs_f64() * 1e6 / self.done.max(1) as f64;
        let (database, own) = (of_each(self.of_database), of_each(self.of_nodes));
        println!("{name:<44} processor time of a sign-up: database {database:.0} µs, nodes {own:.0} µs");
        if let Some(rows) = rows.map(|rows| rows.as_secs_f64() * 1e6) {
            println!("{name:<44} rows alone {rows:.0} µs, ratio {:.2}", database / rows);
        }
    }
}

/// What a caller does again and again.
#[derive(Clone, Copy)]
enum Flow {
    SignUp,
    OfPeer,
}

/// better-auth, with a process for each of two cores. It ends when dropped: its workers, when their parent has.
struct Peer {
    process: Child,
    port: u16,
}

impl Peer {
    /// Starts it where it is installed.
    fn start(database: &Database) -> Option<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/better_auth");
        if !folder.join("node_modules").exists() {
            println!("better-auth is not measured: `npm ci` in benches/better_auth installs it");
            return None;
        }
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = free.local_addr().expect("an address").port();
        drop(free);
        let mut command = Command::new("node");
        command.arg(folder.join("server.mjs")).arg(port.to_string());
        command.arg(database.socket().parent().expect("a folder")).arg("2");
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("Node runs");
        let output = process.stdout.take().expect("a pipe");
        let peer = Self { process, port };
        let line = BufReader::new(output).lines().next().and_then(Result::ok);
        assert_eq!(line.as_deref(), Some("ready"), "better-auth does not start");
        Some(peer)
    }

    /// One round.
    async fn measure(&self, database: &Database, figures: &mut Figures) {
        let of_nodes = || cpu_time_of_children(&self.process.id().to_string());
        figures.measure(&[self.port], Some(database), of_nodes, Flow::OfPeer).await;
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if self.process.kill().is_ok() {
            drop(self.process.wait());
        }
    }
}

/// Some processes over one store.
struct Site {
    nodes: Vec<Node>,
    _folder: TempDir,
}

/// A process of the binary. It ends when dropped.
struct Node {
    process: Child,
    port: u16,
}

impl Site {
    fn start(nodes: usize, store: &str) -> Self {
        let folder = TempDir::new().expect("a folder");
        let key = folder.path().join("instance.key");
        let config = format!(
            "[instance]\nkey_file = {key:?}\n[settings]\nfile = \"email_code\"\n[verification]\ntest_mode = true\n\
             resend_cooldown_s = 0\n[limits]\nsource = false\naddress = false\n[telemetry]\nrequests = \"off\"\n\
             [store]\n{store}"
        );
        // The first one makes the key.
        let nodes = (0..nodes).map(|index| Node::start(&folder.path().join(index.to_string()), &config));
        Self { nodes: nodes.collect(), _folder: folder }
    }

    /// One round.
    async fn measure(&self, database: Option<&Database>, figures: &mut Figures) {
        let ports: Vec<u16> = self.nodes.iter().map(|node| node.port).collect();
        let of_nodes = || self.nodes.iter().map(|node| cpu_time_of(node.process.id())).sum::<Duration>();
        figures.measure(&ports, database, of_nodes, Flow::SignUp).await;
    }
}

impl Node {
    /// Starts a process with its data in `folder`, and waits until it listens.
    fn start(folder: &Path, config: &str) -> Self {
        std::fs::create_dir(folder).expect("a folder");
        let (file, log) = (folder.join("vestibule.toml"), folder.join("log"));
        std::fs::write(&file, config).expect("a file");
        let output = std::fs::File::create(&log).expect("a log");
        let mut command = Command::new(env!("CARGO_BIN_EXE_vestibule"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--config"]).arg(file).arg("--data").arg(folder.join("data"));
        command.stdin(Stdio::null()).stdout(output.try_clone().expect("a log")).stderr(output);
        let mut node = Self { process: command.spawn().expect("a process"), port: 0 };
        while node.port == 0 {
            let text = std::fs::read_to_string(&log).unwrap_or_default();
            assert!(node.process.try_wait().expect("a process").is_none(), "it ended at its start: {text}");
            node.port = text.lines().find_map(port_in).unwrap_or_default();
            std::thread::sleep(Duration::from_millis(20));
        }
        node
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if self.process.kill().is_ok() {
            drop(self.process.wait());
        }
    }
}

/// The port in the banner.
fn port_in(line: &str) -> Option<u16> {
    let (_, rest) = line.strip_prefix("  ")?.split_once("http://localhost:")?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// Somebody with a kept connection, who signs up again and again under another address.
struct Person {
    stream: TcpStream,
    port: u16,
    buffer: Vec<u8>,
    asked: Vec<Duration>,
}

impl Person {
    async fn at(port: u16) -> Self {
        Self { stream: connect(port).await, port, buffer: Vec::new(), asked: Vec::new() }
    }

    async fn sign_up(&mut self, number: usize) {
        let form = format!("email_address=ada{number}%2Bclerk_test%40example.com");
        let (made, token) = self.post("/v1/client/sign_ups", "", &form).await;
        let id = made["response"]["id"].as_str().expect("an id").to_owned();
        let path = format!("/v1/client/sign_ups/{id}");
        self.post(&format!("{path}/prepare_verification"), &token, "strategy=email_code").await;
        let form = "strategy=email_code&code=424242";
        let (done, _) = self.post(&format!("{path}/attempt_verification"), &token, form).await;
        assert_eq!(done["response"]["status"], "complete", "{done}");
    }

    /// The same at better-auth: a code is sent, and with it the user is made and signed in.
    async fn sign_up_at_peer(&mut self, number: usize) {
        let email = format!("ada{number}@example.com");
        self.post_json("email-otp/send-verification-otp", &json!({ "email": email, "type": "sign-in" })).await;
        let done = self.post_json("sign-in/email-otp", &json!({ "email": email, "otp": "424242" })).await;
        assert_eq!(done["user"]["email"], email, "{done}");
    }

    async fn post_json(&mut self, path: &str, body: &Value) -> Value {
        let body = body.to_string();
        let request = format!(
            "POST /api/auth/{path} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            self.port,
            body.len()
        );
        let since = Instant::now();
        let (head, body) = exchange(&mut self.stream, request.as_bytes(), &mut self.buffer).await;
        self.asked.push(since.elapsed());
        assert!(head.starts_with("HTTP/1.1 200"), "{head} {}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).expect("JSON")
    }

    /// The answer, and the token in it.
    async fn post(&mut self, path: &str, token: &str, form: &str) -> (Value, String) {
        let request = format!(
            "POST {path}?_is_native=1 HTTP/1.1\r\nhost: localhost:{}\r\nauthorization: {token}\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
            self.port,
            form.len()
        );
        let since = Instant::now();
        let (head, body) = exchange(&mut self.stream, request.as_bytes(), &mut self.buffer).await;
        self.asked.push(since.elapsed());
        assert!(head.starts_with("HTTP/1.1 200"), "{head} {}", String::from_utf8_lossy(&body));
        let token = head.lines().find_map(|line| line.strip_prefix("authorization: ")).unwrap_or_default();
        (serde_json::from_slice(&body).expect("JSON"), token.to_owned())
    }
}

/// The processor time of the database for as many rows as a sign-up has, where a loop in the database writes those of 64
/// sign-ups in each transaction: 16 that are added, 6 of which are removed again.
fn of_rows(database: &Database) -> Duration {
    database.sql("CREATE TABLE bare (key bytea PRIMARY KEY, stamp bigint, value bytea) WITH (fillfactor = 80)");
    let folder = database.socket();
    let folder = folder.parent().expect("a folder");
    let before = cpu_time_of_database(folder);
    database.sql(&format!(
        "DO $$ BEGIN FOR batch IN 1..{ROW_BATCHES} LOOP \
           INSERT INTO bare SELECT decode(md5(batch || '/' || n), 'hex'), batch, decode(repeat('5a', 350), 'hex') \
             FROM generate_series(1, 64 * 16) AS n; \
           DELETE FROM bare WHERE key = ANY (ARRAY(SELECT decode(md5(batch || '/' || n), 'hex') \
             FROM generate_series(1, 64 * 6) AS n)); \
           COMMIT; \
         END LOOP; END $$"
    ));
    (cpu_time_of_database(folder) - before) / (64 * ROW_BATCHES)
}

/// The processor time of the server in `folder`.
fn cpu_time_of_database(folder: &Path) -> Duration {
    let file = std::fs::read_to_string(folder.join("data/postmaster.pid")).expect("the server runs");
    let first = file.lines().next().expect("a process id");
    // The first two figures are its own, the others those of its children that have ended.
    let ended: u64 = times_of(first).map_or(0, |(_, times)| times.iter().sum());
    Duration::from_millis(ended * MS_PER_TICK) + cpu_time_of_children(first)
}

/// The processor time of the running children of a process.
fn cpu_time_of_children(parent: &str) -> Duration {
    let processes = std::fs::read_dir("/proc").expect("the benches run on Linux");
    let names = processes.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let of_children = names.filter_map(|name| times_of(&name)).filter(|(of, _)| of == parent);
    let running: u64 = of_children.map(|(_, times)| times[0] + times[1]).sum();
    Duration::from_millis(running * MS_PER_TICK)
}

/// The parent of a process, and its four figures of time: its own and those of its children that have ended, each the user's
/// and the system's.
fn times_of(process: &str) -> Option<(String, [u64; 4])> {
    process.parse::<u32>().ok()?;
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let figure = |index: usize| fields.get(index)?.parse().ok();
    Some(((*fields.get(1)?).to_owned(), [figure(11)?, figure(12)?, figure(13)?, figure(14)?]))
}

/// The processor time that a process has used.
fn cpu_time_of(process: u32) -> Duration {
    let times = times_of(&process.to_string()).map_or(0, |(_, times)| times[0] + times[1]);
    Duration::from_millis(times * MS_PER_TICK)
}

/// A bound from the environment.
fn of_environment(name: &str, otherwise: usize) -> usize {
    let text = std::env::var(format!("VESTIBULE_NODES_{name}")).ok();
    text.and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

const NODES_MAX: usize = 3;
/// How many transactions of rows are measured.
const ROW_BATCHES: u32 = 100;
/// Linux counts the time of processes in hundredths of a second, whatever the kernel's own tick is.
const MS_PER_TICK: u64 = 10;
