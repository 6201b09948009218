//! Which passwords are accepted (DESIGN 8, SECURITY 2.2). Hashing is the engine's.

use unicode_normalization::UnicodeNormalization;

use super::rejection::{Code, Reason};
use super::secret::Secret;
use super::settings::PasswordSettings;

/// Checks a password against the rules and returns it in the form that is hashed: NFKC, never cut.
/// `context` holds words the person is known by, such as the address; the password must not be one of them.
///
/// # Errors
/// Every rule that it breaks.
pub fn check(password: &str, rules: &PasswordSettings, context: &[&str]) -> Result<Secret<String>, Vec<Reason>> {
    let Some(normalised) = normalise(password) else {
        return Err(vec![Code::FormPasswordSizeInBytesExceeded.on(PARAM)]);
    };
    let length = normalised.chars().count();
    let mut reasons = Vec::new();
    let mut refuse = |broken: bool, reason: Reason| {
        if broken {
            reasons.push(reason);
        }
    };
    let max_length = if rules.max_length == 0 { LENGTH_MAX_DEFAULT } else { rules.max_length };
    refuse(length < rules.min_length as usize, Code::FormPasswordLengthTooShort.on(PARAM).with(rules.min_length));
    refuse(length > max_length as usize, Code::FormPasswordLengthTooLong.on(PARAM).with(max_length));
    let has = |test: fn(char) -> bool| normalised.chars().any(test);
    refuse(rules.require_lowercase && !has(char::is_lowercase), Code::FormPasswordNoLowercase.on(PARAM));
    refuse(rules.require_uppercase && !has(char::is_uppercase), Code::FormPasswordNoUppercase.on(PARAM));
    refuse(rules.require_numbers && !has(char::is_numeric), Code::FormPasswordNoNumber.on(PARAM));
    let special = normalised.chars().any(|c| rules.allowed_special_characters.contains(c));
    refuse(rules.require_special_char && !special, Code::FormPasswordNoSpecialChar.on(PARAM));
    refuse(
        length >= rules.min_length as usize && is_guessable(&normalised, context),
        Code::FormPasswordPwned.on(PARAM),
    );
    if reasons.is_empty() { Ok(Secret::new(normalised)) } else { Err(reasons) }
}

/// A password in the form that is hashed and compared; `None` for one that is too long to have been accepted.
pub fn normalise(password: &str) -> Option<String> {
    let normalised: String = password.chars().take(BYTES_MAX + 1).nfkc().collect();
    (password.len() <= 4 * BYTES_MAX && normalised.len() <= BYTES_MAX).then_some(normalised)
}

/// Whether an attacker who knows the lists of leaked passwords and the person's own words would soon try it.
fn is_guessable(password: &str, context: &[&str]) -> bool {
    let words: Vec<&str> = context.iter().copied().chain(["vestibule"]).collect();
    zxcvbn::zxcvbn(password, &words).guesses() < GUESSES_MIN
}

const PARAM: &str = "password";
/// Above this many bytes nothing is hashed, whatever the settings say.
const BYTES_MAX: usize = 1024;
/// What a `max_length` of 0 means to clerk-js (CONTRACT 3).
const LENGTH_MAX_DEFAULT: u32 = 72;
/// A password that falls within this many guesses counts as known; about the length of the common lists.
const GUESSES_MIN: u64 = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(password: &str, rules: &PasswordSettings) -> Vec<Code> {
        match check(password, rules, &["ada@example.com", "ada"]) {
            Ok(_) => Vec::new(),
            Err(reasons) => reasons.into_iter().map(|r| r.code).collect(),
        }
    }

    #[test]
    fn length_counts_code_points_after_nfkc() {
        let rules = PasswordSettings::default();
        assert_eq!(codes("e\u{301}e\u{301}e\u{301}e\u{301}abcd", &rules), []);
        assert_eq!(codes("e\u{301}e\u{301}e\u{301}e\u{301}abc", &rules), [Code::FormPasswordLengthTooShort]);
        let of_length = |length| (0..length).filter_map(|n| char::from_u32(0x3b1 + n * 7 % 25)).collect::<String>();
        assert_eq!(codes(&of_length(72), &rules), []);
        assert_eq!(codes(&of_length(73), &rules), [Code::FormPasswordLengthTooLong]);
        assert_eq!(codes(&"äb".repeat(4000), &rules), [Code::FormPasswordSizeInBytesExceeded]);
    }

    #[test]
    fn every_broken_rule_is_named() {
        let rules = PasswordSettings {
            require_lowercase: true,
            require_uppercase: true,
            require_numbers: true,
            require_special_char: true,
            ..PasswordSettings::default()
        };
        assert_eq!(codes("ÜÄÖ", &rules).len(), 4);
        assert_eq!(codes("Correct horse 7!", &rules), []);
    }

    #[test]
    fn common_passwords_and_own_words_are_refused() {
        let rules = PasswordSettings::default();
        for guessable in ["password1", "PASSWORD", "ada@example.com", "aaaaaaaaaaaa", "vestibule"] {
            assert_eq!(codes(guessable, &rules), [Code::FormPasswordPwned], "{guessable}");
        }
        assert_eq!(codes("wanders under elms", &rules), []);
    }
}
