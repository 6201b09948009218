//! The calls of the application's backend.

#[cfg(feature = "cli")]
pub(super) mod at_rest;
#[cfg(feature = "server")]
mod clients;
pub(super) mod instance;
pub(super) mod invitations;
pub(super) mod messages;
pub(super) mod pagination;
pub(super) mod sessions;
pub(super) mod sign_in_tokens;
pub(super) mod sign_ups;
pub(super) mod users;
mod values;
pub(super) mod waitlist;
#[cfg(feature = "webhooks")]
pub(super) mod webhooks;
