//! Sign-ups: versions, expiry, the list of deadlines.

use crate::domain::id::SignUpId;
use crate::domain::sign_up::{Approval, SignUp};
use crate::store::{Commit, CommitError, Housekeeping, Store};

use super::support::*;

pub(super) async fn a_sign_up_is_read_as_it_was_written(store: &impl Store) {
    let sign_up = open(1, "ada@example.com");
    assert_eq!(store.sign_up(sign_up.id).await, Ok(None));
    commit(store, create(&sign_up)).await.expect("a new sign-up");
    assert_eq!(store.sign_up(sign_up.id).await, Ok(Some(sign_up)));
}

pub(super) async fn versions_are_compared(store: &impl Store) {
    let first = open(1, "ada@example.com");
    commit(store, create(&first)).await.expect("a new sign-up");
    assert_eq!(commit(store, create(&first)).await, STALE);
    let second = bumped(&first);
    commit(store, update(&second)).await.expect("the next version");
    assert_eq!(commit(store, update(&second)).await, STALE);
    assert_eq!(commit(store, update(&bumped(&open(9, "x@example.com")))).await, STALE);
    assert_eq!(store.sign_up(first.id).await, Ok(Some(second)));
}

pub(super) async fn versions_are_compared_within_a_batch(store: &impl Store) {
    let first = open(1, "ada@example.com");
    let second = bumped(&first);
    let mut other = second.clone();
    other.first_name = Some("Other".into());
    let answers = store.commit(vec![create(&first), update(&second), update(&other)]).await;
    assert!(matches!(answers[..], [Ok(_), Ok(_), Err(CommitError::Stale)]));
    assert_eq!(store.sign_up(first.id).await, Ok(Some(second)));
}

pub(super) async fn a_finished_sign_up_is_read_by_its_id_and_never_written_again(store: &impl Store) {
    let sign_up = open(1, "ada@example.com");
    commit(store, create(&sign_up)).await.expect("a new sign-up");
    let (finished, user) = finish(&sign_up);
    commit(store, convert(&sign_up)).await.expect("a conversion");

    assert_eq!(store.sign_up(sign_up.id).await, Ok(Some(finished.clone())));
    let read = store.user(user.id).await.expect("a read");
    assert_eq!(read.as_deref(), Some(&user));
    let identifier = user.identifiers()[0].clone();
    assert_eq!(store.owner(&identifier).await, Ok(Some(user.id)));
    assert_eq!(store.due(at(u64::MAX), 10).await, Ok(vec![]));

    assert_eq!(commit(store, convert(&sign_up)).await, STALE);
    assert_eq!(commit(store, update(&bumped(&finished))).await, STALE);
    assert_eq!(commit(store, create(&sign_up)).await, STALE);
}

pub(super) async fn a_sign_up_can_finish_in_its_first_commit(store: &impl Store) {
    let sign_up = open(1, "ada@example.com");
    let mut whole = convert(&sign_up);
    whole.decision.sign_up.as_mut().expect("a sign-up").expected_version = None;
    commit(store, whole).await.expect("a conversion");
    let (finished, user) = finish(&sign_up);
    assert_eq!(store.sign_up(sign_up.id).await, Ok(Some(finished)));
    assert_eq!(store.user(user.id).await.expect("a read").as_deref(), Some(&user));
    assert_eq!(store.due(at(u64::MAX), 10).await, Ok(vec![]));
}

pub(super) async fn sign_ups_fall_due_earliest_first(store: &impl Store) {
    for (n, deadline) in [(1, 300), (2, 100), (3, 200)] {
        let mut new = create(&open(n, "ada@example.com"));
        new.decision.sign_up.as_mut().expect("a sign-up").deadline = at(deadline);
        commit(store, new).await.expect("a new sign-up");
    }
    let due = |n: u8, ms| (at(ms), SignUpId::from_bytes([n; 16]));
    assert_eq!(store.due(at(99), 10).await, Ok(vec![]));
    assert_eq!(store.due(at(200), 10).await, Ok(vec![due(2, 100), due(3, 200)]));
    assert_eq!(store.due(at(500), 1).await, Ok(vec![due(2, 100)]));
}

