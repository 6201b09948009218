//! Integration tests: one binary, mirroring `src`.

mod clients;
mod domain;
mod engine;
mod layers;
mod process;
#[path = "../support/mod.rs"]
mod support;
