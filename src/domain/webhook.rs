//! Endpoints of webhooks as they are kept, and the messages that wait for another attempt
//! ([guide: Webhooks](crate::guide::contract_backend#webhooks)).

use super::event::Position;
use super::id::WebhookEndpointId;
use super::time::Timestamp;

/// An endpoint as it is kept: what it is, and how far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookEndpoint {
    /// Its id.
    pub id: WebhookEndpointId,
    /// How often it was changed. What is noted of its deliveries does not count, unless it switches the endpoint off.
    pub version: u64,
    /// Who may change it.
    pub owner: EndpointOwner,
    /// Where webhooks are posted.
    pub url: String,
    /// Names and groups of the events that it wants.
    pub events: Vec<String>,
    /// A text for people, without a meaning for the engine.
    pub description: String,
    /// The signing secret, sealed under the instance key.
    pub secret: Vec<u8>,
    /// The secret from before, sealed, and until when it signs too.
    pub previous_secret: Option<(Vec<u8>, Timestamp)>,
    /// Whether webhooks are sent to it.
    pub state: State,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// How far its deliveries are.
    pub progress: Progress,
}

/// How far the deliveries of an endpoint are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The last event that is dealt with: delivered, not wanted, or kept for another attempt. `None` before the first.
    pub cursor: Option<Position>,
    /// Whether its attempts succeed.
    pub health: Health,
    /// How many of its messages wait for another attempt.
    pub waiting: u64,
}

/// Who may change an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointOwner {
    /// The Backend API.
    Api,
    /// The configuration. It is changed there, and goes with its entry.
    Configuration,
}

/// Whether webhooks are sent to an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// They are sent.
    Enabled,
    /// They are not sent.
    Disabled(Disabled),
}

/// Why no webhooks are sent to an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disabled {
    /// An operator switched it off.
    ByOperator,
    /// It answered 410 Gone.
    Gone,
    /// All attempts of five days failed.
    Failing,
}

/// Whether the attempts at an endpoint succeed. It is kept for each endpoint, and each attempt gives the next value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Health {
    /// The last attempt succeeded, or there was none.
    #[default]
    Well,
    /// All attempts since then have failed.
    Failing {
        /// When the first of them failed.
        since: Timestamp,
        /// When the last of them failed.
        last: Timestamp,
    },
}

/// A message that waits for another attempt at one endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Which message of which endpoint.
    pub key: RetryKey,
    /// How many attempts have failed.
    pub failures: u32,
    /// When the first attempt failed.
    pub first_failed_at: Timestamp,
}

/// Names a message that waits for another attempt. Those of one endpoint are in the order of their time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RetryKey {
    /// The endpoint.
    pub endpoint: WebhookEndpointId,
    /// When the next attempt is due.
    pub due: Timestamp,
    /// The event that it is about.
    pub event: Position,
}
