//! E-mail links: the token in a message, and what a verification stores of it
//! ([guide: E-mail links](crate::guide::contract_sign_ups#e-mail-links)).

use std::fmt;

use crate::domain::context::Context;
use crate::domain::id::{ClientId, IdentificationId, SignInId, SignUpId};
use crate::domain::ports::{Entropy, KeyedDigest};
use crate::domain::redirect::RedirectUrl;
use crate::domain::text::hex;

use super::CodeDigest;

/// The token of a link, in clear text: exists only until it is digested and sealed, and again when the link is opened.
/// As text it is the owner, a dot and the secret in hex; ids are not secret. Where the application completes the link with
/// PKCE, a dot and the challenge in hex follow.
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
    /// An address that a user has added in the own profile, on this client.
    Address(IdentificationId, ClientId),
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

/// 192 random bits, and the challenge of PKCE where the application has given one: then opening the link only approves, and
/// the application that has the verifier completes it. The digest of the link covers both.
#[derive(Clone, PartialEq, Eq)]
pub struct LinkSecret {
    random: [u8; SECRET_BYTES],
    challenge: Option<CodeChallenge>,
}

/// The challenge of PKCE: the SHA-256 of a verifier (RFC 7636, 4.2, method `S256`).
pub type CodeChallenge = [u8; 32];

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
    /// A new token for this owner.
    pub fn generate(owner: LinkOwner, challenge: Option<CodeChallenge>, entropy: &mut dyn Entropy) -> Self {
        let mut random = [0; SECRET_BYTES];
        entropy.fill(&mut random);
        Self { owner, secret: LinkSecret { random, challenge } }
    }

    /// Reads a token; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > TEXT_MAX {
            return None;
        }
        let (id, rest) = text.split_once('.')?;
        let (owner, secret) = match id.parse() {
            Ok(sign_up) => (LinkOwner::SignUp(sign_up), rest),
            Err(_) => {
                let (client, secret) = rest.split_once('.')?;
                let client = client.parse().ok()?;
                let sign_in = id.parse().map(|sign_in| LinkOwner::SignIn(sign_in, client)).ok();
                let owner = sign_in.or_else(|| Some(LinkOwner::Address(id.parse().ok()?, client)));
                (owner?, secret)
            }
        };
        Some(Self { owner, secret: LinkSecret::parse(secret)? })
    }

    /// The token as text, for the message that carries it.
    pub fn expose(&self) -> String {
        let owner = match self.owner {
            LinkOwner::SignUp(id) => id.to_string(),
            LinkOwner::SignIn(id, client) => format!("{id}.{client}"),
            LinkOwner::Address(id, client) => format!("{id}.{client}"),
        };
        let secret = hex(&self.secret.random);
        match &self.secret.challenge {
            None => format!("{owner}.{secret}"),
            Some(challenge) => format!("{owner}.{secret}.{}", hex(challenge)),
        }
    }
}

impl LinkOwner {
    /// The bytes that a digest has of it. A sign-in is found by its client; the client of an address is stored nowhere else.
    fn to_bytes(self) -> Vec<u8> {
        match self {
            Self::SignUp(id) => id.as_bytes().to_vec(),
            Self::SignIn(id, _) => id.as_bytes().to_vec(),
            Self::Address(id, client) => [*id.as_bytes(), *client.as_bytes()].concat(),
        }
    }
}

impl VerifyLink {
    /// Whether the link was opened by this client, with its current token.
    pub(in crate::domain) fn is_by(&self, client: ClientId) -> bool {
        self.by == Some(client) && !self.again
    }

    /// Whether the response reaches the client that asked for the link: by its cookie, or because the application itself
    /// asks.
    pub(in crate::domain) const fn is_heard(&self, link: &Link) -> bool {
        self.secret.challenge().is_some() || (self.in_cookie && link.in_cookie)
    }
}

impl LinkSecret {
    /// The challenge of PKCE, if the application completes the link with it.
    pub const fn challenge(&self) -> Option<&CodeChallenge> {
        self.challenge.as_ref()
    }

    fn parse(text: &str) -> Option<Self> {
        let (random, challenge) = match text.split_once('.') {
            Some((random, challenge)) => (random, Some(of_hex(challenge)?)),
            None => (text, None),
        };
        Some(Self { random: of_hex(random)?, challenge })
    }
}

fn of_hex<const BYTES: usize>(hex: &str) -> Option<[u8; BYTES]> {
    let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    if hex.len() != 2 * BYTES || !hex.bytes().all(is_digit) {
        return None;
    }
    let mut bytes = [0; BYTES];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(bytes)
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
        let digest = digest(token.owner, value, &nonce, &token.secret, cx.digest);
        Self { digest: CodeDigest { nonce, digest }, redirect_url, in_cookie }
    }

    /// Whether `secret` is the one that was sent to `value`, compared in constant time.
    pub fn fits(&self, owner: LinkOwner, value: &str, secret: &LinkSecret, key: &dyn KeyedDigest) -> bool {
        key.equal(&self.digest.digest, &digest(owner, value, &self.digest.nonce, secret, key))
    }
}

fn digest(owner: LinkOwner, value: &str, nonce: &[u8; 16], secret: &LinkSecret, key: &dyn KeyedDigest) -> [u8; 32] {
    let owner = owner.to_bytes();
    let parts: [&[u8]; 5] = [b"verification link", &owner, value.as_bytes(), nonce, &secret.random];
    match &secret.challenge {
        None => key.digest(&parts),
        Some(challenge) => {
            let [_, rest @ ..] = parts;
            let [owner, value, nonce, random] = rest;
            key.digest(&[b"verification link with pkce", owner, value, nonce, random, challenge])
        }
    }
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
const TEXT_MAX: usize = 192;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_back_from_its_text_and_nothing_else_is_one() {
        let secret = || LinkSecret { random: [0xab; SECRET_BYTES], challenge: None };
        let token = LinkToken { owner: LinkOwner::SignUp(SignUpId::from_bytes([7; 16])), secret: secret() };
        let of_sign_in = LinkOwner::SignIn(SignInId::from_bytes([255; 16]), ClientId::from_bytes([255; 16]));
        let of_address = LinkOwner::Address(IdentificationId::from_bytes([255; 16]), ClientId::from_bytes([255; 16]));
        let with_pkce = LinkSecret { challenge: Some([0xcd; 32]), ..secret() };
        for token in [
            token.clone(),
            LinkToken { owner: of_sign_in, secret: secret() },
            LinkToken { secret: with_pkce.clone(), ..token.clone() },
            LinkToken { owner: of_sign_in, secret: with_pkce },
            LinkToken { owner: of_address, secret: secret() },
        ] {
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
