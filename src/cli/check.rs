//! `vestibule check`: whether the server would start, what is risky, and what differs from the defaults.

use std::sync::Arc;

use clap::Args;

use crate::config::{Config, Sources, near_misses};
use crate::delivery::Capture;

use super::report::Report;
use super::{descriptors, key_file, serve};

/// What `vestibule check` is told.
#[derive(Clone, Debug, Default, PartialEq, Args)]
pub struct CheckArguments {
    /// Print the whole configuration in force, secrets masked, as TOML that can be loaded again
    #[arg(long)]
    pub(super) all: bool,
    /// Print one JSON object instead; with --all the whole configuration is in it
    #[arg(long)]
    pub(super) json: bool,
}

/// Looks at the configuration as a start does, and at all that a start would refuse, as far as that can be told without
/// writing or listening: a server may be running over the same data.
pub(super) fn check(sources: &Sources) -> Report {
    let loaded = Config::load(sources);
    let mut warnings = near_misses(&sources.environment);
    let (problems, config) = match loaded {
        Err(error) => (error.faults().to_vec(), None),
        Ok(config) => {
            warnings.extend_from_slice(config.warnings());
            (refusals(&config), Some(config))
        }
    };
    Report { config, problems, warnings }
}

/// What a start with this configuration would fail with.
fn refusals(config: &Config) -> Vec<String> {
    let capture = Arc::new(Capture::new());
    let looked_at = [
        serve::start_log(config),
        descriptors::places(descriptors::raise(), config.server.max_connections).map(drop),
        key_file::inspect(config),
        serve::email_transport(config, &capture).map(drop),
    ];
    looked_at.into_iter().filter_map(Result::err).collect()
}
