//! Which passwords are accepted ([guide: Passwords](crate::guide::security#passwords), NIST SP 800-63B 3.1.1.2).
//! Hashing is the engine's task.
//!
//! Begin reading at [`check`] for the quick checks, and at [`Candidate::weakness`] for the rest.

mod common;
mod disguise;
mod own_words;

use unicode_normalization::UnicodeNormalization;

use super::rejection::{ErrorCode, Reason};
use super::secret::Secret;
use super::settings::PasswordSettings;
use super::text;

#[cfg(feature = "zxcvbn")]
use disguise::repeated;
use own_words::OwnWords;

/// A password that passes all quick checks. Whether it is easy to guess is still to be checked, which takes about as
/// long as hashing it.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The form that is hashed: NFKC, never truncated.
    pub normalised: Secret<String>,
    own_words: OwnWords,
    /// The minimum number of guesses that it must withstand, beyond the lists of known passwords.
    #[cfg(feature = "zxcvbn")]
    guesses_min: u64,
}

/// Checks a password against the rules that are cheap to check, its length first.
///
/// # Errors
/// Every rule that it breaks.
pub fn check(password: &str, rules: &PasswordSettings) -> Result<Candidate, Vec<Reason>> {
    let Some(normalised) = normalise(password) else {
        return Err(vec![ErrorCode::FormPasswordSizeInBytesExceeded.on(PARAM)]);
    };
    let length = normalised.chars().count();
    let mut reasons = Vec::new();
    let mut refuse = |broken: bool, reason: Reason| {
        if broken {
            reasons.push(reason);
        }
    };
    let max_length = if rules.max_length == 0 { LENGTH_MAX_DEFAULT } else { rules.max_length };
    refuse(length < rules.min_length as usize, ErrorCode::FormPasswordLengthTooShort.on(PARAM).with(rules.min_length));
    refuse(length > max_length as usize, ErrorCode::FormPasswordLengthTooLong.on(PARAM).with(max_length));
    let has = |test: fn(char) -> bool| normalised.chars().any(test);
    refuse(rules.require_lowercase && !has(char::is_lowercase), ErrorCode::FormPasswordNoLowercase.on(PARAM));
    refuse(rules.require_uppercase && !has(char::is_uppercase), ErrorCode::FormPasswordNoUppercase.on(PARAM));
    refuse(rules.require_numbers && !has(char::is_numeric), ErrorCode::FormPasswordNoNumber.on(PARAM));
    let special = normalised.chars().any(|c| rules.allowed_special_characters.contains(c));
    refuse(rules.require_special_char && !special, ErrorCode::FormPasswordNoSpecialChar.on(PARAM));
    if !reasons.is_empty() {
        return Err(reasons);
    }
    Ok(Candidate {
        normalised: Secret::new(normalised),
        own_words: OwnWords::default(),
        #[cfg(feature = "zxcvbn")]
        guesses_min: guesses_of(rules.min_zxcvbn_strength),
    })
}

/// A password in the form that is hashed and compared; `None` for one that is too long to have been accepted.
pub fn normalise(password: &str) -> Option<String> {
    if password.len() > 4 * BYTES_MAX {
        return None;
    }
    let normalised: String = password.chars().take(BYTES_MAX + 1).nfkc().collect();
    (normalised.len() <= BYTES_MAX).then_some(normalised)
}

