//! The binary's command line, from outside.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Output};
use std::thread;

#[test]
fn help_lists_what_is_built_and_nothing_else() {
    let help = text(&vestibule(&["--help"]).stdout);
    let commands: Vec<_> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(commands, ["serve", "check", "healthcheck", "load"]);
    for flag in ["--config", "--listen", "--data"] {
        assert!(help.contains(flag), "{help}");
    }
}

#[test]
fn check_prints_what_is_in_force() {
    let output = vestibule(&["check", "--listen", "127.0.0.1:9999", "--data", "/srv/vestibule"]);
    assert!(output.status.success(), "{output:?}");
    let printed = text(&output.stdout);
    assert!(printed.contains("listen = \"127.0.0.1:9999\""), "{printed}");
    assert!(printed.contains("key_file = \"/srv/vestibule/instance.key\""), "{printed}");
}

#[test]
fn check_says_what_is_wrong() {
    let output = Command::new(BINARY)
        .arg("check")
        .env("VESTIBULE_INSTANCE__MODE", "production")
        .output()
        .expect("the binary runs");
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    assert!(text(&output.stderr).contains("vestibule: `email.transport` is"), "{output:?}");
}

#[test]
fn an_unreadable_log_filter_is_told_at_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = Command::new(BINARY)
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(folder.path())
        .env("RUST_LOG", "vestibule=loud")
        .output()
        .expect("the binary runs");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("vestibule: `RUST_LOG` can't be read: "), "{output:?}");
}

#[test]
fn healthcheck_is_the_servers_word() {
    for (status, code) in [("200 OK", 0), ("503 Service Unavailable", 1)] {
        let server = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = server.local_addr().expect("an address").to_string();
        let answering = thread::spawn(move || {
            let (mut stream, _) = server.accept().expect("a connection");
            let mut request = [0; 512];
            let read = stream.read(&mut request).expect("a request");
            stream.write_all(format!("HTTP/1.0 {status}\r\n\r\n").as_bytes()).expect("an answer");
            text(&request[..read])
        });
        let output = vestibule(&["healthcheck", "--listen", &address]);
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        assert!(answering.join().expect("an answer").starts_with("GET /health/ready HTTP/1.0\r\n"));
    }
}

#[test]
fn healthcheck_of_nobody_fails() {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").to_string();
    let output = vestibule(&["healthcheck", "--listen", &free]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("is not ready"), "{output:?}");
}

fn vestibule(arguments: &[&str]) -> Output {
    Command::new(BINARY).args(arguments).output().expect("the binary runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

const BINARY: &str = env!("CARGO_BIN_EXE_vestibule");
