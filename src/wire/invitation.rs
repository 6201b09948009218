//! Invitations and the waitlist, in the shapes of Clerk's Backend API; and what a person who joins the waitlist sees.

use serde::Serialize;

use crate::domain::id::{InvitationId, WaitlistEntryId};
use crate::domain::invitation::{Invitation, InvitationStatus};
use crate::domain::time::Timestamp;
use crate::domain::waitlist::WaitlistEntry;
use crate::engine::{InvitationView, WaitlistEntryView};

use super::{AsDisplay, Metadata};

/// An invitation. Its URL contains the ticket; an invitation that can't be used any more is shown without its URL.
#[derive(Debug, Serialize)]
pub(crate) struct InvitationResource<'a> {
    object: &'static str,
    id: AsDisplay<InvitationId>,
    email_address: &'a str,
    public_metadata: Metadata<'a>,
    revoked: bool,
    status: &'static str,
    url: Option<&'a str>,
    expires_at: Timestamp,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// A waitlist entry.
#[derive(Debug, Serialize)]
pub(crate) struct WaitlistEntryResource<'a> {
    object: &'static str,
    id: AsDisplay<WaitlistEntryId>,
    email_address: &'a str,
    status: &'static str,
    invitation: Option<InvitationResource<'a>>,
    is_locked: bool,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// What a person who joined sees: the status is left out.
#[derive(Debug, Serialize)]
pub(crate) struct Waiting {
    object: &'static str,
    id: AsDisplay<WaitlistEntryId>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl<'a> InvitationResource<'a> {
    /// An invitation at `now`, without its URL.
    #[cfg(feature = "webhooks")]
    pub(super) fn bare(value: &'a Invitation, now: Timestamp) -> Self {
        Self::new(value, value.status(now), None)
    }

    fn new(value: &'a Invitation, status: InvitationStatus, url: Option<&'a str>) -> Self {
        Self {
            object: "invitation",
            id: AsDisplay(value.id),
            email_address: value.email_address.as_str(),
            public_metadata: Metadata(&value.public_metadata),
            revoked: status == InvitationStatus::Revoked,
            status: status.as_str(),
            url: url.filter(|_| status == InvitationStatus::Pending),
            expires_at: value.expire_at,
            created_at: value.created_at,
            updated_at: value.updated_at,
        }
    }
}

impl<'a> From<&'a InvitationView> for InvitationResource<'a> {
    fn from(view: &'a InvitationView) -> Self {
        Self::new(&view.value, view.status, Some(view.url.as_str()))
    }
}

impl<'a> WaitlistEntryResource<'a> {
    /// An entry with its invitation.
    pub(super) fn with(value: &'a WaitlistEntry, invitation: Option<InvitationResource<'a>>) -> Self {
        Self {
            object: "waitlist_entry",
            id: AsDisplay(value.id),
            email_address: value.email_address.as_str(),
            status: value.status.as_str(),
            invitation,
            is_locked: false,
            created_at: value.created_at,
            updated_at: value.updated_at,
        }
    }
}

impl<'a> From<&'a WaitlistEntryView> for WaitlistEntryResource<'a> {
    fn from(view: &'a WaitlistEntryView) -> Self {
        Self::with(&view.value, view.invitation.as_ref().map(InvitationResource::from))
    }
}

impl From<&WaitlistEntry> for Waiting {
    fn from(entry: &WaitlistEntry) -> Self {
        Self { object: "waitlist", id: AsDisplay(entry.id), created_at: entry.created_at, updated_at: entry.created_at }
    }
}
