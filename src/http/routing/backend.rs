//! Which paths are the application's backend's, whether or not there is something at them.

/// Whether a path is a backend's.
pub(super) fn owns(path: &str) -> bool {
    OWNED.contains(&resource(path))
}

/// Whether a path is a backend's and a browser's alike: who calls makes the difference.
pub(super) fn shares(path: &str) -> bool {
    SHARED.contains(&resource(path))
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
