//! What an embedder sees of the crate: the names at its root and in its public modules. Each of them is a promise, so
//! a new one has to be written down here, and the examples use no others. That a compiler refuses all others is checked
//! by `.ci/run` with the crate in `tests/embedder`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Every public name with all features: those at the root, and those of each module.
const NAMES: [(&str, &str); 17] = [
    (
        "",
        "AttemptFirstFactor AttemptVerification BuildError Caller ClientId ClientView Engine EngineBuilder EngineError ErrorCode Factor FactorAddress Field \
         MalformedId NewSignIn NewSignUp NotReady Patch PrepareFirstFactor PrepareVerification Reason Rejection RequestContext \
         Requirements Secret SessionId SessionView Sessions Settings SignInId SignInStatus SignInView SignIns SignUpId \
         SignUpPatch SignUpStatus SignUpView SignUps Span Strategy Timestamp UnknownStrategy UserId Users",
    ),
    (
        "backend",
        "BackendAddressVerification BackendClient BackendEmailAddress BackendKey BackendPhoneNumber BackendSession BackendUpdate BackendUser DeletedObject \
         Instance InstanceId Invitation InvitationId InvitationState InvitationStatus InvitationView Invitations List ListParams \
         ListedIdentifier ListedIdentifierId ListedIdentifierView ListedRedirect NewInvitation OverrideValue Overrides \
         OverridesView Page PreferredStrategy RedirectUrlId SignInToken SignInTokenId SignInTokenStatus SignInTokenView \
         SignInTokens Waitlist WaitlistEntry WaitlistEntryId WaitlistEntryView WaitlistStatus",
    ),
    (
        "configuration",
        "AllowedRedirect BeforeSignUpCompletes Captcha Cdn Config ConfigError ConfiguredServer DeliveredBy Difference DkimSection Email EmailTransport Events Instance InvalidValue Limits Listen LogFormat Mailbox Messages Mode OnFailureChoice Origin Passkeys Password Place PostmarkSection PublicUrl PublishableKey Reloaded ResendSection SendGridSection Server SesSection Session SignUp Sms SmsHttpSection SmsRoute SmsTransport Sources StartupError StoreKind StoreSection Telemetry Text TwilioSection Verification VonageSection WebUrl WebhookEndpointSection WebhooksSection near_misses",
    ),
    (
        "events",
        "Cursor EndUser Event EventId EventStream Events EventsFrom Happened MalformedPosition MessageId Position SessionStatus",
    ),
    (
        "hooks",
        "Additions AfterCommit Answer ApplicationValue BoxFuture Hook HookOptions InvalidRefusal InvalidValue OnFailure Refusal TryAgain UserToBe ValueKey \
         Values",
    ),
    ("keys", "Algorithm InstanceKey KeyFileError"),
    (
        "limits",
        "ActorOptions AddressLimits Budget Conversion HashImplementation HashOptions HashParameters Policy SourceLimits",
    ),
    (
        "messages",
        "ApiAnswer ApiError ApiLimits ApiTransport BoxFuture Callback CallbackError Capture Captured Channel ChannelHealth ChannelStatus ChannelView Color Counted Dkim DkimError Failure FailureClass Fallback Logo Message MessageApi MessageBudget MessageFilter MessageId MessagePage MessageStatus MessageStyle MessageView Messages NamedTransport NullTransport Origin Outcome PhoneChannel Postmark ProviderState ProviderStatus Receipt Report ReportRefusal ReportedState Resend Route Security SendGrid Ses SmsTemplate Smtp SmtpError SmtpLimits SmtpOptions StyleError Template TemplateError TemplateFault Templates Transport Twilio Vonage",
    ),
    ("passkeys", "InvalidRelyingParty RelyingParty"),
    ("ports", "Clock Entropy SystemClock"),
    (
        "redirects",
        "ApprovedLink AuthorizeParams CallbackRedirect Followed Handshake HandshakeRequest LinkOutcome ProviderCallback RedirectUrl TicketHolder TicketStatus TokenCarrier",
    ),
    (
        "server",
        "App BoundServer Bundles BundlesError CapturedMessage DevOutbox HttpOptions HttpService Network PeerAddress RequestLog \
         ResponseBody ResponseFuture SentMessage bind",
    ),
    (
        "services",
        "Captcha CaptchaError CaptchaProvider Outbound OutboundError OutboundOptions ProviderError Providers PwnedRange",
    ),
    (
        "settings",
        "AccessList Actions AttackProtection Attribute Attributes Branding Disposable Domains EmailLinkProtection InvalidDomain InvalidPattern InvalidSettings Mfa OAuth PasskeySettings PasswordSettings Pattern Patterns PhoneCountries Restrictions SignUpMode SignUpSettings Social Switch UserLockout UsernameSettings sample_settings",
    ),
    (
        "storage",
        "CommitError Copied CopyError CopyPlace CopyProgress CopySummary Durability EmbeddedError EmbeddedOptions EmbeddedStore Health KeyValue KvStore MemoryStore NewUserSql OpenError \
         PostgresError PostgresOptions PostgresStore Projected Sealing SqlFailure SqlStatement SqlValue Store StoreError Unready Write copy make_private",
    ),
    (
        "users",
        "Activity AddressChange AddressStatus AddressVerification AddressVerificationId AttemptSecondFactor Browser CodeKind Connection EmailAddress EndReason ExternalAccountId Identification IdentificationId Identifier IdentifierKind Level Metadata MetadataChange NewOwnPassword NewPasskey NewUser OwnUser Passkey PhoneNumber Profile ProfilePatch Purpose ResetPassword Reverification ReverificationStatus ReverificationView ReverifyAttempt ReverifyPrepare SecondFactorChange SecondFactors Session SessionListParams SessionStatus SessionTask SessionsEnded SignInAttempts System Totp TotpView UsedCode User UserAccount UserChange UserFields UserFilter UserListParams UserPatch Username",
    ),
    (
        "webhooks",
        "ComposedMessage Disabled EndpointOwner EndpointState EventData EventId EventType MessageId MessageWebhooks NewWebhookEndpoint ReceivedHeaders SecretError \
         SigningSecret SigningSecrets Unusable UrlError VerifyError WebhookAttempt WebhookEndpointId WebhookEndpointPatch \
         WebhookEndpointView Webhooks verify",
    ),
];

