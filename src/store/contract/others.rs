//! Messages, named values, and empty commits.

use crate::store::{Commit, Decision, Housekeeping, Store};

use super::support::*;

pub(super) async fn messages_wait_in_order_until_they_are_sent(store: &impl Store) {
    let (first, second, third) = (message(200, 1), message(3, 2), message(100, 3));
    let of = |outbox| Commit { decision: Decision { outbox, ..Decision::default() }, ..Commit::default() };
    commit(store, of(vec![third.clone(), first.clone()])).await.expect("two messages");
    commit(store, of(vec![second.clone()])).await.expect("a message");

    let all = vec![first.clone(), second.clone(), third.clone()];
    assert_eq!(store.outbox(None, 10).await, Ok(all));
    let two = vec![first.clone(), second.clone()];
    assert_eq!(store.outbox(None, 2).await, Ok(two));
    assert_eq!(store.outbox(Some(second.id), 2).await, Ok(vec![third.clone()]));

    let sent = Commit {
        housekeeping: Housekeeping { sent: vec![(first.id, sent()), (third.id, failed())], ..Housekeeping::default() },
        ..Commit::default()
    };
    commit(store, sent).await.expect("two are done with");
    assert_eq!(store.outbox(None, 10).await, Ok(vec![second]));
}

pub(super) async fn named_values_are_kept_and_replaced(store: &impl Store) {
    assert_eq!(store.value("key").await, Ok(None));
    for bytes in [vec![1, 2], vec![]] {
        let write = Commit { values: vec![("key".into(), bytes.clone())], ..Commit::default() };
        commit(store, write).await.expect("a value");
        assert_eq!(store.value("key").await, Ok(Some(bytes)));
    }
    assert_eq!(store.value("ke").await, Ok(None));
}

pub(super) async fn named_values_are_listed_by_their_beginnings_and_removed(store: &impl Store) {
    let names = ["a:2", "a:1", "b:1", "a"];
    let values = names.map(|name| (name.to_owned(), name.as_bytes().to_vec())).to_vec();
    commit(store, Commit { values, ..Commit::default() }).await.expect("values");
    let listed = async |prefix: &str, limit| {
        let found = store.values(prefix, limit).await.expect("values");
        assert!(found.iter().all(|(name, value)| name.as_bytes() == value));
        found.into_iter().map(|(name, _)| name).collect::<Vec<_>>()
    };
    assert_eq!(listed("a:", 9).await, ["a:1", "a:2"]);
    assert_eq!((listed("a:", 1).await, listed("c", 9).await), (vec!["a:1".to_owned()], vec![]));
    let forget = vec!["a:1".to_owned(), "c".to_owned()];
    let tidied = Housekeeping { forget, ..Housekeeping::default() };
    commit(store, Commit::of_housekeeping(at(0), tidied)).await.expect("a removal");
    assert_eq!((listed("a:", 9).await, store.value("a:1").await), (vec!["a:2".to_owned()], Ok(None)));
}

pub(super) async fn an_empty_batch_and_an_empty_commit_do_nothing(store: &impl Store) {
    assert!(store.commit(vec![]).await.is_empty());
    commit(store, Commit::default()).await.expect("nothing to refuse");
    assert!(store.is_healthy());
}
