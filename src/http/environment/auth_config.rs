//! `auth_config`: the attributes for old clients, and how clients are identified.

use serde_json::{Value, json};

use crate::domain::settings::Attribute;

use super::Instance;

/// The attributes in the format of 2021, for old clients.
pub(super) fn auth_config(instance: &Instance<'_>) -> Value {
    let (settings, policy) = (instance.settings, instance.policy);
    let attributes = &settings.attributes;
    let word = |attribute: &Attribute| match (attribute.enabled, attribute.required) {
        (false, _) => "off",
        (true, false) => "on",
        (true, true) => "required",
    };
    let strategies = |attribute: &Attribute| {
        let shown = attribute.verifications.iter().map(ToString::to_string);
        shown.filter(|_| attribute.enabled).collect::<Vec<_>>()
    };
    let social = settings.social.iter().filter(|(_, s)| s.enabled);
    let identifiers = [
        ("email_address", &attributes.email_address),
        ("phone_number", &attributes.phone_number),
        ("username", &attributes.username),
    ];
    let enabled = identifiers.iter().filter(|(_, a)| a.enabled);
    let identification: Vec<&str> =
        enabled.map(|(name, _)| *name).chain(social.map(|(name, _)| name.as_str())).collect();
    let required = identifiers.iter().filter(|(_, a)| a.enabled && a.required);
    let requirements: Vec<[&str; 1]> = required.map(|(name, _)| [*name]).collect();
    let first_factors: Vec<&String> = identifiers
        .iter()
        .filter(|(_, a)| a.enabled && a.used_for_first_factor)
        .flat_map(|(_, a)| &a.first_factors)
        .collect();
    let second_factors: Vec<&str> = [
        (&attributes.authenticator_app, "totp"),
        (&attributes.phone_number, "phone_code"),
        (&attributes.backup_code, "backup_code"),
    ]
    .into_iter()
    .filter(|(attribute, _)| attribute.is_second_factor())
    .map(|(_, strategy)| strategy)
    .collect();
    json!({
        "object": "auth_config",
        "id": "",
        "first_name": word(&attributes.first_name),
        "last_name": word(&attributes.last_name),
        "email_address": word(&attributes.email_address),
        "phone_number": word(&attributes.phone_number),
        "username": word(&attributes.username),
        "password": word(&attributes.password),
        "identification_requirements": requirements,
        "identification_strategies": identification,
        "first_factors": first_factors,
        "second_factors": second_factors,
        "email_address_verification_strategies": strategies(&attributes.email_address),
        "single_session_mode": policy.single_session,
        "preferred_channels": {},
        "session_minter": false,
        "reverification": policy.reverification,
        "claimed_at": null,
        "enhanced_email_deliverability": false,
        "test_mode": instance.settings.beside.test_mode.unwrap_or(policy.test_mode),
        "url_based_session_syncing": is_of_development(instance.publishable_key),
        "native_settings": {
            "object": "native_settings",
            "api_enabled": true,
            "trusted_device_sign_in_enabled": false,
            "trusted_device_enrollment_prompt_after_sign_in_enabled": false,
            "trusted_device_enrollment_prompt_after_sign_up_enabled": false,
        },
    })
}

/// Whether a publishable key is one for development.
pub(in crate::http) fn is_of_development(publishable_key: &str) -> bool {
    publishable_key.starts_with(DEVELOPMENT_KEY)
}

/// With such a key clerk-js keeps the client in URLs, not in a cookie
/// ([guide: Publishable keys](crate::guide::contract#publishable-keys)).
const DEVELOPMENT_KEY: &str = "pk_test_";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::policy::Policy;
    use crate::domain::settings::Settings;
    use crate::domain::verification::Strategy;

    #[test]
    fn old_words_follow_the_attributes() {
        let mut settings = Settings::default();
        settings.attributes.email_address = Attribute {
            enabled: true,
            required: true,
            verifications: vec![Strategy::EmailCode],
            ..Attribute::default()
        };
        let shown = auth_config(&Instance { settings: &settings, ..Instance::sample() });
        assert_eq!(shown["email_address"], "required");
        assert_eq!(shown["identification_requirements"], json!([["email_address"]]));
        assert_eq!(shown["email_address_verification_strategies"], json!(["email_code"]));
    }

    #[test]
    fn what_is_in_force_is_told() {
        for (key, is_synced) in [("pk_test_Y2xlcmsuZXhhbXBsZQ", true), ("pk_live_Y2xlcmsuZXhhbXBsZQ", false)] {
            let shown = auth_config(&Instance { publishable_key: key, ..Instance::sample() });
            assert_eq!(shown["url_based_session_syncing"], is_synced, "{key}");
        }
        for is_on in [true, false] {
            let policy = Policy { test_mode: is_on, single_session: !is_on, ..Policy::default() };
            let shown = auth_config(&Instance { policy: &policy, ..Instance::sample() });
            assert_eq!((&shown["test_mode"], &shown["single_session_mode"]), (&json!(is_on), &json!(!is_on)));
        }
    }
}
