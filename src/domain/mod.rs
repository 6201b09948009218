//! The sign-up domain: values and pure decisions. It knows no clock, no chance, no actor, no HTTP and no bytes on
//! disk; all of that arrives as data in a [`context::Context`] and leaves as data in a
//! [`sign_up::Transition`].
//!
//! Begin reading at [`sign_up`].

pub mod admission;
pub mod client;
pub mod context;
pub mod effect;
pub mod field;
pub mod guessable;
pub mod id;
pub mod identifier;
pub mod invitation;
pub mod metadata;
pub mod password_policy;
pub mod rejection;
pub mod requirements;
pub mod secret;
pub mod settings;
pub mod sign_in;
pub mod sign_up;
pub mod text;
pub mod time;
pub mod user;
pub mod verification;
pub mod waitlist;
