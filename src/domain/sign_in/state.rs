//! What a sign-in holds, and what is derived from it.

use crate::domain::context::Context;
use crate::domain::id::{ClientId, SessionId, SignInId, UserId};
use crate::domain::identifier::Identifier;
use crate::domain::policy::Policy;
use crate::domain::time::Timestamp;
use crate::domain::verification::{ExternalAccount, Verification};

/// A sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignIn {
    /// Its id.
    pub id: SignInId,
    /// The client it belongs to; to all others it does not exist.
    pub client_id: ClientId,
    /// Counts the transitions; the client's change compares it.
    pub version: u64,
    /// Where it stands.
    pub phase: Phase,
    /// Who the person says they are.
    pub identifier: Option<Identifier>,
    /// The user who holds the identifier. Under enumeration protection it may be nobody.
    pub user_id: Option<UserId>,
    /// The first factor, from the moment it is prepared.
    pub first_factor: Option<FirstFactor>,
    /// The account at a provider, from the moment the person is sent there.
    pub external: Option<Box<ExternalAccount>>,
    /// Where the person may sign up by it if nobody holds the identifier.
    pub newcomer: Option<Newcomer>,
    /// When it began.
    pub created_at: Timestamp,
    /// The last accepted write.
    pub updated_at: Timestamp,
    /// The origin it was made from, for the sessions of requests that send none.
    pub origin: Option<String>,
    /// Which addresses were sent a code when, as far as the cool-down looks back.
    pub recent_sends: Vec<(Identifier, Timestamp)>,
}

/// Somebody who signs in to the user that they may not be yet (`sign_up_if_missing`,
/// [guide: Sign up if missing](crate::guide::contract_sign_ins#sign-up-if-missing)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Newcomer {
    /// Whether they solved a captcha, which the sign-up owes no more then.
    pub captcha_solved: bool,
}

/// The first factor in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstFactor {
    /// The address a code was sent to, or for a password the identifier.
    pub address: Identifier,
    /// How far it is proved.
    pub verification: Verification,
}

/// Where a sign-in stands. A complete one is shown in the answer that completed it, and again to whoever lost that; its
/// client has none in progress then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Gathering.
    Open,
    /// Became a session.
    Complete {
        /// The session.
        session_id: SessionId,
    },
}

/// The status on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "Clerk's words")]
pub enum Status {
    NeedsIdentifier,
    NeedsFirstFactor,
    Complete,
}

impl SignIn {
    /// The value that the next write begins from: one version on, and not abandoned for another while.
    pub(super) fn touched(&self, cx: &Context<'_>) -> Self {
        // A clock that is put back does not take time away from the person.
        Self { updated_at: cx.now.max(self.updated_at), ..self.counted() }
    }

    /// The same for a write that only counts something: it does not keep the sign-in from being abandoned.
    pub(super) fn counted(&self) -> Self {
        Self { version: self.version + 1, ..self.clone() }
    }

    /// Its status.
    pub const fn status(&self) -> Status {
        match (self.phase, &self.identifier) {
            (Phase::Complete { .. }, _) => Status::Complete,
            (Phase::Open, Some(_)) => Status::NeedsFirstFactor,
            (Phase::Open, None) => Status::NeedsIdentifier,
        }
    }

    /// When it is abandoned unless written to before; it is as if gone then.
    pub fn abandon_at(&self, policy: &Policy) -> Timestamp {
        self.updated_at + policy.abandon_after
    }

    /// The session that it became.
    pub const fn session(&self) -> Option<SessionId> {
        match self.phase {
            Phase::Complete { session_id } => Some(session_id),
            Phase::Open => None,
        }
    }

    /// Whether the person has proved an identifier that is nobody's, and can sign up with it.
    pub fn is_transferable(&self) -> bool {
        let is_proved = || self.first_factor.as_ref().is_some_and(|factor| factor.verification.verified.is_some());
        self.newcomer.is_some() && self.user_id.is_none() && self.phase == Phase::Open && is_proved()
    }

    /// What a change of the client's sign-in is made from.
    pub const fn stamp(&self) -> (SignInId, u64) {
        (self.id, self.version)
    }
}
