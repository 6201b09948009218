//! Checks of the passwords and signatures of reports, in constant time.

use aws_lc_rs::{constant_time, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::domain::secret::Secret;

use super::super::{Callback, CallbackError};

/// Checks a signature of Standard Webhooks and Svix: base64 of HMAC-SHA-256 over `<id>.<timestamp>.<body>`
/// (docs.svix.com/receiving/verifying-payloads/how-manual).
///
/// # Errors
/// When no signature is right, or its time is too far from now.
pub(super) fn check_svix(callback: &Callback<'_>, secret: &Secret<String>) -> Result<(), CallbackError> {
    let header = |name: &str| callback.header(name).ok_or(CallbackError::Signature);
    let (id, timestamp, given) = (header("svix-id")?, header("svix-timestamp")?, header("svix-signature")?);
    let key = svix_key(secret).ok_or(CallbackError::NoKey)?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let mut signed = format!("{id}.{timestamp}.").into_bytes();
    signed.extend_from_slice(callback.body);
    let is_right = |signature: &str| {
        let tag = signature.strip_prefix("v1,").and_then(|text| STANDARD.decode(text).ok());
        tag.is_some_and(|tag| hmac::verify(&key, &signed, &tag).is_ok())
    };
    if !given.split(' ').any(is_right) {
        return Err(CallbackError::Signature);
    }
    if callback.is_near(timestamp) { Ok(()) } else { Err(CallbackError::Stale) }
}

/// The key in a secret such as `whsec_…`.
pub(super) fn svix_key(secret: &Secret<String>) -> Option<Vec<u8>> {
    let encoded = secret.expose().strip_prefix("whsec_").unwrap_or(secret.expose());
    STANDARD.decode(encoded).ok().filter(|key| !key.is_empty())
}

/// Checks a login by `Authorization: Basic` (RFC 7617); `expected` is the name, a colon and the password.
///
/// # Errors
/// When it is another one, or there is none.
pub(super) fn check_basic(callback: &Callback<'_>, expected: &Secret<String>) -> Result<(), CallbackError> {
    let given = callback.header("authorization").and_then(|value| {
        let (scheme, encoded) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("basic").then(|| STANDARD.decode(encoded.trim()).ok())?
    });
    let given = given.ok_or(CallbackError::Signature)?;
    constant_time::verify_slices_are_equal(&given, expected.expose().as_bytes()).map_err(|_| CallbackError::Signature)
}
