//! Without the feature `oauth` no provider can be called. Settings with a provider are refused, but the data may contain
//! sign-ups that an earlier program began with one: these calls give them an error.

use url::Url;

use crate::domain::settings::OAuth;
use crate::domain::verification::Profile;

use super::{AuthorizeParams, Callback, ProviderError};

/// All providers: none.
#[derive(Clone, Debug, Default)]
pub struct Providers(());

impl Providers {
    /// The URL of a provider's page.
    ///
    /// # Errors
    /// Always.
    pub async fn authorize_url(
        &self,
        _strategy: &str,
        _settings: &OAuth,
        _params: &AuthorizeParams<'_>,
    ) -> Result<Url, ProviderError> {
        Err(absent())
    }

    /// Who a person is that came back.
    ///
    /// # Errors
    /// Always.
    pub async fn exchange(
        &self,
        _strategy: &str,
        _settings: &OAuth,
        _callback: &Callback<'_>,
    ) -> Result<Profile, ProviderError> {
        Err(absent())
    }

    /// Who a provider's ID token names.
    ///
    /// # Errors
    /// Always.
    pub async fn verify_token(
        &self,
        _strategy: &str,
        _settings: &OAuth,
        _token: &str,
        _nonce: Option<&str>,
    ) -> Result<Profile, ProviderError> {
        Err(absent())
    }
}

fn absent() -> ProviderError {
    ProviderError::NotConfigured("this program was built without the feature `oauth`".into())
}
