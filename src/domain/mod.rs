//! The sign-up domain: values and pure decisions. It knows no clock, no chance, no actor, no HTTP and no bytes on
//! disk; all of that arrives as data in a [`context::Context`] and leaves as data in a
//! [`transition::Transition`].
//!
//! Begin reading at [`sign_up`].

pub mod admission;
pub mod client;
pub mod context;
pub mod field;
pub mod guessable;
pub mod id;
pub mod identifier;
pub mod invitation;
pub mod message;
pub mod metadata;
pub mod password_policy;
pub mod policy;
pub mod ports;
pub mod quota;
pub mod rejection;
pub mod requirements;
pub mod secret;
pub mod settings;
pub mod sign_in;
pub mod sign_up;
pub mod text;
pub mod time;
pub mod transition;
pub mod user;
pub mod verification;
pub mod waitlist;
