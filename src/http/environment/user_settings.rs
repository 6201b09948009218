//! `user_settings`: the settings document for clients, and the values that the engine adds.

use serde_json::{Value, json};

use crate::domain::settings::Social;
use crate::domain::sign_in::FORGOTTEN_AFTER;

use super::Instance;

/// The settings without what only the server may know, and with the values that no settings document has.
pub(super) fn user_settings(instance: &Instance<'_>) -> Value {
    let settings = instance.settings;
    let mut value = json!(settings);
    let social: serde_json::Map<String, Value> =
        settings.social.iter().map(|(strategy, entry)| (strategy.clone(), social(strategy, entry))).collect();
    if let Some(object) = value.as_object_mut() {
        object.remove("oauth");
        object.insert("restrictions".into(), json!(settings.restrictions.without_lists()));
        object.insert("social".into(), social.into());
        let second_factor =
            json!({"required": settings.requires_second_factor(), "enabled": settings.has_second_factors()});
        object.insert("sign_in".into(), json!({"second_factor": second_factor}));
        object.insert("saml".into(), json!({"enabled": false}));
        object.insert("enterprise_sso".into(), json!({"enabled": false, "self_serve_sso": false}));
        let (shown, sign_in) = (&settings.passkey_settings, settings.signs_in_with_passkeys());
        object.insert(
            "passkey_settings".into(),
            json!({
                "allow_autofill": sign_in && shown.allow_autofill,
                "show_sign_in_button": sign_in && shown.show_sign_in_button,
                "satisfies_second_factor": false,
            }),
        );
        object.insert(
            "actions".into(),
            json!({
                "delete_self": settings.actions.delete_self,
                "create_organization": false,
                "create_organizations_limit": null,
            }),
        );
    }
    if let Some(sign_up) = value["sign_up"].as_object_mut().filter(|_| !settings.sign_up.approval_required) {
        // A setting of this engine alone, which clients need to see only where it is on.
        sign_up.remove("approval_required");
    }
    value["attack_protection"]["user_lockout"] = user_lockout(instance);
    // Addresses other than the one that the person entered are always shown in part only.
    value["attack_protection"]["pii"] = json!({"enabled": true});
    value
}

/// A provider. The document may leave out what follows from its name; native clients need all of it.
fn social(strategy: &str, entry: &Social) -> Value {
    let mut shown = entry.clone();
    strategy.clone_into(&mut shown.strategy);
    if shown.name.is_empty() {
        let provider = strategy.trim_start_matches("oauth_").trim_start_matches("custom_");
        let mut letters = provider.chars();
        shown.name = letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect());
    }
    json!(shown)
}

/// How many failed attempts in a row lock an account, and for how long. Where the settings ask for no lockout: how many it
/// allows, and after how long without an attempt they are forgotten.
fn user_lockout(instance: &Instance<'_>) -> Value {
    let asked = instance.settings.attack_protection.user_lockout;
    if asked.enabled {
        return json!(asked);
    }
    let limits = instance.policy.address_limits;
    let max_attempts = limits.map_or(0, |limits| limits.account_failures);
    let minutes = limits.map_or(0, |_| FORGOTTEN_AFTER.as_millis() / 60_000);
    json!({"enabled": limits.is_some(), "max_attempts": max_attempts, "duration_in_minutes": minutes})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::policy::{AddressLimits, Policy};
    use crate::domain::secret::Secret;
    use crate::domain::settings::{OAuth, Settings};

    #[test]
    fn server_side_secrets_are_not_shown() {
        let mut settings = Settings::default();
        let google = OAuth { client_secret: Secret::new("hidden".into()), ..OAuth::default() };
        settings.oauth.insert("oauth_google".into(), google);
        let shown = user_settings(&Instance { settings: &settings, ..Instance::sample() }).to_string();
        assert!(!shown.contains("hidden") && !shown.contains("client_secret"));
    }

    #[test]
    fn a_lockout_is_told_as_it_is_in_force() {
        let limits = AddressLimits { account_failures: 40, ..AddressLimits::default() };
        for (limits, expected) in [
            (Some(limits), json!({"enabled": true, "max_attempts": 40, "duration_in_minutes": 43_200})),
            (None, json!({"enabled": false, "max_attempts": 0, "duration_in_minutes": 0})),
        ] {
            let policy = Policy { address_limits: limits, ..Policy::default() };
            let shown = user_settings(&Instance { policy: &policy, ..Instance::sample() });
            assert_eq!(shown["attack_protection"]["user_lockout"], expected);
            assert_eq!(shown["attack_protection"]["email_link"], json!({"require_same_client": true}), "and the rest");
        }
        let mut settings = Settings::default();
        settings.attack_protection.user_lockout.enabled = true;
        let shown = user_settings(&Instance { settings: &settings, ..Instance::sample() });
        let expected = json!({"enabled": true, "max_attempts": 10, "duration_in_minutes": 60});
        assert_eq!(shown["attack_protection"]["user_lockout"], expected);
    }

    #[test]
    fn a_provider_has_a_name_and_a_strategy_whatever_the_document_says() {
        let mut settings = Settings::default();
        let named = Social { name: "Acme ID".into(), strategy: "wrong".into(), ..Social::default() };
        settings.social.insert("oauth_custom_acme".into(), named);
        for strategy in ["oauth_google", "oauth_custom_élan", "oauth_"] {
            settings.social.insert(strategy.into(), Social::default());
        }
        let shown = user_settings(&Instance { settings: &settings, ..Instance::sample() })["social"].clone();
        for (strategy, name) in [
            ("oauth_custom_acme", "Acme ID"),
            ("oauth_google", "Google"),
            ("oauth_custom_élan", "Élan"),
            ("oauth_", ""),
        ] {
            let entry = &shown[strategy];
            assert_eq!((&entry["strategy"], &entry["name"]), (&json!(strategy), &json!(name)));
        }
    }
}
