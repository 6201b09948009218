//! The mailbox of a development instance: what was sent, live, searchable, and after a restart.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::backend::{SECRET_KEY, backend};
use crate::support::binary::Binary;
use crate::support::endpoint::Endpoint;

const CONFIG: &str = r#"
[instance]
name = "Acme"
home_url = "https://acme.example"
[settings]
file = "email_code"
[limits]
source = false
"#;

#[test]
fn messages_are_there_after_a_crash_until_they_are_cleared() {
    let folder = TempDir::new().expect("a folder");
    let config = CONFIG.replace("[instance]", &format!("[instance]\nsecret_key = \"{SECRET_KEY}\""));
    let server = Binary::start(folder.path(), &config);
    let origin = begin(&server, "ada@example.com", "locale=de-AT");
    let message = awaited(&server, "ada@example.com");
    assert_eq!((&message["origin"], &message["locale"], &message["has_html"]), (&origin, &"de".into(), &true.into()));
    assert_eq!(message["template"], "verification_code");
    let file = folder.path().join("data/mailbox");
    // A process that is killed before it noted the sending sends again, and one that is killed at once has no file.
    until(|| is_noted_as_sent(&server, &origin) && fs::metadata(&file).is_ok_and(|file| file.len() > 0));
    server.kill_in_place();
    drop(server);

    let kept = fs::read(&file).expect("a file");
    assert!(!String::from_utf8_lossy(&kept).contains("ada@example.com"), "it is sealed");
    assert_eq!(fs::metadata(&file).expect("a file").permissions().mode() & 0o777, 0o600);

    let server = Binary::start(folder.path(), &config);
    assert_eq!(listed(&server, "to=ada@example.com"), std::slice::from_ref(&message));
    let sign_up = get(&server, &format!("/dev/sign_ups/{}", message["origin"].as_str().expect("an id"))).json();
    assert_eq!(sign_up["email_address"], "ada@example.com");
    let cleared = server.request("DELETE", "/dev/outbox", &[], "").expect("an answer");
    assert_eq!((cleared.status, listed(&server, "")), (200, vec![]));
    assert_eq!(server.terminate(), Some(0));
    let server = Binary::start(folder.path(), &config);
    assert_eq!(listed(&server, ""), Vec::<Value>::new());
}

#[test]
fn a_message_is_found_by_words_and_shown_as_it_was_sent() {
    let folder = TempDir::new().expect("a folder");
    let server = Binary::start(folder.path(), CONFIG);
    begin(&server, "ada@example.com", "locale=ar");
    begin(&server, "eve@example.com", "");
    let (ada, eve) = (awaited(&server, "ada@example.com"), awaited(&server, "eve@example.com"));
    let both = format!("to=eve@example.com&query={}", eve["origin"].as_str().expect("an id"));
    for (query, found) in [
        ("to=ADA@example.com&query=nobody", vec![]),
        ("to=eve@example.com&query=VERIFICATION+eve@", vec![&eve]),
        (&both, vec![&eve]),
        (&both.replace("eve@", "ada@"), vec![]),
        ("query=EVE+verification", vec![&eve]),
        ("query=nobody", vec![]),
        (&format!("query={}", ada["origin"].as_str().expect("an id")), vec![&ada]),
        (&format!("query={}", eve["code"].as_str().expect("a code")), vec![&eve]),
    ] {
        assert_eq!(listed(&server, query).iter().collect::<Vec<_>>(), found, "{query}");
    }
    let path = format!("/dev/outbox/{}", ada["id"].as_str().expect("an id"));
    let sent = get(&server, &path).json();
    assert_eq!((&sent["id"], &sent["display_to"]), (&ada["id"], &"ada@example.com".into()));
    let html = get(&server, &format!("{path}/html"));
    let policy = html.header("content-security-policy").expect("a policy");
    assert!(policy.starts_with("default-src 'none'") && policy.contains("; sandbox "), "{policy}");
    assert!(
        html.body.contains("dir=\"rtl\"") && html.body.contains(ada["code"].as_str().expect("a code")),
        "{}",
        html.body
    );
    let source = get(&server, &format!("{path}/source"));
    assert_eq!(source.header("content-type"), Some("text/plain; charset=utf-8"));
    for line in
        ["From: Acme <no-reply@localhost>", "Auto-Submitted: auto-generated", "Content-Type: multipart/alternative"]
    {
        assert!(source.body.contains(line), "{}", source.body);
    }
    for path in ["/dev/outbox/msg_0", "/dev/outbox/msg_000000000000000000000000007", "/dev/outbox/nothing"] {
        assert_eq!(get(&server, path).status, 404, "{path}");
    }
}

