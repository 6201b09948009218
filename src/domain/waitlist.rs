//! The waiting list: people who asked to be let in
//! ([guide: The waiting list](crate::guide::contract_sign_ups#the-waiting-list)).

use super::context::KeyedDigest;
use super::id::{InvitationId, WaitlistEntryId};
use super::identifier::EmailAddress;
use super::rejection::Code;
use super::time::Timestamp;

/// Somebody on the waiting list. There is one entry for an address at most, because the address makes the id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitlistEntry {
    /// Its id.
    pub id: WaitlistEntryId,
    /// Who waits.
    pub email_address: EmailAddress,
    /// What became of it.
    pub status: WaitlistStatus,
    /// The invitation that lets them in.
    pub invitation: Option<InvitationId>,
    /// When they were invited.
    pub invited_at: Option<Timestamp>,
    /// When they joined.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Where somebody on the waiting list stands, in the words of Clerk's Backend API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of the Backend API")]
pub enum WaitlistStatus {
    Pending,
    Invited,
    Completed,
    Rejected,
}

impl WaitlistEntry {
    /// Somebody joins.
    pub fn join(email_address: EmailAddress, digest: &dyn KeyedDigest, now: Timestamp) -> Self {
        let digest = digest.digest(&[b"waitlist entry", email_address.as_str().as_bytes()]);
        let mut id = [0; 16];
        id.copy_from_slice(&digest[..16]);
        Self {
            id: WaitlistEntryId::from_bytes(id),
            email_address,
            status: WaitlistStatus::Pending,
            invitation: None,
            invited_at: None,
            created_at: now,
            updated_at: now,
        }
    }

    /// They are let in by `invitation`.
    ///
    /// # Errors
    /// `resource_forbidden` once they have signed up.
    pub fn invited(&self, invitation: InvitationId, now: Timestamp) -> Result<Self, Code> {
        let next = self.moved(WaitlistStatus::Invited, now)?;
        Ok(Self { invitation: Some(invitation), invited_at: Some(now), ..next })
    }

    /// They are not let in. What invitation they have is to be revoked too.
    ///
    /// # Errors
    /// `resource_forbidden` once they have signed up.
    pub fn rejected(&self, now: Timestamp) -> Result<Self, Code> {
        self.moved(WaitlistStatus::Rejected, now)
    }

    /// They signed up.
    pub fn completed(&self, now: Timestamp) -> Self {
        Self { status: WaitlistStatus::Completed, updated_at: now, ..self.clone() }
    }

    /// Whether the entry may be taken off the list.
    ///
    /// # Errors
    /// `resource_forbidden` unless it is pending.
    pub fn may_be_deleted(&self) -> Result<(), Code> {
        if self.status == WaitlistStatus::Pending { Ok(()) } else { Err(Code::ResourceForbidden) }
    }

    fn moved(&self, status: WaitlistStatus, now: Timestamp) -> Result<Self, Code> {
        if self.status == WaitlistStatus::Completed {
            return Err(Code::ResourceForbidden);
        }
        Ok(Self { status, updated_at: now, ..self.clone() })
    }
}

impl WaitlistStatus {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Pending, Self::Invited, Self::Completed, Self::Rejected];

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Invited => "invited",
            Self::Completed => "completed",
            Self::Rejected => "rejected",
        }
    }
}
