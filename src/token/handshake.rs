//! What carries the result of a handshake: a JWT that the application's server verifies by the public keys, or a nonce
//! that it exchanges for the result ([guide: Handshakes](crate::guide::contract_handshakes)).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use crate::domain::ports::{KeyedDigest, Sealer};
use crate::domain::secret::Secret;

use super::{InstanceKey, KeyError, Keyring};

#[derive(Serialize)]
struct Claims<'a> {
    exp: u64,
    handshake: &'a [String],
    iat: u64,
}

impl Keyring {
    /// Signs the cookies that an application's server is to set. Times are in seconds since 1970. It takes about 0.3 ms of
    /// CPU, so call it on the blocking pool.
    ///
    /// # Errors
    /// Where signing fails.
    pub fn sign_handshake(&self, cookies: &[String], iat: u64, exp: u64) -> Result<Secret<String>, KeyError> {
        self.jwt(&Claims { exp, handshake: cookies, iat })
    }
}

impl InstanceKey {
    /// The nonce with these random bytes, and the digest under which its result is kept.
    pub fn handshake_nonce(&self, random: [u8; 32]) -> (Secret<String>, [u8; 32]) {
        let nonce = URL_SAFE_NO_PAD.encode(random);
        let digest = self.handshake_digest(&nonce).unwrap_or_default();
        (Secret::new(nonce), digest)
    }

    /// The digest under which the result of a nonce is kept; `None` for what can't be a nonce.
    pub fn handshake_digest(&self, nonce: &str) -> Option<[u8; 32]> {
        let is_nonce = nonce.len() == NONCE_LENGTH && URL_SAFE_NO_PAD.decode(nonce).is_ok();
        is_nonce.then(|| self.digest(&[b"handshake nonce", nonce.as_bytes()]))
    }

    /// The cookies, sealed for the data files.
    pub fn seal_handshake(&self, digest: &[u8; 32], cookies: &[String]) -> Vec<u8> {
        self.seal(digest, cookies.join("\n").as_bytes())
    }

    /// The cookies that were sealed; `None` for anything else.
    pub fn open_handshake(&self, digest: &[u8; 32], sealed: &[u8]) -> Option<Vec<String>> {
        let text = String::from_utf8(self.open(digest, sealed)?).ok()?;
        Some(text.split('\n').map(str::to_owned).collect())
    }
}

/// 32 bytes in base64url.
const NONCE_LENGTH: usize = 43;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_sealed_under_its_nonce_and_its_instance() {
        let (key, other) = (InstanceKey::generate(), InstanceKey::generate());
        let cookies = ["a=1; Path=/".to_owned(), "b=2".to_owned()];
        let (nonce, digest) = key.handshake_nonce([7; 32]);
        assert_eq!((nonce.expose().len(), key.handshake_digest(nonce.expose())), (NONCE_LENGTH, Some(digest)));
        let sealed = key.seal_handshake(&digest, &cookies);
        assert_eq!(key.open_handshake(&digest, &sealed).as_deref(), Some(&cookies[..]));
        assert_eq!(key.open_handshake(&[0; 32], &sealed), None);
        assert_eq!(other.open_handshake(&digest, &sealed), None);
        assert_ne!(other.handshake_digest(nonce.expose()), Some(digest));
        for odd in ["", "x", &nonce.expose()[1..], &"!".repeat(NONCE_LENGTH), &"A".repeat(100_000)] {
            assert_eq!(key.handshake_digest(odd), None);
        }
    }
}
