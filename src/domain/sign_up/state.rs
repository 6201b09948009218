//! What a sign-up holds, and what is derived from it.

use crate::domain::context::Context;
use crate::domain::field::Field;
use crate::domain::id::{ClientId, InvitationId, SessionId, SignUpId, UserId};
use crate::domain::identifier::{EmailAddress, Identifier, PhoneNumber, Username};
use crate::domain::policy::Policy;
use crate::domain::refusal::Declined;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::domain::verification::{ExternalAccount, Verification, VerificationStatus};

/// A sign-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignUp {
    /// Its id.
    pub id: SignUpId,
    /// The client it belongs to; other clients can't see it.
    pub client_id: ClientId,
    /// Counts the transitions; the store checks it.
    pub version: u64,
    /// Its stored phase.
    pub phase: Phase,
    /// When it was created.
    pub created_at: Timestamp,
    /// Time of the last accepted write.
    pub updated_at: Timestamp,
    /// The e-mail address.
    pub email_address: Option<Collected<EmailAddress>>,
    /// The phone number.
    pub phone_number: Option<Collected<PhoneNumber>>,
    /// The username.
    pub username: Option<Username>,
    /// The digest of the password, a PHC string.
    pub password_digest: Option<Secret<String>>,
    /// The first name.
    pub first_name: Option<String>,
    /// The last name.
    pub last_name: Option<String>,
    /// The account at a provider, once an authorization request was sent.
    pub external_account: Option<Box<ExternalAccount>>,
    /// The invitation of its ticket.
    pub invitation: Option<InvitationId>,
    /// Whether a captcha was solved for it.
    pub captcha_solved: bool,
    /// Whether the application's backend has done its own step.
    pub custom_action: bool,
    /// The backend's id for the user.
    pub external_id: Option<String>,
    /// Metadata from the browser, a JSON object as text.
    pub unsafe_metadata: String,
    /// Metadata from an invitation, a JSON object as text.
    pub public_metadata: String,
    /// When the legal terms were accepted.
    pub legal_accepted_at: Option<Timestamp>,
    /// The person's locale.
    pub locale: Option<String>,
    /// The origin of the create request, for the sessions of requests without an origin.
    pub origin: Option<String>,
    /// The addresses that were sent a code and when, within the cool-down.
    pub recent_sends: Vec<(Identifier, Timestamp)>,
    /// Whether it waits for an administrator, or was refused by one.
    pub approval: Approval,
    /// Why the application did not want it as a user when it last met every requirement. The next accepted write
    /// forgets it.
    pub declined: Option<Declined>,
}

/// Whether a sign-up waits for an administrator to approve it
/// ([guide: Approval](crate::guide::contract_sign_ups#approval)).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Approval {
    /// It does not: something else is still missing, or no approval is required.
    #[default]
    None,
    /// It waits.
    Waiting {
        /// Since when.
        since: Timestamp,
    },
    /// It was refused, and takes no more writes.
    Refused {
        /// When.
        at: Timestamp,
        /// What the person is told; `None` means the usual text.
        reason: Option<String>,
    },
}

/// An identifier with its verification, which applies to exactly this value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collected<T> {
    /// The value.
    pub value: T,
    /// Its verification, once prepared.
    pub verification: Option<Verification>,
}

/// The stored phase of a sign-up; abandonment is derived from the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// In progress.
    Open,
    /// Became a user.
    Complete {
        /// The user.
        user_id: UserId,
        /// Its first session.
        session_id: SessionId,
        /// When it became one.
        at: Timestamp,
    },
}

/// The status on the wire ([guide: States](crate::guide::contract_sign_ups#states)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// Something is missing, unverified, or waited for.
    MissingRequirements,
    /// It has become a user with a session.
    Complete,
    /// Nothing was written for `sign_up.abandon_after_s`, or the client has begun another one. It takes no more writes.
    Abandoned,
}

impl SignUp {
    /// An empty sign-up. Version 0 is never stored: the first transition creates version 1.
    pub fn new(id: SignUpId, client_id: ClientId, origin: Option<String>, now: Timestamp) -> Self {
        Self {
            id,
            client_id,
            version: 0,
            phase: Phase::Open,
            created_at: now,
            updated_at: now,
            email_address: None,
            phone_number: None,
            username: None,
            password_digest: None,
            first_name: None,
            last_name: None,
            external_account: None,
            invitation: None,
            captcha_solved: false,
            custom_action: false,
            external_id: None,
            unsafe_metadata: "{}".into(),
            public_metadata: "{}".into(),
            legal_accepted_at: None,
            locale: None,
            origin,
            recent_sends: Vec::new(),
            approval: Approval::None,
            declined: None,
        }
    }

