//! Webhooks: requests that tell the application's backend what happened, signed as Standard Webhooks 1.0.0
//! ([guide: Webhooks](crate::guide::contract_backend#webhooks)). This room knows neither the engine nor where endpoints
//! and events are kept.
//!
//! An `Endpoint` says what goes where. `Envelope` makes the body, `signature` signs it, `Sender` makes one attempt, and
//! `outcome` says what the answer means. `schedule` tells when the next attempt is due, and `Health` when an endpoint
//! is switched off.

#![cfg_attr(
    all(feature = "unstable", not(feature = "webhooks")),
    expect(dead_code, reason = "what an answer means is only read by the sender, which needs the feature `webhooks`")
)]

mod endpoint;
mod envelope;
mod event;
mod health;
mod outcome;
mod retry_after;
mod schedule;
mod secret;
#[cfg(feature = "webhooks")]
mod sender;
mod signature;

pub use endpoint::{Disabled, Endpoint, EndpointUrl, State, Targets, UrlError};
pub use envelope::{Envelope, HttpRequest};
pub use event::{EventFilter, EventType, FilterError};
pub use health::Health;
pub use outcome::{Failure, Outcome};
pub use schedule::{ATTEMPTS_MAX, RETRY_AFTER_MAX, next_attempt_in};
pub use secret::{SecretError, SigningSecret, SigningSecrets};
#[cfg(feature = "webhooks")]
pub use sender::Sender;
pub use signature::{ReceivedHeaders, SignedHeaders, VerifyError, sign, verify};
