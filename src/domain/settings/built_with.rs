//! Settings that need a feature of the crate, checked against the features that this program was built with.

use super::Settings;

/// Whether the program was built with each feature that settings may need.
#[derive(Clone, Copy)]
pub(super) struct BuiltWith {
    oauth: bool,
    passkeys: bool,
    phone: bool,
    zxcvbn: bool,
}

/// The features of this program.
pub(super) const BUILT_WITH: BuiltWith = BuiltWith {
    oauth: cfg!(feature = "oauth"),
    passkeys: cfg!(feature = "passkeys"),
    phone: cfg!(feature = "phone"),
    zxcvbn: cfg!(feature = "zxcvbn"),
};

impl Settings {
    /// The first key that needs a missing feature, and which feature that is.
    pub(super) fn beyond(&self, built: BuiltWith) -> Option<(String, &'static str)> {
        if !built.phone && self.attributes.phone_number.enabled {
            return Some(("attributes.phone_number.enabled".into(), "needs a program built with the feature `phone`"));
        }
        if !built.passkeys && self.attributes.passkey.enabled {
            return Some(("attributes.passkey.enabled".into(), "needs a program built with the feature `passkeys`"));
        }
        if !built.zxcvbn && self.password_settings.min_zxcvbn_strength > 0 {
            let key = "password_settings.min_zxcvbn_strength".into();
            return Some((key, "needs a program built with the feature `zxcvbn`"));
        }
        let social = self.social.iter().find(|(_, social)| social.enabled).filter(|_| !built.oauth);
        social.map(|(name, _)| (format!("social.{name}.enabled"), "needs a program built with the feature `oauth`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::settings::Social;

    #[test]
    fn settings_that_need_a_missing_feature_are_refused_and_no_others() {
        let none = BuiltWith { oauth: false, passkeys: false, phone: false, zxcvbn: false };
        let all = BuiltWith { oauth: true, passkeys: true, phone: true, zxcvbn: true };
        let fault = |change: fn(&mut Settings)| {
            let mut settings = Settings::default();
            change(&mut settings);
            assert_eq!(settings.beyond(all), None);
            settings.beyond(none).map(|(key, _)| key)
        };
        assert_eq!(fault(|_| ()), None);
        let phone = fault(|settings| settings.attributes.phone_number.enabled = true);
        assert_eq!(phone.as_deref(), Some("attributes.phone_number.enabled"));
        let passkey = fault(|settings| settings.attributes.passkey.enabled = true);
        assert_eq!(passkey.as_deref(), Some("attributes.passkey.enabled"));
        let strength = fault(|settings| settings.password_settings.min_zxcvbn_strength = 1);
        assert_eq!(strength.as_deref(), Some("password_settings.min_zxcvbn_strength"));
        let google = fault(|settings| {
            settings.social.insert("oauth_google".into(), Social { enabled: true, ..Social::default() });
        });
        assert_eq!(google.as_deref(), Some("social.oauth_google.enabled"));
        let mut off = Settings::default();
        off.social.insert("oauth_google".into(), Social::default());
        assert_eq!(off.beyond(none), None);
    }
}
