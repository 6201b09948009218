//! The options of HTTP, from the configuration.

use std::time::Duration;

use url::Url;

use crate::config::Config;
use crate::http::HttpOptions;
use crate::npm::Bundles;

use super::StartupError;

/// The options for a server that has no socket yet, so that the port of `public_url` may still be 0.
pub(super) fn http_options(config: &Config) -> Result<HttpOptions, StartupError> {
    let server = &config.server;
    let url = public_url(config, server.listen.port())?;
    let key = config.publishable_key();
    let defaults = HttpOptions::new(url, key.as_str(), config.is_development());
    Ok(HttpOptions {
        listen: [Some(server.listen.address), server.listen.beside].into_iter().flatten().collect(),
        trusted_proxies: server.trusted_proxies.clone(),
        max_body_bytes: server.max_body_bytes,
        header_timeout: Duration::from_millis(server.header_timeout_ms),
        body_timeout: Duration::from_millis(server.body_timeout_ms),
        write_timeout: Duration::from_millis(server.write_timeout_ms),
        min_bytes_per_s: server.min_bytes_per_s,
        requests: config.request_log(),
        requests_one_in: config.telemetry.requests_one_in,
        // The rest of the time is for the engine and the store, which stop after the last answer.
        drain_timeout: Duration::from_secs(server.drain_timeout_s).mul_f64(ANSWERS_SHARE),
        max_connections: server.max_connections,
        max_connections_per_source: server.connections_per_source.unwrap_or(defaults.max_connections_per_source),
        npm_cdn: server.npm_cdn.url().cloned(),
        ..defaults
    })
}

/// The files of Clerk's browser packages, from `server.npm_dir`.
pub fn bundles(config: &Config) -> Result<Option<Bundles>, StartupError> {
    let Some(folder) = &config.server.npm_dir else { return Ok(None) };
    let bundles = Bundles::open(folder).map_err(|error| StartupError::at(config, "server.npm_dir", error))?;
    Ok(Some(bundles))
}

/// The engine's own origin.
pub(super) fn public_url(config: &Config, port: u16) -> Result<Url, StartupError> {
    config.public_url(port).origin().parse().map_err(|error| StartupError::new(format!("server.public_url: {error}")))
}

/// Share of the drain timeout for answers in progress.
const ANSWERS_SHARE: f64 = 0.75;
