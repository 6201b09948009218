//! The wire edge: HTTP, Clerk's Frontend API shapes, cookies and origins. It knows the engine and the domain; it
//! must not know the store, the actors or ractor, and it decides nothing about sign-ups.
//!
//! Begin reading at [`server`], then `service.rs` (the walk of one request), `router.rs` and `routes/`. Shapes are
//! in `wire/`, every error text in `error/table.rs`.

mod app;
pub(in crate::http) mod backend;
mod call;
mod dev;
mod dispatch;
mod frontend;
mod ops;
mod options;
mod outcomes;
mod pace;
mod pages;
#[cfg(test)]
mod properties;
mod request;
mod response;
mod routing;
pub mod server;
mod service;
mod wire;

pub use app::{App, CapturedMessage, DevOutbox};
pub use options::HttpOptions;
pub use server::{BoundServer, bind};
