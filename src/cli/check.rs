//! `vestibule check`: whether the server would start, what is risky, and what differs from the defaults.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::sync::Arc;

use clap::Args;

use crate::config::{Config, Sources, StoreKind, near_misses};
use crate::delivery::Capture;
use crate::startup::{
    StartupError, bundles, data_error, dkim, email_transport, inspect, listen_error, look_at_database, message_style,
    sms_transport, weakness,
};
use crate::store::could_hold_data;

use super::migrate::wait;
use super::overrides::stored;
use super::report::Report;
use super::{descriptors, serve};

/// Arguments of `vestibule check`.
#[derive(Clone, Debug, Default, PartialEq, Args)]
pub(super) struct CheckArguments {
    /// Print the whole configuration in force, secrets masked, as TOML that can be loaded again
    #[arg(long)]
    pub(super) all: bool,
    /// Print one JSON object instead; with --all the whole configuration is in it
    #[arg(long)]
    pub(super) json: bool,
    /// Read the data too, for what the application's backend changed; the server must be stopped
    #[arg(long)]
    pub(super) stored: bool,
}

/// Checks the configuration and everything else that a start would refuse. Tests with side effects are undone at once,
/// because a server may be running with the same data. The data are opened only if that is wanted.
pub(super) fn check(wanted: &CheckArguments, sources: &Sources) -> Report {
    let loaded = Config::load(sources);
    let mut warnings = near_misses(&sources.environment);
    let (problems, config) = match loaded {
        Err(error) => (error.faults().to_vec(), None),
        Ok(config) => {
            warnings.extend_from_slice(config.warnings());
            warnings.extend(weakness(&config));
            let mut problems = refusals(&config);
            match address(&config) {
                Address::Free => {}
                Address::InUse(warning) => warnings.push(warning),
                Address::Refused(problem) => problems.push(problem),
            }
            (problems, Some(config))
        }
    };
    let mut overrides = None;
    if let Some(config) = config.as_ref().filter(|_| wanted.stored && problems.is_empty()) {
        match stored(config) {
            Ok(found) => overrides = found,
            Err(reason) => {
                warnings.push(format!("what the application's backend changed can't be read now: {reason}"));
            }
        }
    }
    let dkim = config.as_ref().and_then(|config| dkim(config).ok()?);
    let dkim_record = dkim.map(|dkim| (dkim.record_name(), dkim.record()));
    Report { config, overrides, problems, warnings, dkim_record }
}

/// All reasons for which a start would fail.
fn refusals(config: &Config) -> Vec<String> {
    let capture = Arc::new(Capture::new());
    let sentence = |error: StartupError| error.to_string();
    let looked_at = [
        serve::start_log(config),
        descriptors::max_connections(descriptors::raise(), config.server.max_connections).map(drop),
        data_folder(config),
        inspect(config).map(drop).map_err(sentence),
        bundles(config).map(drop).map_err(sentence),
        message_style(config).map(drop).map_err(sentence),
        email_transport(config, &capture).map(drop).map_err(sentence),
        sms_transport(config, &capture).map(drop).map_err(sentence),
    ];
    let mut sentences: Vec<String> = looked_at.into_iter().filter_map(Result::err).collect();
    // A bad data folder is reported once, though it affects the key file too.
    sentences.dedup();
    sentences
}

fn data_folder(config: &Config) -> Result<(), String> {
    let path = &config.store.path;
    match config.store.kind {
        StoreKind::Memory => Ok(()),
        StoreKind::Sled => could_hold_data(path).map_err(|error| data_error(path, &error)),
        StoreKind::Postgres => wait(look_at_database(config))?.map_err(|error| error.to_string()),
    }
}

/// Result of a short attempt to listen on the configured address.
enum Address {
    Free,
    /// In most cases by the instance that is being checked.
    InUse(String),
    Refused(String),
}

fn address(config: &Config) -> Address {
    let address = config.server.listen.address;
    match TcpListener::bind(address) {
        Ok(_) => Address::Free,
        Err(error) if error.kind() == ErrorKind::AddrInUse => Address::InUse(format!(
            "`server.listen`: {address} is in use; if that is not this instance running already, stop the other program or \
             choose another port with --listen or `server.listen`"
        )),
        Err(error) => Address::Refused(listen_error(address, &error)),
    }
}
