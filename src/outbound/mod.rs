//! HTTP requests to other servers: bounded in time and size, and kept out of the instance's own network. This room
//! knows neither the content nor the purpose of a request.

#[cfg(any(feature = "http-messages", feature = "oauth", feature = "webhooks"))]
mod address;
#[cfg(any(feature = "http-messages", feature = "oauth", feature = "webhooks"))]
mod client;
#[cfg(any(feature = "http-messages", feature = "oauth", feature = "webhooks"))]
mod connect;
#[cfg(any(feature = "http-messages", feature = "oauth", feature = "webhooks"))]
mod places;
mod retry_after;

#[cfg(feature = "webhooks")]
pub(crate) use address::is_public;
#[cfg(any(feature = "http-messages", feature = "oauth", feature = "webhooks"))]
pub use client::{Outbound, OutboundError, OutboundOptions};
pub(crate) use retry_after::retry_after;
