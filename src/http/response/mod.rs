//! Writing answers: errors in the contract's envelope, redirects, and the origins that may read answers.

pub(super) mod api_response;
pub(super) mod cors;
pub(super) mod error;
pub(super) mod redirect;
pub(super) mod refused_origins;
