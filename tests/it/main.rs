//! Integration tests: one binary, mirroring `src`.

mod clients;
#[path = "../support/mod.rs"]
mod support;
mod domain;
mod engine;
