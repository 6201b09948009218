//! The settings document: chooses it (a sample, a file or inline tables) and reads it.

use std::fs;
use std::path::Path;

use toml::{Table, Value};

use crate::domain::settings::Settings;

use super::error::ConfigError;
use super::layer::{Entry, Given, Laid, Layer, lay, lay_what_fits};
use super::nearest::nearest;
use super::samples::{SAMPLES, sample, sample_names};

/// A settings document that has been chosen and read.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) settings: Settings,
    /// Its name in messages: `the sample "password"`, a path, or the configuration file.
    pub(super) origin: String,
    /// Whether it was chosen explicitly; false for the default.
    pub(super) is_given: bool,
    /// The key `settings.file`, if it is set.
    pub(super) file: Option<Entry>,
    /// Its keys, with those of the environment over them.
    pub(super) layer: Layer,
}

impl Document {
    /// Chooses by the keys of `[settings]` in the file and the environment, and reads the document.
    ///
    /// # Errors
    /// A sentence for each fault.
    pub(super) fn choose(
        default: Option<Value>,
        from_file: Layer,
        over: Layer,
        directory: &Path,
    ) -> Result<Self, ConfigError> {
        let (bare, inside): (Vec<_>, Vec<_>) = from_file.0.into_iter().partition(|e| e.path.is_empty());
        if let Some(entry) = bare.iter().find(|e| !matches!(e.given, Given::Toml(Value::Table(_)))) {
            return Err(ConfigError::at(Some(&entry.place), "settings", "must be a section: [settings]"));
        }
        let (mut file, inline): (Vec<_>, Vec<_>) = inside.into_iter().partition(|e| e.path == [FILE]);
        let file = file.pop();
        if let (Some(file), false) = (&file, inline.is_empty()) {
            return Err(conflict(file, Layer(inline)));
        }
        let (mut chosen, patches): (Vec<_>, Vec<_>) = over.0.into_iter().partition(|e| e.path == [FILE]);
        // A path in the file is relative to the file; one in the environment to the working directory.
        let named = chosen.pop().map(|entry| (entry, Path::new(""))).or(file.map(|entry| (entry, directory)));
        let is_given = named.is_some() || !inline.is_empty();
        let (origin, layer, file) = match named {
            Some((entry, relative_to)) => {
                let fault = |reason: &str| ConfigError::at(Some(&entry.place), "settings.file", reason);
                let name = entry.given.text().ok_or_else(|| fault("must be a text in quotes"))?;
                let (origin, layer) = find(name, relative_to).map_err(|reason| fault(&reason))?;
                (origin, layer?, Some(entry))
            }
            None if inline.is_empty() => {
                let name = default.as_ref().and_then(|t| t.get(FILE)).and_then(Value::as_str).unwrap_or_default();
                let (origin, layer) = find(name, directory).map_err(ConfigError::new)?;
                (origin, layer?, None)
            }
            None => ("the configuration file".into(), Layer(inline), None),
        };
        let is_given = is_given || !patches.is_empty();
        let layer = Layer(layer.0.into_iter().chain(patches).collect());
        Ok(Self { settings: settings_of(&layer)?, origin, is_given, file, layer })
    }
}

/// The error if `settings.file` and inline settings are both given. Unknown keys are reported first: a misspelt key may
/// be the only inline one.
fn conflict(file: &Entry, inline: Layer) -> ConfigError {
    let laid: Result<Laid<Settings>, _> = lay_what_fits(Table::new(), &inline, PREFIX, is_secret);
    let faults = laid.map(|laid| laid.faults).unwrap_or_default();
    let is_all = faults.len() == inline.0.len();
    let mut errors: Vec<ConfigError> = faults.into_iter().map(ConfigError::from).collect();
    if !is_all {
        let name = file.given.text().unwrap_or_default();
        let whole = match sample(name) {
            Some(_) => format!("the whole sample: copy the text of config/settings/{name}.toml"),
            None => format!("that whole document: copy the text of {name:?}"),
        };
        let reason = format!(
            "can't be used together with other keys of [settings], each of which replaces {whole} before them, with \
             `settings.` before each name in brackets, and remove `file`"
        );
        errors.push(ConfigError::at(Some(&file.place), "settings.file", &reason));
    }
    ConfigError::together(errors)
}

/// Parses and validates a whole settings document.
pub(super) fn settings_of(layer: &Layer) -> Result<Settings, ConfigError> {
    let (settings, _): (Settings, Table) = lay(Table::new(), layer, PREFIX, is_secret)?;
    settings.validate().map_err(|e| ConfigError::at(layer.place(&e.key), &format!("{PREFIX}{}", e.key), &e.reason))?;
    Ok(settings)
}

fn is_secret(path: &[String]) -> bool {
    path.last().is_some_and(|key| key == "client_secret")
}

/// The name of a document in messages, and its keys. The outer error concerns the name, the inner one the content.
fn find(name: &str, directory: &Path) -> Result<(String, Result<Layer, ConfigError>), String> {
    if let Some(text) = sample(name) {
        return Ok((format!("the sample {name:?}"), Layer::sample(name, text)));
    }
    let path = directory.join(name);
    let origin = path.display().to_string();
    match fs::read_to_string(&path) {
        Ok(text) => Ok((origin.clone(), Layer::file(&origin, &text))),
        Err(error) => {
            let meant = nearest(name, SAMPLES.map(|(name, _)| name));
            let meant = meant.map(|meant| format!("; did you mean {meant:?}?")).unwrap_or_default();
            let samples = sample_names();
            Err(format!("names neither a sample ({samples}) nor a file that can be read: {origin}: {error}{meant}"))
        }
    }
}

const FILE: &str = "file";
/// Prefix of the keys in messages.
const PREFIX: &str = "settings.";
