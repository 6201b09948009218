//! `vestibule overrides`: what the application's backend changed over the configuration, while the server is stopped.

use std::io::{self, Write};

use clap::Args;
use serde_json::{Value, json};

use crate::config::Config;
use crate::engine::OverridesView;
use crate::startup;

use super::migrate::wait;

/// Arguments of `vestibule overrides`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub(super) struct OverridesArguments {
    /// Drop them, so that the configuration alone is in force; they are shown once more
    #[arg(long)]
    drop: bool,
}

/// Shows the stored overrides, or drops them.
///
/// # Errors
/// One sentence that says what is wrong and what to do.
pub(super) fn overrides(wanted: &OverridesArguments, config: &Config) -> Result<(), String> {
    let stored = if wanted.drop { run(startup::drop_overrides(config)) } else { run(startup::overrides(config)) }?;
    let text = match &stored {
        Some(view) if !view.stored.list().is_empty() => {
            let head = if wanted.drop { "These are dropped:" } else { "In force instead of what is configured:" };
            format!("{head}\n\n{}\n", lines(view).join("\n"))
        }
        _ => "Nothing overrides the configuration.\n".to_owned(),
    };
    io::stdout().lock().write_all(text.as_bytes()).map_err(|error| format!("standard output: {error}"))
}

/// The stored overrides for `vestibule check`.
///
/// # Errors
/// Why they can't be read.
pub(super) fn stored(config: &Config) -> Result<Option<OverridesView>, String> {
    run(startup::overrides(config))
}

/// One line for each override: `key = value`, then what is configured.
pub(super) fn lines(view: &OverridesView) -> Vec<String> {
    let configured = view.configured.list();
    let of = |key: &str| configured.iter().find(|(known, _)| *known == key).map(|(_, value)| json!(value));
    let line = |(key, value)| format!("  {key} = {}  # configured: {}", json!(value), of(key).unwrap_or(Value::Null));
    view.stored.list().into_iter().map(line).collect()
}

fn run<T>(work: impl Future<Output = Result<T, startup::StartupError>>) -> Result<T, String> {
    wait(work)?.map_err(|error| {
        format!("{error} (while the server runs, GET /v1/instance/overrides shows them, and DELETE drops them)")
    })
}
