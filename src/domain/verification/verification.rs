//! One verification of one value.

use crate::domain::context::Context;
use crate::domain::id::ClientId;
use crate::domain::rejection::ErrorCode;
use crate::domain::time::{Span, Timestamp};

use super::{Link, Strategy};

/// A verification in progress or done. It belongs to one value: changing the value drops it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// How the value is proved.
    pub method: Method,
    /// How many tries were counted.
    pub attempts: u32,
    /// When the code or link was made.
    pub prepared_at: Timestamp,
    /// When it stops being good.
    pub expire_at: Timestamp,
    /// The proof, once there is one.
    pub verified: Option<Verified>,
    /// The channel of a phone code, such as `sms`.
    pub channel: Option<String>,
}

/// How a value is proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Method {
    /// By a code that was sent to it.
    Code {
        /// Which one.
        strategy: Strategy,
        /// What it is compared with.
        digest: CodeDigest,
    },
    /// By a link that was sent to it, or by the code of the same mail; whichever is used first uses up both.
    Link {
        /// The link.
        link: Link,
        /// What the code is compared with, where there is one.
        code: Option<CodeDigest>,
    },
    /// By something that is known already, such as the word of a provider, an invitation or a password: nothing is sent.
    Known(Strategy),
}

/// That a value was proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// When.
    pub at: Timestamp,
    /// By which client.
    pub client: ClientId,
    /// By what: a mail with a link in it may have been answered by its code.
    pub by: Strategy,
}

/// The keyed digest of a code or link with the nonce it was made with
/// ([guide: Codes and links](crate::guide::security#codes-and-links)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeDigest {
    /// Fresh for every request, so that what an earlier one sent never fits.
    pub nonce: [u8; 16],
    /// HMAC over owner, value, nonce and secret.
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

impl Verification {
    /// A verification that waits for its answer for `ttl`.
    pub(super) fn pending(method: Method, now: Timestamp, ttl: Span) -> Self {
        Self { method, attempts: 0, prepared_at: now, expire_at: now + ttl, verified: None, channel: None }
    }

    /// A verification of what is known already: a provider, an invitation or a password speaks for the person.
    pub fn verified_by_provider(strategy: Strategy, client: ClientId, now: Timestamp) -> Self {
        let verified = Some(Verified { at: now, client, by: strategy.clone() });
        Self { verified, ..Self::pending(Method::Known(strategy), now, Span::default()) }
    }

    /// Makes it one that nothing proves, and that looks like any other.
    pub(super) fn forget_secrets(&mut self, cx: &mut Context<'_>) {
        let (code, link) = match &mut self.method {
            Method::Code { digest, .. } => (Some(digest), None),
            Method::Link { link, code } => (code.as_mut(), Some(&mut link.digest)),
            Method::Known(_) => (None, None),
        };
        for digest in code.into_iter().chain(link) {
            cx.entropy.fill(&mut digest.digest);
        }
    }

    /// By what it was proved, or else what was asked for.
    pub const fn strategy(&self) -> &Strategy {
        match (&self.verified, &self.method) {
            (Some(verified), _) => &verified.by,
            (None, Method::Code { strategy, .. } | Method::Known(strategy)) => strategy,
            (None, Method::Link { .. }) => &Strategy::EmailLink,
        }
    }

    /// The link that was sent.
    pub const fn link(&self) -> Option<&Link> {
        match &self.method {
            Method::Link { link, .. } => Some(link),
            Method::Code { .. } | Method::Known(_) => None,
        }
    }

    /// What a code is compared with, and the strategy that it is an answer to.
    pub const fn code(&self) -> Option<(&Strategy, &CodeDigest)> {
        match &self.method {
            Method::Code { strategy, digest } => Some((strategy, digest)),
            Method::Link { code: Some(digest), .. } => Some((&Strategy::EmailCode, digest)),
            Method::Link { code: None, .. } | Method::Known(_) => None,
        }
    }

    /// Whether an attempt by `strategy` is about this verification.
    pub fn takes(&self, strategy: &Strategy) -> bool {
        match &self.method {
            Method::Known(known) => known == strategy,
            Method::Code { .. } | Method::Link { .. } => self.code().is_some_and(|(by, _)| by == strategy),
        }
    }

    /// Whether an attempt by `strategy` can still be made.
    ///
    /// # Errors
    /// Why not.
    pub(in crate::domain) fn check_attempt(&self, strategy: &Strategy, cx: &Context<'_>) -> Result<(), ErrorCode> {
        if !self.takes(strategy) {
            return Err(ErrorCode::VerificationStrategyInvalid);
        }
        match self.status(cx.now, cx.policy.attempts_max) {
            VerificationStatus::Unverified => Ok(()),
            VerificationStatus::Verified => Err(ErrorCode::VerificationAlreadyVerified),
            VerificationStatus::Expired => Err(ErrorCode::VerificationExpired),
            VerificationStatus::Failed => Err(ErrorCode::VerificationFailed),
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

    /// The verification after its link was followed by `client`.
    pub(in crate::domain) fn followed(&self, client: ClientId, cx: &Context<'_>) -> Self {
        let verified = Some(Verified { at: cx.now, client, by: Strategy::EmailLink });
        Self { verified, ..self.clone() }
    }
}
