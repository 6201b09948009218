//! Endpoints of webhooks, and the messages that wait for another attempt.

use serde::{Deserialize, Serialize};

use crate::domain::event::Position;
use crate::domain::id::WebhookEndpointId;
use crate::domain::time::Timestamp;
use crate::domain::webhook::{Disabled, EndpointOwner, Health, Progress, Retry, RetryKey, State, WebhookEndpoint};
use crate::store::kv::codec::Record;
use crate::store::kv::key::Kind;

/// An endpoint. Its secrets are sealed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::store) struct WebhookEndpointRecordV1 {
    id: [u8; 16],
    version: u64,
    owner: OwnerV1,
    url: String,
    events: Vec<String>,
    description: String,
    secret: Vec<u8>,
    previous_secret: Option<(Vec<u8>, u64)>,
    state: StateV1,
    created_at: u64,
    updated_at: u64,
    cursor: Option<(u64, u16)>,
    health: HealthV1,
    waiting: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum OwnerV1 {
    Api,
    Configuration,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum StateV1 {
    Enabled,
    DisabledByOperator,
    DisabledGone,
    DisabledFailing,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum HealthV1 {
    Well,
    Failing { since: u64, last: u64 },
}

/// A message that waits for another attempt; the endpoint, the time and the event are in the key.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::store) struct WebhookRetryRecordV1 {
    failures: u32,
    first_failed_at: u64,
}

impl Record for WebhookEndpointRecordV1 {
    const KIND: Kind = Kind::WebhookEndpoint;
    const SCHEMA: u8 = 1;
}

impl Record for WebhookRetryRecordV1 {
    const KIND: Kind = Kind::WebhookRetry;
    const SCHEMA: u8 = 1;
}

impl WebhookRetryRecordV1 {
    /// The message with this key.
    pub(in crate::store) const fn of(self, key: RetryKey) -> Retry {
        Retry { key, failures: self.failures, first_failed_at: Timestamp::from_millis(self.first_failed_at) }
    }
}

impl From<&Retry> for WebhookRetryRecordV1 {
    fn from(retry: &Retry) -> Self {
        Self { failures: retry.failures, first_failed_at: retry.first_failed_at.as_millis() }
    }
}

impl From<&WebhookEndpoint> for WebhookEndpointRecordV1 {
    fn from(endpoint: &WebhookEndpoint) -> Self {
        let Progress { cursor, health, waiting } = &endpoint.progress;
        Self {
            id: *endpoint.id.as_bytes(),
            version: endpoint.version,
            owner: match endpoint.owner {
                EndpointOwner::Api => OwnerV1::Api,
                EndpointOwner::Configuration => OwnerV1::Configuration,
            },
            url: endpoint.url.clone(),
            events: endpoint.events.clone(),
            description: endpoint.description.clone(),
            secret: endpoint.secret.clone(),
            previous_secret: endpoint
                .previous_secret
                .as_ref()
                .map(|(secret, until)| (secret.clone(), until.as_millis())),
            state: match endpoint.state {
                State::Enabled => StateV1::Enabled,
                State::Disabled(Disabled::ByOperator) => StateV1::DisabledByOperator,
                State::Disabled(Disabled::Gone) => StateV1::DisabledGone,
                State::Disabled(Disabled::Failing) => StateV1::DisabledFailing,
            },
            created_at: endpoint.created_at.as_millis(),
            updated_at: endpoint.updated_at.as_millis(),
            cursor: cursor.map(|cursor| (cursor.sequence(), cursor.index())),
            health: match health {
                Health::Well => HealthV1::Well,
                Health::Failing { since, last } => {
                    HealthV1::Failing { since: since.as_millis(), last: last.as_millis() }
                }
            },
            waiting: *waiting,
        }
    }
}

impl From<WebhookEndpointRecordV1> for WebhookEndpoint {
    fn from(record: WebhookEndpointRecordV1) -> Self {
        Self {
            id: WebhookEndpointId::from_bytes(record.id),
            version: record.version,
            owner: match record.owner {
                OwnerV1::Api => EndpointOwner::Api,
                OwnerV1::Configuration => EndpointOwner::Configuration,
            },
            url: record.url,
            events: record.events,
            description: record.description,
            secret: record.secret,
            previous_secret: record.previous_secret.map(|(secret, until)| (secret, Timestamp::from_millis(until))),
            state: match record.state {
                StateV1::Enabled => State::Enabled,
                StateV1::DisabledByOperator => State::Disabled(Disabled::ByOperator),
                StateV1::DisabledGone => State::Disabled(Disabled::Gone),
                StateV1::DisabledFailing => State::Disabled(Disabled::Failing),
            },
            created_at: Timestamp::from_millis(record.created_at),
            updated_at: Timestamp::from_millis(record.updated_at),
            progress: Progress {
                cursor: record.cursor.map(|(sequence, index)| Position::new(sequence, index)),
                health: match record.health {
                    HealthV1::Well => Health::Well,
                    HealthV1::Failing { since, last } => {
                        Health::Failing { since: Timestamp::from_millis(since), last: Timestamp::from_millis(last) }
                    }
                },
                waiting: record.waiting,
            },
        }
    }
}
