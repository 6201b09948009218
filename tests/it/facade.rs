//! What an embedder sees of the crate: the names that its root shows. Each of them is a promise, so that a new one has
//! to be written down here, and the examples get by with them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Every name at the root of the crate, with all features, and which room each comes from.
const NAMES: [(&str, &str); 20] = [
    ("actors", "ActorOptions"),
    ("captcha", "Captcha CaptchaProvider"),
    ("clock", "Clock SystemClock"),
    ("config", "Config ConfigError Network RequestLog Sources sample_settings"),
    (
        "delivery",
        "BoxFuture Capture Captured Channel ChannelHealth ChannelStatus Message NullTransport Outcome Security Smtp \
         SmtpError SmtpLimits SmtpOptions Transport",
    ),
    ("domain::client", "Session"),
    ("domain::policy domain::ports", "Entropy Policy"),
    ("domain::id", "ClientId InvitationId SessionId SignInId SignUpId UserId WaitlistEntryId"),
    ("domain::identifier", "EmailAddress Identifier IdentifierKind PhoneNumber Username"),
    ("domain::redirect domain::rejection", "ErrorCode Reason RedirectUrl Rejection"),
    (
        "domain::settings",
        "Attribute Attributes Branding InvalidSettings PasswordSettings Settings SignUpMode SourceLimits",
    ),
    (
        "domain",
        "AuthorizeParams Field Metadata NewInvitation NewSignUp Patch PhoneChannel PrepareFirstFactor Requirements \
         Secret SignInStatus SignUpPatch SignUpStatus Span Strategy Timestamp User",
    ),
    (
        "engine",
        "AttemptFirstFactor AttemptVerification BackendKey BuildError CallbackRedirect Caller ClientView Engine EngineBuilder EngineError Followed \
         InvitationView LinkOutcome ListParams NewSignIn NotReady Page PrepareVerification ProviderCallback \
         RequestContext SessionView SignInView SignUpView TicketHolder TicketStatus TokenCarrier Unready \
         WaitlistEntryView",
    ),
    (
        "http",
        "App BoundServer CapturedMessage DevOutbox HttpOptions HttpService PeerAddress ResponseBody ResponseFuture bind",
    ),
    ("oauth outbound pwned", "Outbound OutboundOptions Providers PwnedRange"),
    ("password", "HashOptions HashParameters"),
    ("startup", "ConfiguredServer StartupError"),
    ("store", "EmbeddedError EmbeddedOptions EmbeddedStore MemoryStore Sealing Store make_private"),
    ("token", "Algorithm InstanceKey"),
    ("guide", ""),
];

/// What is shown beside the root: for a store of one's own, and for tests.
const STORAGE: &str = "CommitError Health KeyValue KvStore StoreError Write";
const TESTING: &str =
    "Fault FaultyStore ManualClock ReadFault SeededEntropy StoreCall StoreRead check_store store_contract";

#[test]
fn the_root_shows_the_names_that_are_written_down_and_no_others() {
    let shown = shown(&read("src/lib.rs"));
    let known: BTreeSet<String> = NAMES.iter().flat_map(|(_, names)| names_of(names)).collect();
    let added: Vec<_> = shown.difference(&known).collect();
    let gone: Vec<_> = known.difference(&shown).collect();
    assert!(added.is_empty(), "new promises to embedders, to be written down in this test: {added:?}");
    assert!(gone.is_empty(), "promised to embedders, and not there any more: {gone:?}");
}

/// The same for the modules that embedders see.
#[test]
fn the_modules_for_back_ends_and_for_tests_show_the_names_that_are_written_down_and_no_others() {
    let root = read("src/lib.rs");
    let storage =
        root.split("\npub mod storage {\n").nth(1).and_then(|rest| rest.split("\n}").next()).expect("the module");
    assert_eq!(shown(&format!("\n{}", storage.trim_start())), names_of(STORAGE));
    assert_eq!(shown(&read("src/testing.rs")), names_of(TESTING));
}

