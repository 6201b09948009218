//! Nodes that share one outbox: which of them sends what, and when.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_message_is_sent_once_by_the_node_that_made_it() {
    let [one, other] = World::nodes();
    let (first, second) = (one.start().await, other.start().await);
    pass(20).await;
    send(&first, 1).await;
    send(&second, 2).await;
    pass(LIFE_S).await;
    let sent = |world: &World| world.email.handed().into_iter().map(|message| message.to).collect::<Vec<_>>();
    assert_eq!((sent(&one), sent(&other)), (vec![address(1)], vec![address(2)]));
    assert_eq!(unsent(&one).await, 0);
}

#[tokio::test(start_paused = true)]
async fn what_a_node_that_died_has_not_sent_is_sent_by_another_one_with_the_same_id() {
    let [mut one, other] = World::nodes();
    let (first, _second) = (one.start().await, other.start().await);
    pass(20).await;
    one.email.answer_always(Answer::Unavailable);
    for n in 1..=20 {
        send(&first, n).await;
    }
    let tried = one.email.handed();
    assert!(!tried.is_empty() && other.email.handed().is_empty());
    one.crash();
    pass(60).await;
    let sent = other.email.handed();
    assert_eq!((sent.len(), unsent(&other).await), (20, 0));
    assert!(sent.iter().any(|message| message.id == tried[0].id), "the receiver knows it by its id");
    assert!(sent.iter().all(|message| message.after > Duration::from_secs(20 + 30)), "{sent:?}");
}

#[tokio::test(start_paused = true)]
async fn what_the_provider_of_its_own_node_does_not_take_is_tried_by_the_node_with_the_lease_alone() {
    let [one, other] = World::nodes();
    // The first to start has the lease.
    let (_first, second) = (one.start().await, other.start().await);
    pass(20).await;
    other.email.answer_always(Answer::Unavailable);
    one.email.answer_always(Answer::Retry);
    for n in 1..=5 {
        send(&second, n).await;
    }
    pass(60).await;
    let latest = |world: &World| world.email.handed().iter().map(|message| message.after).max().unwrap_or_default();
    assert!(latest(&other) <= Duration::from_secs(20 + 16), "its own node has stopped: {:?}", latest(&other));
    one.email.answer_always(Answer::Sent);
    pass(120).await;
    let taken = one.email.handed().into_iter().filter(|message| message.answer == Answer::Sent).count();
    assert_eq!((taken, unsent(&one).await), (5, 0));
}

#[tokio::test(start_paused = true)]
async fn a_node_whose_messages_others_take_over_notices_that_its_provider_works_again() {
    let [one, other] = World::nodes();
    let (_first, second) = (one.start().await, other.start().await);
    pass(20).await;
    other.email.answer_always(Answer::Unavailable);
    let mut n = 0;
    for seconds in 0..90 {
        if seconds == 60 {
            other.email.answer_always(Answer::Sent);
        }
        for _ in 0..2 {
            n += 1;
            commit_message(&other, &second, n, Channel::Email).await;
        }
        pass(1).await;
    }
    let sent = other.email.handed().into_iter().filter(|message| message.answer == Answer::Sent).count();
    assert!(sent > 40, "it sends its own again: {sent}");
}

#[tokio::test(start_paused = true)]
async fn a_node_whose_provider_fails_leaves_the_messages_of_others_to_another_node() {
    let [one, other] = World::nodes();
    let (first, second) = (one.start().await, other.start().await);
    pass(20).await;
    one.email.answer_always(Answer::Unavailable);
    send(&first, 1).await;
    pass(120).await;
    assert_eq!((other.email.handed().len(), unsent(&one).await), (1, 0));
    drop(second);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_left_its_messages_to_another_one_shows_no_failure_for_ever() {
    let [one, other] = World::nodes();
    let (first, second) = (one.start().await, other.start().await);
    pass(20).await;
    other.email.answer_always(Answer::Unavailable);
    send(&second, 1).await;
    pass(50).await;
    assert!(status(&second).failing_since.is_some(), "its last try is less than a minute ago");
    assert_eq!((unsent(&one).await, status(&first).failing_since), (0, None), "the other one has sent it");
    pass(60).await;
    assert_eq!((status(&second).failing_since, status(&second).reason), (None, None));
    // It is shown again as soon as a message shows it, and for as long as messages do.
    for n in 2..=12 {
        send(&second, n).await;
        pass(20).await;
        assert!(status(&second).failing_since.is_some(), "message {n}");
    }
    other.email.answer_always(Answer::Sent);
    send(&second, 13).await;
    pass(5).await;
    assert_eq!(status(&second).failing_since, None);
}

#[tokio::test(start_paused = true)]
async fn what_was_sent_just_before_an_outage_of_the_store_is_not_sent_again() {
    let [one, other] = World::nodes();
    let (first, _second) = (one.start().await, other.start().await);
    pass(20).await;
    let store = one.store.clone();
    one.email.answer_with(move |_| {
        store.fail([Fault::Refused, Fault::Refused, Fault::UnknownNotWritten]);
        Answer::Sent
    });
    send(&first, 1).await;
    pass(120).await;
    assert_eq!((one.email.handed().len(), other.email.handed().len(), unsent(&one).await), (1, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn where_no_node_can_send_one_of_them_finds_out_that_it_can_again() {
    let [one, other] = World::nodes();
    let (first, second) = (one.start().await, other.start().await);
    pass(20).await;
    one.email.answer_always(Answer::Unavailable);
    other.email.answer_always(Answer::Unavailable);
    send(&first, 1).await;
    send(&second, 2).await;
    pass(300).await;
    assert_eq!(unsent(&one).await, 2);
    one.email.answer_always(Answer::Sent);
    other.email.answer_always(Answer::Sent);
    pass(120).await;
    assert_eq!(unsent(&one).await, 0, "nobody asks for another message");
}
