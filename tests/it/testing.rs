//! What `vestibule::testing` gives to the tests of an application: engines that share nothing, a store of one's own that
//! meets all requirements, and one that fails on demand.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use vestibule::limits::SourceLimits;
use vestibule::ports::Clock;
use vestibule::storage::{CommitError, KeyValue, KvStore, StoreError, Write};
use vestibule::testing::{Fault, FaultyStore, Kit, ReadFault, StoreRead, check_store, store_contract};
use vestibule::{
    AttemptVerification, Caller, ClientView, Engine, EngineError, ErrorCode, NewSignUp, PrepareVerification,
    RequestContext, Secret, Settings, SignUpId, SignUpStatus, SignUpView, Span, Strategy,
};

use crate::readme::blocks_of;
use crate::support::require;

/// Eight engines at once, and in each of them eight people at once, who have the same addresses everywhere. Each engine has
/// settings, a time, a key and limits of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_engines_in_one_process_know_nothing_of_each_other() {
    let mut houses = Vec::new();
    for n in 0..8 {
        houses.push(Arc::new(House::new(n).await));
    }
    let people = houses.iter().flat_map(|house| (0..8).map(|person| tokio::spawn(house.clone().take_in(person))));
    let mut guests = Vec::new();
    for person in people.collect::<Vec<_>>() {
        guests.push(person.await.expect("a person"));
    }

    let count = |of: fn(&Guest) -> String| guests.iter().map(of).collect::<BTreeSet<_>>().len();
    assert_eq!(count(|guest| guest.sign_up.to_string()), 64, "every sign-up has an id of its own");
    assert_eq!(count(|guest| guest.user.clone()), 64, "every user has an id of its own");
    assert_eq!(count(|guest| guest.session.clone()), 64, "every session has an id of its own");
    for guest in &guests {
        for (n, house) in houses.iter().enumerate() {
            let caller = house.engine.identify(Some(&guest.token)).await.expect("readable");
            let known = house.engine.users().current(&caller, None).await.ok().map(|user| user.id.to_string());
            assert_eq!(known, (n == guest.house).then(|| guest.user.clone()), "engine {n}, of engine {}", guest.house);
        }
    }
    for (n, house) in houses.iter().enumerate() {
        let sent = house.kit.mail.latest(100);
        assert_eq!(sent.len(), 8, "each engine sent its own messages");
        assert!(sent.iter().all(|message| message.created_at == house.kit.clock.now()), "at its own time");
        // From one source the engine takes 8 + n sign-ups, and 8 were made. What other engines took does not count.
        for late in 0..=n {
            let begun = house.begin(&format!("late{late}@example.com")).await;
            assert_eq!(matches!(begun, Err(EngineError::Limited { .. })), late == n, "engine {n}, {late} more");
        }
        house.engine.clone().shutdown().await;
    }
}

/// A map in memory, as an embedder would write it.
#[derive(Default)]
struct Map(Mutex<BTreeMap<Bytes, Bytes>>);

impl KeyValue for Map {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        Ok(self.0.lock().expect("no panic").get(key).cloned())
    }

    fn scan(&self, prefix: &[u8], from: &[u8], limit: usize) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        let map = self.0.lock().expect("no panic");
        let entries = map.iter().filter(|(key, _)| key.starts_with(prefix) && &key[..] >= from);
        Ok(entries.take(limit).map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    fn scan_back(&self, prefix: &[u8], below: &[u8], limit: usize) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        let map = self.0.lock().expect("no panic");
        let entries = map.iter().rev().filter(|(key, _)| key.starts_with(prefix) && &key[..] < below);
        Ok(entries.take(limit).map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    fn append(&self, groups: &[Vec<Write>], _relaxed: bool) -> Result<(), CommitError> {
        let mut map = self.0.lock().expect("no panic");
        for write in groups.iter().flatten().cloned() {
            match write.value {
                Some(value) => map.insert(write.key, value),
                None => map.remove(&write.key),
            };
        }
        Ok(())
    }

    fn close(&self) {}

    fn blocks(&self) -> bool {
        false
    }
}

store_contract!(a_map_of_an_embedder, (KvStore::over(Map::default()), ()));

/// A map that has one fault.
struct Broken(Map, Flaw);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Flaw {
    ScansBackwards,
    ForgetsRemovals,
    DeniesWhatIsThere,
    WritesTheFirstGroupOnly,
}

impl KeyValue for Broken {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.0.get(key)
    }

    fn probably_contains(&self, _key: &[u8]) -> bool {
        self.1 != Flaw::DeniesWhatIsThere
    }

    fn scan(&self, prefix: &[u8], from: &[u8], limit: usize) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        let mut entries = self.0.scan(prefix, from, limit)?;
        if self.1 == Flaw::ScansBackwards {
            entries.reverse();
        }
        Ok(entries)
    }

    fn scan_back(&self, prefix: &[u8], below: &[u8], limit: usize) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        let mut entries = self.0.scan_back(prefix, below, limit)?;
        if self.1 == Flaw::ScansBackwards {
            entries.reverse();
        }
        Ok(entries)
    }

    fn append(&self, groups: &[Vec<Write>], relaxed: bool) -> Result<(), CommitError> {
        let mut groups = groups.to_vec();
        match self.1 {
            Flaw::ForgetsRemovals => groups.iter_mut().for_each(|group| group.retain(|write| write.value.is_some())),
            Flaw::WritesTheFirstGroupOnly => groups.truncate(1),
            Flaw::ScansBackwards | Flaw::DeniesWhatIsThere => {}
        }
        self.0.append(&groups, relaxed)
    }

    fn close(&self) {}

    fn blocks(&self) -> bool {
        false
    }
}

