//! Configuration errors, in sentences for the operator.

use std::fmt;

use super::layer::Place;

/// An invalid configuration: one sentence per fault, which names the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    faults: Vec<String>,
}

impl ConfigError {
    /// A fault without a key.
    pub(super) fn new(sentence: impl Into<String>) -> Self {
        Self { faults: vec![sentence.into()] }
    }

    /// A fault of one key, with the place where the key was set, if any.
    pub(super) fn at(place: Option<&Place>, key: &str, reason: &str) -> Self {
        Self::new(match place {
            Some(place) => format!("{place}: `{key}` {reason}"),
            None => format!("`{key}` {reason}"),
        })
    }

    /// One error with all faults; `Ok` if there are none.
    pub(super) fn all(errors: Vec<Self>) -> Result<(), Self> {
        let all = Self::together(errors);
        if all.faults.is_empty() { Ok(()) } else { Err(all) }
    }

    /// Joins the faults of several errors.
    pub(super) fn together(errors: impl IntoIterator<Item = Self>) -> Self {
        Self { faults: errors.into_iter().flat_map(|error| error.faults).collect() }
    }

    /// The sentences, one per fault.
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
