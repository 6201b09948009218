//! Imports go strictly downward: the rooms of the crate, what each may import, and which packages only some rooms may
//! use.

mod floors;
mod orders;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What each room may import besides itself.
const ROOMS: [(&str, &[&str]); 28] = [
    ("main", &["cli"]),
    ("cli", &["startup", "load", "config", "engine", ADAPTERS, UTILITIES, "domain"]),
    ("startup", &["http", "config", "engine", "actors", ADAPTERS, UTILITIES, "domain"]),
    // The HTTP layer knows the engine, not the rooms below it.
    (
        "http",
        &[
            "wire", "engine", "config", "delivery", "oauth", "captcha", "webhook", "token", "password", "limiter",
            "npm", UTILITIES, "domain",
        ],
    ),
    // The shapes of the contract know the engine's views and the states of channels, and nothing of HTTP.
    ("wire", &["delivery", "engine", "webhook", "domain"]),
    // The load generator knows the wire protocol, not the engine, so that it treats all servers alike.
    ("load", &[UTILITIES, "domain"]),
    // For tests of an application: parts for an engine.
    ("testing", &["engine", ADAPTERS, UTILITIES, "domain"]),
    ("engine", &["actors", ADAPTERS, UTILITIES, "domain"]),
    ("actors", &[ADAPTERS, UTILITIES, "domain"]),
    // Adapters don't know each other.
    ("store", &[UTILITIES, "domain"]),
    ("delivery", &[UTILITIES, "domain"]),
    ("oauth", &[UTILITIES, "domain"]),
    ("captcha", &[UTILITIES, "domain"]),
    ("webhook", &[UTILITIES, "domain"]),
    ("token", &[UTILITIES, "domain"]),
    ("passkey", &[UTILITIES, "domain"]),
    ("password", &[UTILITIES, "domain"]),
    ("pwned", &[UTILITIES, "domain"]),
    ("limiter", &[UTILITIES, "domain"]),
    ("npm", &[UTILITIES, "domain"]),
    ("clock", &["domain"]),
    ("entropy", &["domain"]),
    ("outbound", &["domain"]),
    ("telemetry", &["clock", "domain"]),
    // What can be chosen in the rooms that it configures, for the process around them: neither the engine nor the rooms
    // themselves read it.
    ("config", &[ADAPTERS, "telemetry", "domain"]),
    ("domain", &[]),
    // Text only.
    ("guide", &[]),
    // The root declares the rooms and may show anything.
    (
        "lib",
        &[
            "startup", "http", "testing", "wire", "config", "engine", "actors", ADAPTERS, UTILITIES, "domain", "cli",
            "load",
        ],
    ),
];

const ADAPTERS: &str = "store delivery oauth captcha webhook token passkey password pwned limiter npm";
const UTILITIES: &str = "clock entropy outbound telemetry";

/// Packages that only these rooms name.
const HOMES: [(&str, &[&str]); 23] = [
    ("ractor", &["actors"]),
    ("sled", &["store"]),
    ("tokio_postgres", &["store"]),
    ("bincode", &["store"]),
    ("chacha20", &["entropy"]),
    ("hyper", &["http", "outbound", "cli"]),
    ("hyper_rustls", &["outbound"]),
    ("hyper_util", &["http", "outbound", "cli"]),
    ("tower_service", &["http", "outbound"]),
    ("flate2", &["npm"]),
    ("tar", &["npm"]),
    ("lettre", &["delivery"]),
    ("minijinja", &["delivery"]),
    ("tokio_rustls", &["delivery", "outbound", "store"]),
    ("rustls_platform_verifier", &["delivery", "outbound", "store"]),
    ("clap", &["cli"]),
    ("reqwest", &["load"]),
    ("oauth2", &["oauth"]),
    ("jsonwebtoken", &["oauth"]),
    ("webauthn_rs", &["passkey"]),
    ("bcrypt", &["password"]),
    ("md5", &["password"]),
    ("scrypt", &["password"]),
];

