//! Signing keys and their public halves (RFC 7517, RFC 7518, RFC 8037).

use std::fmt;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ED25519, Ed25519KeyPair, KeyPair, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::json;

use crate::domain::id::InstanceId;
use crate::domain::secret::Secret;

/// Signature algorithms of session tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256 and RSA-2048, the only algorithm that Clerk's backend package accepts.
    #[default]
    #[serde(rename = "RS256")]
    Rs256,
    /// Ed25519, which signs faster.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

/// A key could not be made, parsed or used. The library gives no reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key was rejected")]
pub struct KeyError;

/// A private key and its key id (`kid`).
pub struct SigningKey {
    id: InstanceId,
    pair: Pair,
}

enum Pair {
    Rsa(Box<RsaKeyPair>),
    Ed25519(Box<Ed25519KeyPair>),
}

/// The signing keys of an instance.
pub struct Keyring {
    active: SigningKey,
}

impl Algorithm {
    /// The name in the `alg` header of a JWT.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::EdDsa => "EdDSA",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl SigningKey {
    /// A new random key. RSA takes about 100 ms.
    ///
    /// # Errors
    /// Where key generation fails.
    pub fn generate(id: InstanceId, algorithm: Algorithm) -> Result<Self, KeyError> {
        let pair = match algorithm {
            Algorithm::Rs256 => Pair::Rsa(Box::new(RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| KeyError)?)),
            Algorithm::EdDsa => Pair::Ed25519(Box::new(Ed25519KeyPair::generate().map_err(|_| KeyError)?)),
        };
        Ok(Self { id, pair })
    }

    /// Parses a PKCS#8 document (DER).
    ///
    /// # Errors
    /// Where the document does not hold a key of this algorithm.
    pub fn from_pkcs8(id: InstanceId, algorithm: Algorithm, document: &[u8]) -> Result<Self, KeyError> {
        let pair = match algorithm {
            Algorithm::Rs256 => Pair::Rsa(Box::new(RsaKeyPair::from_pkcs8(document).map_err(|_| KeyError)?)),
            Algorithm::EdDsa => Pair::Ed25519(Box::new(Ed25519KeyPair::from_pkcs8(document).map_err(|_| KeyError)?)),
        };
        Ok(Self { id, pair })
    }

    /// The key as a PKCS#8 document (DER), for encrypted storage.
    ///
    /// # Errors
    /// Where encoding fails.
    pub fn to_pkcs8(&self) -> Result<Secret<Vec<u8>>, KeyError> {
        Ok(Secret::new(match &self.pair {
            Pair::Rsa(pair) => pair.as_der().map_err(|_| KeyError)?.as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.to_pkcs8().map_err(|_| KeyError)?.as_ref().to_vec(),
        }))
    }

    pub(super) fn kid(&self) -> String {
        self.id.to_string()
    }

    pub(super) const fn algorithm(&self) -> Algorithm {
        match self.pair {
            Pair::Rsa(_) => Algorithm::Rs256,
            Pair::Ed25519(_) => Algorithm::EdDsa,
        }
    }

    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).map_err(|_| KeyError)?;
                Ok(signature)
            }
            Pair::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
        }
    }

    /// Whether it made this signature of `message`.
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        let verified = match &self.pair {
            Pair::Rsa(pair) => UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref())
                .verify(message, signature),
            Pair::Ed25519(pair) => {
                UnparsedPublicKey::new(&ED25519, pair.public_key().as_ref()).verify(message, signature)
            }
        };
        verified.is_ok()
    }

    fn jwk(&self) -> serde_json::Value {
        let (kid, alg) = (self.kid(), self.algorithm().as_str());
        match &self.pair {
            Pair::Rsa(pair) => {
                let public = pair.public_key();
                let number =
                    |n: aws_lc_rs::io::Positive<'_>| URL_SAFE_NO_PAD.encode(n.big_endian_without_leading_zero());
                let (n, e) = (number(public.modulus()), number(public.exponent()));
                json!({"use": "sig", "kty": "RSA", "kid": kid, "alg": alg, "n": n, "e": e})
            }
            Pair::Ed25519(pair) => {
                let x = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
                json!({"use": "sig", "kty": "OKP", "crv": "Ed25519", "kid": kid, "alg": alg, "x": x})
            }
        }
    }
}

impl Keyring {
    /// A keyring with one key.
    pub const fn new(active: SigningKey) -> Self {
        Self { active }
    }

    /// The public keys, as a JWK Set (RFC 7517).
    pub fn jwks(&self) -> serde_json::Value {
        json!({"keys": [self.active.jwk()]})
    }

    pub(super) const fn active(&self) -> &SigningKey {
        &self.active
    }
}
