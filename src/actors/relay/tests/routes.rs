//! Lanes of routes, and a channel that is started by hand.

use super::*;

/// However many messages of the usual order wait.
#[tokio::test(start_paused = true)]
async fn numbers_of_a_route_are_sent_at_once_while_the_usual_order_fails_and_the_other_way_round() {
    for is_route_down in [false, true] {
        let mut world = World::new();
        world.options = ActorOptions { messages_held_max: 10, ..world.options };
        world.sms.add_route("+4915112345");
        let system = world.start().await;
        world.sms.answer_with(move |message| {
            let is_routed = message.to.starts_with("+4915112345");
            if is_routed == is_route_down { Answer::Unavailable } else { Answer::Sent }
        });
        let number = |n: u8, is_routed: bool| {
            let mut message = message(&world, n, Channel::Sms);
            if !is_routed {
                message.to.value = format!("+120255501{n:02}");
            }
            system.context().seal(message)
        };
        for n in 0..40 {
            commit_entry(&system, number(n, is_route_down)).await;
        }
        pass(20).await;
        for n in 40..60 {
            commit_entry(&system, number(n, !is_route_down)).await;
            settle().await;
        }
        let sent = || world.sms.handed().iter().filter(|try_| try_.answer == Answer::Sent).count();
        assert_eq!((sent(), unsent(&world).await), (20, 40), "route down {is_route_down}");
        let status = system.context().health(Channel::Sms).status();
        let reason = status.reason.expect("it fails");
        assert_eq!(reason.contains("+4915112345"), is_route_down, "{reason}");
        world.sms.answer_always(Answer::Sent);
        pass(30).await;
        assert_eq!((sent(), unsent(&world).await), (60, 0));
        let status = system.context().health(Channel::Sms).status();
        assert_eq!((status.failing_since, status.waiting), (None, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_is_started_by_hand_is_tried_at_once() {
    let world = World::new();
    let system = world.start().await;
    world.email.answer_always(Answer::Unavailable);
    commit_message(&world, &system, 1, Channel::Email).await;
    pass(120).await;
    let tries = world.email.handed().len();
    world.email.answer_always(Answer::Sent);
    system.switch_channel(Channel::Email, true);
    settle().await;
    assert_eq!((world.email.handed().len(), world.email.resets()), (tries, 0));
    system.switch_channel(Channel::Email, false);
    settle().await;
    assert_eq!((world.email.handed().len(), world.email.resets()), (tries + 1, 1), "it does not wait for its pause");
    assert_eq!((unsent(&world).await, status(&system).failing_since), (0, None));
}