impl Candidate {
    /// The same password, which must not consist of `words` either: the person's own identifiers and names, and the
    /// name of the application.
    #[must_use]
    pub fn apart_from<'a>(mut self, words: impl IntoIterator<Item = &'a str>) -> Self {
        words.into_iter().for_each(|word| self.own_words.add(word));
        self
    }

    /// Why it is not good enough: `form_password_pwned` where an attacker with the lists of leaked passwords and the
    /// person's own words would soon try it, `form_password_not_strong_enough` where it is weaker than the settings
    /// require. Slow: call it on a thread that may block.
    pub fn weakness(&self) -> Option<ErrorCode> {
        let lower = self.letters().flat_map(char::to_lowercase);
        let lower: Vec<char> = lower.take(EXAMINED_MAX + 1).collect();
        // A password longer than the examined part is on no list.
        if lower.len() <= EXAMINED_MAX && (common::is_common(&lower) || self.own_words.make_up(&lower)) {
            return Some(ErrorCode::FormPasswordPwned);
        }
        self.estimated_weakness()
    }

    /// The same, judged by zxcvbn.
    #[cfg(feature = "zxcvbn")]
    fn estimated_weakness(&self) -> Option<ErrorCode> {
        let words: Vec<&str> = self.own_words.written().collect();
        match self.guesses(|part| zxcvbn::zxcvbn(part, &words).guesses()) {
            guesses if guesses < GUESSES_MIN => Some(ErrorCode::FormPasswordPwned),
            guesses if guesses < self.guesses_min => Some(ErrorCode::FormPasswordNotStrongEnough),
            _ => None,
        }
    }

    /// Without the feature `zxcvbn` the number of guesses is not estimated: what is on no list is accepted.
    #[cfg(not(feature = "zxcvbn"))]
    const fn estimated_weakness(&self) -> Option<ErrorCode> {
        None
    }

    /// Its letters, with all digits in ASCII: a keyboard's script of digits makes a password no harder to guess.
    fn letters(&self) -> impl Iterator<Item = char> {
        self.normalised.expose().chars().map(|c| text::digit(c).unwrap_or(c))
    }

    /// The estimated number of guesses, as far as it matters. The estimator's cost grows much faster than the length of
    /// its input, and faster still with stand-ins for letters; so it gets few and short parts. A password is at least
    /// as hard to guess as each of its parts, and repetition makes it hardly harder.
    #[cfg(feature = "zxcvbn")]
    fn guesses(&self, estimate: impl Fn(&str) -> u64) -> u64 {
        let examined: Vec<char> = self.letters().take(EXAMINED_MAX).collect();
        let examined = repeated(&examined);
        let last = examined.len().saturating_sub(PART);
        let mut most = 0;
        for start in (0..last).step_by(PART).chain([last]) {
            let part: String = examined[start..].iter().take(PART).collect();
            most = most.max(estimate(&part));
            if most >= self.guesses_min.max(GUESSES_MIN) {
                break;
            }
        }
        most
    }
}

/// The smallest number of guesses for which zxcvbn gives this strength, 0 to 4.
#[cfg(feature = "zxcvbn")]
const fn guesses_of(strength: u8) -> u64 {
    match strength {
        0 => 0,
        1 => 1_005,
        2 => 1_000_005,
        3 => 100_000_005,
        _ => 10_000_000_005,
    }
}

