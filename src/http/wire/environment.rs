//! The environment (CONTRACT 3): the instance's settings for browsers, in whole shapes, because clerk-js reads some
//! of them without guards.

use serde_json::{Value, json};

use crate::captcha::Captcha;
use crate::domain::branding::Branding;
use crate::domain::settings::{Attribute, Settings};

/// The environment of an instance with these settings.
pub(in crate::http) fn environment(
    settings: &Settings,
    branding: &Branding,
    captcha: Option<&Captcha>,
    single_session: bool,
    development: bool,
) -> Value {
    json!({
        "auth_config": auth_config(settings, single_session),
        "display_config": display_config(settings, branding, captcha, development),
        "user_settings": user_settings(settings),
        "organization_settings": {
            "enabled": false,
            "max_allowed_memberships": 0,
            "force_organization_selection": false,
            "actions": {"admin_delete": false},
            "domains": {"enabled": false, "enrollment_modes": [], "default_role": null},
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

/// The settings without what only the server may know.
fn user_settings(settings: &Settings) -> Value {
    let mut value = json!(settings);
    if let Some(object) = value.as_object_mut() {
        object.remove("oauth");
        object.insert("restrictions".into(), json!(settings.restrictions.without_lists()));
    }
    value
}

/// The part that old clients read: what the attributes say, in the words of 2021.
fn auth_config(settings: &Settings, single_session: bool) -> Value {
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
        "second_factors": [],
        "email_address_verification_strategies": strategies(&attributes.email_address),
        "single_session_mode": single_session,
        "preferred_channels": {},
        "session_minter": false,
        "reverification": false,
        "claimed_at": null,
    })
}

/// The client that Google One Tap asks for a token of, where people may come from Google.
fn one_tap_client_id(settings: &Settings) -> Option<&str> {
    let is_on = settings.social.get(GOOGLE).is_some_and(|social| social.enabled);
    settings.oauth.get(GOOGLE).filter(|_| is_on).map(|oauth| oauth.client_id.as_str())
}

fn display_config(settings: &Settings, branding: &Branding, captcha: Option<&Captcha>, development: bool) -> Value {
    let captcha = captcha.filter(|_| settings.sign_up.captcha_enabled);
    let invisible = captcha.map(|c| c.site_key_invisible.as_ref().unwrap_or(&c.site_key));
    let mut config = json!({
        "object": "display_config",
        "id": "",
        "instance_environment_type": if development { "development" } else { "production" },
        "application_name": branding.name,
        "theme": {
            "buttons": {"font_color": "#ffffff", "font_family": "inherit", "font_weight": "600"},
            "general": {
                "color": "#2f5d50", "padding": "1em", "box_shadow": "0 2px 8px rgba(0, 0, 0, 0.2)",
                "font_color": "#151515", "font_family": "inherit", "border_radius": "0.5em",
                "background_color": "#ffffff", "label_font_weight": "600",
            },
            "accounts": {"background_color": "#ffffff"},
        },
        "preferred_sign_in_strategy": if settings.attributes.password.enabled { "password" } else { "otp" },
        "branded": false,
        "experimental_force_oauth_first": false,
        "show_devmode_warning": false,
        "support_email": branding.support_email,
        "google_one_tap_client_id": one_tap_client_id(settings),
        "captcha_provider": captcha.map(|c| c.provider.as_str()),
        "captcha_public_key": captcha.map(|c| &c.site_key),
        "captcha_public_key_invisible": invisible,
        "captcha_widget_type": captcha.map(|_| &settings.sign_up.captcha_widget_type),
        "captcha_oauth_bypass": captcha.map(|c| c.oauth_bypass.as_slice()).unwrap_or_default(),
        "captcha_heartbeat": false,
    });
    if let Some(object) = config.as_object_mut() {
        object.extend(URLS.iter().map(|key| ((*key).to_owned(), json!(""))));
        // Native clients can't read null in these.
        let text = |url: &Option<String>| json!(url.as_deref().unwrap_or_default());
        let pages = [
            ("home_url", text(&branding.home_url)),
            ("logo_link_url", text(&branding.home_url)),
            ("logo_image_url", text(&branding.logo_url)),
            ("favicon_image_url", text(&branding.favicon_url)),
            ("terms_url", text(&branding.terms_url)),
            ("privacy_policy_url", text(&branding.privacy_url)),
        ];
        object.extend(pages.map(|(key, url)| (key.to_owned(), url)));
    }
    config
}

/// The navigation fallbacks, which the engine leaves to the application.
const URLS: &[&str] = &[
    "sign_in_url",
    "sign_up_url",
    "user_profile_url",
    "waitlist_url",
    "after_sign_in_url",
    "after_sign_up_url",
    "after_sign_out_one_url",
    "after_sign_out_all_url",
    "after_switch_session_url",
    "after_join_waitlist_url",
    "organization_profile_url",
    "create_organization_url",
    "after_leave_organization_url",
    "after_create_organization_url",
    "help_url",
];

const GOOGLE: &str = "oauth_google";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::secret::Secret;
    use crate::domain::settings::OAuth;
    use crate::domain::verification::Strategy;

    #[test]
    fn the_blocks_are_those_of_the_contract() {
        let shown = environment(&Settings::default(), &Branding::default(), None, true, false);
        let keys: Vec<&String> = shown.as_object().expect("an object").keys().collect();
        assert_eq!(
            keys.iter().map(|k| k.as_str()).collect::<Vec<_>>().join(" "),
            "auth_config display_config user_settings organization_settings fraud_settings commerce_settings \
             api_keys_settings protect_config maintenance_mode partitioned_cookies client_debug_mode"
        );
        assert_eq!(shown["auth_config"]["single_session_mode"], true);
        let kind = &shown["display_config"]["instance_environment_type"];
        assert_eq!(kind, "production");
    }

    #[test]
    fn the_applications_name_and_pages_are_shown() {
        let branding = Branding {
            name: "Acme".into(),
            logo_url: Some("https://acme.example/logo.svg".into()),
            terms_url: Some("https://acme.example/terms".into()),
            support_email: Some("help@acme.example".into()),
            ..Branding::default()
        };
        let shown = environment(&Settings::default(), &branding, None, false, false);
        let display = &shown["display_config"];
        assert_eq!(display["application_name"], "Acme");
        assert_eq!(display["logo_image_url"], "https://acme.example/logo.svg");
        assert_eq!(display["terms_url"], "https://acme.example/terms");
        assert_eq!(display["support_email"], "help@acme.example");
        assert_eq!((&display["home_url"], &display["privacy_policy_url"]), (&json!(""), &json!("")));
    }

    #[test]
    fn server_side_secrets_are_not_shown() {
        let mut settings = Settings::default();
        let google = OAuth { client_secret: Secret::new("hidden".into()), ..OAuth::default() };
        settings.oauth.insert("oauth_google".into(), google);
        let shown = environment(&settings, &Branding::default(), None, false, true).to_string();
        assert!(!shown.contains("hidden") && !shown.contains("client_secret"));
    }

    #[test]
    fn old_words_follow_the_attributes() {
        let mut settings = Settings::default();
        settings.attributes.email_address = Attribute {
            enabled: true,
            required: true,
            verifications: vec![Strategy::EmailCode],
            ..Attribute::default()
        };
        let shown = auth_config(&settings, false);
        assert_eq!(shown["email_address"], "required");
        assert_eq!(shown["identification_requirements"], json!([["email_address"]]));
        assert_eq!(shown["email_address_verification_strategies"], json!(["email_code"]));
    }
}
