//! The suffix that distinguishes the cookies of several instances on the same domain
//! ([guide: Cookies](crate::guide::contract#cookies)).

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The suffix of an instance, the same as Clerk's packages compute from the publishable key.
pub fn cookie_suffix(publishable_key: &str) -> String {
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, publishable_key.as_bytes());
    let mut text = URL_SAFE_NO_PAD.encode(hash);
    text.truncate(8);
    text
}
