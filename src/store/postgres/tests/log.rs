//! The log of events, whose records the database numbers.

use std::sync::Arc;

use super::{PostgresStore, create, fresh, map, same, user};
use crate::store::Store;
use crate::store::kv::key::{self, Kind};
use crate::store::kv::key_value::Write;
use crate::store::kv::shared_map::{AppendError, Batch, SharedMap, Stamp};

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_on_while_several_nodes_write_misses_no_event() {
    let Some(options) = fresh() else { return };
    let mut tasks = tokio::task::JoinSet::new();
    for index in 0..3_u8 {
        let store = PostgresStore::open(&same(&options)).await.expect("a store");
        tasks.spawn(async move {
            for n in 0..40 {
                let id = 3 * n + index;
                let answer = store.commit(vec![create(&user(id, &format!("{id}@example.com")))]).await.remove(0);
                assert!(answer.expect("nobody else wants this address").last_event.is_some());
            }
            store.close().await;
        });
    }
    let store = Arc::new(PostgresStore::open(&options).await.expect("a store"));
    let mut read = Vec::new();
    while read.len() < 120 {
        let more = store.events(read.last().copied(), 7).await.expect("the log").events;
        read.extend(more.into_iter().map(|event| event.position));
        if tasks.is_empty() && store.last_event().await == Ok(read.last().copied()) {
            break;
        }
        while let Some(ended) = tasks.try_join_next() {
            ended.expect("a node that wrote all of its users");
        }
    }
    let all = store.events(None, 1000).await.expect("the log").events;
    assert_eq!((read.len(), read), (120, all.into_iter().map(|event| event.position).collect()));
}

#[tokio::test]
async fn numbers_that_were_written_without_the_database_counting_them_are_not_used_again() {
    let Some(options) = fresh() else { return };
    let store = PostgresStore::open(&options).await.expect("a store");
    let client = super::client(&options).await;
    let mut last = None;
    for (n, counted) in
        ["UPDATE {}_meta SET value = '4294967296'", "DELETE FROM {}_meta", "UPDATE {}_meta SET value = '1'"]
            .into_iter()
            .enumerate()
    {
        let id = u8::try_from(n).expect("few");
        let committed = store.commit(vec![create(&user(id, &format!("{id}@example.com")))]).await.remove(0);
        let position = committed.expect("it is written").last_event;
        assert!(position > last, "{position:?} {last:?}");
        last = position;
        let counted = format!("{counted} WHERE name = 'next_in_log'").replace("{}", &options.prefix);
        assert_eq!(client.execute(&counted, &[]).await.expect("a statement"), 1);
    }
    // Of the last one only a start finds out: the number was free.
    store.close().await;
    let store = PostgresStore::open(&options).await.expect("a store");
    let committed = store.commit(vec![create(&user(9, "eve@example.com"))]).await.remove(0);
    assert!(committed.expect("it is written").last_event > last);
    assert_eq!(store.events(None, 10).await.expect("the log").events.len(), 4);
}

#[tokio::test]
async fn a_log_without_numbers_is_not_written_and_one_without_records_takes_none() {
    let Some(options) = fresh() else { return };
    let map = map(&options).await;
    let records = |count: usize| Batch { log: vec!["a record".into(); count], ..Batch::default() };
    assert_eq!(map.append(Stamp::draw(), &records(1)).await, Err(AppendError::Unnumbered));
    map.number_from(7).await.expect("a number");
    map.number_from(3).await.expect("a smaller number changes nothing");
    assert_eq!(map.append(Stamp::draw(), &records(2)).await, Ok(7));
    assert_eq!(map.append(Stamp::draw(), &records(0)).await, Ok(0));
    assert_eq!(map.append(Stamp::draw(), &records(1)).await, Ok(9));
    let found = map.scan(&[Kind::Event.byte()], &[], 10).await.expect("a scan");
    let numbers: Vec<_> = found.iter().map(|(key, _)| key::parse_events(key)).collect();
    assert_eq!(numbers, [Some(7), Some(8), Some(9)]);
}

#[tokio::test]
async fn records_that_were_sealed_with_their_numbers_are_read_too() {
    let Some(options) = fresh() else { return };
    let store = PostgresStore::open(&options).await.expect("a store");
    assert!(store.commit(vec![create(&user(1, "ada@example.com"))]).await[0].is_ok());
    let entries = store.entries(&[Kind::Event.byte()], &[], 10).await.expect("a scan");
    let (key, value) = entries.into_iter().next().expect("a record");
    let next = key::events(key::parse_events(&key).expect("a number") + 1);
    store.write_entries(vec![vec![Write { key: next, value: Some(value) }]]).await.expect("a copy of it");
    assert_eq!(store.events(None, 10).await.expect("the log").events.len(), 2);
}
