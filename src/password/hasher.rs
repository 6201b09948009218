//! argon2id (RFC 9106) by two implementations that must give the same bytes.

use argon2_rust::params::Memory;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// Cost parameters of argon2id. Each stored hash contains its own, so they can be raised at any time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashParameters {
    /// Memory in KiB.
    pub m_kib: u32,
    /// Passes over the memory (time cost).
    pub t: u32,
    /// Lanes (parallelism).
    pub p: u32,
}

/// The implementation of argon2id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Implementation {
    /// The crate `argon2-rust`: vector kernels chosen at run time.
    #[default]
    Fast,
    /// The crate `argon2` of RustCrypto: slower, more widely reviewed.
    #[cfg(feature = "rustcrypto")]
    RustCrypto,
}

/// Computes argon2id tags. Each thread has one, which reuses its memory.
pub(super) enum Hasher {
    Fast(Box<argon2_rust::Hasher>),
    #[cfg(feature = "rustcrypto")]
    RustCrypto(Box<argon2::Argon2<'static>>),
}

/// argon2id rejected its parameters or its input.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("argon2id refused its input: {0}")]
pub struct HashError(String);

impl Default for HashParameters {
    /// The second choice of the OWASP password storage cheat sheet: 19 MiB, two passes, one lane.
    fn default() -> Self {
        Self { m_kib: 19_456, t: 2, p: 1 }
    }
}

impl HashParameters {
    /// Upper bound of the cost. It limits the work that a stored string can cause when it is verified.
    pub const MAX: Self = Self { m_kib: 256 * 1024, t: 16, p: 8 };

    /// Whether a hash with these parameters is easier to guess than one with `other`: it uses less memory, or a smaller
    /// product of memory and passes.
    pub fn is_weaker_than(self, other: Self) -> bool {
        let work = |parameters: Self| u64::from(parameters.m_kib) * u64::from(parameters.t);
        self.m_kib < other.m_kib || work(self) < work(other)
    }

    pub(super) const fn is_bounded(self) -> bool {
        self.m_kib <= Self::MAX.m_kib && self.t <= Self::MAX.t && self.p <= Self::MAX.p
    }
}

impl Hasher {
    pub(super) fn new(implementation: Implementation, parameters: HashParameters) -> Result<Self, HashError> {
        let refused = |error: &dyn std::fmt::Display| HashError(error.to_string());
        let HashParameters { m_kib, t, p } = parameters;
        if !parameters.is_bounded() {
            // `decode` would refuse a hash with these parameters.
            let HashParameters { m_kib, t, p } = HashParameters::MAX;
            return Err(HashError(format!("at most {m_kib} KiB, {t} passes and {p} lanes are allowed")));
        }
        Ok(match implementation {
            Implementation::Fast => {
                let builder = argon2_rust::Params::builder().memory(Memory::kib(m_kib.into())).passes(t).lanes(p);
                let params = builder.build().map_err(|e| refused(&e))?;
                let argon2 =
                    argon2_rust::Argon2::new(argon2_rust::Algorithm::Argon2id, argon2_rust::Version::V0x13, params);
                Self::Fast(Box::new(argon2.hasher()))
            }
            #[cfg(feature = "rustcrypto")]
            Implementation::RustCrypto => {
                let params = argon2::Params::new(m_kib, t, p, Some(TAG_BYTES)).map_err(|e| refused(&e))?;
                Self::RustCrypto(Box::new(argon2::Argon2::new(
                    argon2::Algorithm::Argon2id,
                    argon2::Version::V0x13,
                    params,
                )))
            }
        })
    }

    pub(super) fn tag(&mut self, password: &[u8], salt: &[u8]) -> Result<[u8; TAG_BYTES], HashError> {
        let mut tag = [0; TAG_BYTES];
        match self {
            Self::Fast(hasher) => hasher.hash_into(password, salt, &mut tag).map_err(|e| HashError(e.to_string()))?,
            #[cfg(feature = "rustcrypto")]
            Self::RustCrypto(argon2) => {
                argon2.hash_password_into(password, salt, &mut tag).map_err(|e| HashError(e.to_string()))?;
            }
        }
        Ok(tag)
    }
}

/// A stored hash in the PHC string format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Phc {
    pub(super) parameters: HashParameters,
    pub(super) salt: Vec<u8>,
    pub(super) tag: Vec<u8>,
}

