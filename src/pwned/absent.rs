//! Without the feature `oauth` no service can be asked: there is no value that names one.

use crate::domain::secret::Secret;

/// A service that answers range look-ups. Without the feature `oauth` there is none.
#[derive(Clone, Debug)]
pub enum PwnedRange {}

impl PwnedRange {
    /// Whether the service knows a password.
    pub async fn knows(&self, _password: &Secret<String>) -> bool {
        match *self {}
    }
}
