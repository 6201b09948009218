//! Which paths belong to the application's backend, whether or not they exist here.

/// Whether a path belongs to backends only.
pub(super) fn owns(path: &str) -> bool {
    OWNED.contains(&resource(path))
}

/// Whether a path belongs to backends and browsers: the caller makes the difference.
pub(super) fn shares(path: &str) -> bool {
    SHARED.contains(&resource(path))
}

/// The first segment after `/v1`; empty for other paths.
fn resource(path: &str) -> &str {
    path.strip_prefix("/v1/").and_then(|rest| rest.split('/').next()).unwrap_or_default()
}

/// The resources that only Clerk's Backend API has, not its Frontend API
/// (`@clerk/backend`, [guide: The Backend API on the wire, and what is not built](crate::guide::contract_backend)).
/// Most are not built here; only backends are told so.
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
    // Not one of Clerk's.
    "messages",
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

/// The resources that both APIs have.
const SHARED: &[&str] = &["api_keys", "billing", "commerce", "organizations"];
