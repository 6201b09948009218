//! Providers of accounts: where they are, how a person is sent to one, and who they say the person is (RFC 6749,
//! RFC 7636, RFC 9207, OpenID Connect Core 1.0). It knows no sign-up and no browser.
//!
//! A provider is either a [`Preset`] or described in the settings; `endpoints` makes the two alike, `provider` asks,
//! `id_token` checks what is signed, `profile` reads what is said, and `subject` of whom. `denial` knows the words for a
//! person's no.

mod cache;
mod denial;
mod endpoints;
mod error;
mod id_token;
mod preset;
mod profile;
mod provider;
mod subject;

pub use denial::is_denial;
pub use error::ProviderError;
pub use preset::{PRESETS, Preset, preset};
pub use provider::{AuthorizeParams, Callback, Providers};
