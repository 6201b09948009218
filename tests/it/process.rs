//! The binary from an operator's view: started, used over HTTP, killed, restarted.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use vestibule::domain::event::Happened;
use vestibule::store::{Direction, EmbeddedOptions, EmbeddedStore, Sealing, Store, UserList, UserOrder};
use vestibule::token::InstanceKey;

use crate::support::binary::Binary;
use crate::support::endpoint::{Answer, Endpoint};
use crate::support::server::Server;

const CONFIG: &str = r#"
[settings]
file = "email_code"
[verification]
test_mode = true
[limits]
source = false
address = false
"#;

#[test]
fn everything_acknowledged_survives_kill_9_under_load() {
    const ROUNDS: u64 = 20;
    const WORKERS: usize = 6;
    let folder = TempDir::new().expect("a folder");
    let start = || Binary::start(folder.path(), CONFIG);
    let number = AtomicUsize::new(0);
    let (mut acknowledged, mut completed) = (0, Vec::new());
    for round in 0..ROUNDS {
        let server = start();
        let stop = AtomicBool::new(false);
        let records: Vec<Record> = thread::scope(|scope| {
            let work = || worker(&server, &number, &stop);
            let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(work)).collect();
            thread::sleep(Duration::from_millis(100 + round * 37 % 400));
            // Requests in flight are cut off; the flag only keeps workers from starting new ones.
            server.kill_in_place();
            stop.store(true, Ordering::Relaxed);
            workers.into_iter().flat_map(|w| w.join().expect("a worker")).collect()
        });
        drop(server);
        let server = start();
        for record in &records {
            record.check(&server);
            acknowledged += record.acknowledged;
        }
        completed.extend(records.into_iter().filter_map(|r| r.user.map(|_| r.email)));
        assert_eq!(server.terminate(), Some(0));
    }
    let server = start();
    for email in completed.iter().step_by(7) {
        let again =
            server.native("POST", "/v1/client/sign_ups", "", &format!("email_address={email}")).expect("an answer");
        assert_eq!((again.status, again.error_codes()), (422, vec!["form_identifier_exists".to_owned()]), "{email}");
    }
    assert_eq!(server.terminate(), Some(0));
    each_user_was_created_once_by_the_events(&folder.path().join("data"));
    assert!(acknowledged > 200 && completed.len() > 20, "{acknowledged} writes, {} users", completed.len());
    eprintln!("{acknowledged} acknowledged writes and {} users over {ROUNDS} kills, none lost", completed.len());
}

/// The log of events over all these lives: each user that exists was created once, and no other was.
fn each_user_was_created_once_by_the_events(data: &Path) {
    let key = InstanceKey::load_or_create(&data.join("instance.key")).expect("the key");
    let sealing = Some(Sealing { key: key.store_key(), seal: true });
    let options = EmbeddedOptions { sealing, ..EmbeddedOptions::default() };
    let store = EmbeddedStore::open_with(data, &options).expect("the data");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let events = store.events(None, usize::MAX).await.expect("the log").events;
        let created = events.iter().filter_map(|event| match event.what {
            Happened::UserCreated { id, .. } => Some(id),
            _ => None,
        });
        let mut created: Vec<_> = created.collect();
        created.sort_unstable();
        let list = UserList { order: UserOrder::Created, direction: Direction::Ascending, after: None };
        let users = store.user_places(list, usize::MAX).await.expect("the users");
        let mut users: Vec<_> = users.into_iter().map(|(_, id)| id).collect();
        users.sort_unstable();
        assert_eq!(created, users);
        assert!(events.is_sorted_by(|left, right| left.position < right.position));
        store.close().await;
    });
}

/// What one sign-up was told before the crash.
#[derive(Default)]
struct Record {
    email: String,
    id: String,
    token: String,
    prepared: bool,
    attempts: u64,
    user: Option<String>,
    acknowledged: usize,
}

fn worker(server: &Endpoint, number: &AtomicUsize, stop: &AtomicBool) -> Vec<Record> {
    let mut records = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let n = number.fetch_add(1, Ordering::Relaxed);
        let mut record = Record { email: format!("ada{n}%2Bclerk_test@example.com"), ..Record::default() };
        let cut = record.sign_up(server).is_err();
        if !record.id.is_empty() {
            records.push(record);
        }
        if cut {
            break;
        }
    }
    records
}

