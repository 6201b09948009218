//! The waiting list: people who asked to be let in
//! ([guide: The waiting list](crate::guide::contract_sign_ups#the-waiting-list)).

use super::id::{InvitationId, WaitlistEntryId};
use super::identifier::EmailAddress;
use super::invitation::Invitation;
use super::ports::KeyedDigest;
use super::rejection::ErrorCode;
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

    /// They are let in by `invitation`, also after they were rejected. `earlier` is the invitation that they have already.
    ///
    /// # Errors
    /// `waitlist_entry_already_invited` while the earlier invitation is good, `waitlist_entry_already_completed` once they
    /// have signed up.
    pub fn invited(
        &self,
        invitation: InvitationId,
        earlier: Option<&Invitation>,
        now: Timestamp,
    ) -> Result<Self, ErrorCode> {
        self.may_be_invited(earlier, now)?;
        let invited_at = Some(now);
        let invitation = Some(invitation);
        Ok(Self { status: WaitlistStatus::Invited, invitation, invited_at, updated_at: now, ..self.clone() })
    }

    /// Whether they may be let in: [`Self::invited`] before there is an invitation.
    ///
    /// # Errors
    /// As [`Self::invited`].
    pub fn may_be_invited(&self, earlier: Option<&Invitation>, now: Timestamp) -> Result<(), ErrorCode> {
        match self.status {
            WaitlistStatus::Completed => Err(ErrorCode::WaitlistEntryAlreadyCompleted),
            // One that has expired or was taken back lets nobody in, so that another is needed.
            WaitlistStatus::Invited if earlier.is_some_and(|invitation| invitation.check_redeemable(now).is_ok()) => {
                Err(ErrorCode::WaitlistEntryAlreadyInvited)
            }
            WaitlistStatus::Pending | WaitlistStatus::Invited | WaitlistStatus::Rejected => Ok(()),
        }
    }

    /// They are not let in. What invitation they have is to be revoked too.
    ///
    /// # Errors
    /// `waitlist_entry_already_rejected`, and `waitlist_entry_already_completed` once they have signed up.
    pub fn rejected(&self, now: Timestamp) -> Result<Self, ErrorCode> {
        match self.status {
            WaitlistStatus::Completed => Err(ErrorCode::WaitlistEntryAlreadyCompleted),
            WaitlistStatus::Rejected => Err(ErrorCode::WaitlistEntryAlreadyRejected),
            WaitlistStatus::Pending | WaitlistStatus::Invited => {
                Ok(Self { status: WaitlistStatus::Rejected, updated_at: now, ..self.clone() })
            }
        }
    }

    /// They signed up.
    pub fn completed(&self, now: Timestamp) -> Self {
        Self { status: WaitlistStatus::Completed, updated_at: now, ..self.clone() }
    }

    /// Whether the entry may be taken off the list.
    ///
    /// # Errors
    /// `resource_forbidden` unless it is pending.
    pub fn check_deletable(&self) -> Result<(), ErrorCode> {
        if self.status == WaitlistStatus::Pending { Ok(()) } else { Err(ErrorCode::ResourceForbidden) }
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
