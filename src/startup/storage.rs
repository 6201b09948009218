//! The instance key and the store, from the configuration.

use std::sync::Arc;

use url::Url;

use crate::config::{Config, StoreKind};
use crate::delivery::{Capture, mailbox};
#[cfg(feature = "sled")]
use crate::domain::time::Span;
#[cfg(all(feature = "cli", feature = "postgres"))]
use crate::store::Projected;
#[cfg(any(feature = "sled", feature = "postgres"))]
use crate::store::Sealing;
#[cfg(feature = "sled")]
use crate::store::{EmbeddedOptions, EmbeddedStore, make_private};
use crate::store::{MemoryStore, Store};
#[cfg(feature = "postgres")]
use crate::store::{PostgresOptions, PostgresStore};
use crate::token::InstanceKey;

use super::StartupError;
#[cfg(feature = "sled")]
use super::diagnostics::data_error;

/// Opens both; what is missing is created.
pub(super) async fn open(config: &Config) -> Result<(InstanceKey, Arc<dyn Store>), StartupError> {
    match config.store.kind {
        StoreKind::Memory => {
            let key = match config.instance.key_file {
                Some(_) => load_or_create(config)?,
                None => InstanceKey::generate(),
            };
            Ok((key, Arc::new(MemoryStore::new())))
        }
        StoreKind::Sled => on_disk(config),
        StoreKind::Postgres => in_database(config).await,
    }
}

/// Keeps the captured messages beside the data of a store on the disk, sealed under the instance key, and reads those that
/// are there. The store must be open: its lock guards these files, too.
pub(super) fn keep_mailbox(config: &Config, capture: &Capture) -> Result<(), StartupError> {
    let domain = config.public_url(config.server.listen.port()).to_string().parse::<Url>().ok();
    let domain = domain.as_ref().and_then(Url::domain).unwrap_or("localhost");
    let sender = || mailbox(&config.branding().name, &format!("no-reply@{domain}"));
    capture.set_sender(config.email.from.clone().unwrap_or_else(sender));
    if config.store.kind != StoreKind::Sled {
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

#[cfg(feature = "postgres")]
async fn in_database(config: &Config) -> Result<(InstanceKey, Arc<dyn Store>), StartupError> {
    let key = load_or_create(config)?;
    let store = PostgresStore::open(&database(config, &key)?).await.map_err(StartupError::new)?;
    Ok((key, Arc::new(store)))
}

#[cfg(feature = "postgres")]
fn database(config: &Config, key: &InstanceKey) -> Result<PostgresOptions, StartupError> {
    let section = &config.store;
    let url = section.url.clone().ok_or_else(|| StartupError::new("`store.url` is missing"))?;
    let sealing = Some(Sealing { key: key.store_key(), seal: section.encryption });
    let prefix = section.prefix.clone();
    Ok(PostgresOptions { url, prefix, sealing, migrates: section.migrate, projects: section.projection })
}

/// Writes the rows of all users anew in the table for SQL.
///
/// # Errors
/// Why they can't be written, or that the store is in no database.
#[cfg(all(feature = "cli", feature = "postgres"))]
pub async fn project(config: &Config) -> Result<Projected, StartupError> {
    if config.store.kind != StoreKind::Postgres {
        return Err(StartupError::new("`store.kind` is not \"postgres\": other stores have no table of users"));
    }
    let key_file = config.key_file();
    let key = InstanceKey::load(&key_file).map_err(StartupError::new)?;
    let missing = || StartupError::new(format!("the key file {} is missing", key_file.display()));
    PostgresStore::project(&database(config, &key.ok_or_else(missing)?)?).await.map_err(StartupError::new)
}

/// Makes the tables of the database where they are missing.
///
/// # Errors
/// Why they can't be made, or that the store is in no database.
#[cfg(all(feature = "cli", feature = "postgres"))]
pub async fn migrate(config: &Config) -> Result<(), StartupError> {
    if config.store.kind != StoreKind::Postgres {
        return Err(StartupError::new("`store.kind` is not \"postgres\": other stores need no migration"));
    }
    let Some(url) = config.store.url.clone() else { return Err(StartupError::new("`store.url` is missing")) };
    let prefix = config.store.prefix.clone();
    let options = PostgresOptions { url, prefix, sealing: None, migrates: true, projects: config.store.projection };
    PostgresStore::migrate(&options).await.map_err(StartupError::new)
}

/// Whether a start could use the database; nothing is changed there.
///
/// # Errors
/// Why not.
#[cfg(all(feature = "cli", feature = "postgres"))]
pub async fn look_at_database(config: &Config) -> Result<(), StartupError> {
    let key = InstanceKey::load(&config.key_file()).map_err(StartupError::new)?;
    // A key that is yet to be made can't be compared, and fits no data that is there.
    let options = database(config, &key.unwrap_or_else(InstanceKey::generate))?;
    PostgresStore::inspect(&options).await.map_err(StartupError::new)
}

#[cfg(not(feature = "postgres"))]
async fn in_database(_: &Config) -> Result<(InstanceKey, Arc<dyn Store>), StartupError> {
    Err(StartupError::new(WITHOUT))
}

/// Says that this program has no such store.
///
/// # Errors
/// Always.
#[cfg(all(feature = "cli", not(feature = "postgres")))]
pub async fn migrate(_: &Config) -> Result<(), StartupError> {
    Err(StartupError::new(WITHOUT))
}

/// Says that this program has no such store.
///
/// # Errors
/// Always.
#[cfg(all(feature = "cli", not(feature = "postgres")))]
pub async fn look_at_database(_: &Config) -> Result<(), StartupError> {
    Err(StartupError::new(WITHOUT))
}

#[cfg(not(feature = "postgres"))]
const WITHOUT: &str = "`store.kind` is \"postgres\", but this program was built without the feature `postgres`; build it with \
                       `cargo build --release --features postgres`, or use another kind";
