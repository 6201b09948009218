//! The persister under paused time: batches, refusals, unknown outcomes, and shutdown.

use std::sync::Arc;

use tokio::task::{JoinHandle, JoinSet};

use crate::actors::test_support::{
    Fault, World, address, attempt, command, create, naming, pass, preparation, read, settle, sign_up_id, soon,
};
use crate::actors::{ActorOptions, CallError, System};
use crate::domain::rejection::ErrorCode;
use crate::domain::sign_up::Phase;
use crate::store::{Commit, CommitError, Store};

#[tokio::test(start_paused = true)]
async fn what_gathers_while_a_batch_is_written_is_the_next_batch() {
    let world = World::new();
    let system = Arc::new(world.start().await);
    world.store.hold();
    let mut calls = JoinSet::new();
    for n in 0..50 {
        let system = system.clone();
        calls.spawn(async move { create(&system, n, &address(n)).await.map(drop) });
        settle().await;
    }
    world.store.release();
    assert!(calls.join_all().await.iter().all(Result::is_ok));
    assert_eq!(world.store.batches(|commit| commit.decision.sign_up.is_some()), [1, 49]);
}

#[tokio::test(start_paused = true)]
async fn a_batch_has_a_limit_and_the_rest_follows_in_the_next() {
    let world = World::new();
    let system = Arc::new(world.start().await);
    world.store.hold();
    let mut calls = JoinSet::new();
    for n in 0..1100 {
        let persister = system.persister().clone();
        calls.spawn(async move { persister.commit(value(&n.to_string())).await.map(drop) });
    }
    settle().await;
    world.store.release();
    assert!(calls.join_all().await.iter().all(Result::is_ok));
    assert_eq!(world.store.batches(|commit| commit.at == mark()), [1, 1024, 75]);
}

#[tokio::test(start_paused = true)]
async fn of_two_who_want_one_address_in_one_batch_one_is_refused_and_their_neighbours_are_not() {
    let world = World::new();
    let system = Arc::new(world.start().await);
    let mut codes = Vec::new();
    for n in 1..=4 {
        // The second and the third sign-up use the same address.
        let email = address(if n == 3 { 2 } else { n });
        create(&system, n, &email).await.expect("made");
        command(&system, n, preparation()).await.expect("prepared");
        settle().await;
        codes.push((n, world.email.code(&email)));
    }
    world.store.hold();
    let first = tokio::spawn(occupy(system.clone()));
    settle().await;
    let mut attempts = Vec::new();
    for (n, code) in codes {
        let system = system.clone();
        attempts.push(tokio::spawn(async move { command(&system, n, attempt(&code)).await }));
        settle().await;
    }
    world.store.release();
    first.await.expect("no panic").expect("written");
    let mut answers = Vec::new();
    for attempt in attempts {
        answers.push(attempt.await.expect("no panic"));
    }
    let is_done = |n: usize| answers[n - 1].as_ref().is_ok_and(|a| matches!(a.sign_up.phase, Phase::Complete { .. }));
    assert_eq!([1, 2, 4].map(is_done), [true; 3]);
    assert!(
        matches!(&answers[2], Err(CallError::Rejected(refused)) if refused.is(ErrorCode::FormIdentifierExists)),
        "{:?}",
        answers[2]
    );
    assert_eq!(world.store.batches(|commit| commit.decision.user.is_some()), [4], "all in one batch");
    let kept = read(&system, 3).await.expect("the one who was refused keeps the sign-up").sign_up;
    assert_eq!(kept.phase, Phase::Open);
    assert!(world.store.user(sign_up_id(3).cast()).await.expect("readable").is_none());
}

