//! A server that is built from a configuration.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::Config;
use crate::delivery::Capture;
use crate::engine::{Engine, EngineBuilder};
use crate::http::{App, BoundServer, DevOutbox, HttpOptions, bind};

use super::StartupError;
use super::diagnostics::listen_error;
use super::engine::{browser_url, engine_builder};
use super::http_options::{bundles, http_options, public_url};

/// A server that has its sockets, its store and its engine, as a configuration says, but does not serve yet.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use vestibule::configuration::{Config, ConfiguredServer, Sources};
///
/// let sources = Sources { file: Some("vestibule.toml".into()), ..Sources::default() };
/// let server = ConfiguredServer::start(&Config::load(&sources)?).await?;
/// println!("listening on port {}", server.port());
/// server.serve(std::future::pending()).await; // or until a signal
/// # Ok(())
/// # }
/// ```
pub struct ConfiguredServer {
    server: BoundServer,
    options: HttpOptions,
    engine: Engine,
    capture: Arc<Capture>,
    port: u16,
    new_key_file: Option<PathBuf>,
}

impl ConfiguredServer {
    /// Opens the sockets, the instance key and the store, and starts the engine on the current tokio runtime.
    ///
    /// `server.max_connections` is taken as it is: how many files the process may have open is not looked at.
    ///
    /// # Errors
    /// When an address, the key or the data can't be used, or when the configuration asks for what this program was
    /// built without.
    pub async fn start(config: &Config) -> Result<Self, StartupError> {
        Self::start_with(config, |builder| builder).await
    }

    /// The same with an engine that `complete` finishes: with what no file can describe, such as a hook.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn start_with(
        config: &Config,
        complete: impl FnOnce(EngineBuilder) -> EngineBuilder,
    ) -> Result<Self, StartupError> {
        let mut options = http_options(config)?;
        let listen = &config.server.listen;
        options.bundles = bundles(config)?;
        if let Some(bundles) = &options.bundles {
            tracing::info!(packages = bundles.versions().join(", "), "serving the files of these packages to browsers");
        }
        let bound = bind(&options).await.map_err(|error| StartupError::new(listen_error(listen.address, &error)))?;
        let port = bound.local_addrs().first().map_or(listen.port(), SocketAddr::port);
        options.public_url = public_url(config, port)?;
        let new_key_file = new_key_file(config)?;
        let capture = Arc::new(Capture::new());
        let builder = engine_builder(config, &capture, browser_url(config, port)?).await?;
        let engine = complete(builder).build().await.map_err(StartupError::new)?;
        Ok(Self { server: bound, options, engine, capture, port, new_key_file })
    }

    /// The port that it listens on.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The engine, through which the rest of the program can sign people up, too.
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The options of HTTP that the configuration makes.
    pub const fn options(&self) -> &HttpOptions {
        &self.options
    }

    /// Path of the instance key file, if this start has created it: without it the data can't be read.
    pub fn new_key_file(&self) -> Option<&Path> {
        self.new_key_file.as_deref()
    }

    /// Serves until `shutdown` resolves. Then it waits for the answers in progress, at most three quarters of
    /// `server.drain_timeout_s`, and shuts the engine down.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) {
        let capture = self.capture.clone();
        let shutdown = async move {
            shutdown.await;
            // Pages of the mailbox that wait for news would hold up the end.
            capture.close();
        };
        let outbox: Arc<dyn DevOutbox> = self.capture;
        let app = Arc::new(App::new(self.engine.clone(), self.options, Some(outbox)));
        self.server.serve(app, shutdown).await;
        self.engine.shutdown().await;
    }
}

#[cfg(feature = "sled")]
fn new_key_file(config: &Config) -> Result<Option<PathBuf>, StartupError> {
    super::key_file::inspect(config)
}

/// Without a store on the disk there is no data that a new key could not open.
#[cfg(not(feature = "sled"))]
fn new_key_file(config: &Config) -> Result<Option<PathBuf>, StartupError> {
    let path = config.instance.key_file.as_ref();
    Ok(path.filter(|path| matches!(path.try_exists(), Ok(false))).cloned())
}
