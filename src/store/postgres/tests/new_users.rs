//! The application's SQL in the transactions that make users.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::{client, create, fresh, rows, same, user};
use crate::domain::id::SessionId;
use crate::domain::refusal::Refusal;
use crate::domain::rejection::ErrorCode;
use crate::domain::time::Timestamp;
use crate::domain::user::User;
use crate::store::postgres::{NewUserSql, PostgresOptions, PostgresStore, SqlFailure, SqlStatement};
use crate::store::{Commit, CommitError, Decision, Store, UserWrite};

/// A row in a table of plans for each user, which refuses some, can't check others, and panics about one.
struct Plans {
    table: String,
    /// For how many users it was asked for statements.
    asked: AtomicUsize,
}

impl NewUserSql for Plans {
    fn statements(&self, user: &User, session_id: Option<SessionId>) -> Vec<SqlStatement> {
        let email = user.email_addresses[0].value.as_str();
        assert!(!email.starts_with("panics"), "a fault of the application");
        let table = &self.table;
        let insert = format!("INSERT INTO {table} (user_id, email, session_id) VALUES ($1, $2, $3)");
        let session_id = session_id.map(|id| id.to_string());
        let insert = SqlStatement::new(insert).bind(user.id.to_string()).bind(email).bind(session_id);
        self.asked.fetch_add(1, Ordering::Relaxed);
        let more = ["sleeps", "naps", "waits"].iter().zip([
            SqlStatement::new("SELECT pg_sleep(3)"),
            SqlStatement::new("SELECT pg_sleep(0.8)"),
            SqlStatement::new("SELECT pg_advisory_xact_lock(hashtext($1))").bind(table.as_str()),
        ]);
        let more = more.filter(|(name, _)| email.starts_with(*name)).map(|(_, statement)| statement);
        std::iter::once(insert).chain(more).collect()
    }

    fn refusal(&self, failure: &SqlFailure) -> Option<Refusal> {
        let is_known = failure.code == "23514" && failure.constraint.as_deref() == Some("no_eve");
        is_known.then(|| Refusal::new("no_eve", "There is no plan for you.").expect("a sentence"))
    }
}

async fn plans(options: &PostgresOptions) -> Arc<Plans> {
    PostgresStore::migrate(options).await.expect("tables");
    let (prefix, table) = (&options.prefix, format!("{}_plans", options.prefix));
    let make = format!(
        "CREATE TABLE {table} (user_id text PRIMARY KEY REFERENCES {prefix}_user (id), session_id text, \
         email text NOT NULL CONSTRAINT no_eve CHECK (email NOT LIKE 'eve%'))"
    );
    client(options).await.batch_execute(&make).await.expect("a table");
    Arc::new(Plans { table, asked: AtomicUsize::new(0) })
}

async fn planned(options: &PostgresOptions) -> BTreeSet<String> {
    let all = format!("SELECT user_id FROM {}_plans", options.prefix);
    client(options).await.query(&all, &[]).await.expect("rows").iter().map(|row| row.get(0)).collect()
}

fn remove(user: &User) -> Commit {
    let users = vec![UserWrite::Remove { id: user.id, expected_version: user.version }];
    Commit::of_decision(Timestamp::from_millis(2), Decision { users, ..Decision::default() })
}

