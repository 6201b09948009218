//! Checks of how messages look, and of their signatures. The files are read at the start.

use std::path::{Path, PathBuf};

use crate::delivery::Color;

use super::layer::{Layer, Place};
use super::sections::Email;

impl Email {
    /// Relative paths that the configuration file names begin in its folder, as that of `settings.file` does.
    pub(super) fn begin_at(&mut self, folder: &Path, layer: &Layer) {
        for (key, path) in [
            ("email.templates", &mut self.templates),
            ("email.logo_file", &mut self.logo_file),
            ("email.dkim.private_key_file", &mut self.dkim.private_key_file),
        ] {
            let is_in_file = matches!(layer.place(key), Some(Place::File(..)));
            if let Some(path) = path.as_mut().filter(|path| is_in_file && !path.as_os_str().is_empty()) {
                // An absolute path stays as it is.
                *path = folder.join(&*path);
            }
        }
    }
}

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
    use std::{fs, path::Path};

    use tempfile::TempDir;

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

    #[test]
    fn paths_begin_where_the_file_that_names_them_is() {
        let folder = TempDir::new().expect("a folder");
        let file = folder.path().join("vestibule.toml");
        fs::write(&file, "[email]\ntemplates = \"mine\"\nlogo_file = \"/etc/logo.png\"\n").expect("a file");
        let with = |environment: &[(&str, &str)]| {
            let environment =
                environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            let sources = Sources { file: Some(file.clone()), environment, ..Sources::default() };
            Config::load(&sources).expect("a configuration").email
        };
        let email = with(&[]);
        assert_eq!(email.templates, Some(folder.path().join("mine")));
        assert_eq!(email.logo_file.as_deref(), Some(Path::new("/etc/logo.png")));
        let email = with(&[("VESTIBULE_EMAIL__TEMPLATES", "other")]);
        assert_eq!(email.templates.as_deref(), Some(Path::new("other")), "of the environment: where the engine starts");
    }
}
