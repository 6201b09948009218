//! How messages look and what signs them, from the configuration.

use std::fs;
use std::sync::Arc;

use crate::config::Config;
#[cfg(feature = "smtp")]
use crate::delivery::Dkim;
use crate::delivery::{Color, Logo, MessageStyle, Templates};

use super::StartupError;

/// The templates, the language, the colour and the logo of messages.
///
/// # Errors
/// When a file can't be read or used: all that is wrong with templates, file by file and line by line.
pub fn message_style(config: &Config) -> Result<MessageStyle, StartupError> {
    let email = &config.email;
    let templates = match &email.templates {
        None => Templates::default(),
        Some(folder) => Templates::read(folder)
            .map_err(|error| StartupError::new(format!("`email.templates` can't be used:\n{error}")))?,
    };
    if !templates.locales().iter().any(|locale| locale.eq_ignore_ascii_case(&email.locale)) {
        let available = templates.locales().join(", ");
        return Err(StartupError::new(format!(
            "`email.locale` is {:?}, for which there are no texts; there are {available}, and a file of `email.templates` \
             can add others",
            email.locale
        )));
    }
    let accent_color: Color = email.accent_color.parse().map_err(StartupError::new)?;
    let logo = match &email.logo_file {
        None => None,
        Some(path) => {
            let bytes = fs::read(path).map_err(|error| {
                StartupError::new(format!("`email.logo_file`: {} can't be read: {error}", path.display()))
            })?;
            let logo = Logo::new(bytes)
                .map_err(|error| StartupError::new(format!("`email.logo_file`: {} {error}", path.display())))?;
            Some(Arc::new(logo))
        }
    };
    Ok(MessageStyle { templates, locale: email.locale.clone(), accent_color, logo })
}

/// What signs e-mails by SMTP, if it is configured.
///
/// # Errors
/// When the key can't be read or used.
#[cfg(feature = "smtp")]
pub fn dkim(config: &Config) -> Result<Option<Dkim>, StartupError> {
    let section = &config.email.dkim;
    let (Some(domain), Some(selector), Some(path)) = (&section.domain, &section.selector, &section.private_key_file)
    else {
        return Ok(None);
    };
    let place = format!("`email.dkim.private_key_file`: {}", path.display());
    let key = fs::read_to_string(path).map_err(|error| StartupError::new(format!("{place} can't be read: {error}")))?;
    let dkim = Dkim::new(domain, selector, &key).map_err(|error| match error {
        crate::delivery::DkimError::Name(_) => StartupError::new(format!("`email.dkim`: {error}")),
        _ => StartupError::new(format!("{place} {error}")),
    })?;
    Ok(Some(dkim))
}
