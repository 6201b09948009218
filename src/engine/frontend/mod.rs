//! The calls of people: sign-ups, sign-ins, their clients and sessions.

pub(in crate::engine) mod accounts;
pub(in crate::engine) mod captchas;
pub(in crate::engine) mod clients;
pub(in crate::engine) mod email_links;
pub(in crate::engine) mod equal_calls;
pub(in crate::engine) mod late_returns;
pub(in crate::engine) mod messages;
pub(in crate::engine) mod newcomers;
pub(in crate::engine) mod oauth;
pub(in crate::engine) mod passwords;
pub(in crate::engine) mod repeated;
pub(in crate::engine) mod sessions;
pub(in crate::engine) mod sign_ins;
pub(in crate::engine) mod sign_ups;
pub(in crate::engine) mod single_flight;
pub(in crate::engine) mod visible;