pub(super) async fn a_moved_deadline_is_listed_anew_by_the_sweeper_only(store: &impl Store) {
    let first = open(1, "ada@example.com");
    commit(store, create(&first)).await.expect("a new sign-up");
    let mut later = update(&bumped(&first));
    later.decision.sign_up.as_mut().expect("a sign-up").deadline = at(2 * DEADLINE);
    commit(store, later).await.expect("the next version");
    assert_eq!(store.due(at(DEADLINE), 9).await, Ok(vec![(at(DEADLINE), first.id)]));

    let sweep = Commit {
        housekeeping: Housekeeping {
            reindex: vec![(at(DEADLINE), at(2 * DEADLINE), first.id)],
            ..Housekeeping::default()
        },
        ..Commit::default()
    };
    commit(store, sweep.clone()).await.expect("a move");
    commit(store, sweep).await.expect("a move made before");
    let listed = vec![(at(2 * DEADLINE), first.id)];
    assert_eq!(store.due(at(u64::MAX), 9).await, Ok(listed));

    commit(store, convert(&bumped(&first))).await.expect("a conversion");
    assert_eq!(store.due(at(u64::MAX), 9).await, Ok(vec![]), "it goes from where it was moved to");
    let sweep = Commit {
        housekeeping: Housekeeping {
            reindex: vec![(at(2 * DEADLINE), at(3 * DEADLINE), first.id)],
            ..Housekeeping::default()
        },
        ..Commit::default()
    };
    commit(store, sweep).await.expect("nothing to move");
    assert_eq!(store.due(at(u64::MAX), 9).await, Ok(vec![]), "what is finished is not listed");
}

pub(super) async fn what_is_forgotten_is_gone(store: &impl Store) {
    let sign_up = open(1, "ada@example.com");
    commit(store, create(&sign_up)).await.expect("a new sign-up");
    let forget = Commit {
        at: at(DEADLINE),
        housekeeping: Housekeeping { expire: vec![(at(DEADLINE), sign_up.id)], ..Housekeeping::default() },
        ..Commit::default()
    };
    commit(store, forget.clone()).await.expect("nothing is in the way");
    assert_eq!(store.sign_up(sign_up.id).await, Ok(None));
    assert_eq!(store.due(at(u64::MAX), 9).await, Ok(vec![]));
    assert_eq!(commit(store, update(&bumped(&sign_up))).await, STALE);
    commit(store, forget).await.expect("forgetting twice is forgetting");
}

pub(super) async fn a_sign_up_written_while_the_sweeper_came_is_kept(store: &impl Store) {
    let first = open(1, "ada@example.com");
    commit(store, create(&first)).await.expect("a new sign-up");
    let second = bumped(&first);
    let mut later = update(&second);
    later.decision.sign_up.as_mut().expect("a sign-up").deadline = at(2 * DEADLINE);
    let forget = Commit {
        at: at(DEADLINE),
        housekeeping: Housekeeping { expire: vec![(at(DEADLINE), first.id)], ..Housekeeping::default() },
        ..Commit::default()
    };
    let answers = store.commit(vec![later, forget]).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(store.sign_up(first.id).await, Ok(Some(second)));
    let listed = vec![(at(2 * DEADLINE), first.id)];
    assert_eq!(store.due(at(u64::MAX), 9).await, Ok(listed));
}