/// What the module for tests shows of the rooms.
const TESTING: &str =
    "Fault FaultyStore ManualClock ReadFault SeededEntropy StoreCall StoreRead check_store store_contract";

/// How many names a reader meets at the root, at most.
const ROOT_MAX: usize = 45;

/// Public modules that have files of their own: the entry of the binary, pages of text, and what tests need.
const OTHERS: [&str; 3] = ["cli", "guide", "testing"];

#[test]
fn the_public_names_are_those_that_are_written_down() {
    let shown = shown(&read("src/lib.rs"));
    let known: BTreeMap<String, BTreeSet<String>> =
        NAMES.iter().map(|(module, names)| ((*module).to_owned(), words(names))).collect();
    assert_eq!(shown.keys().collect::<Vec<_>>(), known.keys().collect::<Vec<_>>(), "the public modules");
    for (module, names) in &known {
        let added: Vec<_> = shown[module].difference(names).collect();
        let gone: Vec<_> = names.difference(&shown[module]).collect();
        assert!(
            added.is_empty(),
            "new promises to embedders in `{module}`, to be written down in this test: {added:?}"
        );
        assert!(gone.is_empty(), "promised to embedders in `{module}`, and not there any more: {gone:?}");
    }
    let at_the_root = known[""].len();
    assert!(at_the_root <= ROOT_MAX, "{at_the_root} names at the root: put those that few need into a module");
}

#[test]
fn the_module_for_tests_shows_the_names_that_are_written_down() {
    assert_eq!(used(&read("src/testing.rs"), "\npub use "), words(TESTING));
}

#[test]
fn every_room_is_private_unless_it_is_asked_for() {
    let rooms = rooms(&read("src/lib.rs"));
    assert!(rooms.len() > 15, "only {} rooms are declared", rooms.len());
    for (room, declared) in rooms {
        assert_eq!(declared, Declared { private: Some(false), public: Some(true) }, "the room {room}");
    }
}

#[test]
fn the_only_public_function_of_the_command_line_is_its_entry() {
    let public: Vec<String> =
        read("src/cli/mod.rs").lines().filter(|line| line.starts_with("pub ")).map(str::to_owned).collect();
    assert_eq!(public, ["pub use run::run;"]);
}

