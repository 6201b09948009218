//! Settings with which no sign-up is possible.

use crate::domain::settings::Settings;

use super::Risks;
use crate::config::layer::Layer;
use crate::config::load::Config;

pub(super) fn ways_in(config: &Config, layer: &Layer) -> Risks {
    let settings = config.settings();
    let mut risks = Risks::default();
    risks.add(
        !has_a_way_in(settings) && names_attributes(layer),
        "settings",
        "has no attribute and no provider with which a sign-up can begin: people can't sign up; enable one, or name a \
         sample",
    );
    risks
}

/// The operator may set a few settings and expect the defaults for the rest.
pub(super) fn no_attributes(config: &Config, layer: &Layer) -> Option<String> {
    let outcome = if has_a_way_in(config.settings()) {
        "people can sign up only with an account at a provider, without giving an address or a name"
    } else {
        "people can't sign up"
    };
    let sentence = format!(
        "`settings.attributes` is missing in {}: {outcome}; any key of [settings] replaces the whole sample, so copy the \
         attributes of one from config/settings, with `settings.` before each name in brackets",
        config.settings_origin()
    );
    (!names_attributes(layer)).then_some(sentence)
}

/// Whether the settings name any attribute, even to disable it.
fn names_attributes(layer: &Layer) -> bool {
    layer.place_within("settings.attributes").is_some()
}

/// Whether a sign-up can begin with any attribute or provider.
fn has_a_way_in(settings: &Settings) -> bool {
    let attributes = &settings.attributes;
    let identifies = [&attributes.email_address, &attributes.phone_number, &attributes.username];
    identifies.iter().any(|attribute| attribute.enabled) || settings.social.values().any(|social| social.enabled)
}
