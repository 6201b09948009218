//! Endpoints of webhooks, and the messages that wait for another attempt.

use crate::domain::event::Position;
use crate::domain::id::WebhookEndpointId;
use crate::domain::policy::RetentionPolicy;
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::time::Timestamp;
use crate::domain::webhook::{Disabled, EndpointOwner, Health, Progress, Retry, RetryKey, State, WebhookEndpoint};
use crate::store::commit::{CursorMove, WebhookChange, WebhookProgress};
use crate::store::{Commit, CommitError, Decision, Housekeeping, ScanCursor, Store};

use super::support::*;

pub(super) async fn endpoints_are_kept_changed_and_listed(store: &impl Store) {
    let (first, second) = (endpoint(1), endpoint(2));
    assert_eq!(store.webhook_endpoint(first.id).await, Ok(None));
    for endpoint in [&second, &first] {
        change(store, WebhookChange::Create(Box::new(endpoint.clone()))).await.expect("a new one");
    }
    let again = change(store, WebhookChange::Create(Box::new(first.clone()))).await;
    assert_eq!(again, Err(CommitError::Stale), "its id is in use");

    assert_eq!(store.webhook_endpoints(None, 10).await, Ok(vec![first.clone(), second.clone()]));
    assert_eq!(store.webhook_endpoints(None, 1).await, Ok(vec![first.clone()]));
    assert_eq!(store.webhook_endpoints(Some(first.id), 10).await, Ok(vec![second.clone()]));

    change(store, WebhookChange::Delete(first.id)).await.expect("it is there");
    assert_eq!(store.webhook_endpoint(first.id).await, Ok(None));
    for late in [
        WebhookChange::Delete(first.id),
        WebhookChange::MoveTo(first.id, None),
        WebhookChange::Change { next: Box::new(first.clone()), expected_version: 1 },
    ] {
        let gone = CommitError::Rejected(Rejection::from(ErrorCode::ResourceNotFound));
        assert_eq!(change(store, late).await, Err(gone));
    }
    assert_eq!(store.webhook_endpoints(None, 10).await, Ok(vec![second]));
}

pub(super) async fn of_two_changes_of_an_endpoint_made_from_one_version_the_later_one_is_stale(store: &impl Store) {
    let made = endpoint(1);
    change(store, WebhookChange::Create(Box::new(made.clone()))).await.expect("a new one");
    let to = |description: &str| {
        let next = WebhookEndpoint { description: description.into(), version: made.version + 1, ..made.clone() };
        WebhookChange::Change { next: Box::new(next), expected_version: made.version }
    };
    change(store, to("first")).await.expect("in the version that it was made from");
    assert_eq!(change(store, to("second")).await, Err(CommitError::Stale));
    let stored = store.webhook_endpoint(made.id).await.expect("readable").expect("an endpoint");
    assert_eq!((&*stored.description, stored.version), ("first", made.version + 1));
}

pub(super) async fn what_came_of_deliveries_is_noted_beside_other_changes(store: &impl Store) {
    let made = endpoint(1);
    change(store, WebhookChange::Create(Box::new(made.clone()))).await.expect("a new one");
    let failing = Health::Failing { since: at(5), last: at(6) };
    let to = |from, to| Some(CursorMove { from, to });
    let moved = WebhookProgress { cursor: to(None, Position::new(7, 1)), health: Some(failing), ..nothing(&made) };
    note(store, 6, moved).await;
    let late = WebhookProgress { cursor: to(None, Position::new(6, 0)), ..nothing(&made) };
    note(store, 6, late).await;

    // Made before that, and committed after it.
    let next = WebhookEndpoint { description: "changed".into(), version: made.version + 1, ..made.clone() };
    let changed = WebhookChange::Change { next: Box::new(next.clone()), expected_version: made.version };
    change(store, changed).await.expect("progress is no change of the version");
    let progress = Progress { cursor: Some(Position::new(7, 1)), health: failing, waiting: 0 };
    let expected = WebhookEndpoint { progress: progress.clone(), ..next };
    assert_eq!(store.webhook_endpoint(made.id).await, Ok(Some(expected.clone())));

    note(store, 7, WebhookProgress { disabled: Some(Disabled::Gone), ..nothing(&made) }).await;
    let state = State::Disabled(Disabled::Gone);
    let expected = WebhookEndpoint { state, version: expected.version + 1, updated_at: at(7), ..expected };
    assert_eq!(store.webhook_endpoint(made.id).await, Ok(Some(expected.clone())));
    note(store, 8, WebhookProgress { disabled: Some(Disabled::Failing), ..nothing(&made) }).await;
    assert_eq!(store.webhook_endpoint(made.id).await, Ok(Some(expected)), "it is off, for the first reason");

    change(store, WebhookChange::MoveTo(made.id, None)).await.expect("an endpoint");
    let moved = store.webhook_endpoint(made.id).await.expect("readable").expect("an endpoint");
    assert_eq!(moved.progress, Progress { cursor: None, ..progress });

    note(store, 9, WebhookProgress { cursor: to(None, Position::new(9, 0)), ..nothing(&endpoint(2)) }).await;
    assert_eq!(store.webhook_endpoint(endpoint(2).id).await, Ok(None), "nothing makes an endpoint that is gone");
}

