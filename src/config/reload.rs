//! Reading the configuration again while an instance runs.

use crate::domain::settings::Settings;

use super::checks;
use super::differences::{changed, changed_settings};
use super::error::ConfigError;
use super::layer::Layer;
use super::load::{Config, Sources};

/// What reading again came to.
#[derive(Clone, Debug)]
pub struct Reloaded {
    /// The sign-up policy, which may take the place of the one in force.
    pub settings: Settings,
    /// What it was read from.
    pub settings_origin: String,
    /// Its keys that differ from those in force.
    pub changed: Vec<String>,
    /// Keys outside the settings that differ, and only a restart puts in force.
    pub need_restart: Vec<String>,
    /// What is risky now and was not before.
    pub warnings: Vec<String>,
}

impl Config {
    /// Reads the same sources again, while `in_force` are the settings of the running instance. The settings must fit what
    /// the instance was started with, not what stands in the sources now: the rest of them is not in force. Sources that
    /// have lost their settings, such as a file that is just being written, open no instance to everybody.
    ///
    /// # Errors
    /// A sentence for each fault; whatever was read is not to be used then.
    pub fn reload(&self, sources: &Sources, in_force: &Settings) -> Result<Reloaded, ConfigError> {
        let fresh = Self::load(sources)?;
        if fresh.instance.mode != self.instance.mode {
            let reason = "is another one than this instance was started with; only a restart puts it in force";
            return Err(ConfigError::at(None, "instance.mode", reason));
        }
        if self.has_settings && !fresh.has_settings {
            let reason = "are given no more; name a sample, or write them";
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
