//! The delivery of webhooks. Each enabled endpoint has a task of its own, which reads the log of events from the endpoint's
//! place in it, so that an endpoint that is slow or gone holds up nothing else. What is not delivered stays on the disk.
//!
//! Begin reading at `delivery.rs`.

mod attempts;
mod composed;
mod configured;
mod delivery;
mod dispatcher;
mod input;
mod kept;
mod message;
mod pace;
mod payload;
mod window;

pub use attempts::WebhookAttempt;
pub(in crate::engine) use composed::Composing;
pub use composed::{ComposedMessage, MessageWebhooks};
pub(in crate::engine) use configured::configure;
pub(in crate::engine) use dispatcher::Dispatcher;
pub use input::{NewWebhookEndpoint, WebhookEndpointPatch};
pub use kept::Unusable;
pub(in crate::engine) use kept::{open_secrets, seal, usable};
pub(in crate::engine) use message::is_wanted;
pub use payload::EventData;
