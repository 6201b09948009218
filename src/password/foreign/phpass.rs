//! The portable hashes of phpass, which WordPress and phpBB used: MD5 in a loop.

use super::Fault;
use super::md5::md5;

/// What the digest of a password depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Phpass {
    /// The logarithm of the rounds, base 2.
    log_rounds: u8,
    salt: [u8; 8],
}

impl Phpass {
    /// Reads `$P$`, or phpBB's `$H$`, with a character for the rounds, 8 for the salt and 22 for the tag.
    pub(super) fn parse(text: &str) -> Result<(Self, Vec<u8>), Fault> {
        let rest = text.strip_prefix("$P$").or_else(|| text.strip_prefix("$H$")).ok_or(Fault::Malformed)?;
        let values = rest.bytes().map(value_of).collect::<Option<Vec<u8>>>().ok_or(Fault::Malformed)?;
        let salt = rest.as_bytes().get(1..9).and_then(|salt| salt.try_into().ok()).ok_or(Fault::Malformed)?;
        let (Some(&log_rounds), Some(tag)) = (values.first(), values.get(9..)) else { return Err(Fault::Malformed) };
        let tag = decoded(tag).ok_or(Fault::Malformed)?;
        if !(7..=30).contains(&log_rounds) {
            return Err(Fault::Malformed);
        }
        if log_rounds > LOG_ROUNDS_MAX {
            return Err(Fault::TooCostly);
        }
        Ok((Self { log_rounds, salt }, tag.to_vec()))
    }

    pub(super) fn write(&self, tag: &[u8]) -> String {
        let rounds = char::from(ALPHABET[usize::from(self.log_rounds & 63)]);
        format!("$P${rounds}{}{}", String::from_utf8_lossy(&self.salt), encoded(tag))
    }

    /// The same without the salt.
    pub(super) const fn blank(&self) -> Self {
        Self { log_rounds: self.log_rounds, salt: [b'.'; 8] }
    }

    pub(super) fn compute(&self, password: &[u8]) -> Option<Vec<u8>> {
        let mut tag = md5(&[&self.salt[..], password])?;
        for _ in 0..1_u64 << self.log_rounds {
            tag = md5(&[&tag[..], password])?;
        }
        Some(tag.to_vec())
    }
}

fn value_of(character: u8) -> Option<u8> {
    ALPHABET.iter().position(|known| *known == character).and_then(|value| u8::try_from(value).ok())
}

/// Writes three bytes as four characters, the lowest six bits first.
fn encoded(tag: &[u8]) -> String {
    let mut text = String::new();
    for bytes in tag.chunks(3) {
        let word = bytes.iter().rev().fold(0, |word: usize, byte| word << 8 | usize::from(*byte));
        text.extend((0..=bytes.len()).map(|place| char::from(ALPHABET[word >> (6 * place) & 63])));
    }
    text
}

fn decoded(values: &[u8]) -> Option<[u8; 16]> {
    let mut tag = Vec::new();
    for values in values.chunks(4) {
        let word = values.iter().rev().fold(0_u32, |word, value| word << 6 | u32::from(*value));
        let bytes = values.len().checked_sub(1)?;
        // The last characters may not say more than the bytes that they stand for.
        if word >> (8 * bytes) != 0 && bytes < 3 {
            return None;
        }
        tag.extend(word.to_le_bytes().into_iter().take(bytes));
    }
    tag.try_into().ok()
}

const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// The most rounds that are verified, as a logarithm: 262 144, about two seconds for the longest password.
const LOG_ROUNDS_MAX: u8 = 18;
