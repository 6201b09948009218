//! The binary as a separate process: for what only a process has, such as signals, exit codes, limits and what it prints.

use std::ops::Deref;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::endpoint::Endpoint;

/// A running process of the binary. It is killed when dropped.
pub(crate) struct Binary {
    child: Child,
    endpoint: Endpoint,
}

impl Binary {
    /// Starts the binary with the data in `folder`, and with `config` in addition to the common test settings. Waits
    /// until it is ready. It logs to the file `log` in the folder.
    pub(crate) fn start(folder: &Path, config: &str) -> Self {
        Self::start_with(Command::new(env!("CARGO_BIN_EXE_vestibule")), folder, config, READY)
    }

    /// Like [`Self::start`], after a shell command such as `ulimit -n 256` or `umask 022`.
    pub(crate) fn start_after(command: &str, folder: &Path, config: &str) -> Self {
        Self::start_with(after(command), folder, config, READY)
    }

    /// The same for one that may never be ready: waits until it answers.
    pub(crate) fn start_live_after(command: &str, folder: &Path, config: &str) -> Self {
        Self::start_with(after(command), folder, config, "/health/live")
    }

    /// Starts the binary and waits for its end; returns the exit code.
    pub(crate) fn fail_to_start(folder: &Path, config: &str) -> Option<i32> {
        let child = spawn(Command::new(env!("CARGO_BIN_EXE_vestibule")), folder, config);
        let mut binary = Self { child, endpoint: Endpoint { port: 0 } };
        for _ in 0..1500 {
            if let Some(ended) = binary.child.try_wait().expect("a process") {
                return ended.code();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("it did not end: {}", log_of(folder))
    }

    fn start_with(command: Command, folder: &Path, config: &str, awaited: &str) -> Self {
        // Servers with the same folder before this one have logged their ports too.
        let logged = log_of(folder).len();
        let child = spawn(command, folder, config);
        let mut binary = Self { child, endpoint: Endpoint { port: 0 } };
        binary.endpoint.port = binary.port(folder, logged, config.contains("public_url"));
        binary.endpoint.wait_until_ok(awaited, |elapsed| {
            let ended = binary.child.try_wait().expect("a process");
            assert!(ended.is_none(), "the server ended at its start: {}", log_of(folder));
            assert!(elapsed < Duration::from_secs(30), "the server is not ready: {}", log_of(folder));
        });
        binary
    }

    /// The port that it has chosen, once it says so behind the first `logged` bytes of what it has printed: in its log, which
    /// may be full, or in the banner, whose URL may be another one.
    fn port(&mut self, folder: &Path, logged: usize, has_other_url: bool) -> u16 {
        for _ in 0..1500 {
            let log = log_of(folder);
            let of_log = |line: &str| if line.contains(LISTENS) { number_behind("server.port", line) } else { None };
            let is_of_banner = |line: &str| !has_other_url && line.starts_with("  ");
            let of_banner = |line| if is_of_banner(line) { number_behind("http://localhost:", line) } else { None };
            let mut lines = log[logged..].lines();
            if let Some(port) = lines.find_map(|line| of_log(line).or_else(|| of_banner(line))) {
                return port;
            }
            let ended = self.child.try_wait().expect("a process");
            assert!(ended.is_none(), "the server ended at its start: {log}");
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("the server does not say where it listens: {}", log_of(folder))
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
        let id = self.process().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &id]).status().expect("kill").success());
    }

    /// The id of its process.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Sends SIGTERM, waits for the end and returns the exit code.
    pub(crate) fn terminate(mut self) -> Option<i32> {
        self.ask_to_end();
        self.child.wait().expect("an end").code()
    }
}

impl Deref for Binary {
    type Target = Endpoint;

    fn deref(&self) -> &Endpoint {
        &self.endpoint
    }
}

impl Drop for Binary {
    fn drop(&mut self) {
        if self.child.kill().is_ok() {
            drop(self.child.wait());
        }
    }
}

/// Runs the binary after a shell command. `exec` replaces the shell by the server, which keeps its limits.
fn after(command: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{command} && exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_vestibule")]);
    shell
}

/// The number behind a name, in a line of text or of JSON.
fn number_behind(name: &str, line: &str) -> Option<u16> {
    let (_, rest) = line.split_once(name)?;
    let number = rest.trim_start_matches(|c: char| !c.is_ascii_digit());
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// Starts the binary, or a command that runs it, with the usual arguments. It chooses a free port.
fn spawn(mut command: Command, folder: &Path, config: &str) -> Child {
    let file = folder.join("vestibule.toml");
    std::fs::write(&file, config).expect("a config file");
    let log = std::fs::File::options().create(true).append(true).open(folder.join("log")).expect("a log");
    command
        .args(["serve", "--config"])
        .arg(&file)
        .arg("--data")
        .arg(folder.join("data"))
        .args(["--listen", "127.0.0.1:0"])
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a log"))
        .stderr(log)
        .spawn()
        .expect("the binary starts")
}

/// What the servers with this folder have logged, and what the binary has printed.
pub(crate) fn log_of(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("log")).unwrap_or_default()
}

/// What a server logs with its port.
const LISTENS: &str = "no more connections than these are open at once";
const READY: &str = "/health/ready";
