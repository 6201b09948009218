//! Asking a captcha's service.

use std::net::IpAddr;

use form_urlencoded::Serializer;
use http::{Request, StatusCode};
use serde::Deserialize;

use super::{Captcha, CaptchaError};

#[derive(Deserialize)]
struct Verdict {
    success: bool,
    #[serde(default, rename = "error-codes")]
    error_codes: Vec<String>,
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

    /// Verifies a token at the service; `Ok` means that the captcha is solved. `address` is the address that the token
    /// was sent from, which services may compare.
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
        let verdict: Verdict =
            serde_json::from_slice(answer.body()).map_err(|_| unavailable(&"its answer can't be read"))?;
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
