//! Finds environment variables that were probably meant as keys but have no effect.

use crate::domain::settings::Settings;

use super::differences::{leaves, table_of};
use super::documented::{self, variable};
use super::effective::is_secret;
use super::nearest::plain;
use super::suggest;

/// A sentence for each variable that looks like a key but is not one: one `_` between section and key instead of two, a
/// missing section, a misspelt prefix. Other variables that begin with `VESTIBULE_` are ignored: they may belong to
/// other programs, and Kubernetes sets some for a service of that name.
pub fn near_misses(environment: &[(String, String)]) -> Vec<String> {
    let keys = Known::new();
    let sentence_for = |(name, value): &(String, String)| {
        let meant = keys.meant(name, value)?;
        Some(format!("{name} is set, but has no effect; did you mean {meant}?"))
    };
    let mut sentences: Vec<String> = environment.iter().filter_map(sentence_for).collect();
    sentences.sort();
    sentences
}

struct Known {
    /// For each key, its plain and its real name: `server_listen` and `VESTIBULE_SERVER__LISTEN`.
    joined: Vec<(String, String)>,
}

impl Known {
    fn new() -> Self {
        let spelled = |key: String| {
            let path: Vec<String> = key.split('.').map(str::to_owned).collect();
            let (joined, name) = (key.replace('.', "_"), variable(&key));
            let held = is_secret(&path).then(|| (format!("{joined}_file"), format!("{name}_FILE")));
            [Some((joined, name)), held]
        };
        let settings = leaves(&table_of(&Settings::default())).into_iter().map(|(key, _)| format!("settings.{key}"));
        Self { joined: documented::keys().into_iter().chain(settings).flat_map(spelled).flatten().collect() }
    }

    /// The key that `name` probably means; `None` if it is read as a key or unrelated.
    fn meant(&self, name: &str, value: &str) -> Option<String> {
        if name.strip_prefix(PREFIX).is_some_and(|rest| rest.contains("__")) {
            // Parsed as a key; an unknown one is an error of its own.
            return None;
        }
        let (first, rest) = plain(name).split_once('_').map(|(first, rest)| (first.to_owned(), rest.to_owned()))?;
        let rest = rest.split('_').filter(|word| !word.is_empty()).collect::<Vec<_>>().join("_");
        if first != "vestibule" {
            // Names of other programs may be as similar, so after a misspelt prefix the rest must match exactly.
            let misspelt = strsim::osa_distance(&first, "vestibule") <= PREFIX_DISTANCE_MAX;
            return self.joined.iter().find(|(joined, _)| misspelt && *joined == rest).map(|(_, name)| name.clone());
        }
        if is_made_by_kubernetes(&rest, value) {
            return None;
        }
        let distance = |joined: &str| strsim::osa_distance(joined, &rest);
        let closest = self.joined.iter().min_by_key(|(joined, _)| distance(joined));
        let closest = closest.filter(|(joined, _)| distance(joined) <= DISTANCE_MAX.min(rest.len() / 4));
        let alias = || ALIASES.iter().find(|(alias, _)| *alias == rest).map(|(_, meant)| (*meant).to_owned());
        closest
            .map(|(_, name)| name.clone())
            .or_else(alias)
            .or_else(|| suggest::named(&rest).filter(|_| rest.len() >= BARE_MIN).map(|key| variable(&key)))
    }
}

/// Variables of Kubernetes: `…_PORT=tcp://10.0.0.1:8080`, `…_SERVICE_HOST` and similar.
fn is_made_by_kubernetes(rest: &str, value: &str) -> bool {
    value.contains("://") && rest.starts_with("port") || rest.starts_with("port_") || rest.starts_with("service_")
}

