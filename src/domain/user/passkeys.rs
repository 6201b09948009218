//! The passkeys of a user ([guide: Passkeys](crate::guide::contract_me#passkeys)). How one is used is in `sign_in`.

use crate::domain::id::IdentificationId;
use crate::domain::rejection::{ErrorCode, Reason, Rejection};
use crate::domain::settings::Settings;
use crate::domain::text;

use super::{PASSKEYS_MAX, User};

impl User {
    /// Whether another passkey can be added.
    ///
    /// # Errors
    /// `feature_not_enabled` where the instance has no passkeys, `passkey_quota_exceeded` where the user has ten.
    pub(crate) fn check_passkeys(&self, settings: &Settings) -> Result<(), Rejection> {
        match settings.attributes.passkey.enabled {
            false => Err(ErrorCode::FeatureNotEnabled.into()),
            true if self.passkeys.len() >= PASSKEYS_MAX => Err(ErrorCode::PasskeyQuotaExceeded.into()),
            true => Ok(()),
        }
    }

    pub(super) fn rename_passkey(&mut self, id: IdentificationId, name: &str) -> Result<(), Rejection> {
        let passkey = self.passkeys.iter_mut().find(|passkey| passkey.id == id);
        passkey.ok_or(ErrorCode::ResourceNotFound)?.name = read_name(name)?;
        Ok(())
    }

    pub(super) fn remove_passkey(&mut self, id: IdentificationId) -> Result<(), Rejection> {
        let before = self.passkeys.len();
        self.passkeys.retain(|passkey| passkey.id != id);
        if self.passkeys.len() == before { Err(ErrorCode::ResourceNotFound.into()) } else { Ok(()) }
    }
}

/// The name of a passkey as a person gave it.
fn read_name(text: &str) -> Result<String, Reason> {
    let name = text::trim(text);
    if name.is_empty() {
        return Err(ErrorCode::FormParamMissing.on(PARAM));
    }
    if name.len() > NAME_MAX {
        return Err(ErrorCode::FormParamMaxLengthExceeded.on(PARAM).with(NAME_MAX as u32));
    }
    if name.chars().any(char::is_control) {
        return Err(ErrorCode::FormParamFormatInvalid.on(PARAM));
    }
    Ok(name.to_owned())
}

const PARAM: &str = "name";
/// The longest name of a passkey in bytes, as in Clerk.
const NAME_MAX: usize = 256;
