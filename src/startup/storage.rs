//! The instance key and the store, from the configuration.

use std::sync::Arc;

use crate::config::{Config, StoreKind};
#[cfg(feature = "sled")]
use crate::domain::time::Span;
#[cfg(feature = "sled")]
use crate::store::{EmbeddedOptions, EmbeddedStore, Sealing, make_private};
use crate::store::{MemoryStore, Store};
use crate::token::InstanceKey;

use super::StartupError;
#[cfg(feature = "sled")]
use super::diagnostics::data_error;

/// Opens both; what is missing is created.
pub(super) fn open(config: &Config) -> Result<(InstanceKey, Arc<dyn Store>), StartupError> {
    match config.store.kind {
        StoreKind::Memory => {
            let key = match config.instance.key_file {
                Some(_) => load_or_create(config)?,
                None => InstanceKey::generate(),
            };
            Ok((key, Arc::new(MemoryStore::new())))
        }
        StoreKind::Sled => on_disk(config),
    }
}

fn load_or_create(config: &Config) -> Result<InstanceKey, StartupError> {
    InstanceKey::load_or_create(&config.key_file()).map_err(StartupError::new)
}

#[cfg(feature = "sled")]
fn on_disk(config: &Config) -> Result<(InstanceKey, Arc<dyn Store>), StartupError> {
    let section = &config.store;
    make_private(&section.path).map_err(|error| StartupError::new(data_error(&section.path, &error)))?;
    let key = load_or_create(config)?;
    let days = section.rewrite_after_days;
    let options = EmbeddedOptions {
        durability: section.durability,
        sealing: Some(Sealing { key: key.store_key(), seal: section.encryption }),
        rewrite_after: (days > 0).then(|| Span::from_secs(days.saturating_mul(86_400))),
    };
    let store = EmbeddedStore::open_with(&section.path, &options).map_err(StartupError::new)?;
    Ok((key, Arc::new(store)))
}

#[cfg(not(feature = "sled"))]
fn on_disk(_: &Config) -> Result<(InstanceKey, Arc<dyn Store>), StartupError> {
    Err(StartupError::new(
        "`store.kind` is \"sled\", but this program was built without the feature `sled`; use \"memory\"",
    ))
}
