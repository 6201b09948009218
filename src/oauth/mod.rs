//! OAuth providers: their endpoints, the authorization request, and the profile of the person who comes back (RFC 6749,
//! RFC 7636, RFC 9207, OpenID Connect Core 1.0). This room knows no sign-up and no browser.
//!
//! A provider is either a [`Preset`] or described in the settings. `endpoints` gives both the same form, `provider`
//! sends the requests, `cache` keeps published documents, `id_token` validates ID tokens, `profile` and `subject` read
//! the user information, and `denial` recognises a refusal.

#[cfg(not(feature = "oauth"))]
mod absent;
#[cfg(feature = "oauth")]
mod cache;
mod denial;
#[cfg(feature = "oauth")]
mod endpoints;
mod error;
#[cfg(feature = "oauth")]
mod id_token;
mod params;
#[cfg(feature = "oauth")]
mod preset;
#[cfg(feature = "oauth")]
mod profile;
#[cfg(feature = "oauth")]
mod provider;
#[cfg(feature = "oauth")]
mod subject;

#[cfg(not(feature = "oauth"))]
pub use absent::Providers;
pub use denial::is_denial;
pub use error::ProviderError;
pub use params::{AuthorizeParams, Callback};
#[cfg(all(feature = "oauth", feature = "unstable"))]
pub use preset::{PRESETS, Preset};
#[cfg(feature = "oauth")]
pub use provider::Providers;
