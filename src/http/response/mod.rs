//! What goes out: answers, errors in the envelope of the contract, redirects, and the origins that may read them.

pub(super) mod api_response;
pub(super) mod cors;
pub(super) mod error;
pub(super) mod redirect;
pub(super) mod refused_origins;
