//! Without the feature `oauth` no captcha's service can be asked, and an engine is given none.

use std::net::IpAddr;

use super::{Captcha, CaptchaError};

impl Captcha {
    /// Whether whoever solved the captcha may go on.
    ///
    /// # Errors
    /// Always.
    pub async fn verify(&self, _token: &str, _address: Option<IpAddr>) -> Result<(), CaptchaError> {
        Err(CaptchaError::Unavailable("this program was built without the feature `oauth`".into()))
    }
}
