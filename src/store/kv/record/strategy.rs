//! Strategies are stored by their names.

use crate::domain::verification::Strategy;
use crate::store::error::StoreError;

/// Reads a strategy by its name on the wire.
pub(super) fn strategy(text: &str) -> Result<Strategy, StoreError> {
    text.parse().map_err(|unknown| StoreError::Damaged(format!("{unknown}")))
}
