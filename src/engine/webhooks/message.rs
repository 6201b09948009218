//! One message to an endpoint: the event that it tells of, its body, and what an attempt to send it came to.

use std::sync::Arc;

use serde_json::value::{RawValue, to_raw_value};

use crate::actors::{ActorContext, Persister};
use crate::domain::event::{Event, Happened, Position};
use crate::domain::id::{InstanceId, MessageId, WebhookEndpointId};
use crate::domain::time::{Span, Timestamp};
use crate::domain::webhook::{Retry, RetryKey, WebhookEndpoint};
use crate::store::{Store, StoreError};
use crate::webhook::{Envelope, EventFilter, EventType, HttpRequest, Outcome, Sender, SigningSecrets, Targets};

use super::attempts::WebhookAttempt;
use super::composed::Composing;
use super::kept::usable;
use super::payload::{self, EventData, event_type};

/// What all deliveries share.
pub(super) struct Shared {
    pub(super) context: Arc<ActorContext>,
    pub(super) persister: Persister,
    pub(super) instance: InstanceId,
    pub(super) targets: Targets,
    pub(super) composing: Composing,
}

/// A message to send.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) event: Event,
    pub(super) what: EventType,
    /// Where it waited.
    pub(super) retry: Option<Retry>,
}

pub(super) struct Attempted {
    pub(super) job: Job,
    pub(super) at: Timestamp,
    pub(super) result: AttemptResult,
}

pub(super) enum AttemptResult {
    Sent(Outcome),
    /// A bug, which the log tells of.
    Panicked,
    /// It is of a channel that was stopped by hand.
    Held,
    /// The object of the event is gone, and so is what could be told.
    NothingToTell,
    Unreadable(StoreError),
}

/// The event at a position, with the webhook that tells of it; `None` if it was removed because of its age.
pub(super) async fn event_at(store: &dyn Store, position: Position) -> Result<Option<(Event, EventType)>, StoreError> {
    let found = store.events(position.before(), 1).await?.events.pop();
    Ok(found.filter(|event| event.position == position).and_then(|event| {
        let what = event_type(&event.what)?;
        Some((event, what))
    }))
}

/// Whether an endpoint is told of this event.
pub(in crate::engine) fn is_wanted(events: &[String], what: &Happened) -> bool {
    let filter = EventFilter::parse(events.iter().map(String::as_str));
    event_type(what).is_some_and(|what| filter.is_ok_and(|filter| filter.has(what)))
}

/// The body of a message; `None` where there is nothing to tell any more.
pub(super) async fn body(shared: &Shared, job: &Job, now: Timestamp) -> Result<Option<Vec<u8>>, StoreError> {
    let lockout = shared.context.settings().attack_protection.user_lockout.in_force();
    let data = payload::load(&*shared.context.store, &shared.composing, &job.event.what, lockout, now).await?;
    let Some(data) = data else { return Ok(None) };
    let end_user = job.event.end_user.as_ref();
    let address = end_user.and_then(|end_user| end_user.address).map(|address| address.to_string());
    let http_request = HttpRequest {
        client_ip: address.as_deref().unwrap_or_default(),
        user_agent: end_user.map_or("", |end_user| &end_user.user_agent),
    };
    enveloped(&data, job.what, job.event.at, shared.instance, http_request).map(Some)
}

fn enveloped(
    data: &EventData,
    event: EventType,
    at: Timestamp,
    instance: InstanceId,
    http_request: HttpRequest<'_>,
) -> Result<Vec<u8>, StoreError> {
    let written = to_raw_value(data)
        .and_then(|data: Box<RawValue>| Envelope { data: &data, event, at, instance, http_request }.to_body());
    written.map_err(|error| StoreError::Damaged(format!("the object of an event can't be written as JSON: {error}")))
}

/// Sends a test to an endpoint, once, whether or not it is switched on. It counts for nothing.
pub(super) async fn send_test(
    shared: &Shared,
    kept: &WebhookEndpoint,
    secrets: &SigningSecrets,
) -> Option<WebhookAttempt> {
    let now = shared.context.now();
    let endpoint = usable(&*shared.context.sealer, kept, shared.targets, now).ok()?;
    let id = shared.context.decide(|cx| MessageId::generate(cx.now, cx.entropy));
    let data = EventData::Test(kept.id);
    let body = enveloped(&data, EventType::Test, now, shared.instance, HttpRequest::default()).ok()?;
    let outcome = Sender::new(shared.targets).attempt(&endpoint.url, secrets, id, &body, now).await;
    Some(WebhookAttempt {
        message_id: id,
        event_id: None,
        event: EventType::Test,
        attempted_at: now,
        number: 1,
        failure: failure(&outcome),
        next_attempt_at: None,
    })
}

/// Why an attempt failed. It names at most the host of the URL.
pub(super) fn failure(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Delivered => None,
        Outcome::Retry { reason, .. } => Some(reason.to_string()),
        Outcome::Abort(status) => {
            Some(format!("the receiver answered with status {status} and wants no more attempts"))
        }
        Outcome::Gone => Some("the receiver answered with status 410".into()),
        Outcome::Refused { reason } => Some(reason.clone()),
    }
}

/// The key of a message that is tried now.
pub(super) const fn due_now(endpoint: WebhookEndpointId, event: Position, now: Timestamp) -> Retry {
    Retry { key: RetryKey { endpoint, due: now, event }, failures: 0, first_failed_at: now }
}

/// Whether there is another attempt after this one, and how long the receiver asks to wait for it.
pub(super) fn another_attempt(outcome: &Outcome) -> Option<Option<Span>> {
    match outcome {
        Outcome::Delivered | Outcome::Abort(_) => None,
        // For when an operator switches the endpoint on again, or its name leads to a public address again.
        Outcome::Gone | Outcome::Refused { .. } => Some(None),
        Outcome::Retry { after, .. } => Some(*after),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhook::Failure;

    #[test]
    fn only_what_a_receiver_has_or_does_not_want_is_not_tried_again() {
        let wait = Some(Span::from_secs(60));
        for (outcome, again) in [
            (Outcome::Delivered, None),
            (Outcome::Abort(400), None),
            (Outcome::Gone, Some(None)),
            // Its name led to a private address, and may lead to a public one again.
            (Outcome::Refused { reason: "its address is not public".into() }, Some(None)),
            (Outcome::Retry { reason: Failure::Timeout, after: None }, Some(None)),
            (Outcome::Retry { reason: Failure::Status(503), after: wait }, Some(wait)),
        ] {
            assert_eq!(another_attempt(&outcome), again, "{outcome:?}");
        }
    }
}
