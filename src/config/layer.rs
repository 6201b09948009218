//! Layers of keys, applied to a table one by one. Each fault names the place where its key was set: file and line,
//! environment variable or flag.

use std::fmt;
use std::path::Path;

use serde::de::DeserializeOwned;
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

use super::documented::variable;
use super::effective::has_secrets;
use super::error::ConfigError;
use super::suggest::suggest;
use super::words::{in_words, quoted_names};

/// Where a key was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// File name and line.
    File(String, usize),
    /// Name of a compiled-in sample, and line.
    Sample(String, usize),
    /// An environment variable, by name.
    Environment(String),
    /// A command line flag.
    Flag(&'static str),
    /// Not set: the name of a settings document that lacks the key.
    Unnamed(String),
}

/// One key and its value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) path: Vec<String>,
    pub(super) given: Given,
    pub(super) place: Place,
}

/// How a value was written.
#[derive(Clone, Debug)]
pub(super) enum Given {
    /// As a TOML value with its type.
    Toml(Value),
    /// As plain text; its type depends on the key.
    Text(String),
}

/// Keys from one or more places, in the order in which they are applied.
#[derive(Clone, Debug, Default)]
pub(super) struct Layer(pub(super) Vec<Entry>);

impl Entry {
    /// The key's full name, with dots.
    pub(super) fn key(&self) -> String {
        self.path.join(".")
    }
}

impl Layer {
    /// The keys of a file; `name` is its name in messages.
    pub(super) fn file(name: &str, text: &str) -> Result<Self, ConfigError> {
        Self::document(text, &|line| Place::File(name.into(), line))
    }

    /// The keys of a compiled-in sample.
    pub(super) fn sample(name: &str, text: &str) -> Result<Self, ConfigError> {
        Self::document(text, &|line| Place::Sample(name.into(), line))
    }

    /// The keys of a TOML document; `place` gives the place of a line.
    fn document(text: &str, place: &dyn Fn(usize) -> Place) -> Result<Self, ConfigError> {
        let fault = |error: toml::de::Error| {
            let line = error.span().map_or(1, |span| line_of(text, span.start));
            let reason = error.message().lines().collect::<Vec<_>>().join(", ");
            ConfigError::new(format!("{}: this is not TOML: {reason}", place(line)))
        };
        let table: Table = text.parse().map_err(fault)?;
        let spans = DeTable::parse(text).map_err(fault)?;
        let mut layer = Self::default();
        layer.collect(&table, Some(spans.get_ref()), &mut Vec::new(), &|offset| place(line_of(text, offset)));
        Ok(layer)
    }

    /// The keys in variables named `VESTIBULE_<SECTION>__<KEY>`. `secrets` says which keys may end in `_FILE`.
    pub(super) fn environment(
        variables: &[(String, String)],
        is_secret: impl Fn(&[String]) -> bool,
    ) -> Result<Self, ConfigError> {
        let mut layer = Self::default();
        for (name, text) in variables {
            let Some(rest) = name.strip_prefix("VESTIBULE_").filter(|rest| rest.contains("__")) else { continue };
            let split = |text: &str| text.to_lowercase().split("__").map(str::to_owned).collect::<Vec<_>>();
            let place = Place::Environment(name.clone());
            let held = rest.strip_suffix("_FILE").map(&split).filter(|path| is_secret(path));
            let (path, text) = match held {
                None => (split(rest), text.clone()),
                Some(path) => {
                    let bare = name.trim_end_matches("_FILE");
                    if variables.iter().any(|(other, _)| other == bare) {
                        return Err(ConfigError::new(format!("{place}: {bare} is set too; set one of the two")));
                    }
                    let text = std::fs::read_to_string(Path::new(text))
                        .map_err(|e| ConfigError::new(format!("{place}: {text:?} can't be read: {e}")))?;
                    (path, text.trim_end_matches(['\r', '\n']).to_owned())
                }
            };
            layer.0.push(Entry { path, given: Given::Text(text), place });
        }
        layer.0.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(layer)
    }

    /// Adds a key set by a flag.
    pub(super) fn flag(&mut self, flag: &'static str, key: &str, text: String) {
        let path = key.split('.').map(str::to_owned).collect();
        self.0.push(Entry { path, given: Given::Text(text), place: Place::Flag(flag) });
    }

    /// Splits off the entries of a section, without the section in their path.
    pub(super) fn split_off(&mut self, section: &str) -> Self {
        let (mut inside, outside) =
            std::mem::take(&mut self.0).into_iter().partition::<Vec<_>, _>(|e| e.path[0] == section);
        self.0 = outside;
        for entry in &mut inside {
            entry.path.remove(0);
        }
        Self(inside)
    }

