//! Risks of OAuth providers: those that people see but can't use, and those that are configured but not shown.

use url::Url;

use super::Risks;
use super::placeholders::is_placeholder;
use super::server::is_local;
use crate::config::load::Config;
use crate::config::nearest::nearest;
use crate::config::values::Mode;
use crate::domain::settings::providers::KNOWN;
use crate::domain::settings::{OAuth, Settings, Social};
use crate::domain::verification::Strategy;

pub(super) fn providers(config: &Config) -> Risks {
    let (settings, production) = (config.settings(), config.instance.mode == Mode::Production);
    let mut risks = Risks::default();
    for (name, social) in &settings.social {
        add_offer(&mut risks, settings, name, social);
    }
    for (name, oauth) in &settings.oauth {
        let is_offered = settings.social.get(name).is_some_and(|social| social.enabled);
        let section = format!("settings.oauth.{name}");
        if let Some(instead) = instead(name, oauth) {
            // If the provider is also enabled, that risk was already reported.
            risks.add(!is_offered, &section, &format!("is not a known provider: {instead}"));
        } else if is_offered {
            add_credentials(&mut risks, &section, oauth);
            add_places(&mut risks, &section, is_known(name), oauth, production);
        } else {
            let reason = format!(
                "is configured, but the provider is not enabled; write enabled = true in [settings.social.{name}]"
            );
            risks.say(section, reason);
        }
    }
    risks
}

fn add_offer(risks: &mut Risks, settings: &Settings, name: &str, social: &Social) {
    let section = format!("settings.social.{name}");
    if !social.strategy.is_empty() && social.strategy != name {
        let strategy = &social.strategy;
        risks.say(
            format!("{section}.strategy"),
            format!(
                "is {strategy:?}, but has no effect: the strategy is the name of the section; write strategy = {name:?}, \
                 or rename the section"
            ),
        );
    }
    if !social.enabled {
        return;
    }
    let oauth = settings.oauth.get(name);
    if !matches!(name.parse(), Ok(Strategy::OAuth(_))) {
        risks.say(
            section,
            "is enabled, but its name is not a valid strategy: people can't sign up with it; write oauth_ and then \
             lower-case letters, digits and `_`",
        );
    } else if let Some(instead) = instead(name, oauth.unwrap_or(&OAuth::default())) {
        risks.say(section, format!("is not a known provider, so people can't sign up with it: {instead}"));
    } else if oauth.is_none() {
        risks.say(
            format!("{section}.enabled"),
            format!(
                "is true, but the credentials for the provider are missing: people can't sign up with it; write \
                 client_id and client_secret in [settings.oauth.{name}]"
            ),
        );
    } else if !social.authenticatable {
        risks.say(
            format!("{section}.authenticatable"),
            "is false: the provider is enabled, but Clerk's components show no button for it; write true",
        );
    }
}

/// What to write instead of a name that is neither built in nor configured.
fn instead(name: &str, oauth: &OAuth) -> Option<String> {
    let is_own = name.starts_with(OWN) || Place::of(oauth) != Place::Unknown;
    if is_known(name) || is_own {
        return None;
    }
    let written = bare(name);
    let known = || KNOWN.iter().map(|known| bare(known));
    let alias = ALIASES.iter().find(|(alias, _)| written.eq_ignore_ascii_case(alias)).map(|(_, known)| *known);
    Some(match alias.or_else(|| nearest(written, known())) {
        Some(meant) => format!("did you mean `oauth_{meant}`?"),
        None => format!("for a provider of your own write {OWN}{written}, and its issuer"),
    })
}

fn add_credentials(risks: &mut Risks, section: &str, oauth: &OAuth) {
    let has_secret = oauth.token_endpoint_auth_method != "none";
    let credentials = [
        ("client_id", oauth.client_id.as_str(), "id", true),
        ("client_secret", oauth.client_secret.expose().as_str(), "secret", has_secret),
    ];
    for (key, value, what, is_needed) in credentials {
        let fault = if value.trim().is_empty() {
            "is missing"
        } else if is_placeholder(value) {
            "is a placeholder"
        } else {
            continue;
        };
        risks.add(
            is_needed,
            &format!("{section}.{key}"),
            &format!("{fault}: people can't sign up with this provider; write the {what} that the provider gave you"),
        );
    }
}

