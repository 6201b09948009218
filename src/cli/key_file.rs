//! The instance key's file, before anything is written.

use std::path::{Path, PathBuf, absolute};

use crate::config::{Config, StoreKind};
use crate::store::could_be_written;
use crate::store::ledger::holds_data;
use crate::token::{InstanceKey, KeyFileError};

use super::data_error;

/// What is wrong with the key file as far as that can be told without writing: above all that it is missing while there
/// is data, which a new key would not open. Returns the file that a start would make, if it would make one.
///
/// # Errors
/// One sentence that says what to do.
pub(super) fn inspect(config: &Config) -> Result<Option<PathBuf>, String> {
    let key_file = config.key_file();
    let on_disk = config.store.kind == StoreKind::Sled;
    if !on_disk && config.instance.key_file.is_none() {
        return Ok(None);
    }
    let data = &config.store.path;
    let has_data = on_disk && holds_data(data).map_err(|error| data_error(data, &error))?;
    match InstanceKey::load(&key_file) {
        Ok(None) if has_data => Err(missing(&key_file, data)),
        Ok(None) => could_be_made(config, &key_file).map(|()| Some(key_file)),
        Ok(Some(_)) => Ok(None),
        // The start takes from others what they may do with the key in the data folder.
        Err(KeyFileError::Exposed(path)) if on_disk && path == beside(data) => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

/// A warning where the key in the file is none that was drawn at random. It is not refused: there may be data under it.
pub(super) fn weakness(config: &Config) -> Option<String> {
    if config.store.kind != StoreKind::Sled && config.instance.key_file.is_none() {
        return None;
    }
    let key_file = config.key_file();
    let why = InstanceKey::load(&key_file).ok()??.weakness()?;
    Some(format!(
        "the key in {} may be guessed: it {why}, and with it come all data and sessions; move the file away where there is no \
         data yet, and a new key is made",
        key_file.display()
    ))
}

/// Whether a new key could be written there. A missing data folder is made. Any other folder must exist: with a misspelt
/// path the key would be written to a place that the operator does not know of.
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
            "the key file {key_file} can't be made in {folder}: {error}; give this user the right to, or name another \
             file in `instance.key_file`"
        )
    })
}

/// Whether both are spellings of one path.
fn is_same(left: &Path, right: &Path) -> bool {
    matches!((absolute(left), absolute(right)), (Ok(left), Ok(right)) if left == right)
}

fn missing(key_file: &Path, data: &Path) -> String {
    let beside = beside(data);
    let (key_file, data) = (key_file.display(), data.display());
    let remedy = if beside.exists() {
        format!("move {} there", beside.display())
    } else {
        "restore it from where it was kept, or name it in `instance.key_file`".into()
    };
    format!("the key file {key_file} is missing, but there is data in {data} that only its key opens; {remedy}")
}

/// Where the key is unless the configuration says otherwise.
fn beside(data: &Path) -> PathBuf {
    data.join("instance.key")
}
