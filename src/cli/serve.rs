//! `vestibule serve`: starts the server of the configuration and runs it until a signal.

use std::io::Write;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::config::{Config, EmailTransport, Sources, near_misses};
use crate::engine::Engine;
use crate::startup::{ConfiguredServer, weakness};
use crate::telemetry;

use super::example::example;
use super::reload::HangupSignals;
use super::{Banner, banner, descriptors};

/// Serves until SIGTERM or SIGINT, then drains. SIGHUP reloads the settings of `sources`.
///
/// # Errors
/// One sentence that says what is wrong and what to do.
pub(super) fn serve(config: &Config, sources: &Sources) -> Result<(), String> {
    start_log(config)?;
    let of_key = weakness(config);
    for warning in near_misses(&sources.environment).iter().chain(config.warnings()).chain(&of_key) {
        tracing::warn!("{warning}");
    }
    quiet_panics();
    let max_connections = descriptors::max_connections(descriptors::raise(), config.server.max_connections)?;
    // All files that this process or sled creates are readable by their owner only.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("the async runtime can't be started: {error}"))?;
    let ended = runtime.block_on(run(config, sources, max_connections));
    // Does not wait for threads that are blocked on a disk or a provider: all work is done, or the drain timeout is
    // over.
    runtime.shutdown_background();
    ended
}

/// Starts logging.
///
/// # Errors
/// When `RUST_LOG` can't be read.
pub(super) fn start_log(config: &Config) -> Result<(), String> {
    telemetry::init(config.telemetry.log).map_err(|error| error.to_string())
}

async fn run(config: &Config, sources: &Sources, max_connections: usize) -> Result<(), String> {
    let hangups = HangupSignals::listen().map_err(|error| unhandled(&error))?;
    let mut bounded = config.clone();
    bounded.server.max_connections = max_connections;
    let server = ConfiguredServer::start(&bounded).await.map_err(|error| error.to_string())?;
    if let Some(path) = server.new_key_file() {
        tracing::info!("made a new instance key in {}; back it up apart from the data", path.display());
    }
    announce(config, &server);
    tracing::info!(
        server.port = server.port(),
        connections = max_connections,
        per_source = server.options().max_connections_per_source,
        "serving; no more connections than these are open at once"
    );
    let drain = Duration::from_secs(config.server.drain_timeout_s);
    let bundles = server.options().bundles.clone();
    let reloads =
        hangups.reload_until_the_terminal_closes(config.clone(), sources.clone(), server.engine().clone(), bundles);
    match serve_until_end(server, reloads, drain).await? {
        End::Asked => Ok(()),
        End::StoreFailed => {
            Err("the store failed and accepts no more writes; start the server again to recover its data".into())
        }
    }
}

/// Why the server ends.
#[derive(Clone, Copy, Debug)]
enum End {
    /// SIGTERM, SIGINT or a closed terminal.
    Asked,
    /// The store can't write until a restart, so the process must end.
    StoreFailed,
}

/// Serves until there is a reason to end, then waits at most `drain` for all work in progress.
async fn serve_until_end(
    server: ConfiguredServer,
    reloads: impl Future<Output = ()> + Send + 'static,
    drain: Duration,
) -> Result<End, String> {
    let handler = |kind| signal(kind).map_err(|error| unhandled(&error));
    let (mut terminate, mut interrupt) = (handler(SignalKind::terminate())?, handler(SignalKind::interrupt())?);
    let (decided, decision) = oneshot::channel();
    let watched = server.engine().clone();
    let stop = async move {
        let end = tokio::select! {
            _ = terminate.recv() => End::Asked,
            _ = interrupt.recv() => End::Asked,
            () = reloads => End::Asked,
            () = failed(&watched) => End::StoreFailed,
        };
        tracing::info!("draining");
        if decided.send(end).is_err() {
            tracing::debug!("the receiver of the stop reason is gone");
        }
    };
    let serving = tokio::spawn(server.serve(stop));
    let end = decision.await.unwrap_or(End::StoreFailed);
    match timeout(drain, serving).await {
        Ok(Ok(())) => tracing::info!("stopped"),
        Ok(Err(error)) => tracing::error!(%error, "the server stopped unexpectedly"),
        Err(_) => tracing::warn!(
            "stopped before all requests were finished, because `server.drain_timeout_s` has passed; acknowledged \
             changes are kept"
        ),
    }
    Ok(end)
}

fn unhandled(error: &std::io::Error) -> String {
    format!("signals can't be handled: {error}")
}

async fn failed(engine: &Engine) {
    while !engine.has_failed() {
        tokio::time::sleep(HEALTH_INTERVAL).await;
    }
}

/// Prints the banner on standard output. A failure is ignored, because there is no other place to report it.
fn announce(config: &Config, server: &ConfiguredServer) {
    let (engine, url) = (server.engine(), config.public_url(server.port()).origin());
    let mut urls = vec![("engine", url.clone())];
    if config.is_development() {
        urls = vec![("sign up", format!("{url}/")), ("read the mail", format!("{url}/dev/mailbox"))];
    }
    // Shows the secret key only in development, and only if it was generated.
    let made = engine.secret_key().filter(|_| config.is_development() && config.instance.secret_key.is_none());
    let development = config.is_development();
    let captures = development && config.email.transport == EmailTransport::Capture;
    let example = captures.then(|| example(&engine.settings(), &url)).flatten();
    let key = config.publishable_key();
    let text = banner(&Banner {
        urls: &urls,
        publishable_key: key.as_str(),
        secret_key: made,
        development,
        example: example.as_deref(),
        new_key_file: server.new_key_file().filter(|_| !development),
    });
    drop(writeln!(std::io::stdout().lock(), "{text}"));
}

/// A panic is one line in the log, without its text on standard error: it may repeat what it was about.
fn quiet_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(|place| in_package(&place.to_string()).to_owned()).unwrap_or_default();
        tracing::error!(place, "a part of the program panicked");
    }));
}

/// The source location of a panic, starting at the package name: the path on the build machine is not of interest.
fn in_package(place: &str) -> &str {
    let package = place.split_once("/registry/src/").and_then(|(_, rest)| rest.split_once('/'));
    package.map_or(place, |(_, place)| place)
}

const HEALTH_INTERVAL: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_a_panic_shows_no_folder_of_the_machine_that_built_it() {
        let registry = "/home/builder/.cargo/registry/src/index.example-1949cf8c6b5b557f/tokio-1.54.1/src/task.rs:1:2";
        assert_eq!(in_package(registry), "tokio-1.54.1/src/task.rs:1:2");
        assert_eq!(in_package("src/cli/serve.rs:3:4"), "src/cli/serve.rs:3:4");
    }
}
