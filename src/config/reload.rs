//! Reloads the configuration of a running instance.

use crate::domain::settings::Settings;

use super::checks;
use super::differences::{changed, changed_settings};
use super::error::ConfigError;
use super::layer::Layer;
use super::load::{Config, Sources};

/// Result of a reload.
#[derive(Clone, Debug)]
pub struct Reloaded {
    /// The new sign-up policy.
    pub settings: Settings,
    /// Source of the policy.
    pub settings_origin: String,
    /// Keys of the policy that changed.
    pub changed: Vec<String>,
    /// Other keys that changed; only a restart applies them.
    pub need_restart: Vec<String>,
    /// Risks that are new.
    pub warnings: Vec<String>,
}

impl Config {
    /// Reads the sources again. `in_force` are the settings of the running instance. The new settings must fit the
    /// configuration with which the instance was started, because the rest of the sources is not applied. If the
    /// sources no longer contain settings, for example while a file is being written, the reload fails, so that the
    /// defaults can't open the instance to everyone.
    ///
    /// # Errors
    /// A sentence for each fault. The running instance must then stay as it is.
    pub fn reload(&self, sources: &Sources, in_force: &Settings) -> Result<Reloaded, ConfigError> {
        let fresh = Self::load(sources)?;
        if fresh.instance.mode != self.instance.mode {
            let reason = "differs from the mode at the start; a new mode needs a restart";
            return Err(ConfigError::at(None, "instance.mode", reason));
        }
        if self.has_settings && !fresh.has_settings {
            let reason = "are no longer given; name a sample, or write the settings";
            return Err(ConfigError::at(None, "settings", reason));
        }
        let changed_keys = changed(&self.given, &fresh.given).into_iter().map(|(key, ..)| key);
        let secrets = self.secrets().into_iter().zip(fresh.secrets());
        let changed_secrets =
            secrets.filter(|(before, after)| before.1 != after.1).map(|(before, _)| before.0.to_owned());
        let mut need_restart: Vec<String> = changed_keys.chain(changed_secrets).collect();
        need_restart.sort();
        need_restart.dedup();
        let running = Self { settings: fresh.settings.clone(), ..self.clone() };
        checks::check(&running, &Layer::default())?;
        Ok(Reloaded {
            changed: changed_settings(in_force, &fresh.settings),
            warnings: fresh.warnings.iter().filter(|warning| !self.warnings.contains(warning)).cloned().collect(),
            settings: fresh.settings,
            settings_origin: fresh.settings_origin,
            need_restart,
        })
    }
}