/// Packages of the domain: plain data, error derives, and parsers of identifiers, passwords and URLs.
const DOMAIN_PACKAGES: [&str; 14] = [
    "std",
    "core",
    "alloc",
    "serde",
    "serde_json",
    "thiserror",
    "uuid",
    "icu_properties",
    "idna",
    "unicode_normalization",
    "url",
    "rlibphonenumber",
    "disposable_emails",
    "zxcvbn",
];

#[test]
fn rooms_import_downward_only() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = rust_files(&root);
    let mut rooms = BTreeSet::new();
    let mut faults = Vec::new();
    for file in &files {
        let path = file.strip_prefix(&root).expect("found below it");
        let text = fs::read_to_string(file).expect("a file of the crate");
        rooms.insert(room_of(path));
        faults.extend(violations(path, &text));
    }
    assert!(
        rooms.contains("domain") && rooms.contains("http") && files.len() > 20,
        "the walk missed the crate: {rooms:?}"
    );
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_check_can_fail() {
    let cases: [(&str, &str, &[&str]); 14] = [
        ("domain/user.rs", "use crate::store::Store;\n", &["domain/user.rs:1: domain must not import store"]),
        ("http/server.rs", "//! Doc.\nuse crate::actors::System;", &["http/server.rs:2: http must not import actors"]),
        ("http/cookie.rs", "fn f() { crate::store::open() }", &["http/cookie.rs:1: http must not import store"]),
        (
            "token/jwks.rs",
            "use crate::{\n    clock::Clock,\n    store::Store,\n};",
            &["token/jwks.rs:1: token must not import store"],
        ),
        (
            "actors/relay.rs",
            "pub use crate::{domain::{id, user}, http::call};",
            &["actors/relay.rs:1: actors must not import http"],
        ),
        ("engine/view.rs", "use crate::wire::X;", &["engine/view.rs:1: engine must not import wire"]),
        ("wire/user.rs", "use crate::http::call;", &["wire/user.rs:1: wire must not import http"]),
        ("config/load.rs", "use super::super::engine::Engine;", &["config/load.rs:1: config must not import engine"]),
        ("clock.rs", "use super::entropy::X;", &["clock.rs:1: clock must not import entropy"]),
        ("engine/builder.rs", "use hyper::Request;", &["engine/builder.rs:1: engine must not name the package hyper"]),
        ("http/router.rs", "let x = ractor::call!(a);", &["http/router.rs:1: http must not name the package ractor"]),
        ("domain/id.rs", "use tokio::time;\n", &["domain/id.rs:1: domain must not use the package tokio"]),
        ("main.rs", "use vestibule::engine::Engine;", &["main.rs:1: main must not import engine"]),
        ("attic/mod.rs", "", &["attic/mod.rs: the room attic has no place in the table"]),
    ];
    for (path, text, expected) in cases {
        assert_eq!(violations(Path::new(path), text), expected, "{text}");
    }
}

#[test]
fn what_is_allowed_passes() {
    let cases = [
        (
            "domain/user.rs",
            "use crate::domain::id::UserId; // not crate::store\n/// [`crate::store`]\nuse super::id;\nuse serde::Serialize;",
        ),
        ("http/mod.rs", "use crate::engine::Engine; use crate::domain::settings::Settings;\nuse hyper::Request;"),
        ("engine/builder.rs", "use crate::{actors::System, store::Store};\npub(crate) fn f() {}"),
        ("store/sled/journal.rs", "use super::super::Store; use sled::Db; let a = mycrate::actors::X;"),
        ("main.rs", "vestibule::cli::run()"),
    ];
    for (path, text) in cases {
        assert_eq!(violations(Path::new(path), text), Vec::<String>::new(), "{text}");
    }
}

