//! Domains that lists of throw-away addresses name, and that are none.

use super::patterns::suffixes;

/// Whether a domain is known to be no provider of throw-away addresses, though lists of them name it: forwarding services
/// where an alias stays its owner's, domains that belong to nobody (RFC 2606, RFC 6761), and some that only sound so.
pub(super) fn is_lasting(domain: &str) -> bool {
    let known = [&ALIAS_SERVICES[..], &NO_PROVIDERS, &RESERVED];
    suffixes(domain).any(|suffix| known.iter().any(|list| list.contains(&suffix)))
}

/// Domains of services that forward to a mailbox for as long as its owner wants. People use them to stay reachable.
pub(super) const ALIAS_SERVICES: [&str; 39] = [
    // DuckDuckGo, Firefox Relay, Apple's Hide My Email
    "duck.com",
    "mozmail.com",
    "relay.firefox.com",
    "privaterelay.appleid.com",
    "icloud.com",
    // SimpleLogin and Proton Pass
    "simplelogin.com",
    "simplelogin.co",
    "simplelogin.io",
    "simplelogin.fr",
    "slmail.me",
    "slmails.com",
    "aleeas.com",
    "8alias.com",
    "8shield.net",
    "dralias.com",
    "silomails.com",
    "passmail.net",
    "passmail.com",
    "passinbox.com",
    "passfwd.com",
    // addy.io
    "addy.io",
    "addymail.com",
    "anonaddy.com",
    "anonaddy.me",
    "mailer.me",
    // Others
    "33mail.com",
    "erine.email",
    "forwardemail.net",
    "improvmx.com",
    "cloaked.id",
    "opayq.com",
    "burnermail.io",
    "sneakemail.com",
    "manyme.com",
    "spamgourmet.com",
    "spamgourmet.net",
    "spamgourmet.org",
    "e4ward.com",
    "spamex.com",
];

/// Domains that lists name because people type them when they try things, though nobody is given a mailbox there.
const NO_PROVIDERS: [&str; 1] = ["test.com"];

/// Domains that nobody can have.
pub(super) const RESERVED: [&str; 7] =
    ["example.com", "example.net", "example.org", "example", "test", "invalid", "localhost"];
