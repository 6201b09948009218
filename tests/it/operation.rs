//! SIGHUP, the key file and the banner, from an operator's view.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::support::binary::{Binary, log_of};
use crate::support::require;
use crate::support::server::Server;

const CONFIG: &str = "[settings]\nfile = \"mine.toml\"\n";
const OPEN: &str = "[attributes.username]\nenabled = true\nrequired = true\n";
const CLOSED: &str = "[attributes.username]\nenabled = true\nrequired = true\n[sign_up]\nmode = \"restricted\"\n";

#[test]
fn sighup_puts_new_settings_in_force_and_leaves_them_where_there_is_a_fault() {
    let folder = TempDir::new().expect("a folder");
    write(folder.path(), OPEN);
    let server = Binary::start(folder.path(), CONFIG);
    let mut held = Held::open(server.port);
    assert_eq!(held.mode(), "public");
    write(folder.path(), CLOSED);
    // Two signals in a short time count as one.
    server.signal("HUP");
    server.signal("HUP");
    held.wait_for("restricted");
    let broken = [
        (Some("[attributes.username"), "line 1: this is not TOML"),
        (Some("[attributes.username]\nenabld = true\n"), "did you mean `settings.attributes.username.enabled`?"),
        (Some("[sign_up]\ncaptcha_enabled = true\n"), "`captcha.provider` is \"none\""),
        (None, "names neither a sample"),
    ];
    for (document, sentence) in broken {
        match document {
            Some(document) => write(folder.path(), document),
            None => fs::remove_file(folder.path().join("mine.toml")).expect("a file"),
        }
        server.signal("HUP");
        wait_for_log(folder.path(), sentence);
        assert_eq!(held.mode(), "restricted", "{sentence}");
    }
    let config = format!("{CONFIG}[server]\nmax_body_bytes = 4096\n[email]\nhello_name = \"x\"\n");
    fs::write(folder.path().join("vestibule.toml"), config).expect("a file");
    write(folder.path(), OPEN);
    server.signal("HUP");
    held.wait_for("public");
    assert_eq!(server.terminate(), Some(0));
    let log = log_of(folder.path());
    for sentence in [
        "are in force from=",
        "changed=\"settings.sign_up.mode\"",
        "they take effect only after a restart keys=\"email.hello_name, server.max_body_bytes\"",
        "ERROR vestibule::cli::reload: the settings stay as they are: ",
    ] {
        assert!(log.contains(sentence), "{sentence}: {log}");
    }
}

#[test]
fn a_server_outlives_whoever_reads_its_log() {
    let folder = TempDir::new().expect("a folder");
    write(folder.path(), OPEN);
    let server = Binary::start_after("exec 2>/dev/full", folder.path(), CONFIG);
    let mut held = Held::open(server.port);
    write(folder.path(), CLOSED);
    server.signal("HUP");
    held.wait_for("restricted");
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn a_key_file_that_is_missing_beside_data_is_asked_back_and_none_is_made() {
    let folder = TempDir::new().expect("a folder");
    let (data, key) = (folder.path().join("data"), folder.path().join("data/instance.key"));
    let starts_and_ends = || assert_eq!(Binary::start(folder.path(), "").terminate(), Some(0));
    starts_and_ends();
    let made = format!("made a new instance key in {}; back it up apart from the data", key.display());
    assert_eq!(log_of(folder.path()).matches(&made).count(), 1);
    starts_and_ends();
    assert_eq!(log_of(folder.path()).matches(&made).count(), 1, "it was there already");
    let kept = fs::read(&key).expect("a key");
    fs::remove_file(&key).expect("a key");
    let before = listing(&data);
    let sentence = format!("the key file {} is missing, but there is data in {}", key.display(), data.display());
    for _again in 0..2 {
        is_refused(folder.path(), "", &sentence);
        assert_eq!(listing(&data), before, "nothing is written");
    }
    let check = Command::new(env!("CARGO_BIN_EXE_vestibule")).args(["check", "--data"]).arg(&data).output();
    let check = check.expect("the binary runs");
    assert_eq!(check.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&check.stderr).contains(&sentence), "{check:?}");
    // The configured key file is missing, while the key is at its default path.
    fs::write(&key, &kept).expect("a key");
    let elsewhere = folder.path().join("elsewhere/key");
    let config = format!("[instance]\nkey_file = {elsewhere:?}\n");
    is_refused(folder.path(), &config, &format!("move {} there", key.display()));
    assert!(!elsewhere.exists() && !folder.path().join("elsewhere").exists());
    starts_and_ends();
}

