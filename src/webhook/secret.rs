//! The secrets that webhooks are signed with.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::domain::ports::Entropy;
use crate::domain::secret::Secret;

/// A key of 24 to 64 random bytes, which the engine shares with the owner of one endpoint. As text it is `whsec_` and
/// the bytes in base64 (standard alphabet, with padding). It is overwritten when it is dropped.
#[derive(Clone)]
pub struct SigningSecret(Zeroizing<Vec<u8>>);

/// Why a text is not a signing secret. No message repeats the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// The prefix is missing.
    #[error("a signing secret begins with `whsec_`")]
    Prefix,
    /// The rest is not base64.
    #[error("what follows `whsec_` is not base64 of the standard alphabet with padding")]
    Base64,
    /// The key is too short or too long. The number of its bytes.
    #[error("a signing secret has 24 to 64 bytes, and this one has {0}")]
    Length(usize),
}

impl SigningSecret {
    /// A new secret of 32 random bytes.
    pub fn generate(entropy: &mut dyn Entropy) -> Self {
        let mut bytes = Zeroizing::new(vec![0; LENGTH]);
        entropy.fill(&mut bytes);
        Self(bytes)
    }

    /// The secret as its owner gives it to a library that verifies.
    pub fn to_text(&self) -> Secret<String> {
        Secret::new(format!("{PREFIX}{}", STANDARD.encode(&*self.0)))
    }

    pub(super) fn key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &self.0)
    }
}

impl FromStr for SigningSecret {
    type Err = SecretError;

    fn from_str(text: &str) -> Result<Self, SecretError> {
        let encoded = text.strip_prefix(PREFIX).ok_or(SecretError::Prefix)?;
        let bytes = Zeroizing::new(STANDARD.decode(encoded).map_err(|_| SecretError::Base64)?);
        match bytes.len() {
            LENGTH_MIN..=LENGTH_MAX => Ok(Self(bytes)),
            length => Err(SecretError::Length(length)),
        }
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// The secrets of one endpoint: one, or two while its owner replaces one by the other. Each message is signed with all
/// of them, and a receiver accepts a message if one signature is right.
#[derive(Clone, Debug)]
pub struct SigningSecrets {
    current: SigningSecret,
    previous: Option<SigningSecret>,
}

impl SigningSecrets {
    /// One secret.
    pub const fn new(current: SigningSecret) -> Self {
        Self { current, previous: None }
    }

    /// A new current secret. The one from before goes on to sign until [`SigningSecrets::end_rotation`]; one that was
    /// already the previous one is dropped.
    #[must_use]
    pub fn rotated_to(self, new: SigningSecret) -> Self {
        Self { current: new, previous: Some(self.current) }
    }

    /// Only the current secret.
    #[must_use]
    pub fn end_rotation(self) -> Self {
        Self::new(self.current)
    }

    /// The current secret, then the previous one, if there is one.
    pub fn iter(&self) -> impl Iterator<Item = &SigningSecret> {
        std::iter::once(&self.current).chain(&self.previous)
    }
}

const PREFIX: &str = "whsec_";
/// Bytes of a new secret: as many as the digest of HMAC-SHA-256 has.
const LENGTH: usize = 32;
/// In bytes, from Standard Webhooks 1.0.0: 192 and 512 bits.
const LENGTH_MIN: usize = 24;
const LENGTH_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SeededEntropy;

    #[test]
    fn a_new_secret_reads_back_and_differs_from_the_next() {
        let mut entropy = SeededEntropy::new(1);
        let text = SigningSecret::generate(&mut entropy).to_text();
        let read: SigningSecret = text.expose().parse().expect("a secret");
        assert_eq!(read.to_text(), text);
        assert!(text.expose().len() == PREFIX.len() + 44 && text.expose().ends_with('='));
        assert_ne!(SigningSecret::generate(&mut entropy).to_text(), text);
    }

    #[test]
    fn what_is_wrong_with_a_secret_is_said() {
        let of_length = |length| format!("whsec_{}", STANDARD.encode(vec![7; length]));
        for (text, error) in [
            (String::new(), Some(SecretError::Prefix)),
            ("c2VjcmV0".to_owned(), Some(SecretError::Prefix)),
            ("WHSEC_c2VjcmV0".to_owned(), Some(SecretError::Prefix)),
            ("whsec_!".to_owned(), Some(SecretError::Base64)),
            (format!("whsec_{}", "-_".repeat(16)), Some(SecretError::Base64)),
            (of_length(25).trim_end_matches('=').to_owned(), Some(SecretError::Base64)),
            ("whsec_".to_owned(), Some(SecretError::Length(0))),
            (of_length(23), Some(SecretError::Length(23))),
            (of_length(24), None),
            (of_length(64), None),
            (of_length(65), Some(SecretError::Length(65))),
        ] {
            assert_eq!(text.parse::<SigningSecret>().err(), error, "{text}");
        }
    }

    #[test]
    fn no_debug_output_shows_a_secret() {
        let secrets = SigningSecrets::new(SigningSecret::generate(&mut SeededEntropy::new(1)));
        assert_eq!(format!("{secrets:?}"), "SigningSecrets { current: [secret], previous: None }");
    }

    #[test]
    fn while_secrets_are_rotated_there_are_two_and_never_three() {
        let mut entropy = SeededEntropy::new(1);
        let [a, b, c] = [(); 3].map(|()| SigningSecret::generate(&mut entropy));
        let texts = |secrets: &SigningSecrets| secrets.iter().map(SigningSecret::to_text).collect::<Vec<_>>();
        let secrets = SigningSecrets::new(a.clone()).rotated_to(b.clone());
        assert_eq!(texts(&secrets), [b.to_text(), a.to_text()]);
        let secrets = secrets.rotated_to(c.clone());
        assert_eq!(texts(&secrets), [c.to_text(), b.to_text()]);
        assert_eq!(texts(&secrets.end_rotation()), [c.to_text()]);
    }
}
