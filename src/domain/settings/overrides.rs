//! What the application's backend changed of an instance's settings while it runs
//! ([guide: The instance](crate::guide::contract_backend#the-instance)). The configuration is the base; an override
//! takes precedence over it until it is dropped.

use serde::Serialize;

use super::Settings;

/// The settings that the application's backend can change. `None` leaves a setting as it is configured; in a change, as
/// it was before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// Whether the allow-list is on.
    pub allowlist: Option<bool>,
    /// Whether the block-list is on.
    pub blocklist: Option<bool>,
    /// Whether the two lists are ignored at sign-in.
    pub allowlist_blocklist_disabled_on_sign_in: Option<bool>,
    /// Whether addresses with a `+` in their local part are refused.
    pub block_email_subaddresses: Option<bool>,
    /// Whether addresses at disposable-address providers are refused.
    pub block_disposable_email_domains: Option<bool>,
    /// Whether spellings of one Gmail address that differ in dots count as one address.
    pub ignore_dots_for_gmail_addresses: Option<bool>,
    /// Whether passwords are looked up among those of data breaches.
    pub hibp: Option<bool>,
    /// The origins whose pages may call the engine.
    pub allowed_origins: Option<Vec<String>>,
    /// What components ask for first at sign-in, where every user has a password.
    pub preferred_sign_in_strategy: Option<PreferredStrategy>,
    /// The e-mail address of the application's support; `""` for none.
    pub support_email: Option<String>,
    /// Whether test addresses take the fixed code. Only a development instance can switch it.
    pub test_mode: Option<bool>,
}

/// What the application's backend changed that is in no settings document, but in force with one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beside {
    /// The e-mail address of the application's support; `""` for none.
    pub support_email: Option<String>,
    /// Whether test addresses take the fixed code.
    pub test_mode: Option<bool>,
}

/// What components ask for first at sign-in, where every user has a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PreferredStrategy {
    /// What suits the settings: the password.
    Unset,
    /// The password.
    Password,
    /// A code.
    Otp,
}

/// The value of an override.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum OverrideValue {
    /// A switch.
    Switch(bool),
    /// A list of texts.
    Texts(Vec<String>),
    /// A word.
    Word(&'static str),
    /// A text.
    Text(String),
}

impl PreferredStrategy {
    /// The strategy in Clerk's words; empty where none is preferred.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unset => "",
            Self::Password => "password",
            Self::Otp => "otp",
        }
    }

    /// Reads [`Self::as_str`].
    pub fn read(text: &str) -> Option<Self> {
        [Self::Unset, Self::Password, Self::Otp].into_iter().find(|strategy| strategy.as_str() == text)
    }
}

impl Overrides {
    /// These overrides after a change.
    #[must_use]
    pub fn changed_by(&self, change: &Self) -> Self {
        Self {
            allowlist: change.allowlist.or(self.allowlist),
            blocklist: change.blocklist.or(self.blocklist),
            allowlist_blocklist_disabled_on_sign_in: change
                .allowlist_blocklist_disabled_on_sign_in
                .or(self.allowlist_blocklist_disabled_on_sign_in),
            block_email_subaddresses: change.block_email_subaddresses.or(self.block_email_subaddresses),
            block_disposable_email_domains: change
                .block_disposable_email_domains
                .or(self.block_disposable_email_domains),
            ignore_dots_for_gmail_addresses: change
                .ignore_dots_for_gmail_addresses
                .or(self.ignore_dots_for_gmail_addresses),
            hibp: change.hibp.or(self.hibp),
            allowed_origins: change.allowed_origins.as_ref().or(self.allowed_origins.as_ref()).cloned(),
            preferred_sign_in_strategy: change.preferred_sign_in_strategy.or(self.preferred_sign_in_strategy),
            support_email: change.support_email.as_ref().or(self.support_email.as_ref()).cloned(),
            test_mode: change.test_mode.or(self.test_mode),
        }
    }