pub(super) async fn a_finished_sign_up_is_not_forgotten_with_the_open_ones(store: &impl Store) {
    let sign_up = open(1, "ada@example.com");
    commit(store, create(&sign_up)).await.expect("a new sign-up");
    commit(store, convert(&sign_up)).await.expect("a conversion");
    let forget = Commit {
        at: at(DEADLINE),
        housekeeping: Housekeeping { expire: vec![(at(DEADLINE), sign_up.id)], ..Housekeeping::default() },
        ..Commit::default()
    };
    commit(store, forget).await.expect("nothing is in the way");
    let (finished, _) = finish(&sign_up);
    assert_eq!(store.sign_up(sign_up.id).await, Ok(Some(finished)));
}

pub(super) async fn who_waits_for_approval_is_listed_the_longest_waiting_first(store: &impl Store) {
    for (n, ms) in [(1, 30), (2, 10), (3, 20)] {
        commit(store, create(&waiting(n, ms))).await.expect("a sign-up");
    }
    commit(store, create(&open(4, "ada4@example.com"))).await.expect("one that does not wait");
    assert_eq!(listed(store, None, 10).await, [2, 3, 1]);
    assert_eq!(listed(store, None, 2).await, [2, 3]);
    assert_eq!(listed(store, Some(3), 10).await, [1]);
    assert_eq!(listed(store, Some(1), 10).await, [0; 0]);
    assert_eq!(listed(store, Some(4), 10).await, [2, 3, 1], "behind one that does not wait");
    let later = SignUp { first_name: Some("Ada".into()), ..bumped(&waiting(2, 10)) };
    commit(store, update(&later)).await.expect("a change beside");
    assert_eq!(listed(store, None, 10).await, [2, 3, 1], "it goes on waiting");
}

pub(super) async fn who_no_longer_waits_for_approval_is_not_listed(store: &impl Store) {
    for n in 1..=4 {
        commit(store, create(&waiting(n, n.into()))).await.expect("a sign-up");
    }
    let approved = SignUp { approval: Approval::None, ..waiting(1, 1) };
    commit(store, convert(&approved)).await.expect("a user");
    let refused = Approval::Refused { at: at(9), reason: None };
    commit(store, update(&SignUp { approval: refused, ..bumped(&waiting(2, 2)) })).await.expect("a refusal");
    let forget = Housekeeping { expire: vec![(at(DEADLINE), waiting(3, 3).id)], ..Housekeeping::default() };
    commit(store, Commit::of_housekeeping(at(DEADLINE), forget)).await.expect("it is over");
    assert_eq!(listed(store, None, 10).await, [4]);
    let stale = SignUp { approval: Approval::None, version: 7, ..waiting(4, 4) };
    assert_eq!(commit(store, update(&stale)).await, STALE);
    assert_eq!(listed(store, None, 10).await, [4], "what is refused changes no list");
}

pub(super) async fn a_deadline_that_comes_earlier_is_listed_at_once(store: &impl Store) {
    let mut created = create(&waiting(1, 1));
    created.decision.sign_up.as_mut().expect("a write").deadline = at(3 * DEADLINE);
    commit(store, created).await.expect("a sign-up");
    assert_eq!(store.due(at(2 * DEADLINE), 10).await, Ok(vec![]));
    let id = waiting(1, 1).id;
    let refused = Approval::Refused { at: at(9), reason: None };
    commit(store, update(&SignUp { approval: refused, ..bumped(&waiting(1, 1)) })).await.expect("a refusal");
    assert_eq!(store.due(at(4 * DEADLINE), 10).await, Ok(vec![(at(DEADLINE), id)]), "in one place");
}

fn waiting(n: u8, ms: u64) -> SignUp {
    SignUp { approval: Approval::Waiting { since: at(ms) }, ..open(n, &format!("ada{n}@example.com")) }
}

async fn listed(store: &impl Store, after: Option<u8>, limit: usize) -> Vec<u8> {
    let after = after.map(|n| SignUpId::from_bytes([n; 16]));
    let found = store.awaiting_approval(after, limit).await.expect("readable");
    found.iter().map(|sign_up| sign_up.id.as_bytes()[0]).collect()
}
