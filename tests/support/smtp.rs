//! A mail server on a free port of this machine that takes mail, or does at one step of the conversation what a
//! script says: refuse, fall silent, hang up, answer without end.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use vestibule::delivery::{Security, SmtpLimits, SmtpOptions};

/// What the server does at a step.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    /// It answers with this, lines separated by `\r\n`.
    Say(&'static str),
    /// It says nothing more and keeps the connection.
    FallSilent,
    /// It closes the connection.
    HangUp,
    /// It answers a byte at a time, with a pause between.
    Trickle,
    /// It answers with lines that never come to an end.
    GoOn,
    /// It answers with one line that never comes to an end.
    Flood,
}

/// At which step it does so: `greeting`, `ehlo`, `starttls`, `auth`, `mail`, `rcpt`, `data`, or `text` for the end of the
/// message.
pub(crate) type Script = Vec<(&'static str, Act)>;

/// The server. It is gone when this is dropped.
pub(crate) struct SmtpServer {
    port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    script: Mutex<Script>,
    /// Refusals for the first recipients, one each.
    refusals: Mutex<Vec<&'static str>>,
    taken: Mutex<Vec<Mail>>,
    connections: AtomicUsize,
    commands: Mutex<Vec<String>>,
    is_over: AtomicBool,
}

/// A message that it took.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mail {
    /// The recipient, as in `RCPT`.
    pub(crate) to: String,
    /// The text, line by line.
    pub(crate) data: String,
}

impl SmtpServer {
    /// A server that takes everything.
    pub(crate) fn start() -> Self {
        Self::scripted(Vec::new())
    }

    /// A server that does as the script says.
    pub(crate) fn scripted(script: Script) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let state = Arc::new(State { script: Mutex::new(script), ..State::default() });
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.is_over.load(Ordering::Relaxed) {
                    break;
                }
                let state = Arc::clone(&shared);
                state.connections.fetch_add(1, Ordering::Relaxed);
                // A client that hangs up ends its conversation, not the server.
                thread::spawn(move || converse(stream?, &state));
            }
        });
        Self { port, state }
    }

    /// From now on it does as this script says; conversations that hang go on hanging.
    pub(crate) fn follow(&self, script: Script) {
        *lock(&self.state.script) = script;
    }

    /// Refuses the next recipients, each with one of these.
    pub(crate) fn refuse(&self, refusals: &[&'static str]) {
        *lock(&self.state.refusals) = refusals.iter().rev().copied().collect();
    }

    /// Options that lead here, with deadlines for tests.
    pub(crate) fn options(&self) -> SmtpOptions {
        options(self.port)
    }

    /// How many connections there were.
    pub(crate) fn connections(&self) -> usize {
        self.state.connections.load(Ordering::Relaxed)
    }

    /// What clients have said so far, but for messages.
    pub(crate) fn commands(&self) -> Vec<String> {
        lock(&self.state.commands).clone()
    }

    /// What it has taken so far.
    pub(crate) fn taken(&self) -> Vec<Mail> {
        lock(&self.state.taken).clone()
    }

    /// What it has taken, once that is `count` messages.
    pub(crate) async fn mail(&self, count: usize) -> Vec<Mail> {
        for _ in 0..WAITS_MAX {
            let taken = self.taken();
            if taken.len() >= count {
                return taken;
            }
            tokio::time::sleep(WAIT).await;
        }
        panic!("{count} messages did not come in time");
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        self.state.is_over.store(true, Ordering::Relaxed);
        // The listener looks up when somebody comes.
        drop(TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))));
    }
}

/// Options that lead to this port of this machine, with deadlines for tests.
pub(crate) fn options(port: u16) -> SmtpOptions {
    SmtpOptions {
        host: "127.0.0.1".into(),
        port,
        security: Security::None,
        username: None,
        password: None,
        from: "Acme <no-reply@acme.example>".into(),
        hello_name: None,
        connections_max: 16,
        limits: SmtpLimits { command: Duration::from_secs(2), delivery: Duration::from_secs(6) },
    }
}

/// One conversation (RFC 5321, the commands that a client needs).
fn converse(mut stream: TcpStream, state: &State) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let mut mail = Mail::default();
    answer(&mut stream, state, "greeting", "220 ready")?;
    while let Some(line) = lines.next().transpose()? {
        let verb = line.to_ascii_lowercase();
        lock(&state.commands).push(line.clone());
        if verb.starts_with("ehlo") {
            answer(&mut stream, state, "ehlo", "250-test.example\r\n250-AUTH LOGIN PLAIN\r\n250 SIZE 10000000")?;
        } else if verb == "starttls" {
            answer(&mut stream, state, "starttls", "220 go on")?;
        } else if verb.starts_with("auth") {
            if verb == "auth login" {
                for question in ["334 VXNlcm5hbWU6\r\n", "334 UGFzc3dvcmQ6\r\n"] {
                    stream.write_all(question.as_bytes())?;
                    lock(&state.commands).extend(lines.next().transpose()?);
                }
            }
            answer(&mut stream, state, "auth", "235 2.7.0 welcome")?;
        } else if verb.starts_with("mail") {
            answer(&mut stream, state, "mail", "250 2.1.0 ok")?;
        } else if verb.starts_with("rcpt to:") {
            let refusal = lock(&state.refusals).pop();
            line["RCPT TO:".len()..].clone_into(&mut mail.to);
            match refusal {
                Some(refusal) => write!(stream, "{refusal}\r\n")?,
                None => answer(&mut stream, state, "rcpt", "250 2.1.5 ok")?,
            }
        } else if verb == "data" {
            answer(&mut stream, state, "data", "354 go on")?;
            for line in lines.by_ref() {
                match line?.as_str() {
                    "." => break,
                    line => mail.data.push_str(&format!("{line}\n")),
                }
            }
            lock(&state.taken).push(std::mem::take(&mut mail));
            answer(&mut stream, state, "text", "250 2.0.0 taken")?;
        } else if verb == "quit" {
            write!(stream, "221 bye\r\n")?;
            break;
        } else {
            write!(stream, "250 ok\r\n")?;
        }
    }
    Ok(())
}

/// Answers as the script says, or with `usual`.
fn answer(stream: &mut TcpStream, state: &State, step: &str, usual: &'static str) -> std::io::Result<()> {
    let act = lock(&state.script).iter().find(|(at, _)| *at == step).map_or(Act::Say(usual), |(_, act)| *act);
    let is_over = || std::io::Error::other("the conversation is over");
    match act {
        Act::Say(words) => write!(stream, "{words}\r\n"),
        Act::FallSilent => {
            // Until the client hangs up.
            drop(stream.read_to_end(&mut Vec::new()));
            Err(is_over())
        }
        Act::HangUp => Err(is_over()),
        Act::Trickle => {
            for byte in format!("250-{}", "x".repeat(TRICKLED)).bytes() {
                stream.write_all(&[byte])?;
                thread::sleep(TRICKLE_PAUSE);
            }
            Err(is_over())
        }
        Act::GoOn => {
            for _ in 0..ENDLESS {
                stream.write_all(b"250-and so on\r\n")?;
            }
            Err(is_over())
        }
        Act::Flood => {
            for _ in 0..ENDLESS {
                stream.write_all(&[b'2'; 1024])?;
            }
            Err(is_over())
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const WAIT: Duration = Duration::from_millis(10);
const WAITS_MAX: usize = 6000;
const TRICKLED: usize = 1000;
const TRICKLE_PAUSE: Duration = Duration::from_millis(20);
const ENDLESS: usize = 1_000_000;