/// Common wrong names.
const ALIASES: [(&str, &str); 8] = [
    ("port", "VESTIBULE_SERVER__LISTEN"),
    ("host", "VESTIBULE_SERVER__LISTEN"),
    ("address", "VESTIBULE_SERVER__LISTEN"),
    ("addr", "VESTIBULE_SERVER__LISTEN"),
    ("url", "VESTIBULE_SERVER__PUBLIC_URL"),
    ("data", "VESTIBULE_STORE__PATH"),
    ("data_dir", "VESTIBULE_STORE__PATH"),
    ("config", "the flag --config"),
];
const PREFIX: &str = "VESTIBULE_";
const PREFIX_DISTANCE_MAX: usize = 2;
const DISTANCE_MAX: usize = 3;
/// Minimum length for a key without its section: `t` and `p` say too little.
const BARE_MIN: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_that_looks_like_a_key_is_named_with_the_key() {
        for (name, meant) in [
            ("VESTIBULE_SERVER_LISTEN", Some("VESTIBULE_SERVER__LISTEN")),
            ("VESTIBULE_SERVER_LISTN", Some("VESTIBULE_SERVER__LISTEN")),
            ("VESTIBULE_SERVER_PUBLIC_URL", Some("VESTIBULE_SERVER__PUBLIC_URL")),
            ("VESTIBULE_SERVER-LISTEN", Some("VESTIBULE_SERVER__LISTEN")),
            ("VESTIBULE_SERVER.LISTEN", Some("VESTIBULE_SERVER__LISTEN")),
            ("vestibule_server__listen", Some("VESTIBULE_SERVER__LISTEN")),
            ("VESTIBLE_SERVER__LISTEN", Some("VESTIBULE_SERVER__LISTEN")),
            ("VESTIBUL_STORE_PATH", Some("VESTIBULE_STORE__PATH")),
            ("VESTIBULE_EMAIL_PASSWORD_FILE", Some("VESTIBULE_EMAIL__PASSWORD_FILE")),
            ("VESTIBULE_EMAIL_PASSWORD", Some("VESTIBULE_EMAIL__PASSWORD")),
            ("VESTIBULE_SETTINGS_FILE", Some("VESTIBULE_SETTINGS__FILE")),
            ("VESTIBULE_SETTINGS_SIGN_UP_MODE", Some("VESTIBULE_SETTINGS__SIGN_UP__MODE")),
            ("VESTIBULE_LISTEN", Some("VESTIBULE_SERVER__LISTEN")),
            ("VESTIBULE_MODE", Some("VESTIBULE_INSTANCE__MODE")),
            ("VESTIBULE_SECRET_KEY", Some("VESTIBULE_INSTANCE__SECRET_KEY")),
            ("VESTIBULE_PORT", Some("VESTIBULE_SERVER__LISTEN")),
            ("VESTIBULE_DATA", Some("VESTIBULE_STORE__PATH")),
            ("VESTIBULE_CONFIG", Some("the flag --config")),
            // Variables in the form of a key are parsed; an unknown key is an error.
            ("VESTIBULE_SERVER__LISTEN", None),
            ("VESTIBULE_SERVER__LISTN", None),
            // Variables of other programs.
            ("VESTIBULE_REQUIRE", None),
            ("VESTIBULE_STRESS", None),
            ("VESTIBULE_FAULT_SEEDS", None),
            ("VESTIBULE_FAULT_SEED", None),
            ("VESTIBULE_MIXED_S", None),
            ("VESTIBULE_PORT_8080_TCP_ADDR", None),
            ("VESTIBULE_SERVICE_HOST", None),
            ("VESTIBULE_SERVICE_PORT", None),
            ("VESTIBULE_SERVICE_PORT_HTTP", None),
            ("VESTIBULE", None),
            ("VESTIBULE_", None),
            ("VISIBLE_SERVER_LISTEN", None),
            ("SERVER_LISTEN", None),
            ("PATH", None),
        ] {
            let found = near_misses(&[(name.into(), "1".into())]);
            let expected = meant.map(|meant| format!("{name} is set, but has no effect; did you mean {meant}?"));
            assert_eq!(found, Vec::from_iter(expected), "{name}");
        }
        let kubernetes = ("VESTIBULE_PORT".to_owned(), "tcp://10.0.0.1:8080".to_owned());
        assert!(near_misses(&[kubernetes]).is_empty());
    }
}
