//! Providers of accounts: where they are, how a person is sent to one, and who they say the person is (RFC 6749,
//! RFC 7636, RFC 9207, OpenID Connect Core 1.0). It knows no sign-up and no browser.
//!
//! A provider is either a [`Preset`] or described in the settings; `endpoints` makes the two alike, `provider` asks,
//! `id_token` checks what is signed, `profile` reads what is said, and `subject` of whom. `denial` knows the words for a
//! person's no.

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
#[cfg(feature = "oauth")]
pub use preset::{PRESETS, Preset, preset};
#[cfg(feature = "oauth")]
pub use provider::Providers;
