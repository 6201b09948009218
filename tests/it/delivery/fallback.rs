//! Several providers behind one channel: who is asked, who is left alone, and what is never given to two.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use vestibule::delivery::{
    BoxFuture, Failure, FailureClass, Fallback, Message, NamedTransport, Outcome, ProviderState, Receipt, Route,
    Transport,
};
use vestibule::domain::id::MessageId;

use super::{message, told};

#[tokio::test(start_paused = true)]
async fn what_is_wrong_with_a_provider_falls_through_and_what_is_wrong_with_a_message_does_not() {
    use FailureClass::{Address, Authentication, Content, Provider, RateLimited, Sender, Timeout, Unreachable};
    for (outcome, is_taken_by_the_second) in [
        (Outcome::Unavailable(failure(Unreachable)), true),
        (Outcome::Unavailable(failure(Provider)), true),
        (Outcome::Unavailable(failure(Authentication)), true),
        (Outcome::Unavailable(failure(Sender)), true),
        (Outcome::Unavailable(failure(RateLimited)), true),
        (Outcome::Retry(failure(Provider)), true),
        (Outcome::Unavailable(failure(Timeout)), false),
        (Outcome::Refused(failure(Address)), false),
        (Outcome::Refused(failure(Content)), false),
        (Outcome::Retry(failure(Address)), false),
    ] {
        let (first, second) = (Fake::new(), Fake::new());
        first.then(outcome.clone());
        let sent = both(&first, &second).deliver(&message("ada@example.com")).await;
        assert_eq!((first.asked(), second.asked()), (1, usize::from(is_taken_by_the_second)), "{outcome:?}");
        let expected = if is_taken_by_the_second { by("second") } else { outcome };
        assert_eq!(sent, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_fails_is_left_alone_and_found_again() {
    let (first, second) = (Fake::new(), Fake::new());
    let fallback = both(&first, &second);
    first.always(Outcome::Unavailable(failure(FailureClass::Unreachable)));
    for _ in 0..10 {
        assert_eq!(fallback.deliver(&message("ada@example.com")).await, by("second"));
    }
    assert_eq!(first.asked(), 3, "after three failures nobody waits for it");
    let status = &fallback.providers()[0];
    assert_eq!((status.name, status.state.as_str(), status.sent), ("first", "paused", 0));
    assert_eq!(status.failures.get(&FailureClass::Unreachable), Some(&3));
    assert_eq!(status.reason.as_deref(), Some("why"));
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(fallback.providers()[0].state, ProviderState::Probing);
    first.always(Outcome::Sent(Receipt::default()));
    assert_eq!(fallback.deliver(&message("ada@example.com")).await, by("first"));
    let status = &fallback.providers()[0];
    assert_eq!((status.state, status.sent, status.reason.as_deref()), (ProviderState::Working, 1, None));
}

#[tokio::test(start_paused = true)]
async fn silence_opens_the_breaker_and_then_the_next_provider_is_asked_at_once() {
    let (first, second) = (Fake::new(), Fake::new());
    let fallback = both(&first, &second);
    first.always(Outcome::Unavailable(failure(FailureClass::Timeout)));
    for n in 1..=3 {
        assert_eq!(told(&fallback.deliver(&numbered(n)).await).0, "down");
    }
    assert_eq!(fallback.deliver(&numbered(4)).await, by("second"));
    assert_eq!((first.asked(), second.asked()), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn after_a_silence_the_next_try_of_the_message_goes_to_the_next_provider() {
    let (first, second) = (Fake::new(), Fake::new());
    let fallback = both(&first, &second);
    first.always(Outcome::Unavailable(failure(FailureClass::Timeout)));
    assert_eq!(told(&fallback.deliver(&numbered(1)).await).0, "down", "the first may have sent it");
    assert_eq!(fallback.deliver(&numbered(1)).await, by("second"), "with little traffic no breaker would open");
    assert_eq!((first.asked(), second.asked()), (1, 1));

    // The relay gives up what takes too long.
    *first.hangs.lock().expect("no panic") = true;
    let mail = numbered(2);
    assert!(tokio::time::timeout(Duration::from_secs(60), fallback.deliver(&mail)).await.is_err());
    assert_eq!(fallback.deliver(&mail).await, by("second"));
    *first.hangs.lock().expect("no panic") = false;
    first.always(Outcome::Sent(Receipt::default()));
    assert_eq!(fallback.deliver(&numbered(3)).await, by("first"), "other messages go the usual way");

    let (first, second) = (Fake::new(), Fake::new());
    let fallback = both(&first, &second);
    for fake in [&first, &second] {
        fake.then(Outcome::Unavailable(failure(FailureClass::Timeout)));
    }
    for _ in 0..2 {
        assert_eq!(told(&fallback.deliver(&numbered(1)).await).0, "down");
    }
    assert_eq!(fallback.deliver(&numbered(1)).await, by("first"), "the one that was silent last comes last");
    let alone = Fallback::new(vec![named("first", &first)], &["first"], &[]);
    first.then(Outcome::Unavailable(failure(FailureClass::Timeout)));
    assert_eq!(told(&alone.deliver(&numbered(1)).await).0, "down");
    assert_eq!(alone.deliver(&numbered(1)).await, by("first"), "there is no other one");
}

#[tokio::test(start_paused = true)]
async fn a_reset_tries_providers_that_are_left_alone() {
    let (first, second) = (Fake::new(), Fake::new());
    let fallback = both(&first, &second);
    for fake in [&first, &second] {
        fake.then(Outcome::Unavailable(asks_for(3600)));
    }
    assert_eq!(told(&fallback.deliver(&numbered(1)).await).0, "down");
    assert_eq!(told(&fallback.deliver(&numbered(1)).await).0, "down");
    assert_eq!((first.asked(), second.asked()), (1, 1));
    fallback.reset();
    assert!(fallback.providers().iter().all(|provider| provider.state == ProviderState::Working));
    assert_eq!(fallback.deliver(&numbered(1)).await, by("first"));
}

#[tokio::test(start_paused = true)]
async fn the_pause_that_a_provider_asks_for_is_kept() {
    let (first, second) = (Fake::new(), Fake::new());
    let fallback = both(&first, &second);
    first.then(Outcome::Unavailable(asks_for(30)));
    for _ in 0..5 {
        assert_eq!(fallback.deliver(&message("ada@example.com")).await, by("second"));
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    assert_eq!(first.asked(), 1);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(fallback.deliver(&message("ada@example.com")).await, by("first"));
}

#[tokio::test(start_paused = true)]
async fn one_provider_alone_is_tried_on_unless_it_asked_for_a_pause() {
    let only = Fake::new();
    let fallback = Fallback::new(vec![named("first", &only)], &["first"], &[]);
    only.always(Outcome::Unavailable(failure(FailureClass::Unreachable)));
    for _ in 0..10 {
        assert_eq!(told(&fallback.deliver(&message("ada@example.com")).await).0, "down");
    }
    assert_eq!(only.asked(), 10, "there is no other one, and the relay slows down by itself");
    only.always(Outcome::Unavailable(asks_for(30)));
    fallback.deliver(&message("ada@example.com")).await;
    let outcome = fallback.deliver(&message("ada@example.com")).await;
    let Outcome::Unavailable(Failure { retry_after: Some(wait), .. }) = outcome else { panic!("{outcome:?}") };
    assert_eq!((only.asked(), wait.as_secs()), (11, 30));

    tokio::time::sleep(Duration::from_secs(30)).await;
    only.then(Outcome::Unavailable(asks_for(3600)));
    only.always(Outcome::Sent(Receipt::default()));
    fallback.deliver(&message("ada@example.com")).await;
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(fallback.deliver(&message("ada@example.com")).await, by("first"), "codes live for ten minutes");
}

#[tokio::test(start_paused = true)]
async fn a_route_of_one_provider_that_fails_is_left_alone_too() {
    let (usual, routed) = (Fake::new(), Fake::new());
    let routes = [Route { prefix: "+49".into(), providers: vec!["second"] }];
    let fallback = Fallback::new(vec![named("first", &usual), named("second", &routed)], &["first"], &routes);
    routed.always(Outcome::Unavailable(failure(FailureClass::Provider)));
    for _ in 0..20 {
        assert_eq!(told(&fallback.deliver(&message("+4915112345678")).await).0, "down");
        assert_eq!(fallback.deliver(&message("+12025550143")).await, by("first"));
    }
    assert_eq!((routed.asked(), usual.asked()), (3, 20));
}

#[tokio::test(start_paused = true)]
async fn when_all_are_left_alone_the_message_waits_for_the_first_that_is_not() {
    let (first, second) = (Fake::new(), Fake::new());
    let fallback = both(&first, &second);
    for fake in [&first, &second] {
        fake.always(Outcome::Unavailable(failure(FailureClass::Provider)));
    }
    for _ in 0..3 {
        fallback.deliver(&message("ada@example.com")).await;
    }
    let outcome = fallback.deliver(&message("ada@example.com")).await;
    let Outcome::Unavailable(Failure { retry_after: Some(wait), reason, .. }) = outcome else { panic!("{outcome:?}") };
    assert!(wait <= Duration::from_secs(5) && reason.contains("each has failed"), "{wait:?} {reason}");
    assert_eq!((first.asked(), second.asked()), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn a_message_waits_for_the_shortest_pause_that_a_provider_of_its_order_asked_for() {
    let (first, second) = (Fake::new(), Fake::new());
    let fallback = both(&first, &second);
    first.then(Outcome::Unavailable(asks_for(2)));
    second.always(Outcome::Unavailable(asks_for(300)));
    let outcome = fallback.deliver(&message("ada@example.com")).await;
    let Outcome::Unavailable(Failure { retry_after: Some(wait), .. }) = outcome else { panic!("{outcome:?}") };
    assert_eq!(wait.as_secs(), 2);
    tokio::time::sleep(wait).await;
    assert_eq!(fallback.deliver(&message("ada@example.com")).await, by("first"));

    let (first, second) = (Fake::new(), Fake::new());
    let fallback = both(&first, &second);
    first.always(Outcome::Unavailable(failure(FailureClass::Unreachable)));
    second.always(Outcome::Unavailable(asks_for(300)));
    let outcome = fallback.deliver(&message("ada@example.com")).await;
    assert_eq!(outcome, Outcome::Unavailable(failure(FailureClass::RateLimited)), "the first may be asked at once");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_the_last_provider_does_not_end_a_message_that_one_before_may_take_later() {
    let (first, second) = (Fake::new(), Fake::new());
    let fallback = both(&first, &second);
    first.then(Outcome::Unavailable(asks_for(2)));
    second.always(Outcome::Refused(failure(FailureClass::Sender)));
    for _ in 0..2 {
        assert_eq!(told(&fallback.deliver(&message("ada@example.com")).await).0, "again");
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(fallback.deliver(&message("ada@example.com")).await, by("first"));
    first.always(Outcome::Refused(failure(FailureClass::Sender)));
    assert_eq!(told(&fallback.deliver(&message("ada@example.com")).await).0, "refused", "both refuse it");
}

#[tokio::test(start_paused = true)]
async fn each_order_waits_for_its_own_providers_only() {
    let (usual, routed) = (Fake::new(), Fake::new());
    let routes = [Route { prefix: "+49".into(), providers: vec!["second"] }];
    let fallback = Fallback::new(vec![named("first", &usual), named("second", &routed)], &["first"], &routes);
    let (inside, outside) = (message("+4915112345678"), message("+12025550143"));
    assert_eq!(fallback.routes(), ["+49"]);
    assert_eq!((fallback.route(&inside.to), fallback.route(&outside.to)), (Some(0), None));
    routed.always(Outcome::Unavailable(asks_for(600)));
    usual.then(Outcome::Sent(Receipt::default()));
    usual.always(Outcome::Unavailable(asks_for(60)));
    for sent in [true, false, false] {
        let outcome = fallback.deliver(&inside).await;
        let Outcome::Unavailable(Failure { retry_after: Some(wait), .. }) = outcome else { panic!("{outcome:?}") };
        assert_eq!((wait.as_secs(), routed.asked()), (600, 1));
        match fallback.deliver(&outside).await {
            Outcome::Sent(_) if sent => {}
            Outcome::Unavailable(Failure { retry_after: Some(wait), .. }) if !sent => assert_eq!(wait.as_secs(), 60),
            outcome => panic!("{outcome:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_longest_prefix_decides_who_is_asked() {
    let (first, second, third) = (Fake::new(), Fake::new(), Fake::new());
    let providers = vec![named("first", &first), named("second", &second), named("third", &third)];
    let route =
        |prefix: &str, providers: &[&'static str]| Route { prefix: prefix.into(), providers: providers.to_vec() };
    let routes = [route("+49", &["second"]), route("+49151", &["third", "first"])];
    let fallback = Fallback::new(providers, &["first"], &routes);
    for (number, name) in [("+12025550143", "first"), ("+4930123456", "second"), ("+4915112345678", "third")] {
        assert_eq!(fallback.deliver(&message(number)).await, by(name), "{number}");
    }
    third.always(Outcome::Unavailable(failure(FailureClass::Unreachable)));
    assert_eq!(fallback.deliver(&message("+4915112345678")).await, by("first"));
    second.always(Outcome::Unavailable(failure(FailureClass::Unreachable)));
    let outcome = fallback.deliver(&message("+4930123456")).await;
    assert_eq!(told(&outcome).0, "down", "a route names all that are asked");
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_can_not_take_an_address_is_passed_over_and_the_only_one_says_why() {
    let (ascii, any) = (Arc::new(Fake { is_ascii_only: true, ..Fake::default() }), Fake::new());
    let outside = message("ädä@example.com");
    let fallback = both(&ascii, &any);
    assert!(fallback.takes(&outside));
    assert_eq!(fallback.deliver(&outside).await, by("second"));
    assert_eq!(fallback.deliver(&message("ada@example.com")).await, by("first"));
    let alone = Fallback::new(vec![named("first", &ascii)], &["first"], &[]);
    ascii.then(Outcome::Refused(failure(FailureClass::Address)));
    assert!(!alone.takes(&outside));
    assert_eq!(told(&alone.deliver(&outside).await).0, "refused");
}

#[tokio::test(start_paused = true)]
async fn an_address_that_no_provider_takes_does_not_bring_back_one_that_fails() {
    let [first, second] = [(); 2].map(|()| Arc::new(Fake { is_ascii_only: true, ..Fake::default() }));
    let fallback = both(&first, &second);
    first.always(Outcome::Unavailable(failure(FailureClass::Unreachable)));
    for _ in 0..3 {
        assert_eq!(fallback.deliver(&message("ada@example.com")).await, by("second"));
    }
    first.always(Outcome::Refused(failure(FailureClass::Address)));
    assert_eq!(told(&fallback.deliver(&message("ädä@example.com")).await).0, "refused");
    assert_eq!(fallback.providers()[0].state.as_str(), "paused");
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_given_up_does_not_keep_the_provider_from_being_found_again() {
    let (first, second) = (Fake::new(), Fake::new());
    let fallback = both(&first, &second);
    first.always(Outcome::Unavailable(failure(FailureClass::Unreachable)));
    for _ in 0..3 {
        fallback.deliver(&message("ada@example.com")).await;
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    *first.hangs.lock().expect("no panic") = true;
    let mail = message("ada@example.com");
    assert!(tokio::time::timeout(Duration::from_secs(60), fallback.deliver(&mail)).await.is_err());
    *first.hangs.lock().expect("no panic") = false;
    first.always(Outcome::Sent(Receipt::default()));
    assert_eq!(fallback.deliver(&mail).await, by("second"), "the probe counts as failed");
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(fallback.deliver(&mail).await, by("first"));
}

#[tokio::test(start_paused = true)]
async fn no_provider_gets_more_at_the_same_time_than_it_takes() {
    let few = Arc::new(Fake { at_once_max: Some(2), takes_s: 1, ..Fake::default() });
    let fallback = Arc::new(Fallback::new(vec![named("first", &few)], &["first"], &[]));
    let sending: Vec<_> = (0..10)
        .map(|_| {
            let fallback = fallback.clone();
            tokio::spawn(async move { fallback.deliver(&message("ada@example.com")).await })
        })
        .collect();
    for task in sending {
        assert_eq!(task.await.expect("a task"), by("first"));
    }
    assert_eq!((few.asked(), *few.most.lock().expect("no panic")), (10, 2));
}

/// Another message.
fn numbered(n: u8) -> Message {
    Message { id: MessageId::from_bytes([n; 16]), ..message("ada@example.com") }
}

fn both(first: &Arc<Fake>, second: &Arc<Fake>) -> Fallback {
    Fallback::new(vec![named("first", first), named("second", second)], &["first", "second"], &[])
}

fn named(name: &'static str, fake: &Arc<Fake>) -> NamedTransport {
    NamedTransport { name, transport: fake.clone() }
}

fn failure(class: FailureClass) -> Failure {
    Failure::new(class, "why")
}

fn asks_for(seconds: u64) -> Failure {
    Failure { retry_after: Some(Duration::from_secs(seconds)), ..failure(FailureClass::RateLimited) }
}

fn by(provider: &'static str) -> Outcome {
    Outcome::Sent(Receipt { provider, message_id: None })
}

/// A provider that does as it is told.
#[derive(Default)]
struct Fake {
    next: Mutex<VecDeque<Outcome>>,
    usual: Mutex<Option<Outcome>>,
    asked: Mutex<usize>,
    under_way: Mutex<usize>,
    most: Mutex<usize>,
    hangs: Mutex<bool>,
    is_ascii_only: bool,
    at_once_max: Option<usize>,
    takes_s: u64,
}

impl Fake {
    fn new() -> Arc<Self> {
        Arc::default()
    }

    fn then(&self, outcome: Outcome) {
        self.next.lock().expect("no panic").push_back(outcome);
    }

    fn always(&self, outcome: Outcome) {
        *self.usual.lock().expect("no panic") = Some(outcome);
    }

    fn asked(&self) -> usize {
        *self.asked.lock().expect("no panic")
    }

    async fn answer(&self) -> Outcome {
        *self.asked.lock().expect("no panic") += 1;
        if *self.hangs.lock().expect("no panic") {
            std::future::pending::<()>().await;
        }
        {
            let mut under_way = self.under_way.lock().expect("no panic");
            *under_way += 1;
            let mut most = self.most.lock().expect("no panic");
            *most = (*most).max(*under_way);
        }
        tokio::time::sleep(Duration::from_secs(self.takes_s)).await;
        *self.under_way.lock().expect("no panic") -= 1;
        let next = self.next.lock().expect("no panic").pop_front();
        let usual = || self.usual.lock().expect("no panic").clone();
        next.or_else(usual).unwrap_or(Outcome::Sent(Receipt::default()))
    }
}

impl Transport for Fake {
    fn deliver<'a>(&'a self, _: &'a Message) -> BoxFuture<'a, Outcome> {
        Box::pin(self.answer())
    }

    fn at_once_max(&self) -> usize {
        self.at_once_max.unwrap_or(usize::MAX)
    }

    fn takes(&self, message: &Message) -> bool {
        !self.is_ascii_only || message.to.is_ascii()
    }
}
