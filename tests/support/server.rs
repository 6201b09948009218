//! The server in this process, built from a configuration as the binary builds it: for everything that is seen over
//! HTTP or in the log.

use std::fs::File;
use std::ops::Deref;
use std::path::Path;
use std::sync::{LazyLock, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tracing::Dispatch;
use tracing::dispatcher::{set_default, with_default};
use tracing::subscriber::NoSubscriber;
use vestibule::EngineBuilder;
use vestibule::config::{Config, Sources};
use vestibule::startup::ConfiguredServer;
use vestibule::telemetry::log_to;

pub(crate) use super::binary::log_of;
pub(crate) use super::endpoint::Answer;
use super::endpoint::Endpoint;

/// A server on a free port, with a runtime of its own. When it is dropped it is cut off, and its folder is free for the
/// next one.
pub(crate) struct Server {
    endpoint: Endpoint,
    end: Mutex<Option<oneshot::Sender<End>>>,
    thread: Option<JoinHandle<bool>>,
}

/// Two more receivers of logs, which take nothing. While there is one alone, `tracing` asks whether a line is wanted on the
/// thread that first comes to it, which may be that of a test without a log, and remembers the answer for all threads.
static OTHERS: LazyLock<[Dispatch; 2]> = LazyLock::new(|| [(); 2].map(|()| Dispatch::new(NoSubscriber::default())));

/// How a server ends.
enum End {
    /// As after SIGTERM: what was begun is finished.
    Drained,
    /// All work stops where it is.
    CutOff,
}

impl Server {
    /// Starts it with the data in `folder` and the configuration `config`, apart from the environment. Waits until it is
    /// ready. It logs to the file `log` in the folder.
    pub(crate) fn start(folder: &Path, config: &str) -> Self {
        Self::begin(folder, config, "", |builder| builder)
    }

    /// Like [`Self::start`], with the filter of the log as in `RUST_LOG`.
    pub(crate) fn start_with_filter(folder: &Path, config: &str, filter: &str) -> Self {
        Self::begin(folder, config, filter, |builder| builder)
    }

    /// Like [`Self::start`], with an engine that `complete` finishes.
    pub(crate) fn start_with(
        folder: &Path,
        config: &str,
        complete: impl FnOnce(EngineBuilder) -> EngineBuilder + Send + 'static,
    ) -> Self {
        Self::begin(folder, config, "", complete)
    }

    fn begin(
        folder: &Path,
        config: &str,
        filter: &str,
        complete: impl FnOnce(EngineBuilder) -> EngineBuilder + Send + 'static,
    ) -> Self {
        LazyLock::force(&OTHERS);
        let config = load(folder, config);
        let log = File::options().create(true).append(true).open(folder.join("log")).expect("a log");
        let log = log_to(config.telemetry.log, filter, log).expect("a filter");
        let (end, ended) = oneshot::channel();
        let (started, port) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = runtime(&log);
            let drained = with_default(&log, || runtime.block_on(run(&config, complete, &started, ended)));
            // Everything that holds the data is dropped here.
            runtime.shutdown_timeout(Duration::from_secs(30));
            drained
        });
        let port = port.recv().expect("a thread that says how it started");
        let port = port.unwrap_or_else(|reason| panic!("the server did not start: {reason}"));
        let server = Self { endpoint: Endpoint { port }, end: Mutex::new(Some(end)), thread: Some(thread) };
        server.endpoint.wait_until_ok("/health/ready", |elapsed| {
            assert!(elapsed < Duration::from_secs(30), "the server is not ready: {}", log_of(folder));
        });
        server
    }

    /// Cuts it off while others still use it.
    pub(crate) fn kill_in_place(&self) {
        self.order(End::CutOff);
    }

    /// Asks it to finish what was begun and to end.
    pub(crate) fn ask_to_end(&self) {
        self.order(End::Drained);
    }

    /// Asks it to end and waits for that. Returns what the binary would exit with: 0 where all was finished in time.
    pub(crate) fn terminate(mut self) -> Option<i32> {
        self.ask_to_end();
        let drained = self.thread.take().expect("it is taken once").join().expect("a thread that ends");
        Some(i32::from(!drained))
    }

    fn order(&self, end: End) {
        if let Some(sender) = self.end.lock().expect("no panic while it is held").take() {
            // An error means that the thread has ended before, which whoever joins it is told.
            drop(sender.send(end));
        }
    }
}

impl Deref for Server {
    type Target = Endpoint;

    fn deref(&self) -> &Endpoint {
        &self.endpoint
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill_in_place();
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// The configuration that the binary would have with the usual arguments.
fn load(folder: &Path, config: &str) -> Config {
    let file = folder.join("vestibule.toml");
    std::fs::write(&file, config).expect("a config file");
    let sources = Sources {
        file: Some(file),
        environment: Vec::new(),
        listen: Some("127.0.0.1:0".into()),
        data: Some(folder.join("data")),
    };
    Config::load(&sources).unwrap_or_else(|error| panic!("{:?}", error.faults()))
}

/// A runtime whose threads log to `log`.
fn runtime(log: &Dispatch) -> Runtime {
    let log = log.clone();
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        // The guard would end it; the thread ends with the runtime.
        .on_thread_start(move || std::mem::forget(set_default(&log)))
        .build()
        .expect("a runtime")
}

/// Serves until the end. Returns whether everything that was begun was finished in time.
async fn run(
    config: &Config,
    complete: impl FnOnce(EngineBuilder) -> EngineBuilder,
    started: &mpsc::Sender<Result<u16, String>>,
    ended: oneshot::Receiver<End>,
) -> bool {
    let server = match ConfiguredServer::start_with(config, complete).await {
        Ok(server) => server,
        Err(error) => {
            started.send(Err(error.to_string())).expect("a test that waits");
            return false;
        }
    };
    started.send(Ok(server.port())).expect("a test that waits");
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(server.serve(async { drop(stopped.await) }));
    match ended.await {
        Ok(End::Drained) => {
            drop(stop);
            let drain = Duration::from_secs(config.server.drain_timeout_s);
            matches!(tokio::time::timeout(drain, serving).await, Ok(Ok(())))
        }
        Ok(End::CutOff) | Err(_) => {
            // `stop` is kept until here, because its end is a word to the server, too.
            serving.abort();
            drop(stop);
            false
        }
    }
}