const PARAM: &str = "password";
/// Passwords longer than this, in bytes, are never hashed, whatever the settings say.
const BYTES_MAX: usize = 1024;
/// The meaning of a `max_length` of 0 in clerk-js
/// ([guide: Password settings](crate::guide::contract#password-settings)).
const LENGTH_MAX_DEFAULT: u32 = 72;
/// How much of a password is examined, in code points.
const EXAMINED_MAX: usize = 72;
/// Length of the parts that the estimator gets, in code points.
#[cfg(feature = "zxcvbn")]
const PART: usize = 24;
/// A password that falls within this many guesses counts as known; about the length of the common lists.
#[cfg(feature = "zxcvbn")]
const GUESSES_MIN: u64 = 10_000;

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn codes(password: &str, rules: &PasswordSettings) -> Vec<ErrorCode> {
        match check(password, rules) {
            Ok(candidate) => candidate.apart_from(["ada@example.com", "Fernwood"]).weakness().into_iter().collect(),
            Err(reasons) => reasons.into_iter().map(|r| r.code).collect(),
        }
    }

    #[test]
    fn length_counts_code_points_after_nfkc() {
        let rules = PasswordSettings::default();
        assert_eq!(codes("e\u{301}e\u{301}e\u{301}e\u{301}abcd", &rules), []);
        assert_eq!(codes("e\u{301}e\u{301}e\u{301}e\u{301}abc", &rules), [ErrorCode::FormPasswordLengthTooShort]);
        let of_length = |length| (0..length).filter_map(|n| char::from_u32(0x3b1 + n * 7 % 25)).collect::<String>();
        assert_eq!(codes(&of_length(72), &rules), []);
        assert_eq!(codes(&of_length(73), &rules), [ErrorCode::FormPasswordLengthTooLong]);
        assert_eq!(codes(&"äb".repeat(4000), &rules), [ErrorCode::FormPasswordSizeInBytesExceeded]);
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
        for guessable in ["password1", "PASSWORD", "ada@example.com", "aaaaaaaaaaaa", "Fernwood"] {
            assert_eq!(codes(guessable, &rules), [ErrorCode::FormPasswordPwned], "{guessable}");
        }
        for guessable in [
            "١٢٣٤٥٦٧٨٩٠",
            "۱۲۳۴۵۶۷۸۹۰",
            "१२३४५६७८९०",
            "๑๒๓๔๕๖๗๘๙๐",
            "１２３４５６７８９０",
            "password١٢٣",
            "admin۱۲۳۴",
            "12345678٩٠",
            "pa٥٥w۰rd",
            "١٥٠٨١٩٩٠",
            "ada١٩٩٠٠١٠١",
        ] {
            assert_eq!(codes(guessable, &rules), [ErrorCode::FormPasswordPwned], "{guessable}");
        }
        for guessable in ["a".repeat(72), "password".repeat(9), "qwertyuiop".repeat(3), "letmein".repeat(4)] {
            assert_eq!(codes(&guessable, &rules), [ErrorCode::FormPasswordPwned], "{guessable}");
        }
        for good in ["wanders under elms", &format!("{}xq7", "a".repeat(24)), &format!("{}v9#Kd", "a".repeat(60))] {
            assert_eq!(codes(good, &rules), [], "{good}");
        }
    }

    #[test]
    fn the_settings_may_ask_for_more_strength() {
        let of = |min_zxcvbn_strength| PasswordSettings { min_zxcvbn_strength, ..PasswordSettings::default() };
        for password in ["15982090", "hats29kite", "elmstroll4", "plinth#Gable", "wanders under elms"] {
            let own = u8::from(zxcvbn::zxcvbn(password, &[]).score());
            for strength in 0..=4 {
                let expected = if strength <= own { &[][..] } else { &[ErrorCode::FormPasswordNotStrongEnough] };
                assert_eq!(codes(password, &of(strength)), expected, "{password} of {own} for {strength}");
            }
        }
        assert_eq!(codes("password1", &of(4)), [ErrorCode::FormPasswordPwned], "which says more");
    }

    #[test]
    fn the_estimator_sees_short_parts_of_what_was_found_short_enough() {
        let rules = PasswordSettings { max_length: 1024, ..PasswordSettings::default() };
        for letter in ["a", "ü", "文", "4@8({[<"] {
            for length in [8, 24, 25, 72, 73, 100, 1024] {
                let text: String = letter.chars().cycle().take(length).collect();
                let Ok(candidate) = check(&text, &rules) else { continue };
                let candidate = candidate.apart_from([text.as_str(), "ada"]);
                let (calls, seen) = (Cell::new(0), Cell::new(0));
                let guesses = candidate.guesses(|part| {
                    calls.set(calls.get() + 1);
                    seen.set(seen.get() + part.chars().count());
                    assert!(part.chars().count() <= PART);
                    0
                });
                assert_eq!(guesses, 0);
                assert!(
                    calls.get() <= EXAMINED_MAX / PART && seen.get() <= EXAMINED_MAX,
                    "{length}: {calls:?} {seen:?}"
                );
                assert!(candidate.own_words.written().all(|word| word.chars().count() <= EXAMINED_MAX));
            }
        }
    }

    #[test]
    fn a_part_that_is_hard_to_guess_settles_it() {
        let candidate = check(&"a".repeat(72), &PasswordSettings::default()).expect("long enough");
        let calls = Cell::new(0);
        let guesses = candidate.guesses(|_| {
            calls.set(calls.get() + 1);
            u64::MAX
        });
        assert_eq!((guesses, calls.get()), (u64::MAX, 1));
    }
}
