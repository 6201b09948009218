//! What can be asked of a sign-up.

use crate::domain::rejection::{Code, Reason};
use crate::domain::verification::Strategy;

use super::{ExternalReturn, Fields};

/// A command to an existing sign-up.
#[derive(Clone, Debug)]
pub enum Command {
    /// Take in fields.
    Update(Box<Fields>),
    /// Begin to verify a field.
    Prepare(Prepare),
    /// Prove a field.
    Attempt(Attempt),
    /// The person is back from a provider.
    Return(Box<ExternalReturn>),
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

impl Prepare {
    /// Reads the parameters of a prepare.
    ///
    /// # Errors
    /// `form_param_missing` without a strategy, `form_param_value_invalid` for unknown words.
    pub fn parse(strategy: Option<&str>, channel: Option<&str>) -> Result<Self, Reason> {
        Ok(Self { strategy: named(strategy)?, channel: super::fields::channel(channel)? })
    }
}

impl Attempt {
    /// Reads the parameters of an attempt.
    ///
    /// # Errors
    /// `form_param_missing` without a strategy, `form_param_value_invalid` for unknown words.
    pub fn parse(strategy: Option<&str>, code: Option<&str>) -> Result<Self, Reason> {
        Ok(Self { strategy: named(strategy)?, code: code.map(str::to_owned) })
    }
}

fn named(strategy: Option<&str>) -> Result<Strategy, Reason> {
    let text = strategy.filter(|s| !s.is_empty()).ok_or_else(|| Code::FormParamMissing.on("strategy"))?;
    text.parse().map_err(|_| Code::FormParamValueInvalid.on("strategy"))
}
