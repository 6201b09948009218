//! The guide names files, tests and keys; what it names must be there. Its Rust runs as documentation tests, its shell in
//! `readme.rs`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::readme::{RUN, blocks_of, check, said};

#[test]
fn every_block_of_the_guide_is_of_a_known_kind_and_its_configurations_are_accepted() {
    let mut configurations = 0;
    for (name, page) in PAGES {
        for block in blocks_of(name, page) {
            let is_known = RUN.iter().chain(EXCUSED).any(|(kind, _)| *kind == block.kind);
            assert!(is_known, "{}: a block of the kind {:?}", block.place(), block.kind);
            if block.kind == "toml" {
                let output = check(&block.text);
                assert!(output.status.success(), "{}: {}", block.place(), said(&output));
                configurations += 1;
            }
        }
    }
    assert!(configurations > 0, "there is a configuration to try");
}

#[test]
fn every_file_that_the_guide_names_is_there() {
    let root = root();
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

/// `build.rs` makes links to items of them, which rustdoc checks; where the repository is shown they lead to files.
#[test]
fn every_link_from_the_guide_into_the_code_leads_to_a_file_and_names_an_item() {
    let mut count = 0;
    for (name, page) in PAGES {
        assert!(!page.contains("](crate::"), "{name} has a link that leads nowhere where the repository is shown");
        for link in page.split("](../").skip(1).map(|rest| rest.split(')').next().unwrap_or_default()) {
            let (path, item) = link.split_once(' ').unwrap_or((link, ""));
            assert!(root().join("src").join(path).exists(), "{name} leads to {path}");
            assert!(item.starts_with("\"crate::"), "{name} names no item beside {path}");
            count += 1;
        }
    }
    assert!(count > 15, "only {count} links were found");
}

/// Such as `planner.rs`, where the folder is plain from what is said before.
#[test]
fn every_source_that_the_guide_names_by_its_file_alone_is_there() {
    let sources = ["src", "tests/it", "examples"].map(|folder| rust_files(&root().join(folder))).concat();
    let mut count = 0;
    for (name, page) in PAGES {
        for file in words(page).filter(|word| word.ends_with(".rs") && !word.contains(['<', '*'])) {
            assert!(sources.iter().any(|path| path.ends_with(file)), "{name} names {file}");
            count += 1;
        }
    }
    assert!(count > 50, "only {count} sources are named");
}

#[test]
fn every_file_that_the_head_of_a_module_names_is_there() {
    let mut count = 0;
    for path in rust_files(&root().join("src")) {
        let text = fs::read_to_string(&path).expect("a file of the crate");
        let head: String =
            text.lines().map_while(|line| line.strip_prefix("//!")).map(|line| format!("{line}\n")).collect();
        let folder = path.parent().expect("a folder");
        let places = [folder.to_owned(), path.with_extension(""), root().join("src"), root().to_owned()];
        for named in words(&head).filter(|word| is_file(word)) {
            assert!(places.iter().any(|place| place.join(named).exists()), "{} names {named}", path.display());
            count += 1;
        }
    }
    assert!(count > 15, "only {count} files are named");
}

/// An alert on a line that is no longer written stays silent.
#[test]
fn every_line_of_the_log_that_operators_watch_is_written() {
    let (_, page) = PAGES.iter().find(|(name, _)| *name == "operating").expect("the page");
    let (_, watch) = page.split_once("\n## What to watch\n").expect("the part");
    let (watch, _) = watch.split_once("\n## ").expect("its end");
    let watch = watch.replace("\n  ", " ");
    let lines: Vec<&str> = watch.split('`').skip(1).step_by(2).filter(|quoted| quoted.contains(' ')).collect();
    let lines: Vec<&str> = lines.into_iter().filter(|quoted| !quoted.starts_with("POST ")).collect();
    let sources: Vec<String> = rust_files(&root().join("src"))
        .iter()
        .map(|path| fs::read_to_string(path).expect("a source").replace("\\\n", " "))
        .collect();
    assert!(lines.len() > 3, "{lines:?}");
    for line in lines {
        assert!(sources.iter().any(|source| source.contains(line)), "no source writes: {line}");
    }
}

/// Who looks for a symptom finds it by the words that the program uses.
#[test]
fn every_sentence_and_name_of_the_troubleshooting_is_in_a_source() {
    let (_, page) = PAGES.iter().find(|(name, _)| *name == "operating").expect("the page");
    let (_, table) = page.split_once("\n## Troubleshooting\n").expect("the part");
    let sources: Vec<String> = rust_files(&root().join("src"))
        .iter()
        .map(|path| fs::read_to_string(path).expect("a source").replace("\\\n", " "))
        .collect();
    let is_written = |sentence: &str| {
        let has_all = |line: &str| {
            let mut rest = line;
            sentence.split('…').map(str::trim).filter(|part| !part.is_empty()).all(|part| {
                let found = rest.split_once(part).map(|(_, behind)| behind);
                rest = found.unwrap_or_default();
                found.is_some()
            })
        };
        sources.iter().flat_map(|source| source.lines()).any(has_all)
    };
    let (mut sentences, mut names) = (0, 0);
    for row in table.lines().filter(|line| line.starts_with("| ")).skip(1) {
        let symptom = row.split(" | ").next().unwrap_or_default();
        for sentence in symptom.split('"').skip(1).step_by(2) {
            assert!(is_written(sentence), "no source writes: {sentence}");
            sentences += 1;
        }
        let quoted = row.split('`').skip(1).step_by(2);
        for name in quoted.filter(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '_')) {
            assert!(sources.iter().any(|source| source.contains(name)), "no source has: {name}");
            names += 1;
        }
    }
    assert!(sentences >= 7 && names >= 10, "{sentences} sentences and {names} names");
}

