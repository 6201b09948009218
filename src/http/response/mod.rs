//! What goes out: answers, errors in the envelope of the contract, redirects, and the origins that may read them.

pub(in crate::http) mod api_response;
pub(in crate::http) mod cors;
pub(in crate::http) mod error;
pub(in crate::http) mod redirect;
pub(in crate::http) mod refused_origins;