    /// Puts all keys into a section: the reverse of [`Layer::split_off`].
    pub(super) fn under(mut self, section: &str) -> Self {
        self.0.iter_mut().for_each(|entry| entry.path.insert(0, section.to_owned()));
        self
    }

    /// Where `key` was set last.
    pub(super) fn place(&self, key: &str) -> Option<&Place> {
        self.0.iter().rev().find(|e| e.key() == key).map(|e| &e.place)
    }

    /// Where `key`, or a key in a section of that name, was set last.
    pub(super) fn place_within(&self, key: &str) -> Option<&Place> {
        let is_within = |entry: &&Entry| entry.key().strip_prefix(key).is_some_and(|rest| rest.starts_with('.'));
        self.place(key).or_else(|| self.0.iter().rev().find(is_within).map(|e| &e.place))
    }

    fn collect(
        &mut self,
        table: &Table,
        spans: Option<&DeTable<'_>>,
        path: &mut Vec<String>,
        place: &dyn Fn(usize) -> Place,
    ) {
        for (key, value) in table {
            let span = spans.and_then(|spans| spans.get_key_value(key.as_str()));
            path.push(key.clone());
            match value {
                Value::Table(inner) if !inner.is_empty() => {
                    let spans = span.and_then(|(_, value)| match value.get_ref() {
                        DeValue::Table(inner) => Some(inner),
                        _ => None,
                    });
                    self.collect(inner, spans, path, place);
                }
                _ => {
                    let place = place(span.map_or(0, |(key, _)| Spanned::span(key).start));
                    self.0.push(Entry { path: path.clone(), given: Given::Toml(value.clone()), place });
                }
            }
            path.pop();
        }
    }
}

/// A key that is unknown or has a wrong value.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub(super) place: Place,
    /// The full key, or the part that is wrong.
    pub(super) key: String,
    /// The reason, which continues a sentence that begins with the key.
    pub(super) reason: String,
}

impl From<Fault> for ConfigError {
    fn from(fault: Fault) -> Self {
        Self::at(Some(&fault.place), &fault.key, &fault.reason)
    }
}

/// The result of applying a layer.
#[derive(Debug)]
pub(super) struct Laid<T> {
    pub(super) value: T,
    pub(super) table: Table,
    /// The keys that could not be applied.
    pub(super) faults: Vec<Fault>,
}

/// Applies `layer` to `table` key by key and parses the result as `T`. `prefix` precedes the keys in messages.
///
/// # Errors
/// All keys that can't be applied.
pub(super) fn lay<T: DeserializeOwned>(
    table: Table,
    layer: &Layer,
    prefix: &str,
    is_secret: impl Fn(&[String]) -> bool,
) -> Result<(T, Table), ConfigError> {
    let laid = lay_what_fits(table, layer, prefix, is_secret)?;
    ConfigError::all(laid.faults.into_iter().map(ConfigError::from).collect())?;
    Ok((laid.value, laid.table))
}

/// Like [`lay`], but leaves out keys that can't be applied.
///
/// # Errors
/// When `table` itself is no valid `T`.
pub(super) fn lay_what_fits<T: DeserializeOwned>(
    mut table: Table,
    layer: &Layer,
    prefix: &str,
    is_secret: impl Fn(&[String]) -> bool,
) -> Result<Laid<T>, ConfigError> {
    let mut faults = Vec::new();
    for entry in &layer.0 {
        match lay_one::<T>(&table, entry, prefix, &is_secret) {
            Ok(next) => table = next,
            Err(fault) => faults.push(fault),
        }
    }
    let value = table.clone().try_into().map_err(|error| ConfigError::new(first_line(&error)))?;
    Ok(Laid { value, table, faults })
}

