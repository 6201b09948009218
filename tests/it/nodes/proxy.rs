//! What lies between a node and its database, and fails on demand: it delays, refuses, falls silent, resets, and cuts exactly
//! where a batch of commits is written.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;

use super::cut::{Cut, Cuts, Watcher};

/// A proxy on a free port of this machine. Its connections end with it.
pub(crate) struct Proxy {
    port: u16,
    state: watch::Sender<State>,
    cuts: Arc<Cuts>,
    opened: Arc<AtomicUsize>,
}

/// How it treats what passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Everything passes.
    Pass,
    /// Each piece passes after this time.
    Delay(Duration),
    /// Connections are reset, and so is each new one.
    Refuse,
    /// Nothing passes, and nobody is told: connections stay open. One that has met this is of no use afterwards.
    Swallow,
}

#[derive(Clone, Debug)]
struct State {
    mode: Mode,
    target: PathBuf,
    /// Connections of earlier generations are reset.
    generation: usize,
}

impl Proxy {
    /// A proxy in front of the server that listens on the Unix socket `target`.
    pub(crate) fn start(target: PathBuf) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a socket option");
        let port = listener.local_addr().expect("an address").port();
        let (state, seen) = watch::channel(State { mode: Mode::Pass, target, generation: 0 });
        let (cuts, opened) = (Arc::new(Cuts::default()), Arc::new(AtomicUsize::new(0)));
        let (of_connections, counted) = (cuts.clone(), opened.clone());
        // A test may run in a runtime of its own, and block it.
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(accept(listener, seen, &of_connections, &counted));
        });
        Self { port, state, cuts, opened }
    }

    /// The URL of the database for the node behind it.
    pub(crate) fn url(&self) -> String {
        format!("postgres://vestibule@127.0.0.1:{}/postgres?sslmode=disable", self.port)
    }

    /// Treats what passes so from now on.
    pub(crate) fn set(&self, mode: Mode) {
        self.state.send_modify(|state| {
            state.mode = mode;
            state.generation += usize::from(mode == Mode::Refuse);
        });
    }

    /// Resets the connections that are open now.
    pub(crate) fn reset(&self) {
        self.state.send_modify(|state| state.generation += 1);
    }

    /// Leads new connections to another server, and resets those that are open now.
    pub(crate) fn lead_to(&self, target: PathBuf) {
        self.state.send_modify(|state| {
            state.target = target;
            state.generation += 1;
        });
    }

    /// Cuts the next `times` batches of commits that name `id`, each with its connection.
    pub(crate) fn cut_batches(&self, cut: Cut, id: [u8; 16], times: usize) {
        self.cuts.arm(cut, id, times);
    }

    /// How many batches it has cut so far.
    pub(crate) fn cuts(&self) -> usize {
        self.cuts.made()
    }

    /// How many connections were opened so far.
    pub(crate) fn opened(&self) -> usize {
        self.opened.load(Ordering::SeqCst)
    }
}

/// Takes connections until the proxy is dropped.
async fn accept(
    listener: std::net::TcpListener,
    mut state: watch::Receiver<State>,
    cuts: &Arc<Cuts>,
    opened: &AtomicUsize,
) {
    let listener = TcpListener::from_std(listener).expect("a listener");
    let seen = state.clone();
    loop {
        tokio::select! {
            changed = state.changed() => if changed.is_err() {
                return;
            },
            client = listener.accept() => {
                let Ok((client, _)) = client else { return };
                opened.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(pass(client, seen.clone(), cuts.clone()));
            }
        }
    }
}

/// Passes what both sides say until one of them ends, or the connection is reset or cut.
async fn pass(client: TcpStream, mut state: watch::Receiver<State>, cuts: Arc<Cuts>) {
    // An abrupt end: what a node sees of a machine that is gone.
    client.set_zero_linger().expect("a socket option");
    client.set_nodelay(true).expect("a socket option");
    let born = state.borrow_and_update().clone();
    if born.mode == Mode::Refuse {
        return;
    }
    let server = match born.mode {
        Mode::Swallow => None,
        _ => UnixStream::connect(&born.target).await.ok(),
    };
    let outdated = {
        let mut state = state.clone();
        async move { drop(state.wait_for(|state| state.generation != born.generation).await) }
    };
    tokio::select! {
        () = outdated => {}
        () = relay(client, server, state, cuts) => {}
    }
}

async fn relay(mut client: TcpStream, server: Option<UnixStream>, mut state: watch::Receiver<State>, cuts: Arc<Cuts>) {
    let is_silent = state.borrow_and_update().mode == Mode::Swallow;
    let Some(mut server) = server else {
        if is_silent {
            silence(&mut client).await;
        }
        return;
    };
    let mut watcher = Watcher::over(cuts);
    let (mut asked, mut answered) = (Vec::with_capacity(BUFFER), Vec::with_capacity(BUFFER));
    loop {
        let is_from_client = tokio::select! {
            changed = state.changed() => match changed {
                Ok(()) if state.borrow_and_update().mode == Mode::Swallow => return silence(&mut client).await,
                Ok(()) => continue,
                Err(_) => return,
            },
            read = client.read_buf(&mut asked) => match read {
                Ok(count) if count > 0 => true,
                _ => return,
            },
            read = server.read_buf(&mut answered) => match read {
                Ok(count) if count > 0 => false,
                _ => return,
            },
        };
        let mode = state.borrow().mode;
        if let Mode::Delay(time) = mode {
            tokio::time::sleep(time).await;
        }
        let passed = if is_from_client {
            match watcher.asked(&asked) {
                Some(Cut::BeforeIt) => return watcher.done(),
                Some(Cut::AfterIt) => {
                    if server.write_all(&asked).await.is_ok() {
                        until_done(&mut server).await;
                    }
                    return watcher.done();
                }
                None => server.write_all(&asked).await,
            }
        } else {
            client.write_all(&answered).await
        };
        if passed.is_err() {
            return;
        }
        if is_from_client { asked.clear() } else { answered.clear() }
    }
}

/// Reads what the node says until it gives up.
async fn silence(client: &mut TcpStream) {
    let mut bytes = [0; 1024];
    while client.read(&mut bytes).await.is_ok_and(|count| count > 0) {}
}

/// Reads the server's answer, and throws it away. `ReadyForQuery` is its last message: when it is there, the batch is
/// written or refused.
async fn until_done(server: &mut UnixStream) {
    let mut bytes = Vec::new();
    while !bytes.ends_with(READY) {
        match server.read_buf(&mut bytes).await {
            Ok(count) if count > 0 => {}
            _ => return,
        }
    }
}

/// `ReadyForQuery` outside of a transaction.
const READY: &[u8] = b"Z\0\0\0\x05I";
const BUFFER: usize = 64 * 1024;
