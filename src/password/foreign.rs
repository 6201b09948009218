//! Digests that other systems made, in the forms that Clerk's Backend API takes them (`password_digest` with
//! `password_hasher`). They are read here and computed again with the password of a sign-in; the next sign-in replaces
//! them.

mod argon2;
mod bcrypt;
mod md5;
mod parts;
mod pbkdf2;
mod phpass;
mod scrypt;
mod single;

use std::fmt;

use self::argon2::{Argon2, Variant};
use self::bcrypt::Bcrypt;
use self::pbkdf2::{Form, Pbkdf2};
use self::phpass::Phpass;
use self::scrypt::Scrypt;
use self::single::Single;

use super::hasher::Implementation;

/// A password digest of another system, read and within the bounds of what may be verified.
///
/// The hashers, as Clerk names them, their forms, and the highest cost:
///
/// | Hasher | Form | At most |
/// |---|---|---|
/// | `argon2i`, `argon2id` | `$argon2id$v=19$m=65536,t=3,p=4$salt$hash` | 256 MiB, 16 passes, 8 lanes |
/// | `bcrypt` | `$2b$12$…`, also `2a` and `2y` | cost 15 |
/// | `bcrypt_sha256_django` | `bcrypt_sha256$$2b$12$…` | cost 15 |
/// | `pbkdf2_sha256` | `pbkdf2_sha256$rounds$salt$hash`, both in base64; also `$pbkdf2-sha256$…` | 4 000 000 rounds |
/// | `pbkdf2_sha256_django` | the same with the salt as text | 4 000 000 rounds |
/// | `pbkdf2_sha1` | `pbkdf2_sha1$rounds$salt$hash`, the hash in hexadecimal | 4 000 000 rounds over all blocks |
/// | `scrypt_firebase` | `hash$salt$signer key$salt separator$rounds$memory cost` | 256 MiB, 1 GiB of work |
/// | `scrypt_werkzeug` | `scrypt:N:r:p$salt$hash`, the hash in hexadecimal | 256 MiB, 1 GiB of work |
/// | `phpass` | `$P$…`, also `$H$…` | 2^18 rounds |
/// | `md5`, `sha256` | hexadecimal | |
/// | `ldap_ssha` | `{SSHA}…` | |
///
/// Those of `bcrypt`, `bcrypt_sha256_django`, `md5`, `phpass` and scrypt need the feature `foreign-hashes`.
#[derive(Clone, PartialEq, Eq)]
pub struct ForeignDigest {
    hasher: Hasher,
    scheme: Scheme,
    tag: Vec<u8>,
}

/// Why a digest of another system is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ForeignDigestError {
    /// No hasher has this name.
    #[error("the name of the password hasher is not known")]
    UnknownHasher,
    /// Digests of this kind are not verified here.
    #[error("digests of {hasher} are not supported: {reason}")]
    Unsupported {
        /// The name of the hasher.
        hasher: &'static str,
        /// Why not.
        reason: &'static str,
    },
    /// The text is not a digest of this hasher.
    #[error("this is not a digest of {hasher}; the form is {form}")]
    Malformed {
        /// The name of the hasher.
        hasher: &'static str,
        /// How a digest of it is written.
        form: &'static str,
    },
    /// Verifying it would take too long or too much memory.
    #[error("this digest of {hasher} costs too much; at most {most} are allowed")]
    TooCostly {
        /// The name of the hasher.
        hasher: &'static str,
        /// The highest cost.
        most: &'static str,
    },
}

/// Why a text was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Malformed,
    TooCostly,
    Unsupported(&'static str),
}

/// The hashers whose digests are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hasher {
    Argon2i,
    Argon2id,
    Bcrypt,
    BcryptSha256Django,
    LdapSsha,
    Md5,
    Pbkdf2Sha1,
    Pbkdf2Sha256,
    Pbkdf2Sha256Django,
    Phpass,
    ScryptFirebase,
    ScryptWerkzeug,
    Sha256,
}

/// What the digest of a password depends on: the algorithm, its cost, the salt.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Scheme {
    Argon2(Argon2),
    Bcrypt(Bcrypt),
    Pbkdf2(Pbkdf2),
    Phpass(Phpass),
    Scrypt(Scrypt),
    Single(Single),
}

impl ForeignDigest {
    /// Reads a digest. `hasher` is the name that Clerk's Backend API has for what made it.
    ///
    /// # Errors
    /// Where the hasher is not known or not supported, and where the digest is malformed or costs too much to verify.
    pub fn parse(hasher: &str, digest: &str) -> Result<Self, ForeignDigestError> {
        let hasher = Hasher::named(hasher)?;
        if !hasher.is_built() {
            let reason = "this program is built without the feature `foreign-hashes`";
            return Err(ForeignDigestError::Unsupported { hasher: hasher.name(), reason });
        }
        let read = if digest.len() > LENGTH_MAX { Err(Fault::Malformed) } else { hasher.read(digest) };
        let (scheme, tag) = read.map_err(|fault| hasher.error(fault))?;
        Ok(Self { hasher, scheme, tag })
    }

