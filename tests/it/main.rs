//! Integration tests: one binary, mirroring `src`.

mod clients;
mod domain;
mod engine;
#[path = "../support/mod.rs"]
mod support;
