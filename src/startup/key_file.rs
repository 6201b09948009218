//! Checks of the instance key file before anything is written.

use std::path::{Path, PathBuf, absolute};

use crate::config::{Config, StoreKind};
use crate::store::could_be_written;
use crate::store::ledger::holds_data;
use crate::token::{InstanceKey, KeyFileError};

use super::StartupError;
use super::diagnostics::data_error;

/// Checks the key file without writing. Above all it must not be missing while there is data, because a new key could
/// not decrypt it. Returns the path at which a start would create the file, if it would.
///
/// # Errors
/// One sentence that says what is wrong and what to do.
pub fn inspect(config: &Config) -> Result<Option<PathBuf>, StartupError> {
    let key_file = config.key_file();
    let on_disk = config.store.kind == StoreKind::Sled;
    if !on_disk && config.instance.key_file.is_none() {
        return Ok(None);
    }
    let data = &config.store.path;
    let has_data = on_disk && holds_data(data).map_err(|error| StartupError::new(data_error(data, &error)))?;
    match InstanceKey::load(&key_file) {
        Ok(None) if has_data => Err(StartupError::new(missing(&key_file, data))),
        Ok(None) => could_be_made(config, &key_file).map(|()| Some(key_file)).map_err(StartupError::new),
        Ok(Some(_)) => Ok(None),
        // A start fixes the permissions of the key file in the data folder by itself.
        Err(KeyFileError::Exposed(path)) if on_disk && path == default_path(data) => Ok(None),
        Err(error) => Err(StartupError::new(error)),
    }
}

/// A warning if the key in the file was not drawn at random. It is not an error, because data may be encrypted under
/// it.
#[cfg(any(feature = "cli", feature = "unstable"))]
pub fn weakness(config: &Config) -> Option<String> {
    if config.store.kind != StoreKind::Sled && config.instance.key_file.is_none() {
        return None;
    }
    let key_file = config.key_file();
    let why = InstanceKey::load(&key_file).ok()??.weakness()?;
    Some(format!(
        "the key in {} is easy to guess: it {why}, and with the key all data and sessions can be read; if there is no \
         data yet, move the file away, and the next start makes a new key",
        key_file.display()
    ))
}

/// Checks that a new key could be written there. A missing data folder is created. Any other folder must exist: with a
/// misspelt path the operator would not know where the key is.
fn could_be_made(config: &Config, key_file: &Path) -> Result<(), String> {
    if key_file.as_os_str().as_encoded_bytes().ends_with(b"/") {
        let folder = key_file.display();
        return Err(format!(
            "the key file {folder} would be a folder; name the file in it, such as {folder}instance.key, in \
             `instance.key_file`"
        ));
    }
    let folder = key_file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let is_data = config.store.kind == StoreKind::Sled && is_same(folder, &config.store.path);
    if !is_data && matches!(folder.try_exists(), Ok(false)) {
        return Err(format!(
            "there is no folder {} for the key file; make it (`mkdir -p -m 700`), or name another file in \
             `instance.key_file`",
            folder.display()
        ));
    }
    could_be_written(folder).map_err(|error| {
        if is_data {
            return data_error(&config.store.path, &error);
        }
        let (key_file, folder) = (key_file.display(), folder.display());
        format!(
            "the key file {key_file} can't be made in {folder}: {error}; give this user the permission, or name \
             another file in `instance.key_file`"
        )
    })
}

/// Whether both paths are the same after they are made absolute.
fn is_same(left: &Path, right: &Path) -> bool {
    matches!((absolute(left), absolute(right)), (Ok(left), Ok(right)) if left == right)
}

fn missing(key_file: &Path, data: &Path) -> String {
    let default = default_path(data);
    let (key_file, data) = (key_file.display(), data.display());
    let remedy = if default.exists() {
        format!("move {} there", default.display())
    } else {
        "restore it from where it was kept, or name it in `instance.key_file`".into()
    };
    format!("the key file {key_file} is missing, but there is data in {data} that only its key opens; {remedy}")
}

/// The default path of the key file.
fn default_path(data: &Path) -> PathBuf {
    data.join("instance.key")
}
