//! Captchas: asking the service that showed one whether its token holds
//! ([guide: Captchas](crate::guide::contract_sign_ups#captchas)). Turnstile, hCaptcha and reCAPTCHA answer the same
//! question in the same words. It does not know who must solve one.

#[cfg(not(feature = "oauth"))]
mod absent;
#[cfg(feature = "oauth")]
mod verify;

use url::Url;

use crate::domain::secret::Secret;
#[cfg(feature = "oauth")]
use crate::outbound::Outbound;

/// A captcha service and the instance's keys there.
#[derive(Clone, Debug)]
pub struct Captcha {
    /// Which service.
    pub provider: CaptchaProvider,
    /// What browsers show the captcha with.
    pub site_key: String,
    /// The same for the invisible kind; `site_key` when absent.
    pub site_key_invisible: Option<String>,
    /// What the service knows the instance by.
    pub secret: Secret<String>,
    /// Where tokens are checked.
    pub verify_url: Url,
    /// Strategies of providers whose accounts need no captcha.
    pub oauth_bypass: Vec<String>,
    /// How the service is asked.
    #[cfg(feature = "oauth")]
    pub outbound: Outbound,
}

/// The services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum CaptchaProvider {
    Turnstile,
    HCaptcha,
    ReCaptcha,
}

/// Why a token does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CaptchaError {
    /// The service does not take it: it is wrong, too old or was used already.
    #[error("the captcha was not solved")]
    Refused,
    /// The service could not be asked, or does not know the instance. Nobody passes then.
    #[error("the captcha service can't be asked: {0}")]
    Unavailable(String),
}

impl CaptchaProvider {
    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Turnstile => "turnstile",
            Self::HCaptcha => "hcaptcha",
            Self::ReCaptcha => "recaptcha",
        }
    }

    /// Where it checks tokens, unless the operator knows better.
    pub const fn verify_url(self) -> &'static str {
        match self {
            Self::Turnstile => "https://challenges.cloudflare.com/turnstile/v0/siteverify",
            Self::HCaptcha => "https://api.hcaptcha.com/siteverify",
            Self::ReCaptcha => "https://www.google.com/recaptcha/api/siteverify",
        }
    }
}
