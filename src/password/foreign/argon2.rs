//! argon2i and argon2id (RFC 9106), in the PHC string format.

use argon2_rust::params::{Memory, TagLen};
use base64::Engine as _;

use crate::password::hasher::{HashParameters, Implementation};

use super::Fault;
use super::parts::{BASE64, base64, number};

/// What the digest of a password depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Argon2 {
    variant: Variant,
    parameters: HashParameters,
    salt: Vec<u8>,
    tag_bytes: usize,
}

/// How the memory is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Variant {
    /// Independent of the password.
    Argon2i,
    /// Half and half.
    Argon2id,
}

impl Argon2 {
    pub(super) fn parse(text: &str, variant: Variant) -> Result<(Self, Vec<u8>), Fault> {
        let (parameters, salt, tag) = read(text, variant).ok_or(Fault::Malformed)?;
        let HashParameters { m_kib, t, p } = parameters;
        let is_possible = t >= 1 && p >= 1 && u64::from(m_kib) >= 8 * u64::from(p);
        if !is_possible || !(8..=64).contains(&salt.len()) || !(16..=64).contains(&tag.len()) {
            return Err(Fault::Malformed);
        }
        if !parameters.is_bounded() {
            return Err(Fault::TooCostly);
        }
        Ok((Self { variant, parameters, salt, tag_bytes: tag.len() }, tag))
    }

    pub(super) fn write(&self, tag: &[u8]) -> String {
        let HashParameters { m_kib, t, p } = self.parameters;
        let (name, salt, tag) = (self.variant.name(), BASE64.encode(&self.salt), BASE64.encode(tag));
        format!("${name}$v=19$m={m_kib},t={t},p={p}${salt}${tag}")
    }

    /// The same without the salt.
    pub(super) fn blank(&self) -> Self {
        Self { salt: vec![0; 16], ..self.clone() }
    }

    pub(super) fn compute(&self, password: &[u8], implementation: Implementation) -> Option<Vec<u8>> {
        let HashParameters { m_kib, t, p } = self.parameters;
        match implementation {
            Implementation::Fast => {
                let builder = argon2_rust::Params::builder().memory(Memory::kib(m_kib.into())).passes(t).lanes(p);
                let params = builder.tag_len(TagLen::bytes(self.tag_bytes as u64)).build().ok()?;
                let algorithm = match self.variant {
                    Variant::Argon2i => argon2_rust::Algorithm::Argon2i,
                    Variant::Argon2id => argon2_rust::Algorithm::Argon2id,
                };
                let argon2 = argon2_rust::Argon2::new(algorithm, argon2_rust::Version::V0x13, params);
                argon2.hash(password, &self.salt).ok()
            }
            #[cfg(feature = "rustcrypto")]
            Implementation::RustCrypto => {
                let params = argon2::Params::new(m_kib, t, p, Some(self.tag_bytes)).ok()?;
                let algorithm = match self.variant {
                    Variant::Argon2i => argon2::Algorithm::Argon2i,
                    Variant::Argon2id => argon2::Algorithm::Argon2id,
                };
                let mut tag = vec![0; self.tag_bytes];
                let argon2 = argon2::Argon2::new(algorithm, argon2::Version::V0x13, params);
                argon2.hash_password_into(password, &self.salt, &mut tag).ok()?;
                Some(tag)
            }
        }
    }
}

impl Variant {
    const fn name(self) -> &'static str {
        match self {
            Self::Argon2i => "argon2i",
            Self::Argon2id => "argon2id",
        }
    }
}

/// The parameters, the salt and the tag of a string.
fn read(text: &str, variant: Variant) -> Option<(HashParameters, Vec<u8>, Vec<u8>)> {
    let mut parts = text.strip_prefix('$')?.strip_prefix(variant.name())?.strip_prefix("$v=19$")?.split('$');
    let (costs, salt, tag) = (parts.next()?, parts.next()?, parts.next()?);
    let mut costs = costs.split(',');
    let mut cost = |name: &str| number(costs.next()?.strip_prefix(name)?);
    let parameters = HashParameters { m_kib: cost("m=")?, t: cost("t=")?, p: cost("p=")? };
    let is_whole = parts.next().is_none() && costs.next().is_none();
    Some((parameters, base64(salt)?, base64(tag)?)).filter(|_| is_whole)
}
