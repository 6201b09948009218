//! Captchas: asking the service that showed one whether its token holds
//! ([guide: Captchas](crate::guide::contract_sign_ups#captchas)). Turnstile, hCaptcha and reCAPTCHA answer the same
//! question in the same words. It does not know who must solve one.

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

    /// Where it checks tokens, unless the operator knows better.
    pub const fn verify_url(self) -> &'static str {
        match self {
            Self::Turnstile => "https://challenges.cloudflare.com/turnstile/v0/siteverify",
            Self::HCaptcha => "https://api.hcaptcha.com/siteverify",
            Self::ReCaptcha => "https://www.google.com/recaptcha/api/siteverify",
        }
    }
}

impl Captcha {
    fn question(&self, token: &str, address: Option<IpAddr>) -> Vec<u8> {
        let mut form = Serializer::new(String::new());
        form.append_pair("secret", self.secret.expose()).append_pair("response", token);
        if let Some(address) = address {
            form.append_pair("remoteip", &address.to_string());
        }
        form.finish().into_bytes()
    }

    /// Whether whoever solved the captcha may go on.
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
            .body(self.question(token, address))
            .map_err(|error| unavailable(&error))?;
        let answer = self.outbound.send(request).await.map_err(|error| unavailable(&error))?;
        // hCaptcha says with 400 what the others say with 200.
        if !matches!(answer.status(), StatusCode::OK | StatusCode::BAD_REQUEST) {
            return Err(unavailable(&format_args!("status {}", answer.status().as_u16())));
        }
        let verdict: Verdict = serde_json::from_slice(answer.body()).map_err(|_| unavailable(&"it is no verdict"))?;
        let about_us = |code: &&String| code.ends_with("-input-secret") || *code == "internal-error";
        match (verdict.success, verdict.error_codes.iter().find(about_us)) {
            (true, _) => Ok(()),
            (false, Some(code)) => Err(unavailable(code)),
            (false, None) => Err(CaptchaError::Refused),
        }
    }
}

/// Longer than the tokens of all three.
const TOKEN_MAX: usize = 8192;