#[test]
fn news_come_at_once_and_hold_up_no_stop() {
    let folder = TempDir::new().expect("a folder");
    let server = Binary::start(folder.path(), CONFIG);
    let first = get(&server, "/dev/outbox/events");
    assert_eq!(first.header("content-type"), Some("text/event-stream"));
    let id = first.body.lines().find_map(|line| line.strip_prefix("id: ")).expect("an id").to_owned();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| server.request("GET", "/dev/outbox/events", &[("last-event-id", &id)], ""));
        begin(&server, "ada@example.com", "");
        let news = waiting.join().expect("no panic").expect("an answer");
        let seen = news.body.lines().find_map(|line| line.strip_prefix("id: ")).expect("an id").to_owned();
        assert_ne!(seen, id);
        let (waits, known) = (&server, seen.clone());
        let last = scope.spawn(move || waits.request("GET", "/dev/outbox/events", &[("last-event-id", &known)], ""));
        thread::sleep(Duration::from_millis(300));
        server.ask_to_end();
        // Only an answer that did not wait to its end names what was seen. A request that came too late has none.
        if let Ok(answer) = last.join().expect("no panic") {
            assert!(answer.body.contains(&format!("id: {seen}\n")), "{}", answer.body);
        }
    });
}

#[test]
fn templates_of_an_operator_are_used_and_checked() {
    let folder = TempDir::new().expect("a folder");
    let templates = folder.path().join("templates");
    fs::create_dir(&templates).expect("a folder");
    let write = |name: &str, text: &str| fs::write(templates.join(name), text).expect("a file");
    write("verification_code.txt", "Hello!\n{{ text.intro }} {{ code }}\n");
    write("en.json", "{ \"verification_code.intro\": \"Type this at {{ application }}:\" }");
    let config = format!("{CONFIG}[email]\ntemplates = {:?}\n", templates.display().to_string());
    let server = Binary::start(folder.path(), &config);
    begin(&server, "ada@example.com", "");
    let message = awaited(&server, "ada@example.com");
    let code = message["code"].as_str().expect("a code");
    assert_eq!(message["text"], format!("Hello!\nType this at Acme: {code}\n"));
    assert_eq!(server.terminate(), Some(0));

    write("verification_code.txt", "Hello!\n{{ text.intro }} {{ cod }}\n");
    write("nl.json", "{ \"days\": \"dagen\" }");
    write("verification.html", "");
    assert_eq!(Binary::fail_to_start(folder.path(), &config), Some(1));
    fs::remove_file(templates.join("verification.html")).expect("a file");
    let told = checked(folder.path(), &config);
    assert!(told.contains("nl.json: `direction` is missing; a new language needs all texts"), "{told}");
    fs::remove_file(templates.join("nl.json")).expect("a file");
    let told = checked(folder.path(), &config);
    let expected =
        format!("{}:2: undefined value: `cod` is undefined", templates.join("verification_code.txt").display());
    assert!(told.contains(&expected), "{told}");
}

/// What `vestibule check` says of a configuration that it refuses.
fn checked(folder: &std::path::Path, config: &str) -> String {
    let file = folder.join("checked.toml");
    fs::write(&file, config).expect("a file");
    let mut command = Command::new(env!("CARGO_BIN_EXE_vestibule"));
    command.args(["check", "--listen", "127.0.0.1:0", "--config"]).arg(file).arg("--data").arg(folder.join("data"));
    let output = command.output().expect("it runs");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Somebody begins to sign up, and is sent a code. Returns the id of the sign-up.
fn begin(server: &Endpoint, address: &str, more: &str) -> Value {
    let form = format!("email_address={address}&strategy=email_code&{more}");
    let made = server.native("POST", "/v1/client/sign_ups", "", &form).expect("an answer");
    assert_eq!(made.status, 200, "{}", made.body);
    made.json()["response"]["id"].clone()
}

fn awaited(server: &Endpoint, address: &str) -> Value {
    let mut message = None;
    until(|| {
        message = listed(server, &format!("to={address}")).pop();
        message.is_some()
    });
    message.expect("a message")
}

/// Whether the ledger has the message of a sign-up as sent.
fn is_noted_as_sent(server: &Endpoint, origin: &Value) -> bool {
    let path = format!("/v1/messages?status=sent&origin={}", origin.as_str().expect("an id"));
    backend(server, "GET", &path, &Value::Null).json()["data"] != json!([])
}

fn until(mut is_reached: impl FnMut() -> bool) {
    for _ in 0..500 {
        if is_reached() {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("it was not reached");
}

fn listed(server: &Endpoint, query: &str) -> Vec<Value> {
    let answer = get(server, &format!("/dev/outbox?{query}"));
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["messages"].as_array().expect("a list").clone()
}

fn get(server: &Endpoint, path: &str) -> crate::support::endpoint::Answer {
    server.request("GET", path, &[], "").expect("an answer")
}
