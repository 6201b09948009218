//! Runs the binary as a separate process, with a small HTTP client.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::schema::faults;

/// A running server. It is killed when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Server {
    /// Starts the binary with the data in `folder`, and with `config` in addition to the common test settings. Waits
    /// until it is ready. It logs to the file `log` in the folder.
    pub(crate) fn start(folder: &Path, config: &str) -> Self {
        Self::start_with(Command::new(env!("CARGO_BIN_EXE_vestibule")), folder, config)
    }

    /// Like [`Self::start`], after a shell command such as `ulimit -n 256` or `umask 022`.
    pub(crate) fn start_after(command: &str, folder: &Path, config: &str) -> Self {
        // `exec` replaces the shell by the server, which keeps its limits.
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("{command} && exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_vestibule")]);
        Self::start_with(shell, folder, config)
    }

    /// Starts the binary and waits for its end; returns the exit code.
    pub(crate) fn fail_to_start(folder: &Path, config: &str) -> Option<i32> {
        let (child, _) = spawn(Command::new(env!("CARGO_BIN_EXE_vestibule")), folder, config);
        let mut server = Self { child, port: 0 };
        for _ in 0..1500 {
            if let Some(ended) = server.child.try_wait().expect("a process") {
                return ended.code();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("it did not end: {}", log_of(folder))
    }

    #[expect(clippy::disallowed_methods, reason = "a test waits in real time for a process")]
    fn start_with(command: Command, folder: &Path, config: &str) -> Self {
        let (child, port) = spawn(command, folder, config);
        let mut server = Self { child, port };
        let began = Instant::now();
        loop {
            if server.request("GET", "/health/ready", &[], "").is_ok_and(|a| a.status == 200) {
                return server;
            }
            let ended = server.child.try_wait().expect("a process");
            assert!(ended.is_none(), "the server ended at its start: {}", log_of(folder));
            assert!(began.elapsed() < Duration::from_secs(30), "the server is not ready: {}", log_of(folder));
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Kills it at once, like a crash, while others still use it.
    pub(crate) fn kill_in_place(&self) {
        self.signal("KILL");
    }

    /// Sends SIGTERM.
    pub(crate) fn ask_to_end(&self) {
        self.signal("TERM");
    }

    /// Sends it a signal, such as `HUP`.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &id]).status().expect("kill").success());
    }

    /// Sends SIGTERM, waits for the end and returns the exit code.
    pub(crate) fn terminate(mut self) -> Option<i32> {
        self.ask_to_end();
        self.child.wait().expect("an end").code()
    }

    /// One request on a connection of its own.
    pub(crate) fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> io::Result<Answer> {
        request(self.port, method, path, headers, body)
    }

    /// Sends a form in native mode with the client token `token`.
    pub(crate) fn native(&self, method: &str, path: &str, token: &str, form: &str) -> io::Result<Answer> {
        let path = format!("{path}{}_is_native=1", if path.contains('?') { '&' } else { '?' });
        let form_type = ("content-type", "application/x-www-form-urlencoded");
        self.request(method, &path, &[form_type, ("authorization", token)], form)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.child.kill().is_ok() {
            drop(self.child.wait());
        }
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The codes in the error envelope. Checks its shape, and that it says how long to wait if it must.
    pub(crate) fn error_codes(&self) -> Vec<String> {
        let json = self.json();
        assert_eq!(faults("errors", &json), [""; 0], "{json:#}");
        assert!(json["clerk_trace_id"].as_str().is_some_and(|id| id.len() == 32), "{json}");
        let errors = json["errors"].as_array().filter(|errors| !errors.is_empty()).expect("errors");
        if matches!(self.status, 429 | 503) {
            let wait = self.header("retry-after").and_then(|wait| wait.parse::<u64>().ok());
            assert!(wait.is_some_and(|seconds| seconds > 0), "{wait:?} {json}");
        }
        errors.iter().map(|error| error["code"].as_str().expect("a code").to_owned()).collect()
    }
}

fn request(port: u16, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: localhost:{port}\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
    stream.write_all(head.as_bytes())?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    let text = String::from_utf8(bytes).map_err(io::Error::other)?;
    let (head, body) = text.split_once("\r\n\r\n").ok_or_else(|| io::Error::other("no answer"))?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
    let headers = lines.filter_map(|line| line.split_once(": ")).map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    let answer =
        Answer { status: status.ok_or_else(|| io::Error::other("no status"))?, headers, body: body.to_owned() };
    let length = answer.header("content-length").and_then(|length| length.parse::<usize>().ok());
    let wanted = if method == "HEAD" { Some(0) } else { length };
    if wanted.is_some_and(|length| length != answer.body.len()) {
        return Err(io::Error::other("a cut answer"));
    }
    Ok(answer)
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port()
}

/// Starts the binary, or a command that runs it, with the usual arguments.
fn spawn(mut command: Command, folder: &Path, config: &str) -> (Child, u16) {
    let port = free_port();
    let file = folder.join("vestibule.toml");
    std::fs::write(&file, config).expect("a config file");
    let log = std::fs::File::options().create(true).append(true).open(folder.join("log")).expect("a log");
    let child = command
        .args(["serve", "--config"])
        .arg(&file)
        .arg("--data")
        .arg(folder.join("data"))
        .args(["--listen", &format!("127.0.0.1:{port}")])
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a log"))
        .stderr(log)
        .spawn()
        .expect("the binary starts");
    (child, port)
}

pub(crate) fn log_of(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("log")).unwrap_or_default()
}
