//! Reading parameters of the backend: all faults are collected.

use crate::domain::field::Field;
use crate::domain::rejection::{ErrorCode, Reason, Rejection};
use crate::domain::settings::Settings;
use crate::domain::sign_up::Patch;
use crate::domain::time::Timestamp;

use super::change::{GivenPassword, Password};

/// Reads parameters and collects their faults.
pub(super) struct Reader<'a> {
    settings: &'a Settings,
    reasons: Vec<Reason>,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(settings: &'a Settings) -> Self {
        Self { settings, reasons: Vec::new() }
    }

    pub(super) fn refuse(&mut self, reason: Reason) {
        self.reasons.push(reason);
    }

    /// The value, or `None` after noting the fault.
    pub(super) fn take<T>(&mut self, read: Result<T, Reason>) -> Option<T> {
        read.map_err(|reason| self.refuse(reason)).ok()
    }

    /// An attribute, which the instance must have. One that the instance requires can't be removed.
    pub(super) fn patch<T>(
        &mut self,
        field: &Field,
        given: &Patch<String>,
        parse: impl Fn(&str) -> Result<T, Reason>,
    ) -> Patch<T> {
        if *given != Patch::Keep && !self.settings.enabled(field) {
            self.refuse(ErrorCode::FormParamUnknown.on(field.as_str()));
            return Patch::Keep;
        }
        let read = self.optional(given, parse);
        if matches!(read, Patch::Clear) && self.settings.attribute(field).is_some_and(|attribute| attribute.required) {
            self.refuse(ErrorCode::FormParamMissing.on(field.as_str()));
        }
        read
    }

    /// A value that every user may have.
    pub(super) fn optional<T>(&mut self, given: &Patch<String>, parse: impl Fn(&str) -> Result<T, Reason>) -> Patch<T> {
        match given {
            Patch::Keep => Patch::Keep,
            Patch::Set(text) if !text.is_empty() => self.take(parse(text)).map_or(Patch::Keep, Patch::Set),
            Patch::Set(_) | Patch::Clear => Patch::Clear,
        }
    }

    /// A time that must not be ahead.
    pub(super) fn past(&mut self, param: &str, at: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
        let at = at?;
        self.take(if at > now { Err(ErrorCode::FormParamValueInvalid.on(param)) } else { Ok(at) })
    }

    pub(super) fn password(&mut self, given: &Password<'_>) -> Option<GivenPassword> {
        match given.read(self.settings) {
            Ok(password) => password,
            Err(reasons) => {
                self.reasons.extend(reasons);
                None
            }
        }
    }

    pub(super) fn finish(self) -> Result<(), Rejection> {
        Rejection::collect(self.reasons)
    }
}