#[test]
fn each_flaw_of_a_map_fails_the_requirement_that_is_about_it() {
    for (flaw, requirement) in [
        (Flaw::ScansBackwards, "a_map_is_scanned_in_the_order_of_its_keys"),
        (Flaw::ScansBackwards, "a_map_is_scanned_backwards_in_the_opposite_order"),
        (Flaw::ScansBackwards, "messages_wait_in_order_until_they_are_sent"),
        (Flaw::ForgetsRemovals, "a_map_gives_back_what_was_appended_last"),
        (Flaw::ForgetsRemovals, "what_is_forgotten_is_gone"),
        (Flaw::DeniesWhatIsThere, "what_a_map_knows_without_its_disk_is_true"),
        (Flaw::DeniesWhatIsThere, "the_first_to_convert_wins_across_batches"),
        (Flaw::WritesTheFirstGroupOnly, "a_map_gives_back_what_was_appended_last"),
    ] {
        let checked = std::panic::catch_unwind(|| {
            check_store(requirement, async || (KvStore::over(Broken(Map::default(), flaw)), ()));
        });
        assert!(checked.is_err(), "a map that {flaw:?} passes {requirement}");
    }
}

#[tokio::test]
async fn a_store_fails_as_often_as_a_test_wants_and_what_it_wrote_is_found_by_the_next_engine() {
    let kit = Kit::new(1);
    let store = Arc::new(FaultyStore::new());
    let settings = vestibule::settings::sample_settings("username_password").expect("a sample");
    let engine = kit.builder().settings(settings.clone()).store(store.clone()).build().await.expect("an engine");
    let sign_up = async |engine: &Engine, name: &str| {
        let fields = NewSignUp {
            username: Some(name.into()),
            password: Some(Secret::new("wanders under elms".into())),
            ..NewSignUp::default()
        };
        engine.sign_ups().create(&Caller::anonymous(), &fields, &RequestContext::default()).await
    };
    for (n, (fault, is_written)) in
        [(Fault::Refused, false), (Fault::UnknownNotWritten, false), (Fault::UnknownWritten, true)]
            .into_iter()
            .enumerate()
    {
        store.fail([fault]);
        let failed = sign_up(&engine, &format!("person_{n}")).await;
        assert!(matches!(failed, Err(EngineError::Unavailable(_))), "{fault:?}: {failed:?}");
        let again = sign_up(&engine, &format!("person_{n}")).await;
        assert_eq!(again.is_err(), is_written, "{fault:?}: the name is taken if the first one was written");
    }
    store.fail_reads(StoreRead::Owner, ReadFault::Unavailable, 1);
    assert!(matches!(sign_up(&engine, "somebody").await, Err(EngineError::Unavailable(_))));
    sign_up(&engine, "somebody").await.expect("readable again");

    store.cut_off();
    assert!(sign_up(&engine, "nobody").await.is_err(), "nothing is written any more");
    let store = Arc::new(store.reopened());
    let engine = kit.builder().settings(settings).store(store).build().await.expect("the next engine has the same key");
    sign_up(&engine, "nobody").await.expect("the name is free");
    let taken = sign_up(&engine, "person_2").await.expect_err("from before");
    assert!(matches!(&taken, EngineError::Rejected(why) if why.is(ErrorCode::FormIdentifierExists)), "{taken}");
    engine.shutdown().await;
}

#[tokio::test]
async fn commits_are_held_until_a_test_lets_them_go() {
    let kit = Kit::new(1);
    let store = Arc::new(FaultyStore::new());
    let settings = vestibule::settings::sample_settings("email_code").expect("a sample");
    let engine = kit.builder().settings(settings).store(store.clone()).build().await.expect("an engine");
    store.hold();
    let written = store.commits();
    let begin = async |engine: Engine| {
        let fields = NewSignUp { email_address: Some("ada@example.com".into()), ..NewSignUp::default() };
        engine.sign_ups().create(&Caller::anonymous(), &fields, &RequestContext::default()).await
    };
    let call = tokio::spawn(begin(engine.clone()));
    while store.commits() == written {
        tokio::task::yield_now().await;
    }
    assert!(!call.is_finished(), "nothing is answered before it is written");
    store.release();
    call.await.expect("a task").expect("a sign-up");
    engine.shutdown().await;
}

