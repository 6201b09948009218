//! One line of text that people typed or pasted: from contacts, mails and spreadsheets, on keyboards of any script. It
//! is cleaned here before any parser reads it, the same way everywhere, so that no parser has to handle remains of the
//! clipboard.
//!
//! There are three kinds of lines. [`line()`] is for exact spellings: addresses and usernames. [`figures`] is for
//! digits: phone numbers and codes. [`name`] is for names of people, which keep their spelling. Tokens from links are
//! only trimmed, by [`token`]. Passwords, ids and keywords are not cleaned.
//!
//! Character properties are those of the Unicode Character Database (UAX #44).

use std::iter::once;
use std::ops::RangeInclusive;
use std::sync::LazyLock;

use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory, GeneralCategoryGroup};
use icu_properties::{CodePointMapData, CodePointSetData};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;

/// The text without invisible ends: blanks of all kinds, and characters without a glyph.
///
/// A joiner after a virama at the very end is kept: some final letters of Malayalam and Sinhala are spelled so, and
/// domains may have it too (RFC 5892 A.2).
pub fn trim(text: &str) -> &str {
    let is_unseen = |c| is_blank(c) || is_invisible(c);
    let begun = text.trim_start_matches(is_unseen);
    let ended = begun.trim_end_matches(is_unseen);
    let is_spelling = begun[ended.len()..].starts_with(JOINER) && ended.ends_with(is_virama);
    if is_spelling { &begun[..ended.len() + JOINER.len_utf8()] } else { ended }
}

/// Whether a parameter is true, in the spellings of Clerk's clients.
#[cfg_attr(
    not(any(feature = "oauth", feature = "server")),
    allow(dead_code, reason = "embedders give truth values as such")
)]
pub fn is_true(text: &str) -> bool {
    matches!(text, "true" | "1")
}

/// Bytes as hexadecimal digits in lower case.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An address or a username: trimmed, each blank a space, each dash a `-`, digits of all scripts in ASCII, as the
/// script of the digits is only a keyboard setting. Invisible characters inside are kept, for the parser to refuse:
/// they are never intended, and without them the text might name another person.
pub fn line(text: &str) -> String {
    trim(text).chars().map(|c| digit(c).or_else(|| plain(c)).unwrap_or(c)).collect()
}

/// A line in the form in which addresses and usernames are compared: NFKC and lower case.
pub fn folded(line: &str) -> String {
    // ASCII is its own NFKC, and most addresses are ASCII.
    if line.is_ascii() {
        return line.to_ascii_lowercase();
    }
    line.nfkc().collect::<String>().to_lowercase().nfkc().collect()
}

/// A token from a link, without what was copied along at its ends: every token of this engine begins and ends with a
/// letter, a digit, `-` or `_` (RFC 4648 5), and text after a link never begins with one of these.
pub fn token(text: &str) -> &str {
    text.trim_matches(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'))
}

/// A number or a code: without invisible characters, digits of all scripts in ASCII, each blank a space, each dash a
/// `-`, and full-width signs in ASCII.
pub fn figures(text: &str) -> String {
    let seen = text.chars().filter(|c| !is_invisible(*c));
    let figures: String = seen.map(|c| digit(c).or_else(|| plain(c)).unwrap_or_else(|| narrow(c))).collect();
    figures.trim().to_owned()
}

/// The name of a person: trimmed, each blank a space, typographic hyphens as the keyboard's `-`. Format characters are
/// removed, except joiners, which are part of the spelling. Everything else is kept as typed. Empty where nothing is
/// visible; `None` where it has characters that no name has: control characters, line breaks, and characters that turn
/// the direction of the surrounding text.
pub fn name(text: &str) -> Option<String> {
    let text = trim(text);
    let is_alien = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') || is_bidi_embedding(c);
    if text.contains(is_alien) {
        return None;
    }
    let seen = text.chars().filter(|c| category(*c) != GeneralCategory::Format || is_joiner(*c));
    Some(
        seen.map(|c| match c {
            '\u{2010}' | '\u{2011}' | '\u{fe63}' | '\u{ff0d}' => '-',
            c if is_blank(c) => ' ',
            c => c,
        })
        .collect(),
    )
}

/// What follows the scheme of a link, such as the number in `tel:+14155552671`, which is what copying a link gives.
pub fn without_scheme<'a>(line: &'a str, scheme: &str) -> Option<&'a str> {
    let (head, rest) = line.split_at_checked(scheme.len())?;
    head.eq_ignore_ascii_case(scheme).then_some(rest)
}

