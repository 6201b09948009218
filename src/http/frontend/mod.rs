//! The Frontend API: what browsers and applications call, a file for each resource.

pub(super) mod captchas;
pub(super) mod client;
pub(super) mod environment;
pub(super) mod me;
pub(super) mod oauth_callback;
pub(super) mod sessions;
pub(super) mod sign_ins;
pub(super) mod sign_ups;
pub(super) mod tickets;
pub(super) mod verify;
pub(super) mod waitlist;
