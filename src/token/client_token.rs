//! Client tokens: computed from the instance key, not stored
//! ([guide: Client identity and tokens](crate::guide::design#client-identity-and-tokens)). A token is the base64url
//! form of client id, generation and a MAC over both and the salt in the client's record. So the data files hold no
//! token, and checking one needs no index.

use aws_lc_rs::constant_time;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::domain::id::ClientId;
use crate::domain::secret::Secret;

use super::InstanceKey;

/// A token that a request carries, parsed but not verified.
#[derive(Clone)]
pub struct PresentedToken {
    /// The client id that it claims.
    pub client_id: ClientId,
    /// The generation that it claims; each new token of a client raises it by one.
    pub generation: u32,
    mac: [u8; 32],
}

/// Parses a client token; `None` for anything else.
pub fn parse_client_token(text: &str) -> Option<PresentedToken> {
    if text.len() > 2 * BYTES {
        return None;
    }
    let bytes: [u8; BYTES] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
    let (id, rest) = bytes.split_first_chunk::<16>()?;
    let (generation, mac) = rest.split_first_chunk::<4>()?;
    let generation = u32::from_be_bytes(*generation);
    Some(PresentedToken { client_id: ClientId::from_bytes(*id), generation, mac: mac.try_into().ok()? })
}

impl InstanceKey {
    /// The token of a client with this generation and salt.
    pub fn client_token(&self, id: ClientId, generation: u32, salt: &[u8; 16]) -> Secret<String> {
        let mac = self.client_mac(id, generation, salt);
        let bytes = [id.as_bytes().as_slice(), &generation.to_be_bytes(), &mac].concat();
        Secret::new(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Whether a token was made under this key, compared in constant time. Whether its generation is the current one is
    /// in the client's record.
    pub fn verify(&self, presented: &PresentedToken, salt: &[u8; 16]) -> bool {
        let mac = self.client_mac(presented.client_id, presented.generation, salt);
        constant_time::verify_slices_are_equal(&mac, &presented.mac).is_ok()
    }

    /// The first salt of a client, derived from its id, so that the token of a client that is not stored yet can be
    /// verified.
    pub fn client_salt(&self, id: ClientId) -> [u8; 16] {
        let mac = self.token_mac(&[b"salt", id.as_bytes()]);
        let mut salt = [0; 16];
        salt.copy_from_slice(&mac[..16]);
        salt
    }

    fn client_mac(&self, id: ClientId, generation: u32, salt: &[u8; 16]) -> [u8; 32] {
        self.token_mac(&[id.as_bytes(), &generation.to_be_bytes(), salt])
    }
}

const BYTES: usize = 16 + 4 + 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_salt_is_of_one_id_under_one_key() {
        let key = InstanceKey::generate();
        let (id, other) = (ClientId::from_bytes([7; 16]), ClientId::from_bytes([8; 16]));
        assert_eq!(key.client_salt(id), key.client_salt(id));
        assert_ne!(key.client_salt(id), key.client_salt(other));
        assert_ne!(key.client_salt(id), InstanceKey::generate().client_salt(id));
    }

    #[test]
    fn only_the_genuine_token_verifies() {
        let key = InstanceKey::generate();
        let (id, salt) = (ClientId::from_bytes([7; 16]), [9; 16]);
        let token = key.client_token(id, 3, &salt).into_inner();
        let presented = parse_client_token(&token).expect("a token");
        assert_eq!((presented.client_id, presented.generation), (id, 3));
        assert!(key.verify(&presented, &salt));
        assert!(!key.verify(&presented, &[8; 16]));
        assert!(!InstanceKey::generate().verify(&presented, &salt));
        let raised = PresentedToken { generation: 4, ..presented };
        assert!(!key.verify(&raised, &salt));
        for odd in ["", "x", &token[1..], &format!("{token}A"), &"A".repeat(100_000)] {
            assert!(parse_client_token(odd).is_none());
        }
    }
}
