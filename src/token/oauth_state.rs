//! The `state` parameter of an authorization request, the PKCE verifier and the OpenID nonce. All are derived from the
//! nonce in the sign-up or sign-in, so the data files hold none of them
//! ([guide: An account at a provider](crate::guide::design#an-account-at-a-provider)).
//!
//! A `state` also carries, encrypted, the URLs to which the browser is redirected at the end. So a browser that returns
//! late, when the attempt is no longer stored, still gets to a page of the application.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::domain::id::{ClientId, ExternalAccountId, SignInId, SignUpId};
use crate::domain::ports::{KeyedDigest, Sealer};
use crate::domain::secret::Secret;

use super::InstanceKey;

/// One authorization request: what its `state` parameter identifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OAuthState {
    /// The sign-up or sign-in that it belongs to.
    pub of: FlowId,
    /// The client that started it.
    pub client: ClientId,
    /// How the returning browser proves that it is that client.
    pub carrier: TokenCarrier,
    /// Random for each request.
    pub nonce: [u8; 16],
}

/// Redirect targets at the end of the flow, as text. They are sealed in the `state` parameter, so they are the ones that
/// were allowed when the flow began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RedirectTargets {
    /// Target if no session was created.
    pub redirect_url: String,
    /// Target if a session was created; `redirect_url` if absent.
    pub action_complete_redirect_url: Option<String>,
}

/// The attempt that an authorization request belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowId {
    /// A sign-up.
    SignUp(SignUpId),
    /// A sign-in.
    SignIn(SignInId),
    /// An account that a signed-in person connects.
    Account(ExternalAccountId),
}

/// How the browser that returns from a provider proves that it is the one that left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokenCarrier {
    /// It sends the client token in its cookie.
    #[default]
    Cookie,
    /// The application has no cookies and the system's browser returns. The provider's answer is given to the
    /// application encrypted, and counts only once the client itself presents it.
    Header,
    /// A development browser, whose token is not in the navigation request: a valid `state` is enough. Development
    /// only.
    DevBrowser,
}

impl OAuthState {
    /// The `state` parameter. Targets that would make it longer than providers accept are left out.
    pub fn state(&self, targets: &RedirectTargets, key: &InstanceKey) -> String {
        let body = self.body();
        let bytes = [body.as_slice(), &self.tag(&body, key)[..TAG]].concat();
        let sealed = targets.to_text().map(|text| key.seal(&[SEALED, &body].concat(), text.as_bytes()));
        let state = URL_SAFE_NO_PAD.encode([bytes.as_slice(), &sealed.unwrap_or_default()].concat());
        if state.len() > STATE_MAX { URL_SAFE_NO_PAD.encode(bytes) } else { state }
    }

