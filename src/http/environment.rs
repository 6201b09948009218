//! The environment ([guide: The environment](crate::guide::contract#the-environment)): the instance's settings for
//! browsers. All objects are complete, because clerk-js reads some of them without checks.

mod auth_config;
mod display_config;
mod handed_back;
mod user_settings;

use serde_json::{Value, json};

pub(in crate::http) use auth_config::is_of_development;
pub(in crate::http) use handed_back::handed_back;

use crate::captcha::Captcha;
use crate::domain::policy::Policy;
use crate::domain::settings::Settings;
use crate::domain::settings::branding::Branding;
use crate::domain::settings::overrides::PreferredStrategy;

/// What the environment is made from.
pub(in crate::http) struct Instance<'a> {
    /// The settings in force.
    pub(in crate::http) settings: &'a Settings,
    /// The application's name and pages.
    pub(in crate::http) branding: &'a Branding,
    /// The captcha, where there is one.
    pub(in crate::http) captcha: Option<&'a Captcha>,
    /// The limits and lifetimes in force.
    pub(in crate::http) policy: &'a Policy,
    /// The publishable key.
    pub(in crate::http) publishable_key: &'a str,
    /// Whether it is a development instance.
    pub(in crate::http) development: bool,
    /// What components ask for first at sign-in, where every user has a password.
    pub(in crate::http) preferred: PreferredStrategy,
}

/// The environment of an instance.
pub(in crate::http) fn environment(instance: &Instance<'_>) -> Value {
    json!({
        "auth_config": auth_config::auth_config(instance),
        "display_config": display_config::display_config(instance),
        "user_settings": user_settings::user_settings(instance),
        "organization_settings": {
            "enabled": false,
            "max_allowed_memberships": 0,
            "force_organization_selection": false,
            "actions": {"admin_delete": false},
            // Native clients can't read null as a role.
            "domains": {"enabled": false, "enrollment_modes": [], "default_role": ""},
            "creator_role": "",
            "slug": {"disabled": true},
            "organization_creation_defaults": {"enabled": false},
        },
        "fraud_settings": {
            "object": "fraud_settings",
            "native": {"device_attestation_mode": "disabled"},
        },
        "commerce_settings": {
            "object": "commerce_settings",
            "billing": {
                "stripe_publishable_key": null,
                "free_trial_requires_payment_method": false,
                "organization": {"enabled": false, "has_paid_plans": false},
                "user": {"enabled": false, "has_paid_plans": false},
            },
        },
        "api_keys_settings": {
            "enabled": false,
            "user_api_keys_enabled": false,
            "orgs_api_keys_enabled": false,
        },
        "protect_config": {"object": "protect_config", "id": ""},
        "maintenance_mode": false,
        "partitioned_cookies": false,
        "client_debug_mode": false,
    })
}

#[cfg(test)]
impl Instance<'static> {
    /// An instance with the defaults.
    fn sample() -> Self {
        use std::sync::LazyLock;

        static DEFAULTS: LazyLock<(Settings, Branding, Policy)> = LazyLock::new(Default::default);
        let (settings, branding, policy) = &*DEFAULTS;
        let publishable_key = "pk_live_Y2xlcmsubG9jYWxob3N0JA";
        let preferred = PreferredStrategy::Unset;
        Self { settings, branding, captcha: None, policy, publishable_key, development: false, preferred }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_blocks_are_those_of_the_contract() {
        let shown = environment(&Instance::sample());
        let keys: Vec<&String> = shown.as_object().expect("an object").keys().collect();
        assert_eq!(
            keys.iter().map(|k| k.as_str()).collect::<Vec<_>>().join(" "),
            "auth_config display_config user_settings organization_settings fraud_settings commerce_settings \
             api_keys_settings protect_config maintenance_mode partitioned_cookies client_debug_mode"
        );
        let kind = &shown["display_config"]["instance_environment_type"];
        assert_eq!(kind, "production");
    }
}
