//! The store against a real server, which the tests start for themselves: version 15 or later, where `initdb` is found.

mod cluster;
mod log;
mod new_users;
mod silence;

use std::sync::Arc;

use bytes::Bytes;

use super::map::Postgres;
use super::names::Names;
use super::pool::{Pool, READERS};
use super::*;
use crate::domain::id::{IdentificationId, UserId};
use crate::domain::identifier::{EmailAddress, IdentifierKind};
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::domain::user::{Identification, User};
use crate::store::kv::shared_map::{AppendError, Batch, SharedMap, Stamp};
use crate::store::{Commit, CommitError, Decision, Sealing, Store, UserWrite};

pub(in crate::store) use cluster::url;

/// Options for tables that no other test has; `None` where there is no server.
pub(in crate::store) fn fresh() -> Option<PostgresOptions> {
    let sealing = Sealing { key: zeroize::Zeroizing::new([7; 32]), seal: true };
    let prefix = format!("t{}", crate::domain::text::hex(&crate::entropy::unique_bytes()[..8]));
    Some(PostgresOptions { url: Secret::new(url()?), prefix, sealing: Some(sealing), migrates: true, projects: true })
}

fn same(options: &PostgresOptions) -> PostgresOptions {
    let sealing = options.sealing.as_ref().map(|sealing| Sealing { key: sealing.key.clone(), seal: sealing.seal });
    PostgresOptions {
        url: Secret::new(options.url.expose().clone()),
        prefix: options.prefix.clone(),
        sealing,
        migrates: options.migrates,
        projects: options.projects,
    }
}

/// A connection of a test's own.
pub(in crate::store) async fn client(options: &PostgresOptions) -> tokio_postgres::Client {
    map(options).await.pool.bare().await.expect("a connection")
}

/// The map itself, without sealing.
async fn map(options: &PostgresOptions) -> Postgres {
    PostgresStore::migrate(options).await.expect("tables");
    let config = options.url.expose().parse().expect("a URL");
    Postgres::over(Pool::new(config, None, Names::of(&options.prefix).expect("a word"), true), None)
}

