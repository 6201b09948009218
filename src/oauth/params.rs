//! What a provider is asked with.

use url::Url;

/// What a person is sent to a provider with.
#[cfg_attr(not(feature = "oauth"), allow(dead_code, reason = "read by those who ask a provider"))]
#[derive(Clone, Copy, Debug)]
pub struct AuthorizeParams<'a> {
    /// Where the provider sends the person back to.
    pub redirect_uri: &'a Url,
    /// What it sends them back with.
    pub state: &'a str,
    /// What its ID token must repeat.
    pub nonce: &'a str,
    /// The PKCE verifier, which is kept back.
    pub pkce_verifier: &'a str,
    /// `prompt` of OpenID Connect, from the application.
    pub prompt: Option<&'a str>,
    /// `login_hint` of OpenID Connect, from the application.
    pub login_hint: Option<&'a str>,
    /// Scopes beside those of the settings.
    pub additional_scopes: &'a [String],
}

/// What a person came back with, and what they were sent with.
#[cfg_attr(not(feature = "oauth"), allow(dead_code, reason = "read by those who ask a provider"))]
#[derive(Clone, Copy)]
pub struct Callback<'a> {
    /// The code.
    pub code: &'a str,
    /// Which provider it says it is (RFC 9207).
    pub iss: Option<&'a str>,
    /// The same as in the [`AuthorizeParams`].
    pub redirect_uri: &'a Url,
    /// The same as in the [`AuthorizeParams`].
    pub nonce: &'a str,
    /// The same as in the [`AuthorizeParams`].
    pub pkce_verifier: &'a str,
}
