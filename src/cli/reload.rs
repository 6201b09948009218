//! SIGHUP: the settings are read again while everything else goes on.

use std::fs::File;
use std::io::{IsTerminal, stderr};

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::config::{Config, Reloaded, Sources};
use crate::engine::Engine;

/// The SIGHUPs that a process is sent, from when this was made.
pub(super) struct Hangups {
    signals: Signal,
    /// Whether the process was started in a terminal, whose end is a SIGHUP too.
    in_terminal: bool,
}

impl Hangups {
    /// From here on the signal ends the process no more.
    ///
    /// # Errors
    /// When signals can't be handled.
    pub(super) fn listen() -> std::io::Result<Self> {
        let in_terminal = stderr().is_terminal() && has_terminal();
        Ok(Self { signals: signal(SignalKind::hangup())?, in_terminal })
    }

    /// Reads the settings again at each signal and puts them in force; a fault leaves those before in force, and says
    /// so. Signals that come meanwhile count as one. Ends when the terminal is closed that the process was started in,
    /// because ctrl-C can't end it any more.
    pub(super) async fn reload_until_the_terminal_closes(mut self, config: Config, sources: Sources, engine: Engine) {
        while self.signals.recv().await.is_some() {
            if self.in_terminal && !has_terminal() {
                return;
            }
            let (config, sources, in_force) = (config.clone(), sources.clone(), engine.settings());
            let read = tokio::task::spawn_blocking(move || config.reload(&sources, &in_force)).await;
            match read {
                Ok(Ok(reloaded)) => put_in_force(&engine, reloaded),
                Ok(Err(error)) => error.faults().iter().for_each(|fault| refuse(fault)),
                Err(error) => refuse(&error.to_string()),
            }
        }
        // Without a handler there are no signals to wait for.
        std::future::pending::<()>().await;
    }
}

fn put_in_force(engine: &Engine, reloaded: Reloaded) {
    let Reloaded { settings, settings_origin, changed, need_restart, warnings } = reloaded;
    if let Err(error) = engine.replace_settings(settings) {
        return refuse(&error.to_string());
    }
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    if !need_restart.is_empty() {
        tracing::warn!(keys = need_restart.join(", "), "these keys differ too; only a restart puts them in force");
    }
    let from = settings_origin;
    if changed.is_empty() {
        tracing::info!(from, "the settings were read again and are the same");
    } else {
        tracing::info!(from, changed = changed.join(", "), "the settings were read again and are in force");
    }
}

fn refuse(fault: &str) {
    tracing::error!("the settings stay as they are: {fault}");
}

/// Whether the process has a terminal that it could be controlled from.
fn has_terminal() -> bool {
    File::open("/dev/tty").is_ok()
}
