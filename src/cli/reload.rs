//! SIGHUP: reloads the settings while the server runs.

use std::fs::File;
use std::io::{IsTerminal, stderr};

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::config::{Config, Reloaded, Sources};
use crate::engine::Engine;
use crate::npm::Bundles;

/// Receives SIGHUP signals.
pub(super) struct HangupSignals {
    signals: Signal,
    /// Whether the process was started in a terminal, which sends SIGHUP too when it is closed.
    in_terminal: bool,
}

impl HangupSignals {
    /// Installs the handler, so that the signal no longer ends the process.
    ///
    /// # Errors
    /// When the handler can't be installed.
    pub(super) fn listen() -> std::io::Result<Self> {
        let in_terminal = stderr().is_terminal() && has_terminal();
        Ok(Self { signals: signal(SignalKind::hangup())?, in_terminal })
    }

    /// Reloads the settings at each signal. If they are invalid, the old ones stay in force and the error is logged.
    /// Signals that arrive during a reload count as one. Returns when the terminal that started the process is closed,
    /// because Ctrl-C can't end the process any more.
    pub(super) async fn reload_until_the_terminal_closes(
        mut self,
        config: Config,
        sources: Sources,
        engine: Engine,
        bundles: Option<Bundles>,
    ) {
        while self.signals.recv().await.is_some() {
            if self.in_terminal && !has_terminal() {
                return;
            }
            let (config, sources, in_force) = (config.clone(), sources.clone(), engine.configured_settings());
            let bundles = bundles.clone();
            let read = tokio::task::spawn_blocking(move || {
                bundles.iter().for_each(read_again);
                config.reload(&sources, &in_force)
            })
            .await;
            match read {
                Ok(Ok(reloaded)) => put_in_force(&engine, reloaded),
                Ok(Err(error)) => error.faults().iter().for_each(|fault| refuse(fault)),
                Err(error) => refuse(&error.to_string()),
            }
        }
        // The signal stream has ended: waits forever.
        std::future::pending::<()>().await;
    }
}

fn put_in_force(engine: &Engine, reloaded: Reloaded) {
    let Reloaded { settings, settings_origin, changed, need_restart, warnings } = reloaded;
    if let Err(error) = engine.replace_settings(settings) {
        return refuse(&error.to_string());
    }
    let overridden = engine.overrides_in_force().stored.list();
    let without_effect: Vec<&str> =
        overridden.iter().map(|(key, _)| *key).filter(|key| changed.iter().any(|other| other == key)).collect();
    if !without_effect.is_empty() {
        tracing::warn!(
            keys = without_effect.join(", "),
            "these keys have no effect: the application's backend has changed them, and that takes precedence; \
             DELETE /v1/instance/overrides drops it"
        );
    }
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    if !need_restart.is_empty() {
        tracing::warn!(
            keys = need_restart.join(", "),
            "these keys have changed too; they take effect only after a restart"
        );
    }
    let from = settings_origin;
    if changed.is_empty() {
        tracing::info!(from, "the settings were read again and are the same");
    } else {
        tracing::info!(from, changed = changed.join(", "), "the settings were read again and are in force");
    }
}

fn read_again(bundles: &Bundles) {
    match bundles.reload() {
        Ok(()) => tracing::info!(packages = bundles.versions().join(", "), "the files for browsers were read again"),
        Err(error) => tracing::error!("the files for browsers stay as they are: `server.npm_dir` {error}"),
    }
}

fn refuse(fault: &str) {
    tracing::error!("the settings stay as they are: {fault}");
}

/// Whether the process has a controlling terminal.
fn has_terminal() -> bool {
    File::open("/dev/tty").is_ok()
}
