//! A copy of a store, between the embedded store and a database, from what an operator names.

use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::domain::secret::Secret;
use crate::store::{Copied, CopyPlace, CopyProgress, PostgresOptions, PostgresStore, Sealing, copy};
use crate::token::InstanceKey;

use super::StartupError;

/// Copies the store at `from` into an empty one at `to`, or goes on with a copy that was interrupted. Each is a folder, the URL
/// of a database, or `store.url` for the one that is configured; tables have this prefix. Both sides have the same instance
/// key, whose file is returned too.
///
/// # Errors
/// One sentence that says what is wrong and what to do.
pub async fn copy_store(
    config: &Config,
    from: &str,
    to: &str,
    prefix: &str,
    tell: &mut (dyn FnMut(CopyProgress) + Send),
) -> Result<(Copied, PathBuf), StartupError> {
    let (from, to) = (Named::read(config, from)?, Named::read(config, to)?);
    let key_file = key_file(config, &from, &to);
    let key = InstanceKey::load(&key_file).map_err(StartupError::new)?;
    let key = key.ok_or_else(|| {
        let key_file = key_file.display();
        StartupError::new(format!(
            "the key file {key_file} is missing; name the one of the source in `instance.key_file`"
        ))
    })?;
    let sealing = || Sealing { key: key.store_key(), seal: config.store.encryption };
    let place = |named: &Named| named.place(prefix, sealing(), config.store.projection);
    let (from, to) = (place(&from), place(&to));
    let copied = copy(&from, &to, tell).await.map_err(StartupError::new)?;
    if let CopyPlace::Tables(options) = &to
        && options.projects
    {
        PostgresStore::project(options).await.map_err(StartupError::new)?;
    }
    Ok((copied, key_file))
}

/// Where a store is, as an operator names it.
enum Named {
    Folder(PathBuf),
    Url(Secret<String>),
}

impl Named {
    fn read(config: &Config, text: &str) -> Result<Self, StartupError> {
        if text == CONFIGURED {
            let url = config.store.url.clone();
            return url.map(Self::Url).ok_or_else(|| StartupError::new("`store.url` is missing"));
        }
        match text.split_once(':') {
            Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") => {
                Ok(Self::Url(Secret::new(text.into())))
            }
            // The text may have a password: it is not shown.
            Some((scheme, rest)) if rest.starts_with("//") || scheme.starts_with("postgres") => {
                Err(StartupError::new(format!(
                    "a store can't be named by a URL that begins with {scheme}: use postgres://user@host/database, or a folder"
                )))
            }
            _ if text.is_empty() => Err(StartupError::new("a store can't be named by an empty text")),
            _ => Ok(Self::Folder(text.into())),
        }
    }

    fn folder(&self) -> Option<&Path> {
        match self {
            Self::Folder(path) => Some(path),
            Self::Url(_) => None,
        }
    }

    fn place(&self, prefix: &str, sealing: Sealing, projects: bool) -> CopyPlace {
        let sealing = Some(sealing);
        match self {
            Self::Folder(path) => CopyPlace::Folder { path: path.clone(), sealing },
            Self::Url(url) => CopyPlace::Tables(PostgresOptions {
                url: url.clone(),
                prefix: prefix.into(),
                sealing,
                migrates: true,
                projects,
            }),
        }
    }
}

/// The file with the instance key: the configured one, or the one that a folder has in it.
fn key_file(config: &Config, from: &Named, to: &Named) -> PathBuf {
    if config.instance.key_file.is_some() {
        return config.key_file();
    }
    let in_folder = [from, to].into_iter().filter_map(Named::folder).map(|folder| folder.join("instance.key"));
    in_folder.into_iter().find(|file| file.exists()).unwrap_or_else(|| config.key_file())
}

/// The name for the database that is configured: a URL with a password need not be among the arguments of a process.
const CONFIGURED: &str = "store.url";
