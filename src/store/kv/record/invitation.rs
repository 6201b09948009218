//! Invitations, the list of them per address, and the waiting list.

use serde::{Deserialize, Serialize};

use crate::domain::id::{InvitationId, UserId, WaitlistEntryId};
use crate::domain::identifier::EmailAddress;
use crate::domain::invitation::{Invitation, InvitationState};
use crate::domain::redirect::RedirectUrl;
use crate::domain::time::Timestamp;
use crate::domain::waitlist::{WaitlistEntry, WaitlistStatus};
use crate::store::StoreError;
use crate::store::kv::codec::{Older, Record};
use crate::store::kv::key::Kind;

use super::identifier::EmailAddressV1;

/// An invitation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::store) struct InvitationRecordV1 {
    id: [u8; 16],
    email_address: EmailAddressV1,
    public_metadata: String,
    redirect_url: Option<String>,
    waitlist_entry: Option<[u8; 16]>,
    state: InvitationStateV1,
    created_at: u64,
    updated_at: u64,
    expire_at: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum InvitationStateV1 {
    Pending,
    Accepted { user_id: [u8; 16] },
    Revoked,
}

/// The last invitation of the address in the key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::store) struct InvitedRecordV1 {
    invitation: [u8; 16],
}

/// The invitations of the address in the key that may still be pending, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::store) struct InvitedRecordV2 {
    pub(in crate::store) invitations: Vec<[u8; 16]>,
}

/// An entry of the waiting list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::store) struct WaitlistEntryRecordV1 {
    id: [u8; 16],
    email_address: EmailAddressV1,
    status: WaitlistStatusV1,
    invitation: Option<[u8; 16]>,
    invited_at: Option<u64>,
    created_at: u64,
    updated_at: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum WaitlistStatusV1 {
    Pending,
    Invited,
    Completed,
    Rejected,
}

impl Record for InvitationRecordV1 {
    const KIND: Kind = Kind::Invitation;
    const SCHEMA: u8 = 1;
}

impl Record for InvitedRecordV1 {
    const KIND: Kind = Kind::Invited;
    const SCHEMA: u8 = 1;
}

impl Record for InvitedRecordV2 {
    const KIND: Kind = Kind::Invited;
    const SCHEMA: u8 = 2;

    fn from_older(older: Older<'_>) -> Result<Self, StoreError> {
        older.read::<InvitedRecordV1>().map(Self::from)
    }
}

impl Record for WaitlistEntryRecordV1 {
    const KIND: Kind = Kind::WaitlistEntry;
    const SCHEMA: u8 = 1;
}

impl From<InvitedRecordV1> for InvitedRecordV2 {
    fn from(record: InvitedRecordV1) -> Self {
        Self { invitations: vec![record.invitation] }
    }
}

#[cfg(test)]
impl From<InvitationId> for InvitedRecordV1 {
    fn from(id: InvitationId) -> Self {
        Self { invitation: *id.as_bytes() }
    }
}

impl From<&Invitation> for InvitationRecordV1 {
    fn from(invitation: &Invitation) -> Self {
        Self {
            id: *invitation.id.as_bytes(),
            email_address: (&invitation.email_address).into(),
            public_metadata: invitation.public_metadata.clone(),
            redirect_url: invitation.redirect_url.as_ref().map(ToString::to_string),
            waitlist_entry: invitation.waitlist_entry.map(|id| *id.as_bytes()),
            state: match invitation.state {
                InvitationState::Pending => InvitationStateV1::Pending,
                InvitationState::Accepted(user) => InvitationStateV1::Accepted { user_id: *user.as_bytes() },
                InvitationState::Revoked => InvitationStateV1::Revoked,
            },
            created_at: invitation.created_at.as_millis(),
            updated_at: invitation.updated_at.as_millis(),
            expire_at: invitation.expire_at.as_millis(),
        }
    }
}

impl From<InvitationRecordV1> for Invitation {
    fn from(record: InvitationRecordV1) -> Self {
        Self {
            id: InvitationId::from_bytes(record.id),
            email_address: EmailAddress::from(record.email_address),
            public_metadata: record.public_metadata,
            redirect_url: record.redirect_url.map(RedirectUrl::restored),
            waitlist_entry: record.waitlist_entry.map(WaitlistEntryId::from_bytes),
            state: match record.state {
                InvitationStateV1::Pending => InvitationState::Pending,
                InvitationStateV1::Accepted { user_id } => InvitationState::Accepted(UserId::from_bytes(user_id)),
                InvitationStateV1::Revoked => InvitationState::Revoked,
            },
            created_at: Timestamp::from_millis(record.created_at),
            updated_at: Timestamp::from_millis(record.updated_at),
            expire_at: Timestamp::from_millis(record.expire_at),
        }
    }
}

impl From<&WaitlistEntry> for WaitlistEntryRecordV1 {
    fn from(entry: &WaitlistEntry) -> Self {
        Self {
            id: *entry.id.as_bytes(),
            email_address: (&entry.email_address).into(),
            status: match entry.status {
                WaitlistStatus::Pending => WaitlistStatusV1::Pending,
                WaitlistStatus::Invited => WaitlistStatusV1::Invited,
                WaitlistStatus::Completed => WaitlistStatusV1::Completed,
                WaitlistStatus::Rejected => WaitlistStatusV1::Rejected,
            },
            invitation: entry.invitation.map(|id| *id.as_bytes()),
            invited_at: entry.invited_at.map(Timestamp::as_millis),
            created_at: entry.created_at.as_millis(),
            updated_at: entry.updated_at.as_millis(),
        }
    }
}

impl From<WaitlistEntryRecordV1> for WaitlistEntry {
    fn from(record: WaitlistEntryRecordV1) -> Self {
        Self {
            id: WaitlistEntryId::from_bytes(record.id),
            email_address: EmailAddress::from(record.email_address),
            status: match record.status {
                WaitlistStatusV1::Pending => WaitlistStatus::Pending,
                WaitlistStatusV1::Invited => WaitlistStatus::Invited,
                WaitlistStatusV1::Completed => WaitlistStatus::Completed,
                WaitlistStatusV1::Rejected => WaitlistStatus::Rejected,
            },
            invitation: record.invitation.map(InvitationId::from_bytes),
            invited_at: record.invited_at.map(Timestamp::from_millis),
            created_at: Timestamp::from_millis(record.created_at),
            updated_at: Timestamp::from_millis(record.updated_at),
        }
    }
}
