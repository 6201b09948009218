//! A shard under paused time: passivation, crashes, and limits.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::actors::test_support::{
    StoreRead, World, address, attempt, client_id, command, create, naming, pass, preparation, read, settle,
    sign_up_id, soon, step,
};
use crate::actors::{ActorOptions, CallError, System, Terms};
use crate::domain::sign_up::Phase;

#[tokio::test(start_paused = true)]
async fn an_idle_sign_up_sleeps_and_the_next_call_finds_it_as_it_was() {
    let world = World::new();
    let system = world.start().await;
    create(&system, 1, &address(1)).await.expect("made");
    let before = command(&system, 1, preparation()).await.expect("prepared").sign_up;
    pass(59).await;
    assert_eq!((system.awake().await, world.store.reads(StoreRead::SignUp)), (1, 0), "it is not idle for long enough");
    pass(2).await;
    assert_eq!(system.awake().await, 0);

    let after = read(&system, 1).await.expect("still there").sign_up;
    assert_eq!(after, before);
    assert_eq!((system.awake().await, world.store.reads(StoreRead::SignUp)), (1, 1));
    let done = command(&system, 1, attempt(&world.email.code(&address(1)))).await.expect("the code is good still");
    assert!(matches!(done.sign_up.phase, Phase::Complete { .. }));
    settle().await;
    assert_eq!(system.awake().await, 0, "who is done does not stay awake");
}

