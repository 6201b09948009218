//! Sample sign-up policies, compiled in and chosen by name.

use crate::domain::settings::Settings;

use super::document::settings_of;
use super::error::ConfigError;
use super::layer::Layer;

/// The samples by name, from `config/settings`.
pub const SAMPLES: [(&str, &str); 7] = [
    ("password", include_str!("../../config/settings/password.toml")),
    ("email_code", include_str!("../../config/settings/email_code.toml")),
    ("progressive", include_str!("../../config/settings/progressive.toml")),
    ("username_password", include_str!("../../config/settings/username_password.toml")),
    ("phone", include_str!("../../config/settings/phone.toml")),
    ("legal", include_str!("../../config/settings/legal.toml")),
    ("email_link", include_str!("../../config/settings/email_link.toml")),
];

/// The settings of a sample, such as `email_code`.
///
/// # Errors
/// When there is no sample with that name.
pub fn sample_settings(name: &str) -> Result<Settings, ConfigError> {
    let text = sample(name)
        .ok_or_else(|| ConfigError::new(format!("there is no sample {name:?}; use one of {}", sample_names())))?;
    settings_of(&Layer::sample(name, text)?)
}

/// The text of a sample.
pub(super) fn sample(name: &str) -> Option<&'static str> {
    SAMPLES.iter().find(|(n, _)| *n == name).map(|(_, text)| *text)
}

/// The names of all samples, for messages.
pub(super) fn sample_names() -> String {
    SAMPLES.map(|(name, _)| format!("{name:?}")).join(", ")
}
