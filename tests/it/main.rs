//! Integration tests: one binary, mirroring `src`.

mod cli;
mod clients;
mod config;
mod delivery;
mod domain;
mod domain_links;
mod engine;
mod floods;
mod http_backend;
mod http_captcha;
mod http_enumeration;
mod http_invitations;
mod http_links;
mod http_oauth;
mod http_restrictions;
mod layers;
mod limits;
mod load;
mod oauth;
mod process;
mod sign_ins;
#[path = "../support/mod.rs"]
mod support;
