//! Leases of two nodes over one store, under paused time.

use std::time::Duration;

use super::Lease;
use crate::actors::System;
use crate::actors::test_support::{Fault, World, pass, settle};

#[tokio::test(start_paused = true)]
async fn of_two_nodes_one_holds_a_lease_and_the_other_has_it_once_that_one_ends() {
    let [one, other] = World::nodes();
    let (first, second) = (one.start().await, other.start().await);
    let (of_first, of_second) = (lease(&first).await, lease(&second).await);
    for _ in 0..100 {
        pass(1).await;
        assert_eq!((of_first.is_held(), of_second.is_held()), (true, false));
    }
    of_first.give_back().await;
    assert!(!of_first.is_held());
    pass(3).await;
    assert!(of_second.is_held(), "it need not wait for the time of the lease");
    assert!(!of_first.is_held());
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_is_cut_off_has_stopped_before_another_node_begins() {
    let [one, other] = World::nodes();
    let (first, second) = (one.start().await, other.start().await);
    let (of_first, of_second) = (lease(&first).await, lease(&second).await);
    pass(30).await;
    one.store.cut_off();
    let mut neither = 0;
    for _ in 0..300 {
        let held = (of_first.is_held(), of_second.is_held());
        assert_ne!(held, (true, true));
        neither += usize::from(held == (false, false));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(of_second.is_held() && (10..100).contains(&neither), "{neither}");
}

#[tokio::test(start_paused = true)]
async fn a_lease_survives_a_commit_that_fails_and_one_whose_outcome_is_unknown() {
    let [one, other] = World::nodes();
    let (first, second) = (one.start().await, other.start().await);
    let (of_first, of_second) = (lease(&first).await, lease(&second).await);
    for fault in [Fault::Refused, Fault::UnknownWritten, Fault::UnknownNotWritten] {
        one.store.fail([fault]);
        for _ in 0..30 {
            pass(1).await;
            assert_eq!((of_first.is_held(), of_second.is_held()), (true, false), "{fault:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_whose_clock_is_apart_leaves_its_leases_to_others_until_it_agrees() {
    let [one, other] = World::nodes();
    let (first, second) = (one.start().await, other.start().await);
    let (of_first, of_second) = (lease(&first).await, lease(&second).await);
    pass(30).await;
    one.store.set_clocks_apart(true);
    pass(10).await;
    assert_eq!((of_first.is_held(), of_second.is_held()), (false, true));
    other.store.set_clocks_apart(true);
    pass(30).await;
    assert_eq!((of_first.is_held(), of_second.is_held()), (false, false));
    one.store.set_clocks_apart(false);
    pass(10).await;
    assert_eq!((of_first.is_held(), of_second.is_held()), (true, false));
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_lease_is_told_and_on_a_store_of_one_process_it_is_always_held() {
    let alone = World::new();
    let system = alone.start().await;
    let lease = Lease::keep("work", system.context(), system.persister());
    assert!(lease.is_held() && !lease.is_shared());
    assert!(tokio::time::timeout(Duration::from_secs(1000), lease.lost()).await.is_err());

    let [one, other] = World::nodes();
    let (first, second) = (one.start().await, other.start().await);
    let (of_first, of_second) = (self::lease(&first).await, self::lease(&second).await);
    let waits = tokio::spawn(async move { of_second.held().await });
    pass(60).await;
    assert!(!waits.is_finished());
    one.store.cut_off();
    of_first.lost().await;
    waits.await.expect("it has it");
}

/// A lease of its own for each test, beside those of the system.
async fn lease(system: &System) -> Lease {
    let lease = Lease::keep("work", system.context(), system.persister());
    settle().await;
    lease
}
