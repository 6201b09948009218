//! The locale that a browser or an operating system reports.

use crate::domain::text;

/// The part of a reported locale that is stored: the language tag at its beginning (RFC 5646 2.1), without further tags
/// (`en-US,en`), encoding or modifier (POSIX, `en_US.UTF-8@euro`). `None` where it begins with no language, such as `C`
/// or `*`. Its subtags are separated by hyphens, as in RFC 5646, and otherwise spelled as received.
pub fn locale(text: &str) -> Option<String> {
    let text = text::line(text);
    let text = text.trim_start_matches(|c| " \"'`“”„«»‘’".contains(c) || text::is_invisible(c));
    let is_subtag = |subtag: &str| (1..=8).contains(&subtag.len()) && subtag.bytes().all(|b| b.is_ascii_alphanumeric());
    let is_separator = |c: char| c == '-' || c == '_';
    let tag_end = text.find(|c: char| !c.is_ascii_alphanumeric() && !is_separator(c)).unwrap_or(text.len());
    let (mut end, mut at) = (0, 0);
    for subtag in text[..tag_end].split(is_separator) {
        let is_language = || (2..=3).contains(&subtag.len()) && subtag.bytes().all(|b| b.is_ascii_alphabetic());
        if !is_subtag(subtag) || (at == 0 && !is_language()) || at + subtag.len() > LOCALE_MAX {
            break;
        }
        // A single letter introduces the subtags after it, so at the end it means nothing (RFC 5646 2.2.6).
        if subtag.len() > 1 {
            end = at + subtag.len();
        }
        at += subtag.len() + 1;
    }
    (end > 0).then(|| text[..end].replace('_', "-"))
}

/// The longest language tag that software for BCP 47 must accept (RFC 5646 4.4.1).
const LOCALE_MAX: usize = 35;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_locale_the_language_tag_is_kept_and_the_rest_dropped() {
        let long = format!("en-{}", "abcdefgh-".repeat(9));
        for (text, kept) in [
            ("en", Some("en")),
            ("en-US", Some("en-US")),
            ("zh-Hant-TW", Some("zh-Hant-TW")),
            ("sr_Latn_RS", Some("sr-Latn-RS")),
            ("zh_Hant_TW", Some("zh-Hant-TW")),
            ("de_DE@euro", Some("de-DE")),
            ("en_US.UTF-8", Some("en-US")),
            ("pt_BR", Some("pt-BR")),
            ("en-US_POSIX", Some("en-US-POSIX")),
            ("en\u{2011}US", Some("en-US")),
            ("en\u{2010}US", Some("en-US")),
            ("\u{feff}en-US", Some("en-US")),
            ("\"en-US\"", Some("en-US")),
            ("\u{feff}\"en-US\"", Some("en-US")),
            ("'de_AT'", Some("de-AT")),
            ("“fr-FR”", Some("fr-FR")),
            ("\"\"", None),
            ("es-419", Some("es-419")),
            ("yue", Some("yue")),
            ("de-DE-u-co-phonebk", Some("de-DE-u-co-phonebk")),
            ("en-US@posix", Some("en-US")),
            ("en-US.UTF-8", Some("en-US")),
            ("en_US.UTF-8@euro", Some("en-US")),
            ("en-US,en", Some("en-US")),
            ("en-US, en;q=0.9", Some("en-US")),
            ("de;q=0.8", Some("de")),
            (" fr-FR\r\n", Some("fr-FR")),
            ("en-US-", Some("en-US")),
            ("en--US", Some("en")),
            ("de-DE-u", Some("de-DE")),
            ("de-u-", Some("de")),
            ("en-waytoolongsubtag", Some("en")),
            ("pt-BR\u{202c}", Some("pt-BR")),
            (&long, Some("en-abcdefgh-abcdefgh-abcdefgh")),
            ("C", None),
            ("C.UTF-8", None),
            ("POSIX", None),
            ("*", None),
            ("undefined", None),
            ("null", None),
            ("x-klingon", None),
            ("12-34", None),
            ("\u{65e5}\u{672c}\u{8a9e}", None),
            ("-en", None),
            ("", None),
        ] {
            assert_eq!(locale(text).as_deref(), kept, "{text}");
        }
    }
}
