//! The waiting list: people who asked for access
//! ([guide: The waiting list](crate::guide::contract_sign_ups#the-waiting-list)).

use super::id::{InvitationId, WaitlistEntryId};
use super::identifier::EmailAddress;
use super::invitation::Invitation;
use super::ports::KeyedDigest;
use super::rejection::ErrorCode;
use super::time::Timestamp;

/// An entry of the waiting list. An address has one entry at most, because the id is derived from the address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitlistEntry {
    /// Its id.
    pub id: WaitlistEntryId,
    /// The address of the waiting person.
    pub email_address: EmailAddress,
    /// Its status.
    pub status: WaitlistStatus,
    /// The invitation that admits the person.
    pub invitation: Option<InvitationId>,
    /// When the person was invited.
    pub invited_at: Option<Timestamp>,
    /// When the person joined the list.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// The status of an entry, in the words of Clerk's Backend API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WaitlistStatus {
    /// The person waits.
    Pending,
    /// The person was invited.
    Invited,
    /// The person has signed up.
    Completed,
    /// The operator has refused the person.
    Rejected,
}

impl WaitlistEntry {
    /// A new entry.
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

    /// The entry after an invitation, also when it was rejected before. `earlier` is the invitation that it already
    /// has.
    ///
    /// # Errors
    /// `waitlist_entry_already_invited` while the earlier invitation is valid, `waitlist_entry_already_completed` after
    /// the sign-up.
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

    /// Whether it may be invited: the check of [`Self::invited`] before the invitation is created.
    ///
    /// # Errors
    /// As [`Self::invited`].
    pub fn may_be_invited(&self, earlier: Option<&Invitation>, now: Timestamp) -> Result<(), ErrorCode> {
        match self.status {
            WaitlistStatus::Completed => Err(ErrorCode::WaitlistEntryAlreadyCompleted),
            // An expired or revoked invitation admits no person, so a new one is needed.
            WaitlistStatus::Invited if earlier.is_some_and(|invitation| invitation.check_redeemable(now).is_ok()) => {
                Err(ErrorCode::WaitlistEntryAlreadyInvited)
            }
            WaitlistStatus::Pending | WaitlistStatus::Invited | WaitlistStatus::Rejected => Ok(()),
        }
    }

    /// The entry after rejection. The caller must also revoke its invitation.
    ///
    /// # Errors
    /// `waitlist_entry_already_rejected`, and `waitlist_entry_already_completed` after the sign-up.
    pub fn rejected(&self, now: Timestamp) -> Result<Self, ErrorCode> {
        match self.status {
            WaitlistStatus::Completed => Err(ErrorCode::WaitlistEntryAlreadyCompleted),
            WaitlistStatus::Rejected => Err(ErrorCode::WaitlistEntryAlreadyRejected),
            WaitlistStatus::Pending | WaitlistStatus::Invited => {
                Ok(Self { status: WaitlistStatus::Rejected, updated_at: now, ..self.clone() })
            }
        }
    }

    /// The entry after the sign-up.
    pub fn completed(&self, now: Timestamp) -> Self {
        Self { status: WaitlistStatus::Completed, updated_at: now, ..self.clone() }
    }

    /// Whether the entry may be deleted.
    ///
    /// # Errors
    /// `resource_forbidden` unless it is pending.
    pub fn check_deletable(&self) -> Result<(), ErrorCode> {
        if self.status == WaitlistStatus::Pending { Ok(()) } else { Err(ErrorCode::ResourceForbidden) }
    }
}

impl WaitlistStatus {
    /// All statuses.
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
