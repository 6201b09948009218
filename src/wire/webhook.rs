//! Endpoints of webhooks, attempts, and what webhooks tell of events
//! ([guide: Webhooks](crate::guide::contract_backend#webhooks)).

use serde::{Serialize, Serializer};

use crate::delivery::{Channel, Message};
use crate::domain::id::{EventId, IdentificationId, MessageId, UserId, WebhookEndpointId};
use crate::domain::invitation::Invitation;
use crate::domain::time::Timestamp;
use crate::domain::webhook::{Disabled, EndpointOwner, State};
use crate::engine::{ComposedMessage, EventData, Unusable, WebhookAttempt, WebhookEndpointView};
use crate::webhook::EventType;

use super::AsDisplay;
use super::backend::{BackendSession, BackendUser, DeletedObject};
use super::invitation::{InvitationResource, WaitlistEntryResource};

/// An endpoint.
#[derive(Debug, Serialize)]
pub(crate) struct WebhookEndpointResource<'a> {
    object: &'static str,
    id: AsDisplay<WebhookEndpointId>,
    url: &'a str,
    events: &'a [String],
    description: &'a str,
    status: &'static str,
    disabled_reason: Option<&'static str>,
    owner: &'static str,
    failing_since: Option<Timestamp>,
    waiting_count: u64,
    delivered_count: u64,
    failed_attempts_count: u64,
    given_up_count: u64,
    previous_secret_until: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<&'a str>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// An attempt.
#[derive(Debug, Serialize)]
pub(crate) struct WebhookAttemptResource<'a> {
    object: &'static str,
    message_id: AsDisplay<MessageId>,
    event_id: Option<AsDisplay<EventId>>,
    event_type: EventType,
    number: u32,
    status: &'static str,
    failure: Option<&'a str>,
    attempted_at: Timestamp,
    next_attempt_at: Option<Timestamp>,
}

impl<'a> From<&'a WebhookEndpointView> for WebhookEndpointResource<'a> {
    fn from(view: &'a WebhookEndpointView) -> Self {
        let disabled_reason = match (view.state, view.unusable) {
            (State::Enabled, None) => None,
            (State::Disabled(Disabled::ByOperator), _) => Some("operator"),
            (State::Disabled(Disabled::Gone), _) => Some("gone"),
            (State::Disabled(Disabled::Failing), _) => Some("failing"),
            (State::Enabled, Some(Unusable::Url(_))) => Some("url_not_allowed"),
            (State::Enabled, Some(Unusable::Events)) => Some("unknown_events"),
            (State::Enabled, Some(Unusable::Secret)) => Some("unreadable_secret"),
        };
        Self {
            object: "webhook_endpoint",
            id: AsDisplay(view.id),
            url: &view.url,
            events: &view.events,
            description: &view.description,
            status: if disabled_reason.is_some() { "disabled" } else { "enabled" },
            disabled_reason,
            owner: match view.owner {
                EndpointOwner::Api => "api",
                EndpointOwner::Configuration => "configuration",
            },
            failing_since: view.failing_since,
            waiting_count: view.waiting,
            delivered_count: view.delivered,
            failed_attempts_count: view.failed_attempts,
            given_up_count: view.given_up,
            previous_secret_until: view.previous_secret_until,
            secret: view.secret.as_ref().map(|secret| secret.expose().as_str()),
            created_at: view.created_at,
            updated_at: view.updated_at,
        }
    }
}

impl<'a> From<&'a WebhookAttempt> for WebhookAttemptResource<'a> {
    fn from(attempt: &'a WebhookAttempt) -> Self {
        Self {
            object: "webhook_attempt",
            message_id: AsDisplay(attempt.message_id),
            event_id: attempt.event_id.map(AsDisplay),
            event_type: attempt.event,
            number: attempt.number,
            status: if attempt.failure.is_none() { "succeeded" } else { "failed" },
            failure: attempt.failure.as_deref(),
            attempted_at: attempt.attempted_at,
            next_attempt_at: attempt.next_attempt_at,
        }
    }
}

