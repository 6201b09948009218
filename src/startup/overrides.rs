//! What the application's backend changed over the configuration, read from the data of a server that does not run.

use crate::config::{Config, StoreKind};
use crate::engine::{ConfiguredBeside, OverridesView, drop_stored_overrides, stored_overrides};
use crate::store::ledger::holds_data;

use super::diagnostics::data_error;
use super::{StartupError, storage};

/// The stored overrides beside what is configured; `None` where there is no data yet. The store is opened as for a start,
/// so it finds what a start would find, and a running server keeps it out.
///
/// # Errors
/// Why the data can't be read, such as a server that is using them.
pub async fn overrides(config: &Config) -> Result<Option<OverridesView>, StartupError> {
    with_store(config, false).await
}

/// Drops the stored overrides, so that the configuration alone is in force. Returns those that were stored.
///
/// # Errors
/// As [`overrides`], and when the data can't be written.
pub async fn drop_overrides(config: &Config) -> Result<Option<OverridesView>, StartupError> {
    with_store(config, true).await
}

async fn with_store(config: &Config, drops: bool) -> Result<Option<OverridesView>, StartupError> {
    let path = &config.store.path;
    let holds_data = match config.store.kind {
        StoreKind::Memory => false,
        StoreKind::Sled => holds_data(path).map_err(|error| StartupError::new(data_error(path, &error)))?,
        StoreKind::Postgres => true,
    };
    if !holds_data {
        return Ok(None);
    }
    let beside = ConfiguredBeside {
        allowed_origins: config.server.allowed_origins.iter().map(|origin| origin.as_str().to_owned()).collect(),
        support_email: config.branding().support_email,
        test_mode: config.verification.test_mode,
    };
    // A look at the data is no reason to write all of it anew.
    let mut config = config.clone();
    config.store.rewrite_after_days = 0;
    let (_, store) = storage::open(&config).await?;
    let found = stored_overrides(&*store, config.settings(), beside).await;
    let done = match &found {
        Ok(view) if drops => drop_stored_overrides(&*store, view).await.map_err(StartupError::new),
        _ => Ok(()),
    };
    store.close().await;
    done?;
    found.map(Some).map_err(StartupError::new)
}
