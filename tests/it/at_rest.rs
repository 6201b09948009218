//! The data files on disk: who can open them, and what they reveal to a reader of the disk.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use vestibule::actors::ActorOptions;
use vestibule::clock::ManualClock;
use vestibule::domain::settings::{Attribute, Settings};
use vestibule::domain::sign_up::NewSignUp;
use vestibule::domain::time::{Span, Timestamp};
use vestibule::domain::verification::Strategy;
use vestibule::engine::{Caller, Engine, PrepareVerification, RequestContext};
use vestibule::store::ledger::Durability;
use vestibule::store::{EmbeddedStore, Store};
use vestibule::token::InstanceKey;

use crate::support::binary::{Binary, log_of};
use crate::support::endpoint::Endpoint;
use crate::support::server::Server;

const CONFIG: &str = r#"
[settings.attributes.email_address]
enabled = true
required = true
used_for_first_factor = true
verifications = ["email_code"]
verify_at_sign_up = true
[settings.attributes.username]
enabled = true
[settings.attributes.first_name]
enabled = true
[settings.attributes.password]
enabled = true
[verification]
test_mode = true
[password]
m_kib = 64
t = 1
p = 1
[limits]
source = false
address = false
"#;

#[test]
fn the_data_is_its_owners_alone_whatever_the_umask() {
    let folder = TempDir::new().expect("a folder");
    let data = folder.path().join("data");
    let server = Binary::start_after("umask 000", folder.path(), CONFIG);
    sign_up(&server, "grace.of.the.nile", true);
    check_modes(&data);
    assert_eq!(server.terminate(), Some(0));
    assert!(check_modes(&data) >= 6, "key, lock, manifest, filter, journal and snapshots");
    assert!(!log_of(folder.path()).contains(NARROWED), "nothing was wider");

    for (path, is_folder) in all(&data) {
        fs::set_permissions(path, Permissions::from_mode(if is_folder { 0o755 } else { 0o644 })).expect("its own");
    }
    let server = Server::start(folder.path(), CONFIG);
    sign_up(&server, "ada.of.the.nile", true);
    check_modes(&data);
    server.kill_in_place();
    drop(server);
    assert_eq!(log_of(folder.path()).matches(NARROWED).count(), 1, "{}", log_of(folder.path()));
    check_modes(&data);
}

#[test]
fn no_address_name_or_digest_is_in_the_files() {
    for encryption in [true, false] {
        let folder = TempDir::new().expect("a folder");
        let data = folder.path().join("data");
        let config = format!("{CONFIG}\n[store]\nencryption = {encryption}\n");
        let server = Server::start(folder.path(), &config);
        sign_up(&server, "grace.of.the.nile", true);
        sign_up(&server, "ada.of.the.nile", false);
        let in_journal = found(&data);
        assert_eq!(server.terminate(), Some(0));
        let in_snapshots = found(&data);
        for found in [in_journal, in_snapshots] {
            let expected = if encryption { Vec::new() } else { NEEDLES.to_vec() };
            assert_eq!(found, expected, "encryption = {encryption}");
        }
    }
}

#[test]
fn plain_data_is_encrypted_as_it_is_written_and_back() {
    let folder = TempDir::new().expect("a folder");
    let config = |on: bool| format!("{CONFIG}\n[store]\nencryption = {on}\n");
    let mut names = Vec::new();
    for (round, on) in [false, true, false, true].into_iter().enumerate() {
        let server = Server::start(folder.path(), &config(on));
        let name = format!("ada{round}");
        sign_up(&server, &name, true);
        names.push(name);
        for name in &names {
            let form = format!("email_address={name}%2Bclerk_test@example.com");
            let again = server.native("POST", "/v1/client/sign_ups", "", &form).expect("an answer");
            assert_eq!(again.error_codes(), ["form_identifier_exists"], "{name} in round {round}");
        }
        assert_eq!(server.terminate(), Some(0));
    }
}

