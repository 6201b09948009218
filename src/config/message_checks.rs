//! Checks of how messages look, and of their signatures. The files are read at the start.

use std::path::PathBuf;

use crate::delivery::Color;

use super::sections::Email;

/// Faults as (key, reason); the reason continues a sentence that begins with the key.
pub(super) fn of_messages(email: &Email) -> Vec<(&'static str, String)> {
    let mut faults = Vec::new();
    let mut fault = |key, reason: &str| faults.push((key, reason.to_owned()));
    if let Err(error) = email.accent_color.parse::<Color>() {
        fault("email.accent_color", &format!("can't be used: {error}"));
    }
    let is_empty = |path: &Option<PathBuf>| path.as_ref().is_some_and(|path| path.as_os_str().is_empty());
    let dkim = &email.dkim;
    for (key, path) in [
        ("email.templates", &email.templates),
        ("email.logo_file", &email.logo_file),
        ("email.dkim.private_key_file", &dkim.private_key_file),
    ] {
        if is_empty(path) {
            fault(key, "is empty; name it, or leave this out");
        }
    }
    let given = [
        ("email.dkim.domain", dkim.domain.is_some()),
        ("email.dkim.selector", dkim.selector.is_some()),
        ("email.dkim.private_key_file", dkim.private_key_file.is_some()),
    ];
    if given.iter().any(|(_, is_given)| *is_given) {
        for (key, _) in given.iter().filter(|(_, is_given)| !is_given) {
            fault(key, "is missing; give all three keys of [email.dkim], or none");
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, Sources};

    #[test]
    fn looks_and_signatures_are_checked() {
        for (set, words) in [
            (&[("EMAIL__ACCENT_COLOR", "red")][..], "`email.accent_color` can't be used: \"red\" is no colour"),
            (&[("EMAIL__TEMPLATES", "")], "`email.templates` is empty"),
            (&[("EMAIL__DKIM__DOMAIN", "acme.example")], "`email.dkim.selector` is missing; give all three keys"),
        ] {
            let variable = |(name, value): &(&str, &str)| (format!("VESTIBULE_{name}"), (*value).to_owned());
            let sources = Sources { environment: set.iter().map(variable).collect(), ..Sources::default() };
            let error = Config::load(&sources).expect_err(words).to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
