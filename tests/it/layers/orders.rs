//! The floors inside the rooms `store`, `actors`, `engine`, `wire` and `http`: in each folder the files and folders have an
//! order, and import only what is below them. The floors of the domain are in `floors.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::floors::in_circles;
use super::{is_word, rust_files, without_comments};

/// The rooms that have an order inside.
const ROOMS: [&str; 5] = ["store", "actors", "engine", "wire", "http"];

/// For each folder with imports between its parts: its floors, from the lowest up. The parts of one floor do not import
/// each other, but for those of a [`CIRCLE`].
const ORDERS: &[(&str, &[&str])] = &[
    (
        "store",
        &[
            "durability error hash health private scan",
            "commit writable",
            "messages",
            "store",
            "kv",
            "ledger postgres",
            "embedded faulty",
            "copy",
            "contract",
        ],
    ),
    (
        "store/kv",
        &[
            "key key_value lately unreadable",
            "codec reads",
            "record seal",
            "projection",
            "shared_map",
            "view",
            "closing quota seal_shared",
            "retention",
            "planner",
            "kv_store",
            "memory",
            "shared_memory",
        ],
    ),
    ("store/kv/kv_store", &["events lists messages sessions users webhooks", "beneath commit", "calls nodes upgrade"]),
    ("store/kv/kv_store/nodes", &["patience usual_keys", "commit"]),
    (
        "store/postgres",
        &[
            "clocks columns names tls together",
            "statements",
            "pool",
            "error new_users",
            "map url",
            "facts",
            "projection",
            "open",
            "copying",
        ],
    ),
    ("store/copy", &["entry summary", "error", "note", "folder tables", "side", "digest"]),
    (
        "store/contract",
        &[
            "support maps",
            "passkeys sign_in_tokens",
            "budgets clients entries events handshakes invitations listed messages others retention sessions sign_ups users values webhooks",
        ],
    ),
    (
        "store/kv/record",
        &[
            "application_value count counter failures handshake identifier passkey session sign_in_token strategy value webhook",
            "external invitation listed outbox",
            "message",
            "event",
            "sign_up",
            "address_verification sign_in user_base",
            "client user",
        ],
    ),
    (
        "store/ledger",
        &[
            "file layout options patience refusals",
            "error filter manifest overlay read_cache tree",
            "frame last_keys snapshots verify",
            "manifest_file segment",
            "inventory pool",
            "journal replay",
            "shared",
            "scrub",
            "checkpoint",
            "recovery",
            "ledger",
            "rewrite",
        ],
    ),
    // The persister hands messages to the relay, which has it strike them out. A sign-up asks its shard for sleep.
    (
        "actors",
        &[
            "announced event_log hook last_seen limited",
            "context outage",
            "outbox",
            "circle: lease persister relay",
            "circle: sign_up supervisor",
            "after_commit sweeper",
            "system",
        ],
    ),
    ("actors/relay", &["failing lane notices others", "sender", "actor"]),
    // An engine is one value, which its parts make, and whose calls are in a file for each kind.
    (
        "engine",
        &[
            "error",
            "hash_costs input keys webhooks",
            "amendments",
            "circle: admission builder caller engine frontend other_nodes view",
            "backend events",
            "handles",
        ],
    ),
    (
        "engine/backend",
        &[
            "pagination sign_in_tokens",
            "clients invitations messages sessions sign_ups users values webhooks",
            "instance waitlist",
            "at_rest",
        ],
    ),
    (
        "engine/webhooks",
        &["attempts composed input kept pace window", "payload", "configured message", "delivery", "dispatcher"],
    ),
    ("engine/backend/users", &["filter passwords read", "list change", "address_verification create second_factors"]),
    (
        "engine/frontend",
        &[
            "accounts notices passkeys visible",
            "address_steps",
            "oauth",
            "equal_calls",
            "single_flight",
            "sign_in_commits sign_in_steps sign_in_views",
            "sign_ins sign_ups",
            "captchas clients handshakes late_returns messages native_returns newcomers own passwords repeated sessions",
            "email_links own_second_factors second_factors sign_in_resets",
            "address_links sign_in_links",
            "approved_links",
            "approved_sign_ins",
        ],
    ),
    (
        "engine/frontend/own",
        &["accounts addresses fields passkeys passwords sessions", "reverification", "reverified_passkeys"],
    ),
    (
        "http",
        &[
            "cookie operations options pace request_id",
            "response",
            "environment outcomes pages",
            "dev_outbox mount request",
            "app",
            "call",
            "endpoint",
            "backend frontend ops",
            "dev",
            "openapi",
            "routing",
            "service",
            "http_service",
            "server",
        ],
    ),
    // An answer that can't be rendered is an error, and an error is an answer.
    ("http/response", &["circle: api_response error", "cors", "redirect refused_origins"]),
    (
        "http/frontend",
        &[
            "captchas client environment handshake inputs magic_links message_reports npm oauth_callback proxy second_factors sessions tickets verify waitlist",
            "me sign_ins sign_ups",
        ],
    ),
    ("http/dev", &["dev_browser mailbox pages repeats", "tools"]),
    ("http/pages", &["notice", "error link"]),
    ("http/routing", &["backend off", "realm"]),
    ("http/server", &["connections trouble", "received stream"]),
    (
        "http/backend",
        &[
            "clients instance invitations listed messages proxy_checks sessions sign_in_tokens sign_ups users waitlist_entries webhooks",
            "addresses",
        ],
    ),
    (
        "wire",
        &[
            "error",
            "verification",
            "passkey",
            "sign_in user sign_up",
            "device_session reverification session",
            "backend client",
            "instance invitation message second_factor sign_in_token",
            "webhook",
        ],
    ),
    ("http/environment", &["auth_config display_config user_settings", "handed_back"]),
    ("http/request", &["audience form host proxy", "body", "head", "identity json"]),
];

