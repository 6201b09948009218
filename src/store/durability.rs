//! What an acknowledged write survives.

use serde::Deserialize;

/// The guarantee of an acknowledged write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Durability {
    /// It survives a power loss.
    #[default]
    Synced,
    /// It survives the end of the process, and a power loss if it, or a later one, asked to be synced: finished
    /// sign-ups do, the changes of pending ones do not.
    Relaxed,
    /// None: nothing is ever synced. For tests and benches.
    None,
}
