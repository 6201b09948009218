//! Captchas: verifies a token at the service that issued it
//! ([guide: Captchas](crate::guide::contract_sign_ups#captchas)). Turnstile, hCaptcha and reCAPTCHA share one protocol.
//! This room does not know when a captcha is required.

#[cfg(not(feature = "oauth"))]
mod absent;
#[cfg(feature = "oauth")]
mod verify;

use serde::Deserialize;
use url::Url;

use crate::domain::secret::Secret;
#[cfg(feature = "oauth")]
use crate::outbound::Outbound;

/// A captcha service and the instance's keys there.
#[derive(Clone, Debug)]
pub struct Captcha {
    /// The service.
    pub provider: CaptchaProvider,
    /// Public key with which browsers show the captcha.
    pub site_key: String,
    /// Public key of the invisible captcha; `site_key` if absent.
    pub site_key_invisible: Option<String>,
    /// Secret key that authenticates the instance at the service.
    pub secret: Secret<String>,
    /// URL at which tokens are verified.
    pub verify_url: Url,
    /// OAuth strategies with which no captcha is required.
    pub oauth_bypass: Vec<String>,
    /// The HTTP client for requests to the service.
    #[cfg(feature = "oauth")]
    pub outbound: Outbound,
}

/// The supported services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CaptchaProvider {
    /// Cloudflare Turnstile.
    Turnstile,
    /// hCaptcha.
    HCaptcha,
    /// Google reCAPTCHA.
    ReCaptcha,
}

/// Why a token is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CaptchaError {
    /// The service rejects it: it is wrong, expired or already used.
    #[error("the captcha was not solved")]
    Refused,
    /// The service can't be reached, or rejects the secret key. The request is refused then (fail closed).
    #[error("the captcha service can't be used: {0}")]
    Unavailable(String),
}

impl CaptchaProvider {
    /// Its name on the wire and in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Turnstile => "turnstile",
            Self::HCaptcha => "hcaptcha",
            Self::ReCaptcha => "recaptcha",
        }
    }

    /// Default URL at which the service verifies tokens.
    pub const fn verify_url(self) -> &'static str {
        match self {
            Self::Turnstile => "https://challenges.cloudflare.com/turnstile/v0/siteverify",
            Self::HCaptcha => "https://api.hcaptcha.com/siteverify",
            Self::ReCaptcha => "https://www.google.com/recaptcha/api/siteverify",
        }
    }
}
