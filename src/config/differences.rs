//! Differences from the defaults, and where each was set.

use toml::{Table, Value};

use crate::domain::settings::Settings;

use super::document::Document;
use super::effective::{MASK, is_hidden, masked_value};
use super::error::ConfigError;
use super::layer::{Layer, Place};
use super::samples::sample_settings;

/// A key whose value is not the default.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Full name, such as `server.listen`.
    pub key: String,
    /// The value, masked if it is secret; `None` if only the default has one.
    pub value: Option<Value>,
    /// The default; `None` if there is none.
    pub default: Option<Value>,
    /// Where it was set.
    pub place: Place,
}

/// The differences between `defaults` and `given`, then those between the settings and the default sample.
pub(super) fn differences(
    defaults: &Table,
    given: &Table,
    layer: &Layer,
    document: &Document,
) -> Result<Vec<Difference>, ConfigError> {
    let nowhere = || Place::Unnamed("the configuration".into());
    let mut found: Vec<Difference> = changed(defaults, given)
        .into_iter()
        .map(|(key, default, value)| Difference {
            place: layer.place(&key).cloned().unwrap_or_else(nowhere),
            ..Difference::new(key, default, value)
        })
        .collect();
    if let Some(file) = &document.file {
        let default = Value::String(DEFAULT_SAMPLE.into());
        let name = file.given.text().unwrap_or_default();
        if name != DEFAULT_SAMPLE {
            let named = Difference::new("settings.file".into(), Some(default), Some(Value::String(name.into())));
            found.push(Difference { place: file.place.clone(), ..named });
        }
    }
    let default = sample_settings(DEFAULT_SAMPLE)?;
    found.extend(changed(&table_of(&default), &table_of(&document.settings)).into_iter().map(
        |(key, default, value)| {
            let place = document.layer.place(&key).cloned();
            let place = place.unwrap_or_else(|| Place::Unnamed(document.origin.clone()));
            Difference { place, ..Difference::new(format!("settings.{key}"), default, value) }
        },
    ));
    Ok(found)
}

/// Names of the settings that differ between two documents.
pub(super) fn changed_settings(before: &Settings, after: &Settings) -> Vec<String> {
    changed(&table_of(before), &table_of(after)).into_iter().map(|(key, ..)| format!("settings.{key}")).collect()
}

/// Each key that differs between two tables, with both values, in the order of the second table.
pub(super) fn changed(before: &Table, after: &Table) -> Vec<(String, Option<Value>, Option<Value>)> {
    let (before, after) = (leaves(before), leaves(after));
    let find = |leaves: &[(String, Value)], key: &str| leaves.iter().find(|(k, _)| k == key).map(|(_, v)| v.clone());
    let gone = before.iter().filter(|(key, _)| find(&after, key).is_none());
    let gone = gone.map(|(key, value)| (key.clone(), Some(value.clone()), None));
    let other = after.iter().map(|(key, value)| (key.clone(), find(&before, key), Some(value.clone())));
    other.filter(|(_, before, after)| before != after).chain(gone).collect()
}

impl Difference {
    fn new(key: String, default: Option<Value>, value: Option<Value>) -> Self {
        let path: Vec<String> = key.split('.').map(str::to_owned).collect();
        let hides = is_hidden(&path) || path.last().is_some_and(|step| step == "client_secret");
        let masked = |value| if hides { Value::String(MASK.into()) } else { masked_value(value, &path) };
        let place = Place::Unnamed(String::new());
        Self { key, value: value.map(masked), default: default.map(masked), place }
    }
}

/// A settings document as a table. Settings are plain data with text keys, so the conversion can't fail; if it did, the
/// table would be empty.
pub(super) fn table_of(settings: &Settings) -> Table {
    Table::try_from(settings).unwrap_or_default()
}

/// All values that are not tables, by their full names.
pub(super) fn leaves(table: &Table) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for (key, value) in table {
        match value {
            Value::Table(inner) => found.extend(leaves(inner).into_iter().map(|(k, v)| (format!("{key}.{k}"), v))),
            _ => found.push((key.clone(), value.clone())),
        }
    }
    found
}

const DEFAULT_SAMPLE: &str = "password";
