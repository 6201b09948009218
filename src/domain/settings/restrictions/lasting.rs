//! Domains on public lists of disposable addresses that are not disposable.

use super::patterns::suffixes;

/// Whether a domain is known not to be disposable, though public lists name it: forwarding services where an alias
/// stays its owner's, reserved domains (RFC 2606, RFC 6761), and some whose names only look disposable.
pub(super) fn is_lasting(domain: &str) -> bool {
    let known = [&ALIAS_SERVICES[..], &NO_PROVIDERS, &RESERVED];
    suffixes(domain).any(|suffix| known.iter().any(|list| list.contains(&suffix)))
}

/// Domains of forwarding services whose aliases last as long as the owner wants. People use them to stay reachable.
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

/// Domains that lists name because people type them as samples, though they offer no mailboxes.
const NO_PROVIDERS: [&str; 1] = ["test.com"];

/// Reserved domains, which can't be registered.
pub(super) const RESERVED: [&str; 7] =
    ["example.com", "example.net", "example.org", "example", "test", "invalid", "localhost"];
