//! Asking other servers over HTTP: bounded in time and size, and kept away from the instance's own network. It does
//! not know what is asked, nor of whom.

mod address;
mod client;
mod places;

pub use client::{Outbound, OutboundError, OutboundOptions};
