//! The names of the tables.

/// The tables of one deployment, by what their names begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) entries: String,
    pub(super) meta: String,
    pub(super) users: String,
}

impl Names {
    /// The tables whose names begin so; `None` where that can't be the beginning of a name. Only lower case is taken, so that
    /// no name needs quotes, and so that none is mistaken for another.
    pub(super) fn of(prefix: &str) -> Option<Self> {
        let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let begins = prefix.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase() || byte == b'_');
        let is_name = begins && prefix.len() <= PREFIX_MAX && prefix.bytes().all(is_word);
        is_name.then(|| Self {
            entries: format!("{prefix}_kv"),
            meta: format!("{prefix}_meta"),
            users: format!("{prefix}_user"),
        })
    }
}

/// PostgreSQL cuts names at 63 bytes.
const PREFIX_MAX: usize = 48;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_a_lower_case_word() {
        let names = Names::of("vestibule").expect("a word");
        assert_eq!((names.entries.as_str(), names.meta.as_str()), ("vestibule_kv", "vestibule_meta"));
        for wrong in ["", "1st", "Vestibule", "a b", "a;drop table x", "a\"", "ä", &"a".repeat(49)] {
            assert_eq!(Names::of(wrong), None, "{wrong}");
        }
    }
}