    /// The name of the hasher.
    pub const fn hasher(&self) -> &'static str {
        self.hasher.name()
    }

    /// Whether the hasher is so fast that an attacker who reads the digest can try very many passwords: it needs
    /// microseconds or a few milliseconds for each. Such a digest is not stored.
    /// [`HashPool::adopt`](super::HashPool::adopt) gives an argon2id digest of it instead.
    pub const fn is_fast(&self) -> bool {
        matches!(self.scheme, Scheme::Single(_) | Scheme::Phpass(_))
    }

    /// The digest in the form of its hasher. Digests that are equal are written equally.
    pub(super) fn write(&self) -> String {
        match &self.scheme {
            Scheme::Argon2(scheme) => scheme.write(&self.tag),
            Scheme::Bcrypt(scheme) => scheme.write(&self.tag),
            Scheme::Pbkdf2(scheme) => scheme.write(&self.tag),
            Scheme::Phpass(scheme) => scheme.write(&self.tag),
            Scheme::Scrypt(scheme) => scheme.write(&self.tag),
            Scheme::Single(scheme) => scheme.write(&self.tag),
        }
    }

    /// What the hasher computed.
    pub(super) fn tag(&self) -> &[u8] {
        &self.tag
    }

    /// The same hasher, cost and salt with nothing that depends on a password.
    #[must_use]
    pub(super) fn without_tag(&self) -> Self {
        Self { tag: vec![0; self.tag.len()], ..self.clone() }
    }

    /// A digest that costs as much, without anything of this one's user.
    #[must_use]
    pub(super) fn blank(&self) -> Self {
        let scheme = match &self.scheme {
            Scheme::Argon2(scheme) => Scheme::Argon2(scheme.blank()),
            Scheme::Bcrypt(scheme) => Scheme::Bcrypt(scheme.blank()),
            Scheme::Pbkdf2(scheme) => Scheme::Pbkdf2(scheme.blank()),
            Scheme::Phpass(scheme) => Scheme::Phpass(scheme.blank()),
            Scheme::Scrypt(scheme) => Scheme::Scrypt(scheme.blank()),
            Scheme::Single(scheme) => Scheme::Single(scheme.blank()),
        };
        Self { scheme, ..self.without_tag() }
    }

    /// What the hasher computes for this password, at the same cost and with the same salt. `None` where it takes no
    /// such password. Slow: for threads that may block.
    pub(super) fn compute(&self, password: &[u8], implementation: Implementation) -> Option<Vec<u8>> {
        match &self.scheme {
            Scheme::Argon2(scheme) => scheme.compute(password, implementation),
            Scheme::Bcrypt(scheme) => scheme.compute(password),
            Scheme::Pbkdf2(scheme) => Some(scheme.compute(password)),
            Scheme::Phpass(scheme) => scheme.compute(password),
            Scheme::Scrypt(scheme) => scheme.compute(password),
            Scheme::Single(scheme) => scheme.compute(password),
        }
    }
}

/// Without the digest: it is a secret.
impl fmt::Debug for ForeignDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[secret of {}]", self.hasher.name())
    }
}

impl Hasher {
    fn named(name: &str) -> Result<Self, ForeignDigestError> {
        let unsupported = |hasher, reason| Err(ForeignDigestError::Unsupported { hasher, reason });
        match name {
            "awscognito" => unsupported("awscognito", "the password would have to be checked by Amazon Cognito"),
            "md5_phpass" => unsupported("md5_phpass", "its form is not published"),
            _ => ALL.into_iter().find(|hasher| hasher.name() == name).ok_or(ForeignDigestError::UnknownHasher),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Argon2i => "argon2i",
            Self::Argon2id => "argon2id",
            Self::Bcrypt => "bcrypt",
            Self::BcryptSha256Django => "bcrypt_sha256_django",
            Self::LdapSsha => "ldap_ssha",
            Self::Md5 => "md5",
            Self::Pbkdf2Sha1 => "pbkdf2_sha1",
            Self::Pbkdf2Sha256 => "pbkdf2_sha256",
            Self::Pbkdf2Sha256Django => "pbkdf2_sha256_django",
            Self::Phpass => "phpass",
            Self::ScryptFirebase => "scrypt_firebase",
            Self::ScryptWerkzeug => "scrypt_werkzeug",
            Self::Sha256 => "sha256",
        }
    }

