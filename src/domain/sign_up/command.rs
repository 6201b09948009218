//! What can be asked of a sign-up.

use crate::domain::verification::Strategy;

use super::Fields;

/// A command to an existing sign-up.
#[derive(Clone, Debug)]
pub enum Command {
    /// Take in fields.
    Update(Box<Fields>),
    /// Begin to verify a field.
    Prepare(Prepare),
    /// Prove a field.
    Attempt(Attempt),
}

/// Begin to verify the field that the strategy verifies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepare {
    /// How.
    pub strategy: Strategy,
    /// The channel of a phone code; `sms` when absent.
    pub channel: Option<String>,
}

/// Prove the field that the strategy verifies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// How.
    pub strategy: Strategy,
    /// The code as typed.
    pub code: Option<String>,
}
