//! Passkeys without the feature `passkeys`: nothing can be checked. Settings that ask for them are refused then.

use super::{Ceremony, PasskeyError, Person, Presented, Registered, RelyingParty};

impl RelyingParty {
    pub(crate) fn begin_registration(&self, _: Person<'_>, _: &[&str]) -> Result<Ceremony, PasskeyError> {
        Err(absent())
    }

    pub(crate) fn finish_registration(
        &self,
        _: &str,
        _: &str,
        _: impl Fn(&str) -> bool,
    ) -> Result<Registered, PasskeyError> {
        Err(absent())
    }

    pub(crate) fn begin_authentication(&self, _: &[&str]) -> Result<Ceremony, PasskeyError> {
        Err(absent())
    }

    pub(crate) fn finish_authentication(
        &self,
        _: &str,
        (_, _): (&str, &str),
        _: impl Fn(&str) -> bool,
    ) -> Result<String, PasskeyError> {
        Err(absent())
    }
}

impl Presented {
    pub(crate) fn read(_: &str) -> Result<Self, PasskeyError> {
        Err(absent())
    }
}

fn absent() -> PasskeyError {
    PasskeyError::Broken("this program was built without the feature `passkeys`".into())
}
