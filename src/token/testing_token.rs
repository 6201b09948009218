//! Testing tokens: with one, an application's own tests skip the captcha
//! ([guide: Testing tokens](crate::guide::contract_backend#testing-tokens)). A token is its expiry time and a MAC over
//! it; it is not stored.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::domain::ports::KeyedDigest;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;

use super::InstanceKey;

impl InstanceKey {
    /// A testing token that is valid until `expire_at`.
    pub fn testing_token(&self, expire_at: Timestamp) -> Secret<String> {
        let body = expire_at.as_millis().to_be_bytes();
        Secret::new(URL_SAFE_NO_PAD.encode([body.as_slice(), &self.testing_mac(&body)].concat()))
    }

    /// Whether `text` is a testing token of this instance that is still valid at `now`.
    pub fn is_testing_token(&self, text: &str, now: Timestamp) -> bool {
        let bytes =
            Some(text).filter(|text| text.len() <= 2 * BYTES).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
        let bytes = bytes.and_then(|bytes| <[u8; BYTES]>::try_from(bytes).ok());
        let Some((body, mac)) = bytes.as_ref().and_then(|bytes| bytes.split_first_chunk::<8>()) else { return false };
        let is_genuine = mac.try_into().is_ok_and(|mac| self.equal(&self.testing_mac(body), mac));
        is_genuine && now < Timestamp::from_millis(u64::from_be_bytes(*body))
    }

    fn testing_mac(&self, body: &[u8; 8]) -> [u8; 32] {
        self.digest(&[b"testing token", body])
    }
}

const BYTES: usize = 8 + 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_testing_token_is_good_for_its_instance_until_it_expires() {
        let key = InstanceKey::generate();
        let token = key.testing_token(Timestamp::from_millis(1000)).into_inner();
        assert!(key.is_testing_token(&token, Timestamp::from_millis(999)));
        assert!(!key.is_testing_token(&token, Timestamp::from_millis(1000)));
        assert!(!InstanceKey::generate().is_testing_token(&token, Timestamp::EPOCH));
        let later =
            URL_SAFE_NO_PAD.encode([&[0xff; 8], &URL_SAFE_NO_PAD.decode(&token).expect("base64url")[8..]].concat());
        for odd in ["", "x", &token[1..], &later, &"A".repeat(100_000)] {
            assert!(!key.is_testing_token(odd, Timestamp::EPOCH));
        }
    }
}
