//! The rooms and what they may import: strictly downward, adapters blind to each other.

use std::fs;
use std::path::Path;

/// Each room with the rooms it may name. What is not listed here is not a room.
const ROOMS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("clock", &["domain"]),
    ("entropy", &["domain"]),
    ("telemetry", &["domain"]),
    ("config", &["domain"]),
    ("store", &["domain", "clock", "entropy"]),
    ("delivery", &["domain", "clock", "entropy"]),
    ("token", &["domain", "clock", "entropy"]),
    ("password", &["domain", "clock", "entropy"]),
    ("limiter", &["domain", "clock"]),
    ("actors", &["domain", "clock", "entropy", "store", "delivery"]),
    ("engine", &["domain", "clock", "entropy", "store", "delivery", "token", "password", "actors"]),
    ("http", &["domain", "entropy", "engine"]),
    (
        "cli",
        &[
            "domain",
            "config",
            "telemetry",
            "store",
            "delivery",
            "token",
            "password",
            "limiter",
            "actors",
            "engine",
            "http",
        ],
    ),
];

/// Crates that only one room may name.
const CRATES: &[(&str, &[&str])] = &[
    ("ractor", &["actors"]),
    ("hyper", &["http"]),
    ("bincode", &["store"]),
    ("sled", &["store"]),
    ("lettre", &["delivery"]),
    ("clap", &["cli"]),
];

#[test]
fn imports_go_strictly_downward() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut violations = Vec::new();
    let mut read = 0;
    for (path, text) in files(&source) {
        let relative = path.strip_prefix(&format!("{}/", source.display())).expect("below src").to_owned();
        let room = relative.split(['/', '.']).next().expect("a room").to_owned();
        if room == "lib" || room == "main" {
            continue;
        }
        assert!(ROOMS.iter().any(|(known, _)| *known == room), "{room} is no known room");
        read += 1;
        violations.extend(check(&room, &text).into_iter().map(|line| format!("{relative}: {line}")));
    }
    assert!(read > 50, "only {read} files were read");
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[test]
fn a_violation_is_found() {
    assert_eq!(check("domain", "use crate::store::Store;").len(), 1);
    assert_eq!(check("http", "let x = crate::actors::System::start();").len(), 1);
    assert_eq!(check("http", "use ractor::Actor;").len(), 1);
    assert_eq!(check("store", "use crate::token::InstanceKey;").len(), 1);
    assert_eq!(check("http", "use crate::engine::Engine; // use crate::store::Store;").len(), 0);
    assert_eq!(check("engine", "use crate::{store::Store, http::App};").len(), 1);
}

/// The lines of `text` that name a room or crate which `room` must not know.
fn check(room: &str, text: &str) -> Vec<String> {
    let allowed = ROOMS.iter().find(|(known, _)| *known == room).map_or(&[][..], |(_, rooms)| *rooms);
    let mut violations = Vec::new();
    for line in text.lines() {
        let code = line.split("//").next().unwrap_or_default();
        let names = ROOMS.iter().map(|(name, _)| *name).filter(|name| *name != room && !allowed.contains(name));
        let inner = code.split("crate::").skip(1).collect::<Vec<_>>().join(" ");
        for name in names {
            let named = inner.split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':').any(|path| {
                let mut parts = path.split("::").filter(|part| !part.is_empty());
                parts.next() == Some(name)
            });
            if named && code.contains("crate::") {
                violations.push(format!("`{room}` must not know `{name}`: {}", code.trim()));
            }
        }
        for (name, rooms) in CRATES {
            if !rooms.contains(&room) && code.trim_start().starts_with(&format!("use {name}::")) {
                violations.push(format!("`{room}` must not know the crate `{name}`: {}", code.trim()));
            }
        }
    }
    violations
}

fn files(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = fs::read_to_string(&path).expect("a file");
            found.push((path.display().to_string(), text));
        }
    }
    found
}