    const fn form(self) -> &'static str {
        match self {
            Self::Argon2i => "$argon2i$v=19$m=<KiB>,t=<passes>,p=<lanes>$<salt>$<hash>",
            Self::Argon2id => "$argon2id$v=19$m=<KiB>,t=<passes>,p=<lanes>$<salt>$<hash>",
            Self::Bcrypt => "$2b$<cost>$<salt and hash>",
            Self::BcryptSha256Django => "bcrypt_sha256$$2b$<cost>$<salt and hash>",
            Self::LdapSsha => "{SSHA}<hash and salt in base64>",
            Self::Md5 => "32 hexadecimal digits",
            Self::Pbkdf2Sha1 => "pbkdf2_sha1$<rounds>$<salt>$<hash in hexadecimal>",
            Self::Pbkdf2Sha256 => "pbkdf2_sha256$<rounds>$<salt in base64>$<hash in base64>",
            Self::Pbkdf2Sha256Django => "pbkdf2_sha256$<rounds>$<salt>$<hash in base64>",
            Self::Phpass => "$P$<rounds, salt and hash>",
            Self::ScryptFirebase => "<hash>$<salt>$<signer key>$<salt separator>$<rounds>$<memory cost>",
            Self::ScryptWerkzeug => "scrypt:<N>:<r>:<p>$<salt>$<hash in hexadecimal>",
            Self::Sha256 => "64 hexadecimal digits",
        }
    }

    /// The highest cost that is verified.
    const fn most(self) -> &'static str {
        match self {
            Self::Argon2i | Self::Argon2id => "262144 KiB, 16 passes and 8 lanes",
            Self::Bcrypt | Self::BcryptSha256Django => "2^15 rounds",
            Self::Pbkdf2Sha1 | Self::Pbkdf2Sha256 | Self::Pbkdf2Sha256Django => "4000000 rounds over all blocks",
            Self::Phpass => "2^18 rounds",
            Self::ScryptFirebase | Self::ScryptWerkzeug => "256 MiB (128 * N * r) and 1 GiB of work (128 * N * r * p)",
            Self::LdapSsha | Self::Md5 | Self::Sha256 => "1 round",
        }
    }

    const fn is_built(self) -> bool {
        let is_extra = matches!(
            self,
            Self::Bcrypt
                | Self::BcryptSha256Django
                | Self::Md5
                | Self::Phpass
                | Self::ScryptFirebase
                | Self::ScryptWerkzeug
        );
        cfg!(feature = "foreign-hashes") || !is_extra
    }

    fn read(self, text: &str) -> Result<(Scheme, Vec<u8>), Fault> {
        Ok(match self {
            Self::Argon2i => of(Scheme::Argon2, Argon2::parse(text, Variant::Argon2i)?),
            Self::Argon2id => of(Scheme::Argon2, Argon2::parse(text, Variant::Argon2id)?),
            Self::Bcrypt => of(Scheme::Bcrypt, Bcrypt::parse(text, false)?),
            Self::BcryptSha256Django => of(Scheme::Bcrypt, Bcrypt::parse(text, true)?),
            Self::LdapSsha => of(Scheme::Single, Single::parse_ldap_ssha(text)?),
            Self::Md5 => of(Scheme::Single, Single::parse_md5(text)?),
            Self::Pbkdf2Sha1 => of(Scheme::Pbkdf2, Pbkdf2::parse(text, Form::Sha1)?),
            Self::Pbkdf2Sha256 => of(Scheme::Pbkdf2, Pbkdf2::parse(text, Form::Sha256)?),
            Self::Pbkdf2Sha256Django => of(Scheme::Pbkdf2, Pbkdf2::parse(text, Form::Sha256Django)?),
            Self::Phpass => of(Scheme::Phpass, Phpass::parse(text)?),
            Self::ScryptFirebase => of(Scheme::Scrypt, Scrypt::parse_firebase(text)?),
            Self::ScryptWerkzeug => of(Scheme::Scrypt, Scrypt::parse_werkzeug(text)?),
            Self::Sha256 => of(Scheme::Single, Single::parse_sha256(text)?),
        })
    }

    const fn error(self, fault: Fault) -> ForeignDigestError {
        let hasher = self.name();
        match fault {
            Fault::Malformed => ForeignDigestError::Malformed { hasher, form: self.form() },
            Fault::TooCostly => ForeignDigestError::TooCostly { hasher, most: self.most() },
            Fault::Unsupported(reason) => ForeignDigestError::Unsupported { hasher, reason },
        }
    }
}

fn of<S>(scheme: impl FnOnce(S) -> Scheme, (settings, tag): (S, Vec<u8>)) -> (Scheme, Vec<u8>) {
    (scheme(settings), tag)
}

const ALL: [Hasher; 13] = [
    Hasher::Argon2i,
    Hasher::Argon2id,
    Hasher::Bcrypt,
    Hasher::BcryptSha256Django,
    Hasher::LdapSsha,
    Hasher::Md5,
    Hasher::Pbkdf2Sha1,
    Hasher::Pbkdf2Sha256,
    Hasher::Pbkdf2Sha256Django,
    Hasher::Phpass,
    Hasher::ScryptFirebase,
    Hasher::ScryptWerkzeug,
    Hasher::Sha256,
];
/// The longest digest that is read, in bytes.
const LENGTH_MAX: usize = 2048;

#[cfg(all(test, feature = "foreign-hashes"))]
mod tests;