#[tokio::test(start_paused = true)]
async fn a_call_keeps_a_sign_up_awake_for_the_whole_idle_time() {
    let world = World::new();
    let system = world.start().await;
    create(&system, 1, &address(1)).await.expect("made");
    for _ in 0..5 {
        pass(45).await;
        read(&system, 1).await.expect("there");
    }
    assert_eq!((system.awake().await, world.store.reads(StoreRead::SignUp)), (1, 0));
    pass(59).await;
    assert_eq!(system.awake().await, 1);
    pass(2).await;
    assert_eq!(system.awake().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_meets_a_sign_up_going_to_sleep_is_done_once() {
    // In a task of its own: tokio runs many of them before it returns to the test itself.
    tokio::spawn(calls_meet_sleep()).await.expect("no panic");
}

/// In each round the calls come one scheduler step later, so that together the rounds cover every moment between the
/// timer and the end of the actor.
async fn calls_meet_sleep() {
    let mut world = World::new();
    world.options = ActorOptions { calls_per_sign_up_max: 4, ..world.options };
    let system = std::sync::Arc::new(world.start().await);
    let idle = world.options.passivate_after;
    let (mut stayed, mut woke, mut refused) = (0, 0, 0);
    for steps in 0..60 {
        let n = steps + 1;
        let start = create(&system, n, &address(n)).await.expect("made").sign_up.version;
        let loads = world.store.reads(StoreRead::SignUp);
        // In the first round they come just before the timer.
        let early = Duration::from_millis(u64::from(steps == 0));
        tokio::time::sleep(idle - early).await;
        for _ in 1..steps {
            step().await;
        }
        let mut calls = JoinSet::new();
        for call in 0..6 {
            let system = system.clone();
            calls.spawn(async move { command(&system, n, naming(&format!("Ada {call}"))).await });
        }
        let mut done = 0;
        for outcome in soon(calls.join_all()).await {
            match outcome {
                Ok(_) => done += 1,
                Err(CallError::Busy) => refused += 1,
                Err(error) => panic!("after {steps} steps: {error}"),
            }
        }
        assert!(done >= 4, "after {steps} steps {done} were done");
        let now = read(&system, n).await.expect("there").sign_up;
        assert_eq!(now.version, start + done, "after {steps} steps each call was done once");
        match world.store.reads(StoreRead::SignUp) - loads {
            0 => stayed += 1,
            1 => woke += 1,
            loads => panic!("after {steps} steps it was loaded {loads} times"),
        }
    }
    assert!(stayed > 0 && woke > 0 && refused > 0, "{stayed} stayed awake, {woke} woke, {refused} refused");
}

#[tokio::test(start_paused = true)]
async fn a_crash_is_told_to_those_it_hits_and_the_next_call_finds_the_last_commit() {
    let world = World::new();
    let system = world.start().await;
    create(&system, 1, &address(1)).await.expect("made");
    create(&system, 2, &address(2)).await.expect("made");
    let before = command(&system, 1, naming("Ada")).await.expect("named").sign_up;

    world.panics.store(1, Ordering::SeqCst);
    let (hit, behind, beside) = tokio::join!(
        command(&system, 1, preparation()),
        command(&system, 1, naming("Eve")),
        command(&system, 2, naming("Zoe")),
    );
    assert_eq!(hit.map(drop), Err(CallError::Lost));
    assert_eq!(behind.map(drop), Err(CallError::Lost), "it waited in the same mailbox");
    assert!(beside.is_ok(), "another sign-up of the same shard does not notice");

    assert_eq!(read(&system, 1).await.expect("back").sign_up, before);
    assert_eq!(world.store.reads(StoreRead::SignUp), 1);
    assert_eq!(world.email.handed(), [], "nothing was sent");
    command(&system, 1, preparation()).await.expect("as good as new");
}

#[tokio::test(start_paused = true)]
async fn a_sign_up_that_keeps_crashing_is_left_alone_for_a_minute() {
    let world = World::new();
    let system = world.start().await;
    create(&system, 1, &address(1)).await.expect("made");
    create(&system, 2, &address(2)).await.expect("made");
    crash(&world, &system, 3).await;
    let loads = world.store.reads(StoreRead::SignUp);
    for _ in 0..3 {
        assert_eq!(read(&system, 1).await.map(drop), Err(CallError::Unavailable));
        assert_eq!(command(&system, 1, naming("Ada")).await.map(drop), Err(CallError::Unavailable));
        pass(15).await;
    }
    assert_eq!(world.store.reads(StoreRead::SignUp), loads, "it was not even loaded");
    command(&system, 2, naming("Zoe")).await.expect("another sign-up of the same shard does not notice");
    pass(15).await;
    command(&system, 1, naming("Ada")).await.expect("the minute is over");
    crash(&world, &system, 2).await;
    command(&system, 1, naming("Eve")).await.expect("it is counted anew");
    crash(&world, &system, 1).await;
    assert_eq!(read(&system, 1).await.map(drop), Err(CallError::Unavailable), "and left alone again");
}

#[tokio::test(start_paused = true)]
async fn crashes_that_are_far_apart_are_no_reason_to_leave_a_sign_up_alone() {
    let world = World::new();
    let system = world.start().await;
    create(&system, 1, &address(1)).await.expect("made");
    for _ in 0..5 {
        crash(&world, &system, 2).await;
        read(&system, 1).await.expect("back");
        pass(61).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_that_cannot_be_read_is_neither_served_nor_replaced() {
    let world = World::new();
    let system = world.start().await;
    create(&system, 1, &address(1)).await.expect("made");
    let before = command(&system, 1, naming("Ada")).await.expect("named").sign_up;
    pass(61).await;
    world.store.damage(sign_up_id(1));
    assert_eq!(read(&system, 1).await.map(drop), Err(CallError::Unavailable));
    assert_eq!(command(&system, 1, naming("Eve")).await.map(drop), Err(CallError::Unavailable));
    settle().await;
    assert_eq!(system.awake().await, 0, "it does not stay awake with nothing");
    world.store.repair();
    assert_eq!(read(&system, 1).await.expect("back").sign_up, before);
}

#[tokio::test(start_paused = true)]
async fn a_sign_up_that_is_not_there_and_one_of_another_client_are_told_alike() {
    let world = World::new();
    let system = world.start().await;
    create(&system, 1, &address(1)).await.expect("made");
    assert_eq!(read(&system, 2).await.map(drop), Err(CallError::NotFound));
    let foreign = system.command(sign_up_id(1), client_id(2), Terms::default(), naming("Eve")).await;
    assert_eq!(foreign.map(drop), Err(CallError::NotFound));
    settle().await;
    assert_eq!(system.awake().await, 1, "what is not there does not stay awake");
}

#[tokio::test(start_paused = true)]
async fn calls_beyond_the_limit_of_one_sign_up_are_refused_at_once() {
    let mut world = World::new();
    world.options = ActorOptions { calls_per_sign_up_max: 3, ..world.options };
    let system = std::sync::Arc::new(world.start().await);
    create(&system, 1, &address(1)).await.expect("made");
    create(&system, 2, &address(2)).await.expect("made");
    world.store.hold();
    let mut waiting = JoinSet::new();
    for _ in 0..3 {
        let system = system.clone();
        waiting.spawn(async move { command(&system, 1, naming("Ada")).await.map(drop) });
    }
    settle().await;
    assert_eq!(soon(command(&system, 1, naming("Eve"))).await.map(drop), Err(CallError::Busy));
    assert_eq!(soon(read(&system, 1)).await.map(drop), Err(CallError::Busy), "a read waits behind them too");
    read(&system, 2).await.expect("another sign-up has a limit of its own");
    world.store.release();
    assert_eq!(waiting.join_all().await, [Ok(()), Ok(()), Ok(())]);
    assert_eq!(read(&system, 1).await.expect("there").sign_up.first_name.as_deref(), Some("Ada"));
}

#[tokio::test(start_paused = true)]
async fn a_thousand_sign_ups_at_once_are_all_answered_and_all_sleep_afterwards() {
    let mut world = World::new();
    world.options = ActorOptions { shards: 4, ..world.options };
    let system = std::sync::Arc::new(world.start().await);
    let mut people = JoinSet::new();
    for n in 0..MANY {
        let system = system.clone();
        people.spawn(async move {
            create(&system, n, &address(n)).await?;
            command(&system, n, naming("Ada")).await?;
            command(&system, n, naming(&address(n))).await
        });
    }
    let answers = people.join_all().await;
    assert_eq!(answers.len(), MANY);
    for answer in answers {
        let sign_up = answer.expect("answered").sign_up;
        let email = sign_up.email_address.as_ref().expect("an address").value.as_str();
        assert_eq!(sign_up.first_name.as_deref(), Some(email), "each has what was given to it");
    }
    assert_eq!(system.awake().await, MANY);
    let batches = world.store.batches(|commit| commit.decision.sign_up.is_some());
    assert_eq!(batches.iter().sum::<usize>(), 3 * MANY);
    assert!(batches.len() < 3 * MANY / 10, "{} batches", batches.len());
    pass(61).await;
    assert_eq!(system.awake().await, 0);
    assert_eq!(read(&system, 7).await.expect("there").sign_up.first_name, Some(address(7)));
    assert_eq!(system.awake().await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_stop_answers_what_was_begun_and_refuses_what_comes_later() {
    let world = World::new();
    let system = std::sync::Arc::new(world.start().await);
    create(&system, 1, &address(1)).await.expect("made");
    world.store.hold();
    let begun = tokio::spawn({
        let system = system.clone();
        async move { command(&system, 1, naming("Ada")).await.map(drop) }
    });
    settle().await;
    let stopping = tokio::spawn({
        let system = system.clone();
        async move { system.stop().await }
    });
    settle().await;
    world.store.release();
    assert_eq!(begun.await.expect("no panic"), Ok(()));
    stopping.await.expect("no panic");
    let late = command(&system, 1, naming("Eve")).await.map(drop);
    assert_eq!(late, Err(CallError::Unavailable));
}

/// Makes the first sign-up's actor crash this many times in a row.
async fn crash(world: &World, system: &System, times: usize) {
    for _ in 0..times {
        world.panics.store(1, Ordering::SeqCst);
        assert_eq!(command(system, 1, preparation()).await.map(drop), Err(CallError::Lost));
        settle().await;
    }
}

const MANY: usize = 1000;
