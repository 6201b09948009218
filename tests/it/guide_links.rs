//! References to the guide lead somewhere: every file and heading that a comment, a reason or a page names is there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn every_reference_to_the_guide_leads_to_a_heading() {
    let guide = Guide::read();
    let mut count = 0;
    let mut faults = Vec::new();
    for (path, text) in texts() {
        for (at, reference) in references(&path, &text) {
            count += 1;
            faults.extend(guide.fault(&reference).map(|fault| format!("{path}:{}: {fault}", line(&text, at))));
        }
    }
    assert!(count > 150, "the walk missed most of the references: {count}");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn no_reference_leads_out_of_the_repository() {
    let mut faults = Vec::new();
    let is_licence = |path: &str| path.contains("LICENSE");
    for (path, text) in texts().into_iter().filter(|(path, _)| !is_licence(path)) {
        faults.extend(strangers(&text).into_iter().map(|(line, word)| format!("{path}:{line}: {word}")));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_checks_can_fail() {
    let guide = Guide { pages: [("contract".to_owned(), headings("# The contract\n## Cookies\n"))].into() };
    let faults = |path: &str, text: &str| -> Vec<String> {
        references(path, text).iter().filter_map(|(_, reference)| guide.fault(reference)).collect()
    };
    let wrong = [
        ("src/lib.rs", "/// [guide: x](crate::guide::contract#cookie)", "contract has no heading #cookie"),
        ("src/lib.rs", "/// [guide: x](crate::guide::contracts)", "the guide has no page contracts"),
        ("tests/it/x.rs", "// guide/contract.md#biscuits.", "contract has no heading #biscuits"),
        ("README.md", "[Cookies](src/guide/storage.md)", "the guide has no page storage"),
        ("src/guide/contract.md", "[x](crate::guide::contract#a-b)", "contract has no heading #a-b"),
        ("src/guide/contract.md", "[x](contract.md#a-b)", "contract has no heading #a-b"),
        ("src/guide/contract.md", "[x](contracts.md)", "the guide has no page contracts"),
        ("src/guide/contract.md", "see [x](#no-cookies)", "contract has no heading #no-cookies"),
    ];
    for (path, text, fault) in wrong {
        assert_eq!(faults(path, text), [fault], "{text}");
    }
    let right = [
        ("src/lib.rs", "/// ([guide: Cookies](crate::guide::contract#cookies)). [`x`](super::other#y)"),
        ("tests/it/x.rs", "// guide/contract.md#cookies, guide/contract.md."),
        ("src/guide/contract.md", "[x](#cookies) and [y](crate::guide::contract#the-contract)"),
        ("src/guide/contract.md", "[x](contract.md) and [y](contract.md#the-contract)"),
        ("README.md", "[elsewhere](#cookies-of-the-readme)"),
    ];
    for (path, text) in right {
        assert!(!references(path, text).is_empty() || path == "README.md", "{text}");
        assert_eq!(faults(path, text), Vec::<String>::new(), "{text}");
    }
    for text in ["(CONTRACT 3.1)", "CONTRACT-2\n// B.4", "see DESIGN.md, 7.", "SECURITY R-O5", "SCALE-OUT 3"] {
        assert_eq!(strangers(text).len(), 1, "{text}");
    }
    for text in ["the contract", "Design", "CONTRACTS", "DESIGN_MAX", "A-CONTRACT"] {
        assert_eq!(strangers(text), Vec::new(), "{text}");
    }
}

/// Anchors as rustdoc makes them.
#[test]
fn anchors_are_spelled_as_rustdoc_spells_them() {
    for (heading, anchor) in [
        ("## The SignUp object", "the-signup-object"),
        ("### E-mail links", "e-mail-links"),
        ("## The backend's word on sign-ups", "the-backends-word-on-sign-ups"),
        ("# `POST` & more", "post--more"),
        ("## Fields", "fields-1"),
    ] {
        assert_eq!(headings(heading), BTreeSet::from([anchor.to_owned()]), "{heading}");
    }
    assert_eq!(headings("## A\n```text\n# no heading\n```\n## A\n#tag"), ["a", "a-1"].map(str::to_owned).into());
}

/// Where something leads: a page, and a heading of it.
#[derive(Debug, PartialEq, Eq)]
struct Reference {
    page: String,
    anchor: Option<String>,
}

/// The pages by name, with the anchors of their headings.
struct Guide {
    pages: BTreeMap<String, BTreeSet<String>>,
}

impl Guide {
    fn read() -> Self {
        let mut pages = BTreeMap::new();
        for path in files_below(&root().join("src/guide")) {
            if path.extension().is_some_and(|extension| extension == "md") {
                let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
                pages.insert(name, headings(&fs::read_to_string(&path).expect("a page")));
            }
        }
        Self { pages }
    }

    /// The fault of a reference, if any.
    fn fault(&self, reference: &Reference) -> Option<String> {
        let page = &reference.page;
        let Some(known) = self.pages.get(page) else { return Some(format!("the guide has no page {page}")) };
        let anchor = reference.anchor.as_ref().filter(|anchor| !known.contains(*anchor))?;
        Some(format!("{page} has no heading #{anchor}"))
    }
}

/// The references in a text, with their positions.
fn references(path: &str, text: &str) -> Vec<(usize, Reference)> {
    let own = path.strip_prefix("src/guide/").and_then(|name| name.strip_suffix(".md"));
    let mut found = Vec::new();
    for start in ["crate::guide::", "vestibule::guide::", "guide/"] {
        for (at, _) in text.match_indices(start) {
            let rest = &text[at + start.len()..];
            let page: &str = rest.split(|c| !is_word(c)).next().unwrap_or_default();
            let after = &rest[page.len()..];
            // A folder, a path in a pattern, or the module itself: no reference.
            let after = if start == "guide/" { after.strip_prefix(".md") } else { Some(after) };
            let (Some(after), false) = (after, page.is_empty()) else { continue };
            found.push((at, Reference { page: page.to_owned(), anchor: anchor(after) }));
        }
    }
    let Some(own) = own else { return found };
    for (at, _) in text.match_indices("](") {
        let rest = &text[at + 2..];
        let page: &str = rest.split(|c| !is_word(c)).next().unwrap_or_default();
        let (page, after) = match rest[page.len()..].strip_prefix(".md") {
            Some(after) => (page, after),
            None if rest.starts_with('#') => (own, rest),
            None => continue,
        };
        found.push((at, Reference { page: page.to_owned(), anchor: anchor(after) }));
    }
    found
}

/// The anchor at the start of a text.
fn anchor(text: &str) -> Option<String> {
    let rest = text.strip_prefix('#')?;
    Some(rest.chars().take_while(|c| is_word(*c) || *c == '-').collect())
}

/// The anchors of a page's headings: letters, digits, `-` and `_` in lower case, blanks as `-`, and a number after
/// repeated ones.
fn headings(page: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut is_code = false;
    for line in page.lines() {
        is_code ^= line.starts_with("```");
        let title = line.trim_start_matches('#');
        if is_code || title.len() == line.len() || !title.starts_with(' ') {
            continue;
        }
        let kept = title.trim().chars().filter(|c| c.is_alphanumeric() || "-_ ".contains(*c));
        let anchor: String = kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect();
        let numbered = (1..).map(|n| format!("{anchor}-{n}"));
        let free = std::iter::once(anchor.clone())
            .chain(numbered)
            .find(|anchor| !found.contains(anchor) && !RESERVED.contains(&&**anchor));
        found.extend(free);
    }
    found
}

/// Names of documents that are not in the repository, with their lines.
fn strangers(text: &str) -> Vec<(usize, &str)> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let lines = text.lines().enumerate();
    let named = lines.flat_map(|(at, line)| line.split(move |c| !is_part(c)).map(move |word| (at + 1, word)));
    named.filter(|(_, word)| STRANGERS.contains(word)).collect()
}

/// Every text of the repository that may lead to the guide, by its path.
fn texts() -> Vec<(String, String)> {
    let root = root();
    let folders =
        ["src", "tests", "benches", "config", "examples"].iter().flat_map(|folder| files_below(&root.join(folder)));
    let pages = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].iter().map(|name| root.join(name));
    let own = Path::new(file!()).file_name().expect("a name");
    let mut found = Vec::new();
    for path in folders.chain(pages).filter(|path| path.file_name() != Some(own)) {
        // Binary files have no comments.
        if let Ok(text) = fs::read_to_string(&path) {
            let path = path.strip_prefix(&root).expect("found below it").to_string_lossy().into_owned();
            found.push((path, text));
        }
    }
    assert!(found.len() > 300, "the walk missed the repository: {}", found.len());
    found
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder of the repository") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true if path.ends_with("node_modules") => {}
            true => found.extend(files_below(&path)),
            false => found.push(path),
        }
    }
    found.sort();
    found
}

fn line(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

const STRANGERS: [&str; 5] = ["CONTRACT", "CONTRACT-2", "DESIGN", "SECURITY", "SCALE-OUT"];
/// Ids that rustdoc's pages use: a heading with such a name gets a number.
const RESERVED: [&str; 5] = ["fields", "help", "search", "settings", "variants"];
