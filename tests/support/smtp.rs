//! A test mail server on a free port. It accepts mail, or follows a script at one step of the session: reject, stop
//! answering, close the connection, answer without end.

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
    /// Answers with this text; lines are separated by `\r\n`.
    Say(&'static str),
    /// Stops answering and keeps the connection open.
    FallSilent,
    /// Closes the connection.
    HangUp,
    /// Answers one byte at a time, with pauses.
    Trickle,
    /// Answers with endless lines.
    GoOn,
    /// Answers with one endless line.
    Flood,
}

/// Actions by step: `greeting`, `ehlo`, `starttls`, `auth`, `mail`, `rcpt`, `data`, or `text` for the end of the
/// message.
pub(crate) type Script = Vec<(&'static str, Act)>;

/// The server; it stops on drop.
pub(crate) struct SmtpServer {
    port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    script: Mutex<Script>,
    /// Rejections for the next recipients, one each.
    refusals: Mutex<Vec<&'static str>>,
    taken: Mutex<Vec<Mail>>,
    connections: AtomicUsize,
    commands: Mutex<Vec<String>>,
    is_over: AtomicBool,
}

/// A received message.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mail {
    /// The recipient in `RCPT TO`.
    pub(crate) to: String,
    /// The content as received.
    pub(crate) data: String,
}

impl SmtpServer {
    /// A server that accepts everything.
    pub(crate) fn start() -> Self {
        Self::scripted(Vec::new())
    }

    /// A server that follows a script.
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
                // A client that disconnects ends its session, not the server.
                thread::spawn(move || converse(stream?, &state));
            }
        });
        Self { port, state }
    }

    /// Follows this script from now on; sessions that hang stay so.
    pub(crate) fn follow(&self, script: Script) {
        *lock(&self.state.script) = script;
    }

    /// Rejects the next recipients, each with one of these replies.
    pub(crate) fn refuse(&self, refusals: &[&'static str]) {
        *lock(&self.state.refusals) = refusals.iter().rev().copied().collect();
    }

    /// Client options for this server, with short timeouts.
    pub(crate) fn options(&self) -> SmtpOptions {
        options(self.port)
    }

    /// Number of connections so far.
    pub(crate) fn connections(&self) -> usize {
        self.state.connections.load(Ordering::Relaxed)
    }

    /// Commands received so far, without message contents.
    pub(crate) fn commands(&self) -> Vec<String> {
        lock(&self.state.commands).clone()
    }

    /// Messages received so far.
    pub(crate) fn taken(&self) -> Vec<Mail> {
        lock(&self.state.taken).clone()
    }

    /// The received messages; waits until there are `count`.
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
        // A connection wakes the listener, which then sees that it must stop.
        drop(TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))));
    }
}

/// Client options for this port of this machine, with short timeouts.
pub(crate) fn options(port: u16) -> SmtpOptions {
    SmtpOptions {
        host: "127.0.0.1".into(),
        port,
        security: Security::None,
        username: None,
        password: None,
        from: "Acme <no-reply@acme.example>".into(),
        hello_name: None,
        dkim: None,
        connections_max: 16,
        limits: SmtpLimits { command: Duration::from_secs(2), delivery: Duration::from_secs(6) },
    }
}

/// One session (RFC 5321, the commands that a client needs).
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

/// Answers as scripted, or with `usual`.
fn answer(stream: &mut TcpStream, state: &State, step: &str, usual: &'static str) -> std::io::Result<()> {
    let act = lock(&state.script).iter().find(|(at, _)| *at == step).map_or(Act::Say(usual), |(_, act)| *act);
    let is_over = || std::io::Error::other("the conversation is over");
    match act {
        Act::Say(words) => write!(stream, "{words}\r\n"),
        Act::FallSilent => {
            // Waits until the client disconnects.
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
