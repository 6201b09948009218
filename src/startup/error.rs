//! Why a server can't be built.

use std::fmt::Display;

/// Why a server can't be built from a configuration: a sentence that says what is wrong and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StartupError(String);

impl StartupError {
    pub(super) fn new(reason: impl Display) -> Self {
        Self(reason.to_string())
    }
}
