//! For operators and their monitoring: health and keys.

pub(super) mod health;
pub(super) mod jwks;

use super::endpoint::{Endpoint, answer};

/// The endpoints, path by path.
#[rustfmt::skip]
pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get("/v1/jwks", answer!(|i| Ok(jwks::show(i.call)))).open(),
    Endpoint::get("/.well-known/jwks.json", answer!(|i| Ok(jwks::show(i.call)))).open(),
    Endpoint::get("/health/live", answer!(|_| Ok(health::live()))).open().quiet(),
    Endpoint::get("/health/ready", answer!(|i| health::ready(i.call))).open().quiet(),
];
