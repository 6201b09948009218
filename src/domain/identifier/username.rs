//! Usernames.

use serde::{Deserialize, Serialize};

use crate::domain::rejection::{ErrorCode, Reason};
use crate::domain::text;

/// A username: cleaned, NFKC, lower case, ASCII digits.
#[derive(Clone, PartialEq, Eq)]
pub struct Username(String);

/// The rules for usernames.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UsernameSettings {
    /// The fewest characters.
    pub min_length: u32,
    /// The most characters.
    pub max_length: u32,
    /// Whether ``^$!.`#+~`` may be used beside letters, digits, `_` and `-`.
    pub allow_extended_special_characters: bool,
    /// Whether a username may be of digits only.
    pub allow_numeric_usernames: bool,
}

impl Default for UsernameSettings {
    fn default() -> Self {
        Self { min_length: 4, max_length: 64, allow_extended_special_characters: false, allow_numeric_usernames: false }
    }
}

impl Username {
    /// Reads a username by the instance's rules.
    ///
    /// # Errors
    /// `form_username_invalid_length`, `form_username_invalid_character`, `form_username_needs_non_number_char`.
    pub fn parse(text: &str, rules: &UsernameSettings) -> Result<Self, Reason> {
        let text = text::trim(text);
        // Counted in bytes, before any work on it: no character has more than four.
        if text.len() > 4 * rules.max_length as usize {
            return Err(ErrorCode::FormUsernameInvalidLength.on("username"));
        }
        let Self(value) = Self::meant(text);
        let length = value.chars().count();
        if length < rules.min_length as usize || length > rules.max_length as usize {
            return Err(ErrorCode::FormUsernameInvalidLength.on("username"));
        }
        let extended = |c: char| rules.allow_extended_special_characters && EXTENDED_USERNAME.contains(c);
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-' || extended(c);
        if !value.chars().all(fits) {
            return Err(ErrorCode::FormUsernameInvalidCharacter.on("username"));
        }
        if !rules.allow_numeric_usernames && value.bytes().all(|b| b.is_ascii_digit()) {
            return Err(ErrorCode::FormUsernameNeedsNonNumberChar.on("username"));
        }
        Ok(Self(value))
    }

    /// Normalises a username without checking today's rules: an existing name may have been accepted under other rules.
    pub fn meant(text: &str) -> Self {
        Self(text::folded(&text::line(text)))
    }

    /// Restores a username that is already normalised, as records store it.
    pub const fn restore(value: String) -> Self {
        Self(value)
    }

    /// The normalised username.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

const EXTENDED_USERNAME: &str = "^$!.`#+~";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usernames_that_are_too_long_are_refused_whatever_their_letters() {
        for letter in ["a", "ü", "文", "\u{fdfa}", "\u{ad}", "."] {
            for length in [255, 1_000, 60_000] {
                let long = letter.repeat(length);
                assert!(Username::parse(&long, &UsernameSettings::default()).is_err(), "{letter}");
            }
        }
    }

    #[test]
    fn reading_a_username_twice_changes_nothing() {
        let rules = UsernameSettings { allow_extended_special_characters: true, ..UsernameSettings::default() };
        for spelling in ["Ｒｅｚａ۱۹", "ﬁfi-ǅ", "ada^$!.`#+~", "İada", "\u{212a}ate", "bb²①"] {
            let once = Username::meant(spelling);
            assert!(Username::meant(once.as_str()) == once, "{spelling}");
            if let Ok(read) = Username::parse(spelling, &rules) {
                assert!(read == once, "{spelling}");
            }
        }
    }

    #[test]
    fn usernames_follow_the_rules() {
        let rules = UsernameSettings::default();
        for spelling in ["Ada-L", " ADA-L\r\n", "\u{feff}ada-l\u{200b}", "\u{2066}ada\u{2011}l\u{2069}", "ada–l\u{a0}"]
        {
            assert_eq!(Username::parse(spelling, &rules).expect(spelling).as_str(), "ada-l");
        }
        for (spelling, username) in [
            ("reza۱۹۸۵", "reza1985"),
            ("reza１９８５", "reza1985"),
            ("REZA١٩٨٥", "reza1985"),
            ("रeza", ""),
            ("ｒｅｚａ１９８５", "reza1985"),
            ("Ｒｅｚａ＿１", "reza_1"),
            ("bb۱۹", "bb19"),
            ("bb๑৯", "bb19"),
            ("𝐛𝐛𝟏𝟗", "bb19"),
        ] {
            let read = Username::parse(spelling, &rules).map(|name| name.as_str().to_owned());
            assert_eq!(read.unwrap_or_default(), username, "{spelling}");
        }
        let code = |text: &str| Username::parse(text, &rules).expect_err("no username").code;
        assert_eq!(code("ada"), ErrorCode::FormUsernameInvalidLength);
        assert_eq!(code("ada.l"), ErrorCode::FormUsernameInvalidCharacter);
        assert_eq!(code("ada\u{200b}l"), ErrorCode::FormUsernameInvalidCharacter);
        assert_eq!(code("ada l"), ErrorCode::FormUsernameInvalidCharacter);
        assert_eq!(code("\u{2060}\u{3164}"), ErrorCode::FormUsernameInvalidLength);
        assert_eq!(code("12345"), ErrorCode::FormUsernameNeedsNonNumberChar);
        assert_eq!(code("۱۲۳۴۵"), ErrorCode::FormUsernameNeedsNonNumberChar);
    }
}