    /// Puts the overrides of the settings document over the configured one.
    pub fn apply(&self, settings: &mut Settings) {
        let restrictions = &mut settings.restrictions;
        for (stored, switch) in [
            (self.allowlist, &mut restrictions.allowlist.enabled),
            (self.blocklist, &mut restrictions.blocklist.enabled),
            (
                self.allowlist_blocklist_disabled_on_sign_in,
                &mut restrictions.allowlist_blocklist_disabled_on_sign_in.enabled,
            ),
            (self.block_email_subaddresses, &mut restrictions.block_email_subaddresses.enabled),
            (self.block_disposable_email_domains, &mut restrictions.block_disposable_email_domains.enabled),
            (self.ignore_dots_for_gmail_addresses, &mut restrictions.ignore_dots_for_gmail_addresses.enabled),
        ] {
            *switch = stored.unwrap_or(*switch);
        }
        settings.beside = Beside { support_email: self.support_email.clone(), test_mode: self.test_mode };
        let passwords = &mut settings.password_settings;
        passwords.disable_hibp = self.hibp.map_or(passwords.disable_hibp, |is_on| !is_on);
    }

    /// Takes out of a document what only these overrides put into it: where a value is the override's, it becomes the
    /// configured one. So a document that shows what is in force changes nothing when it is given back.
    #[cfg(any(feature = "server", test))]
    pub(crate) fn take_out_of(&self, document: &mut Settings, configured: &Settings) {
        let (given, configured) = (Self::of(document), Self::of(configured));
        let back = |read: fn(&Self) -> Option<bool>| {
            let is_of_the_override = read(self).is_some() && read(self) == read(&given);
            if is_of_the_override { read(&configured) } else { None }
        };
        let restored = Self {
            allowlist: back(|of| of.allowlist),
            blocklist: back(|of| of.blocklist),
            allowlist_blocklist_disabled_on_sign_in: back(|of| of.allowlist_blocklist_disabled_on_sign_in),
            block_email_subaddresses: back(|of| of.block_email_subaddresses),
            block_disposable_email_domains: back(|of| of.block_disposable_email_domains),
            ignore_dots_for_gmail_addresses: back(|of| of.ignore_dots_for_gmail_addresses),
            hibp: back(|of| of.hibp),
            allowed_origins: None,
            preferred_sign_in_strategy: None,
            support_email: None,
            test_mode: None,
        };
        restored.apply(document);
    }

    /// The values of a settings document. The origins, the preferred strategy, the support and the test mode are not in one.
    pub fn of(settings: &Settings) -> Self {
        let restrictions = &settings.restrictions;
        Self {
            allowlist: Some(restrictions.allowlist.enabled),
            blocklist: Some(restrictions.blocklist.enabled),
            allowlist_blocklist_disabled_on_sign_in: Some(restrictions.allowlist_blocklist_disabled_on_sign_in.enabled),
            block_email_subaddresses: Some(restrictions.block_email_subaddresses.enabled),
            block_disposable_email_domains: Some(restrictions.block_disposable_email_domains.enabled),
            ignore_dots_for_gmail_addresses: Some(restrictions.ignore_dots_for_gmail_addresses.enabled),
            hibp: Some(!settings.password_settings.disable_hibp),
            allowed_origins: None,
            preferred_sign_in_strategy: None,
            support_email: None,
            test_mode: None,
        }
    }

    /// The values that are set, each with its key in the configuration.
    pub fn list(&self) -> Vec<(&'static str, OverrideValue)> {
        let switch = |key, value: Option<bool>| value.map(|is_on| (key, OverrideValue::Switch(is_on)));
        let switches = [
            switch("settings.restrictions.allowlist.enabled", self.allowlist),
            switch("settings.restrictions.blocklist.enabled", self.blocklist),
            switch(
                "settings.restrictions.allowlist_blocklist_disabled_on_sign_in.enabled",
                self.allowlist_blocklist_disabled_on_sign_in,
            ),
            switch("settings.restrictions.block_email_subaddresses.enabled", self.block_email_subaddresses),
            switch("settings.restrictions.block_disposable_email_domains.enabled", self.block_disposable_email_domains),
            switch(
                "settings.restrictions.ignore_dots_for_gmail_addresses.enabled",
                self.ignore_dots_for_gmail_addresses,
            ),
            switch("settings.password_settings.disable_hibp", self.hibp.map(|is_on| !is_on)),
        ];
        let origins = self.allowed_origins.clone().map(|origins| (ORIGINS, OverrideValue::Texts(origins)));
        let preferred = self.preferred_sign_in_strategy.map(|p| (PREFERRED, OverrideValue::Word(p.as_str())));
        let support = self.support_email.clone().map(|address| (SUPPORT, OverrideValue::Text(address)));
        let test_mode = switch("verification.test_mode", self.test_mode);
        switches.into_iter().chain([origins, preferred, support, test_mode]).flatten().collect()
    }
}

