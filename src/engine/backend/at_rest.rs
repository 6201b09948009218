//! Overrides in a store that no engine uses, for the command line.

use crate::actors::announce;
use crate::domain::settings::Settings;
use crate::domain::settings::overrides::Overrides;
use crate::domain::time::Timestamp;
use crate::store::{CommitError, Store, StoreError};

use super::instance::OverridesView;
use crate::engine::amendments::{ConfiguredBeside, Versioned, configured_overrides, read_overrides};

/// What is stored, beside what is configured.
///
/// # Errors
/// When it can't be read.
pub(crate) async fn stored_overrides(
    store: &dyn Store,
    configured: &Settings,
    beside: ConfiguredBeside,
) -> Result<OverridesView, StoreError> {
    let Versioned { version, overrides } = read_overrides(store).await?;
    Ok(OverridesView { version, stored: overrides, configured: configured_overrides(configured, beside) })
}

/// Drops what is stored.
///
/// # Errors
/// When the store refuses the commit.
pub(crate) async fn drop_stored_overrides(store: &dyn Store, view: &OverridesView) -> Result<(), CommitError> {
    if view.stored == Overrides::default() {
        return Ok(());
    }
    let before = Versioned { version: view.version, overrides: view.stored.clone() };
    let mut commit = before.replaced_by(Timestamp::default(), &before.next(Overrides::default()));
    if store.is_shared() {
        announce(&mut commit);
    }
    store.commit(vec![commit]).await.pop().unwrap_or(Err(CommitError::Unknown)).map(drop)
}
