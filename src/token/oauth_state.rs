//! The `state` of a trip to a provider, and the secrets that belong to it: all derived from the nonce that the
//! sign-up holds, so that the data files hold neither
//! ([guide: An account at a provider](crate::guide::design#an-account-at-a-provider)).
//!
//! A `state` also carries, sealed, where the browser is to go afterwards: somebody who comes back when nothing is known
//! of the trip any more still has a page to go to.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::domain::id::{ClientId, SignInId, SignUpId};
use crate::domain::ports::{KeyedDigest, Sealer};
use crate::domain::secret::Secret;

use super::InstanceKey;

/// A trip to a provider and back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OAuthState {
    /// Whose trip it is.
    pub of: FlowId,
    /// The client that it began on.
    pub client: ClientId,
    /// How the browser that comes back is known.
    pub carrier: TokenCarrier,
    /// Fresh for this trip.
    pub nonce: [u8; 16],
}

/// Where the browser goes after a trip: absolute URLs that were allowed when it began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// Without a session.
    pub redirect_url: String,
    /// With one; the same as without when absent.
    pub action_complete_redirect_url: Option<String>,
}

/// What a trip belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowId {
    /// A sign-up.
    SignUp(SignUpId),
    /// A sign-in.
    SignIn(SignInId),
}

/// How the browser that comes back from a provider is known to be the one that left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokenCarrier {
    /// It presents the client's token, as browsers with cookies do.
    #[default]
    Cookie,
    /// The system's browser comes back for an application without cookies: what the provider said is handed to the
    /// application sealed, and counts once the client presents it.
    Header,
    /// A dev browser, whose token is not in the navigation: whoever has the `state` counts. Development only.
    DevBrowser,
}

impl OAuthState {
    /// The `state` parameter. Places that would make it longer than providers take are left out.
    pub fn state(&self, places: &Places, key: &InstanceKey) -> String {
        let body = self.body();
        let bytes = [body.as_slice(), &self.tag(&body, key)[..TAG]].concat();
        let sealed = places.to_text().map(|text| key.seal(&[SEALED, &body].concat(), text.as_bytes()));
        let state = URL_SAFE_NO_PAD.encode([bytes.as_slice(), &sealed.unwrap_or_default()].concat());
        if state.len() > STATE_MAX { URL_SAFE_NO_PAD.encode(bytes) } else { state }
    }

    /// Reads a `state` that this instance made, and where it leads, if it says so; `None` for anything else.
    pub fn read(state: &str, key: &InstanceKey) -> Option<(Self, Option<Places>)> {
        if state.len() > STATE_MAX {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(state).ok()?;
        let (body, rest) = bytes.split_first_chunk::<BODY>()?;
        let (tag, sealed) = rest.split_first_chunk::<TAG>()?;
        let trip = Self::of_body(body)?;
        let (mut expected, mut presented) = ([0; 32], [0; 32]);
        expected[..TAG].copy_from_slice(&trip.tag(body, key)[..TAG]);
        presented[..TAG].copy_from_slice(tag);
        if !key.equal(&expected, &presented) {
            return None;
        }
        if sealed.is_empty() {
            return Some((trip, None));
        }
        let opened = key.open(&[SEALED, body].concat(), sealed)?;
        Some((trip, Some(Places::of_text(str::from_utf8(&opened).ok()?))))
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
            FlowId::SignUp(id) => (1, id.as_bytes()),
            FlowId::SignIn(id) => (2, id.as_bytes()),
        };
        let carrier = match self.carrier {
            TokenCarrier::Cookie => 1,
            TokenCarrier::Header => 2,
            TokenCarrier::DevBrowser => 3,
        };
        let mut body = [0; BODY];
        body[0] = kind;
        body[1] = carrier;
        body[2..18].copy_from_slice(id);
        body[18..34].copy_from_slice(self.client.as_bytes());
        body[34..].copy_from_slice(&self.nonce);
        body
    }

    fn of_body(body: &[u8; BODY]) -> Option<Self> {
        let id: [u8; 16] = body[2..18].try_into().ok()?;
        let of = match body[0] {
            1 => FlowId::SignUp(SignUpId::from_bytes(id)),
            2 => FlowId::SignIn(SignInId::from_bytes(id)),
            _ => return None,
        };
        let carrier = match body[1] {
            1 => TokenCarrier::Cookie,
            2 => TokenCarrier::Header,
            3 => TokenCarrier::DevBrowser,
            _ => return None,
        };
        let client = ClientId::from_bytes(body[18..34].try_into().ok()?);
        Some(Self { of, client, carrier, nonce: body[34..].try_into().ok()? })
    }

    fn tag(&self, body: &[u8; BODY], key: &InstanceKey) -> [u8; 32] {
        key.digest(&[b"oauth state", body])
    }
}

impl Places {
    /// Where the browser goes.
    pub fn destination(&self, has_session: bool) -> &str {
        match &self.action_complete_redirect_url {
            Some(url) if has_session => url,
            _ => &self.redirect_url,
        }
    }

    /// A URL has no line breaks; what has is none.
    fn to_text(&self) -> Option<String> {
        let complete = self.action_complete_redirect_url.as_deref().unwrap_or_default();
        let is_url = |text: &str| !text.contains('\n');
        (is_url(&self.redirect_url) && is_url(complete)).then(|| format!("{}\n{complete}", self.redirect_url))
    }