#[test]
fn every_room_is_hidden_unless_it_is_asked_for() {
    let text = read("src/lib.rs");
    let lines: Vec<&str> = text.lines().collect();
    let mut rooms = 0;
    for (at, line) in lines.iter().enumerate() {
        let Some(room) = line.strip_prefix("pub mod ").and_then(|rest| rest.strip_suffix(';')) else { continue };
        if !SHOWN.contains(&room) {
            assert_eq!(lines[at - 1], HIDDEN, "the room {room} is shown to embedders");
            rooms += 1;
        }
    }
    assert!(rooms > 15, "only {rooms} rooms are declared");
}

#[test]
fn the_examples_and_the_front_page_use_what_is_shown() {
    let front: String =
        read("src/lib.rs").lines().filter_map(|line| line.strip_prefix("//! ")).collect::<Vec<_>>().join("\n");
    let mut count = 0;
    let examples = ["axum", "custom_transport", "embed", "http", "unit_test"]
        .map(|name| (name, read(&format!("examples/{name}.rs"))));
    for (name, text) in [("the front page", front), ("the README", read("README.md"))].into_iter().chain(examples) {
        let behind = paths_behind_the_root(&text);
        assert!(behind.is_empty(), "{name} goes past what is shown: {behind:?}");
        count += text.matches("vestibule::").count();
    }
    assert!(count >= 5, "only {count} paths were looked at");
}

#[test]
fn what_the_checks_read_they_can_tell_apart() {
    let text = "pub mod a;\n#[cfg(x)]\npub use b::c::{D, e};\npub use b::{\n    F,\n    G as H,\n};\n\
                pub(crate) use b::I;\nuse b::J;\n";
    assert_eq!(shown(text).into_iter().collect::<Vec<_>>(), ["D", "F", "H", "e"]);
    assert_eq!(
        paths_behind_the_root("use vestibule::{Engine, Caller}; vestibule::bind(); vestibule::guide::design"),
        Vec::<String>::new()
    );
    assert_eq!(
        paths_behind_the_root("use vestibule::store::Store; vestibule::engine::Engine::builder()"),
        ["store", "engine"]
    );
    assert_eq!(paths_behind_the_root("use vestibule::{Engine, token::InstanceKey};"), ["token"]);
}

fn names_of(names: &str) -> BTreeSet<String> {
    names.split_whitespace().map(str::to_owned).collect()
}

/// The names that a root shows by `pub use`.
fn shown(text: &str) -> BTreeSet<String> {
    let statements = text.split("\npub use ").skip(1);
    let paths = statements.map(|rest| rest.split(';').next().expect("a statement"));
    let names = |path: &str| match path.split_once('{') {
        Some((_, group)) => group.trim_end_matches('}').split(',').map(last_name).collect::<Vec<_>>(),
        None => vec![last_name(path)],
    };
    paths.flat_map(names).filter(|name| !name.is_empty()).collect()
}

/// What a path is called here: behind `as`, or its last part.
fn last_name(path: &str) -> String {
    let path = path.trim();
    let path = path.rsplit(" as ").next().unwrap_or(path);
    path.rsplit("::").next().unwrap_or(path).trim().to_owned()
}

/// The hidden rooms that paths into the crate lead through.
fn paths_behind_the_root(text: &str) -> Vec<String> {
    let mut rooms = Vec::new();
    for (at, root) in text.match_indices("vestibule::") {
        let rest = &text[at + root.len()..];
        let group = rest.strip_prefix('{').map(|group| group.split('}').next().unwrap_or(group));
        for path in group.map_or_else(|| vec![rest], |group| group.split(',').collect()) {
            let path = path.trim_start();
            let name: String = path.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let is_room = name.starts_with(char::is_lowercase) && path[name.len()..].starts_with("::");
            if is_room && !SHOWN.contains(&&*name) {
                rooms.push(name);
            }
        }
    }
    rooms
}

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("a file of the crate")
}

/// The modules that embedders see beside the names at the root.
const SHOWN: [&str; 3] = ["guide", "storage", "testing"];
const HIDDEN: &str = "#[cfg_attr(not(feature = \"unstable\"), doc(hidden))]";
