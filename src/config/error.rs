//! What is wrong with a configuration, in sentences for the person who wrote it.

use std::fmt;

use super::layer::Place;

/// A configuration that can't be used: one sentence for each fault, naming the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    faults: Vec<String>,
}

impl ConfigError {
    /// A fault that belongs to no key.
    pub(super) fn new(sentence: impl Into<String>) -> Self {
        Self { faults: vec![sentence.into()] }
    }

    /// A fault of one key, and where that key was given, if anywhere.
    pub(super) fn at(place: Option<&Place>, key: &str, reason: &str) -> Self {
        Self::new(match place {
            Some(place) => format!("{place}: `{key}` {reason}"),
            None => format!("`{key}` {reason}"),
        })
    }

    /// All of these at once.
    pub(super) fn all(errors: Vec<Self>) -> Result<(), Self> {
        let all = Self::together(errors);
        if all.faults.is_empty() { Ok(()) } else { Err(all) }
    }

    /// The faults of all of these.
    pub(super) fn together(errors: impl IntoIterator<Item = Self>) -> Self {
        Self { faults: errors.into_iter().flat_map(|error| error.faults).collect() }
    }

    /// The sentences.
    pub fn faults(&self) -> &[String] {
        &self.faults
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.faults.join("\n"))
    }
}

impl std::error::Error for ConfigError {}