#[tokio::test(start_paused = true)]
async fn an_outcome_that_the_store_does_not_know_is_looked_up_and_never_called_a_failure() {
    let faults = [
        (Fault::UnknownWritten, true),
        (Fault::PanicWritten, true),
        (Fault::UnknownNotWritten, false),
        (Fault::PanicNotWritten, false),
    ];
    for (fault, is_written) in faults {
        let world = World::new();
        let system = world.start().await;
        let before = create(&system, 1, &address(1)).await.expect("made").sign_up;
        world.store.fail([fault]);
        assert_eq!(command(&system, 1, naming("Ada")).await.map(drop), Err(CallError::Lost), "{fault:?}");
        let after = read(&system, 1).await.expect("there").sign_up;
        assert_eq!(after.first_name.is_some(), is_written, "{fault:?}");
        assert_eq!(after.version, before.version + u64::from(is_written), "{fault:?}");
        let again = command(&system, 1, naming("Zoe")).await.expect("it goes on from what is stored").sign_up;
        assert_eq!(again.version, after.version + 1, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_completion_whose_outcome_was_unknown_is_told_when_it_is_asked_for_again() {
    for fault in [Fault::UnknownWritten, Fault::PanicWritten] {
        let world = World::new();
        let system = world.start().await;
        create(&system, 1, &address(1)).await.expect("made");
        command(&system, 1, preparation()).await.expect("prepared");
        settle().await;
        let code = world.email.code(&address(1));
        world.store.fail([fault]);
        assert_eq!(command(&system, 1, attempt(&code)).await.map(drop), Err(CallError::Lost), "{fault:?}");
        let done = command(&system, 1, attempt(&code)).await.expect("it is done").sign_up;
        assert!(matches!(done.phase, Phase::Complete { .. }), "{fault:?}");
        assert!(world.store.user(sign_up_id(1).cast()).await.expect("readable").is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_batch_changes_nothing_and_says_so() {
    let world = World::new();
    let system = world.start().await;
    let before = create(&system, 1, &address(1)).await.expect("made").sign_up;
    world.store.fail([Fault::Refused]);
    assert_eq!(command(&system, 1, preparation()).await.map(drop), Err(CallError::Unavailable));
    assert_eq!(read(&system, 1).await.expect("there").sign_up, before);
    settle().await;
    assert_eq!(world.email.handed(), [], "what was not written is not sent");
}

#[tokio::test(start_paused = true)]
async fn while_the_store_refuses_one_commit_a_second_tries_whether_it_still_does() {
    let world = World::new();
    let system = world.start().await;
    world.store.fail([Fault::Refused; 4]);
    assert!(system.persister().commit(value("a")).await.is_err());
    assert!(system.persister().commits_fail());
    let batches = |world: &World| world.store.batches(|_| true).len();
    let before = batches(&world);
    pass(3).await;
    assert_eq!(batches(&world) - before, 3);
    assert!(system.persister().commits_fail(), "all of them were refused");
    pass(1).await;
    assert!(!system.persister().commits_fail(), "the fourth was taken");
    pass(20).await;
    assert_eq!(batches(&world) - before, 4, "nothing is tried any more");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_again_and_again_is_tried_no_more_than_once_a_second() {
    let world = World::new();
    let system = world.start().await;
    for _ in 0..10 {
        world.store.fail([Fault::Refused]);
        assert!(system.persister().commit(value("a")).await.is_err());
        assert!(system.persister().commit(value("a")).await.is_ok());
    }
    world.store.fail([Fault::Refused; 100]);
    assert!(system.persister().commit(value("a")).await.is_err());
    let before = world.store.batches(|_| true).len();
    pass(5).await;
    assert_eq!(world.store.batches(|_| true).len() - before, 5);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_refuses_at_once_and_takes_more_once_there_is_room() {
    let mut world = World::new();
    world.options = ActorOptions { commits_waiting_max: 3, ..world.options };
    let system = Arc::new(world.start().await);
    world.store.hold();
    let waiting: Vec<JoinHandle<_>> = (0..3).map(|_| tokio::spawn(occupy(system.clone()))).collect();
    settle().await;
    assert_eq!(soon(occupy(system.clone())).await, Err(CommitError::Overloaded));
    let refused = soon(create(&system, 1, &address(1))).await.map(drop);
    assert_eq!(refused, Err(CallError::Overloaded));
    world.store.release();
    for waiting in waiting {
        assert_eq!(waiting.await.expect("no panic"), Ok(()));
    }
    assert_eq!(read(&system, 1).await.map(drop), Err(CallError::NotFound), "what was refused was not written");
    create(&system, 1, &address(1)).await.expect("there is room again");
}

#[tokio::test(start_paused = true)]
async fn the_places_of_a_batch_that_is_lost_are_free_again() {
    let mut world = World::new();
    world.options = ActorOptions { commits_waiting_max: 1, ..world.options };
    let system = Arc::new(world.start().await);
    for _ in 0..3 {
        world.store.fail([Fault::PanicNotWritten]);
        assert_eq!(occupy(system.clone()).await, Err(CommitError::Unknown));
        settle().await;
        assert_eq!(occupy(system.clone()).await, Ok(()));
        settle().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_its_caller_does_not_wait_for_any_more_is_written_all_the_same() {
    let world = World::new();
    let system = Arc::new(world.start().await);
    world.store.hold();
    let abandoned = tokio::spawn(occupy(system.clone()));
    settle().await;
    abandoned.abort();
    world.store.release();
    settle().await;
    assert_eq!(world.store.value("occupied").await, Ok(Some(vec![1])));
    system.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_writes_what_waits_and_takes_nothing_afterwards() {
    let world = World::new();
    let system = Arc::new(world.start().await);
    for n in 0..5 {
        create(&system, n, &address(n)).await.expect("made");
    }
    world.store.hold();
    let mut calls = JoinSet::new();
    for n in 0..5 {
        let system = system.clone();
        calls.spawn(async move { command(&system, n, naming("Ada")).await.map(drop) });
        settle().await;
    }
    let other = tokio::spawn(occupy(system.clone()));
    settle().await;
    let stopping = tokio::spawn({
        let system = system.clone();
        async move { system.stop().await }
    });
    settle().await;
    assert!(!stopping.is_finished(), "it waits for what waits");
    world.store.release();
    stopping.await.expect("no panic");
    assert!(calls.join_all().await.iter().all(Result::is_ok));
    assert_eq!(other.await.expect("no panic"), Ok(()));
    for n in 0..5 {
        let stored = world.store.sign_up(sign_up_id(n)).await.expect("readable").expect("there");
        assert_eq!(stored.first_name.as_deref(), Some("Ada"));
    }
    assert!(occupy(system).await.is_err());
}

/// Keeps the store busy with a batch.
async fn occupy(system: Arc<System>) -> Result<(), CommitError> {
    system.persister().commit(value("occupied")).await.map(drop)
}

fn value(name: &str) -> Commit {
    Commit::of_value(mark(), name, vec![1])
}

/// The decision time of the commits in these tests.
const fn mark() -> crate::domain::time::Timestamp {
    crate::domain::time::Timestamp::from_millis(1)
}