fn lay_one<T: DeserializeOwned>(
    table: &Table,
    entry: &Entry,
    prefix: &str,
    is_secret: impl Fn(&[String]) -> bool,
) -> Result<Table, Fault> {
    let key = format!("{prefix}{}", entry.key());
    let fault = |reason| Fault { place: entry.place.clone(), key: key.clone(), reason };
    let mut misfit: Option<(String, Value)> = None;
    for value in entry.given.readings() {
        let mut next = table.clone();
        if let Err(at) = put(&mut next, &entry.path, value.clone()) {
            return Err(fault(format!("can't be set: `{prefix}{at}` is a single value")));
        }
        match next.clone().try_into::<T>() {
            Ok(_) => return Ok(next),
            Err(error) => {
                // An error about a value of the right type is more helpful than one about a wrong type.
                let message = first_line(&error);
                let tells_more = |(before, _): &(String, Value)| is_of_type(&message) && !is_of_type(before);
                if misfit.as_ref().is_none_or(tells_more) {
                    misfit = Some((message, value));
                }
            }
        }
    }
    let Some((message, value)) = misfit else { return Ok(table.clone()) };
    if has_secrets(&entry.path) {
        return Err(fault(entries_with_secrets(&message)));
    }
    if let Some(expected) = message.strip_prefix("unknown field `") {
        let (name, expected) = expected.split_once('`').unwrap_or((expected, ""));
        return Err(unknown(entry, prefix, name, expected));
    }
    let is_secret = is_secret(&entry.path);
    Err(fault(if is_secret { "must be a text in quotes".into() } else { in_words(&message, &key, &value) }))
}

/// Why a list of endpoints is refused. Other messages may repeat a value, which may be a secret.
fn entries_with_secrets(message: &str) -> String {
    let is_harmless = ["unknown field `", "missing field `"].iter().any(|start| message.starts_with(start));
    let why = if is_harmless { format!(": {message}") } else { String::new() };
    format!(
        "must be a list such as [{{ url = \"https://app.example.com/webhooks\", secret = \"whsec_…\", events = \
         [\"user.*\"] }}]{why}"
    )
}

/// Whether the message refuses a value of the right type.
fn is_of_type(message: &str) -> bool {
    !message.starts_with("invalid type: ")
}

/// The fault for an unknown key `name` in the entry's path; `expected` is serde's list of allowed keys.
fn unknown(entry: &Entry, prefix: &str, name: &str, expected: &str) -> Fault {
    let depth = entry.path.iter().position(|step| step == name).map_or(entry.path.len(), |at| at + 1);
    let (path, rest) = entry.path.split_at(depth);
    let is_setting = !prefix.is_empty();
    let mut names = quoted_names(expected);
    if is_setting && depth == 1 {
        names.push("file");
    }
    let meant = suggest(prefix, path, &names).map(|meant| match &entry.place {
        Place::Environment(_) => variable(&rest.iter().fold(meant, |key, step| format!("{key}.{step}"))),
        _ => format!("`{meant}`"),
    });
    let hint = match meant {
        Some(meant) => format!("did you mean {meant}?"),
        None if names.is_empty() => "remove it".into(),
        None => format!("use one of {}", names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
    };
    let what = if is_setting { "setting" } else { "key of this configuration" };
    let key = format!("{prefix}{}", path.join("."));
    Fault { place: entry.place.clone(), key, reason: format!("is not a {what}; {hint}") }
}

fn first_line(error: &toml::de::Error) -> String {
    error.message().lines().next().unwrap_or_default().to_owned()
}

/// Puts a value at a path. The error is the path of a value that is there and is no table.
fn put(table: &mut Table, path: &[String], value: Value) -> Result<(), String> {
    let mut here = table;
    for (depth, step) in path[..path.len() - 1].iter().enumerate() {
        let next = here.entry(step.clone()).or_insert_with(|| Value::Table(Table::new()));
        here = next.as_table_mut().ok_or_else(|| path[..=depth].join("."))?;
    }
    let last = &path[path.len() - 1];
    match (here.get(last), &value) {
        // An empty section changes nothing.
        (Some(Value::Table(_)), Value::Table(new)) if new.is_empty() => {}
        _ => {
            here.insert(last.clone(), value);
        }
    }
    Ok(())
}

impl Given {
    /// The text, if the value is one.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Toml(Value::String(text)) => Some(text),
            Self::Toml(_) => None,
        }
    }

    /// Possible values, the most likely first.
    fn readings(&self) -> Vec<Value> {
        match self {
            Self::Toml(value) => vec![value.clone()],
            Self::Text(text) => {
                let literal = format!("value = {text}").parse::<Table>().ok().and_then(|mut t| t.remove("value"));
                let list = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                let list = list.map(|item| Value::String(item.to_owned())).collect();
                let mut readings = vec![Value::String(text.clone())];
                readings.extend(literal);
                readings.push(Value::Array(list));
                readings
            }
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(name, line) => write!(f, "{name}, line {line}"),
            Self::Sample(name, line) => write!(f, "the sample {name:?}, line {line}"),
            Self::Environment(name) => f.write_str(name),
            Self::Flag(name) => f.write_str(name),
            Self::Unnamed(document) => write!(f, "not named in {document}"),
        }
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|b| *b == b'\n').count() + 1
}
