//! The instance key and the store, from the configuration.

use std::sync::Arc;

use url::Url;

use crate::config::{Config, StoreKind};
use crate::delivery::{Capture, mailbox};
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

/// Keeps the captured messages beside the data of a store on the disk, sealed under the instance key, and reads those that
/// are there. The store must be open: its lock guards these files, too.
pub(super) fn keep_mailbox(config: &Config, capture: &Capture) -> Result<(), StartupError> {
    let domain = config.public_url(config.server.listen.port()).to_string().parse::<Url>().ok();
    let domain = domain.as_ref().and_then(Url::domain).unwrap_or("localhost");
    let sender = || mailbox(&config.branding().name, &format!("no-reply@{domain}"));
    capture.set_sender(config.email.from.clone().unwrap_or_else(sender));
    if config.store.kind == StoreKind::Memory {
        return Ok(());
    }
    let folder = &config.store.path;
    let kept = capture.keep_in(folder, Arc::new(load_or_create(config)?));
    kept.map_err(|error| StartupError::new(format!("the mailbox in {} can't be used: {error}", folder.display())))
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
