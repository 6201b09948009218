//! HTTP requests to other servers: bounded in time and size, and kept out of the instance's own network. This room
//! knows neither the content nor the purpose of a request.

mod address;
mod client;
mod connect;
mod places;

#[cfg(feature = "webhooks")]
pub(crate) use address::is_public;
pub use client::{Outbound, OutboundError, OutboundOptions};