/// A session with its user.
#[derive(Serialize)]
struct SessionWithUser<'a> {
    #[serde(flatten)]
    session: BackendSession<'a>,
    user: Option<BackendUser<'a>>,
}

/// An e-mail with its code or link.
#[derive(Serialize)]
struct EmailResource<'a> {
    object: &'static str,
    id: AsDisplay<MessageId>,
    slug: &'static str,
    from_email_name: &'a str,
    to_email_address: &'a str,
    email_address_id: Option<AsDisplay<IdentificationId>>,
    user_id: Option<AsDisplay<UserId>>,
    subject: &'a str,
    body: &'a str,
    body_plain: &'a str,
    status: &'static str,
    data: MessageData<'a>,
    delivered_by_clerk: bool,
}

/// A text message with its code.
#[derive(Serialize)]
struct SmsResource<'a> {
    object: &'static str,
    id: AsDisplay<MessageId>,
    slug: &'static str,
    from_phone_number: &'a str,
    to_phone_number: &'a str,
    phone_number_id: Option<AsDisplay<IdentificationId>>,
    user_id: Option<AsDisplay<UserId>>,
    message: &'a str,
    status: &'static str,
    data: MessageData<'a>,
    delivered_by_clerk: bool,
    created_at_ms: Timestamp,
}

/// What a message is about, for who writes its text anew.
#[derive(Serialize)]
struct MessageData<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    otp_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    magic_link: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action_url: Option<&'a str>,
    locale: &'a str,
    expire_at: Timestamp,
}

impl<'a> From<&'a ComposedMessage> for EmailResource<'a> {
    fn from(composed: &'a ComposedMessage) -> Self {
        let message = &composed.message;
        let plain = message.text.expose();
        Self {
            object: "email",
            id: AsDisplay(message.id),
            slug: message.template.as_str(),
            from_email_name: &composed.from,
            to_email_address: &message.to,
            email_address_id: composed.address_id.map(AsDisplay),
            user_id: composed.user_id.map(AsDisplay),
            subject: &message.subject,
            body: message.html.as_ref().map_or(plain, |html| html.expose()),
            body_plain: plain,
            status: "queued",
            data: MessageData::from(message),
            delivered_by_clerk: composed.is_sent_by_engine,
        }
    }
}

impl<'a> From<&'a ComposedMessage> for SmsResource<'a> {
    fn from(composed: &'a ComposedMessage) -> Self {
        let message = &composed.message;
        Self {
            object: "sms_message",
            id: AsDisplay(message.id),
            slug: message.template.as_str(),
            from_phone_number: &composed.from,
            to_phone_number: &message.to,
            phone_number_id: composed.address_id.map(AsDisplay),
            user_id: composed.user_id.map(AsDisplay),
            message: message.text.expose(),
            status: "queued",
            data: MessageData::from(message),
            delivered_by_clerk: composed.is_sent_by_engine,
            created_at_ms: message.created_at,
        }
    }
}

impl<'a> From<&'a Message> for MessageData<'a> {
    fn from(message: &'a Message) -> Self {
        let link = message.link.as_ref().map(|link| link.expose().as_str());
        let is_magic = message.template.is_magic_link();
        Self {
            otp_code: message.code.as_ref().map(|code| code.expose().as_str()),
            magic_link: link.filter(|_| is_magic),
            action_url: link.filter(|_| !is_magic),
            locale: &message.locale,
            expire_at: message.expire_at,
        }
    }
}

#[derive(Serialize)]
struct Test {
    object: &'static str,
    webhook_endpoint_id: AsDisplay<WebhookEndpointId>,
}

