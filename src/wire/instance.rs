//! The instance itself, and what the application's backend lists, in the shapes of Clerk's Backend API
//! ([guide: The instance](crate::guide::contract_backend#the-instance)).

use serde::Serialize;

use crate::domain::id::{InstanceId, InvitationId, ListedIdentifierId, RedirectUrlId};
use crate::domain::listed::{List, ListedRedirect};
use crate::domain::settings::overrides::OverrideValue;
#[cfg(feature = "server")]
use crate::domain::settings::overrides::Overrides;
use crate::domain::settings::restrictions::Pattern;
use crate::domain::time::Timestamp;
use crate::engine::{ListedIdentifierView, OverridesView};

use super::AsDisplay;

/// The instance.
#[cfg(feature = "server")]
#[derive(Debug, Serialize)]
pub(crate) struct InstanceResource<'a> {
    object: &'static str,
    id: AsDisplay<InstanceId>,
    environment_type: &'static str,
    allowed_origins: Option<&'a [String]>,
    workspace_id: Option<&'static str>,
}

/// Which restrictions are on.
#[cfg(feature = "server")]
#[derive(Debug, Serialize)]
pub(crate) struct RestrictionsResource {
    object: &'static str,
    allowlist: bool,
    blocklist: bool,
    allowlist_blocklist_disabled_on_sign_in: bool,
    block_email_subaddresses: bool,
    block_disposable_email_domains: bool,
    ignore_dots_for_gmail_addresses: bool,
}

/// The settings that the application's backend overrides. Clerk has no such object.
#[derive(Debug, Serialize)]
pub(crate) struct OverridesResource {
    object: &'static str,
    version: u64,
    overrides: Vec<OverrideResource>,
}

/// One override: what is stored is in force.
#[derive(Debug, Serialize)]
struct OverrideResource {
    key: &'static str,
    configured: Option<OverrideValue>,
    stored: OverrideValue,
}

/// An entry of the allow-list or the block-list.
#[derive(Debug, Serialize)]
pub(crate) struct ListedIdentifierResource {
    object: &'static str,
    id: AsDisplay<ListedIdentifierId>,
    identifier: String,
    identifier_type: &'static str,
    invitation_id: Option<AsDisplay<InvitationId>>,
    instance_id: AsDisplay<InstanceId>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// A redirect URL.
#[derive(Debug, Serialize)]
pub(crate) struct RedirectUrlResource<'a> {
    object: &'static str,
    id: AsDisplay<RedirectUrlId>,
    url: &'a str,
    created_at: Timestamp,
    updated_at: Timestamp,
}

#[cfg(feature = "server")]
impl<'a> InstanceResource<'a> {
    /// The instance with what is in force.
    pub(crate) fn new(id: InstanceId, development: bool, in_force: &'a Overrides) -> Self {
        Self {
            object: "instance",
            id: AsDisplay(id),
            environment_type: if development { "development" } else { "production" },
            allowed_origins: in_force.allowed_origins.as_deref(),
            workspace_id: None,
        }
    }
}

#[cfg(feature = "server")]
impl From<&OverridesView> for RestrictionsResource {
    fn from(view: &OverridesView) -> Self {
        let in_force = view.in_force();
        let is_on = |switch: Option<bool>| switch.unwrap_or(false);
        Self {
            object: "instance_restrictions",
            allowlist: is_on(in_force.allowlist),
            blocklist: is_on(in_force.blocklist),
            allowlist_blocklist_disabled_on_sign_in: is_on(in_force.allowlist_blocklist_disabled_on_sign_in),
            block_email_subaddresses: is_on(in_force.block_email_subaddresses),
            block_disposable_email_domains: is_on(in_force.block_disposable_email_domains),
            ignore_dots_for_gmail_addresses: is_on(in_force.ignore_dots_for_gmail_addresses),
        }
    }
}

impl From<&OverridesView> for OverridesResource {
    fn from(view: &OverridesView) -> Self {
        let configured = view.configured.list();
        let of = |key: &str| configured.iter().find(|(known, _)| *known == key).map(|(_, value)| value.clone());
        let stored = view.stored.list().into_iter();
        let overrides = stored.map(|(key, stored)| OverrideResource { key, configured: of(key), stored }).collect();
        Self { object: "instance_overrides", version: view.version, overrides }
    }
}

impl From<&ListedIdentifierView> for ListedIdentifierResource {
    fn from(view: &ListedIdentifierView) -> Self {
        let value = &view.value;
        Self {
            object: match value.list {
                List::Allow => "allowlist_identifier",
                List::Block => "blocklist_identifier",
            },
            id: AsDisplay(value.id),
            identifier: value.pattern.to_string(),
            identifier_type: match value.pattern {
                Pattern::Email(_) | Pattern::Domain(_) => "email_address",
                Pattern::Phone(_) | Pattern::PhonePrefix(_) => "phone_number",
            },
            invitation_id: value.invitation.map(AsDisplay),
            instance_id: AsDisplay(view.instance),
            created_at: value.created_at,
            updated_at: value.created_at,
        }
    }
}

impl<'a> From<&'a ListedRedirect> for RedirectUrlResource<'a> {
    fn from(listed: &'a ListedRedirect) -> Self {
        Self {
            object: "redirect_url",
            id: AsDisplay(listed.id),
            url: &listed.url,
            created_at: listed.created_at,
            updated_at: listed.created_at,
        }
    }
}