fn batch(expected: &[(&'static str, Option<Stamp>)], writes: &[(&'static str, Option<&'static str>)]) -> Batch {
    let key = |text: &'static str| Bytes::from_static(text.as_bytes());
    Batch {
        expected: expected.iter().map(|(name, stamp)| (key(name), *stamp)).collect(),
        writes: writes.iter().map(|(name, value)| (key(name), value.map(key))).collect(),
        ..Batch::default()
    }
}

async fn stamp(map: &Postgres, key: &'static str) -> Option<Stamp> {
    let found = map.get_many(&[Bytes::from_static(key.as_bytes())]).await.expect("a read");
    found[0].as_ref().map(|entry| entry.stamp)
}

#[tokio::test]
async fn a_batch_is_written_only_where_all_is_as_expected() {
    let Some(options) = fresh() else { return };
    let map = map(&options).await;
    let keys = |names: &[&'static str]| {
        Err(AppendError::Conflict(names.iter().map(|name| Bytes::from_static(name.as_bytes())).collect()))
    };
    let (one, two) = (Stamp::draw(), Stamp::draw());
    let first = batch(&[("a", None)], &[("a", Some("1")), ("b", Some("1")), ("c", Some("1"))]);
    assert_eq!(map.append(one, &first).await, Ok(0));
    assert_eq!(map.append(two, &first).await, keys(&["a"]), "it is there by now");
    assert_eq!((stamp(&map, "a").await, stamp(&map, "b").await), (Some(one), Some(one)), "nothing of it was written");
    // Each kind of expectation, one of which does not hold.
    let (right, wrong) = (Some(one), Some(two));
    for (expected, writes, changed) in [
        (vec![("a", wrong), ("b", right)], vec![("a", Some("2")), ("b", Some("2"))], "a"),
        (vec![("a", right), ("b", wrong)], vec![("a", Some("2")), ("b", None)], "b"),
        (vec![("a", right), ("b", wrong)], vec![("a", Some("2"))], "b"),
        (vec![("a", right), ("x", wrong)], vec![("a", Some("2"))], "x"),
        (vec![("a", right), ("b", None)], vec![("a", Some("2"))], "b"),
        (vec![("a", right), ("b", None)], vec![("a", Some("2")), ("b", None)], "b"),
        (vec![("a", right), ("b", None)], vec![("a", Some("2")), ("b", Some("2"))], "b"),
    ] {
        assert_eq!(map.append(Stamp::draw(), &batch(&expected, &writes)).await, keys(&[changed]), "{expected:?}");
        assert_eq!((stamp(&map, "a").await, stamp(&map, "b").await), (right, right), "{expected:?}");
    }
    let all = batch(
        &[("a", right), ("b", right), ("c", right), ("x", None), ("y", None)],
        &[("a", Some("3")), ("b", None), ("x", Some("3")), ("z", Some("")), ("none", None)],
    );
    assert_eq!(map.append(two, &all).await, Ok(0));
    let expected = [Some(two), None, Some(one), Some(two), None, Some(two), None];
    for (key, expected) in ["a", "b", "c", "x", "y", "z", "none"].into_iter().zip(expected) {
        assert_eq!(stamp(&map, key).await, expected, "{key}");
    }
}

#[tokio::test]
async fn of_many_that_add_one_key_at_once_one_does() {
    let Some(options) = fresh() else { return };
    let options = Arc::new(options);
    PostgresStore::migrate(&options).await.expect("tables");
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..8 {
        let options = options.clone();
        tasks.spawn(async move {
            let map = map(&options).await;
            let mut added = 0;
            for round in 0..20_u8 {
                // Some write the key, and some only need that nobody does.
                let key = Bytes::from(vec![1, round]);
                let writes = if task % 2 == 0 { key.clone() } else { Bytes::from(vec![2, round, task]) };
                let batch = Batch {
                    expected: [(key, None)].into(),
                    writes: [(writes, Some(Bytes::from_static(b"here")))].into(),
                    ..Batch::default()
                };
                loop {
                    match map.append(Stamp::draw(), &batch).await {
                        Ok(_) => added += usize::from(task % 2 == 0),
                        Err(AppendError::Again) => continue,
                        Err(AppendError::Conflict(_)) => {}
                        Err(error) => panic!("{error:?}"),
                    }
                    break;
                }
            }
            added
        });
    }
    assert_eq!(tasks.join_all().await.into_iter().sum::<usize>(), 20);
    let map = map(&options).await;
    let client = map.pool.bare().await.expect("a connection");
    let guards = "SELECT count(*) FROM {} WHERE value = ''".replace("{}", &map.pool.names.entries);
    assert_eq!(client.query_one(&guards, &[]).await.expect("a count").get::<_, i64>(0), 0, "no guard stays");
}

#[tokio::test]
async fn a_connection_that_is_lost_is_made_anew_and_what_it_did_is_found_out() {
    let Some(options) = fresh() else { return };
    let store = PostgresStore::open(&options).await.expect("a store");
    let (ada, eve) = (user(1, "ada@example.com"), user(2, "eve@example.com"));
    assert!(store.commit(vec![create(&ada)]).await[0].is_ok());
    let other = map(&options).await.pool.bare().await.expect("a connection");
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
               WHERE pid <> pg_backend_pid() AND query LIKE '%' || $1 || '%'";
    for _ in 0..3 {
        other.query(end, &[&options.prefix]).await.expect("all connections to these tables end");
        assert!(store.user(ada.id).await.is_ok_and(|found| found.is_some()), "a read is asked of another connection");
    }
    other.query(end, &[&options.prefix]).await.expect("all connections to these tables end");
    let answers = store.commit(vec![create(&eve)]).await;
    assert!(answers[0].is_ok() || store.commit(vec![create(&eve)]).await[0].is_ok(), "{answers:?}");
    assert_eq!(store.count_users().await, Ok(2));
    assert_eq!(store.health(), Ok(()));
    store.close().await;
    let refused = store.commit(vec![create(&user(3, "x@example.com"))]).await.remove(0);
    assert_eq!(refused.err(), Some(CommitError::Unavailable));
    assert!(store.health().is_err());
}

#[tokio::test]
async fn what_a_batch_waits_for_is_waited_for_a_moment_only() {
    let Some(options) = fresh() else { return };
    let map = map(&options).await;
    let one = Stamp::draw();
    assert_eq!(map.append(one, &batch(&[], &[("a", Some("1"))])).await, Ok(0));
    let other = map.pool.bare().await.expect("a connection");
    other.batch_execute(&format!("BEGIN; UPDATE {} SET value = 'x'", map.pool.names.entries)).await.expect("a lock");
    let change = batch(&[("a", Some(one))], &[("a", Some("2"))]);
    assert_eq!(map.append(Stamp::draw(), &change).await, Err(AppendError::Again));
    other.batch_execute("ROLLBACK").await.expect("an end");
    assert_eq!(map.append(Stamp::draw(), &change).await, Ok(0));
}

#[tokio::test]
async fn two_stores_over_one_table_are_one_instance() {
    let Some(options) = fresh() else { return };
    let stores = [PostgresStore::open(&options).await, PostgresStore::open(&same(&options)).await];
    let stores = stores.map(|store| Arc::new(store.expect("a store")));
    let mut tasks = tokio::task::JoinSet::new();
    for (index, store) in stores.iter().cloned().enumerate() {
        tasks.spawn(async move {
            let mut made = Vec::new();
            for n in 0..30_u8 {
                let id = 2 * n + u8::try_from(index).expect("two");
                let answer = store.commit(vec![create(&user(id, &format!("{}@example.com", n / 3)))]).await.remove(0);
                match answer {
                    Ok(_) => made.push(id),
                    Err(error) => assert_eq!(error, CommitError::IdentifierTaken(IdentifierKind::EmailAddress)),
                }
            }
            made
        });
    }
    let made = tasks.join_all().await.concat();
    assert_eq!(made.len(), 10, "one user for each address");
    let events = stores[1].events(None, 100).await.expect("the log").events;
    assert_eq!((stores[0].count_users().await, events.len()), (Ok(10), 10));
    for store in stores {
        store.close().await;
    }
    let map = map(&options).await;
    let left = map.scan(&[crate::store::kv::key::Kind::Value.byte()], &[], 10).await.expect("a scan");
    assert!(left.iter().all(|(key, _)| !key[1..].starts_with(b"node:")), "a node that ends leaves nothing: {left:?}");
}

#[tokio::test]
async fn values_are_sealed_and_another_key_is_refused() {
    let Some(options) = fresh() else { return };
    let store = PostgresStore::open(&options).await.expect("a store");
    let ada = user(1, "ada@example.com");
    assert!(store.commit(vec![create(&ada)]).await[0].is_ok());
    store.close().await;
    let found = map(&options).await.scan(&[crate::store::kv::key::Kind::User.byte()], &[], 10).await.expect("a scan");
    assert_eq!(found.len(), 1);
    assert!(!found[0].1.windows(3).any(|bytes| bytes == b"ada"));
    let with = |key: u8| {
        let sealing = Sealing { key: zeroize::Zeroizing::new([key; 32]), seal: true };
        PostgresOptions { sealing: Some(sealing), ..same(&options) }
    };
    assert!(matches!(PostgresStore::open(&with(8)).await, Err(PostgresError::WrongKey)));
    let plain = PostgresOptions { sealing: None, ..same(&options) };
    assert!(matches!(PostgresStore::open(&plain).await, Err(PostgresError::WrongKey)));
    let again = PostgresStore::open(&with(7)).await.expect("the right key");
    assert_eq!(again.user(ada.id).await.map(|user| user.map(|user| user.id)), Ok(Some(ada.id)));
}

#[tokio::test]
async fn tables_are_made_once_and_only_where_that_is_wanted() {
    let Some(options) = fresh() else { return };
    let waits = PostgresOptions { migrates: false, ..same(&options) };
    assert!(matches!(PostgresStore::open(&waits).await, Err(PostgresError::NotMigrated)));
    let (one, other) = tokio::join!(PostgresStore::migrate(&options), PostgresStore::migrate(&options));
    assert!(one.is_ok() && other.is_ok(), "{one:?} {other:?}");
    let pool = map(&options).await.pool;
    let client = pool.bare().await.expect("a connection");
    let facts = async || {
        let rows = client.query(&pool.names.facts(), &[]).await.expect("facts");
        rows.iter().map(|row| (row.get(0), row.get(1))).collect::<Vec<(String, String)>>()
    };
    let before = facts().await;
    PostgresStore::migrate(&options).await.expect("nothing to do");
    let after = facts().await;
    assert_eq!((before.len(), before), (2, after));
    PostgresStore::open(&waits).await.expect("the tables are there");
    let newer = format!("UPDATE {} SET value = '4' WHERE name = 'format'", pool.names.meta);
    client.batch_execute(&newer).await.expect("an update");
    assert!(matches!(PostgresStore::open(&options).await, Err(PostgresError::TooNew(format)) if format == "4"));
}

#[tokio::test]
async fn a_database_that_is_not_there_is_told_in_words() {
    let options = |url: &str, prefix: &str| PostgresOptions {
        url: Secret::new(url.into()),
        prefix: prefix.into(),
        sealing: None,
        migrates: true,
        projects: true,
    };
    let error = PostgresStore::open(&options("postgres:///x?host=/nowhere&user=ada&password=wanders", "a")).await;
    let error = error.expect_err("no server").to_string();
    assert!(error.starts_with("the database can't be reached: ") && !error.contains("wanders"), "{error}");
    let error = PostgresStore::open(&options("https://wanders", "a")).await.expect_err("no such URL").to_string();
    assert!(error.starts_with("the URL of the database can't be read") && !error.contains("wanders"), "{error}");
    assert!(matches!(PostgresStore::open(&options("postgres:///x", "A")).await, Err(PostgresError::Prefix)));
}

#[tokio::test]
async fn a_user_has_a_row_for_sql_as_long_as_it_is_there() {
    let Some(options) = fresh() else { return };
    let store = PostgresStore::open(&options).await.expect("a store");
    let client = client(&options).await;
    let rows = async || rows(&client, &options).await;
    let ada = User {
        first_name: Some("Ada".into()),
        external_id: Some("customer 7".into()),
        public_metadata: r#"{"zero":"\u0000"}"#.into(),
        ..user(1, "ada@example.com")
    };
    let eve = user(2, "eve@example.com");
    let taken = user(3, "ada@example.com");
    let answers = store.commit(vec![create(&ada), create(&taken), create(&eve)]).await;
    assert_eq!(answers.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
    let row = |user: &User, name: &str| {
        (user.id.to_string(), Some(user.email_addresses[0].value.as_str().into()), name.into())
    };
    assert_eq!(rows().await, [row(&ada, "Ada"), row(&eve, "")]);
    let statement = format!(
        "SELECT external_id, public_metadata->>'zero', extract(epoch FROM created_at)::float8 FROM {}_user WHERE id = $1",
        options.prefix
    );
    let found = client.query_one(&statement, &[&ada.id.to_string()]).await.expect("a row");
    assert_eq!((found.get(0), found.get(1), found.get(2)), (Some("customer 7"), Some("\u{fffd}"), 0.001));

    let changed = User { version: 2, first_name: Some("Augusta".into()), ..ada.clone() };
    let change = |expected_version| UserWrite::Change { next: Box::new(changed.clone()), expected_version };
    let write =
        |write| Commit::of_decision(Timestamp::from_millis(2), Decision { users: vec![write], ..Decision::default() });
    let answers = store.commit(vec![write(change(7)), write(change(1))]).await;
    assert!(answers[0].is_err() && answers[1].is_ok(), "{answers:?}");
    assert_eq!(rows().await, [row(&ada, "Augusta"), row(&eve, "")]);
    let remove = UserWrite::Remove { id: ada.id, expected_version: 2 };
    assert!(store.commit(vec![write(remove)]).await[0].is_ok());
    assert_eq!(rows().await, [row(&eve, "")]);

    // A store of an older version, or one that was opened without these rows, gets them at its next opening.
    store.close().await;
    let without = PostgresOptions { projects: false, ..same(&options) };
    let store = PostgresStore::open(&without).await.expect("a store");
    let bob = user(4, "bob@example.com");
    let remove = UserWrite::Remove { id: eve.id, expected_version: 1 };
    assert!(store.commit(vec![create(&bob), write(remove)]).await.iter().all(Result::is_ok));
    store.close().await;
    assert_eq!(rows().await, [row(&eve, "")]);
    PostgresStore::open(&options).await.expect("a store").close().await;
    assert_eq!(rows().await, [row(&bob, "")]);
    client.batch_execute(&format!("DELETE FROM {}_user", options.prefix)).await.expect("a loss");
    let done = PostgresStore::project(&options).await.expect("users");
    assert_eq!((done, rows().await), (Projected { users: 1, ..Projected::default() }, vec![row(&bob, "")]));
}

#[tokio::test]
async fn rows_are_those_of_the_users_while_several_nodes_race_and_the_table_is_completed() {
    let Some(options) = fresh() else { return };
    let stores = [PostgresStore::open(&options).await, PostgresStore::open(&same(&options)).await];
    let mut tasks = tokio::task::JoinSet::new();
    for (index, store) in stores.into_iter().enumerate() {
        let store = store.expect("a store");
        tasks.spawn(async move {
            for n in 0..25_u8 {
                let id = 2 * n + u8::try_from(index).expect("two");
                let made = user(id, &format!("{}@example.com", n / 3));
                let answers =
                    store.commit(vec![create(&made), create(&user(id + 100, &format!("{id}@example.org")))]).await;
                if answers[0].is_ok() && n % 2 == 0 {
                    let remove = UserWrite::Remove { id: made.id, expected_version: 1 };
                    let decision = Decision { users: vec![remove], ..Decision::default() };
                    let answer =
                        store.commit(vec![Commit::of_decision(Timestamp::from_millis(2), decision)]).await.remove(0);
                    assert!(answer.is_ok(), "{answer:?}");
                }
            }
            store.close().await;
        });
    }
    while !tasks.is_empty() {
        PostgresStore::project(&options).await.expect("users");
        while let Some(done) = tasks.try_join_next() {
            done.expect("no panic");
        }
    }
    let store = PostgresStore::open(&options).await.expect("a store");
    let rows = rows(&client(&options).await, &options).await;
    assert_eq!(store.count_users().await, Ok(rows.len() as u64));
    for (id, email, _) in rows {
        let user = store.user(id.parse().expect("an id")).await.expect("a read").expect("a user");
        assert_eq!(email.as_deref(), Some(user.email_addresses[0].value.as_str()));
    }
}

#[tokio::test]
async fn tables_of_the_first_format_are_brought_to_this_one_where_that_is_wanted() {
    let Some(options) = fresh() else { return };
    let store = PostgresStore::open(&options).await.expect("a store");
    let ada = user(1, "ada@example.com");
    assert!(store.commit(vec![create(&ada)]).await[0].is_ok());
    store.close().await;
    let client = client(&options).await;
    let first = "DROP TABLE {}_user; DELETE FROM {}_meta WHERE name = 'projected'; \
                 UPDATE {}_meta SET value = '1' WHERE name = 'format'";
    client.batch_execute(&first.replace("{}", &options.prefix)).await.expect("the first format");
    let waits = PostgresOptions { migrates: false, ..same(&options) };
    assert!(matches!(PostgresStore::open(&waits).await, Err(PostgresError::Older)));
    assert!(matches!(PostgresStore::inspect(&waits).await, Err(PostgresError::Older)));
    PostgresStore::inspect(&options).await.expect("a start would change them");
    PostgresStore::migrate(&waits).await.expect("tables");
    PostgresStore::open(&waits).await.expect("the tables are as they should be").close().await;
    assert_eq!(rows(&client, &options).await.len(), 1);
}

#[tokio::test]
async fn a_database_whose_texts_lack_characters_has_no_rows_of_users() {
    let Some(options) = fresh() else { return };
    let made = client(&options).await;
    let name = &options.prefix;
    let make = format!("CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
    made.batch_execute(&make).await.expect("a database");
    let url = options.url.expose().replace("/postgres?", &format!("/{name}?"));
    let there = PostgresOptions { url: Secret::new(url), ..same(&options) };
    assert!(
        matches!(PostgresStore::open(&there).await, Err(PostgresError::Encoding(encoding)) if encoding == "LATIN1")
    );
    let without = PostgresOptions { projects: false, ..same(&there) };
    let store = PostgresStore::open(&without).await.expect("a store");
    let ada = User { first_name: Some("Ада".into()), ..user(1, "ada@example.com") };
    assert!(store.commit(vec![create(&ada)]).await[0].is_ok());
}

/// The ids, addresses and first names in the table for SQL.
async fn rows(client: &tokio_postgres::Client, options: &PostgresOptions) -> Vec<(String, Option<String>, String)> {
    let all = format!(
        "SELECT id, email_address, coalesce(first_name, '') FROM {}_user ORDER BY email_address",
        options.prefix
    );
    let rows = client.query(&all, &[]).await.expect("rows");
    rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
}

fn user(n: u8, address: &str) -> User {
    let email = EmailAddress::restore(address.into(), address.into());
    let email = Identification::unproved(IdentificationId::from_bytes([n; 16]), email);
    let user = User::new(UserId::from_bytes([n; 16]), Timestamp::from_millis(n.into()));
    User { version: 1, email_addresses: vec![email], ..user }
}

fn create(user: &User) -> Commit {
    let users = vec![UserWrite::Create(Box::new(user.clone()))];
    Commit::of_decision(Timestamp::from_millis(1), Decision { users, ..Decision::default() })
}

/// The whole suite of requirements, on a table for each.
mod contract {
    use super::fresh;
    use crate::store::{PostgresStore, check_store};

    /// A test for each requirement.
    macro_rules! on_postgres {
        (=> $($about:ident :: $requirement:ident)*) => {
            $(
                #[test]
                fn $requirement() {
                    let Some(options) = fresh() else { return };
                    check_store(stringify!($requirement), async || {
                        (PostgresStore::open(&options).await.expect("a store"), ())
                    });
                }
            )*
        };
    }

    crate::__requirements_for_stores! { [on_postgres] }
}
