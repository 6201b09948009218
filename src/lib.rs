//! Vestibule: a sign-up engine, the room people pass through before they are users.
//!
//! One server-side sign-up gathers fields in any number of steps, verifies e-mail address and phone number, and
//! turns into a user with an active session the moment every requirement of the instance's settings is met. The
//! engine is actor-based, in memory and durable; embed it, or run the binary, which serves it in the words of
//! Clerk's Frontend API.
//!
//! # A whole sign-up in process
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//! use vestibule::delivery::Capture;
//! use vestibule::domain::sign_up::{RawFields, Status};
//! use vestibule::engine::{Caller, Engine, RequestContext};
//!
//! let mail = Arc::new(Capture::new()); // or your own `delivery::Transport`
//! let settings = vestibule::config::sample_settings("email_code")?;
//! let engine = Engine::builder().settings(settings).email(mail.clone()).build().await?;
//!
//! let context = RequestContext::default();
//! let fields = RawFields { email_address: Some("Ada@Example.com".into()), ..RawFields::default() };
//! let (sign_up, client) = engine.create_sign_up(&Caller::anonymous(), &fields, &context).await?;
//! let token = client.new_token.ok_or("a new client has a token")?; // keep it: it is who the caller is
//!
//! let (id, caller) = (sign_up.value.id, engine.identify(Some(token.expose())).await?);
//! engine.prepare_verification(&caller, id, Some("email_code"), None, &context).await?;
//! # while mail.to("ada@example.com").is_empty() { tokio::task::yield_now().await }
//! let code = mail.to("ada@example.com")[0].code.clone().ok_or("the message carries a code")?.into_inner();
//! let (done, client) = engine.attempt_verification(&caller, id, Some("email_code"), Some(&code), &context).await?;
//!
//! assert_eq!(done.status, Status::Complete);
//! println!("{} signed in: {}", client.sessions[0].user.id, client.sessions[0].session.id);
//! engine.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! `examples/embed.rs` does the same on a disk and with messages that leave by a road of its own, `examples/http.rs`
//! serves the Frontend API inside another program.
//!
//! # The rooms
//!
//! Imports go strictly downward: [`http`] → [`engine`] → [`actors`] → the adapters ([`store`], [`delivery`],
//! [`oauth`], [`captcha`], [`token`], [`password`], [`pwned`], [`limiter`]) → [`domain`], which is pure. Begin reading
//! at [`domain::sign_up`], or at [`guide::design`], which tells how the whole is made. [`guide`] also has chapters about
//! the wire, security, storage, and operation.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod actors;
pub mod captcha;
#[cfg(feature = "cli")]
pub mod cli;
pub mod clock;
#[cfg(feature = "server")]
pub mod config;
pub mod delivery;
pub mod domain;
pub mod engine;
pub mod entropy;
pub mod guide;
#[cfg(feature = "server")]
pub mod http;
pub mod limiter;
#[cfg(feature = "load")]
pub mod load;
pub mod oauth;
#[cfg(feature = "oauth")]
pub mod outbound;
pub mod password;
pub mod pwned;
pub mod store;
#[cfg(feature = "server")]
pub mod telemetry;
pub mod token;