/// Imports of a file that its room may not have.
fn violations(path: &Path, text: &str) -> Vec<String> {
    let room = room_of(path);
    let Some((_, below)) = ROOMS.iter().find(|(name, _)| *name == room) else {
        return vec![format!("{}: the room {room} has no place in the table", path.display())];
    };
    let mut faults = Vec::new();
    let code = without_comments(text);
    for (at, imported) in imports(path, &code) {
        let known = ROOMS.iter().any(|(name, _)| *name == imported);
        let allowed = imported == room || below.iter().any(|group| group.split(' ').any(|name| name == imported));
        if known && !allowed {
            faults.push((at, format!("{room} must not import {imported}")));
        }
    }
    for (package, homes) in HOMES {
        let named = code.match_indices(package).find(|(at, _)| is_package_path(&code, *at, package));
        if let (Some((at, _)), false) = (named, homes.contains(&room.as_str())) {
            faults.push((at, format!("{room} must not name the package {package}")));
        }
    }
    if room == "domain" {
        for (at, _) in code.match_indices("use ") {
            let package = identifier(&code[at + 4..]);
            let starts_line =
                code[..at].rsplit('\n').next().is_none_or(|line| line.trim().is_empty() || line.trim() == "pub");
            let local = ["crate", "super", "self"].contains(&package) || package.starts_with(char::is_uppercase);
            let declared = code.contains(&format!("mod {package};"));
            if starts_line && !local && !declared && !DOMAIN_PACKAGES.contains(&package) {
                faults.push((at, format!("{room} must not use the package {package}")));
            }
        }
    }
    faults.sort();
    let line = |at: usize| code[..at].matches('\n').count() + 1;
    faults.into_iter().map(|(at, fault)| format!("{}:{}: {fault}", path.display(), line(at))).collect()
}

/// All names directly below the crate root that the code mentions, with their lines.
fn imports<'a>(path: &Path, code: &'a str) -> Vec<(usize, &'a str)> {
    let climb = "super::".repeat(depth(path));
    let mut found = Vec::new();
    for root in ["crate::", "vestibule::", climb.as_str()] {
        for (at, _) in code.match_indices(root) {
            let before = &code[..at];
            let rest = &code[at + root.len()..];
            // A longer name, a nested path, or a chain of `super` that does not end at the root.
            if before.ends_with(is_word) || before.ends_with("::") || rest.starts_with("super::") {
                continue;
            }
            match rest.strip_prefix('{') {
                Some(group) => found.extend(group_heads(group).map(|name| (at, name))),
                None => found.push((at, identifier(rest))),
            }
        }
    }
    found
}

/// The first name of each path in a use group, given the text after its opening brace.
fn group_heads(group: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_usize;
    let mut head = true;
    let mut heads = Vec::new();
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => head = true,
            c if head && is_word(c) => {
                heads.push(identifier(&group[at..]));
                head = false;
            }
            _ => {}
        }
    }
    heads.into_iter()
}

/// Whether a path into `package` begins at `at`, and not a longer word or path that contains its name.
fn is_package_path(code: &str, at: usize, package: &str) -> bool {
    let before = code[..at].trim_end_matches(' ');
    let begins = !code[..at].ends_with(is_word) && !before.ends_with("::");
    begins && code[at + package.len()..].starts_with("::")
}

/// The code with comments replaced by blanks, so that offsets stay the same.
fn without_comments(text: &str) -> String {
    let blank = |line: &str| match line.find("//") {
        Some(at) if !line[..at].ends_with(':') => format!("{}{}", &line[..at], " ".repeat(line.len() - at)),
        _ => line.to_owned(),
    };
    text.split('\n').map(blank).collect::<Vec<_>>().join("\n")
}

/// The room of a file, given its path below `src`.
fn room_of(path: &Path) -> String {
    let first = path.iter().next().expect("a path below src").to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

/// Number of `super::` from a file's module to the root.
fn depth(path: &Path) -> usize {
    let steps = path.iter().count();
    if path.ends_with("mod.rs") { steps - 1 } else { steps }
}

fn identifier(text: &str) -> &str {
    text.split(|c| !is_word(c)).next().unwrap_or_default()
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn rust_files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory of the crate") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}
