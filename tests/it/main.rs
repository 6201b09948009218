//! Integration tests: one binary, mirroring `src`.

mod at_rest;
mod cli;
mod clients;
mod config;
mod delivery;
mod domain;
mod domain_accounts;
mod domain_admission;
mod domain_links;
mod engine;
mod first_proofs;
mod floods;
mod guesses;
mod http_backend;
mod http_captcha;
mod http_enumeration;
mod http_hints;
mod http_invitations;
mod http_kept_fields;
mod http_links;
mod http_oauth;
mod http_restrictions;
mod http_strategies;
mod http_tokens;
mod layers;
mod limits;
mod load;
mod mixed_load;
mod oauth;
mod process;
mod readiness;
mod sign_in_enumeration;
mod sign_ins;
#[path = "../support/mod.rs"]
mod support;
mod tokens;
