//! Finds settings that work but are risky or probably unintended. Each sentence says what, why, and what to write
//! instead.
//!
//! One file for each part of the configuration. Begin reading here.

mod attributes;
mod channels;
mod countries;
mod data;
mod instance;
mod origins;
mod placeholders;
mod providers;
mod restrictions;
mod server;
mod sites;
mod ways_in;

use super::layer::Layer;
use super::load::Config;

/// A sentence for each risk, which begins with the place where its key was set, if any.
pub(super) fn risks(config: &Config, layer: &Layer) -> Vec<String> {
    let found = [
        instance::instance(config),
        ways_in::ways_in(config, layer),
        server::server(config),
        origins::origins(config),
        data::data(config),
        server::limits(config),
        channels::channels(config),
    ];
    let sentences = |risks: Risks| risks.0.into_iter().map(|(key, reason)| sentence(layer, &key, &reason));
    let mut warnings: Vec<String> = found.into_iter().flat_map(sentences).collect();
    warnings.extend(ways_in::no_attributes(config, layer));
    let settings = config.settings();
    let of_settings = [
        attributes::attributes(settings, config.sends_by_whatsapp()),
        restrictions::restrictions(settings),
        providers::providers(config),
    ];
    warnings.extend(of_settings.into_iter().flat_map(sentences));
    warnings
}

fn sentence(layer: &Layer, key: &str, reason: &str) -> String {
    // A missing setting is reported at its section.
    let section =
        || key.rsplit_once('.').map(|(section, _)| section).filter(|section| section.matches('.').count() > 1);
    match layer.place_within(key).or_else(|| layer.place_within(section()?)) {
        Some(place) => format!("{place}: `{key}` {reason}"),
        None => format!("`{key}` {reason}"),
    }
}

/// Risks as (key, reason); the reason continues a sentence that begins with the key.
#[derive(Debug, Default)]
struct Risks(Vec<(String, String)>);

impl Risks {
    fn add(&mut self, when: bool, key: &str, reason: &str) {
        if when {
            self.say(key, reason);
        }
    }

    fn say(&mut self, key: impl Into<String>, reason: impl Into<String>) {
        self.0.push((key.into(), reason.into()));
    }
}
