//! One verification of one value.

use crate::domain::context::Context;
use crate::domain::id::{ClientId, SignUpId};
use crate::domain::time::Timestamp;

use super::{Link, LinkToken, OneTimeCode, Strategy};

/// A verification in progress or done. It belongs to one value: changing the value drops it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// How the value is verified.
    pub strategy: Strategy,
    /// What a code is compared with.
    pub secret: Option<CodeDigest>,
    /// The link that was sent. With a `secret` beside it the same mail carries a code, and whichever is used first
    /// uses up both.
    pub link: Option<Link>,
    /// How many tries were counted.
    pub attempts: u32,
    /// When the code or link was made.
    pub prepared_at: Timestamp,
    /// When it stops being good.
    pub expire_at: Timestamp,
    /// When and by which client the value was proved.
    pub verified: Option<(Timestamp, ClientId)>,
    /// The channel of a phone code, such as `sms`.
    pub channel: Option<String>,
}

/// The keyed digest of a code or link with the nonce it was made with
/// ([guide: Codes and links](crate::guide::security#codes-and-links)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeDigest {
    /// Fresh for every request, so that what an earlier one sent never fits.
    pub nonce: [u8; 16],
    /// HMAC over sign-up, value, nonce and secret.
    pub digest: [u8; 32],
}

/// Where a verification stands ([guide: Verifications](crate::guide::contract_sign_ups#verifications)); `expired` is
/// computed from the time, never stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of guide/contract_sign_ups.md#verifications")]
pub enum VerificationStatus {
    Unverified,
    Verified,
    Expired,
    Failed,
}

/// What came of a guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Guess {
    Right,
    Wrong,
}

impl Verification {
    /// A verification by `code`, which is kept only as a digest.
    pub fn by_code(
        sign_up: SignUpId,
        strategy: Strategy,
        value: &str,
        code: &OneTimeCode,
        channel: Option<String>,
        cx: &mut Context<'_>,
    ) -> Self {
        let secret = Some(CodeDigest::of(sign_up, &strategy, value, code, cx));
        Self {
            strategy,
            secret,
            link: None,
            attempts: 0,
            prepared_at: cx.now,
            expire_at: cx.now + cx.policy.code_ttl,
            verified: None,
            channel,
        }
    }

    /// Makes it one that nothing proves, and that looks like any other.
    pub fn forget_secrets(&mut self, cx: &mut Context<'_>) {
        if let Some(secret) = &mut self.secret {
            cx.entropy.fill(&mut secret.digest);
        }
        if let Some(link) = &mut self.link {
            cx.entropy.fill(&mut link.digest.digest);
        }
    }

    /// A verification that a provider gave its word for.
    pub fn verified_by_provider(strategy: Strategy, client: ClientId, now: Timestamp) -> Self {
        Self {
            strategy,
            secret: None,
            link: None,
            attempts: 0,
            prepared_at: now,
            expire_at: now,
            verified: Some((now, client)),
            channel: None,
        }
    }

    /// A verification by a link, and by the code of the same mail where it carries one. The browser goes to
    /// `redirect_url` afterwards; `in_cookie` says whether its client is known by cookie.
    pub fn by_link(
        token: &LinkToken,
        value: &str,
        code: Option<&OneTimeCode>,
        redirect_url: String,
        in_cookie: bool,
        cx: &mut Context<'_>,
    ) -> Self {
        Self {
            strategy: Strategy::EmailLink,
            secret: code.map(|code| CodeDigest::of(token.sign_up, &Strategy::EmailCode, value, code, cx)),
            link: Some(Link::new(token, value, redirect_url, in_cookie, cx)),
            attempts: 0,
            prepared_at: cx.now,
            expire_at: cx.now + cx.policy.link_ttl,
            verified: None,
            channel: None,
        }
    }

    /// Whether an attempt by `strategy` is about this verification.
    pub fn takes(&self, strategy: &Strategy) -> bool {
        match &self.strategy {
            Strategy::EmailLink => *strategy == Strategy::EmailCode && self.secret.is_some(),
            prepared => prepared == strategy,
        }
    }

    /// Where it stands at `now`, given how many tries are allowed.
    pub fn status(&self, now: Timestamp, attempts_max: u32) -> VerificationStatus {
        if self.verified.is_some() {
            VerificationStatus::Verified
        } else if self.attempts >= attempts_max {
            VerificationStatus::Failed
        } else if now >= self.expire_at {
            VerificationStatus::Expired
        } else {
            VerificationStatus::Unverified
        }
    }

    /// The verification after one guess: the try is counted first, whatever comes of it.
    pub fn guess(
        &self,
        sign_up: SignUpId,
        client: ClientId,
        value: &str,
        code: Option<&OneTimeCode>,
        cx: &Context<'_>,
    ) -> (Self, Guess) {
        let mut next = self.clone();
        next.attempts += 1;
        let fits = match (&self.secret, code) {
            (Some(secret), Some(code)) => {
                cx.digest.equal(&secret.digest, &digest(sign_up, self.of_code(), value, &secret.nonce, code, cx))
            }
            _ => false,
        };
        if !fits {
            return (next, Guess::Wrong);
        }
        next.strategy = self.of_code().clone();
        next.verified = Some((cx.now, client));
        (next, Guess::Right)
    }

    /// The verification after its link was followed by `client`.
    pub fn followed(&self, client: ClientId, cx: &Context<'_>) -> Self {
        Self { verified: Some((cx.now, client)), ..self.clone() }
    }

    /// Whether `code` is the one that verified this value: lets a retry of the completing attempt be recognised.
    pub fn was_verified_by(&self, sign_up: SignUpId, value: &str, code: &OneTimeCode, cx: &Context<'_>) -> bool {
        self.verified.is_some()
            && self.secret.is_some_and(|secret| {
                cx.digest.equal(&secret.digest, &digest(sign_up, self.of_code(), value, &secret.nonce, code, cx))
            })
    }

    /// The strategy that the code is for: beside a link it is the e-mail code's.
    const fn of_code(&self) -> &Strategy {
        match &self.strategy {
            Strategy::EmailLink => &Strategy::EmailCode,
            strategy => strategy,
        }
    }
}

impl CodeDigest {
    fn of(sign_up: SignUpId, strategy: &Strategy, value: &str, code: &OneTimeCode, cx: &mut Context<'_>) -> Self {
        let mut nonce = [0; 16];
        cx.entropy.fill(&mut nonce);
        Self { nonce, digest: digest(sign_up, strategy, value, &nonce, code, cx) }
    }
}

fn digest(
    sign_up: SignUpId,
    strategy: &Strategy,
    value: &str,
    nonce: &[u8; 16],
    code: &OneTimeCode,
    cx: &Context<'_>,
) -> [u8; 32] {
    cx.digest.digest(&[
        b"verification code",
        sign_up.as_bytes(),
        strategy.to_string().as_bytes(),
        value.as_bytes(),
        nonce,
        code.as_bytes(),
    ])
}