pub(super) async fn messages_wait_for_an_endpoint_in_the_order_of_their_time_and_are_counted(store: &impl Store) {
    let (made, other) = (endpoint(1), endpoint(2));
    for endpoint in [&made, &other] {
        change(store, WebhookChange::Create(Box::new(endpoint.clone()))).await.expect("a new one");
    }
    let [late, early, soon] = [(30, 1), (10, 2), (20, 3)].map(|(due, sequence)| retry(&made, due, sequence));
    let of_other = retry(&other, 5, 1);
    note(store, 1, WebhookProgress { retries: vec![late.clone(), early.clone()], ..nothing(&made) }).await;
    note(store, 1, WebhookProgress { retries: vec![soon.clone(), late.clone()], ..nothing(&made) }).await;
    note(store, 1, WebhookProgress { retries: vec![of_other.clone()], ..nothing(&other) }).await;
    let all = vec![early.clone(), soon.clone(), late.clone()];
    assert_eq!(store.webhook_retries(made.id, 10).await, Ok(all));
    assert_eq!(store.webhook_retries(made.id, 1).await, Ok(vec![early.clone()]));
    assert_eq!(waiting(store, &made).await, 3);

    let again = Retry { key: RetryKey { due: at(40), ..early.key }, failures: 2, ..early.clone() };
    let done = vec![early.key, soon.key, early.key];
    note(store, 2, WebhookProgress { done, retries: vec![again.clone()], ..nothing(&made) }).await;
    assert_eq!(store.webhook_retries(made.id, 10).await, Ok(vec![late, again]));
    assert_eq!((waiting(store, &made).await, waiting(store, &other).await), (2, 1));
    assert_eq!(store.webhook_retries(other.id, 10).await, Ok(vec![of_other]));
}

pub(super) async fn what_waits_for_an_endpoint_goes_with_it(store: &impl Store) {
    let (made, other) = (endpoint(1), endpoint(2));
    for endpoint in [&made, &other] {
        change(store, WebhookChange::Create(Box::new(endpoint.clone()))).await.expect("a new one");
        note(store, 1, WebhookProgress { retries: vec![retry(endpoint, 10, 1)], ..nothing(endpoint) }).await;
    }
    tidy(store).await;
    assert_eq!(store.webhook_retries(made.id, 10).await.map(|waiting| waiting.len()), Ok(1));
    change(store, WebhookChange::Delete(made.id)).await.expect("an endpoint");
    assert_eq!(store.webhook_retries(made.id, 10).await, Ok(vec![]), "one with the same id gets nothing of before");
    tidy(store).await;
    assert_eq!(store.webhook_retries(made.id, 10).await, Ok(vec![]));
    assert_eq!(store.webhook_retries(other.id, 10).await.map(|waiting| waiting.len()), Ok(1));
}

/// Removes what a full scan finds to be expired.
async fn tidy(store: &impl Store) {
    let (mut place, keep) = (ScanCursor::default(), RetentionPolicy::default());
    loop {
        let portion = store.scan_expired(place, keep, at(100), 100).await.expect("readable");
        let collect_garbage = (keep, portion.stale);
        commit(store, Commit::of_housekeeping(at(100), Housekeeping { collect_garbage, ..Housekeeping::default() }))
            .await
            .expect("nothing to refuse");
        place = portion.next;
        if place == ScanCursor::default() {
            return;
        }
    }
}

async fn change(store: &impl Store, change: WebhookChange) -> Result<(), CommitError> {
    commit(store, Commit::of_decision(at(1), Decision { webhooks: vec![change], ..Decision::default() })).await
}

async fn note(store: &impl Store, ms: u64, made: WebhookProgress) {
    let noted = Housekeeping { webhooks: vec![made], ..Housekeeping::default() };
    commit(store, Commit::of_housekeeping(at(ms), noted)).await.expect("nothing to refuse");
}

async fn waiting(store: &impl Store, endpoint: &WebhookEndpoint) -> u64 {
    store.webhook_endpoint(endpoint.id).await.expect("readable").expect("an endpoint").progress.waiting
}

fn nothing(endpoint: &WebhookEndpoint) -> WebhookProgress {
    WebhookProgress {
        endpoint: endpoint.id,
        cursor: None,
        health: None,
        disabled: None,
        done: Vec::new(),
        retries: Vec::new(),
    }
}

fn retry(endpoint: &WebhookEndpoint, due: u64, sequence: u64) -> Retry {
    let key = RetryKey { endpoint: endpoint.id, due: at(due), event: Position::new(sequence, 0) };
    Retry { key, failures: 1, first_failed_at: Timestamp::from_millis(1) }
}

fn endpoint(n: u8) -> WebhookEndpoint {
    WebhookEndpoint {
        id: WebhookEndpointId::from_bytes([n; 16]),
        version: 1,
        owner: EndpointOwner::Api,
        url: "https://app.example.com/webhooks".into(),
        events: vec!["user.*".into()],
        description: String::new(),
        secret: vec![n],
        previous_secret: None,
        state: State::Enabled,
        created_at: at(1),
        updated_at: at(1),
        progress: Progress::default(),
    }
}