/// Begins a floor whose parts import each other, since they are one thought: a change of one is a question to the others.
const CIRCLE: &str = "circle: ";

#[test]
fn inside_a_room_files_import_downward_only() {
    let source = Source::read();
    assert!(source.modules.len() > 200, "the walk missed the crate: {}", source.modules.len());
    let faults = source.faults(ORDERS);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_check_of_the_orders_can_fail() {
    let file = |path: &str, code: &str| (path.to_owned(), code.to_owned());
    let room = |lower: &str, upper: &str| {
        Source::of([
            file("http/mod.rs", "mod lower;\nmod upper;\npub use upper::Shown;\n#[cfg(test)]\nmod samples;"),
            file("http/lower.rs", lower),
            file("http/upper.rs", upper),
            file("http/samples.rs", "use super::upper::X;"),
        ])
    };
    let floors: &[(&str, &[&str])] = &[("http", &["lower", "upper"])];
    for upward in [
        "use super::upper::Upper;",
        "use crate::http::upper::{self, Upper};",
        "use crate::{domain::id, http::{mount, upper::Upper}};",
        "fn f() { super::upper::f() }",
        "use crate::http::Shown;",
    ] {
        let faults = room(upward, "use super::lower::Lower;").faults(floors);
        let expected = ["http/lower must not import upper", "http: lower and upper import each other in a circle"];
        assert_eq!(faults, expected, "{upward}");
    }
    let fine = || room("use crate::http::lower::X; // super::upper", "use super::lower::Lower;");
    assert_eq!(fine().faults(floors), Vec::<String>::new());
    let tests = room("#[cfg(test)]\n#[allow(x)]\nmod tests {\nuse crate::http::upper::X;\n}", "use super::lower::X;");
    assert_eq!(tests.faults(floors), Vec::<String>::new(), "tests may use all of the room");
    for (floors, fault) in [
        (&[][..], "http: its parts import each other, so it needs an order"),
        (&[("http", &["lower"][..])][..], "http: upper has no floor"),
        (&[("http", &["lower upper"])], "http/upper must not import lower"),
        (&[("http", &["upper", "lower"])], "http/upper must not import lower"),
        (&[("http", &["lower", "upper", "attic"])], "http: there is no attic"),
        (&[("http", &["circle: lower upper"])], "http: lower is in no circle, so it has a floor of its own"),
    ] {
        assert_eq!(fine().faults(floors).first().map(String::as_str), Some(fault), "{floors:?}");
    }
}

/// The parts of a path below `src`: `["store", "kv", "key"]`.
type Module = Vec<String>;

/// The code of the crate by module, without comments and tests.
#[derive(Default)]
struct Source {
    modules: BTreeMap<Module, String>,
    /// What modules show of others: where a name that is imported from them comes from.
    shown: BTreeMap<(Module, String), Module>,
    /// Modules of tests only. They may import anything.
    of_tests: BTreeSet<Module>,
}

impl Source {
    fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        Self::of(rust_files(&root).into_iter().map(|file| {
            let path = file.strip_prefix(&root).expect("found below it").to_string_lossy().into_owned();
            (path, fs::read_to_string(&file).expect("a file of the crate"))
        }))
    }

    fn of(files: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut source = Self::default();
        for (path, text) in files {
            let mut module: Module = path.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
            if module.last().is_some_and(|last| last == "mod") {
                module.pop();
            }
            let code = without_comments(&text);
            let of_tests = code.split("#[cfg(test)]\n").skip(1).filter_map(declared);
            source.of_tests.extend(of_tests.map(|name| [&module[..], &[name.to_owned()]].concat()));
            source.modules.insert(module, without_tests(&code).to_owned());
        }
        let shown = source.modules.iter().flat_map(|(module, code)| shown(module, code));
        source.shown = shown.collect();
        source
    }

    fn faults(&self, orders: &[(&str, &[&str])]) -> Vec<String> {
        let mut faults = Vec::new();
        let mut folders = self.folders();
        for (folder, _) in orders.iter().filter(|(folder, _)| !folders.contains_key(*folder)) {
            faults.push(format!("{folder}: nothing in it imports another part of it, so it needs no order"));
        }
        folders.retain(|folder, _| ROOMS.contains(&folder.split('/').next().unwrap_or_default()));
        for (folder, edges) in &folders {
            match orders.iter().find(|(name, _)| name == folder) {
                Some((_, floors)) => faults.extend(self.faults_of(folder, floors, edges)),
                None => faults.push(format!("{folder}: its parts import each other, so it needs an order")),
            }
        }
        faults
    }

    /// What is wrong in one folder, whose parts have these imports.
    fn faults_of(&self, folder: &str, floors: &[&str], edges: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
        let mut places = BTreeMap::new();
        for (height, floor) in floors.iter().enumerate() {
            let names = floor.strip_prefix(CIRCLE).unwrap_or(floor);
            places.extend(names.split(' ').map(|name| (name, (height, floor.starts_with(CIRCLE)))));
        }
        let mut faults = Vec::new();
        let parts = self.parts(folder);
        faults.extend(
            parts
                .iter()
                .filter(|(name, is_of_tests)| !**is_of_tests && !places.contains_key(name.as_str()))
                .map(|(name, _)| format!("{folder}: {name} has no floor")),
        );
        let gone = places.keys().filter(|name| !parts.contains_key(**name));
        faults.extend(gone.map(|name| format!("{folder}: there is no {name}")));
        for (from, tos) in edges {
            for to in tos {
                let (Some(above), Some(below)) = (places.get(from.as_str()), places.get(to.as_str())) else { continue };
                if above.0 < below.0 || (above.0 == below.0 && !above.1) {
                    faults.push(format!("{folder}/{from} must not import {to}"));
                }
            }
        }
        let circle = in_circles(edges);
        let named = |name: &str| places.get(name).is_some_and(|(_, is_circle)| *is_circle);
        let hidden: Vec<_> = circle.iter().filter(|name| !named(name)).map(String::as_str).collect();
        if !hidden.is_empty() {
            faults.push(format!("{folder}: {} import each other in a circle", hidden.join(" and ")));
        }
        let straight = places.keys().filter(|name| named(name) && !circle.iter().any(|other| other == *name));
        faults.extend(straight.map(|name| format!("{folder}: {name} is in no circle, so it has a floor of its own")));
        faults
    }

    /// The parts of a folder, each with whether it is only there for tests.
    fn parts(&self, folder: &str) -> BTreeMap<String, bool> {
        let folder: Module = folder.split('/').map(str::to_owned).collect();
        let inside = self.modules.keys().filter(|module| module.len() > folder.len() && module.starts_with(&folder));
        inside.map(|module| (module[folder.len()].clone(), self.of_tests.contains(&module[..=folder.len()]))).collect()
    }

    /// The imports between the parts of each folder; folders without any are left out.
    fn folders(&self) -> BTreeMap<String, BTreeMap<String, BTreeSet<String>>> {
        let mut folders: BTreeMap<String, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
        for (module, code) in &self.modules {
            if (1..=module.len()).any(|length| self.of_tests.contains(&module[..length])) {
                continue;
            }
            for path in paths(module, code) {
                let Some(home) = self.home(&path, 0) else { continue };
                let common = module.iter().zip(&home).take_while(|(left, right)| left == right).count();
                // Of one that lies above the other, the imports tell nothing about an order.
                if common == 0 || common == module.len() || common == home.len() {
                    continue;
                }
                let edges = folders.entry(module[..common].join("/")).or_default();
                edges.entry(module[common].clone()).or_default().insert(home[common].clone());
            }
        }
        folders
    }

    /// The module in which lies what a path leads to.
    fn home(&self, path: &[String], steps: usize) -> Option<Module> {
        let home =
            (1..=path.len()).rev().map(|length| &path[..length]).find(|start| self.modules.contains_key(*start))?;
        let from = path.get(home.len()).and_then(|name| self.shown.get(&(home.to_vec(), name.clone())));
        match from {
            Some(from) if steps < STEPS_MAX => self.home(&[&from[..], &path[home.len() + 1..]].concat(), steps + 1),
            _ => Some(home.to_vec()),
        }
    }
}

