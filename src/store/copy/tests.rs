//! Copies between folders and the tables of a server that the tests start.

use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::clock::{Clock, SystemClock};
use crate::domain::id::{ClientId, IdentificationId, UserId};
use crate::domain::identifier::EmailAddress;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::domain::user::{Identification, User};
use crate::store::embedded::{EmbeddedError, EmbeddedOptions};
use crate::store::kv::codec::encode;
use crate::store::kv::key;
use crate::store::kv::key::bookkeeping::NODE;
use crate::store::kv::key_value::Write;
use crate::store::kv::record::ValueRecordV1;
use crate::store::ledger::OpenError;
use crate::store::postgres::tests::fresh;
use crate::store::{
    Commit, Decision, EmbeddedStore, LAST_SEEN, PostgresError, PostgresOptions, PostgresStore, Sealing, Store,
    UserWrite,
};

fn sealing(key: u8) -> Option<Sealing> {
    Some(Sealing { key: zeroize::Zeroizing::new([key; 32]), seal: true })
}

fn folder(path: &Path) -> CopyPlace {
    CopyPlace::Folder { path: path.to_owned(), sealing: sealing(7) }
}

fn same(options: &PostgresOptions) -> PostgresOptions {
    PostgresOptions {
        url: Secret::new(options.url.expose().clone()),
        prefix: options.prefix.clone(),
        sealing: sealing(7),
        migrates: options.migrates,
        projects: options.projects,
    }
}

fn tables(options: &PostgresOptions) -> CopyPlace {
    CopyPlace::Tables(same(options))
}

fn user(n: u8) -> User {
    let address = format!("{n}@example.com");
    let email = EmailAddress::restore(address.clone(), address);
    let email = Identification::unproved(IdentificationId::from_bytes([n; 16]), email);
    let user = User::new(UserId::from_bytes([n; 16]), Timestamp::from_millis(n.into()));
    User { version: 1, email_addresses: vec![email], ..user }
}

fn create(n: u8) -> Commit {
    let users = vec![UserWrite::Create(Box::new(user(n)))];
    Commit::of_decision(Timestamp::from_millis(1), Decision { users, ..Decision::default() })
}

fn embedded(path: &Path) -> EmbeddedStore {
    let options = EmbeddedOptions { sealing: sealing(7), ..EmbeddedOptions::default() };
    EmbeddedStore::open_with(path, &options).expect("a store")
}

/// A folder with users, a value that is not sealed, one that does not open, and the time of its last use.
async fn filled(path: &Path, users: u8) {
    let store = embedded(path);
    let answers = store.commit((1..=users).map(create).collect()).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    let seen = Commit::of_value(Timestamp::from_millis(5), LAST_SEEN, 5_u64.to_be_bytes().to_vec());
    assert!(store.commit(vec![seen]).await[0].is_ok());
    let odd = |n: u8, value: &'static [u8]| Write {
        key: key::client(ClientId::from_bytes([n; 16])),
        value: Some(Bytes::from_static(value)),
    };
    let damaged = [odd(1, b""), odd(2, b"Vxdoes not open"), odd(3, b"is no record")];
    store.write_entries(vec![damaged.into()]).await.expect("a write");
    store.close().await;
}

async fn copied(from: &CopyPlace, to: &CopyPlace) -> Copied {
    copy(from, to, &mut |_| ()).await.expect("a copy")
}

async fn refused(from: &CopyPlace, to: &CopyPlace) -> CopyError {
    copy(from, to, &mut |_| ()).await.expect_err("a refusal")
}

/// Begins a copy and drops it after so many pages; `true` where it had not ended by then.
async fn stopped(from: &CopyPlace, to: &CopyPlace, pages: usize) -> bool {
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let (mut stop, mut seen) = (Some(stop), 0);
    let mut tell = |progress| {
        seen += usize::from(matches!(progress, CopyProgress::Copied { .. }));
        if seen == pages
            && let Some(stop) = stop.take()
        {
            stop.send(()).expect("it is waited for");
        }
    };
    let is_stopped = tokio::select! {
        biased;
        _ = stopped => true,
        done = copy(from, to, &mut tell) => { done.expect("a copy"); false }
    };
    for place in [from, to] {
        released(place).await;
    }
    is_stopped
}