    fn of_text(text: &str) -> Self {
        let (redirect_url, complete) = text.split_once('\n').unwrap_or((text, ""));
        let complete = Some(complete).filter(|complete| !complete.is_empty());
        Self { redirect_url: redirect_url.to_owned(), action_complete_redirect_url: complete.map(str::to_owned) }
    }
}

const BODY: usize = 2 + 16 + 16 + 16;
const TAG: usize = 16;
/// What is sealed beside a trip's body is sealed as this.
const SEALED: &[u8] = b"oauth places";
/// As long as a `state` may be, in letters: X takes 500, the fewest of all providers that say how many.
const STATE_MAX: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_state_of_this_instance_is_read() {
        let key = InstanceKey::generate();
        for (of, carrier) in [
            (FlowId::SignUp(SignUpId::from_bytes([1; 16])), TokenCarrier::Cookie),
            (FlowId::SignIn(SignInId::from_bytes([2; 16])), TokenCarrier::Header),
            (FlowId::SignUp(SignUpId::from_bytes([3; 16])), TokenCarrier::DevBrowser),
        ] {
            let trip = OAuthState { of, client: ClientId::from_bytes([4; 16]), carrier, nonce: [5; 16] };
            for places in [places(), Places { action_complete_redirect_url: None, ..places() }] {
                let state = trip.state(&places, &key);
                assert_eq!(OAuthState::read(&state, &key), Some((trip, Some(places))));
                assert_eq!(OAuthState::read(&state, &InstanceKey::generate()), None);
            }
        }
    }

    #[test]
    fn a_state_keeps_where_it_leads_to_itself_and_is_never_longer_than_providers_take() {
        let key = InstanceKey::generate();
        let of = FlowId::SignIn(SignInId::from_bytes([1; 16]));
        let trip =
            OAuthState { of, client: ClientId::from_bytes([4; 16]), carrier: TokenCarrier::Cookie, nonce: [5; 16] };
        let state = trip.state(&places(), &key);
        let bytes = URL_SAFE_NO_PAD.decode(&state).expect("base64url");
        assert!(!bytes.windows(4).any(|window| window == b"http"), "a provider is not told");
        for length in [0, 100, 200, 300, 5000] {
            let long = Places { redirect_url: format!("https://a.example/{}", "a".repeat(length)), ..places() };
            let state = trip.state(&long, &key);
            assert!(state.len() <= STATE_MAX, "{}", state.len());
            let (read, places) = OAuthState::read(&state, &key).expect("it is ours");
            assert_eq!((read, places.is_some()), (trip, length <= 200), "{length}");
        }
        // A state from before there were places in it, and a place that is no URL.
        let bare = URL_SAFE_NO_PAD.encode(&bytes[..BODY + TAG]);
        assert_eq!(OAuthState::read(&bare, &key), Some((trip, None)));
        let odd = Places { redirect_url: "a\nb".into(), ..places() };
        assert_eq!(OAuthState::read(&trip.state(&odd, &key), &key), Some((trip, None)));
        // What is sealed belongs to its trip alone.
        let other = OAuthState { nonce: [6; 16], ..trip }.state(&Places::default(), &key);
        let other = URL_SAFE_NO_PAD.decode(other).expect("base64url");
        let mixed = [&other[..BODY + TAG], &bytes[BODY + TAG..]].concat();
        assert_eq!(OAuthState::read(&URL_SAFE_NO_PAD.encode(mixed), &key), None);
    }

    #[test]
    fn every_changed_bit_of_a_state_is_noticed() {
        let key = InstanceKey::generate();
        let of = FlowId::SignUp(SignUpId::from_bytes([1; 16]));
        let trip =
            OAuthState { of, client: ClientId::from_bytes([4; 16]), carrier: TokenCarrier::Cookie, nonce: [5; 16] };
        let bytes = URL_SAFE_NO_PAD.decode(trip.state(&places(), &key)).expect("base64url");
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(OAuthState::read(&URL_SAFE_NO_PAD.encode(changed), &key), None, "bit {bit}");
        }
        for odd in ["", "x", &"A".repeat(100_000)] {
            assert_eq!(OAuthState::read(odd, &key), None);
        }
    }

    fn places() -> Places {
        let (redirect_url, complete) = ("http://localhost:3000/sso-callback", "http://localhost:3000/done");
        Places { redirect_url: redirect_url.into(), action_complete_redirect_url: Some(complete.into()) }
    }

    #[test]
    fn no_two_trips_share_a_secret() {
        let key = InstanceKey::generate();
        let of = FlowId::SignUp(SignUpId::from_bytes([1; 16]));
        let trip = |nonce| OAuthState {
            of,
            client: ClientId::from_bytes([4; 16]),
            carrier: TokenCarrier::Cookie,
            nonce: [nonce; 16],
        };
        let (one, other) = (trip(1), trip(2));
        assert_ne!(one.pkce_verifier(&key).expose(), other.pkce_verifier(&key).expose());
        assert_ne!(one.oidc_nonce(&key).expose(), other.oidc_nonce(&key).expose());
        assert_ne!(one.oidc_nonce(&key).expose(), one.pkce_verifier(&key).expose());
        assert_eq!(one.pkce_verifier(&key).expose().len(), 43);
    }
}
