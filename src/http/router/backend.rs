//! The paths of the application's backend, in the words of Clerk's Backend API.

use hyper::Method;

use crate::domain::id::{InvitationId, SignUpId, WaitlistEntryId};

use super::{Methods, id};

/// What a backend can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum BackendRoute {
    InvitationList,
    InvitationCreate,
    InvitationCreateBulk,
    InvitationDelete(InvitationId),
    InvitationRevoke(InvitationId),
    WaitlistList,
    WaitlistCreate,
    WaitlistCreateBulk,
    WaitlistDelete(WaitlistEntryId),
    WaitlistInvite(WaitlistEntryId),
    WaitlistReject(WaitlistEntryId),
    TestingTokenCreate,
    SignUpShow(SignUpId),
    SignUpUpdate(SignUpId),
}

impl BackendRoute {
    /// The routes at a path; `None` where no backend has one.
    pub(super) fn on(segments: &[&str]) -> Option<Methods<Self>> {
        const GET: Method = Method::GET;
        const POST: Method = Method::POST;
        Some(match *segments {
            ["v1", "invitations"] => vec![(GET, Self::InvitationList), (POST, Self::InvitationCreate)],
            ["v1", "invitations", "bulk"] => vec![(POST, Self::InvitationCreateBulk)],
            ["v1", "invitations", text] => vec![(Method::DELETE, Self::InvitationDelete(id(text)?))],
            ["v1", "invitations", text, "revoke"] => vec![(POST, Self::InvitationRevoke(id(text)?))],
            ["v1", "waitlist_entries"] => vec![(GET, Self::WaitlistList), (POST, Self::WaitlistCreate)],
            ["v1", "waitlist_entries", "bulk"] => vec![(POST, Self::WaitlistCreateBulk)],
            ["v1", "waitlist_entries", text] => vec![(Method::DELETE, Self::WaitlistDelete(id(text)?))],
            ["v1", "waitlist_entries", text, "invite"] => vec![(POST, Self::WaitlistInvite(id(text)?))],
            ["v1", "waitlist_entries", text, "reject"] => vec![(POST, Self::WaitlistReject(id(text)?))],
            ["v1", "testing_tokens"] => vec![(POST, Self::TestingTokenCreate)],
            ["v1", "sign_ups", text] => {
                let id = id(text)?;
                vec![(GET, Self::SignUpShow(id)), (Method::PATCH, Self::SignUpUpdate(id))]
            }
            _ => return None,
        })
    }

    /// Whether a path is a backend's, whether or not there is something at it.
    pub(super) fn owns(path: &str) -> bool {
        let first = path.strip_prefix("/v1/").and_then(|rest| rest.split('/').next());
        matches!(first, Some("invitations" | "waitlist_entries" | "sign_ups" | "testing_tokens"))
    }
}