/// Waits until a copy that was dropped holds a folder no longer: what it does there is not stopped in the middle.
async fn released(place: &CopyPlace) {
    let CopyPlace::Folder { path, .. } = place else { return };
    let is_held = || {
        let options = EmbeddedOptions { sealing: sealing(7), ..EmbeddedOptions::default() };
        let opened = EmbeddedStore::open_with(path, &options);
        matches!(opened, Err(EmbeddedError::Open(OpenError::Held { .. })))
    };
    while is_held() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_store_is_the_same_after_a_move_to_tables_and_back() {
    let Some(options) = fresh() else { return };
    let place = TempDir::new().expect("a folder");
    let (first, last) = (place.path().join("first"), place.path().join("last"));
    filled(&first, 20).await;
    let there = copied(&folder(&first), &tables(&options)).await;
    assert!(there.summary.keys > 80 && there.summary.unopened == 1, "{there:?}");
    let store = PostgresStore::open(&options).await.expect("a finished copy");
    let before = store.events(None, 100).await.expect("the log").events;
    assert_eq!((store.count_users().await, before.len()), (Ok(20), 20));
    assert_eq!(store.user(UserId::from_bytes([9; 16])).await, Ok(Some(user(9).into())));
    store.close().await;
    let back = copied(&tables(&options), &folder(&last)).await;
    assert_eq!(back, there);
    let store = embedded(&last);
    assert_eq!(store.user(UserId::from_bytes([9; 16])).await, Ok(Some(user(9).into())));
    assert!(store.commit(vec![create(21)]).await[0].is_ok());
    assert!(store.commit(vec![create(9)]).await[0].is_err(), "the address is taken");
    let after = store.events(None, 100).await.expect("the log").events;
    assert_eq!((store.count_users().await, after.len()), (Ok(21), 21));
    assert!(after[..20] == before[..] && after[19].position < after[20].position, "events go on behind the last one");
    store.close().await;
}

#[tokio::test]
async fn a_copy_that_was_stopped_is_no_store_and_goes_on_where_it_was() {
    let place = TempDir::new().expect("a folder");
    let source = place.path().join("source");
    filled(&source, 3).await;
    for pages in 1.. {
        let Some(options) = fresh() else { return };
        let target = place.path().join(pages.to_string());
        let from_tables = tables(&options);
        let is_stopped = stopped(&folder(&source), &from_tables, pages).await;
        if !is_stopped {
            assert!(pages > 3, "{pages}: too few pages for a test");
            return;
        }
        assert!(matches!(PostgresStore::open(&options).await, Err(PostgresError::Unfinished)));
        assert!(matches!(PostgresStore::inspect(&options).await, Err(PostgresError::Unfinished)));
        let error = refused(&from_tables, &folder(&target)).await;
        assert!(matches!(error, CopyError::Tables(PostgresError::Unfinished)), "{error}");
        let there = copied(&folder(&source), &from_tables).await;
        assert!(there.goes_on);
        let is_stopped = stopped(&from_tables, &folder(&target), pages).await;
        if is_stopped {
            let error =
                EmbeddedStore::open_with(&target, &EmbeddedOptions { sealing: sealing(7), ..Default::default() });
            assert!(matches!(error, Err(EmbeddedError::Unfinished(_))));
            let back = copied(&from_tables, &folder(&target)).await;
            assert_eq!(back, there);
        }
        drop(embedded(&target));
    }
}

#[tokio::test]
async fn what_is_not_an_empty_store_of_its_own_is_refused_and_left_as_it_is() {
    let Some(options) = fresh() else { return };
    let place = TempDir::new().expect("a folder");
    let at = |name: &str| place.path().join(name);
    filled(&at("source"), 3).await;
    filled(&at("other"), 2).await;
    let source = folder(&at("source"));
    assert!(matches!(refused(&folder(&at("none")), &tables(&options)).await, CopyError::NoData(_)));
    assert!(!at("none").exists());
    assert!(matches!(refused(&source, &source).await, CopyError::Same));
    assert!(matches!(refused(&source, &folder(&at("other"))).await, CopyError::NotEmpty(_)));
    let wrong = CopyPlace::Folder { path: at("source"), sealing: sealing(8) };
    let error = refused(&wrong, &tables(&options)).await;
    assert!(matches!(error, CopyError::Folder(EmbeddedError::WrongKey(_))), "{error}");
    let held = embedded(&at("source"));
    let error = refused(&source, &tables(&options)).await;
    assert!(error.to_string().contains("another process holds"), "{error}");
    held.close().await;

    assert!(stopped(&source, &tables(&options), 2).await);
    assert!(matches!(refused(&folder(&at("other")), &tables(&options)).await, CopyError::OtherCopy));
    let store = embedded(&at("source"));
    let seen = Commit::of_value(Timestamp::from_millis(6), LAST_SEEN, 6_u64.to_be_bytes().to_vec());
    assert!(store.commit(vec![seen]).await[0].is_ok());
    store.close().await;
    assert!(matches!(refused(&source, &tables(&options)).await, CopyError::Changed));
    let Some(options) = fresh() else { return };
    copied(&source, &tables(&options)).await;
    assert!(matches!(refused(&source, &tables(&options)).await, CopyError::NotEmpty(_)));
    assert!(matches!(refused(&tables(&options), &tables(&options)).await, CopyError::Same));
}

#[tokio::test]
async fn tables_of_a_server_that_may_run_are_not_copied() {
    let Some(options) = fresh() else { return };
    let place = TempDir::new().expect("a folder");
    let store = PostgresStore::open(&options).await.expect("a store");
    let now = SystemClock::new().now();
    let mut commit = create(1);
    commit.at = now;
    assert!(store.commit(vec![commit]).await[0].is_ok());
    let target = folder(place.path());
    assert!(matches!(refused(&tables(&options), &target).await, CopyError::InUse(_)));
    store.close().await;
    copied(&tables(&options), &target).await;
    // One that was killed long ago.
    let store = PostgresStore::open(&options).await.expect("a store");
    let long_ago = ValueRecordV1 { bytes: (now.as_millis() - 200_000).to_be_bytes().to_vec() };
    let fence = Write { key: key::value(&format!("{NODE}1")), value: Some(encode(&long_ago).expect("a record")) };
    store.write_entries(vec![vec![fence]]).await.expect("a write");
    store.close().await;
    let other = TempDir::new().expect("a folder");
    copied(&tables(&options), &folder(other.path())).await;
}

#[tokio::test]
async fn a_copy_whose_target_was_written_to_is_not_finished() {
    let Some(options) = fresh() else { return };
    let place = TempDir::new().expect("a folder");
    filled(place.path(), 3).await;
    let source = folder(place.path());
    assert!(stopped(&source, &tables(&options), 2).await);
    let entries = format!("{}_kv", options.prefix);
    let client = crate::store::postgres::tests::client(&options).await;
    client.batch_execute(&format!("INSERT INTO {entries} VALUES ('\\x0300', 1, '')")).await.expect("an entry");
    let error = refused(&source, &tables(&options)).await;
    assert!(matches!(error, CopyError::Differ { here, there } if here.keys + 1 == there.keys), "{error}");
    assert!(matches!(PostgresStore::open(&options).await, Err(PostgresError::Unfinished)));
}
