//! Helpers that the test binaries share.

use std::env;

/// Whether a test that needs `what` can run here.
///
/// If it is absent the test is skipped with a clear line on stderr, unless `VESTIBULE_REQUIRE` (a comma-separated list
/// such as `node,browser`) names it: then the test fails.
pub(crate) fn require(what: &str, present: bool) -> bool {
    if !present {
        let required = env::var("VESTIBULE_REQUIRE").unwrap_or_default();
        assert!(
            !required.split(',').any(|word| word.trim() == what),
            "{what} is missing, and VESTIBULE_REQUIRE names it"
        );
        eprintln!("\n!!! SKIPPED: {what} is missing; VESTIBULE_REQUIRE={what} makes this a failure !!!\n");
    }
    present
}

pub(crate) mod authenticator;
pub(crate) mod backend;
pub(crate) mod binary;
pub(crate) mod browser;
pub(crate) mod endpoint;
pub(crate) mod gateway;
pub(crate) mod provider;
pub(crate) mod receiver;
pub(crate) mod redirects;
pub(crate) mod schema;
pub(crate) mod server;
pub(crate) mod site;
pub(crate) mod smtp;
pub(crate) mod social;
mod steps;