/// Faults of the provider's endpoints.
fn add_places(risks: &mut Risks, section: &str, is_known: bool, oauth: &OAuth, production: bool) {
    let outcome = "people can't sign up with this provider";
    match Place::of(oauth) {
        Place::Unknown if !is_known => risks.say(
            section,
            format!(
                "has neither `issuer` nor endpoints: {outcome}; write its issuer, or authorization_endpoint, \
                 token_endpoint and userinfo_endpoint"
            ),
        ),
        Place::Partial(missing) if !is_known => {
            risks.say(
                section,
                format!("has no {}: {outcome}; write it, or the provider's issuer", missing.join(", no ")),
            );
        }
        _ => {}
    }
    for (key, text) in urls(oauth) {
        let Some(text) = text else { continue };
        let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let key = format!("{section}.{key}");
        match url {
            None => risks
                .say(key, format!("is not a URL: {outcome}; write a complete one, such as https://id.acme.example")),
            Some(url) if production && url.scheme() == "http" => risks.say(
                key,
                format!(
                    "is not https, and a production instance calls providers only by https: {outcome}; write it with \
                     https"
                ),
            ),
            Some(url) if production && url.host_str().is_some_and(is_local) => risks.say(
                key,
                format!(
                    "is in this machine's own network, which a production instance does not call: {outcome}; write a \
                     public address"
                ),
            ),
            Some(_) => {}
        }
    }
}

/// How completely the endpoints are configured.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// Not at all.
    Unknown,
    /// Incomplete; the missing keys.
    Partial(Vec<&'static str>),
    /// Complete, or by discovery.
    Known,
}

impl Place {
    fn of(oauth: &OAuth) -> Self {
        let is_given = |text: &Option<String>| text.is_some();
        if is_given(&oauth.issuer) || is_given(&oauth.discovery_endpoint) {
            return Self::Known;
        }
        let has_profile_source = is_given(&oauth.userinfo_endpoint) || is_given(&oauth.jwks_uri);
        let parts = [
            ("authorization_endpoint", is_given(&oauth.authorization_endpoint)),
            ("token_endpoint", is_given(&oauth.token_endpoint)),
            ("userinfo_endpoint or jwks_uri", has_profile_source),
        ];
        let missing: Vec<_> = parts.iter().filter(|(_, is_given)| !is_given).map(|(name, _)| *name).collect();
        match missing.len() {
            0 => Self::Known,
            3 => Self::Unknown,
            _ => Self::Partial(missing),
        }
    }
}

fn urls(oauth: &OAuth) -> [(&'static str, Option<&str>); 6] {
    [
        ("issuer", oauth.issuer.as_deref()),
        ("discovery_endpoint", oauth.discovery_endpoint.as_deref()),
        ("authorization_endpoint", oauth.authorization_endpoint.as_deref()),
        ("token_endpoint", oauth.token_endpoint.as_deref()),
        ("userinfo_endpoint", oauth.userinfo_endpoint.as_deref()),
        ("jwks_uri", oauth.jwks_uri.as_deref()),
    ]
}

fn is_known(name: &str) -> bool {
    KNOWN.contains(&name)
}

/// A strategy without the prefix `oauth_`.
fn bare(name: &str) -> &str {
    name.strip_prefix("oauth_").unwrap_or(name)
}

/// Prefix of the instance's own providers.
const OWN: &str = "oauth_custom_";
/// Other names of built-in providers.
const ALIASES: [(&str, &str); 6] = [
    ("twitter", "x"),
    ("meta", "facebook"),
    ("azure", "microsoft"),
    ("azuread", "microsoft"),
    ("entra", "microsoft"),
    ("jira", "atlassian"),
];
