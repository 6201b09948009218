//! The instance key's file, before anything is written.

use std::path::Path;

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
    match InstanceKey::load(&key_file) {
        Ok(Some(_)) => Ok(()),
        Ok(None) if on_disk => {
            let data = &config.store.path;
            let has_data = holds_data(data).map_err(|error| data_error(data, &error))?;
            if has_data { Err(missing(&key_file, data)) } else { Ok(()) }
        }
        Ok(None) => Ok(()),
        // The start takes the rights of others from what lies in the data folder.
        Err(KeyFileError::Exposed(path)) if on_disk && path.parent() == Some(&config.store.path) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

fn missing(key_file: &Path, data: &Path) -> String {
    let beside = data.join("instance.key");
    let (key_file, data) = (key_file.display(), data.display());
    let remedy = if beside.exists() {
        format!("move {} there", beside.display())
    } else {
        "restore it from where it was kept, or name it in `instance.key_file`".into()
    };
    format!("the key file {key_file} is missing, but there is data in {data} that only its key opens; {remedy}")
}