impl Phc {
    pub(super) fn encode(&self) -> String {
        let HashParameters { m_kib, t, p } = self.parameters;
        let (salt, tag) = (STANDARD_NO_PAD.encode(&self.salt), STANDARD_NO_PAD.encode(&self.tag));
        format!("$argon2id$v=19$m={m_kib},t={t},p={p}${salt}${tag}")
    }

    /// Parses a stored string; `None` if it is malformed or costs more than [`HashParameters::MAX`].
    pub(super) fn decode(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix("$argon2id$v=19$")?.split('$');
        let (costs, salt, tag) = (parts.next()?, parts.next()?, parts.next()?);
        let mut costs = costs.split(',');
        let mut cost = |name: &str| costs.next()?.strip_prefix(name)?.parse().ok();
        let parameters = HashParameters { m_kib: cost("m=")?, t: cost("t=")?, p: cost("p=")? };
        let decoded =
            Self { parameters, salt: STANDARD_NO_PAD.decode(salt).ok()?, tag: STANDARD_NO_PAD.decode(tag).ok()? };
        (parameters.is_bounded() && parts.next().is_none() && decoded.tag.len() == TAG_BYTES).then_some(decoded)
    }
}

/// Checks an implementation against a known result of the reference implementation.
pub(super) fn self_test(implementation: Implementation) -> Result<(), HashError> {
    let known = Phc::decode(KNOWN_ANSWER).ok_or_else(|| HashError("the known answer can't be read".into()))?;
    let tag = Hasher::new(implementation, known.parameters)?.tag(b"password", &known.salt)?;
    if tag[..] == known.tag { Ok(()) } else { Err(HashError("it does not compute the known answer".into())) }
}

/// argon2id of `password` with the salt `somesalt`.
const KNOWN_ANSWER: &str = "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$cpx6VEQbwTVZvcpxNIxOVUWZ5xnAipUmAe1cg2GMG70";
pub(super) const TAG_BYTES: usize = 32;
pub(super) const SALT_BYTES: usize = 16;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_known_answer_is_computed_by_both() {
        for implementation in [Implementation::Fast, Implementation::RustCrypto] {
            let parameters = HashParameters { m_kib: 64, t: 1, p: 1 };
            let tag = Hasher::new(implementation, parameters).expect("a hasher").tag(b"password", b"somesalt");
            let tag = tag.expect("a tag").to_vec();
            let phc = Phc { parameters, salt: b"somesalt".to_vec(), tag };
            assert_eq!(phc.encode(), KNOWN_ANSWER);
            assert_eq!(Phc::decode(KNOWN_ANSWER), Some(phc));
            assert_eq!(self_test(implementation), Ok(()));
        }
    }

    #[test]
    fn costly_and_odd_strings_are_not_computed() {
        for odd in [
            "",
            "$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHQ$cpx6VEQbwTVZvcpxNIxOVUWZ5xnAipUmAe1cg2GMG70",
            "$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$cpx6VEQbwTVZvcpxNIxOVUWZ5xnAipUmAe1cg2GMG70",
            "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$cpx6",
        ] {
            assert_eq!(Phc::decode(odd), None, "{odd}");
        }
    }

    #[test]
    fn whatever_can_be_hashed_can_be_verified() {
        let max = HashParameters::MAX;
        let stored = |parameters| Phc { parameters, salt: vec![7; SALT_BYTES], tag: vec![7; TAG_BYTES] };
        assert_eq!(Phc::decode(&stored(max).encode()), Some(stored(max)));
        for beyond in [
            HashParameters { m_kib: max.m_kib + 1, ..max },
            HashParameters { t: max.t + 1, ..max },
            HashParameters { p: max.p + 1, ..max },
        ] {
            assert_eq!(Phc::decode(&stored(beyond).encode()), None);
            for implementation in [Implementation::Fast, Implementation::RustCrypto] {
                let refused = Hasher::new(implementation, beyond).err().map(|error| error.to_string());
                assert!(refused.is_some_and(|text| text.contains("at most 262144 KiB, 16 passes and 8 lanes")));
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn both_implementations_agree(
            password in proptest::collection::vec(any::<u8>(), 0..200),
            salt in proptest::collection::vec(any::<u8>(), 8..40),
            m_kib in 8_u32..200, t in 1_u32..4,
        ) {
            let parameters = HashParameters { m_kib, t, p: 1 };
            let tag = |implementation| Hasher::new(implementation, parameters).expect("a hasher").tag(&password, &salt);
            prop_assert_eq!(tag(Implementation::Fast), tag(Implementation::RustCrypto));
        }
    }
}
