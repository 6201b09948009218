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
        OWNED.contains(&resource(path))
    }

    /// Whether a path is a backend's and a browser's alike: who calls makes the difference.
    pub(super) fn shares(path: &str) -> bool {
        SHARED.contains(&resource(path))
    }
}

/// What the first part of a path below `/v1` names; empty elsewhere.
fn resource(path: &str) -> &str {
    path.strip_prefix("/v1/").and_then(|rest| rest.split('/').next()).unwrap_or_default()
}

/// The resources that Clerk's Backend API has and its Frontend API has not (`@clerk/backend`,
/// [guide: The Backend API on the wire, and what is not built](crate::guide::contract_backend)). Most are not built
/// here; a backend hears that, and nobody else hears anything.
const OWNED: &[&str] = &[
    "accountless_applications",
    "actor_tokens",
    "agents",
    "allowlist_identifiers",
    "beta_features",
    "blocklist_identifiers",
    "clients",
    "domains",
    "email",
    "email_addresses",
    "enterprise_connections",
    "events",
    "instance",
    "invitations",
    "jwt_templates",
    "m2m_tokens",
    "machines",
    "oauth_applications",
    "organization_invitations",
    "organization_memberships",
    "organization_permissions",
    "organization_roles",
    "phone_numbers",
    "platform",
    "proxy_checks",
    "redirect_urls",
    "role_sets",
    "saml_connections",
    "sessions",
    "sign_in_tokens",
    "sign_ups",
    "templates",
    "testing_tokens",
    "users",
    "waitlist_entries",
    "webhooks",
];

/// The resources that both have.
const SHARED: &[&str] = &["api_keys", "billing", "commerce", "organizations"];