    /// The start of the next write: version plus one, and the time to abandonment begins again.
    pub(super) fn touched(&self, cx: &Context<'_>) -> Self {
        // A clock that is set back must not shorten the person's time.
        Self { updated_at: cx.now.max(self.updated_at), declined: None, ..self.counted() }
    }

    /// The same for a write that only updates counters: it does not postpone abandonment.
    pub(super) fn counted(&self) -> Self {
        Self { version: self.version + 1, ..self.clone() }
    }

    /// When it is abandoned without another write. One that waits for approval can do nothing about that, and has a time
    /// of its own.
    pub fn abandon_at(&self, policy: &Policy) -> Timestamp {
        match self.approval {
            Approval::Waiting { since } => since + policy.approval_wait,
            Approval::None | Approval::Refused { .. } => self.updated_at + policy.abandon_after,
        }
    }

    /// When the store may delete it, without another write. Between [`SignUp::abandon_at`] and this its client is shown
    /// that it is abandoned.
    pub fn forget_at(&self, policy: &Policy) -> Timestamp {
        self.abandon_at(policy) + policy.keep_finished
    }

    /// Its status at `now`. A sign-up that is no longer its client's current one is also abandoned; the caller, which
    /// knows the client, must check that.
    pub fn status(&self, now: Timestamp, policy: &Policy) -> Status {
        match self.phase {
            Phase::Complete { .. } => Status::Complete,
            Phase::Open if now >= self.abandon_at(policy) => Status::Abandoned,
            Phase::Open => Status::MissingRequirements,
        }
    }

    /// The next time after `now` at which its state changes without a write: a code expires, or it is abandoned. A
    /// timer for it is optional; every read computes from the time.
    pub fn next_deadline(&self, now: Timestamp, policy: &Policy) -> Option<Timestamp> {
        if self.status(now, policy) != Status::MissingRequirements {
            return None;
        }
        let codes = [Field::EmailAddress, Field::PhoneNumber];
        let open = |v: &&Verification| v.status(now, policy.attempts_max) == VerificationStatus::Unverified;
        let expiries = codes.iter().filter_map(|f| self.verification(f)).filter(open).map(|v| v.expire_at);
        expiries.chain([self.abandon_at(policy)]).min()
    }

    /// The verification of a field, once prepared.
    pub fn verification(&self, field: &Field) -> Option<&Verification> {
        match field {
            Field::EmailAddress => self.email_address.as_ref()?.verification.as_ref(),
            Field::PhoneNumber => self.phone_number.as_ref()?.verification.as_ref(),
            _ => None,
        }
    }

    /// The identifier in a field that a code can verify.
    pub fn address(&self, field: &Field) -> Option<Identifier> {
        match field {
            Field::EmailAddress => Some(self.email_address.as_ref()?.value.identifier()),
            Field::PhoneNumber => Some(self.phone_number.as_ref()?.value.identifier()),
            _ => None,
        }
    }

    /// The addresses to which it may have had messages sent: its present ones, and those of recent messages.
    pub fn addresses_messaged(&self) -> impl Iterator<Item = Identifier> {
        let held = [Field::EmailAddress, Field::PhoneNumber].into_iter().filter_map(|field| self.address(&field));
        held.chain(self.recent_sends.iter().map(|(to, _)| to.clone()))
    }

    /// Whether a field has a value.
    pub fn has(&self, field: &Field) -> bool {
        match field {
            Field::EmailAddress => self.email_address.is_some(),
            Field::PhoneNumber => self.phone_number.is_some(),
            Field::Username => self.username.is_some(),
            Field::Password => self.password_digest.is_some(),
            Field::FirstName => self.first_name.is_some(),
            Field::LastName => self.last_name.is_some(),
            Field::LegalAccepted => self.legal_accepted_at.is_some(),
            Field::OAuth(strategy) => {
                self.proved_account().and_then(|a| a.strategy.provider()).as_ref() == Some(strategy)
            }
            Field::Web3Wallet => false,
        }
    }

    /// The account at a provider, if proved: it identifies the person and replaces a password.
    pub fn proved_account(&self) -> Option<&ExternalAccount> {
        self.external_account.as_deref().filter(|account| account.is_verified())
    }

    /// Whether the value of a field is verified.
    pub fn is_verified(&self, field: &Field, now: Timestamp, policy: &Policy) -> bool {
        self.verification(field).is_some_and(|v| v.status(now, policy.attempts_max) == VerificationStatus::Verified)
    }

    pub(super) fn verification_slot(&mut self, field: &Field) -> Option<&mut Option<Verification>> {
        match field {
            Field::EmailAddress => self.email_address.as_mut().map(|e| &mut e.verification),
            Field::PhoneNumber => self.phone_number.as_mut().map(|p| &mut p.verification),
            _ => None,
        }
    }
}
