//! The `state` of a trip to a provider, and the secrets that belong to it: all derived from the nonce that the
//! sign-up holds, so that the data files hold neither (DESIGN 6, SECURITY R-O1, R-O2).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::domain::context::KeyedDigest;
use crate::domain::id::{ClientId, SignInId, SignUpId};
use crate::domain::secret::Secret;

use super::InstanceKey;

/// A trip to a provider and back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trip {
    /// Whose trip it is.
    pub of: Traveller,
    /// The client that it began on.
    pub client: ClientId,
    /// How the browser that comes back is known.
    pub gate: Gate,
    /// Fresh for this trip.
    pub nonce: [u8; 16],
}

/// What a trip belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traveller {
    /// A sign-up.
    SignUp(SignUpId),
    /// A sign-in.
    SignIn(SignInId),
}

/// How the browser that comes back from a provider is known to be the one that left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Gate {
    /// It presents the client's token, as browsers with cookies do.
    #[default]
    Client,
    /// The system's browser comes back for an application without cookies: what the provider said is handed to the
    /// application sealed, and counts once the client presents it.
    HandOver,
    /// A dev browser, whose token is not in the navigation: whoever has the `state` counts. Development only.
    State,
}

impl Trip {
    /// The `state` parameter.
    pub fn state(&self, key: &InstanceKey) -> String {
        let body = self.body();
        URL_SAFE_NO_PAD.encode([body.as_slice(), &self.tag(&body, key)[..TAG]].concat())
    }

    /// Reads a `state` that this instance made; `None` for anything else.
    pub fn read(state: &str, key: &InstanceKey) -> Option<Self> {
        if state.len() > 2 * (BODY + TAG) {
            return None;
        }
        let bytes: [u8; BODY + TAG] = URL_SAFE_NO_PAD.decode(state).ok()?.try_into().ok()?;
        let (body, tag) = bytes.split_first_chunk::<BODY>()?;
        let trip = Self::of_body(body)?;
        let (mut expected, mut presented) = ([0; 32], [0; 32]);
        expected[..TAG].copy_from_slice(&trip.tag(body, key)[..TAG]);
        presented[..TAG].copy_from_slice(tag);
        key.equal(&expected, &presented).then_some(trip)
    }

    /// The PKCE verifier (RFC 7636): 43 characters.
    pub fn pkce_verifier(&self, key: &InstanceKey) -> Secret<String> {
        Secret::new(URL_SAFE_NO_PAD.encode(key.digest(&[b"oauth pkce verifier", &self.body()])))
    }

    /// The `nonce` that an ID token must repeat.
    pub fn oidc_nonce(&self, key: &InstanceKey) -> Secret<String> {
        Secret::new(URL_SAFE_NO_PAD.encode(key.digest(&[b"oidc nonce", &self.body()])))
    }

    /// What a sealed hand-over is bound to.
    pub fn body(&self) -> [u8; BODY] {
        let (kind, id) = match &self.of {
            Traveller::SignUp(id) => (1, id.as_bytes()),
            Traveller::SignIn(id) => (2, id.as_bytes()),
        };
        let gate = match self.gate {
            Gate::Client => 1,
            Gate::HandOver => 2,
            Gate::State => 3,
        };
        let mut body = [0; BODY];
        body[0] = kind;
        body[1] = gate;
        body[2..18].copy_from_slice(id);
        body[18..34].copy_from_slice(self.client.as_bytes());
        body[34..].copy_from_slice(&self.nonce);
        body
    }

    fn of_body(body: &[u8; BODY]) -> Option<Self> {
        let id: [u8; 16] = body[2..18].try_into().ok()?;
        let of = match body[0] {
            1 => Traveller::SignUp(SignUpId::from_bytes(id)),
            2 => Traveller::SignIn(SignInId::from_bytes(id)),
            _ => return None,
        };
        let gate = match body[1] {
            1 => Gate::Client,
            2 => Gate::HandOver,
            3 => Gate::State,
            _ => return None,
        };
        let client = ClientId::from_bytes(body[18..34].try_into().ok()?);
        Some(Self { of, client, gate, nonce: body[34..].try_into().ok()? })
    }

    fn tag(&self, body: &[u8; BODY], key: &InstanceKey) -> [u8; 32] {
        key.digest(&[b"oauth state", body])
    }
}

const BODY: usize = 2 + 16 + 16 + 16;
const TAG: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_state_of_this_instance_is_read() {
        let key = InstanceKey::generate();
        for (of, gate) in [
            (Traveller::SignUp(SignUpId::from_bytes([1; 16])), Gate::Client),
            (Traveller::SignIn(SignInId::from_bytes([2; 16])), Gate::HandOver),
            (Traveller::SignUp(SignUpId::from_bytes([3; 16])), Gate::State),
        ] {
            let trip = Trip { of, client: ClientId::from_bytes([4; 16]), gate, nonce: [5; 16] };
            let state = trip.state(&key);
            assert_eq!(Trip::read(&state, &key), Some(trip));
            assert_eq!(Trip::read(&state, &InstanceKey::generate()), None);
        }
    }

    #[test]
    fn every_changed_bit_of_a_state_is_noticed() {
        let key = InstanceKey::generate();
        let of = Traveller::SignUp(SignUpId::from_bytes([1; 16]));
        let trip = Trip { of, client: ClientId::from_bytes([4; 16]), gate: Gate::Client, nonce: [5; 16] };
        let bytes = URL_SAFE_NO_PAD.decode(trip.state(&key)).expect("base64url");
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Trip::read(&URL_SAFE_NO_PAD.encode(changed), &key), None, "bit {bit}");
        }
        for odd in ["", "x", &"A".repeat(100_000)] {
            assert_eq!(Trip::read(odd, &key), None);
        }
    }

    #[test]
    fn no_two_trips_share_a_secret() {
        let key = InstanceKey::generate();
        let of = Traveller::SignUp(SignUpId::from_bytes([1; 16]));
        let trip = |nonce| Trip { of, client: ClientId::from_bytes([4; 16]), gate: Gate::Client, nonce: [nonce; 16] };
        let (one, other) = (trip(1), trip(2));
        assert_ne!(one.pkce_verifier(&key).expose(), other.pkce_verifier(&key).expose());
        assert_ne!(one.oidc_nonce(&key).expose(), other.oidc_nonce(&key).expose());
        assert_ne!(one.oidc_nonce(&key).expose(), one.pkce_verifier(&key).expose());
        assert_eq!(one.pkce_verifier(&key).expose().len(), 43);
    }
}
