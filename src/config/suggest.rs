//! Suggests the key that an unknown path probably means.

use toml::{Table, Value};

use crate::domain::settings::Settings;

use super::differences::table_of;
use super::documented;
use super::nearest::{nearest, plain};

/// The full name of the key that `path` probably means. `expected` are the names allowed in place of its last step.
/// `prefix` precedes the path: empty or `settings.`.
pub(super) fn suggest(prefix: &str, path: &[String], expected: &[&str]) -> Option<String> {
    let (name, parents) = path.split_last()?;
    let parent: String = parents.iter().map(|step| format!("{step}.")).collect();
    let whole = path.join(".");
    let alias = ALIASES.iter().find(|(alias, _)| prefix.is_empty() && *alias == whole).map(|(_, key)| *key);
    let sibling = || nearest(name, expected.iter().copied()).map(|found| format!("{prefix}{parent}{found}"));
    let elsewhere = || if prefix.is_empty() { elsewhere(path) } else { None };
    alias.map(str::to_owned).or_else(sibling).or_else(elsewhere)
}

/// A key with the same name in another section or in the settings.
fn elsewhere(path: &[String]) -> Option<String> {
    let in_settings = holds(&table_of(&Settings::default()), path).then(|| format!("settings.{}", path.join(".")));
    in_settings.or_else(|| named(path.last()?))
}

/// The only key outside the settings whose last step is `name`.
pub(super) fn named(name: &str) -> Option<String> {
    let (name, keys) = (plain(name), documented::keys());
    let mut found = keys.into_iter().filter(|key| key.split_once('.').is_some_and(|(_, last)| last == name));
    found.next().filter(|_| found.next().is_none())
}

fn holds(table: &Table, path: &[String]) -> bool {
    let Some((first, rest)) = path.split_first() else { return true };
    match table.get(first) {
        Some(Value::Table(inner)) => holds(inner, rest),
        Some(_) => rest.is_empty(),
        None => false,
    }
}

/// Names of these keys in other programs.
const ALIASES: [(&str, &str); 8] = [
    ("server.port", "server.listen"),
    ("server.host", "server.listen"),
    ("server.address", "server.listen"),
    ("server.bind", "server.listen"),
    ("server.cors", "server.allowed_origins"),
    ("server.url", "server.public_url"),
    ("store.dir", "store.path"),
    ("store.data", "store.path"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_looked_for_beside_it_and_then_elsewhere() {
        for (path, expected, meant) in [
            ("server.listne", vec!["listen", "public_url"], Some("server.listen")),
            ("sevrer", vec!["server", "store"], Some("server")),
            ("server.port", vec!["listen"], Some("server.listen")),
            ("server.encryption", vec!["listen"], Some("store.encryption")),
            ("listen", vec!["server", "store"], Some("server.listen")),
            ("attributes.email_address", vec!["server"], Some("settings.attributes.email_address")),
            ("sign_up.mode", vec!["abandon_after_s"], Some("settings.sign_up.mode")),
            ("server.file", vec!["listen"], Some("settings.file")),
            ("server.frobnicate", vec!["listen"], None),
        ] {
            let path: Vec<String> = path.split('.').map(str::to_owned).collect();
            assert_eq!(suggest("", &path, &expected).as_deref(), meant, "{path:?}");
        }
        let path = ["attributes".to_owned(), "emial_address".into()];
        let meant = suggest("settings.", &path, &["email_address", "phone_number"]);
        assert_eq!(meant.as_deref(), Some("settings.attributes.email_address"));
    }
}
