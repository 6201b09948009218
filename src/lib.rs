//! Vestibule: a sign-up engine.
#![cfg_attr(not(test), warn(clippy::unwrap_used))]

pub mod actors;
pub mod cli;
pub mod clock;
pub mod config;
pub mod delivery;
pub mod domain;
pub mod engine;
pub mod entropy;
pub mod http;
pub mod limiter;
pub mod password;
pub mod store;
pub mod telemetry;
pub mod token;
