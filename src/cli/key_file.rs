//! The instance key's file, before anything is written.

use std::path::{Path, PathBuf};

use crate::config::{Config, StoreKind};
use crate::store::sled::holds_data;
use crate::token::{InstanceKey, KeyFileError};

use super::data_error;

/// What is wrong with the key file as far as that can be told without writing: above all that it is missing while there
/// is data, which a new key would not open.
///
/// # Errors
/// One sentence that says what to do.
pub(super) fn inspect(config: &Config) -> Result<(), String> {
    let key_file = config.key_file();
    let on_disk = config.store.kind == StoreKind::Sled;
    if !on_disk && config.instance.key_file.is_none() {
        return Ok(());
    }
    let data = &config.store.path;
    let has_data = on_disk && holds_data(data).map_err(|error| data_error(data, &error))?;
    match InstanceKey::load(&key_file) {
        Ok(None) if has_data => Err(missing(&key_file, data)),
        Ok(_) => Ok(()),
        // The start takes from others what they may do with the key in the data folder.
        Err(KeyFileError::Exposed(path)) if on_disk && path == beside(data) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
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