impl Record {
    /// One sign-up with a wrong try in between; records each acknowledgement.
    fn sign_up(&mut self, server: &Endpoint) -> std::io::Result<()> {
        let made = server.native("POST", "/v1/client/sign_ups", "", &format!("email_address={}", self.email))?;
        assert_eq!(made.status, 200, "{}", made.body);
        self.id = made.json()["response"]["id"].as_str().expect("an id").to_owned();
        self.token = made.header("authorization").expect("a token").to_owned();
        self.acknowledged += 1;
        let prepared = self.post(server, "prepare_verification", "strategy=email_code")?;
        assert_eq!(prepared.status, 200, "{}", prepared.body);
        self.prepared = true;
        self.acknowledged += 1;
        let wrong = self.attempt(server, "111111")?;
        assert_eq!(wrong.error_codes(), ["form_code_incorrect"]);
        self.attempts = 1;
        self.acknowledged += 1;
        let right = self.attempt(server, "424242")?;
        assert_eq!(right.status, 200, "{}", right.body);
        self.user = right.json()["response"]["created_user_id"].as_str().map(str::to_owned);
        assert!(self.user.is_some(), "{}", right.body);
        self.token = right.header("authorization").expect("a new token").to_owned();
        self.acknowledged += 1;
        Ok(())
    }

    /// After the crash at least everything acknowledged is there. Requests in flight may have succeeded too.
    fn check(&self, server: &Endpoint) {
        let path = format!("/v1/client/sign_ups/{}", self.id);
        let read = server.native("GET", &path, &self.token, "").expect("an answer");
        if matches!(read.status, 400 | 404) && self.user.is_none() {
            // The sign-up was completed but the answer was lost: the same code with the same token returns it again.
            let again = self.attempt(server, "424242").expect("an answer");
            assert_eq!(again.json()["response"]["status"], "complete", "{}", again.body);
            return;
        }
        assert_eq!(read.status, 200, "{} is lost: {}", self.id, read.body);
        let sign_up: Value = read.json()["response"].clone();
        if let Some(user) = &self.user {
            assert_eq!(sign_up["created_user_id"].as_str(), Some(user.as_str()));
            let me = server.native("GET", "/v1/me", &self.token, "").expect("an answer");
            assert_eq!(me.json()["response"]["id"].as_str(), Some(user.as_str()), "{}", me.body);
            return;
        }
        let verification = &sign_up["verifications"]["email_address"];
        assert!(!self.prepared || verification["status"] == "unverified", "{sign_up}");
        assert!(verification["attempts"].as_u64().unwrap_or(0) >= self.attempts, "{sign_up}");
    }

    fn attempt(&self, server: &Endpoint, code: &str) -> std::io::Result<Answer> {
        self.post(server, "attempt_verification", &format!("strategy=email_code&code={code}"))
    }

    fn post(&self, server: &Endpoint, verb: &str, form: &str) -> std::io::Result<Answer> {
        server.native("POST", &format!("/v1/client/sign_ups/{}/{verb}", self.id), &self.token, form)
    }
}

