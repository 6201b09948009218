//! Invitations and the waitlist, in the shapes of Clerk's Backend API; and what a person who joins the waitlist sees.

use serde::Serialize;
use serde_json::{Value, json};

use crate::domain::id::WaitlistEntryId;
use crate::domain::invitation::InvitationStatus;
use crate::domain::time::Timestamp;
use crate::domain::waitlist::WaitlistEntry;
use crate::engine::{InvitationView, WaitlistEntryView};

use super::{AsDisplay, Metadata};

/// An invitation. Its URL contains the ticket; an invitation that can't be used any more is shown without its URL.
pub(crate) fn invitation(view: &InvitationView) -> Value {
    let value = &view.value;
    json!({
        "object": "invitation",
        "id": AsDisplay(value.id),
        "email_address": value.email_address.as_str(),
        "public_metadata": Metadata(&value.public_metadata),
        "revoked": view.status == InvitationStatus::Revoked,
        "status": view.status.as_str(),
        "url": (view.status == InvitationStatus::Pending).then(|| view.url.as_str()),
        "expires_at": value.expire_at,
        "created_at": value.created_at,
        "updated_at": value.updated_at,
    })
}

/// A waitlist entry.
pub(crate) fn waitlist_entry(view: &WaitlistEntryView) -> Value {
    let value = &view.value;
    json!({
        "object": "waitlist_entry",
        "id": AsDisplay(value.id),
        "email_address": value.email_address.as_str(),
        "status": value.status.as_str(),
        "invitation": view.invitation.as_ref().map(invitation),
        "is_locked": false,
        "created_at": value.created_at,
        "updated_at": value.updated_at,
    })
}

/// What a person who joined sees: the status is left out.
#[derive(Debug, Serialize)]
pub(crate) struct Waiting {
    object: &'static str,
    id: AsDisplay<WaitlistEntryId>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<&WaitlistEntry> for Waiting {
    fn from(entry: &WaitlistEntry) -> Self {
        Self { object: "waitlist", id: AsDisplay(entry.id), created_at: entry.created_at, updated_at: entry.created_at }
    }
}