#[test]
fn the_examples_and_the_front_page_use_what_is_shown() {
    let front: String =
        read("src/lib.rs").lines().filter_map(|line| line.strip_prefix("//! ")).collect::<Vec<_>>().join("\n");
    let mut count = 0;
    let examples = ["axum", "custom_transport", "embed", "events", "hook", "http", "postgres", "unit_test"]
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
                pub(crate) use b::I;\nuse b::J;\npub mod k {\n    pub use crate::b::L;\n    pub use crate::b::{M, n};\n}\n";
    let expected = [("", "D F H e"), ("k", "L M n")].map(|(module, names)| (module.to_owned(), words(names)));
    assert_eq!(shown(text), BTreeMap::from(expected));

    let text = "#[cfg(not(feature = \"unstable\"))]\nmod a;\n#[cfg(feature = \"unstable\")]\npub mod a;\n\
                #[cfg(all(feature = \"x\", feature = \"unstable\"))]\npub mod b;\npub mod c;\npub mod guide;\n";
    let expected = [
        ("a", Declared { private: Some(false), public: Some(true) }),
        ("b", Declared { private: None, public: Some(true) }),
        ("c", Declared { private: None, public: None }),
    ];
    assert_eq!(rooms(text), expected.map(|(room, declared)| (room.to_owned(), declared)).into());
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

/// The names that a crate shows by `pub use`: at its root, and in each module whose body is there.
fn shown(text: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut shown = BTreeMap::new();
    let mut root = text.to_owned();
    for (start, _) in text.match_indices("\npub mod ") {
        let rest = &text[start + 1..];
        let Some((head, _)) = rest.split_once('\n') else { continue };
        let Some(module) = head.strip_prefix("pub mod ").and_then(|head| head.strip_suffix(" {")) else { continue };
        let body = rest.split("\n}\n").next().expect("a body");
        root = root.replace(body, "");
        shown.insert(module.to_owned(), used(body, "\n    pub use "));
    }
    shown.insert(String::new(), used(&root, "\npub use "));
    shown
}

/// The names of the statements that begin so.
fn used(text: &str, begin: &str) -> BTreeSet<String> {
    let statements = text.split(begin).skip(1);
    let paths = statements.map(|rest| rest.split(';').next().expect("a statement"));
    let names = |path: &str| match path.split_once('{') {
        Some((_, group)) => group.trim_end_matches('}').split(',').map(last_name).collect::<Vec<_>>(),
        None => vec![last_name(path)],
    };
    paths.flat_map(names).filter(|name| !name.is_empty()).collect()
}

/// How a room is declared: `Some(true)` under `unstable`, `Some(false)` without it, `None` not at all or always.
#[derive(Debug, Default, PartialEq, Eq)]
struct Declared {
    private: Option<bool>,
    public: Option<bool>,
}

/// The modules whose bodies are in files of their own, and how they are declared.
fn rooms(text: &str) -> BTreeMap<String, Declared> {
    let lines: Vec<&str> = text.lines().collect();
    let mut rooms: BTreeMap<String, Declared> = BTreeMap::new();
    for (at, line) in lines.iter().enumerate() {
        let (is_public, declaration) = match line.strip_prefix("pub ") {
            Some(rest) => (true, rest),
            None => (false, *line),
        };
        let Some(room) = declaration.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';')) else { continue };
        if OTHERS.contains(&room) {
            continue;
        }
        let condition = at.checked_sub(1).map(|before| lines[before]).filter(|before| before.starts_with("#[cfg("));
        let when = condition.and_then(|condition| match condition {
            _ if condition.contains("not(feature = \"unstable\")") => Some(false),
            _ if condition.contains("feature = \"unstable\"") => Some(true),
            _ => None,
        });
        let declared = rooms.entry(room.to_owned()).or_default();
        *(if is_public { &mut declared.public } else { &mut declared.private }) = when;
    }
    rooms
}

fn words(text: &str) -> BTreeSet<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// What a path is called here: behind `as`, or its last part.
fn last_name(path: &str) -> String {
    let path = path.trim();
    let path = path.rsplit(" as ").next().unwrap_or(path);
    path.rsplit("::").next().unwrap_or(path).trim().to_owned()
}

/// The rooms that paths into the crate lead through.
fn paths_behind_the_root(text: &str) -> Vec<String> {
    let mut rooms = Vec::new();
    for (at, root) in text.match_indices("vestibule::") {
        let rest = &text[at + root.len()..];
        let group = rest.strip_prefix('{').map(|group| group.split('}').next().unwrap_or(group));
        for path in group.map_or_else(|| vec![rest], |group| group.split(',').collect()) {
            let path = path.trim_start();
            let name: String = path.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let is_room = name.starts_with(char::is_lowercase) && path[name.len()..].starts_with("::");
            let is_public = OTHERS.contains(&name.as_str()) || NAMES.iter().any(|(module, _)| *module == name);
            if is_room && !is_public {
                rooms.push(name);
            }
        }
    }
    rooms
}

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("a file of the crate")
}