#[test]
fn a_wrong_instance_key_is_refused_at_start_and_leaves_nothing_behind() {
    for encryption in [true, false] {
        let folder = TempDir::new().expect("a folder");
        let config = format!("{CONFIG}\n[store]\nencryption = {encryption}\n");
        let server = Server::start(folder.path(), &config);
        sign_up(&server, "grace.of.the.nile", true);
        assert_eq!(server.terminate(), Some(0));

        let (key, aside) = (folder.path().join("data/instance.key"), folder.path().join("aside"));
        fs::rename(&key, &aside).expect("the key");
        InstanceKey::load_or_create(&key).expect("another key");
        for wanted in ["true", "false"] {
            let wrong = format!("{CONFIG}\n[store]\nencryption = {wanted}\n");
            assert_eq!(Binary::fail_to_start(folder.path(), &wrong), Some(1), "{}", log_of(folder.path()));
        }
        let log = log_of(folder.path());
        assert_eq!(log.matches("restore the").count(), 2, "{log}");
        assert!(!log.contains("damaged"), "{log}");

        fs::rename(&aside, &key).expect("the key");
        let server = Server::start(folder.path(), &config);
        let again = server.native(
            "POST",
            "/v1/client/sign_ups",
            "",
            "email_address=grace.of.the.nile%2Bclerk_test@example.com",
        );
        assert_eq!(again.expect("an answer").error_codes(), ["form_identifier_exists"]);
        assert_eq!(server.terminate(), Some(0));
    }
}

#[tokio::test]
async fn an_expired_sign_up_is_gone_from_every_file() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path();
    let open = || Arc::new(EmbeddedStore::open(path, Durability::None).expect("a store"));
    let begin = Timestamp::from_millis(1_800_000_000_000);
    let (engine, _) = engine(open(), begin).await;
    let fields = |email: &str| NewSignUp { email_address: Some(email.into()), ..NewSignUp::default() };
    let source = RequestContext::default();
    let made = engine.sign_ups().create(&Caller::anonymous(), &fields("ada.of.the.nile@example.com"), &source).await;
    let (sign_up, client) = made.expect("a sign-up");
    let caller =
        engine.identify(client.new_token.as_ref().map(|token| token.expose().as_str())).await.expect("a client");
    engine
        .sign_ups()
        .prepare(&caller, sign_up.value.id, &PrepareVerification::new(Strategy::EmailCode), &source)
        .await
        .expect("a code");
    engine.shutdown().await;
    assert!(shows(&path.join("sled"), "ada.of.the.nile"), "what is in the snapshots is plain");
    assert!(!shows(&path.join("journal"), "ada.of.the.nile"), "and nowhere else");

    let store = open();
    let (engine, clock) = self::engine(store.clone(), begin).await;
    clock.advance(Span::from_secs(66 * 86_400));
    for _ in 0..2000 {
        if store.sign_up(sign_up.value.id).await == Ok(None) && store.messages(None, 1).await == Ok(Vec::new()) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(store.sign_up(sign_up.value.id).await, Ok(None), "the sweeper came by");
    assert_eq!(store.messages(None, 1).await, Ok(Vec::new()), "and what was sent for it is gone, too");
    engine
        .sign_ups()
        .create(&Caller::anonymous(), &fields("grace.of.the.nile@example.com"), &source)
        .await
        .expect("a sign-up");
    engine.shutdown().await;
    drop(store);

    let store = open();
    store.close().await;
    drop(store);
    for part in ["sled", "journal", "."] {
        assert!(!shows(&path.join(part), "ada.of.the.nile"), "{part}");
    }
    assert!(shows(&path.join("sled"), "grace.of.the.nile"), "what is of use stays");
    assert!(!path.join("sled.fresh").exists());
    let directory = || fs::metadata(path.join("sled")).expect("the snapshots").ino();
    let before = directory();
    drop(open());
    assert_eq!(directory(), before, "they are not written anew at every start");
}