#[test]
fn every_test_that_the_guide_names_is_there() {
    let mut known = BTreeSet::new();
    for path in ["src", "tests/it"].iter().flat_map(|folder| rust_files(&root().join(folder))) {
        let text = fs::read_to_string(&path).expect("a file of the crate");
        for rest in text.split("fn ").skip(1) {
            let name = rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next();
            known.extend(name.map(str::to_owned));
        }
    }
    let mut count = 0;
    // The other pages name no tests, but settings that are as long.
    let named_in = ["design", "security", "storage", "operating", "testing"];
    for (name, page) in PAGES.into_iter().filter(|(name, _)| named_in.contains(name)) {
        // Short names are keys and fields.
        for test in words(page).filter(|word| is_name(word) && word.matches('_').count() >= 5) {
            let test = test.rsplit("::").next().unwrap_or(test);
            assert!(known.contains(test), "{name} names the test {test}");
            count += 1;
        }
    }
    assert!(count > 50, "only {count} tests are named");
}

/// A recipe of the design says what adding a strategy, a route or a record touches, step by step.
#[test]
fn every_name_in_a_step_of_a_recipe_is_in_a_file_of_that_step() {
    let sources = repository();
    let (_, design) = PAGES.into_iter().find(|(name, _)| *name == "design").expect("the page");
    let mut count = 0;
    for recipe in design.split("\n## ").filter(|section| section.starts_with("To add ")) {
        for step in steps(recipe) {
            let (known, unknown) = anchors(&step, &sources);
            assert_eq!(unknown, Vec::<&str>::new(), "in none of the files of this step: {step}");
            count += known;
        }
    }
    assert!(count > 50, "only {count} names were looked up");
}

#[test]
fn a_step_that_names_what_is_gone_is_found() {
    let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
    let sources = [file("src/a/key.rs", "enum Kind { SignUp }"), file("src/b/record.rs", "struct UserRecordV1;")];
    for (step, known, unknown) in [
        ("1. `src/a/key.rs`: a number in `Kind`; `record.rs`: `…RecordV1`.", 2, vec![]),
        ("1. `src/a/`: `Kind::SignUp`.", 1, vec![]),
        ("1. `src/a/key.rs`: `Kin`, `SignUps`.", 0, vec!["Kin", "SignUps"]),
        ("1. `src/a/key.rs`: `UserRecordV1`.", 0, vec!["UserRecordV1"]),
        ("1. `Kinds` of no file.", 0, vec![]),
    ] {
        assert_eq!(anchors(step, &sources), (known, unknown), "{step}");
    }
    assert_eq!(steps("To add x\n\n1. One\n   goes on.\n2. Two.\n\nThree.").len(), 4);
}

/// The steps and paragraphs of a recipe.
fn steps(recipe: &str) -> Vec<String> {
    let mut steps = vec![String::new()];
    for line in recipe.lines() {
        let is_numbered = line.split_once(". ").is_some_and(|(number, _)| number.parse::<u8>().is_ok());
        if (line.is_empty() || is_numbered) && steps.last().is_some_and(|step| !step.is_empty()) {
            steps.push(String::new());
        }
        if let Some(step) = steps.last_mut() {
            step.push_str(line);
            step.push('\n');
        }
    }
    steps.retain(|step| !step.trim().is_empty());
    steps
}

