//! The floors inside the domain: what each of its modules may import, and the one circle among them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::{depth, group_heads, identifier, is_word, rust_files, without_comments};

/// What each module of the domain may import, beside itself.
const FLOORS: [(&str, &[&str]); 42] = [
    // Plain values.
    ("time", &[]),
    ("rfc3339", &["time"]),
    ("secret", &[]),
    ("text", &[]),
    ("guessable", &[]),
    ("ports", &[]),
    ("field", &[]),
    ("id", &["ports time"]),
    ("rejection", &["id time"]),
    ("refusal", &["rejection"]),
    ("application_value", &["secret"]),
    ("metadata", &["rejection"]),
    ("locale", &["text"]),
    ("person", &["locale rejection text"]),
    ("redirect", &["rejection"]),
    ("site", &[]),
    ("handshake", &["redirect rejection site time"]),
    ("identifier", &["field rejection text"]),
    // The names of the ways to prove something: the settings speak of them, and all else of the verifications rests on
    // the settings.
    (STRATEGY, &["field identifier rejection"]),
    // What the instance and its operator want.
    ("settings", &["field identifier rejection secret text time", STRATEGY]),
    ("policy", &["time", STRATEGY]),
    ("password_policy", &["rejection secret settings text"]),
    ("context", &["policy ports settings time"]),
    // What the flows are made of.
    ("message", &["id identifier secret time"]),
    ("quota", &["id identifier"]),
    (
        "verification",
        &["context field id identifier message policy ports redirect rejection secret settings text time", STRATEGY],
    ),
    ("invitation", &["context field id identifier metadata redirect rejection settings time"]),
    ("sign_in_token", &["context id rejection time"]),
    ("passkey", &["id time"]),
    ("listed", &["id ports redirect rejection settings time"]),
    ("waitlist", &["id identifier invitation ports rejection time"]),
    ("webhook", &["event id time"]),
    ("transfer", &["id identifier time", STRATEGY]),
    // The people and the flows: one circle, since a user keeps the sign-up that it came from, and a client the sign-in
    // in progress.
    (
        "user",
        &[
            "context field id identifier message metadata password_policy person policy ports quota redirect rejection \
             secret settings sign_up text time verification",
            STRATEGY,
        ],
    ),
    ("client", &["context id policy rejection secret sign_in time user", STRATEGY]),
    ("event", &["client id identifier message time user"]),
    ("transition", &["client id identifier message quota rejection time"]),
    ("admission", &["identifier rejection settings user", STRATEGY]),
    ("requirements", &["field policy settings sign_up time"]),
    // The two flows do not import each other: what one hands over to the other is in `transfer`.
    ("sign_in", &[FLOW, "passkey"]),
    ("sign_up", &[FLOW, "admission invitation locale metadata password_policy person refusal requirements"]),
    // What the application says to a new user.
    ("hook", &["application_value event id identifier metadata refusal rejection time user"]),
];

const FLOW: &str = "client context field id identifier message policy quota redirect rejection secret settings text time transfer \
                    transition user verification verification/strategy";
const STRATEGY: &str = "verification/strategy";

/// The modules that import each other, as one thought: a change of one is a question to the others.
const CIRCLE: [&str; 7] = ["admission", "client", "requirements", "sign_in", "sign_up", "transition", "user"];

#[test]
fn the_domain_imports_downward_only_and_has_one_circle() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/domain");
    let files = rust_files(&root);
    let (mut faults, mut edges) = (Vec::new(), BTreeMap::<_, BTreeSet<_>>::new());
    for file in &files {
        let path = file.strip_prefix(&root).expect("found below it");
        let text = fs::read_to_string(file).expect("a file of the crate");
        faults.extend(violations(path, &text));
        edges.entry(module_of(path)).or_default().extend(imports(path, &without_comments(&text)));
    }
    assert!(files.len() > 50 && edges.len() == FLOORS.len() + 1, "the walk missed the domain: {:?}", edges.keys());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert_eq!(in_circles(&edges), CIRCLE.map(str::to_owned));
}