    /// Verifies and parses a `state` of this instance, with its redirect targets if it carries them; `None` for
    /// anything else.
    pub fn read(state: &str, key: &InstanceKey) -> Option<(Self, Option<RedirectTargets>)> {
        if state.len() > STATE_MAX {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(state).ok()?;
        let (body, rest) = bytes.split_first_chunk::<BODY>()?;
        let (tag, sealed) = rest.split_first_chunk::<TAG>()?;
        let request = Self::of_body(body)?;
        let (mut expected, mut presented) = ([0; 32], [0; 32]);
        expected[..TAG].copy_from_slice(&request.tag(body, key)[..TAG]);
        presented[..TAG].copy_from_slice(tag);
        if !key.equal(&expected, &presented) {
            return None;
        }
        if sealed.is_empty() {
            return Some((request, None));
        }
        let opened = key.open(&[SEALED, body].concat(), sealed)?;
        Some((request, Some(RedirectTargets::of_text(str::from_utf8(&opened).ok()?))))
    }

    /// The PKCE code verifier (RFC 7636), 43 characters.
    pub fn pkce_verifier(&self, key: &InstanceKey) -> Secret<String> {
        Secret::new(URL_SAFE_NO_PAD.encode(key.digest(&[b"oauth pkce verifier", &self.body()])))
    }

    /// The `nonce` that an ID token must repeat.
    pub fn oidc_nonce(&self, key: &InstanceKey) -> Secret<String> {
        Secret::new(URL_SAFE_NO_PAD.encode(key.digest(&[b"oidc nonce", &self.body()])))
    }

    /// The fixed part of a `state`, in bytes. Encrypted values of this request are bound to it as associated data.
    pub fn body(&self) -> [u8; BODY] {
        let (kind, id) = match &self.of {
            FlowId::SignUp(id) => (1, id.as_bytes()),
            FlowId::SignIn(id) => (2, id.as_bytes()),
            FlowId::Account(id) => (3, id.as_bytes()),
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
            3 => FlowId::Account(ExternalAccountId::from_bytes(id)),
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

impl RedirectTargets {
    /// The redirect target of a flow that ended with or without a session.
    pub fn destination(&self, has_session: bool) -> &str {
        match &self.action_complete_redirect_url {
            Some(url) if has_session => url,
            _ => &self.redirect_url,
        }
    }

    /// Both URLs, separated by a line break; `None` if one contains a line break and so is no URL.
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
/// Label that separates these encrypted values from others under the same key.
const SEALED: &[u8] = b"oauth places";
/// Maximum length of a `state` in characters: X accepts 500, the smallest documented limit.
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
            let request = OAuthState { of, client: ClientId::from_bytes([4; 16]), carrier, nonce: [5; 16] };
            for targets in [targets(), RedirectTargets { action_complete_redirect_url: None, ..targets() }] {
                let state = request.state(&targets, &key);
                assert_eq!(OAuthState::read(&state, &key), Some((request, Some(targets))));
                assert_eq!(OAuthState::read(&state, &InstanceKey::generate()), None);
            }
        }
    }

    #[test]
    fn a_state_keeps_where_it_leads_to_itself_and_is_never_longer_than_providers_take() {
        let key = InstanceKey::generate();
        let of = FlowId::SignIn(SignInId::from_bytes([1; 16]));
        let request =
            OAuthState { of, client: ClientId::from_bytes([4; 16]), carrier: TokenCarrier::Cookie, nonce: [5; 16] };
        let state = request.state(&targets(), &key);
        let bytes = URL_SAFE_NO_PAD.decode(&state).expect("base64url");
        assert!(!bytes.windows(4).any(|window| window == b"http"), "a provider is not told");
        for length in [0, 100, 200, 300, 5000] {
            let long =
                RedirectTargets { redirect_url: format!("https://a.example/{}", "a".repeat(length)), ..targets() };
            let state = request.state(&long, &key);
            assert!(state.len() <= STATE_MAX, "{}", state.len());
            let (read, targets) = OAuthState::read(&state, &key).expect("it is ours");
            assert_eq!((read, targets.is_some()), (request, length <= 200), "{length}");
        }
        // A state without targets, as older versions made it, and a target that is no URL.
        let bare = URL_SAFE_NO_PAD.encode(&bytes[..BODY + TAG]);
        assert_eq!(OAuthState::read(&bare, &key), Some((request, None)));
        let odd = RedirectTargets { redirect_url: "a\nb".into(), ..targets() };
        assert_eq!(OAuthState::read(&request.state(&odd, &key), &key), Some((request, None)));
        // The encrypted part of one request is refused in another.
        let other = OAuthState { nonce: [6; 16], ..request }.state(&RedirectTargets::default(), &key);
        let other = URL_SAFE_NO_PAD.decode(other).expect("base64url");
        let mixed = [&other[..BODY + TAG], &bytes[BODY + TAG..]].concat();
        assert_eq!(OAuthState::read(&URL_SAFE_NO_PAD.encode(mixed), &key), None);
    }

    #[test]
    fn every_changed_bit_of_a_state_is_noticed() {
        let key = InstanceKey::generate();
        let of = FlowId::SignUp(SignUpId::from_bytes([1; 16]));
        let request =
            OAuthState { of, client: ClientId::from_bytes([4; 16]), carrier: TokenCarrier::Cookie, nonce: [5; 16] };
        let bytes = URL_SAFE_NO_PAD.decode(request.state(&targets(), &key)).expect("base64url");
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(OAuthState::read(&URL_SAFE_NO_PAD.encode(changed), &key), None, "bit {bit}");
        }
        for odd in ["", "x", &"A".repeat(100_000)] {
            assert_eq!(OAuthState::read(odd, &key), None);
        }
    }

    fn targets() -> RedirectTargets {
        let (redirect_url, complete) = ("http://localhost:3000/sso-callback", "http://localhost:3000/done");
        RedirectTargets { redirect_url: redirect_url.into(), action_complete_redirect_url: Some(complete.into()) }
    }

    #[test]
    fn no_two_requests_share_a_secret() {
        let key = InstanceKey::generate();
        let of = FlowId::SignUp(SignUpId::from_bytes([1; 16]));
        let request = |nonce| OAuthState {
            of,
            client: ClientId::from_bytes([4; 16]),
            carrier: TokenCarrier::Cookie,
            nonce: [nonce; 16],
        };
        let (one, other) = (request(1), request(2));
        assert_ne!(one.pkce_verifier(&key).expose(), other.pkce_verifier(&key).expose());
        assert_ne!(one.oidc_nonce(&key).expose(), other.oidc_nonce(&key).expose());
        assert_ne!(one.oidc_nonce(&key).expose(), one.pkce_verifier(&key).expose());
        assert_eq!(one.pkce_verifier(&key).expose().len(), 43);
    }
}
