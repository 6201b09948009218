//! bcrypt, as `$2b$12$…`, and Django's variant that takes the SHA-256 of the password.
//!
//! bcrypt reads 72 bytes of the password and the zero byte behind it; what is longer is cut, as the systems that made
//! the digests did. Django's variant reads 64 hexadecimal digits, so nothing is cut there.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;

use crate::domain::text;

use super::Fault;
use super::parts::{BASE64_BCRYPT, number};

/// What the digest of a password depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bcrypt {
    is_django: bool,
    /// The logarithm of the rounds, base 2.
    cost: u32,
    salt: [u8; 16],
}

impl Bcrypt {
    pub(super) fn parse(text: &str, is_django: bool) -> Result<(Self, Vec<u8>), Fault> {
        let text = if is_django { text.strip_prefix(DJANGO).ok_or(Fault::Malformed)? } else { text };
        let mut parts = text.split('$');
        let (Some(""), Some(version), Some(cost), Some(rest), None) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Fault::Malformed);
        };
        if version == "2x" {
            return Err(Fault::Unsupported("version 2x has a fault that makes many passwords equal"));
        }
        let cost = cost.strip_prefix('0').unwrap_or(cost);
        let cost = number(cost).filter(|cost| (COST_MIN..=31).contains(cost)).ok_or(Fault::Malformed)?;
        // The versions differ only in faults that early programs had.
        if !["2a", "2b", "2y"].contains(&version) || rest.len() != SALT_CHARS + TAG_CHARS {
            return Err(Fault::Malformed);
        }
        let (salt, tag) = rest.split_at_checked(SALT_CHARS).ok_or(Fault::Malformed)?;
        let decoded = |text| BASE64_BCRYPT.decode(text).map_err(|_| Fault::Malformed);
        let salt = decoded(salt)?.try_into().map_err(|_| Fault::Malformed)?;
        let tag = decoded(tag)?;
        if cost > COST_MAX {
            return Err(Fault::TooCostly);
        }
        Ok((Self { is_django, cost, salt }, tag))
    }

    pub(super) fn write(&self, tag: &[u8]) -> String {
        let (django, cost) = (if self.is_django { DJANGO } else { "" }, self.cost);
        let (salt, tag) = (BASE64_BCRYPT.encode(self.salt), BASE64_BCRYPT.encode(tag));
        format!("{django}$2b${cost:02}${salt}{tag}")
    }

    /// The same without the salt.
    pub(super) const fn blank(&self) -> Self {
        Self { is_django: self.is_django, cost: self.cost, salt: [0; 16] }
    }

    /// `None` for a password with a zero byte, which other systems refuse or end there.
    pub(super) fn compute(&self, password: &[u8]) -> Option<Vec<u8>> {
        let hashed = self.is_django.then(|| text::hex(digest(&SHA256, password).as_ref()));
        let read = hashed.as_deref().map_or(password, str::as_bytes);
        let key: Vec<u8> = read.iter().copied().chain([0]).take(KEY_MAX).collect();
        let mut tag = bcrypt(self.cost, self.salt, &key)?.to_vec();
        tag.truncate(TAG_BYTES);
        (!read.contains(&0)).then_some(tag)
    }
}

#[cfg(feature = "foreign-hashes")]
fn bcrypt(cost: u32, salt: [u8; 16], key: &[u8]) -> Option<[u8; 24]> {
    // It panics on an empty key and on one above 72 bytes.
    (1..=KEY_MAX).contains(&key.len()).then(|| bcrypt::bcrypt(cost, salt, key))
}

#[cfg(not(feature = "foreign-hashes"))]
const fn bcrypt(_: u32, _: [u8; 16], _: &[u8]) -> Option<[u8; 24]> {
    None
}

const DJANGO: &str = "bcrypt_sha256$";
const COST_MIN: u32 = 4;
/// The highest cost that is verified: about two seconds.
const COST_MAX: u32 = 15;
/// How many bytes bcrypt reads.
const KEY_MAX: usize = 72;
const TAG_BYTES: usize = 23;
const SALT_CHARS: usize = 22;
const TAG_CHARS: usize = 31;
