//! Which of the available languages a person gets.

/// The available tag for a wanted one, by the look-up of RFC 4647 3.4: the tag itself, then without its last parts. Where
/// nothing matches, a tag of the same language in another region serves: `pt` and `pt-PT` find `pt-BR`. Case does not
/// matter, and `_` counts as `-`.
pub(super) fn lookup<'a>(wanted: &str, available: &[&'a str]) -> Option<&'a str> {
    let wanted = wanted.replace('_', "-");
    let mut range = wanted.as_str();
    loop {
        if let Some(found) = available.iter().find(|tag| tag.eq_ignore_ascii_case(range)) {
            return Some(found);
        }
        let Some((shorter, _)) = range.rsplit_once('-') else { break };
        // A single letter begins an extension, which means nothing alone.
        range = match shorter.rsplit_once('-') {
            Some((before, letter)) if letter.len() == 1 => before,
            _ => shorter,
        };
    }
    let language = |tag: &str| tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
    available.iter().find(|tag| !range.is_empty() && language(tag) == language(range)).copied()
}

/// Whether a text has the form of a language tag: parts of 1 to 8 letters and digits, the first of letters (RFC 5646 2.1).
pub(super) fn is_tag(text: &str) -> bool {
    let is_part = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
    let language = text.split('-').next().unwrap_or_default();
    text.split('-').all(is_part) && language.len() >= 2 && language.bytes().all(|b| b.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_language_is_found() {
        let available = ["ar", "de", "en", "ja", "pt-BR", "zh-Hant"];
        for (wanted, found) in [
            ("de", Some("de")),
            ("de-AT", Some("de")),
            ("DE_at", Some("de")),
            ("de-Latn-DE-1996", Some("de")),
            ("pt-BR", Some("pt-BR")),
            ("pt", Some("pt-BR")),
            ("pt-PT", Some("pt-BR")),
            ("zh-Hant-TW", Some("zh-Hant")),
            ("en-a-bbb-x-a", Some("en")),
            ("nl", None),
            ("", None),
            ("-", None),
            ("d", None),
        ] {
            assert_eq!(lookup(wanted, &available), found, "{wanted}");
        }
    }

    #[test]
    fn tags_have_a_language_and_short_parts() {
        for tag in ["en", "pt-BR", "zh-Hant-TW", "de-1996"] {
            assert!(is_tag(tag), "{tag}");
        }
        for text in ["", "e", "englishlanguage", "en-englishlanguage", "1a", "en-", "en_GB", "../en"] {
            assert!(!is_tag(text), "{text}");
        }
    }
}
