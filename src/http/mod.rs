//! The HTTP layer: the calls of Clerk's Frontend API, cookies and origins. It knows the engine and the domain; it must not
//! know the store, the actors or ractor, and it decides nothing about sign-ups.
//!
//! Begin reading at [`HttpService`], then `service.rs` (how one request is answered) and `routing.rs`. `request/` reads
//! requests, `response/` writes answers. The calls are in one folder for each audience: `frontend/`, `backend/`,
//! `dev/`, `ops/`. The objects in answers are those of the room `wire`. [`server`] has the
//! sockets of the program's own server.

mod app;
pub(in crate::http) mod backend;
mod call;
mod cookie;
mod dev;
mod dev_outbox;
mod endpoint;
mod environment;
mod frontend;
mod http_service;
mod mount;
mod openapi;
mod operations;
mod ops;
mod options;
mod outcomes;
mod pace;
mod pages;
#[cfg(test)]
mod properties;
mod request;
mod request_id;
mod response;
mod routing;
pub mod server;
mod service;

pub use app::App;
pub use dev_outbox::{CapturedMessage, DevOutbox, SentMessage};
pub use http_service::{HttpService, PeerAddress, ResponseBody, ResponseFuture};
pub use options::HttpOptions;
pub use server::{BoundServer, bind};
