//! The ceremonies (Web Authentication 7.1 and 7.2), by the package `webauthn-rs`. What the package does not ask of a device
//! is asked here: that the passkey can be found without an identifier. Where the answer may come from is checked here, because
//! the application's backend changes that while the engine runs.

use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;
use webauthn_rs::prelude::{
    Credential, CredentialID, DiscoverableAuthentication, Passkey, PasskeyRegistration, PublicKeyCredential,
    RegisterPublicKeyCredential, Webauthn, WebauthnBuilder, WebauthnError,
};

use super::aaguid::keeper;
use super::answer::{Answer, encoded};
use super::{Ceremony, PasskeyError, Person, Registered, RelyingParty};

impl RelyingParty {
    /// Asks a device to make a passkey, unless it has one of those in `known`.
    ///
    /// # Errors
    /// [`PasskeyError::Broken`].
    pub(crate) fn begin_registration(&self, person: Person<'_>, known: &[&str]) -> Result<Ceremony, PasskeyError> {
        let known = known.iter().map(|known| Ok(restored(known)?.cred_id().clone()));
        let known: Vec<CredentialID> = known.collect::<Result<_, PasskeyError>>()?;
        let handle = Uuid::from_bytes(person.handle);
        let begun =
            self.package(None)?.start_passkey_registration(handle, person.name, person.display_name, Some(known));
        let (asked, state) = begun.map_err(broken)?;
        let mut options = options(&asked)?;
        options["authenticatorSelection"] =
            json!({"residentKey": "required", "requireResidentKey": true, "userVerification": "required"});
        if options["excludeCredentials"].is_null() {
            options["excludeCredentials"] = json!([]);
        }
        Ok(Ceremony { options: options.to_string(), state: text(&state)? })
    }

    /// The passkey that an answer has made. `allows` says whether passkeys may be used at an origin.
    ///
    /// # Errors
    /// [`PasskeyError`].
    pub(crate) fn finish_registration(
        &self,
        given: &str,
        state: &str,
        allows: impl Fn(&str) -> bool,
    ) -> Result<Registered, PasskeyError> {
        let answer = Answer::read(given)?;
        let credential: RegisterPublicKeyCredential =
            serde_json::from_str(given).map_err(|_| PasskeyError::Malformed)?;
        let state: PasskeyRegistration = serde_json::from_str(state).map_err(broken)?;
        answer.check_page(&allows)?;
        answer.check_new_id()?;
        let made = self.package(Some(&answer.origin))?.finish_passkey_registration(&credential, &state);
        let passkey = made.map_err(refused)?;
        if !Credential::from(passkey.clone()).user_verified {
            return Err(PasskeyError::Refused("the person did not unlock the device".into()));
        }
        let aaguid = answer.attestation.as_deref().and_then(|object| self.aaguid(object));
        Ok(Registered { credential: stored(&passkey)?, keeper: aaguid.as_ref().and_then(keeper) })
    }

    /// Asks a device to sign with one of the passkeys in `known`; where there are none, with any of this relying party.
    ///
    /// # Errors
    /// [`PasskeyError::Broken`].
    pub(crate) fn begin_authentication(&self, known: &[&str]) -> Result<Ceremony, PasskeyError> {
        let (asked, state) = self.package(None)?.start_discoverable_authentication().map_err(broken)?;
        let mut options = options(&asked)?;
        let descriptor = |known: &&str| {
            let credential = Credential::from(restored(known)?);
            let mut shown = json!({"type": "public-key", "id": encoded(credential.cred_id.as_ref())});
            if let Some(transports) = &credential.transports {
                shown["transports"] = serde_json::to_value(transports).map_err(broken)?;
            }
            Ok(shown)
        };
        options["allowCredentials"] = known.iter().map(descriptor).collect::<Result<Value, PasskeyError>>()?;
        Ok(Ceremony { options: options.to_string(), state: text(&state)? })
    }