#[test]
fn every_refusal_is_the_contracts_envelope() {
    let folder = TempDir::new().expect("a folder");
    let server = Server::start(folder.path(), CONFIG);
    let form = ("content-type", "application/x-www-form-urlencoded");
    let native = "?_is_native=1";
    let own = format!("http://localhost:{}", server.port);
    let cases = [
        ("GET", "/nowhere".to_owned(), Vec::<(&str, &str)>::new(), String::new(), 404, "resource_not_found"),
        ("GET", format!("/v1/client/sign_ups/sua_x{native}"), vec![], String::new(), 404, "resource_not_found"),
        ("GET", format!("/v1/client/sign_ups/%2e%2e%2fetc{native}"), vec![], String::new(), 404, "resource_not_found"),
        ("PUT", format!("/v1/client/sign_ups{native}"), vec![form], String::new(), 405, "method_not_allowed"),
        ("POST", "/v1/client/sign_ups".into(), vec![form], String::new(), 400, "origin_missing"),
        (
            "POST",
            "/v1/client/sign_ups".into(),
            vec![form, ("origin", "https://evil.example")],
            String::new(),
            400,
            "origin_invalid",
        ),
        (
            "POST",
            "/v1/client/sign_ups".into(),
            vec![("origin", &own), ("content-type", "application/json")],
            "{}".into(),
            415,
            "unsupported_content_type",
        ),
        (
            "POST",
            format!("/v1/client/sign_ups{native}"),
            vec![form, ("origin", &own)],
            String::new(),
            400,
            "origin_authorization_headers_conflict",
        ),
        (
            "POST",
            format!("/v1/client/sign_ups{native}"),
            vec![form],
            "email_address=nonsense".into(),
            422,
            "form_param_format_invalid",
        ),
        (
            "POST",
            format!("/v1/client/sign_ups{native}"),
            vec![form],
            "email_address=a@b.example&email_address=c@d.example".into(),
            422,
            "form_param_duplicate",
        ),
        (
            "POST",
            format!("/v1/client/sign_ups{native}"),
            vec![form],
            format!("locale={}", "x".repeat(70_000)),
            413,
            "request_body_too_large",
        ),
        (
            "POST",
            format!("/v1/client/sign_ups{native}"),
            vec![form],
            "strategy=carrier_pigeon".into(),
            422,
            "form_param_value_invalid",
        ),
    ];
    for (method, path, headers, body, status, code) in cases {
        let answer = server.request(method, &path, &headers, &body).expect("an answer");
        assert_eq!(answer.error_codes(), [code], "{method} {path}");
        assert_eq!(answer.status, status, "{method} {path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert!(answer.header("access-control-allow-origin") != Some("*"));
    }
    assert_eq!(server.request("GET", "/health/live", &[], "").expect("an answer").status, 200);
}

#[test]
fn an_absurd_advance_of_the_clock_is_refused_and_moves_nothing() {
    let folder = TempDir::new().expect("a folder");
    let server = Server::start(folder.path(), CONFIG);
    let advance = |ms: u64| {
        let body = format!("{{\"advance_ms\":{ms}}}");
        server.request("POST", "/dev/clock", &[("content-type", "application/json")], &body).expect("an answer")
    };
    let day = 86_400_000;
    let before = advance(day).json()["now"].as_u64().expect("a time");
    for absurd in [u64::MAX, u64::MAX - day, 200 * 366 * day] {
        let refused = advance(absurd);
        assert_eq!((refused.status, refused.error_codes()), (422, vec!["form_param_value_invalid".to_owned()]));
        assert_eq!(refused.json()["errors"][0]["meta"]["param_name"], "advance_ms");
    }
    let now = server.request("GET", "/dev/clock", &[], "").expect("an answer").json()["now"].as_u64().expect("a time");
    assert!((before..before + day).contains(&now), "{before} {now}");
}

#[test]
fn a_second_process_on_the_same_data_is_refused_in_one_sentence() {
    let folder = TempDir::new().expect("a folder");
    let _server = Server::start(folder.path(), CONFIG);
    let second = run(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
    assert!(!second.0);
    assert!(second.1.contains("another process holds"), "{}", second.1);
}

#[test]
fn a_production_instance_needs_a_transport_and_has_no_dev_routes() {
    let folder = TempDir::new().expect("a folder");
    std::fs::write(folder.path().join("vestibule.toml"), "[instance]\nmode = \"production\"\n").expect("a file");
    let refused = run(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
    assert!(!refused.0);
    assert!(refused.1.contains("email.transport"), "{}", refused.1);
    let config = "[instance]\nmode = \"production\"\n[server]\npublic_url = \"https://clerk.example.com\"\n\
                  [email]\ntransport = \"smtp\"\nhost = \"127.0.0.1\"\nport = 1\nsecurity = \"none\"\nfrom = \"a@example.com\"\n";
    let server = Server::start(folder.path(), config);
    for path in ["/dev/outbox", "/dev/settings", "/dev/clock", "/dev/mailbox", "/"] {
        assert_eq!(server.request("GET", path, &[], "").expect("an answer").status, 404, "{path}");
    }
}

#[test]
fn an_unknown_key_is_named() {
    let folder = TempDir::new().expect("a folder");
    std::fs::write(folder.path().join("vestibule.toml"), "[server]\nlisten_on = \"x\"\n").expect("a file");
    let (succeeded, output) = run(folder.path(), &["check"]);
    assert!(!succeeded && output.contains("listen_on"), "{output}");
}

/// Runs the binary with a folder's config and data until it ends; returns success and output.
fn run(folder: &Path, arguments: &[&str]) -> (bool, String) {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_vestibule"));
    command.args(arguments).arg("--config").arg(folder.join("vestibule.toml")).arg("--data").arg(folder.join("data"));
    let output = command.output().expect("the binary runs");
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}
