//! Hash functions that are applied once: MD5, SHA-256, and SHA-1 with a salt as LDAP servers write it (`{SSHA}`).

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use base64::Engine as _;

use crate::domain::text;

use super::Fault;
use super::md5::md5;
use super::parts::{BASE64_PADDED, base64, hex};

/// What the digest of a password depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Single {
    /// MD5 in hexadecimal.
    Md5,
    /// SHA-256 in hexadecimal.
    Sha256,
    /// SHA-1 of the password and this salt, in base64 together with the salt.
    LdapSsha(Vec<u8>),
}

impl Single {
    pub(super) fn parse_md5(text: &str) -> Result<(Self, Vec<u8>), Fault> {
        hex(text).filter(|tag| tag.len() == 16).map(|tag| (Self::Md5, tag)).ok_or(Fault::Malformed)
    }

    pub(super) fn parse_sha256(text: &str) -> Result<(Self, Vec<u8>), Fault> {
        hex(text).filter(|tag| tag.len() == 32).map(|tag| (Self::Sha256, tag)).ok_or(Fault::Malformed)
    }

    pub(super) fn parse_ldap_ssha(text: &str) -> Result<(Self, Vec<u8>), Fault> {
        let (prefix, rest) = text.split_at_checked(SSHA.len()).ok_or(Fault::Malformed)?;
        let mut tag = base64(rest).filter(|_| prefix.eq_ignore_ascii_case(SSHA)).ok_or(Fault::Malformed)?;
        if !(SHA1_BYTES + 1..=SHA1_BYTES + SALT_MAX).contains(&tag.len()) {
            return Err(Fault::Malformed);
        }
        let salt = tag.split_off(SHA1_BYTES);
        Ok((Self::LdapSsha(salt), tag))
    }

    pub(super) fn write(&self, tag: &[u8]) -> String {
        match self {
            Self::Md5 | Self::Sha256 => text::hex(tag),
            Self::LdapSsha(salt) => format!("{SSHA}{}", BASE64_PADDED.encode([tag, &salt[..]].concat())),
        }
    }

    /// The same without the salt.
    pub(super) fn blank(&self) -> Self {
        match self {
            Self::Md5 => Self::Md5,
            Self::Sha256 => Self::Sha256,
            Self::LdapSsha(_) => Self::LdapSsha(vec![0; 8]),
        }
    }

    pub(super) fn compute(&self, password: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Md5 => md5(&[password]).map(Into::into),
            Self::Sha256 => Some(digest(&SHA256, password).as_ref().to_vec()),
            Self::LdapSsha(salt) => {
                let salted = [password, &salt[..]].concat();
                Some(digest(&SHA1_FOR_LEGACY_USE_ONLY, &salted).as_ref().to_vec())
            }
        }
    }
}

const SHA1_BYTES: usize = 20;
const SSHA: &str = "{SSHA}";
/// The longest salt, in bytes.
const SALT_MAX: usize = 64;
