//! The calls of the application's backend.

pub(in crate::engine) mod invitations;
pub(in crate::engine) mod pagination;
pub(in crate::engine) mod sign_ups;
pub(in crate::engine) mod waitlist;
