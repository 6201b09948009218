//! Captchas without the feature `oauth`: there is no HTTP client, so no token can be verified. The builder takes no
//! captcha service then.

use std::net::IpAddr;

use super::{Captcha, CaptchaError};

impl Captcha {
    /// Refuses every token.
    ///
    /// # Errors
    /// Always [`CaptchaError::Unavailable`].
    pub async fn verify(&self, _token: &str, _address: Option<IpAddr>) -> Result<(), CaptchaError> {
        Err(CaptchaError::Unavailable("this program was built without the feature `oauth`".into()))
    }
}
