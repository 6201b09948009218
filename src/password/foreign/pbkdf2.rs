//! PBKDF2 (RFC 8018) with HMAC-SHA-256 or HMAC-SHA-1, in the forms of three hashers.

use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2::{Algorithm, PBKDF2_HMAC_SHA1, PBKDF2_HMAC_SHA256, derive};
use base64::Engine as _;

use crate::domain::text;

use super::Fault;
use super::parts::{BASE64, BASE64_PADDED, base64, hex, number};

/// What the digest of a password depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pbkdf2 {
    form: Form,
    rounds: NonZeroU32,
    /// The salt as it is written.
    salt: String,
    tag_bytes: usize,
}

/// How salt and tag are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// SHA-256; the salt and the tag in base64.
    Sha256,
    /// SHA-256; the salt as text, the tag in base64.
    Sha256Django,
    /// SHA-1; the salt in hexadecimal, or as text where it is not hexadecimal; the tag in hexadecimal, with its number
    /// of bytes behind it or without.
    Sha1,
}

impl Pbkdf2 {
    pub(super) fn parse(text: &str, form: Form) -> Result<(Self, Vec<u8>), Fault> {
        let (rounds, salt, tag) = read(text, form).ok_or(Fault::Malformed)?;
        let read = Self { form, rounds, salt, tag_bytes: tag.len() };
        if !(1..=SALT_MAX).contains(&read.salt_bytes().len()) || !(16..=TAG_MAX).contains(&tag.len()) {
            return Err(Fault::Malformed);
        }
        let blocks = tag.len().div_ceil(form.block_bytes());
        if u64::from(rounds.get()).saturating_mul(blocks as u64) > ROUNDS_MAX {
            return Err(Fault::TooCostly);
        }
        Ok((read, tag))
    }

    pub(super) fn write(&self, tag: &[u8]) -> String {
        let Self { form, rounds, salt, .. } = self;
        match form {
            Form::Sha256 | Form::Sha256Django => format!("{SHA256}{rounds}${salt}${}", BASE64_PADDED.encode(tag)),
            Form::Sha1 => format!("{SHA1}{rounds}${salt}${}", text::hex(tag)),
        }
    }

    /// The same without the salt.
    pub(super) fn blank(&self) -> Self {
        Self { salt: BASE64.encode([0; 16]), ..self.clone() }
    }

    pub(super) fn compute(&self, password: &[u8]) -> Vec<u8> {
        let mut tag = vec![0; self.tag_bytes];
        derive(self.form.algorithm(), self.rounds, &self.salt_bytes(), password, &mut tag);
        tag
    }

    fn salt_bytes(&self) -> Vec<u8> {
        let decoded = match self.form {
            Form::Sha256 => base64(&self.salt),
            Form::Sha256Django => None,
            Form::Sha1 => hex(&self.salt),
        };
        decoded.unwrap_or_else(|| self.salt.clone().into_bytes())
    }
}

impl Form {
    const fn algorithm(self) -> Algorithm {
        match self {
            Self::Sha256 | Self::Sha256Django => PBKDF2_HMAC_SHA256,
            Self::Sha1 => PBKDF2_HMAC_SHA1,
        }
    }

    const fn block_bytes(self) -> usize {
        match self {
            Self::Sha256 | Self::Sha256Django => 32,
            Self::Sha1 => 20,
        }
    }
}

/// The rounds, the salt as it is written, and the tag.
fn read(text: &str, form: Form) -> Option<(NonZeroU32, String, Vec<u8>)> {
    if let (Form::Sha256, Some(rest)) = (form, text.strip_prefix("$pbkdf2-sha256$")) {
        return read_crypt(rest);
    }
    let prefix = if form == Form::Sha1 { SHA1 } else { SHA256 };
    let mut parts = text.strip_prefix(prefix)?.split('$');
    let (rounds, salt, tag, length) = (parts.next()?, parts.next()?, parts.next()?, parts.next());
    let tag = if form == Form::Sha1 { hex(tag) } else { base64(tag) }?;
    let has_length = length.is_none_or(|length| form == Form::Sha1 && number(length) == Some(tag.len()));
    let is_readable = form != Form::Sha256 || base64(salt).is_some();
    let is_whole = has_length && is_readable && parts.next().is_none();
    Some((number(rounds)?, salt.to_owned(), tag)).filter(|_| is_whole)
}

/// The same of a string that begins with `$pbkdf2-sha256$`: passlib's `29000$salt$tag`, with a dot for the plus of
/// base64, or the PHC string's `i=29000,l=32$salt$tag`.
fn read_crypt(rest: &str) -> Option<(NonZeroU32, String, Vec<u8>)> {
    let rest = rest.replace('.', "+");
    let mut parts = rest.split('$');
    let (costs, salt, tag) = (parts.next()?, base64(parts.next()?)?, base64(parts.next()?)?);
    let (rounds, length) = costs.split_once(",l=").map_or((costs, None), |(rounds, length)| (rounds, Some(length)));
    let has_length = length.is_none_or(|length| number(length) == Some(tag.len()));
    let rounds = number(rounds.strip_prefix("i=").unwrap_or(rounds))?;
    Some((rounds, BASE64_PADDED.encode(salt), tag)).filter(|_| has_length && parts.next().is_none())
}

const SHA256: &str = "pbkdf2_sha256$";
const SHA1: &str = "pbkdf2_sha1$";
/// The most rounds that are verified, each counted once for each block of the tag: about two seconds.
const ROUNDS_MAX: u64 = 4_000_000;
/// The longest salt and tag, in bytes.
const SALT_MAX: usize = 256;
const TAG_MAX: usize = 128;
