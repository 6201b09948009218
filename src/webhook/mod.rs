//! Webhooks: requests that tell the application's backend what happened, signed as Standard Webhooks 1.0.0
//! ([guide: Webhooks](crate::guide::contract_backend#webhooks)). This room knows neither the engine nor where endpoints
//! and events are kept.
//!
//! An `Endpoint` says what goes where. `Envelope` makes the body, `signature` signs it, `Sender` makes one attempt, and
//! `outcome` says what the answer means. `schedule` tells when the next attempt is due, and `Health` when an endpoint
//! is switched off.

#![cfg_attr(
    not(feature = "webhooks"),
    allow(dead_code, unused_imports, reason = "without the feature `webhooks` only the configuration reads endpoints")
)]

#[cfg(all(feature = "webhooks", any(feature = "server", feature = "unstable")))]
mod conversion;
mod endpoint;
mod envelope;
mod event;
mod health;
mod message_id;
mod outcome;
mod schedule;
mod secret;
#[cfg(feature = "webhooks")]
mod sender;
mod signature;

#[cfg(feature = "unstable")]
pub use crate::domain::webhook::{Disabled, Health, State};
#[cfg(all(feature = "webhooks", any(feature = "server", feature = "unstable")))]
pub use conversion::ConversionWebhook;
#[cfg(any(feature = "webhooks", feature = "unstable"))]
pub use endpoint::UrlError;
pub use endpoint::{Endpoint, EndpointUrl, Targets};
pub use envelope::{Envelope, HttpRequest};
#[cfg(feature = "unstable")]
pub use event::FilterError;
pub use event::{EventFilter, EventType};
pub use message_id::message_id;
#[cfg(feature = "unstable")]
pub use outcome::Failure;
pub use outcome::Outcome;
pub use schedule::next_attempt_in;
#[cfg(feature = "unstable")]
pub use schedule::{ATTEMPTS_MAX, RETRY_AFTER_MAX};
pub use secret::{SecretError, SigningSecret, SigningSecrets};
#[cfg(feature = "webhooks")]
pub use sender::Sender;
pub use signature::{ReceivedHeaders, VerifyError, verify};
#[cfg(feature = "unstable")]
pub use signature::{SignedHeaders, sign};
