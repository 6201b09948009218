//! One verification of one value.

use crate::domain::context::Context;
use crate::domain::id::{ClientId, SignUpId};
use crate::domain::time::Timestamp;

use super::{Code, Strategy};

/// A verification in progress or done. It belongs to one value: changing the value drops it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// How the value is verified.
    pub strategy: Strategy,
    /// What the proof is compared with; gone once verified.
    pub secret: Option<CodeDigest>,
    /// How many tries were counted.
    pub attempts: u32,
    /// When the code was made.
    pub prepared_at: Timestamp,
    /// When the code stops being good.
    pub expire_at: Timestamp,
    /// When and by which client the value was proved.
    pub verified: Option<(Timestamp, ClientId)>,
    /// The channel of a phone code, such as `sms`.
    pub channel: Option<String>,
}

/// The keyed digest of a code with the nonce it was made with (SECURITY R-C6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeDigest {
    /// Fresh for every code, so that a code of an earlier request never fits.
    pub nonce: [u8; 16],
    /// HMAC over sign-up, value, nonce and code.
    pub digest: [u8; 32],
}

/// Where a verification stands (CONTRACT 8); `expired` is computed from the time, never stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of CONTRACT 8")]
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
        code: &Code,
        channel: Option<String>,
        cx: &mut Context<'_>,
    ) -> Self {
        let mut nonce = [0; 16];
        cx.entropy.fill(&mut nonce);
        let digest = digest(sign_up, &strategy, value, &nonce, code, cx);
        Self {
            strategy,
            secret: Some(CodeDigest { nonce, digest }),
            attempts: 0,
            prepared_at: cx.now,
            expire_at: cx.now + cx.policy.code_ttl,
            verified: None,
            channel,
        }
    }

    /// A verification that a provider gave its word for.
    pub fn vouched(strategy: Strategy, client: ClientId, now: Timestamp) -> Self {
        Self {
            strategy,
            secret: None,
            attempts: 0,
            prepared_at: now,
            expire_at: now,
            verified: Some((now, client)),
            channel: None,
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
        code: Option<&Code>,
        cx: &Context<'_>,
    ) -> (Self, Guess) {
        let mut next = self.clone();
        next.attempts += 1;
        let fits = match (&self.secret, code) {
            (Some(secret), Some(code)) => {
                cx.digest.equal(&secret.digest, &digest(sign_up, &self.strategy, value, &secret.nonce, code, cx))
            }
            _ => false,
        };
        if !fits {
            return (next, Guess::Wrong);
        }
        next.verified = Some((cx.now, client));
        (next, Guess::Right)
    }

    /// Whether `code` is the one that verified this value: lets a retry of the completing attempt be recognised.
    pub fn was_verified_by(&self, sign_up: SignUpId, value: &str, code: &Code, cx: &Context<'_>) -> bool {
        self.verified.is_some()
            && self.secret.is_some_and(|secret| {
                cx.digest.equal(&secret.digest, &digest(sign_up, &self.strategy, value, &secret.nonce, code, cx))
            })
    }
}

fn digest(
    sign_up: SignUpId,
    strategy: &Strategy,
    value: &str,
    nonce: &[u8; 16],
    code: &Code,
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
