//! OAuth providers: their endpoints, the authorization request, and the profile of the person who comes back (RFC 6749,
//! RFC 7636, RFC 9207, OpenID Connect Core 1.0). This room knows no sign-up and no browser.
//!
//! A provider is either a [`Preset`] or described in the settings. `endpoints` gives both the same form, `provider`
//! sends the requests, `cache` keeps published documents, `id_token` validates ID tokens, `profile` and `subject` read
//! the user information, and `denial` recognises a refusal.

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
