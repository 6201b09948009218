//! Accounts at providers.

use crate::domain::settings::Settings;

use super::Risks;

/// Providers that people see but can't use, and those that were set up but nobody sees.
pub(super) fn providers(settings: &Settings) -> Risks {
    let mut risks = Risks::default();
    for (name, _) in settings.social.iter().filter(|(_, social)| social.enabled) {
        let Some(oauth) = settings.oauth.get(name) else {
            let reason = format!(
                "is offered, but the provider does not know this instance: nobody can sign up with it; write \
                 client_id and client_secret in [settings.oauth.{name}]"
            );
            risks.say(format!("settings.social.{name}.enabled"), reason);
            continue;
        };
        if oauth.client_id.is_empty() {
            let reason =
                "is missing: nobody can sign up with this provider; write the id that it gave this application";
            risks.say(format!("settings.oauth.{name}.client_id"), reason);
        }
        if oauth.client_secret.expose().is_empty() && oauth.token_endpoint_auth_method != "none" {
            let reason =
                "is missing: nobody can sign up with this provider; write the secret that it gave this application";
            risks.say(format!("settings.oauth.{name}.client_secret"), reason);
        }
    }
    for name in settings.oauth.keys().filter(|name| !settings.social.get(*name).is_some_and(|social| social.enabled)) {
        let reason = format!("is set up, but not offered to anybody; write enabled = true in [settings.social.{name}]");
        risks.say(format!("settings.oauth.{name}"), reason);
    }
    risks
}
