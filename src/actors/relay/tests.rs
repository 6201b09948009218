//! The relay under paused time: retries, restarts, and failing transports.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use crate::actors::test_support::{
    Answer, Fault, ReadFault, StoreRead, World, address, attempt, command, create, pass, preparation, settle,
};
use crate::actors::{ActorOptions, System};
use crate::delivery::{Channel, ChannelStatus, FailureClass};
use crate::domain::id::{MessageId, SignUpId};
use crate::domain::identifier::{Identifier, IdentifierKind};
use crate::domain::message::{Content, Message};
use crate::domain::secret::Secret;
use crate::domain::sign_up::Phase;
use crate::domain::time::Span;
use crate::store::{Commit, Decision, OutboxEntry, Store};

mod nodes;
mod routes;

#[tokio::test(start_paused = true)]
async fn a_message_is_sent_once_and_struck_out() {
    let world = World::new();
    let system = world.start().await;
    send(&system, 1).await;
    pass(3600).await;
    assert_eq!(world.email.handed().len(), 1);
    assert_eq!(unsent(&world).await, 0);
    assert_eq!(status(&system), ChannelStatus { sent: 1, ..unused() });
}

#[tokio::test(start_paused = true)]
async fn a_message_is_tried_after_growing_pauses_until_it_is_worthless() {
    let world = World::new();
    let system = world.start().await;
    world.email.answer_always(Answer::Retry);
    send(&system, 1).await;
    pass(LIFE_S + 120).await;
    let tries = world.email.handed();
    assert_eq!(tries.iter().map(|try_| (try_.id, &try_.code)).collect::<HashSet<_>>().len(), 1, "one id, one code");
    let pauses: Vec<f64> = tries.windows(2).map(|pair| (pair[1].after - pair[0].after).as_secs_f64()).collect();
    let planned = [1, 2, 4, 8, 16, 32].into_iter().chain(std::iter::repeat(60)).map(f64::from);
    for (pause, planned) in pauses.iter().zip(planned) {
        assert!((0.5 * planned - 0.1..=1.5 * planned + 0.1).contains(pause), "{pauses:?}");
    }
    assert!(pauses.len() >= 10, "{pauses:?}");
    assert!(tries.iter().all(|try_| try_.after < Duration::from_secs(LIFE_S + 1)), "none when it is over");
    assert_eq!(unsent(&world).await, 0, "it is struck out");
    let expected = ChannelStatus {
        expired: 1,
        failed_tries: tries.len() as u64,
        failures: BTreeMap::from([(FailureClass::Provider, tries.len() as u64), (FailureClass::Expired, 1)]),
        ..unused()
    };
    assert_eq!(status(&system), expected);
    pass(3600).await;
    assert_eq!(world.email.handed().len(), tries.len());
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_refused_for_good_is_struck_out_at_once() {
    let world = World::new();
    let system = world.start().await;
    world.email.answer_always(Answer::Refused);
    send(&system, 1).await;
    assert_eq!((world.email.handed().len(), unsent(&world).await), (1, 0));
    pass(3600).await;
    assert_eq!(world.email.handed().len(), 1);
    assert_eq!(
        status(&system),
        ChannelStatus { refused: 1, failures: BTreeMap::from([(FailureClass::Provider, 1)]), ..unused() }
    );
}

#[tokio::test(start_paused = true)]
async fn a_message_that_hangs_holds_up_no_other_and_is_tried_again() {
    let world = World::new();
    let system = world.start().await;
    let mut hangs = true;
    world.email.answer_with(move |message| {
        if message.to == address(1) && std::mem::take(&mut hangs) { Answer::Nothing } else { Answer::Sent }
    });
    for n in 1..=20 {
        send(&system, n).await;
    }
    assert_eq!(world.email.handed().len(), 20);
    assert_eq!(unsent(&world).await, 1, "all others are done with");
    pass(70).await;
    let said: Vec<Answer> = world.email.handed_to(&address(1)).iter().map(|handed| handed.answer).collect();
    assert_eq!(said, [Answer::Nothing, Answer::Sent]);
    assert_eq!(unsent(&world).await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_channel_whose_places_all_hang_does_not_hold_up_the_other() {
    let mut world = World::new();
    world.options = ActorOptions { deliveries_max: 2, ..world.options };
    let system = world.start().await;
    world.email.answer_always(Answer::Nothing);
    for n in 0..10 {
        commit_message(&world, &system, n, Channel::Email).await;
    }
    commit_message(&world, &system, 10, Channel::Sms).await;
    settle().await;
    assert_eq!((world.email.handed().len(), world.sms.handed().len()), (2, 1));
    world.email.answer_always(Answer::Sent);
    pass(70).await;
    assert_eq!(unsent(&world).await, 0, "the time limit frees the places");
}

#[tokio::test(start_paused = true)]
async fn a_transport_that_panics_is_tried_again_like_one_that_fails() {
    let world = World::new();
    let system = world.start().await;
    let mut panics = 3;
    world.email.answer_with(move |_| {
        panics -= 1;
        if panics >= 0 { Answer::Panics } else { Answer::Sent }
    });
    commit_message(&world, &system, 1, Channel::Email).await;
    pass(60).await;
    assert_eq!((unsent(&world).await, status(&system).sent), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_is_down_is_tried_once_a_second_and_all_follow_once_it_works() {
    let world = World::new();
    let system = world.start().await;
    world.email.answer_always(Answer::Unavailable);
    let began = world.now();
    for n in 0..40 {
        commit_message(&world, &system, n, Channel::Email).await;
    }
    pass(30).await;
    let status_then = status(&system);
    assert_eq!(status_then.waiting, 40);
    assert!(status_then.failing_since.is_some_and(|since| since.since(began) < Span::from_secs(2)));
    let tries = world.email.handed();
    let late: Vec<Duration> = tries.iter().map(|try_| try_.after).filter(|after| after.as_secs() >= 1).collect();
    assert!(late.windows(2).all(|pair| pair[1] - pair[0] >= Duration::from_secs(1)), "{late:?}");
    assert!(late.len() >= 20, "{late:?}");

    world.email.answer_always(Answer::Sent);
    pass(2).await;
    assert_eq!((unsent(&world).await, status(&system).failing_since), (0, None));
    let sent = world.email.handed().iter().filter(|try_| try_.answer == Answer::Sent).count();
    assert_eq!(sent, 40, "each once");
}

#[tokio::test(start_paused = true)]
async fn messages_that_become_worthless_while_a_channel_is_down_are_struck_out_unsent() {
    let world = World::new();
    let system = world.start().await;
    world.email.answer_always(Answer::Unavailable);
    for n in 0..40 {
        commit_message(&world, &system, n, Channel::Email).await;
    }
    pass(LIFE_S + 120).await;
    assert_eq!((unsent(&world).await, status(&system).waiting, status(&system).expired), (0, 0, 40));
    world.email.answer_always(Answer::Sent);
    pass(120).await;
    assert!(world.email.handed().iter().all(|try_| try_.answer != Answer::Sent));
    commit_message(&world, &system, 50, Channel::Email).await;
    settle().await;
    assert_eq!(status(&system).sent, 1, "the channel is tried by the next message");
}

#[tokio::test(start_paused = true)]
async fn what_expires_while_a_channel_is_stopped_is_given_up_unsent_and_what_is_good_is_sent_when_it_starts() {
    let world = World::new();
    let system = world.start().await;
    system.switch_channel(Channel::Email, true);
    for n in 0..3 {
        send(&system, n).await;
    }
    pass(LIFE_S + 60).await;
    assert_eq!((world.email.handed().len(), unsent(&world).await, status(&system).expired), (0, 0, 3));
    let kept = world.store.messages(None, 10).await.expect("readable");
    let why: Vec<_> = kept.iter().map(|message| message.failure).collect();
    assert_eq!(why, [Some(FailureClass::Expired); 3]);
    send(&system, 4).await;
    system.switch_channel(Channel::Email, false);
    settle().await;
    assert_eq!((world.email.handed().len(), unsent(&world).await), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn after_a_crash_what_was_not_sent_is_sent_with_the_same_id_and_code() {
    let mut world = World::new();
    let system = world.start().await;
    world.email.answer_always(Answer::Nothing);
    send(&system, 1).await;
    let hung = world.email.handed();
    world.crash();
    let system = world.start().await;
    settle().await;
    let sent = world.email.handed();
    assert_eq!((sent.len(), sent[0].id, &sent[0].code), (1, hung[0].id, &hung[0].code));
    let code = sent[0].code.clone().expect("a code");
    let done = command(&system, 1, attempt(&code)).await.expect("it is the code that is waited for");
    assert!(matches!(done.sign_up.phase, Phase::Complete { .. }));
}

#[tokio::test(start_paused = true)]
async fn after_a_crash_what_was_struck_out_is_not_sent_again() {
    let mut world = World::new();
    let system = world.start().await;
    for n in 0..3 {
        send(&system, n).await;
    }
    assert_eq!(world.email.handed().len(), 3);
    world.crash();
    let _system = world.start().await;
    pass(3600).await;
    assert_eq!(world.email.handed(), []);
}

#[tokio::test(start_paused = true)]
async fn what_left_but_could_not_be_struck_out_is_sent_again_after_a_crash_only() {
    let mut world = World::new();
    let system = world.start().await;
    create(&system, 1, &address(1)).await.expect("made");
    // The message itself is stored; the commit that deletes it fails.
    world.email.answer_with({
        let store = world.store.clone();
        move |_| {
            store.fail([Fault::UnknownNotWritten]);
            Answer::Sent
        }
    });
    command(&system, 1, preparation()).await.expect("prepared");
    pass(300).await;
    let sent = world.email.handed();
    assert_eq!((sent.len(), unsent(&world).await), (1, 1), "in this run it is known to have left");
    world.crash();
    let _system = world.start().await;
    settle().await;
    let again = world.email.handed();
    assert_eq!((again.len(), again[0].id, &again[0].code), (1, sent[0].id, &sent[0].code));
    assert_eq!(unsent(&world).await, 0);
}

#[tokio::test(start_paused = true)]
async fn after_a_crash_what_is_worthless_by_then_is_struck_out_unsent() {
    let mut world = World::new();
    let system = world.start().await;
    world.email.answer_always(Answer::Nothing);
    send(&system, 1).await;
    world.crash();
    pass(LIFE_S).await;
    let system = world.start().await;
    settle().await;
    assert_eq!((world.email.handed().len(), unsent(&world).await, status(&system).expired), (0, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_of_commits_delays_the_striking_out_and_sends_nothing_twice() {
    let mut world = World::new();
    world.options = ActorOptions { commits_waiting_max: 1, ..world.options };
    let system = world.start().await;
    world.email.answer_with({
        let store = world.store.clone();
        move |_| {
            store.hold();
            Answer::Sent
        }
    });
    // This one takes the only place as soon as the first message is delivered.
    commit_message(&world, &system, 1, Channel::Email).await;
    let persister = system.persister().clone();
    let other = tokio::spawn(async move { persister.commit(Commit::default()).await.map(drop) });
    pass(3).await;
    world.store.release();
    pass(5).await;
    drop(other.await);
    assert_eq!((world.email.handed().len(), unsent(&world).await), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn more_messages_than_are_held_are_all_sent_once() {
    let mut world = World::new();
    world.options = ActorOptions { messages_held_max: 4, deliveries_max: 2, ..world.options };
    let system = world.start().await;
    world.email.answer_always(Answer::Unavailable);
    for n in 0..50 {
        commit_message(&world, &system, n, Channel::Email).await;
    }
    assert!(status(&system).waiting <= 4);
    world.email.answer_always(Answer::Sent);
    pass(30).await;
    let sent: Vec<MessageId> =
        world.email.handed().iter().filter(|try_| try_.answer == Answer::Sent).map(|try_| try_.id).collect();
    assert_eq!((sent.len(), sent.iter().collect::<HashSet<_>>().len()), (50, 50));
    assert_eq!(unsent(&world).await, 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_while_the_outbox_is_read_is_not_sent_again_for_that() {
    let mut world = World::new();
    world.options = ActorOptions { messages_held_max: 2, deliveries_max: 1, ..world.options };
    let system = world.start().await;
    world.email.answer_always(Answer::Unavailable);
    for n in 0..4 {
        commit_message(&world, &system, n, Channel::Email).await;
    }
    world.store.fail_reads(StoreRead::Outbox, ReadFault::Late(Duration::from_secs(5)), 1);
    world.email.answer_always(Answer::Sent);
    pass(60).await;
    let sent = world.email.handed().iter().filter(|try_| try_.answer == Answer::Sent).count();
    assert_eq!((sent, unsent(&world).await), (4, 0), "each once");
}

#[tokio::test(start_paused = true)]
async fn messages_that_left_but_could_not_be_struck_out_take_nobody_elses_room() {
    let mut world = World::new();
    world.options = ActorOptions { messages_held_max: 4, ..world.options };
    let system = world.start().await;
    world.email.answer_with({
        let store = world.store.clone();
        let mut left = 4;
        move |_| {
            left -= 1;
            if left >= 0 {
                store.fail([Fault::Refused]);
            }
            Answer::Sent
        }
    });
    for n in 0..4 {
        commit_message(&world, &system, n, Channel::Email).await;
        settle().await;
        world.store.heal();
    }
    assert_eq!((world.email.handed().len(), unsent(&world).await), (4, 4));
    for n in 4..8 {
        commit_message(&world, &system, n, Channel::Email).await;
    }
    pass(30).await;
    assert_eq!(world.email.handed().len(), 8, "each once, and the later ones too");
    assert_eq!(status(&system).waiting, 0);
}

#[tokio::test(start_paused = true)]
async fn an_outbox_that_cannot_be_read_is_read_again() {
    for bad in [ReadFault::Unavailable, ReadFault::Panic] {
        let mut world = World::new();
        let system = world.start().await;
        world.email.answer_always(Answer::Nothing);
        send(&system, 1).await;
        world.crash();
        world.store.fail_reads(StoreRead::Outbox, bad, 2);
        let _system = world.start().await;
        pass(5).await;
        assert_eq!(world.email.handed().len(), 0, "{bad:?}");
        pass(20).await;
        assert_eq!((world.email.handed().len(), unsent(&world).await), (1, 0), "{bad:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_leaves_where_the_store_does_not_know_that_it_was_written() {
    for (fault, is_written) in [
        (Fault::UnknownWritten, true),
        (Fault::PanicWritten, true),
        (Fault::UnknownNotWritten, false),
        (Fault::PanicNotWritten, false),
        (Fault::Refused, false),
    ] {
        let world = World::new();
        let system = world.start().await;
        create(&system, 1, &address(1)).await.expect("made");
        world.store.fail([fault]);
        assert!(command(&system, 1, preparation()).await.is_err());
        pass(5).await;
        assert_eq!(world.email.handed().len(), usize::from(is_written), "{fault:?}");
        assert_eq!(unsent(&world).await, 0, "{fault:?}");
        pass(600).await;
        assert_eq!(world.email.handed().len(), usize::from(is_written), "{fault:?}: once");
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_sealed_under_another_key_is_struck_out_unsent() {
    let world = World::new();
    let system = world.start().await;
    let mut entry = system.context().seal(message(&world, 1, Channel::Email));
    entry.sealed.reverse();
    system
        .persister()
        .commit(Commit { decision: Decision { outbox: vec![entry], ..Decision::default() }, ..Commit::default() })
        .await
        .expect("written");
    settle().await;
    assert_eq!((world.email.handed().len(), unsent(&world).await), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_what_is_on_its_way_and_not_for_what_hangs() {
    let world = World::new();
    let system = world.start().await;
    world.email.answer_with(|message| if message.to == address(1) { Answer::Nothing } else { Answer::Sent });
    for n in 1..=3 {
        send(&system, n).await;
    }
    let began = tokio::time::Instant::now();
    system.stop().await;
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert_eq!(unsent(&world).await, 1, "what hangs stays for the next run");
}

/// Makes the `n`th person sign up and ask for a code.
async fn send(system: &System, n: usize) {
    create(system, n, &address(n)).await.expect("made");
    command(system, n, preparation()).await.expect("prepared");
    settle().await;
}

/// Commits a message without a sign-up.
async fn commit_message(world: &World, system: &System, n: u8, channel: Channel) {
    commit_entry(system, system.context().seal(message(world, n, channel))).await;
}

async fn commit_entry(system: &System, entry: OutboxEntry) {
    system
        .persister()
        .commit(Commit { decision: Decision { outbox: vec![entry], ..Decision::default() }, ..Commit::default() })
        .await
        .expect("written");
}

fn message(world: &World, n: u8, channel: Channel) -> Message {
    let (kind, value) = match channel {
        Channel::Email => (IdentifierKind::EmailAddress, address(n.into())),
        Channel::Sms => (IdentifierKind::PhoneNumber, format!("+4915112345{n:03}")),
    };
    Message {
        id: MessageId::from_bytes([n; 16]),
        to: Identifier { kind, value: value.clone() },
        display_to: value,
        content: Content::Code(Secret::new("123456".into())),
        origin: SignUpId::from_bytes([n; 16]).into(),
        locale: None,
        phone_channel: None,
        created_at: world.now(),
        expire_at: world.now() + Span::from_secs(LIFE_S),
    }
}

/// How many messages the outbox has.
async fn unsent(world: &World) -> usize {
    world.store.outbox(None, 1000).await.expect("readable").len()
}

fn status(system: &System) -> ChannelStatus {
    system.context().health(Channel::Email).status()
}

fn unused() -> ChannelStatus {
    ChannelStatus {
        channel: Channel::Email,
        failing_since: None,
        reason: None,
        waiting: 0,
        sent: 0,
        refused: 0,
        expired: 0,
        failed_tries: 0,
        is_paused: false,
        failures: BTreeMap::new(),
        providers: Vec::new(),
    }
}

/// How long a code is valid, in seconds.
const LIFE_S: u64 = 600;