impl Serialize for EventData {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let backend_user = |user, attempts, now| BackendUser { user, now, attempts };
        match self {
            Self::User(user, attempts, now) => backend_user(user, *attempts, *now).serialize(serializer),
            Self::DeletedUser(id, external_id) => {
                DeletedObject::user_with(*id, external_id.as_deref()).serialize(serializer)
            }
            Self::Session(session, user, now) => {
                let user = user.as_ref().map(|(user, attempts)| backend_user(user, *attempts, *now));
                SessionWithUser { session: BackendSession { session, now: *now }, user }.serialize(serializer)
            }
            Self::WaitlistEntry(entry, invitation, now) => {
                let invitation = invitation.as_ref().map(|value: &Invitation| InvitationResource::bare(value, *now));
                WaitlistEntryResource::with(entry, invitation).serialize(serializer)
            }
            Self::Message(composed) => match composed.message.channel {
                Channel::Email => EmailResource::from(&**composed).serialize(serializer),
                Channel::Sms => SmsResource::from(&**composed).serialize(serializer),
            },
            Self::Test(id) => {
                Test { object: "webhook_test", webhook_endpoint_id: AsDisplay(*id) }.serialize(serializer)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;
    use crate::domain::secret::Secret;
    use crate::domain::sign_in::SignInAttempts;
    use crate::domain::user::User;
    use crate::webhook::UrlError;
    use crate::wire::samples::{self, NOW};

    #[test]
    fn a_session_has_its_user_and_a_user_what_only_the_backend_sees() {
        let user = Arc::new(User { private_metadata: r#"{"plan":"gold"}"#.into(), ..samples::user() });
        let session = samples::session().session;
        let attempts = SignInAttempts { locked_until: None, remaining: Some(3) };
        let shown = show(&EventData::Session(session.clone(), Some((user.clone(), attempts)), NOW));
        assert_eq!((&shown["object"], &shown["id"]), (&json!("session"), &json!(session.id.to_string())));
        assert_eq!(shown["user"], show(&EventData::User(user.clone(), attempts, NOW)));
        assert_eq!(shown["user"]["private_metadata"], json!({"plan": "gold"}));
        assert_eq!(show(&EventData::Session(session, None, NOW))["user"], json!(null));
        assert!(!shown.to_string().contains("argon2"));
    }

    #[test]
    fn a_user_who_is_gone_has_ids_only() {
        let gone = show(&EventData::DeletedUser(samples::USER, Some("ada-1".into())));
        let id = samples::USER.to_string();
        assert_eq!(gone, json!({"object": "user", "id": id, "deleted": true, "external_id": "ada-1"}));
        let gone = show(&EventData::DeletedUser(samples::USER, None));
        assert_eq!(gone, json!({"object": "user", "id": id, "deleted": true}));
    }

    #[test]
    fn an_endpoint_shows_its_secret_only_where_it_was_made() {
        let view = WebhookEndpointView {
            id: WebhookEndpointId::from_bytes([1; 16]),
            url: "https://app.example.com/webhooks".into(),
            events: vec!["user.*".into()],
            description: String::new(),
            state: State::Disabled(Disabled::Gone),
            owner: EndpointOwner::Api,
            failing_since: Some(NOW),
            waiting: 1,
            delivered: 2,
            failed_attempts: 3,
            given_up: 4,
            previous_secret_until: None,
            secret: None,
            unusable: None,
            created_at: NOW,
            updated_at: NOW,
        };
        let shown = show(&WebhookEndpointResource::from(&view));
        assert_eq!((&shown["status"], &shown["disabled_reason"]), (&json!("disabled"), &json!("gone")));
        assert_eq!(shown.get("secret"), None);
        let made = WebhookEndpointView { state: State::Enabled, secret: Some(Secret::new("whsec_x".into())), ..view };
        let shown = show(&WebhookEndpointResource::from(&made));
        assert_eq!((&shown["status"], &shown["secret"]), (&json!("enabled"), &json!("whsec_x")));
        for (unusable, reason) in [
            (Unusable::Url(UrlError::Private), "url_not_allowed"),
            (Unusable::Events, "unknown_events"),
            (Unusable::Secret, "unreadable_secret"),
        ] {
            let view = WebhookEndpointView { unusable: Some(unusable), ..made.clone() };
            let shown = show(&WebhookEndpointResource::from(&view));
            assert_eq!((&shown["status"], &shown["disabled_reason"]), (&json!("disabled"), &json!(reason)));
        }
    }

    fn show(value: &impl Serialize) -> Value {
        serde_json::to_value(value).expect("JSON")
    }
}