/// The names that a module shows of others, and where they lead.
fn shown(module: &[String], code: &str) -> Vec<((Module, String), Module)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("use ") {
        let line = &code[code[..at].rfind('\n').map_or(0, |end| end + 1)..at];
        if !line.trim_start().starts_with("pub") {
            continue;
        }
        for path in expanded(&code[at + 4..]) {
            let climbs = path.iter().take_while(|part| *part == "super").count();
            let target = match path[0].as_str() {
                "crate" => path[1..].to_vec(),
                "self" => [module, &path[1..]].concat(),
                _ => [&module[..module.len() - climbs.min(module.len())], &path[climbs..]].concat(),
            };
            if let Some(name) = target.last().cloned() {
                found.push(((module.to_vec(), name), target));
            }
        }
    }
    found
}

/// The paths from the root of the crate that a module's code has, but for those that it only shows.
fn paths(module: &[String], code: &str) -> Vec<Module> {
    let mut found = Vec::new();
    let roots = ["crate::", "self::", "super::"];
    for (at, root) in roots.into_iter().flat_map(|root| code.match_indices(root)) {
        let before = &code[..at];
        let line = &before[before.rfind('\n').map_or(0, |end| end + 1)..];
        // A longer name, the rest of a path, or what is only shown.
        if before.ends_with(is_word)
            || before.ends_with("::")
            || line.trim_start().starts_with("pub") && line.contains("use ")
        {
            continue;
        }
        for path in expanded(&code[at..]) {
            let climbs = path.iter().take_while(|part| *part == "super").count();
            found.push(match root {
                "crate::" => path[1..].to_vec(),
                "self::" => [module, &path[1..]].concat(),
                _ => [&module[..module.len() - climbs.min(module.len())], &path[climbs..]].concat(),
            });
        }
    }
    found
}

