//! All keys as `config/default.toml` documents them, including those that are commented out.

/// Each key outside `[settings]`, and `settings.file`, such as `server.listen`, in the order of the file.
pub(super) fn keys() -> Vec<String> {
    entries().into_iter().map(|(key, _)| key).collect()
}

/// The value in the file, as TOML: the default, or an example if there is none.
pub(super) fn example(key: &str) -> Option<&'static str> {
    entries().into_iter().find(|(documented, _)| documented == key).map(|(_, value)| value)
}

fn entries() -> Vec<(String, &'static str)> {
    let mut section = "";
    let mut entries = Vec::new();
    for line in super::DEFAULT.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name;
        } else if let Some((key, value)) = line.strip_prefix("# ").unwrap_or(line).split_once(" = ")
            && !section.is_empty()
            && is_name(key)
        {
            entries.push((format!("{section}.{key}"), value));
        }
    }
    entries
}

/// Name of the environment variable for a key.
pub(super) fn variable(key: &str) -> String {
    format!("VESTIBULE_{}", key.replace('.', "__").to_uppercase())
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_with_and_without_a_value_are_found_and_prose_is_not() {
        let keys = keys();
        for key in ["instance.mode", "instance.secret_key", "server.public_url", "email.host", "settings.file"] {
            assert_eq!(keys.iter().filter(|k| *k == key).count(), 1, "{key}");
        }
        assert!(keys.iter().all(|key| !key.starts_with("settings.") || key == "settings.file"), "{keys:?}");
        assert_eq!(variable("server.public_url"), "VESTIBULE_SERVER__PUBLIC_URL");
    }
}
