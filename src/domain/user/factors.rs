//! What a user signs in with beside a password, a code and an account: second factors and passkeys.

use crate::domain::id::IdentificationId;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;

/// The second factors of a user, apart from its phone numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecondFactors {
    /// The authenticator app (RFC 6238).
    pub totp: Option<Totp>,
    /// The digests of the backup codes that are not used yet.
    pub backup_codes: Vec<[u8; 32]>,
    /// When the user last got its first second factor.
    pub mfa_enabled_at: Option<Timestamp>,
    /// When it last lost its last one.
    pub mfa_disabled_at: Option<Timestamp>,
}

/// An authenticator app (RFC 6238).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Totp {
    /// The shared secret, as it is stored.
    pub secret: Secret<Vec<u8>>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When a code of the app proved that the person has it; it is no factor before.
    pub verified_at: Option<Timestamp>,
    /// The time step of the last code that was accepted: an earlier or equal one is refused.
    pub last_step: Option<u64>,
}

/// A passkey (Web Authentication).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passkey {
    /// Its id.
    pub id: IdentificationId,
    /// The name that the person gave it.
    pub name: String,
    /// The id of the credential in base64url, and behind a blank the public key with what belongs to it.
    pub credential: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
}

impl Passkey {
    /// The id of its credential, which is unique in the instance; `None` for a text that has none.
    pub fn credential_id(&self) -> Option<&str> {
        self.credential.split_once(' ').map(|(id, _)| id).filter(|id| !id.is_empty())
    }
}

/// How many passkeys a user may have.
pub const PASSKEYS_MAX: usize = 10;
