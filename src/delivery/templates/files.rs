//! The files of templates: those that are built in, and those of a folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::error::TemplateFault;
use super::locale::is_tag;

/// The built-in files: how an e-mail looks, and all texts, language by language.
#[rustfmt::skip]
pub(super) const BUILT_IN: &[(&str, &str)] = &[
    ("layout.html", include_str!("built_in/layout.html")),
    ("layout.txt", include_str!("built_in/layout.txt")),
    ("parts.html", include_str!("built_in/parts.html")),
    ("verification_code.html", include_str!("built_in/verification_code.html")),
    ("verification_code.txt", include_str!("built_in/verification_code.txt")),
    ("magic_link_sign_up.html", include_str!("built_in/magic_link_sign_up.html")),
    ("magic_link_sign_up.txt", include_str!("built_in/magic_link_sign_up.txt")),
    ("invitation.html", include_str!("built_in/invitation.html")),
    ("invitation.txt", include_str!("built_in/invitation.txt")),
    ("account_exists.html", include_str!("built_in/account_exists.html")),
    ("account_exists.txt", include_str!("built_in/account_exists.txt")),
    ("password_changed.html", include_str!("built_in/password_changed.html")),
    ("password_changed.txt", include_str!("built_in/password_changed.txt")),
    ("ar.json", include_str!("built_in/ar.json")),
    ("de.json", include_str!("built_in/de.json")),
    ("en.json", include_str!("built_in/en.json")),
    ("es.json", include_str!("built_in/es.json")),
    ("fr.json", include_str!("built_in/fr.json")),
    ("ja.json", include_str!("built_in/ja.json")),
    ("pt-BR.json", include_str!("built_in/pt-BR.json")),
];

/// The texts in English.
pub(super) const ENGLISH: (&str, &str) = ("en.json", include_str!("built_in/en.json"));

/// The files of a folder, each with its path and its text. The default is a folder without files.
#[derive(Debug, Default)]
pub(super) struct Folder {
    files: BTreeMap<String, (String, String)>,
}

impl Folder {
    /// Reads a folder. Files whose names begin with a dot are left out, and so is a README.
    pub(super) fn read(folder: &Path) -> Result<Self, TemplateFault> {
        let unreadable = |path: &Path, error: &std::io::Error| {
            TemplateFault::new(path.display().to_string(), None, format!("can't be read: {error}"))
        };
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(folder).map_err(|error| unreadable(folder, &error))? {
            let path = entry.map_err(|error| unreadable(folder, &error))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.starts_with('.') || name.starts_with("README") {
                continue;
            }
            let shown = path.display().to_string();
            if !is_file_of_templates(&name) {
                let names: Vec<&str> = BUILT_IN.iter().map(|(name, _)| *name).collect();
                let reason = format!("is no file of the templates; these can be replaced: {}", names.join(", "));
                return Err(TemplateFault::new(shown, None, reason));
            }
            let bytes = fs::metadata(&path).map_err(|error| unreadable(&path, &error))?.len();
            if bytes > BYTES_MAX {
                return Err(TemplateFault::new(shown, None, format!("has {bytes} bytes; {BYTES_MAX} are the most")));
            }
            let text = fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?;
            files.insert(name, (shown, text));
        }
        Ok(Self { files })
    }

    /// The path and the text of a file.
    pub(super) fn file(&self, name: &str) -> Option<(&str, &str)> {
        self.files.get(name).map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// The languages of its files of texts.
    pub(super) fn tags(&self) -> impl Iterator<Item = &str> {
        self.files.keys().filter_map(|name| name.strip_suffix(".json"))
    }

    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let entry = |(name, text): &(&str, &str)| ((*name).to_owned(), ((*name).to_owned(), (*text).to_owned()));
        Self { files: files.iter().map(entry).collect() }
    }
}

fn is_file_of_templates(name: &str) -> bool {
    let is_built_in = BUILT_IN.iter().any(|(built_in, _)| *built_in == name);
    is_built_in || name.strip_suffix(".json").is_some_and(is_tag)
}

/// An e-mail must stay below 60 KB, so its templates are smaller than that by far.
const BYTES_MAX: u64 = 256 * 1024;
