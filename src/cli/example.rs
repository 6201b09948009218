//! A complete sign-up to paste into a shell, for the banner.

use crate::domain::settings::{Attributes, Settings, SignUpMode};
use crate::domain::verification::Strategy;

/// Shell lines that create a new user each time and end with the answer `complete`; `None` if the settings require more
/// than an address, a code and a password. They run in sh, bash and zsh, with curl and grep.
pub(super) fn example(settings: &Settings, url: &str) -> Option<Vec<String>> {
    if !suffices(settings) {
        return None;
    }
    let password = if settings.attributes.password.enabled { " -d password='wanders under elms'" } else { "" };
    Some(vec![
        // A `+` would be a space in a form, so the name makes the address unique. sh has no $RANDOM, but `date` gives
        // nanoseconds.
        format!("url={url}/v1/client/sign_ups ada=ada$(date +%s%N)@example.com"),
        format!(
            "begun=$(curl -si \"$url?_is_native=1\" -d email_address=$ada{password} -d strategy=email_code | tr -d '\\r')"
        ),
        "of() { printf %s \"$begun\" | grep -io \"$1\" | head -n 1; }".into(),
        format!("code=$(curl -s \"{url}/dev/outbox?to=$ada\" | grep -o '\"code\":\"[0-9]*' | cut -c9-)"),
        "curl \"$url/$(of 'sua_[a-z0-9]*')/attempt_verification?_is_native=1\" -H \"$(of '^authorization: .*')\" \
         -d strategy=email_code -d code=$code"
            .into(),
    ])
}

/// Whether a verified address, with a password if the settings allow one, is enough for a user.
fn suffices(settings: &Settings) -> bool {
    let Attributes { email_address, phone_number, username, web3_wallet, first_name, last_name, .. } =
        &settings.attributes;
    let sign_up = &settings.sign_up;
    let asks_more = [phone_number, username, web3_wallet, first_name, last_name].iter().any(|other| other.required)
        || settings.social.values().any(|social| social.enabled && social.required)
        || sign_up.legal_consent_enabled
        || sign_up.custom_action_required
        || sign_up.approval_required
        || sign_up.captcha_enabled
        || sign_up.mode != SignUpMode::Public;
    email_address.enabled && email_address.verifications.contains(&Strategy::EmailCode) && !asks_more
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::sample_settings;

    #[test]
    fn there_is_one_where_an_address_and_a_code_are_enough() {
        for (sample, there_is) in [
            ("password", true),
            ("email_code", true),
            ("progressive", false),
            ("username_password", false),
            ("phone", false),
            ("legal", false),
            ("email_link", true),
        ] {
            let settings = sample_settings(sample).expect(sample);
            assert_eq!(example(&settings, "http://localhost:8080").is_some(), there_is, "{sample}");
        }
        let mut closed = sample_settings("password").expect("a sample");
        closed.sign_up.mode = SignUpMode::Restricted;
        assert_eq!(example(&closed, "http://localhost:8080"), None);
    }
}