/// Whether it is an at sign in any form; NFKC maps them all to `@`.
pub const fn is_at_sign(c: char) -> bool {
    matches!(c, '@' | '\u{ff20}' | '\u{fe6b}')
}

/// Whether it is blank: White_Space, which includes Zs, the tab and all line breaks, or the empty Braille pattern.
pub fn is_blank(c: char) -> bool {
    c.is_whitespace() || c == '\u{2800}'
}

/// Whether it is invisible by itself: a format character (Cf) or another one of Default_Ignorable_Code_Point, such as
/// direction marks, joiners, variation selectors and fillers.
pub fn is_invisible(c: char) -> bool {
    CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c) || category(c) == GeneralCategory::Format
}

/// Whether it is ZWNJ or ZWJ, which are part of the spelling in some scripts.
pub const fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | JOINER)
}

/// Whether it is a letter of any script (L).
pub fn is_letter(c: char) -> bool {
    GeneralCategoryGroup::Letter.contains(category(c))
}

/// Whether it is a combining mark (M).
pub fn is_mark(c: char) -> bool {
    GeneralCategoryGroup::Mark.contains(category(c))
}

/// Whether it is a number of any script (N).
pub fn is_number(c: char) -> bool {
    GeneralCategoryGroup::Number.contains(category(c))
}

/// Whether it is punctuation (P) or a symbol (S).
pub fn is_sign(c: char) -> bool {
    GeneralCategoryGroup::Punctuation.contains(category(c)) || GeneralCategoryGroup::Symbol.contains(category(c))
}

