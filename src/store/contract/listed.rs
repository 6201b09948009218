//! What the application's backend lists, and named values that several callers change.

use crate::domain::id::{ListedIdentifierId, RedirectUrlId};
use crate::domain::listed::{List, ListedIdentifier, ListedRedirect};
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::store::{Commit, CommitError, Decision, ListedChange, NamedValueWrite, RedirectUrlChange, Store};

use super::support::*;

pub(super) async fn a_list_has_an_identifier_once_and_the_other_list_has_its_own(store: &impl Store) {
    let allowed = [3, 1, 2].map(|n| entry(List::Allow, n));
    let blocked = entry(List::Block, 1);
    for listed in allowed.iter().chain([&blocked]) {
        commit(store, of_list(ListedChange::Add(Box::new(listed.clone())))).await.expect("a new entry");
    }
    let again = commit(store, of_list(ListedChange::Add(Box::new(allowed[0].clone())))).await;
    assert_eq!(again, Err(Rejection::from(ErrorCode::DuplicateRecord.on("identifier")).into()));

    let [third, first, second] = allowed;
    assert_eq!(store.listed(List::Allow, None, 2).await, Ok(vec![first.clone(), second.clone()]));
    assert_eq!(store.listed(List::Allow, Some(second.id), 2).await, Ok(vec![third.clone()]));
    assert_eq!(store.listed(List::Block, None, 9).await, Ok(vec![blocked.clone()]));

    assert_eq!(store.listed_identifier(List::Allow, second.id).await, Ok(Some(second.clone())));
    assert_eq!(store.listed_identifier(List::Block, second.id).await, Ok(None));

    let elsewhere = commit(store, of_list(ListedChange::Remove(List::Block, second.id))).await;
    assert_eq!(elsewhere, gone(), "it is on the other list");
    for (outcome, what) in [(Ok(()), "it is there"), (gone(), "it was removed")] {
        assert_eq!(commit(store, of_list(ListedChange::Remove(List::Allow, first.id))).await, outcome, "{what}");
    }
    assert_eq!(store.listed(List::Allow, None, 9).await, Ok(vec![second, third]));
    assert_eq!(store.listed(List::Block, None, 9).await, Ok(vec![blocked]));
}

pub(super) async fn a_redirect_url_is_listed_once_until_it_is_removed(store: &impl Store) {
    let [first, second] = [1, 2].map(|n| ListedRedirect {
        id: RedirectUrlId::from_bytes([n; 16]),
        url: format!("myapp{n}://callback"),
        created_at: at(n.into()),
    });
    let of = |change| Commit::of_decision(at(1), Decision { redirect_urls: vec![change], ..Decision::default() });
    let add = |listed: &ListedRedirect| of(RedirectUrlChange::Add(Box::new(listed.clone())));
    for listed in [&second, &first] {
        commit(store, add(listed)).await.expect("a new one");
        let again = commit(store, add(listed)).await;
        assert_eq!(again, Err(Rejection::from(ErrorCode::DuplicateRecord.on("url")).into()));
    }
    assert_eq!(store.redirect_url(second.id).await, Ok(Some(second.clone())));
    assert_eq!(store.redirect_urls(None, 9).await, Ok(vec![first.clone(), second.clone()]));
    assert_eq!(store.redirect_urls(Some(first.id), 9).await, Ok(vec![second.clone()]));
    let remove = || of(RedirectUrlChange::Remove(second.id));
    commit(store, remove()).await.expect("it is there");
    assert_eq!(commit(store, remove()).await, gone());
    assert_eq!(store.redirect_url(second.id).await, Ok(None));
    commit(store, add(&second)).await.expect("it is free again");
}

pub(super) async fn a_named_value_is_changed_only_from_what_was_read(store: &impl Store) {
    let write = |expected: Option<&[u8]>, next: &[u8]| {
        let value =
            NamedValueWrite { name: "shared".into(), expected: expected.map(<[u8]>::to_vec), next: next.to_vec() };
        Commit::of_decision(at(1), Decision { named_value: Some(value), ..Decision::default() })
    };
    assert_eq!(commit(store, write(Some(b"one"), b"two")).await, Err(CommitError::Stale));
    commit(store, write(None, b"one")).await.expect("there was none");
    assert_eq!(commit(store, write(None, b"two")).await, Err(CommitError::Stale));
    let mut answers = store.commit(vec![write(Some(b"one"), b"two"), write(Some(b"one"), b"three")]).await;
    assert_eq!(bare(answers.remove(0)), Ok(()));
    assert_eq!(bare(answers.remove(0)), Err(CommitError::Stale), "the first of the batch was before it");
    assert_eq!(store.value("shared").await, Ok(Some(b"two".to_vec())));
}

fn entry(list: List, n: u8) -> ListedIdentifier {
    ListedIdentifier {
        id: ListedIdentifierId::from_bytes([n; 16]),
        list,
        pattern: format!("ada{n}@example.com").parse().expect("a pattern"),
        invitation: None,
        created_at: at(n.into()),
    }
}

fn of_list(change: ListedChange) -> Commit {
    Commit::of_decision(at(1), Decision { listed: vec![change], ..Decision::default() })
}

fn gone() -> Result<(), CommitError> {
    Err(Rejection::from(ErrorCode::ResourceNotFound).into())
}
