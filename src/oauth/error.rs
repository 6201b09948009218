//! Errors of a sign-in through a provider.

#[cfg(feature = "oauth")]
use crate::outbound::OutboundError;

/// Why a request to a provider failed, or its answer was rejected. No message holds a code, a token or a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[cfg_attr(not(feature = "oauth"), allow(dead_code, reason = "no provider is asked, so no request fails"))]
pub enum ProviderError {
    /// A setting is missing, or contradicts what the provider publishes.
    #[error("the provider is not configured: {0}")]
    NotConfigured(String),
    /// The discovery document or the key set could not be fetched.
    #[error("the provider's metadata could not be fetched: {0}")]
    Fetch(String),
    /// The token endpoint did not accept the authorization code.
    #[error("the authorization code could not be exchanged: {0}")]
    TokenExchange(String),
    /// The user information could not be fetched, or it names no person.
    #[error("the profile could not be fetched: {0}")]
    FetchUser(String),
    /// The provider's answer failed a check.
    #[error("the provider's answer is invalid: {0}")]
    Invalid(&'static str),
    /// A request, or all requests together, took longer than the timeout.
    #[error("the provider took too long")]
    Timeout,
}

#[cfg(feature = "oauth")]
impl ProviderError {
    /// Turns a failed request into the error of its step; timeouts stay timeouts.
    pub(super) fn fetching(error: &OutboundError, wrap: impl FnOnce(String) -> Self) -> Self {
        match error {
            OutboundError::Timeout(_) => Self::Timeout,
            error => wrap(error.to_string()),
        }
    }
}
