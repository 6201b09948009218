//! Messages that a limit refuses are told as events, few of them (guide/events.md).

use std::time::Duration;

use vestibule::NewSignUp;
use vestibule::actors::ActorOptions;
use vestibule::config::sample_settings;
use vestibule::domain::event::Happened;
use vestibule::domain::identifier::IdentifierKind;
use vestibule::domain::message::MessageBudget;
use vestibule::domain::policy::{AddressLimits, Policy};
use vestibule::domain::rejection::ErrorCode;
use vestibule::domain::settings::source_limits::{Budget, SourceLimits};
use vestibule::domain::time::Span;
use vestibule::domain::verification::Strategy;
use vestibule::engine::{Caller, Engine, EngineError, RequestContext};

#[tokio::test]
async fn refused_messages_are_counted_in_one_event_of_each_kind() {
    let (few, many) = (Budget::new(4, 4, Span::from_secs(3600)), Budget::new(1000, 4, Span::from_secs(10)));
    let limits = SourceLimits { emails: few, creates: many, clients: many, look_ups: many, ..SourceLimits::default() };
    let address_limits = Some(AddressLimits { messages: 2, ..AddressLimits::default() });
    let policy = Policy { address_limits, resend_cooldown: Span::from_millis(0), ..Policy::default() };
    let actors = ActorOptions { sweep_interval: Duration::from_millis(20), ..ActorOptions::default() };
    let settings = sample_settings("email_code").expect("a sample");
    let engine = Engine::builder().settings(settings).source_limits(Some(limits)).policy(policy).actors(actors);
    let engine = engine.build().await.expect("an engine");
    let asked = async |address: &str| {
        let context = RequestContext { address: Some([192, 0, 2, 1].into()), ..RequestContext::default() };
        let input = NewSignUp::new().email_address(address).strategy(Strategy::EmailCode);
        engine.sign_ups().create(&Caller::anonymous(), &input, &context).await.map(drop)
    };
    let is_limited = |asked: Result<(), EngineError>| match asked {
        Err(EngineError::Rejected(refused)) => refused.is(ErrorCode::TooManyRequests),
        _ => false,
    };
    for _ in 0..2 {
        asked("ada@example.com").await.expect("within the limits");
    }
    // What is refused for the address is given back to the source.
    for _ in 0..3 {
        assert!(is_limited(asked("ada@example.com").await));
    }
    until(&engine, 1).await;
    for n in 0..2 {
        asked(&format!("eve{n}@example.com")).await.expect("within the limits");
    }
    for n in 0..50 {
        assert!(is_limited(asked(&format!("bob{n}@example.com")).await));
    }
    let told = until(&engine, 2).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(until(&engine, 2).await, told, "one a minute at most");
    let (first, second) = (told[0], told[1]);
    assert_eq!((first.0, first.1), (IdentifierKind::EmailAddress, MessageBudget::Address));
    assert!((1..=3).contains(&first.2), "{first:?}");
    assert_eq!((second.0, second.1), (IdentifierKind::EmailAddress, MessageBudget::Source));
    assert!((1..=50).contains(&second.2), "{second:?}");
    engine.shutdown().await;
}

/// What the events tell of limits, once there are `count` of them.
async fn until(engine: &Engine, count: usize) -> Vec<(IdentifierKind, MessageBudget, u32)> {
    for _ in 0..1000 {
        let events = engine.events().read(None, 1000).await.expect("the events");
        let limited = events.into_iter().filter_map(|event| match event.what {
            Happened::MessageLimited { to, by, count } => Some((to, by, count)),
            _ => None,
        });
        let limited: Vec<_> = limited.collect();
        if limited.len() >= count {
            return limited;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("no {count} events tell of limits")
}
