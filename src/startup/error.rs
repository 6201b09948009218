//! Why a server can't be built.

use std::fmt::Display;

use crate::config::Config;

/// Why a server can't be built from a configuration: a sentence that says what is wrong and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StartupError(String);

impl StartupError {
    pub(super) fn new(reason: impl Display) -> Self {
        Self(reason.to_string())
    }

    /// A fault of a key that its file or another key shows only at the start: with the place where the key was set.
    pub(super) fn at(config: &Config, key: &str, reason: impl Display) -> Self {
        let place = config.differences().iter().find(|difference| difference.key == key).map(|found| &found.place);
        Self(match place {
            Some(place) => format!("{place}: `{key}` {reason}"),
            None => format!("`{key}` {reason}"),
        })
    }
}
