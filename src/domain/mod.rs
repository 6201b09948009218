//! The sign-up domain: values and pure decisions. It knows no clock, no randomness, no actor, no HTTP and no bytes on
//! disk; all of that arrives as data in a [`context::Context`] and leaves as data in a [`transition::Transition`].
//!
//! Its modules form layers and import downward only (`tests/it/layers/floors.rs`): plain values, then the settings and
//! the policy, then the parts of the flows, and at the top the users and the two flows.
//!
//! Begin reading at [`sign_up`].

pub mod admission;
pub mod application_value;
pub mod client;
pub mod context;
pub mod event;
pub mod field;
pub mod guessable;
pub mod handshake;
pub mod hook;
pub mod id;
pub mod identifier;
pub mod invitation;
pub mod listed;
pub mod locale;
pub mod message;
pub mod metadata;
pub mod passkey;
pub mod password_policy;
pub mod person;
pub mod policy;
pub mod ports;
pub mod quota;
pub mod redirect;
pub mod refusal;
pub mod rejection;
pub mod requirements;
#[cfg(any(feature = "http-messages", feature = "server"))]
pub(crate) mod rfc3339;
pub mod secret;
pub mod settings;
pub mod sign_in;
pub mod sign_in_token;
pub mod sign_up;
pub mod site;
pub mod text;
pub mod time;
pub mod transfer;
pub mod transition;
pub mod user;
pub mod verification;
pub mod waitlist;
pub mod webhook;
