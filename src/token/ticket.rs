//! Tickets of invitations and of sign-in tokens: the base64url form of the id and a MAC over it. They are not stored, so the
//! data files hold no ticket. Whether a ticket is still valid is in the record with that id.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::domain::id::{Id, InvitationId, Kind, SignInTokenId};
use crate::domain::ports::KeyedDigest;
use crate::domain::secret::Secret;

use super::InstanceKey;

impl InstanceKey {
    /// The ticket of an invitation.
    pub fn ticket(&self, id: InvitationId) -> Secret<String> {
        self.write_ticket(INVITATION, id)
    }

    /// The invitation id in a ticket of this instance; `None` for anything else.
    pub fn read_ticket(&self, text: &str) -> Option<InvitationId> {
        self.read(INVITATION, text)
    }

    /// The ticket of a sign-in token.
    pub fn sign_in_ticket(&self, id: SignInTokenId) -> Secret<String> {
        self.write_ticket(SIGN_IN_TOKEN, id)
    }

    /// The id of the sign-in token in a ticket of this instance; `None` for anything else.
    pub fn read_sign_in_ticket(&self, text: &str) -> Option<SignInTokenId> {
        self.read(SIGN_IN_TOKEN, text)
    }

    fn write_ticket<K: Kind>(&self, purpose: &[u8], id: Id<K>) -> Secret<String> {
        let bytes = [id.as_bytes().as_slice(), &self.ticket_mac(purpose, id)].concat();
        Secret::new(URL_SAFE_NO_PAD.encode(bytes))
    }

    fn read<K: Kind>(&self, purpose: &[u8], text: &str) -> Option<Id<K>> {
        if text.len() > 2 * BYTES {
            return None;
        }
        let bytes: [u8; BYTES] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let (id, mac) = bytes.split_first_chunk::<16>()?;
        let id = Id::from_bytes(*id);
        self.equal(&self.ticket_mac(purpose, id), mac.try_into().ok()?).then_some(id)
    }

    fn ticket_mac<K: Kind>(&self, purpose: &[u8], id: Id<K>) -> [u8; 32] {
        self.digest(&[purpose, id.as_bytes()])
    }
}

/// The MACs of tickets of one kind are not those of another.
const INVITATION: &[u8] = b"invitation ticket";
const SIGN_IN_TOKEN: &[u8] = b"sign-in token ticket";
const BYTES: usize = 16 + 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_of_one_kind() {
        let key = InstanceKey::generate();
        let (invitation, token) = (InvitationId::from_bytes([7; 16]), SignInTokenId::from_bytes([7; 16]));
        let (to_sign_up, to_sign_in) = (key.ticket(invitation).into_inner(), key.sign_in_ticket(token).into_inner());
        assert_eq!((key.read_ticket(&to_sign_up), key.read_sign_in_ticket(&to_sign_up)), (Some(invitation), None));
        assert_eq!((key.read_ticket(&to_sign_in), key.read_sign_in_ticket(&to_sign_in)), (None, Some(token)));
    }

    #[test]
    fn only_a_ticket_of_this_instance_is_read() {
        let key = InstanceKey::generate();
        let id = InvitationId::from_bytes([7; 16]);
        let ticket = key.ticket(id).into_inner();
        assert_eq!(key.read_ticket(&ticket), Some(id));
        assert_eq!(InstanceKey::generate().read_ticket(&ticket), None);
        let bytes = URL_SAFE_NO_PAD.decode(&ticket).expect("base64url");
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(key.read_ticket(&URL_SAFE_NO_PAD.encode(changed)), None, "bit {bit}");
        }
        for odd in ["", "x", &ticket[1..], &format!("{ticket}A"), &"A".repeat(100_000)] {
            assert_eq!(key.read_ticket(odd), None);
        }
    }
}