#[tokio::test]
async fn a_user_that_the_database_refuses_is_not_made_and_the_others_are() {
    let Some(options) = fresh() else { return };
    let store = PostgresStore::open_with(&options, plans(&options).await).await.expect("a store");
    let users: Vec<_> = ["ada", "eve", "bob", "panics", "sleeps", "zoe"]
        .iter()
        .zip(1..)
        .map(|(name, n)| user(n, &format!("{name}@example.com")))
        .collect();
    let answers = store.commit(users.iter().map(create).collect()).await;
    for (index, code) in [(1, ErrorCode::RefusedByApplication), (3, ErrorCode::SignUpCheckFailed)] {
        let refused = answers[index].clone().expect_err("it is refused");
        assert!(matches!(&refused, CommitError::Rejected(rejection) if rejection.is(code)), "{refused:?}");
        assert_eq!(store.user(users[index].id).await, Ok(None));
    }
    assert_eq!(answers[4].clone().err(), Some(CommitError::Overloaded));
    assert_eq!(store.user(users[4].id).await, Ok(None));
    for index in [0, 2, 5] {
        assert!(answers[index].is_ok(), "{:?}", answers[index]);
        assert!(store.user(users[index].id).await.is_ok_and(|user| user.is_some()));
    }
    let made: BTreeSet<_> = [0, 2, 5].map(|index: usize| users[index].id.to_string()).into();
    assert_eq!(planned(&options).await, made);
    // A change of a user is no new one.
    let changed = User { version: 2, first_name: Some("Ada".into()), ..users[0].clone() };
    let write = UserWrite::Change { next: Box::new(changed.clone()), expected_version: 1 };
    let change = Commit::of_decision(Timestamp::from_millis(2), Decision { users: vec![write], ..Decision::default() });
    // The table of plans still refers to one that is to go, which holds up no other commit.
    let answers = store.commit(vec![change, remove(&users[2]), create(&user(9, "new@example.com"))]).await;
    assert_eq!(answers.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
    assert_eq!(answers[1].clone().err(), Some(CommitError::Unavailable));
    assert_eq!(planned(&options).await.len(), 4);
}

#[tokio::test]
async fn a_lock_on_the_applications_table_holds_up_a_batch_for_a_short_time_and_only_its_users() {
    let Some(options) = fresh() else { return };
    let plans = plans(&options).await;
    let store = PostgresStore::open_with(&options, plans.clone()).await.expect("a store");
    let others = (0..3).map(|n| Commit::of_value(Timestamp::from_millis(1), &format!("value {n}"), vec![n]));
    let batch = |first: u8| {
        let users = (first..first + 60).map(|n| create(&user(n, &format!("user{n}@example.com"))));
        users.chain(others.clone()).collect::<Vec<_>>()
    };
    let lock = client(&options).await;
    let locked = format!(
        "SET idle_in_transaction_session_timeout = 0; BEGIN; LOCK TABLE {} IN ACCESS EXCLUSIVE MODE",
        plans.table
    );
    lock.batch_execute(&locked).await.expect("a lock");
    // The first batch tries several of its users before it gives up; the next one gives up at its first user.
    for (asked_max, first) in [(10, 1), (1, 61)] {
        plans.asked.store(0, Ordering::Relaxed);
        let answers = store.commit(batch(first)).await;
        let asked = plans.asked.load(Ordering::Relaxed);
        assert!((1..=asked_max).contains(&asked), "each time costs 250 ms: {asked}");
        for answer in &answers[..60] {
            assert_eq!(answer.clone().err(), Some(CommitError::Overloaded));
        }
        assert!(answers[60..].iter().all(Result::is_ok), "{answers:?}");
    }
    assert_eq!((store.count_users().await, store.health()), (Ok(0), Ok(())));
    lock.batch_execute("COMMIT").await.expect("the lock ends");
    for first in [1, 61] {
        assert!(store.commit(batch(first)).await.iter().all(Result::is_ok));
    }
    assert_eq!((store.count_users().await, planned(&options).await.len()), (Ok(120), 120));
}

#[tokio::test]
async fn a_user_for_whom_a_lock_is_waited_for_in_vain_holds_up_no_other() {
    let Some(options) = fresh() else { return };
    let plans = plans(&options).await;
    let store = PostgresStore::open_with(&options, plans.clone()).await.expect("a store");
    let lock = client(&options).await;
    lock.query("SELECT pg_advisory_lock(hashtext($1))", &[&plans.table]).await.expect("a lock");
    let names = ["ada", "waits", "bob"];
    let users: Vec<_> = names.iter().zip(1..).map(|(name, n)| user(n, &format!("{name}@example.com"))).collect();
    let answers = store.commit(users.iter().map(create).collect()).await;
    assert!(answers[0].is_ok() && answers[2].is_ok(), "{answers:?}");
    assert_eq!(answers[1].clone().err(), Some(CommitError::Overloaded));
    drop(lock);
    let mut again = store.commit(vec![create(&users[1])]).await.remove(0);
    while again.clone().err() == Some(CommitError::Overloaded) {
        again = store.commit(vec![create(&users[1])]).await.remove(0);
    }
    assert_eq!((again.is_ok(), planned(&options).await.len()), (true, 3));
}

#[tokio::test]
async fn statements_that_together_take_too_long_are_made_for_fewer_users_and_not_for_ever() {
    let Some(options) = fresh() else { return };
    let store = PostgresStore::open_with(&options, plans(&options).await).await.expect("a store");
    let users: Vec<_> = (1..=8).map(|n| user(n, &format!("naps{n}@example.com"))).collect();
    let mut batch: Vec<_> = users.iter().map(create).collect();
    batch.push(Commit::of_value(Timestamp::from_millis(1), "a value", vec![1]));
    let answers = store.commit(batch).await;
    let made = answers[..8].iter().take_while(|answer| answer.is_ok()).count();
    assert!((1..=3).contains(&made), "{answers:?}");
    for answer in &answers[made..8] {
        assert_eq!(answer.clone().err(), Some(CommitError::Overloaded));
    }
    assert!(answers[8].is_ok(), "{answers:?}");
    assert_eq!(planned(&options).await.len(), made);
}

#[tokio::test]
async fn a_lock_on_the_rows_of_users_is_not_waited_for_for_ever() {
    let Some(options) = fresh() else { return };
    let store = PostgresStore::open(&options).await.expect("a store");
    // A connection is made: a lock keeps new ones from being prepared.
    assert!(store.commit(vec![create(&user(2, "eve@example.com"))]).await[0].is_ok());
    let lock = client(&options).await;
    let locked = format!(
        "SET idle_in_transaction_session_timeout = 0; BEGIN; LOCK TABLE {}_user IN ACCESS EXCLUSIVE MODE",
        options.prefix
    );
    lock.batch_execute(&locked).await.expect("a lock");
    let value = Commit::of_value(Timestamp::from_millis(1), "a value", vec![1]);
    let answers = store.commit(vec![create(&user(1, "ada@example.com")), value]).await;
    assert_eq!(answers[0].clone().err(), Some(CommitError::Overloaded));
    assert!(answers[1].is_ok(), "{answers:?}");
    lock.batch_execute("COMMIT").await.expect("the lock ends");
    assert!(store.commit(vec![create(&user(1, "ada@example.com"))]).await[0].is_ok());
}

#[tokio::test]
async fn the_applications_rows_are_those_of_the_users_whatever_becomes_of_connections() {
    let Some(options) = fresh() else { return };
    let plans = plans(&options).await;
    let mut tasks = tokio::task::JoinSet::new();
    for node in 0..2_u8 {
        let store = PostgresStore::open_with(&same(&options), plans.clone()).await.expect("a store");
        tasks.spawn(async move {
            let mut answers = Vec::new();
            for n in 0..25_u8 {
                let id = 4 * n + 2 * node;
                // Both nodes want the same address now and then.
                let name = if n % 5 == 4 { "eve" } else { "ada" };
                let users =
                    [user(id, &format!("{name}{}@example.com", n / 2)), user(id + 1, &format!("bob{id}@example.com"))];
                let done = store.commit(users.iter().map(create).collect()).await;
                answers.extend(users.into_iter().zip(done));
            }
            answers
        });
    }
    let killer = client(&options).await;
    let end = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE pid <> pg_backend_pid() AND query LIKE '%{}%'",
        options.prefix
    );
    let (mut answers, mut pause) = (Vec::new(), 0);
    while !tasks.is_empty() {
        killer.query(&end, &[]).await.expect("connections end");
        // Sometimes long enough for batches to be written, and sometimes short enough to meet others at any place.
        pause = (pause + 15) % 90;
        tokio::time::sleep(Duration::from_millis(5 + pause)).await;
        while let Some(done) = tasks.try_join_next() {
            answers.extend(done.expect("no panic"));
        }
    }
    let store = PostgresStore::open(&options).await.expect("a store");
    let users: BTreeSet<_> = rows(&client(&options).await, &options).await.into_iter().map(|(id, ..)| id).collect();
    assert_eq!(planned(&options).await, users);
    assert_eq!(store.count_users().await, Ok(users.len() as u64));
    assert!(answers.iter().any(|(_, answer)| answer.is_ok()), "{answers:?}");
    for (user, answer) in answers {
        let is_there = store.user(user.id).await.expect("a read").is_some();
        assert_eq!(users.contains(&user.id.to_string()), is_there);
        match answer {
            Ok(_) => assert!(is_there, "{user:?}"),
            Err(CommitError::Unknown) => {}
            Err(_) => assert!(!is_there, "{user:?}"),
        }
    }
}