/// How many of the names in a step are in the files that it names, and which are in none. A step without files has none.
fn anchors<'a>(step: &'a str, sources: &[(String, String)]) -> (usize, Vec<&'a str>) {
    let links = step.split("](../").skip(1).filter_map(|rest| rest.split([' ', ')']).next());
    let is_place = |word: &&str| word.contains('/') || [".rs", ".md", ".toml"].iter().any(|end| word.ends_with(end));
    let places: Vec<_> = words(step).filter(is_place).chain(links).collect();
    let is_named = |path: &str| {
        // Of a name with a placeholder only the folder is known.
        let mut places = places.iter().map(|place| place.split(['<', '*']).next().unwrap_or_default());
        places.any(|place| path.ends_with(&format!("/{place}")) || path.starts_with(place) && place.contains('/'))
    };
    let texts: Vec<_> = sources.iter().filter(|(path, _)| is_named(path)).map(|(_, text)| text).collect();
    if texts.is_empty() {
        return (0, Vec::new());
    }
    // Long names are those of tests, which another test looks for.
    let is_test = |word: &&str| word.matches('_').count() >= 5;
    let names = words(step).filter(|word| !is_place(word) && !is_test(word));
    let (known, unknown): (Vec<_>, Vec<_>) = names.partition(|name| {
        let is_part = name.contains('…');
        let mut parts = name.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|part| !part.is_empty());
        parts.all(|part| texts.iter().any(|text| has(text, part, is_part)))
    });
    (known.len(), unknown)
}

/// Whether a text has a word, or has it as part of one.
fn has(text: &str, word: &str, is_part: bool) -> bool {
    let goes_on = |next: Option<char>| next.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
    text.match_indices(word).any(|(at, _)| {
        let (before, after) = (text[..at].chars().next_back(), text[at + word.len()..].chars().next());
        is_part || !goes_on(before) && !goes_on(after)
    })
}

/// The sources, pages and configurations of the repository, with their paths.
fn repository() -> Vec<(String, String)> {
    let mut folders: Vec<_> = ["src", "tests", "config", "examples"].map(|folder| root().join(folder)).into();
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.extend((!path.ends_with("node_modules")).then_some(path));
            } else if let Ok(text) = fs::read_to_string(&path) {
                let path = path.strip_prefix(root()).expect("found below it").to_string_lossy().into_owned();
                found.push((path, text));
            }
        }
    }
    found
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

/// A source, or a folder such as `wire/`.
fn is_file(word: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'/' | b'.');
    word.bytes().all(is_plain)
        && word.bytes().any(|byte| byte.is_ascii_lowercase())
        && (word.ends_with(".rs") || word.ends_with('/'))
}

fn is_name(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b':'))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A folder's Rust files, but for those of packages.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true if path.ends_with("node_modules") => {}
            true => found.extend(rust_files(&path)),
            false if path.extension().is_some_and(|end| end == "rs") => found.push(path),
            false => {}
        }
    }
    found
}

const PAGES: [(&str, &str); 15] = [
    ("getting_started", include_str!("../../src/guide/getting_started.md")),
    ("settings", include_str!("../../src/guide/settings.md")),
    ("design", include_str!("../../src/guide/design.md")),
    ("security", include_str!("../../src/guide/security.md")),
    ("storage", include_str!("../../src/guide/storage.md")),
    ("events", include_str!("../../src/guide/events.md")),
    ("messages", include_str!("../../src/guide/messages.md")),
    ("operating", include_str!("../../src/guide/operating.md")),
    ("testing", include_str!("../../src/guide/testing.md")),
    ("contract", include_str!("../../src/guide/contract.md")),
    ("contract_sign_ups", include_str!("../../src/guide/contract_sign_ups.md")),
    ("contract_sign_ins", include_str!("../../src/guide/contract_sign_ins.md")),
    ("contract_handshakes", include_str!("../../src/guide/contract_handshakes.md")),
    ("contract_errors", include_str!("../../src/guide/contract_errors.md")),
    ("contract_backend", include_str!("../../src/guide/contract_backend.md")),
];

/// The kinds of blocks that no test runs, and why.
const EXCUSED: &[(&str, &str)] = &[
    ("text", "drawings, and the files of other programs"),
    ("sh", "commands that change the machine"),
    ("json", "a shape; the schemas hold it"),
];

const PLACES: [&str; 5] = ["src/", "tests/", "config/", "benches/", "examples/"];
