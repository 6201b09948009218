//! What becomes of messages that wait for another attempt, and of a delivery, when something else changes meanwhile.

use std::time::Duration;

use serde_json::json;
use vestibule::actors::ActorOptions;
use vestibule::domain::time::Span;
use vestibule::domain::webhook::State;
use vestibule::engine::{Engine, NewWebhookEndpoint, Unusable, WebhookEndpointPatch};
use vestibule::webhook::UrlError;

use crate::support::receiver::{Answering, Receiver};
use crate::webhook_delivery::{World, create, new_user, shown};

#[tokio::test]
async fn what_waits_is_dropped_where_its_endpoint_does_not_want_it_any_more() {
    let (world, receiver) = (World::new(), Receiver::start(Answering::Status(500)).await);
    let engine = world.engine().await;
    let endpoint = create(&engine, &receiver, &["user.*"]).await;
    let user = engine.users().create(&new_user("1")).await.expect("a user");
    receiver.wait_for_count(1).await;
    shown(&engine, endpoint.id, |endpoint| endpoint.waiting == 1).await;

    let patch = WebhookEndpointPatch { events: Some(vec!["user.deleted".into()]), ..WebhookEndpointPatch::default() };
    engine.webhooks().update(endpoint.id, &patch).await.expect("an endpoint");
    receiver.answer(Answering::Status(200));
    world.clock.advance(Span::from_secs(7));
    let dropped = shown(&engine, endpoint.id, |endpoint| endpoint.waiting == 0).await;
    assert_eq!((dropped.delivered, dropped.given_up), (0, 0));
    engine.users().delete(user.id, None).await.expect("it is there");
    receiver.wait_for_count(2).await;
    engine.shutdown().await;
    let told: Vec<_> = receiver.got().iter().map(|got| got.what()).collect();
    assert_eq!(told, ["user.created", "user.deleted"], "what it wants now is sent");
}

#[tokio::test]
async fn what_waits_longer_than_its_event_is_kept_is_given_up_and_counted() {
    let (world, receiver) = (World::new(), Receiver::start(Answering::Status(500)).await);
    let often = ActorOptions { sweep_interval: Duration::from_millis(20), ..ActorOptions::default() };
    let engine = world.builder().actors(often).build().await.expect("an engine");
    let endpoint = create(&engine, &receiver, &["user.created"]).await;
    engine.users().create(&new_user("1")).await.expect("a user");
    receiver.wait_for_count(1).await;
    shown(&engine, endpoint.id, |endpoint| endpoint.waiting == 1).await;
    engine.webhooks().disable(endpoint.id).await.expect("an endpoint");

    let first = engine.events().read(None, 1).await.expect("events").remove(0);
    world.clock.advance(Span::from_secs(8 * 24 * 3600));
    engine.users().create(&new_user("2")).await.expect("a user");
    let mut waited = 0;
    while engine.events().read(None, 1).await.expect("events").first().is_some_and(|event| event.id == first.id) {
        waited += 1;
        assert!(waited < 3000, "the event of the first user is still kept");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    receiver.answer(Answering::Status(200));
    engine.webhooks().enable(endpoint.id).await.expect("an endpoint");
    let done = shown(&engine, endpoint.id, |endpoint| endpoint.waiting == 0 && endpoint.delivered == 1).await;
    assert_eq!((done.given_up, done.failed_attempts), (1, 1));
    engine.shutdown().await;
    let told: Vec<_> = receiver.got().iter().map(|got| got.event()["data"]["external_id"].clone()).collect();
    assert_eq!(told, [json!("1"), json!("2")]);
}

#[tokio::test]
async fn a_replay_whose_caller_is_gone_is_made_to_its_end_and_what_happens_later_is_delivered() {
    let (world, receiver) = (World::new(), Receiver::start(Answering::Status(200)).await);
    let engine = world.engine().await;
    let endpoint = create(&engine, &receiver, &["user.created"]).await;
    let began = engine.now();
    engine.users().create(&new_user("1")).await.expect("a user");
    shown(&engine, endpoint.id, |endpoint| endpoint.delivered == 1).await;
    // It is polled once, up to its first wait, and dropped.
    let replay = Box::pin({
        let engine: Engine = engine.clone();
        async move { engine.webhooks().replay(endpoint.id, began).await.map(|replayed| replayed.id) }
    });
    drop(futures_util::future::select(replay, std::future::ready(())).await);
    let got = receiver.wait_for_count(2).await;
    assert_eq!(got[0].id(), got[1].id(), "it is sent again");
    engine.users().create(&new_user("2")).await.expect("a user");
    receiver.wait_for_count(3).await;
    engine.shutdown().await;
}

#[tokio::test]
async fn an_endpoint_from_development_is_shown_as_disabled_in_production_and_goes_on_in_development() {
    // Switching it on in production is refused with what `create` says of such a URL.
    let (world, receiver) = (World::new(), Receiver::start(Answering::Status(200)).await);
    let engine = world.engine().await;
    let endpoint = create(&engine, &receiver, &["user.created"]).await;
    assert_eq!(endpoint.unusable, None);
    engine.shutdown().await;

    let engine = world.builder().local_webhooks(false).build().await.expect("an engine");
    engine.users().create(&new_user("1")).await.expect("a user");
    let enabled = engine.webhooks().enable(endpoint.id).await.map(drop);
    let kept = engine.webhooks().get(endpoint.id).await.expect("an endpoint");
    assert_eq!((kept.state, kept.unusable), (State::Enabled, Some(Unusable::Url(UrlError::Scheme))));
    let shown = serde_json::to_value(&kept).expect("JSON");
    assert_eq!((&shown["status"], &shown["disabled_reason"]), (&json!("disabled"), &json!("url_not_allowed")));
    let tested = engine.webhooks().test(endpoint.id).await.map(drop);
    let made = engine.webhooks().create(&NewWebhookEndpoint::new(&kept.url, ["user.created"])).await.map(drop);
    for refused in [enabled, tested, made] {
        let refused = refused.expect_err("nothing is sent there");
        assert_eq!((refused.code(), refused.param()), ("form_param_format_invalid", Some("url")));
    }
    engine.shutdown().await;
    assert_eq!(receiver.got().len(), 0);

    let engine = world.engine().await;
    let shown = serde_json::to_value(engine.webhooks().get(endpoint.id).await.expect("an endpoint")).expect("JSON");
    assert_eq!((&shown["status"], &shown["disabled_reason"]), (&json!("enabled"), &json!(null)));
    receiver.wait_for_count(1).await;
    engine.shutdown().await;
}
