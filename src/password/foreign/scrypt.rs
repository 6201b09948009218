//! scrypt (RFC 7914) as Werkzeug writes it, and Firebase's variant: there the key that scrypt derives encrypts the
//! project's signer key (AES-256-CTR, the counter from 0), and the digest is what comes out.

use aws_lc_rs::cipher::{AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use base64::Engine as _;

use crate::domain::text;

use super::Fault;
use super::parts::{BASE64_PADDED, base64_of_either, hex, number};

/// What the digest of a password depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scrypt {
    /// Firebase's variant.
    Firebase {
        /// What it costs.
        cost: Cost,
        /// The user's salt.
        salt: Vec<u8>,
        /// The project's key.
        signer_key: Vec<u8>,
        /// Of the project; it follows the salt.
        separator: Vec<u8>,
    },
    /// As Werkzeug uses it; the salt is text.
    Werkzeug {
        /// What it costs.
        cost: Cost,
        /// The user's salt.
        salt: String,
    },
}

/// The parameters of scrypt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cost {
    /// The logarithm of N, base 2.
    log_n: u8,
    r: u32,
    p: u32,
}

impl Scrypt {
    /// Reads `hash$salt$signer key$salt separator$rounds$memory cost`.
    pub(super) fn parse_firebase(text: &str) -> Result<(Self, Vec<u8>), Fault> {
        let parts: Vec<&str> = text.split('$').collect();
        let [tag, salt, signer_key, separator, rounds, memory_cost] = parts[..] else {
            return Err(Fault::Malformed);
        };
        let decoded = |text, range: std::ops::RangeInclusive<usize>| {
            base64_of_either(text).filter(|bytes| range.contains(&bytes.len())).ok_or(Fault::Malformed)
        };
        let (tag, signer_key) = (decoded(tag, 16..=KEY_MAX)?, decoded(signer_key, 16..=KEY_MAX)?);
        let (salt, separator) = (decoded(salt, 1..=SALT_MAX)?, decoded(separator, 0..=SALT_MAX)?);
        if tag.len() != signer_key.len() {
            return Err(Fault::Malformed);
        }
        let (Some(log_n), Some(r)) = (number(memory_cost), number(rounds)) else { return Err(Fault::Malformed) };
        let cost = Cost { log_n, r, p: 1 }.checked()?;
        Ok((Self::Firebase { cost, salt, signer_key, separator }, tag))
    }

    /// Reads `scrypt:N:r:p$salt$tag`, with a `$` before it or without.
    pub(super) fn parse_werkzeug(text: &str) -> Result<(Self, Vec<u8>), Fault> {
        let parts: Vec<&str> = text.strip_prefix('$').unwrap_or(text).split('$').collect();
        let [method, salt, tag] = parts[..] else { return Err(Fault::Malformed) };
        let method: Vec<&str> = method.split(':').collect();
        let ["scrypt", n, r, p] = method[..] else { return Err(Fault::Malformed) };
        let (Some(n), Some(r), Some(p)) = (number::<u64>(n), number(r), number(p)) else {
            return Err(Fault::Malformed);
        };
        let tag = hex(tag).filter(|tag| tag.len() == WERKZEUG_BYTES).ok_or(Fault::Malformed)?;
        let log_n = u8::try_from(n.trailing_zeros()).map_err(|_| Fault::Malformed)?;
        if !n.is_power_of_two() || !(1..=SALT_MAX).contains(&salt.len()) {
            return Err(Fault::Malformed);
        }
        let cost = Cost { log_n, r, p }.checked()?;
        Ok((Self::Werkzeug { cost, salt: salt.to_owned() }, tag))
    }

    pub(super) fn write(&self, tag: &[u8]) -> String {
        match self {
            Self::Firebase { cost: Cost { log_n, r, .. }, salt, signer_key, separator } => {
                let [tag, salt, key, separator] =
                    [tag, salt, signer_key, separator].map(|bytes| BASE64_PADDED.encode(bytes));
                format!("{tag}${salt}${key}${separator}${r}${log_n}")
            }
            Self::Werkzeug { cost: Cost { log_n, r, p }, salt } => {
                format!("scrypt:{}:{r}:{p}${salt}${}", 1_u64 << log_n, text::hex(tag))
            }
        }
    }

    /// The same without the salt and without the key.
    pub(super) fn blank(&self) -> Self {
        match self {
            Self::Firebase { cost, signer_key, .. } => Self::Firebase {
                cost: *cost,
                salt: vec![0; 8],
                signer_key: vec![0; signer_key.len()],
                separator: vec![0],
            },
            Self::Werkzeug { cost, .. } => Self::Werkzeug { cost: *cost, salt: "0".repeat(16) },
        }
    }

    pub(super) fn compute(&self, password: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Firebase { cost, salt, signer_key, separator } => {
                let mut key = [0; 32];
                scrypt(password, &[&salt[..], separator].concat(), *cost, &mut key)?;
                let mut tag = signer_key.clone();
                let key = EncryptingKey::ctr(UnboundCipherKey::new(&AES_256, &key).ok()?).ok()?;
                let counter = EncryptionContext::Iv128(FixedLength::from([0; 16]));
                key.less_safe_encrypt(&mut tag, counter).ok()?;
                Some(tag)
            }
            Self::Werkzeug { cost, salt } => {
                let mut tag = vec![0; WERKZEUG_BYTES];
                scrypt(password, salt.as_bytes(), *cost, &mut tag)?;
                Some(tag)
            }
        }
    }
}

impl Cost {
    /// Refuses impossible parameters and those that cost too much.
    fn checked(self) -> Result<Self, Fault> {
        let Self { log_n, r, p } = self;
        if log_n == 0 || r == 0 || p == 0 {
            return Err(Fault::Malformed);
        }
        let memory = (128_u64 << log_n.min(32)).saturating_mul(r.into());
        if log_n > 32 || memory > MEMORY_MAX || memory.saturating_mul(p.into()) > WORK_MAX {
            return Err(Fault::TooCostly);
        }
        Ok(self)
    }
}

#[cfg(feature = "foreign-hashes")]
fn scrypt(password: &[u8], salt: &[u8], cost: Cost, derived: &mut [u8]) -> Option<()> {
    let params = scrypt::Params::new(cost.log_n, cost.r, cost.p).ok()?;
    scrypt::scrypt(password, salt, &params, derived).ok()
}

#[cfg(not(feature = "foreign-hashes"))]
const fn scrypt(_: &[u8], _: &[u8], _: Cost, _: &mut [u8]) -> Option<()> {
    None
}

/// The most memory that is taken for one password, in bytes: as much as for argon2id.
const MEMORY_MAX: u64 = 256 << 20;
/// The most memory that is passed over for one password, in bytes: about three seconds.
const WORK_MAX: u64 = 1 << 30;
const WERKZEUG_BYTES: usize = 64;
/// The longest salt and key, in bytes.
const SALT_MAX: usize = 256;
const KEY_MAX: usize = 256;
