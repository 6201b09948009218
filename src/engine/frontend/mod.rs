//! The calls of people: sign-ups, sign-ins, their clients and sessions.

pub(super) mod accounts;
pub(super) mod address_steps;
pub(super) mod captchas;
pub(super) mod clients;
pub(super) mod email_links;
pub(super) mod equal_calls;
pub(super) mod late_returns;
pub(super) mod messages;
pub(super) mod newcomers;
pub(super) mod oauth;
pub(super) mod own;
pub(super) mod own_second_factors;
pub(super) mod passwords;
pub(super) mod repeated;
mod second_factors;
pub(super) mod sessions;
mod sign_in_commits;
mod sign_in_links;
mod sign_in_resets;
mod sign_in_steps;
mod sign_in_views;
pub(super) mod sign_ins;
pub(super) mod sign_ups;
pub(super) mod single_flight;
pub(super) mod visible;
