//! Retention: expired records are removed, records in use stay, and a record that changed since the scan is not lost.

use crate::domain::client::ClientChange;
use crate::domain::policy::RetentionPolicy;
use crate::domain::quota::QuotaKind;
use crate::domain::time::{Span, Timestamp};
use crate::store::scan::ExpiredKey;
use crate::store::{ClientWrite, Commit, Decision, Housekeeping, ScanCursor, Store};

use super::support::*;

pub(super) async fn everything_that_is_over_goes_and_users_stay(store: &impl Store) {
    for n in 1..=20 {
        let sign_up = open(n, &format!("ada{n}@example.com"));
        commit(store, open_client(sign_up.client_id)).await.expect("a client");
        let session = ClientChange::AddSession { session: session(n, sign_up.client_id), single: true, strategy: None };
        let signed_in = ClientWrite { id: sign_up.client_id, changes: vec![session] };
        commit(store, create(&sign_up)).await.expect("a sign-up");
        let mut finish = convert(&sign_up);
        finish.decision.client = Some(signed_in);
        commit(store, finish).await.expect("a user");
        let guess = charge(&format!("eve{n}@example.com"), sign_up.client_id, QuotaKind::Guess);
        commit(store, spending(guess, one_guess(), 0)).await.expect("a guess");
        commit(
            store,
            Commit { decision: Decision { outbox: vec![message(n, 1)], ..Decision::default() }, ..Commit::default() },
        )
        .await
        .expect("a message");
    }
    assert_eq!(round(store, at(HOUR - 1)).await.len(), 0, "all of it is of use");

    let late = at(3 * HOUR);
    let stale = round(store, late).await;
    assert_eq!(stale.len(), 20 + 20 + 20, "sessions' clients are kept a while, sign-ups, counters and messages go");
    purge(store, late, stale).await;
    let last = at(100 * HOUR);
    purge(store, last, round(store, last).await).await;
    assert_eq!(round(store, last).await, vec![], "nothing is left to go");
    for n in 1..=20 {
        let sign_up = open(n, "");
        assert_eq!(store.sign_up(sign_up.id).await, Ok(None));
        assert_eq!(store.client(sign_up.client_id).await, Ok(None));
        let user = store.user(sign_up.id.cast()).await.expect("a read").expect("a user");
        assert!(user.sign_up.is_none() && user.email_addresses.len() == 1);
        assert_eq!(store.owner(&email(&format!("ada{n}@example.com")).identifier()).await, Ok(Some(user.id)));
    }
    assert_eq!(store.outbox(None, 10).await, Ok(vec![]));
    assert_eq!(commit(store, convert(&open(30, "ada1@example.com"))).await, STALE, "there is no such sign-up");
}

pub(super) async fn a_client_that_comes_back_while_the_walk_is_on_stays(store: &impl Store) {
    let sign_up = open(1, "ada@example.com");
    commit(store, open_client(sign_up.client_id)).await.expect("a client");
    let late = at(100 * HOUR);
    let stale = round(store, late).await;
    assert_eq!(stale.len(), 1);
    let changes = vec![ClientChange::SetSignUp(sign_up.id)];
    let back = ClientWrite { id: sign_up.client_id, changes };
    let mut again = Commit { at: late, ..create(&sign_up) };
    again.decision.client = Some(back);
    commit(store, again).await.expect("it is back");
    purge(store, late, stale).await;
    assert!(store.client(sign_up.client_id).await.expect("a read").is_some());
    assert_eq!(round(store, at(300 * HOUR)).await, vec![], "while its sign-up is there");
}

/// One full scan, in small pages.
async fn round(store: &impl Store, now: Timestamp) -> Vec<ExpiredKey> {
    let (mut place, mut stale) = (ScanCursor::default(), Vec::new());
    loop {
        let portion = store.scan_expired(place, KEEP, now, 7).await.expect("a portion");
        stale.extend(portion.stale);
        place = portion.next;
        if place == ScanCursor::default() {
            return stale;
        }
    }
}

async fn purge(store: &impl Store, now: Timestamp, stale: Vec<ExpiredKey>) {
    let purge = Commit {
        at: now,
        housekeeping: Housekeeping { collect_garbage: (KEEP, stale), ..Housekeeping::default() },
        ..Commit::default()
    };
    commit(store, purge).await.expect("a purge");
}

const KEEP: RetentionPolicy =
    RetentionPolicy { client: Span::from_millis(50 * HOUR), finished: Span::from_millis(2 * HOUR) };
