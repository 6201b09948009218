//! For operators and their machines: health and keys.

pub(super) mod health;
pub(super) mod jwks;
