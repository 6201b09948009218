//! One verification of one value.

use std::fmt;

use crate::domain::context::Context;
use crate::domain::id::ClientId;
use crate::domain::rejection::ErrorCode;
use crate::domain::time::{Span, Timestamp};

use super::{Link, Strategy};

/// A verification, in progress or done. It belongs to one value: changing the value drops it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// The method of proof.
    pub method: Method,
    /// Number of counted attempts.
    pub attempts: u32,
    /// When the code or link was created.
    pub prepared_at: Timestamp,
    /// When it expires.
    pub expire_at: Timestamp,
    /// The proof, once there is one.
    pub verified: Option<Verified>,
    /// The channel of a phone code, such as `sms`.
    pub channel: Option<String>,
}

/// The method of proof of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Method {
    /// A code that was sent to it.
    Code {
        /// The strategy of the code.
        strategy: Strategy,
        /// The digest of the code.
        digest: CodeDigest,
    },
    /// A link that was sent to it, or the code of the same message; whichever is used first uses up both.
    Link {
        /// The link.
        link: Link,
        /// The digest of the code, if there is one.
        code: Option<CodeDigest>,
    },
    /// Something already known, such as a provider's statement, an invitation or a password, or the answer to a challenge:
    /// nothing is sent.
    Known(Strategy),
}

/// The proof of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// When it was proved.
    pub at: Timestamp,
    /// The client that proved it.
    pub client: ClientId,
    /// The strategy that proved it: for a message with a link this may be the code.
    pub by: Strategy,
}

/// The keyed digest of a code or link with the nonce it was made with
/// ([guide: Codes and links](crate::guide::security#codes-and-links)).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CodeDigest {
    /// New for every message, so that codes and links of earlier ones never match.
    pub nonce: [u8; 16],
    /// HMAC over owner, value, nonce and secret.
    pub digest: [u8; 32],
}

/// The status of a verification ([guide: Verifications](crate::guide::contract_sign_ups#verifications)); `expired` is
/// derived from the time, never stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerificationStatus {
    /// Prepared; no right code was given and no link was followed yet.
    Unverified,
    /// Done.
    Verified,
    /// Too late.
    Expired,
    /// Too many wrong codes.
    Failed,
}

/// A code has few digits: its digest and nonce are kept out of logs.
impl fmt::Debug for CodeDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[digest]")
    }
}

impl Verification {
    /// A verification that can be answered for `ttl`.
    pub(super) fn pending(method: Method, now: Timestamp, ttl: Span) -> Self {
        Self { method, attempts: 0, prepared_at: now, expire_at: now + ttl, verified: None, channel: None }
    }

    /// A verification by something already known: a provider, an invitation or a password.
    pub fn verified_by_provider(strategy: Strategy, client: ClientId, now: Timestamp) -> Self {
        let verified = Some(Verified { at: now, client, by: strategy.clone() });
        Self { verified, ..Self::pending(Method::Known(strategy), now, Span::default()) }
    }

    /// A verification by something that is awaited and can't be guessed: the answer to a challenge.
    pub(in crate::domain) fn awaited(strategy: Strategy, now: Timestamp, expire_at: Timestamp) -> Self {
        Self { expire_at, ..Self::pending(Method::Known(strategy), now, Span::default()) }
    }

    /// Replaces its digests, so that no code or link matches it; it still looks like any other.
    pub(in crate::domain) fn forget_secrets(&mut self, cx: &mut Context<'_>) {
        let (code, link) = match &mut self.method {
            Method::Code { digest, .. } => (Some(digest), None),
            Method::Link { link, code } => (code.as_mut(), Some(&mut link.digest)),
            Method::Known(_) => (None, None),
        };
        for digest in code.into_iter().chain(link) {
            cx.entropy.fill(&mut digest.digest);
        }
    }

    /// The strategy that proved it, else the requested one.
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

    /// The digest of the code and its strategy.
    pub const fn code(&self) -> Option<(&Strategy, &CodeDigest)> {
        match &self.method {
            Method::Code { strategy, digest } => Some((strategy, digest)),
            Method::Link { code: Some(digest), .. } => Some((&Strategy::EmailCode, digest)),
            Method::Link { code: None, .. } | Method::Known(_) => None,
        }
    }

    /// Whether an attempt by `strategy` applies to this verification.
    pub fn takes(&self, strategy: &Strategy) -> bool {
        match &self.method {
            Method::Known(known) => known == strategy,
            Method::Code { .. } | Method::Link { .. } => self.code().is_some_and(|(by, _)| by == strategy),
        }
    }

    /// Whether another attempt by `strategy` is allowed.
    ///
    /// # Errors
    /// The reason why not.
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

    /// Its status at `now`, given the maximum number of attempts.
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

    /// The verification after `client` opened its link.
    pub(in crate::domain) fn followed(&self, client: ClientId, cx: &Context<'_>) -> Self {
        let verified = Some(Verified { at: cx.now, client, by: Strategy::EmailLink });
        Self { verified, ..self.clone() }
    }
}