#[test]
fn a_key_file_that_is_no_key_is_told_apart() {
    let folder = TempDir::new().expect("a folder");
    let key = folder.path().join("key");
    let config = format!("[instance]\nkey_file = {key:?}\n");
    fs::write(&key, "").expect("a file");
    is_refused(folder.path(), &config, "is empty; put the key back");
    fs::remove_file(&key).expect("a file");
    fs::create_dir(&key).expect("a folder");
    is_refused(folder.path(), &config, "is a directory; remove it");
    fs::remove_dir(&key).expect("a folder");
    assert!(!folder.path().join("data").exists(), "nothing is written");
    let in_memory = format!("{config}[store]\nkind = \"memory\"\n");
    assert_eq!(Server::start(folder.path(), &in_memory).terminate(), Some(0));
    assert!(key.is_file(), "a store in memory holds no data that a new key would not open");
}

#[test]
fn the_example_of_the_banner_signs_somebody_up_each_time() {
    if !require("curl", Command::new("curl").arg("--version").output().is_ok_and(|output| output.status.success())) {
        return;
    }
    let folder = TempDir::new().expect("a folder");
    let server = Binary::start(folder.path(), "");
    let log = log_of(folder.path());
    let example: Vec<_> = log.lines().skip_while(|line| !line.starts_with("  url=")).take(5).collect();
    assert_eq!(example.len(), 5, "{log}");
    for _again in 0..2 {
        let output = Command::new("sh").args(["-c", &example.join("\n")]).output().expect("a shell");
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(printed.contains("\"status\":\"complete\""), "{output:?}");
        // The address contains the current second.
        thread::sleep(Duration::from_millis(1100));
    }
    assert!(log.contains("  secret key       sk_test_"), "{log}");
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn a_closed_terminal_ends_the_server_in_it() {
    let program = Command::new("script").arg("--version").output();
    if !require("script", program.is_ok_and(|output| output.status.success())) {
        return;
    }
    let folder = TempDir::new().expect("a folder");
    let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port();
    let binary = env!("CARGO_BIN_EXE_vestibule");
    let data = folder.path().join("data");
    // `timeout` ends it after a minute if it hangs.
    let data = data.display();
    let serve = format!("exec timeout --foreground 60 {binary} serve --listen 127.0.0.1:{port} --data {data}");
    // `script` provides the terminal; when it ends, the terminal closes.
    let mut terminal = Command::new("script");
    terminal.args(["-qec", &serve, "/dev/null"]);
    terminal.stdin(Stdio::null()).stdout(Stdio::null());
    let mut terminal = terminal.spawn().expect("script");
    let listens = || TcpStream::connect(("127.0.0.1", port)).is_ok();
    let came = until(listens);
    terminal.kill().expect("script");
    drop(terminal.wait());
    assert!(came, "the server began to listen");
    assert!(until(|| !listens()), "the server is gone with its terminal");
}

/// Checks that the binary refuses to start, and that the last line that it prints holds `sentence`.
fn is_refused(folder: &Path, config: &str, sentence: &str) {
    assert_eq!(Binary::fail_to_start(folder, config), Some(1), "{}", log_of(folder));
    let log = log_of(folder);
    assert!(log.lines().last().is_some_and(|line| line.contains(sentence)), "no {sentence:?} at the end: {log}");
}

/// Waits at most half a minute for a condition.
fn until(condition: impl Fn() -> bool) -> bool {
    (0..1500).any(|_| {
        thread::sleep(Duration::from_millis(20));
        condition()
    })
}

/// A connection that is reused for several requests.
struct Held {
    reader: BufReader<TcpStream>,
}

impl Held {
    fn open(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a socket");
        Self { reader: BufReader::new(stream) }
    }

    /// `user_settings.sign_up.mode` of the environment.
    fn mode(&mut self) -> String {
        let request = b"GET /v1/environment HTTP/1.1\r\nhost: localhost\r\n\r\n";
        self.reader.get_mut().write_all(request).expect("the connection is open");
        let mut length = 0;
        loop {
            let mut line = String::new();
            assert!(self.reader.read_line(&mut line).expect("an answer") > 0, "the connection was closed");
            if let Some(value) = line.to_lowercase().strip_prefix("content-length: ") {
                length = value.trim().parse().expect("a length");
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        self.reader.read_exact(&mut body).expect("a body");
        let environment: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        environment["user_settings"]["sign_up"]["mode"].as_str().expect("a mode").to_owned()
    }

    fn wait_for(&mut self, mode: &str) {
        for _ in 0..500 {
            if self.mode() == mode {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        panic!("the settings never were {mode}");
    }
}

fn wait_for_log(folder: &Path, sentence: &str) {
    assert!(until(|| log_of(folder).contains(sentence)), "no {sentence:?}: {}", log_of(folder));
}

fn write(folder: &Path, document: &str) {
    fs::write(folder.join("mine.toml"), document).expect("a file");
}

/// The names in a folder, with their sizes.
fn listing(folder: &Path) -> Vec<(String, u64)> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
    let mut found: Vec<_> = entries
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.metadata().expect("a file").len()))
        .collect();
    found.sort();
    found
}