#[tokio::test]
async fn engines_of_the_same_seed_send_the_same_codes() {
    let mut codes = Vec::new();
    for seed in [1, 1, 2] {
        let house = House::with(0, Kit::new(seed)).await;
        let guest = Arc::new(house).take_in(0).await;
        codes.push((guest.code, guest.user));
    }
    assert_eq!(codes[0], codes[1]);
    assert_ne!(codes[0], codes[2]);
}

/// The last part of the guide's page, as it is written there, except for the port.
#[test]
fn the_binary_is_a_test_double_for_a_suite_in_another_language() {
    if !require("node", Command::new("node").arg("--version").output().is_ok()) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let port = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port").port();
    let blocks = blocks_of("testing", include_str!("../../src/guide/testing.md"));
    let block = |kind: &str| {
        let found = blocks.iter().find(|block| block.kind == kind).expect("a block of this kind");
        found.text.replace("8091", &port.to_string())
    };
    let start = block("sh").replace("vestibule serve", &format!("exec {BINARY} serve"));
    let server = Command::new("sh")
        .args(["-c", &start])
        .current_dir(&folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let _server = Running(server.expect("a shell"));
    let is_ready = || {
        let asked = Command::new(BINARY).args(["healthcheck", "--listen", &format!("127.0.0.1:{port}")]).output();
        asked.expect("the binary runs").status.success()
    };
    assert!((0..600).any(|_| is_ready() || (std::thread::sleep(Duration::from_millis(50)), false).1), "it starts");
    let script = folder.path().join("sign_up.test.mjs");
    std::fs::write(&script, block("js")).expect("a file");
    let ran = Command::new("node").arg("--test").arg(&script).output().expect("node runs");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stdout));
    assert!(!folder.path().join("data").exists(), "nothing is left on the disk");
}

/// A process that ends with its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const BINARY: &str = env!("CARGO_BIN_EXE_vestibule");

/// An engine that differs from all others.
struct House {
    n: usize,
    kit: Kit,
    engine: Engine,
}

/// Somebody who signed up.
struct Guest {
    house: usize,
    code: String,
    sign_up: SignUpId,
    user: String,
    session: String,
    token: String,
}

impl House {
    async fn new(n: usize) -> Self {
        Self::with(n, Kit::new(n as u64)).await
    }

    async fn with(n: usize, kit: Kit) -> Self {
        kit.clock.advance(Span::from_secs(n as u64));
        let mut settings: Settings = vestibule::settings::sample_settings("email_code").expect("a sample");
        settings.attributes.first_name.enabled = asks_for_a_name(n);
        settings.attributes.first_name.required = asks_for_a_name(n);
        let mut limits = SourceLimits::default();
        limits.creates.source = u32::try_from(8 + n).expect("a small number");
        limits.attempts.source = 8;
        let engine = kit.builder().settings(settings).source_limits(Some(limits)).build().await.expect("an engine");
        Self { n, kit, engine }
    }

    async fn begin(&self, email: &str) -> Result<(SignUpView, ClientView), EngineError> {
        let fields = NewSignUp { email_address: Some(email.into()), ..NewSignUp::default() };
        self.engine.sign_ups().create(&Caller::anonymous(), &fields, &source()).await
    }

    async fn take_in(self: Arc<Self>, person: usize) -> Guest {
        let email = format!("person{person}@example.com");
        let (sign_up, client) = self.begin(&email).await.expect("a sign-up");
        assert_eq!(!sign_up.requirements.missing_fields.is_empty(), asks_for_a_name(self.n), "by its own settings");
        let token = client.new_token.expect("a new client has a token");
        let caller = self.engine.identify(Some(token.expose())).await.expect("readable");
        let id = sign_up.id();
        if asks_for_a_name(self.n) {
            let name = NewSignUp { first_name: Some("Ada".into()), ..NewSignUp::default() };
            self.engine.sign_ups().update(&caller, id, &name.into(), &source()).await.expect("a name");
        }
        self.engine
            .sign_ups()
            .prepare(&caller, id, &PrepareVerification::new(Strategy::EmailCode), &source())
            .await
            .expect("prepared");
        let message = self.kit.mail.next_to(&email).await;
        let code = message.code.clone().expect("a code").into_inner();
        let context = source();
        let attempt = AttemptVerification::code(Strategy::EmailCode, code.clone());
        let (done, client) =
            self.engine.sign_ups().attempt(&caller, id, &attempt, &context).await.expect("the right code");
        assert_eq!((done.status, done.created_at()), (SignUpStatus::Complete, self.kit.clock.now()));
        Guest {
            house: self.n,
            code,
            sign_up: id,
            user: client.sessions[0].user.id.to_string(),
            session: client.sessions[0].session.id.to_string(),
            token: client.new_token.expect("a session brings a new token").into_inner(),
        }
    }
}

/// Every second engine.
fn asks_for_a_name(n: usize) -> bool {
    n % 2 == 1
}

/// The one network address that all people have.
fn source() -> RequestContext {
    RequestContext { address: Some([192, 0, 2, 1].into()), ..RequestContext::default() }
}
