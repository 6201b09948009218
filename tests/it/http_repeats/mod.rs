//! Repeated calls by the client that succeeded with the first: a double click, a second tab, a lost answer. Other
//! clients learn nothing from it.

mod at_once;
mod sign_ins;
mod sign_ups;
mod signed_in;

use std::ops::Deref;

use crate::support::browser::{Browser, escaped};
use crate::support::site;

struct Site(site::Site);

impl Deref for Site {
    type Target = site::Site;

    fn deref(&self) -> &site::Site {
        &self.0
    }
}

impl Site {
    fn start() -> Self {
        Self::start_with("")
    }

    fn start_with(more: &str) -> Self {
        Self::with_settings("false", more, SETTINGS)
    }

    /// With limits by source, or without.
    fn with_settings(source: &str, more: &str, settings: &str) -> Self {
        Self(site::Site::start(&format!("[limits]\nsource = {source}\n{more}{settings}")))
    }

    /// A sign-up that only lacks its code; returns path and form of the attempt.
    fn open_with_code(&self, browser: &mut Browser<'_>, address: &str) -> (String, String) {
        let form = format!("email_address={}&password=wanders+under+elms&strategy=email_code", escaped(address));
        let path = browser.begin_sign_up(&form);
        (format!("{path}/attempt_verification"), self.server.code_form(address, 1))
    }

    fn signed_in(&self, address: &str) -> Browser<'_> {
        let mut browser = self.browser();
        let (path, form) = self.open_with_code(&mut browser, address);
        assert_eq!(browser.post(&path, &form).json()["response"]["status"], "complete");
        browser
    }
}

const BY_USERNAME: &str = r#"
[settings.attributes.username]
enabled = true
required = true
used_for_first_factor = true
[settings.attributes.password]
enabled = true
required = true
[settings.attributes.first_name]
enabled = true
"#;

/// A link completes the sign-up in whichever browser it is followed, so the step that sends it replaces the token.
const BY_LINK: &str = r#"
[settings.attributes.email_address]
enabled = true
required = true
verifications = ["email_link"]
verify_at_sign_up = true
[settings.attributes.first_name]
enabled = true
[settings.attack_protection.email_link]
require_same_client = false
"#;

const SETTINGS: &str = r#"
[settings.attributes.email_address]
enabled = true
required = true
used_for_first_factor = true
verifications = ["email_code"]
verify_at_sign_up = true
[settings.attributes.password]
enabled = true
required = true
"#;
