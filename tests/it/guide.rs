//! The files, tests and keys that the guide names must exist. Its Rust code runs as documentation tests.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::readme::{blocks_of, check, said};

#[test]
fn every_block_of_the_guide_is_of_a_known_kind_and_its_configurations_are_accepted() {
    let mut configurations = 0;
    for (name, page) in PAGES {
        for block in blocks_of(page) {
            let line = block.line;
            assert!(KINDS.contains(&block.kind.as_str()), "{name}, line {line}: a block of the kind {:?}", block.kind);
            if block.kind == "toml" {
                let output = check(&block.text);
                assert!(output.status.success(), "{name}, line {line}: {}", said(&output));
                configurations += 1;
            }
        }
    }
    assert!(configurations > 0, "there is a configuration to try");
}

#[test]
fn every_file_that_the_guide_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut count = 0;
    for (name, page) in PAGES {
        for path in words(page).filter(|word| PLACES.iter().any(|place| word.starts_with(place))) {
            // Of a name with a placeholder only the folder can be checked.
            let path = path.split_once(['<', '*']).map_or(path, |(folder, _)| folder);
            assert!(root.join(path).exists(), "{name} names {path}");
            count += 1;
        }
    }
    assert!(count > 50, "only {count} files are named");
}

#[test]
fn every_test_that_the_guide_names_is_there() {
    let mut known = BTreeSet::new();
    for folder in ["src", "tests/it"] {
        functions(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut known);
    }
    let mut count = 0;
    for (name, page) in PAGES {
        // Shorter names are keys and fields, not tests.
        for test in words(page).filter(|word| is_name(word) && word.matches('_').count() >= 5) {
            let test = test.rsplit("::").next().unwrap_or(test);
            assert!(known.contains(test), "{name} names the test {test}");
            count += 1;
        }
    }
    assert!(count > 50, "only {count} tests are named");
}

/// The text between backticks, outside of code blocks.
fn words(page: &str) -> impl Iterator<Item = &str> {
    let mut is_open = false;
    let lines = page.lines().filter(move |line| {
        let is_fence = line.starts_with("```");
        is_open ^= is_fence;
        !is_open && !is_fence
    });
    lines.flat_map(|line| line.split('`').skip(1).step_by(2))
}

fn is_name(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b':'))
}

/// The names of all functions in a folder's Rust files.
fn functions(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            functions(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = fs::read_to_string(&path).expect("a file of the crate");
            for rest in text.split("fn ").skip(1) {
                let name = rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next();
                found.extend(name.map(str::to_owned));
            }
        }
    }
}

const PAGES: [(&str, &str); 4] = [
    ("design", include_str!("../../src/guide/design.md")),
    ("security", include_str!("../../src/guide/security.md")),
    ("storage", include_str!("../../src/guide/storage.md")),
    ("operating", include_str!("../../src/guide/operating.md")),
];

const KINDS: [&str; 4] = ["text", "toml", "sh", "rust"];

const PLACES: [&str; 5] = ["src/", "tests/", "config/", "benches/", "examples/"];