/// The paths of a use tree: `a::{b, c::d}` has `a::b` and `a::c::d`.
fn expanded(tree: &str) -> Vec<Module> {
    let tree = tree.trim_start();
    if let Some(group) = tree.strip_prefix('{') {
        return members(group).into_iter().flat_map(expanded).collect();
    }
    let name: String = tree.chars().take_while(|c| is_word(*c)).collect();
    if name.is_empty() {
        return Vec::new();
    }
    match tree[name.len()..].strip_prefix("::") {
        Some(rest) => {
            let below = expanded(rest);
            let below = if below.is_empty() { vec![Vec::new()] } else { below };
            below.into_iter().map(|path| [&[name.clone()][..], &path].concat()).collect()
        }
        None => vec![vec![name]],
    }
}

/// The members of a group, given the text after its opening brace.
fn members(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut found) = (0_usize, 0, Vec::new());
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => {
                found.push(&group[start..at]);
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                found.push(&group[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    found
}

/// The module in a file of its own that is declared here, below other attributes.
fn declared(code: &str) -> Option<&str> {
    let line = code.lines().find(|line| !line.starts_with("#["))?;
    line.split_once("mod ")?.1.strip_suffix(';')
}

/// The code without the tests at its end.
fn without_tests(code: &str) -> &str {
    let tests = code.match_indices("\nmod tests {").map(|(at, _)| at).next();
    tests.and_then(|at| code[..at].rfind("#[cfg(test)]")).map_or(code, |at| &code[..at])
}

/// More modules than any name is shown through.
const STEPS_MAX: usize = 8;
