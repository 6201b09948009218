//! E-mail links: the token in a message, and what a verification stores of it
//! ([guide: E-mail links](crate::guide::contract_sign_ups#e-mail-links)).

use std::fmt;

use crate::domain::context::Context;
use crate::domain::id::{ClientId, SignInId, SignUpId};
use crate::domain::ports::Entropy;
use crate::domain::redirect::RedirectUrl;
use crate::domain::text::hex;

use super::CodeDigest;

/// The token of a link, in clear text: exists only until it is digested and sealed, and again when the link is opened.
/// As text it is the owner, a dot and the secret in hex; ids are not secret.
#[derive(Clone, PartialEq, Eq)]
pub struct LinkToken {
    /// What it proves the address for.
    pub owner: LinkOwner,
    /// The secret, which can't be guessed.
    pub secret: LinkSecret,
}

/// What a link proves an address for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkOwner {
    /// A sign-up.
    SignUp(SignUpId),
    /// A sign-in, which is found by its client.
    SignIn(SignInId, ClientId),
}

/// How a link was followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyLink {
    /// The secret in the link.
    pub secret: LinkSecret,
    /// The client that opened the link, if known.
    pub by: Option<ClientId>,
    /// Whether the person confirmed on a page. Needed only where it is not the client that asked for the link: mail
    /// scanners open links too.
    pub confirmed: bool,
    /// Whether the client retries because the completing response was lost.
    pub again: bool,
    /// Whether the response to this request can set the client's cookies.
    pub in_cookie: bool,
}

/// 192 random bits.
#[derive(Clone, PartialEq, Eq)]
pub struct LinkSecret([u8; SECRET_BYTES]);

/// What a verification stores of the link it waits for.
#[derive(Clone, PartialEq, Eq)]
pub struct Link {
    /// The digest of the secret.
    pub digest: CodeDigest,
    /// Where the browser goes after the link.
    pub redirect_url: RedirectUrl,
    /// Whether the client's token is in a cookie that browser navigations send. Only then the response to the link can
    /// give the client a new token.
    pub in_cookie: bool,
}

impl LinkToken {
    /// A new token for a sign-up or a sign-in.
    pub fn generate(owner: LinkOwner, entropy: &mut dyn Entropy) -> Self {
        let mut secret = [0; SECRET_BYTES];
        entropy.fill(&mut secret);
        Self { owner, secret: LinkSecret(secret) }
    }

    /// Reads a token; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > TEXT_MAX {
            return None;
        }
        let (owner, hex) = text.rsplit_once('.')?;
        let owner = match owner.split_once('.') {
            None => LinkOwner::SignUp(owner.parse().ok()?),
            Some((sign_in, client)) => LinkOwner::SignIn(sign_in.parse().ok()?, client.parse().ok()?),
        };
        Some(Self { owner, secret: LinkSecret::from_hex(hex)? })
    }

    /// The token as text, for the message that carries it.
    pub fn expose(&self) -> String {
        let secret = hex(&self.secret.0);
        match self.owner {
            LinkOwner::SignUp(id) => format!("{id}.{secret}"),
            LinkOwner::SignIn(id, client) => format!("{id}.{client}.{secret}"),
        }
    }
}

impl LinkOwner {
    /// The bytes of the id of the sign-up or sign-in.
    pub(super) const fn as_bytes(&self) -> &[u8; 16] {
        match self {
            Self::SignUp(id) => id.as_bytes(),
            Self::SignIn(id, _) => id.as_bytes(),
        }
    }
}

impl VerifyLink {
    /// Whether the link was opened by this client, with its current token.
    pub(in crate::domain) fn is_by(&self, client: ClientId) -> bool {
        self.by == Some(client) && !self.again
    }
}

impl LinkSecret {
    fn from_hex(hex: &str) -> Option<Self> {
        let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if hex.len() != 2 * SECRET_BYTES || !hex.bytes().all(is_digit) {
            return None;
        }
        let mut secret = [0; SECRET_BYTES];
        for (at, byte) in secret.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).ok()?;
        }
        Some(Self(secret))
    }
}

impl Link {
    /// What is stored of a link with this secret for `value`.
    pub(super) fn new(
        token: &LinkToken,
        value: &str,
        redirect_url: RedirectUrl,
        in_cookie: bool,
        cx: &mut Context<'_>,
    ) -> Self {
        let mut nonce = [0; 16];
        cx.entropy.fill(&mut nonce);
        let digest = digest(token.owner, value, &nonce, &token.secret, cx);
        Self { digest: CodeDigest { nonce, digest }, redirect_url, in_cookie }
    }

    /// Whether `secret` is the one that was sent to `value`, compared in constant time.
    pub fn fits(&self, owner: LinkOwner, value: &str, secret: &LinkSecret, cx: &Context<'_>) -> bool {
        cx.digest.equal(&self.digest.digest, &digest(owner, value, &self.digest.nonce, secret, cx))
    }
}

fn digest(owner: LinkOwner, value: &str, nonce: &[u8; 16], secret: &LinkSecret, cx: &Context<'_>) -> [u8; 32] {
    cx.digest.digest(&[b"verification link", owner.as_bytes(), value.as_bytes(), nonce, &secret.0])
}

impl fmt::Debug for LinkToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[link token]")
    }
}

impl fmt::Debug for LinkSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[link secret]")
    }
}

/// The URL may have secrets of its page, such as a dev browser.
impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("in_cookie", &self.in_cookie).finish_non_exhaustive()
    }
}

const SECRET_BYTES: usize = 24;
/// Longer than any token, in bytes.
const TEXT_MAX: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_back_from_its_text_and_nothing_else_is_one() {
        let secret = || LinkSecret([0xab; SECRET_BYTES]);
        let token = LinkToken { owner: LinkOwner::SignUp(SignUpId::from_bytes([7; 16])), secret: secret() };
        let of_sign_in = LinkOwner::SignIn(SignInId::from_bytes([255; 16]), ClientId::from_bytes([255; 16]));
        for token in [token.clone(), LinkToken { owner: of_sign_in, secret: secret() }] {
            let text = token.expose();
            assert_eq!(LinkToken::parse(&text), Some(token));
            assert!(
                text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.'),
                "{text} needs no escapes"
            );
        }
        let text = token.expose();
        let upper = text.to_uppercase();
        let longer = format!("{text}0");
        let signed = text.replace(".ab", ".+b");
        for odd in ["", ".", "x.y", &text[1..], &text[..text.len() - 1], &upper, &longer, &signed, &"a".repeat(99_999)]
        {
            assert_eq!(LinkToken::parse(odd), None, "{odd}");
        }
        assert_eq!(format!("{token:?}"), "[link token]");
    }
}
