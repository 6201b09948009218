//! The sweeper under paused time: what it deletes, when, and what it does while the store fails.

use std::time::Duration;

use crate::actors::test_support::{
    Fault, ReadFault, StoreRead, World, address, attempt, client_id, command, create, naming, pass, preparation,
    settle, sign_up_id,
};
use crate::actors::{ActorOptions, System};
use crate::domain::time::Span;
use crate::store::Store;

#[tokio::test(start_paused = true)]
async fn an_abandoned_sign_up_is_kept_for_its_time_and_then_forgotten() {
    let world = world();
    let system = world.start().await;
    create(&system, 1, &address(1)).await.expect("made");
    pass(KEPT_S - 10).await;
    assert!(is_stored(&world, 1).await);
    pass(20).await;
    assert!(!is_stored(&world, 1).await);
    assert_eq!(indexed_at(&world).await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_write_begins_the_time_anew() {
    let world = world();
    let system = world.start().await;
    create(&system, 1, &address(1)).await.expect("made");
    pass(900).await;
    command(&system, 1, naming("Ada")).await.expect("named");
    pass(KEPT_S - 10).await;
    assert!(is_stored(&world, 1).await, "the first deadline has come, and was not the last");
    assert_eq!(indexed_at(&world).await, 1);
    pass(20).await;
    assert!(!is_stored(&world, 1).await);
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_deadlines_is_swept_in_portions() {
    let world = world();
    let system = world.start().await;
    for n in 0..1200 {
        create(&system, n, &address(n)).await.expect("made");
    }
    pass(KEPT_S - 10).await;
    let mut left = vec![indexed_at(&world).await];
    for _ in 0..6 {
        pass(5).await;
        left.push(indexed_at(&world).await);
    }
    left.dedup();
    assert_eq!(left, [1200, 700, 200, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_finished_sign_up_leaves_the_list_and_its_user_stays() {
    let world = world();
    let system = world.start().await;
    finish(&world, &system).await;
    pass(KEPT_S + 10).await;
    assert_eq!(indexed_at(&world).await, 0);
    assert!(world.store.user(sign_up_id(1).cast()).await.expect("readable").is_some());
    assert!(is_stored(&world, 1).await, "its session lives, and the sign-up is kept as long");
}

#[tokio::test(start_paused = true)]
async fn clients_and_finished_sign_ups_that_are_over_are_walked_to_and_removed() {
    let mut world = world();
    world.policy.session_lifetime = Span::from_secs(3000);
    let system = world.start().await;
    create(&system, 2, &address(2)).await.expect("made");
    finish(&world, &system).await;
    let has_client = async |n| world.store.client(client_id(n)).await.expect("readable").is_some();
    pass(1900).await;
    assert!(has_client(1).await && has_client(2).await && is_stored(&world, 1).await);
    pass(700).await;
    assert!(!has_client(2).await, "it has no session and no sign-up");
    assert!(has_client(1).await && is_stored(&world, 1).await, "they have a session");
    pass(800).await;
    assert!(!has_client(1).await && !is_stored(&world, 1).await);
    assert!(world.store.user(sign_up_id(1).cast()).await.expect("readable").is_some());
}

#[tokio::test(start_paused = true)]
async fn a_sweep_that_could_not_be_written_is_made_again() {
    let world = world();
    let system = world.start().await;
    create(&system, 1, &address(1)).await.expect("made");
    pass(KEPT_S - 10).await;
    world.store.fail([Fault::Refused; 8]);
    pass(14).await;
    assert!(is_stored(&world, 1).await);
    world.store.heal();
    pass(10).await;
    assert!(!is_stored(&world, 1).await);
}

#[tokio::test(start_paused = true)]
async fn a_sweep_that_could_not_read_is_made_again() {
    for bad in [ReadFault::Unavailable, ReadFault::Panic] {
        let world = world();
        let system = world.start().await;
        create(&system, 1, &address(1)).await.expect("made");
        pass(KEPT_S - 10).await;
        world.store.fail_reads(StoreRead::Due, bad, 3);
        pass(13).await;
        assert!(is_stored(&world, 1).await, "{bad:?}");
        pass(15).await;
        assert!(!is_stored(&world, 1).await, "{bad:?}");
    }
}

/// A sweep every five seconds; a sign-up is abandoned after 1 000 seconds and kept for 500 more, a client for 2 000.
fn world() -> World {
    let mut world = World::new();
    world.options = ActorOptions { sweep_interval: Duration::from_secs(5), ..world.options };
    world.policy.abandon_after = Span::from_secs(KEPT_S - 500);
    world.policy.keep_finished = Span::from_secs(500);
    world.policy.keep_client = Span::from_secs(2000);
    world
}

async fn finish(world: &World, system: &System) {
    create(system, 1, &address(1)).await.expect("made");
    command(system, 1, preparation()).await.expect("prepared");
    settle().await;
    command(system, 1, attempt(&world.email.code(&address(1)))).await.expect("the right code");
}

async fn is_stored(world: &World, n: usize) -> bool {
    world.store.sign_up(sign_up_id(n)).await.expect("readable").is_some()
}

/// How many sign-ups are listed under a deadline.
async fn indexed_at(world: &World) -> usize {
    world.store.due(world.now() + Span::from_secs(1_000_000), 10_000).await.expect("readable").len()
}

const KEPT_S: u64 = 1500;
