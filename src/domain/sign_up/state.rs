//! What a sign-up holds, and what is derived from it.

use crate::domain::context::Context;
use crate::domain::field::Field;
use crate::domain::id::{ClientId, InvitationId, SessionId, SignUpId, UserId};
use crate::domain::identifier::{EmailAddress, Identifier, PhoneNumber, Username};
use crate::domain::policy::Policy;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::domain::verification::{ExternalAccount, Verification, VerificationStatus};

/// A sign-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignUp {
    /// Its id.
    pub id: SignUpId,
    /// The client it belongs to; to all others it does not exist.
    pub client_id: ClientId,
    /// Counts the transitions; the store compares it.
    pub version: u64,
    /// Where it stands.
    pub phase: Phase,
    /// When it began.
    pub created_at: Timestamp,
    /// The last accepted write.
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
    /// The account at a provider, from the moment the person is sent there.
    pub external_account: Option<Box<ExternalAccount>>,
    /// The invitation that a ticket was for.
    pub invitation: Option<InvitationId>,
    /// Whether a captcha was solved for it.
    pub captcha_solved: bool,
    /// Whether the application's backend has done what it wants to do first.
    pub custom_action: bool,
    /// What the backend calls the user.
    pub external_id: Option<String>,
    /// Metadata that the browser gives, a JSON object as text.
    pub unsafe_metadata: String,
    /// Metadata from an invitation, a JSON object as text.
    pub public_metadata: String,
    /// When the legal terms were accepted.
    pub legal_accepted_at: Option<Timestamp>,
    /// The person's locale.
    pub locale: Option<String>,
    /// The origin it was made from, for the sessions of requests that send none.
    pub origin: Option<String>,
    /// Which addresses were sent a code when, as far as the cool-down looks back.
    pub recent_sends: Vec<(Identifier, Timestamp)>,
}

/// A collected identifier with its verification, which is about exactly this value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collected<T> {
    /// The value.
    pub value: T,
    /// Its verification, once prepared.
    pub verification: Option<Verification>,
}

/// Where a sign-up stands, as a stored fact; abandonment is derived from the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Gathering.
    Open,
    /// Became a user.
    Complete {
        /// The user.
        user_id: UserId,
        /// Its first session.
        session_id: SessionId,
        /// When.
        at: Timestamp,
    },
}

/// The status on the wire ([guide: States](crate::guide::contract_sign_ups#states)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of guide/contract_sign_ups.md#states")]
pub enum Status {
    MissingRequirements,
    Complete,
    Abandoned,
}

impl SignUp {
    /// A sign-up that holds nothing yet. Version 0 was never stored: the first transition makes version 1.
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
        }
    }

    /// The value that the next write begins from: one version on, and not abandoned for another while.
    pub(super) fn touched(&self, cx: &Context<'_>) -> Self {
        // A clock that is put back does not take time away from the person.
        Self { updated_at: cx.now.max(self.updated_at), ..self.counted() }
    }

    /// The same for a write that only counts something: it does not keep the sign-up from being abandoned.
    pub(super) fn counted(&self) -> Self {
        Self { version: self.version + 1, ..self.clone() }
    }

    /// When it is abandoned unless written to before.
    pub fn abandon_at(&self, policy: &Policy) -> Timestamp {
        self.updated_at + policy.abandon_after
    }

    /// When the store may forget it, unless it is written to before. Between [`SignUp::abandon_at`] and this its client
    /// is shown that it is abandoned.
    pub fn forget_at(&self, policy: &Policy) -> Timestamp {
        self.abandon_at(policy) + policy.keep_finished
    }

    /// Its status at `now`. A sign-up that is no longer its client's current one is abandoned too; that is for
    /// whoever knows the client to say.
    pub fn status(&self, now: Timestamp, policy: &Policy) -> Status {
        match self.phase {
            Phase::Complete { .. } => Status::Complete,
            Phase::Open if now >= self.abandon_at(policy) => Status::Abandoned,
            Phase::Open => Status::MissingRequirements,
        }
    }

    /// The next moment after `now` at which something about it changes by itself: a code expires, or it is
    /// abandoned. A timer for it is a courtesy; every read computes from the time.
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

    /// The identifier in a field that is verified by a code.
    pub fn address(&self, field: &Field) -> Option<Identifier> {
        match field {
            Field::EmailAddress => Some(self.email_address.as_ref()?.value.identifier()),
            Field::PhoneNumber => Some(self.phone_number.as_ref()?.value.identifier()),
            _ => None,
        }
    }

    /// The addresses that it may have had messages sent to: those that it holds, and those that it sent to of late.
    pub fn addresses_messaged(&self) -> impl Iterator<Item = Identifier> {
        let held = [Field::EmailAddress, Field::PhoneNumber].into_iter().filter_map(|field| self.address(&field));
        held.chain(self.recent_sends.iter().map(|(to, _)| to.clone()))
    }

    /// Whether a field was given.
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

    /// The account at a provider, if it is proved: it identifies the person, and stands in for a password.
    pub fn proved_account(&self) -> Option<&ExternalAccount> {
        self.external_account.as_deref().filter(|account| account.is_verified())
    }

    /// Whether the value of a field is proved.
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
