//! The text that a user's record keeps of a password, in one of three forms:
//!
//! - our own digest, a PHC string: `$argon2id$v=19$m=19456,t=2,p=1$…`;
//! - one of another system as it came, behind the name of its hasher: `bcrypt$$2b$12$…`;
//! - an argon2id digest of a fast digest of another system: `ldap_ssha+argon2id$` with what the fast digest depends on
//!   (its salt; the tag is zeros), and a PHC string of the fast digest in hexadecimal.
//!
//! Ours is the only form that begins with `$`. A version of the program that does not know the others verifies none of
//! them.

use aws_lc_rs::constant_time::verify_slices_are_equal;

use crate::domain::secret::Secret;
use crate::domain::text;

use super::foreign::ForeignDigest;
use super::hasher::{HashError, HashParameters, Hasher, Implementation, Phc, SALT_BYTES, TAG_BYTES};

/// A stored text that was read.
pub(super) enum Stored {
    Own(Phc),
    Foreign(ForeignDigest),
    Wrapped { inner: ForeignDigest, outer: Phc },
}

/// The cost of verifying a stored digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DigestCost {
    /// Of our own, and its parameters.
    Own(HashParameters),
    /// Of one that another system made.
    Foreign(ForeignCost),
}

/// The cost of verifying a digest that another system made: the digest without its salt and tag.
#[derive(Clone, PartialEq, Eq)]
pub struct ForeignCost(String);

impl Stored {
    /// Reads a stored text; `None` if it is malformed or costs more than is verified.
    pub(super) fn decode(text: &str) -> Option<Self> {
        if text.starts_with('$') {
            return Phc::decode(text).map(Self::Own);
        }
        let (hasher, digest) = text.split_once('$')?;
        let Some(hasher) = hasher.strip_suffix(WRAPPED) else {
            // A fast digest is never stored as it is.
            let digest = ForeignDigest::parse(hasher, digest).ok()?;
            return (!digest.is_fast()).then_some(Self::Foreign(digest));
        };
        let (inner, outer) = digest.split_at_checked(digest.rfind(ARGON2ID)?)?;
        let inner = ForeignDigest::parse(hasher, inner).ok()?.without_tag();
        Some(Self::Wrapped { inner, outer: Phc::decode(outer)? })
    }

    pub(super) fn encode(&self) -> Secret<String> {
        Secret::new(match self {
            Self::Own(phc) => phc.encode(),
            Self::Foreign(digest) => format!("{}${}", digest.hasher(), digest.write()),
            Self::Wrapped { inner, outer } => {
                format!("{}{WRAPPED}${}{}", inner.hasher(), inner.write(), outer.encode())
            }
        })
    }

    pub(super) fn cost(&self) -> DigestCost {
        match self {
            Self::Own(phc) => DigestCost::Own(phc.parameters),
            Self::Foreign(digest) => DigestCost::Foreign(ForeignCost::of(&Self::Foreign(digest.blank()))),
            Self::Wrapped { inner, outer } => {
                let (inner, outer) = (inner.blank(), blank(outer.parameters));
                DigestCost::Foreign(ForeignCost::of(&Self::Wrapped { inner, outer }))
            }
        }
    }

    /// Whether a password matches. `hasher` computes argon2id with the parameters `present`; others are computed by a
    /// hasher that is made for them.
    pub(super) fn matches(
        &self,
        password: &[u8],
        (hasher, present): (&mut Hasher, HashParameters),
        implementation: Implementation,
    ) -> Result<bool, HashError> {
        let mut own = |phc: &Phc, input: &[u8]| {
            let tag = if phc.parameters == present {
                hasher.tag(input, &phc.salt)?
            } else {
                Hasher::new(implementation, phc.parameters)?.tag(input, &phc.salt)?
            };
            Ok(verify_slices_are_equal(&tag, &phc.tag).is_ok())
        };
        match self {
            Self::Own(phc) => own(phc, password),
            Self::Foreign(digest) => {
                let computed = digest.compute(password, implementation);
                Ok(computed.is_some_and(|computed| verify_slices_are_equal(&computed, digest.tag()).is_ok()))
            }
            Self::Wrapped { inner, outer } => match inner.compute(password, implementation) {
                Some(computed) => own(outer, text::hex(&computed).as_bytes()),
                None => Ok(false),
            },
        }
    }
}

impl DigestCost {
    /// Whether the password has to be hashed anew when it is known: a digest of another system always, ours where it
    /// is easier to guess than one with the parameters `today`.
    pub fn needs_rehash(&self, today: HashParameters) -> bool {
        match self {
            Self::Own(parameters) => parameters.is_weaker_than(today),
            Self::Foreign(_) => true,
        }
    }

    /// A stored text that costs as much to verify and matches no password.
    pub(super) fn dummy(&self) -> Secret<String> {
        match self {
            Self::Own(parameters) => Stored::Own(blank(*parameters)).encode(),
            Self::Foreign(cost) => Secret::new(cost.0.clone()),
        }
    }
}

impl From<HashParameters> for DigestCost {
    fn from(parameters: HashParameters) -> Self {
        Self::Own(parameters)
    }
}

impl ForeignCost {
    /// Reads what [`Self::as_str`] gave; `None` where this program can't verify such a digest.
    pub fn parse(text: &str) -> Option<Self> {
        match Stored::decode(text)?.cost() {
            DigestCost::Foreign(cost) => Some(cost),
            DigestCost::Own(_) => None,
        }
    }

    /// As text without line breaks. It holds nothing of a user.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn of(blank: &Stored) -> Self {
        Self(blank.encode().into_inner())
    }
}

impl std::fmt::Debug for ForeignCost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A digest with these parameters that matches no password.
fn blank(parameters: HashParameters) -> Phc {
    Phc { parameters, salt: vec![0; SALT_BYTES], tag: vec![0; TAG_BYTES] }
}

/// Follows the name of the hasher whose digest argon2id was computed of.
const WRAPPED: &str = "+argon2id";
/// How an argon2id digest begins.
const ARGON2ID: &str = "$argon2id$";
