//! Why a provider could not be asked, or was not believed.

#[cfg(feature = "oauth")]
use crate::outbound::OutboundError;

/// Why a provider could not be asked, or was not believed. No text of it holds a code, a token or a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProviderError {
    /// The settings lack something, or contradict the provider.
    #[error("the provider is not configured: {0}")]
    NotConfigured(String),
    /// The provider's own description or keys could not be had.
    #[error("the provider's description could not be had: {0}")]
    Fetch(String),
    /// The provider did not take the code.
    #[error("the code was not exchanged: {0}")]
    TokenExchange(String),
    /// The provider did not say who the person is.
    #[error("the profile could not be had: {0}")]
    FetchUser(String),
    /// What the provider said does not hold.
    #[error("the provider's answer does not hold: {0}")]
    Invalid(&'static str),
    /// It took too long.
    #[error("the provider took too long")]
    Timeout,
}

#[cfg(feature = "oauth")]
impl ProviderError {
    /// A failed request that was to `fetch` something.
    pub(super) fn fetching(error: &OutboundError, wrap: impl FnOnce(String) -> Self) -> Self {
        match error {
            OutboundError::Timeout(_) => Self::Timeout,
            error => wrap(error.to_string()),
        }
    }
}
