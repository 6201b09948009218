//! Integration tests: one binary, mirroring `src`.

mod cli;
mod clients;
mod config;
mod delivery;
mod domain;
mod engine;
mod floods;
mod layers;
mod process;
#[path = "../support/mod.rs"]
mod support;
