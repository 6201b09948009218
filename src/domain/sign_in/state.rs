//! What a sign-in holds, and what is derived from it.

use crate::domain::context::Context;
use crate::domain::id::{ClientId, InvitationId, SessionId, SignInId, UserId};
use crate::domain::identifier::Identifier;
use crate::domain::policy::Policy;
use crate::domain::time::Timestamp;
use crate::domain::verification::{ExternalAccount, Verification};

/// A sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignIn {
    /// Its id.
    pub id: SignInId,
    /// The client it belongs to; other clients can't see it.
    pub client_id: ClientId,
    /// Counts the transitions; a change of the client checks it.
    pub version: u64,
    /// Its stored phase.
    pub phase: Phase,
    /// The identifier that the person gave.
    pub identifier: Option<Identifier>,
    /// The user who holds the identifier. Under enumeration protection it may be `None` although an identifier was
    /// given.
    pub user_id: Option<UserId>,
    /// The first factor, once prepared.
    pub first_factor: Option<FirstFactor>,
    /// The second factor, once prepared or proved.
    pub second_factor: Option<Box<SecondFactor>>,
    /// The account at a provider, once an authorization request was sent.
    pub external: Option<Box<ExternalAccount>>,
    /// Present if the person may sign up where no user holds the identifier.
    pub newcomer: Option<Newcomer>,
    /// When it was created.
    pub created_at: Timestamp,
    /// Time of the last accepted write.
    pub updated_at: Timestamp,
    /// The origin of the create request, for the sessions of requests without an origin.
    pub origin: Option<String>,
    /// The addresses that were sent a code and when, within the cool-down.
    pub recent_sends: Vec<(Identifier, Timestamp)>,
}

/// A person who signs in with an identifier that may not be a user's yet (`sign_up_if_missing`,
/// [guide: Sign up if missing](crate::guide::contract_sign_ins#sign-up-if-missing)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Newcomer {
    /// Whether a captcha was solved; the sign-up then needs no other one.
    pub captcha_solved: bool,
}

/// The first factor in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstFactor {
    /// The address that a code was sent to; for a password the identifier; for a ticket the id of its token.
    pub address: Identifier,
    /// Its verification.
    pub verification: Verification,
}

/// The second factor in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecondFactor {
    /// The number that a code was sent to; `None` for codes that are not sent.
    pub address: Option<Identifier>,
    /// Its verification.
    pub verification: Verification,
}

/// The phase of a sign-in. A complete one is shown in the response that completes it, and again when the client retries
/// because that response was lost; the client then has no sign-in in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// In progress.
    Open,
    /// The code of a reset is proved: a new password has to be set.
    NewPassword,
    /// The first factor is proved, and a second one is needed.
    SecondFactor {
        /// What tells the password that was proved from a later one; `None` where something else was proved.
        password: Option<PasswordMark>,
        /// The invitation whose ticket was presented.
        invitation: Option<InvitationId>,
    },
    /// Became a session.
    Complete {
        /// The session.
        session_id: SessionId,
    },
}

/// The beginning of a keyed digest of a password's digest.
pub type PasswordMark = [u8; 16];

/// The status on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// It has no identifier yet.
    NeedsIdentifier,
    /// It has an identifier; a password, a code or an account at a provider has to prove it.
    NeedsFirstFactor,
    /// Its first factor is proved; one of the second factors has to be.
    NeedsSecondFactor,
    /// The code of a reset is proved; a new password has to be set.
    NeedsNewPassword,
    /// It has become a session.
    Complete,
}

impl SignIn {
    /// The start of the next write: version plus one, and the time to abandonment begins again.
    pub(super) fn touched(&self, cx: &Context<'_>) -> Self {
        // A clock that is set back must not shorten the person's time.
        Self { updated_at: cx.now.max(self.updated_at), ..self.counted() }
    }

    /// The same for a write that only updates counters: it does not postpone abandonment.
    pub(super) fn counted(&self) -> Self {
        Self { version: self.version + 1, ..self.clone() }
    }

    /// Its status.
    pub const fn status(&self) -> Status {
        match (self.phase, &self.identifier) {
            (Phase::Complete { .. }, _) => Status::Complete,
            (Phase::NewPassword, _) => Status::NeedsNewPassword,
            (Phase::SecondFactor { .. }, _) => Status::NeedsSecondFactor,
            (Phase::Open, Some(_)) => Status::NeedsFirstFactor,
            (Phase::Open, None) => Status::NeedsIdentifier,
        }
    }

    /// When it is abandoned without another write; from then on it is treated as absent.
    pub fn abandon_at(&self, policy: &Policy) -> Timestamp {
        self.updated_at + policy.abandon_after
    }

    /// The session that it led to.
    pub const fn session(&self) -> Option<SessionId> {
        match self.phase {
            Phase::Complete { session_id } => Some(session_id),
            Phase::Open | Phase::NewPassword | Phase::SecondFactor { .. } => None,
        }
    }

    /// Whether the person has proved an identifier that no user holds, and can sign up with it.
    pub fn is_transferable(&self) -> bool {
        let is_proved = || self.first_factor.as_ref().is_some_and(|factor| factor.verification.verified.is_some());
        self.newcomer.is_some() && self.user_id.is_none() && self.phase == Phase::Open && is_proved()
    }

    /// Whether the person has proved a first factor of a user.
    pub const fn is_proved(&self) -> bool {
        !matches!(self.phase, Phase::Open)
    }

    /// Whether the first factor is proved, and more is needed.
    pub const fn is_half_way(&self) -> bool {
        matches!(self.phase, Phase::NewPassword | Phase::SecondFactor { .. })
    }

    /// Id and version, which a change of the client's sign-in expects.
    pub const fn stamp(&self) -> (SignInId, u64) {
        (self.id, self.version)
    }
}
