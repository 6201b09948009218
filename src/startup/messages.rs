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
            .map_err(|error| StartupError::at(config, "email.templates", format_args!("can't be used:\n{error}")))?,
    };
    if !templates.locales().iter().any(|locale| locale.eq_ignore_ascii_case(&email.locale)) {
        let available = templates.locales().join(", ");
        return Err(StartupError::at(
            config,
            "email.locale",
            format_args!(
                "is {:?}, for which there are no texts; there are {available}, and a file of `email.templates` \
             can add others",
                email.locale
            ),
        ));
    }
    let accent_color: Color = email
        .accent_color
        .parse()
        .map_err(|error| StartupError::at(config, "email.accent_color", format_args!("can't be used: {error}")))?;
    let logo = match &email.logo_file {
        None => None,
        Some(path) => {
            let unreadable = |reason: &dyn std::fmt::Display| {
                StartupError::at(config, "email.logo_file", format_args!("can't be read, {}: {reason}", path.display()))
            };
            // A pipe would be waited for.
            if !fs::metadata(path).map_err(|error| unreadable(&error))?.is_file() {
                return Err(unreadable(&"it is no regular file"));
            }
            let bytes = fs::read(path).map_err(|error| unreadable(&error))?;
            let logo = Logo::new(bytes).map_err(|error| {
                StartupError::at(config, "email.logo_file", format_args!("can't be used: {} {error}", path.display()))
            })?;
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
    let at = |reason: std::fmt::Arguments<'_>| StartupError::at(config, "email.dkim.private_key_file", reason);
    let key = fs::read_to_string(path);
    let key = key.map_err(|error| at(format_args!("can't be read, {}: {error}", path.display())))?;
    let dkim = Dkim::new(domain, selector, &key).map_err(|error| match error {
        crate::delivery::DkimError::Name(ref name) => {
            let key = if name == domain { "email.dkim.domain" } else { "email.dkim.selector" };
            StartupError::at(config, key, format_args!("can't be used: {error}"))
        }
        _ => at(format_args!("can't be used: {} {error}", path.display())),
    })?;
    Ok(Some(dkim))
}

#[cfg(all(test, feature = "smtp"))]
mod tests {
    use super::*;
    use crate::config::Sources;
    use crate::startup::provider;

    #[test]
    fn what_only_the_start_finds_names_its_key_and_where_it_was_set() {
        let dkim =
            [("DKIM__DOMAIN", "books.example"), ("DKIM__SELECTOR", "one"), ("DKIM__PRIVATE_KEY_FILE", "/nowhere")];
        for (set, words) in [
            (
                &[("LOGO_FILE", "/dev/null")][..],
                "VESTIBULE_EMAIL__LOGO_FILE: `email.logo_file` can't be read, /dev/null",
            ),
            (&[("LOCALE", "xx")], "VESTIBULE_EMAIL__LOCALE: `email.locale` is \"xx\""),
            (&[("LOGO_FILE", "/nowhere")], "VESTIBULE_EMAIL__LOGO_FILE: `email.logo_file` can't be read, /nowhere"),
            (&[("TEMPLATES", "/nowhere")], "VESTIBULE_EMAIL__TEMPLATES: `email.templates` can't be used:\n/nowhere"),
            (&dkim, "VESTIBULE_EMAIL__DKIM__PRIVATE_KEY_FILE: `email.dkim.private_key_file` can't be read, /nowhere"),
        ] {
            let config = with(set);
            let faults = [message_style(&config).err(), super::dkim(&config).err()];
            let told: Vec<String> = faults.into_iter().flatten().map(|fault| fault.to_string()).collect();
            assert!(told.len() == 1 && told[0].starts_with(words), "{told:?}");
        }
        let smtp = [("TRANSPORT", "smtp"), ("HOST", "smtp.acme.example"), ("FROM", "Acme @ Books")];
        let fault = provider("smtp", &with(&smtp)).err().expect("a fault").to_string();
        assert!(fault.starts_with("VESTIBULE_EMAIL__FROM: `email.from` is not a mailbox"), "{fault}");
    }

    fn with(set: &[(&str, &str)]) -> Config {
        let variable = |(name, value): &(&str, &str)| (format!("VESTIBULE_EMAIL__{name}"), (*value).to_owned());
        let sources = Sources { environment: set.iter().map(variable).collect(), ..Sources::default() };
        Config::load(&sources).expect("a configuration")
    }
}