#[test]
fn the_check_of_the_floors_can_fail() {
    let cases: [(&str, &str, &[&str]); 10] = [
        ("id.rs", "use super::settings::Settings;", &["id must not import settings"]),
        ("settings/restrictions.rs", "use super::super::user::User;", &["settings must not import user"]),
        ("verification/oauth.rs", "use crate::domain::sign_up::SignUp;", &["verification must not import sign_up"]),
        ("sign_in/oauth.rs", "fn f() { crate::domain::sign_up::f() }", &["sign_in must not import sign_up"]),
        ("sign_up/fields.rs", "use super::super::sign_in;", &["sign_up must not import sign_in"]),
        ("policy.rs", "use super::verification::{Strategy, Verification};", &["policy must not import verification"]),
        ("time.rs", "use super::{id::Id, text};", &["time must not import id", "time must not import text"]),
        (
            "verification/strategy.rs",
            "use crate::domain::settings::Settings;",
            &["verification/strategy must not import settings"],
        ),
        (
            "client/session.rs",
            "use crate::domain::{\n    context::Context,\n    transition,\n};",
            &["client must not import transition"],
        ),
        ("attic.rs", "", &["the module attic has no place in the table"]),
    ];
    for (path, text, expected) in cases {
        let expected: Vec<_> = expected.iter().map(|fault| format!("{path}: {fault}")).collect();
        assert_eq!(violations(Path::new(path), text), expected, "{text}");
    }
    let circle = BTreeMap::from([("a", "b"), ("b", "c"), ("c", "b"), ("d", "a")]);
    let edges = circle.into_iter().map(|(from, to)| (from.to_owned(), BTreeSet::from([to.to_owned()]))).collect();
    assert_eq!(in_circles(&edges), ["b", "c"]);
}

#[test]
fn what_the_floors_allow_passes() {
    for (path, text) in [
        ("policy.rs", "use super::verification::Strategy; // not super::user\nuse super::time::Span;"),
        ("settings.rs", "use super::verification::{Strategy};\nmod restrictions;\nuse restrictions::X;"),
        ("verification/challenge.rs", "use super::Strategy;\nuse crate::domain::context::Context;"),
        ("client.rs", "use super::sign_in::{self, SignIn};"),
    ] {
        assert_eq!(violations(Path::new(path), text), Vec::<String>::new(), "{text}");
    }
}

/// What a file of the domain imports that its module must not.
fn violations(path: &Path, text: &str) -> Vec<String> {
    let module = module_of(path);
    let is_root = module == "mod";
    let Some((_, below)) = FLOORS.iter().find(|(name, _)| *name == module || is_root) else {
        return vec![format!("{}: the module {module} has no place in the table", path.display())];
    };
    let allowed = |name: &str| name == module || below.iter().any(|group| group.split(' ').any(|other| other == name));
    let faults = imports(path, &without_comments(text)).into_iter().filter(|name| !is_root && !allowed(name));
    faults.map(|name| format!("{}: {module} must not import {name}", path.display())).collect()
}

/// The modules right below the domain that the code mentions.
fn imports(path: &Path, code: &str) -> BTreeSet<String> {
    let climb = "super::".repeat(depth(path));
    let mut found = BTreeSet::new();
    for root in ["crate::domain::", "vestibule::domain::", climb.as_str()].into_iter().filter(|root| !root.is_empty()) {
        for (at, _) in code.match_indices(root) {
            let (before, rest) = (&code[..at], &code[at + root.len()..]);
            // A longer name, a path further down, or a climb that is longer or shorter.
            if before.ends_with(is_word) || before.ends_with("::") || rest.starts_with("super::") {
                continue;
            }
            match rest.strip_prefix('{') {
                Some(group) => found.extend(group_heads(group).map(str::to_owned)),
                None => found.extend(module_at(rest)),
            }
        }
    }
    found.retain(|name| FLOORS.iter().any(|(known, _)| known == name));
    found
}

/// The modules that a path means which begins with one: of the verifications, what is imported tells.
fn module_at(path: &str) -> Vec<String> {
    let name = identifier(path);
    let rest = path[name.len()..].trim_start_matches("::");
    if name != "verification" {
        return vec![name.to_owned()];
    }
    let module = |symbol: &str| match symbol {
        "Strategy" | "UnknownStrategy" => STRATEGY.to_owned(),
        _ => name.to_owned(),
    };
    match rest.strip_prefix('{') {
        Some(group) => group_heads(group).map(module).collect(),
        None => vec![module(identifier(rest))],
    }
}

/// The module of a file, given its path below the domain.
fn module_of(path: &Path) -> String {
    if path == Path::new("verification/strategy.rs") {
        return STRATEGY.to_owned();
    }
    let first = path.iter().next().expect("a path below the domain").to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

/// The modules that can be reached from themselves.
pub(super) fn in_circles(edges: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let reaches_itself = |start: &String| {
        let (mut seen, mut next) = (BTreeSet::new(), vec![start]);
        while let Some(module) = next.pop() {
            for to in edges.get(module).into_iter().flatten().filter(|to| *to != module) {
                if to == start {
                    return true;
                }
                if seen.insert(to) {
                    next.push(to);
                }
            }
        }
        false
    };
    edges.keys().filter(|module| reaches_itself(module)).cloned().collect()
}