/// An engine with e-mail sign-ups, and its clock.
async fn engine(store: Arc<EmbeddedStore>, now: Timestamp) -> (Engine, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(now));
    let mut settings = Settings::default();
    settings.attributes.email_address = Attribute {
        enabled: true,
        required: true,
        verify_at_sign_up: true,
        verifications: vec![Strategy::EmailCode],
        ..Attribute::default()
    };
    let actors = ActorOptions { sweep_interval: Duration::from_millis(20), ..ActorOptions::default() };
    let builder = Engine::builder().store(store).clock(clock.clone()).settings(settings).actors(actors);
    let engine = builder.key(InstanceKey::from_bytes([7; 32].into())).build().await.expect("an engine");
    (engine, clock)
}

/// Whether a text is in any file of a folder.
fn shows(folder: &Path, needle: &str) -> bool {
    let texts = all(folder).into_iter().filter_map(|(path, _)| fs::read(path).ok());
    texts.into_iter().any(|text| text.windows(needle.len()).any(|window| window == needle.as_bytes()))
}

/// A sign-up, pending or finished, with all values that must not be readable.
fn sign_up(server: &Endpoint, name: &str, finished: bool) {
    let username = name.replace('.', "_");
    let form = format!(
        "email_address={name}%2Bclerk_test@example.com&username={username}&first_name=Ozymandias&password=wanders+under+elms"
    );
    let made = server.native("POST", "/v1/client/sign_ups", "", &form).expect("an answer");
    assert_eq!(made.status, 200, "{}", made.body);
    let id = made.json()["response"]["id"].as_str().expect("an id").to_owned();
    let token = made.header("authorization").expect("a token").to_owned();
    let post = |verb: &str, form: &str| {
        let path = format!("/v1/client/sign_ups/{id}/{verb}");
        let answer = server.native("POST", &path, &token, form).expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer
    };
    post("prepare_verification", "strategy=email_code");
    if finished {
        let done = post("attempt_verification", "strategy=email_code&code=424242");
        assert_eq!(done.json()["response"]["status"], "complete", "{}", done.body);
    }
}

/// All paths below a folder and the folder itself, each with whether it is a folder.
fn all(path: &Path) -> Vec<(PathBuf, bool)> {
    if !path.is_dir() {
        return vec![(path.to_owned(), false)];
    }
    let entries = fs::read_dir(path).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut found: Vec<_> = entries.flat_map(|path| all(&path)).collect();
    found.push((path.to_owned(), true));
    found
}

/// Checks the permissions of all files and folders; returns the number of files.
fn check_modes(data: &Path) -> usize {
    let mut files = 0;
    for (path, is_folder) in all(data) {
        // sled may replace files meanwhile; those are skipped.
        let Ok(metadata) = fs::metadata(&path) else { continue };
        let mode = metadata.permissions().mode() & 0o7777;
        assert_eq!(format!("{mode:o}"), if is_folder { "700" } else { "600" }, "{}", path.display());
        files += usize::from(!is_folder);
    }
    files
}

/// The needles that are in any file.
fn found(data: &Path) -> Vec<&'static str> {
    let texts: Vec<_> = all(data).into_iter().filter_map(|(path, _)| fs::read(path).ok()).collect();
    assert!(texts.iter().map(Vec::len).sum::<usize>() > 10_000, "the search read something");
    let is_there = |needle: &&str| texts.iter().any(|text| text.windows(needle.len()).any(|w| w == needle.as_bytes()));
    NEEDLES.iter().copied().filter(is_there).collect()
}

const NARROWED: &str = "other users of this machine had access to files in the data folder";
const NEEDLES: [&str; 5] = ["grace.of.the.nile", "grace_of_the_nile", "ada.of.the.nile", "Ozymandias", "$argon2id$"];