    /// The credential after the use that an answer proves. `allows` says whether passkeys may be used at an origin. Which
    /// user the answer names is the caller's to compare.
    ///
    /// # Errors
    /// [`PasskeyError`].
    pub(crate) fn finish_authentication(
        &self,
        given: &str,
        (state, credential): (&str, &str),
        allows: impl Fn(&str) -> bool,
    ) -> Result<String, PasskeyError> {
        let answer = Answer::read(given)?;
        let used: PublicKeyCredential = serde_json::from_str(given).map_err(|_| PasskeyError::Malformed)?;
        let state: DiscoverableAuthentication = serde_json::from_str(state).map_err(broken)?;
        let mut passkey = restored(credential)?;
        answer.check_page(&allows)?;
        let package = self.package(Some(&answer.origin))?;
        let proved = package.finish_discoverable_authentication_v2(&used, state, &passkey).map_err(refused)?;
        if !proved.user_verified() {
            return Err(PasskeyError::Refused("the person did not unlock the device".into()));
        }
        if passkey.update_credential(&proved).is_none() {
            return Err(PasskeyError::Refused("it is of another passkey".into()));
        }
        stored(&passkey)
    }

    /// The package, for answers from this origin.
    fn package(&self, origin: Option<&str>) -> Result<Webauthn, PasskeyError> {
        let scheme = if self.id == super::LOCALHOST { "http" } else { "https" };
        let own = Url::parse(&format!("{scheme}://{}", self.id)).map_err(broken)?;
        let builder = WebauthnBuilder::new(&self.id, &own).map_err(broken)?.rp_name(&self.name);
        let origin = origin.map(Url::parse).transpose();
        let origin = origin.map_err(|_| PasskeyError::Refused("its origin is no URL".into()))?;
        let builder = match &origin {
            Some(origin) => builder.append_allowed_origin(origin),
            None => builder,
        };
        builder.build().map_err(broken)
    }

    /// The identifier of the product that made a passkey: behind the digest of the relying party's id, the flags and the
    /// counter (6.1, 6.5.1).
    fn aaguid(&self, attestation: &[u8]) -> Option<[u8; 16]> {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, self.id.as_bytes());
        let begin = attestation.windows(32).position(|part| part == digest.as_ref())?;
        attestation.get(begin + 37..begin + 53)?.try_into().ok()
    }
}

/// What `navigator.credentials` is called with, without extensions, which Clerk's packages do not pass on.
fn options(asked: &impl serde::Serialize) -> Result<Value, PasskeyError> {
    let mut asked = serde_json::to_value(asked).map_err(broken)?;
    let mut options = asked["publicKey"].take();
    if let Some(options) = options.as_object_mut() {
        options.remove("extensions");
        options.remove("hints");
    }
    Ok(options)
}

/// A credential as a user keeps it: its id, and what the package makes of it.
fn stored(passkey: &Passkey) -> Result<String, PasskeyError> {
    Ok(format!("{} {}", encoded(passkey.cred_id().as_ref()), text(passkey)?))
}

fn restored(credential: &str) -> Result<Passkey, PasskeyError> {
    let (_, text) = credential.split_once(' ').ok_or_else(|| PasskeyError::Broken("a credential has no id".into()))?;
    serde_json::from_str(text).map_err(broken)
}

fn text(value: &impl serde::Serialize) -> Result<String, PasskeyError> {
    serde_json::to_string(value).map_err(broken)
}

fn broken(error: impl std::fmt::Display) -> PasskeyError {
    PasskeyError::Broken(error.to_string())
}

/// What can't be read is told from what is wrong.
fn refused(error: WebauthnError) -> PasskeyError {
    match error {
        WebauthnError::ParseBase64Failure(_)
        | WebauthnError::ParseCBORFailure(_)
        | WebauthnError::ParseJSONFailure(_)
        | WebauthnError::ParseNOMFailure
        | WebauthnError::ParseInsufficientBytesAvailable => PasskeyError::Malformed,
        error => PasskeyError::Refused(error.to_string()),
    }
}
