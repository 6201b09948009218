//! `display_config`: the application's name, pages and looks, and its captcha.

use serde_json::{Value, json};

use crate::domain::settings::Settings;
use crate::domain::settings::overrides::PreferredStrategy;

use super::Instance;

/// The display settings for components.
pub(super) fn display_config(instance: &Instance<'_>) -> Value {
    let (settings, branding) = (instance.settings, instance.branding);
    let captcha = instance.captcha.filter(|_| settings.sign_up.captcha_enabled);
    let invisible = captcha.map(|c| c.site_key_invisible.as_ref().unwrap_or(&c.site_key));
    let mut config = json!({
        "object": "display_config",
        "id": "",
        "instance_environment_type": if instance.development { "development" } else { "production" },
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
        "preferred_sign_in_strategy": preferred_strategy(instance),
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
        "clerk_js_version": null,
        "logo_url": branding.logo_url,
        "favicon_url": branding.favicon_url,
        // Images that Clerk stores for an instance; here the application stores them, and only their URLs are known.
        "logo_image": null,
        "favicon_image": null,
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

/// What components ask for first at sign-in: a password only where every user has one.
fn preferred_strategy(instance: &Instance<'_>) -> &'static str {
    let passwords = &instance.settings.attributes.password;
    let prefers_codes = instance.preferred == PreferredStrategy::Otp;
    if passwords.enabled && passwords.required && !prefers_codes { "password" } else { "otp" }
}

/// The client id for Google One Tap, where accounts at Google are on.
fn one_tap_client_id(settings: &Settings) -> Option<&str> {
    let is_on = settings.social.get(GOOGLE).is_some_and(|social| social.enabled);
    settings.oauth.get(GOOGLE).filter(|_| is_on).map(|oauth| oauth.client_id.as_str())
}

/// The URLs for navigation, which the engine leaves to the application.
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
    "oauth_consent_url",
];

const GOOGLE: &str = "oauth_google";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::settings::branding::Branding;

    #[test]
    fn the_applications_name_and_pages_are_shown() {
        let branding = Branding {
            name: "Acme".into(),
            logo_url: Some("https://acme.example/logo.svg".into()),
            terms_url: Some("https://acme.example/terms".into()),
            support_email: Some("help@acme.example".into()),
            ..Branding::default()
        };
        let shown = display_config(&Instance { branding: &branding, ..Instance::sample() });
        let display = &shown;
        assert_eq!(display["application_name"], "Acme");
        assert_eq!(display["logo_image_url"], "https://acme.example/logo.svg");
        assert_eq!(display["terms_url"], "https://acme.example/terms");
        assert_eq!(display["support_email"], "help@acme.example");
        assert_eq!((&display["home_url"], &display["privacy_policy_url"]), (&json!(""), &json!("")));
        assert_eq!(display["logo_url"], "https://acme.example/logo.svg");
        assert_eq!((&display["favicon_url"], &display["favicon_image_url"]), (&Value::Null, &json!("")));
    }

    #[test]
    fn a_password_is_asked_for_first_only_where_everybody_has_one() {
        for (enabled, required, expected) in
            [(true, true, "password"), (true, false, "otp"), (false, false, "otp"), (false, true, "otp")]
        {
            let mut settings = Settings::default();
            (settings.attributes.password.enabled, settings.attributes.password.required) = (enabled, required);
            let shown = display_config(&Instance { settings: &settings, ..Instance::sample() });
            assert_eq!(shown["preferred_sign_in_strategy"], expected, "{enabled} {required}");
            let instance = Instance { settings: &settings, preferred: PreferredStrategy::Otp, ..Instance::sample() };
            assert_eq!(display_config(&instance)["preferred_sign_in_strategy"], "otp", "{enabled} {required}");
        }
    }
}
