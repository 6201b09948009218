//! Captchas: verifies a token at the service that issued it
//! ([guide: Captchas](crate::guide::contract_sign_ups#captchas)). Turnstile, hCaptcha and reCAPTCHA share one protocol.
//! This room does not know when a captcha is required.

use std::net::IpAddr;

use form_urlencoded::Serializer;
use http::{Request, StatusCode};
use serde::Deserialize;
use url::Url;

use crate::domain::secret::Secret;
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
    pub outbound: Outbound,
}

/// The supported services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
pub enum CaptchaError {
    /// The service rejects it: it is wrong, expired or already used.
    #[error("the captcha was not solved")]
    Refused,
    /// The service can't be reached, or rejects the secret key. The request is refused then (fail closed).
    #[error("the captcha service can't be asked: {0}")]
    Unavailable(String),
}

#[derive(Deserialize)]
struct Verdict {
    success: bool,
    #[serde(default, rename = "error-codes")]
    error_codes: Vec<String>,
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

    /// Default URL at which the service verifies tokens.
    pub const fn verify_url(self) -> &'static str {
        match self {
            Self::Turnstile => "https://challenges.cloudflare.com/turnstile/v0/siteverify",
            Self::HCaptcha => "https://api.hcaptcha.com/siteverify",
            Self::ReCaptcha => "https://www.google.com/recaptcha/api/siteverify",
        }
    }
}

impl Captcha {
    fn form(&self, token: &str, address: Option<IpAddr>) -> Vec<u8> {
        let mut form = Serializer::new(String::new());
        form.append_pair("secret", self.secret.expose()).append_pair("response", token);
        if let Some(address) = address {
            form.append_pair("remoteip", &address.to_string());
        }
        form.finish().into_bytes()
    }

    /// Verifies a token; `Ok` means that the captcha is solved. `address` is the peer's address, which services may
    /// compare.
    ///
    /// # Errors
    /// See [`CaptchaError`].
    pub async fn verify(&self, token: &str, address: Option<IpAddr>) -> Result<(), CaptchaError> {
        if token.len() > TOKEN_MAX {
            return Err(CaptchaError::Refused);
        }
        let unavailable = |why: &dyn std::fmt::Display| CaptchaError::Unavailable(why.to_string());
        let request = Request::post(self.verify_url.as_str())
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", "application/json")
            .body(self.form(token, address))
            .map_err(|error| unavailable(&error))?;
        let answer = self.outbound.send(request).await.map_err(|error| unavailable(&error))?;
        // hCaptcha answers 400 where the others answer 200 with an error.
        if !matches!(answer.status(), StatusCode::OK | StatusCode::BAD_REQUEST) {
            return Err(unavailable(&format_args!("status {}", answer.status().as_u16())));
        }
        let verdict: Verdict = serde_json::from_slice(answer.body()).map_err(|_| unavailable(&"it is no verdict"))?;
        let is_unavailable = |code: &&String| code.ends_with("-input-secret") || *code == "internal-error";
        match (verdict.success, verdict.error_codes.iter().find(is_unavailable)) {
            (true, _) => Ok(()),
            (false, Some(code)) => Err(unavailable(code)),
            (false, None) => Err(CaptchaError::Refused),
        }
    }
}

/// Maximum length of a token in bytes; tokens of all three services are shorter.
const TOKEN_MAX: usize = 8192;
