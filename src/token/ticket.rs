//! Invitation tickets: the base64url form of the invitation's id and a MAC over it. They are not stored, so the data
//! files hold no ticket. Whether a ticket is still valid is in the invitation's record.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::domain::id::InvitationId;
use crate::domain::ports::KeyedDigest;
use crate::domain::secret::Secret;

use super::InstanceKey;

impl InstanceKey {
    /// The ticket of an invitation.
    pub fn ticket(&self, id: InvitationId) -> Secret<String> {
        let bytes = [id.as_bytes().as_slice(), &self.ticket_mac(id)].concat();
        Secret::new(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The invitation id in a ticket of this instance; `None` for anything else.
    pub fn read_ticket(&self, text: &str) -> Option<InvitationId> {
        if text.len() > 2 * BYTES {
            return None;
        }
        let bytes: [u8; BYTES] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let (id, mac) = bytes.split_first_chunk::<16>()?;
        let id = InvitationId::from_bytes(*id);
        self.equal(&self.ticket_mac(id), mac.try_into().ok()?).then_some(id)
    }

    fn ticket_mac(&self, id: InvitationId) -> [u8; 32] {
        self.digest(&[b"invitation ticket", id.as_bytes()])
    }
}

const BYTES: usize = 16 + 32;

#[cfg(test)]
mod tests {
    use super::*;

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