/// Whether it breaks a line (UAX #14, classes BK, CR, LF and NL).
pub const fn is_line_break(c: char) -> bool {
    matches!(c, '\n' | '\u{b}' | '\u{c}' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Whether it is a format character (Cf).
pub fn is_format(c: char) -> bool {
    category(c) == GeneralCategory::Format
}

/// The ASCII digit for a decimal digit of any script (Nd).
pub fn digit(c: char) -> Option<char> {
    if c.is_ascii() {
        return c.is_ascii_digit().then_some(c);
    }
    let found = DECIMALS.partition_point(|range| *range.end() < u32::from(c));
    let range = DECIMALS.get(found).filter(|range| range.contains(&u32::from(c)))?;
    char::from_digit((u32::from(c) - range.start()) % 10, 10)
}

/// A space for a blank, and `-` for a dash: all of Pd, and the minus sign.
fn plain(c: char) -> Option<char> {
    match c {
        c if c.is_ascii_graphic() => None,
        c if is_blank(c) => Some(' '),
        '\u{2212}' => Some('-'),
        c if category(c) == GeneralCategory::DashPunctuation => Some('-'),
        _ => None,
    }
}

/// The ASCII sign for a full-width or small one, and `-` for the long-vowel mark, which Japanese keyboards have beside
/// the digits.
fn narrow(c: char) -> char {
    match c {
        '\u{30fc}' | '\u{ff70}' => '-',
        // One ASCII sign each: ranges of compatibility forms.
        '\u{fe50}'..='\u{fe6b}' | '\u{ff01}'..='\u{ff5e}' => once(c).nfkc().next().unwrap_or(c),
        _ => c,
    }
}

/// Embeddings, overrides and isolates (UAX #9, 2.1 to 2.4): they affect the text around them.
const fn is_bidi_embedding(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn is_virama(c: char) -> bool {
    canonical_combining_class(c) == VIRAMA
}

fn category(c: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(c)
}

/// The ranges of decimal digits. Unicode guarantees that those of one script are consecutive, from zero to nine.
static DECIMALS: LazyLock<Vec<RangeInclusive<u32>>> = LazyLock::new(|| {
    CodePointMapData::<GeneralCategory>::new().iter_ranges_for_value(GeneralCategory::DecimalNumber).collect()
});

const JOINER: char = '\u{200d}';
/// The canonical combining class of viramas (UAX #44, table 15).
const VIRAMA: u8 = 9;

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> impl Iterator<Item = char> {
        '\0'..=char::MAX
    }

    /// Characters that are changed, and some that are not.
    fn treated() -> impl Iterator<Item = char> {
        let is_treated = |c: &char| digit(*c).is_some() || plain(*c).is_some() || is_invisible(*c) || is_virama(*c);
        all().filter(move |c| is_treated(c) || narrow(*c) != *c || u32::from(*c) % 499 == 0)
    }

    fn around(c: char, text: &str) -> String {
        format!("{c}{c}{text}{c}{c}")
    }

    #[test]
    fn ascii_is_folded_as_all_other_text() {
        let ascii: String = (0..128_u8).map(char::from).collect();
        let (alone, beside) = (folded(&ascii), folded(&format!("{ascii}\u{e9}")));
        assert_eq!(beside.strip_suffix('\u{e9}'), Some(alone.as_str()));
    }

    #[test]
    fn what_can_not_be_seen_goes_from_the_ends_of_everything() {
        for c in all().filter(|c| is_blank(*c) || is_invisible(*c)) {
            let code = u32::from(c);
            assert_eq!(trim(&around(c, "Ada")), "Ada", "{code:04x}");
            assert_eq!(line(&around(c, "ada@example.com")), "ada@example.com", "{code:04x}");
            assert_eq!(figures(&around(c, "123 456")), "123 456", "{code:04x}");
            assert_eq!(name(&around(c, "Ada")).as_deref(), Some("Ada"), "{code:04x}");
            assert_eq!(name(&c.to_string()).as_deref(), Some(""), "{code:04x}");
        }
    }

    #[test]
    fn marks_inside_go_from_figures_and_stay_in_lines() {
        for c in all().filter(|c| is_invisible(*c)) {
            let inside = format!("12{c}3");
            assert_eq!((figures(&inside), line(&inside)), ("123".to_owned(), inside), "{:04x}", u32::from(c));
        }
    }

    #[test]
    fn blanks_are_spaces_and_dashes_are_hyphens() {
        for c in treated() {
            let (inside, code) = (format!("1{c}2"), u32::from(c));
            if is_blank(c) {
                assert_eq!((line(&inside), figures(&inside)), ("1 2".into(), "1 2".into()), "{code:04x}");
            } else if category(c) == GeneralCategory::DashPunctuation || c == '\u{2212}' {
                assert_eq!((line(&inside), figures(&inside)), ("1-2".into(), "1-2".into()), "{code:04x}");
            }
        }
        assert_eq!(figures("１２３ー４５６ｰ７（８）＋９．"), "123-456-7(8)+9.");
    }

    #[test]
    fn decimal_digits_of_every_script_count() {
        let mut scripts = 0;
        for c in all().filter(|c| category(*c) == GeneralCategory::DecimalNumber) {
            let value = digit(c).and_then(|d| d.to_digit(10)).expect("a digit");
            if value == 0 {
                scripts += 1;
                let ten = (0..10).filter_map(|n| char::from_u32(u32::from(c) + n));
                assert_eq!(figures(&ten.collect::<String>()), "0123456789", "{:04x}", u32::from(c));
            }
        }
        assert!(scripts > 60, "{scripts}");
        for (text, digits) in
            [("١٢٣٤٥٦", "123456"), ("۱۲۳۴۵۶", "123456"), ("१२३४५६", "123456"), ("๑๒๓๔๕๖", "123456"), ("𝟏𝟐𝟑", "123")]
        {
            assert_eq!(figures(text), digits);
        }
        for no_decimal in ['²', '①', '一', 'Ⅳ', 'x', '½'] {
            assert_eq!(digit(no_decimal), None, "{no_decimal}");
        }
    }

    #[test]
    fn cleaning_twice_changes_nothing() {
        for c in treated() {
            for text in [format!("{c}"), format!("{c}a{c}b{c}"), format!("1{c}{c}2"), format!("\u{d4d}{c}")] {
                let (line_once, figures_once) = (line(&text), figures(&text));
                assert_eq!(line(&line_once), line_once, "{text:?}");
                assert_eq!(figures(&figures_once), figures_once, "{text:?}");
                if let Some(once) = name(&text) {
                    assert_eq!(name(&once).as_ref(), Some(&once), "{text:?}");
                }
            }
        }
    }

    #[test]
    fn addresses_and_usernames_have_ascii_digits_and_names_keep_theirs() {
        for c in all().filter(|c| category(*c) == GeneralCategory::DecimalNumber) {
            let ascii = digit(c).expect("a digit");
            assert_eq!(line(&format!("a{c}b")), format!("a{ascii}b"), "{:04x}", u32::from(c));
            assert_eq!(name(&format!("a{c}b")), Some(format!("a{c}b")), "{:04x}", u32::from(c));
        }
    }

    #[test]
    fn small_and_full_width_signs_count_as_ascii_ones() {
        assert_eq!(figures("﹢1﹙2﹚3＃4：5"), "+1(2)3#4:5");
    }

    #[test]
    fn a_token_is_read_without_what_was_copied_along() {
        for text in [
            "a-1.b_",
            "a-1.b_.",
            "<a-1.b_>",
            "(a-1.b_)",
            "\u{200b}a-1.b_\u{200b}",
            "“a-1.b_”,",
            " a-1.b_\r\n",
            "*a-1.b_*",
        ] {
            assert_eq!(token(text), "a-1.b_", "{text:?}");
        }
        for none in ["", ".", "\u{200b}>", "é"] {
            assert_eq!(token(none), "", "{none:?}");
        }
    }

    #[test]
    fn names_of_every_script_keep_their_spelling() {
        for spelled in [
            "Ada King-Noel",
            "Nguyễn Thị Minh Khai",
            "O’Brien",
            "علی‌رضا",        // ZWNJ between two parts of one name
            "ක්‍රිෂාන්ති",         // ZWJ forms a cluster
            "സുരേഷ് കുമാര്‍",      // ZWJ ends an old spelling of a final letter
            "בן־גוריון",     // a hyphen of the Hebrew script
            "葛\u{e0100}城", // a variant of an ideograph
            "李 小龍",
            "ဒေါ်အောင်ဆန်းစုကြည်",
        ] {
            assert_eq!(name(spelled).as_deref(), Some(spelled));
        }
        for (typed, read) in [
            ("\u{feff}Ada\u{a0}King\r\n", "Ada King"),
            ("山田　太郎", "山田 太郎"),
            ("Jean\u{2011}Luc", "Jean-Luc"),
            ("A\u{ad}da\u{200b} Ki\u{200e}ng\u{2060}", "Ada King"),
            ("\u{2067}עדה\u{2069}", "עדה"),
        ] {
            assert_eq!(name(typed).as_deref(), Some(read), "{typed:?}");
        }
    }

    #[test]
    fn what_no_name_has_is_refused_inside() {
        for c in ['\0', '\t', '\n', '\r', '\u{1b}', '\u{7f}', '\u{85}', '\u{2028}', '\u{2029}', '\u{202e}', '\u{2066}']
        {
            assert_eq!(name(&format!("A{c}da")), None, "{c:?}");
        }
    }

    #[test]
    fn a_scheme_is_what_it_is_in_any_case() {
        assert_eq!(without_scheme("tel:+1", "tel:"), Some("+1"));
        assert_eq!(without_scheme("MailTo:a@b", "mailto:"), Some("a@b"));
        for other in ["tel", "sms:+1", "télé:1", "", "te\u{e9}:"] {
            assert_eq!(without_scheme(other, "tel:"), None, "{other}");
        }
    }
}