/// The key of the allowed origins in the configuration.
const ORIGINS: &str = "server.allowed_origins";
/// The key of the address of the support in the configuration.
const SUPPORT: &str = "instance.support_email";
/// What components ask for first; it has no key in the configuration.
const PREFERRED: &str = "preferred_sign_in_strategy_when_password_required";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_override_takes_precedence_and_everything_else_stays_as_configured() {
        let mut configured = Settings::default();
        configured.restrictions.blocklist.enabled = true;
        configured.restrictions.block_email_subaddresses.enabled = true;
        let overrides =
            Overrides { allowlist: Some(true), blocklist: Some(false), hibp: Some(true), ..Overrides::default() };
        let mut in_force = configured.clone();
        overrides.apply(&mut in_force);
        let mut expected = configured.clone();
        expected.restrictions.allowlist.enabled = true;
        expected.restrictions.blocklist.enabled = false;
        expected.password_settings.disable_hibp = false;
        assert_eq!(in_force, expected);
        let mut untouched = configured.clone();
        Overrides::default().apply(&mut untouched);
        assert_eq!(untouched, configured);
    }

    #[test]
    fn a_document_that_is_given_back_configures_nothing_but_what_was_changed_in_it() {
        let mut configured = Settings::default();
        configured.restrictions.blocklist.enabled = true;
        let overrides = Overrides {
            allowlist: Some(true),
            blocklist: Some(false),
            allowlist_blocklist_disabled_on_sign_in: Some(true),
            block_email_subaddresses: Some(true),
            block_disposable_email_domains: Some(true),
            hibp: Some(!Overrides::of(&configured).hibp.expect("a switch")),
            ..Overrides::default()
        };
        let mut document = configured.clone();
        overrides.apply(&mut document);
        let shown = document.clone();
        overrides.take_out_of(&mut document, &configured);
        assert_eq!(document, configured, "nothing was changed");

        let mut document = shown;
        document.restrictions.block_email_subaddresses.enabled = false;
        document.sign_up.progressive = !document.sign_up.progressive;
        let mut expected = configured.clone();
        expected.sign_up.progressive = document.sign_up.progressive;
        overrides.take_out_of(&mut document, &configured);
        assert_eq!(document, expected);

        let mut document = configured.clone();
        document.restrictions.allowlist.enabled = true;
        Overrides::default().take_out_of(&mut document, &configured);
        assert!(document.restrictions.allowlist.enabled, "there is no override");
    }

    #[test]
    fn a_change_keeps_what_it_does_not_name() {
        let first = Overrides {
            allowlist: Some(true),
            allowed_origins: Some(vec!["https://a.example".into()]),
            ..Overrides::default()
        };
        let change = Overrides {
            allowlist: Some(false),
            preferred_sign_in_strategy: Some(PreferredStrategy::Otp),
            ..Overrides::default()
        };
        let both = first.changed_by(&change);
        let origins = Some(vec!["https://a.example".into()]);
        assert_eq!(both, Overrides { allowed_origins: origins, ..change });
        let keys: Vec<_> = both.list().iter().map(|(key, _)| *key).collect();
        assert_eq!(keys, ["settings.restrictions.allowlist.enabled", ORIGINS, PREFERRED]);
        assert_eq!(Overrides::default().list(), []);
    }
}
