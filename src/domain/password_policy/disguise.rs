//! Undoes the usual disguises of a password: stand-ins for letters, and digits and signs around a word.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::domain::text;

/// The form in which passwords and words are compared. It unifies compatibility forms, case, marks, digits of all
/// scripts, and letters with their usual stand-ins (`P@ssw0rd` is `password`). For that reason `l`, `1` and `i` are one
/// letter.
pub(super) fn fold(written: impl IntoIterator<Item = char>) -> String {
    let letters = written.into_iter().nfkd().flat_map(char::to_lowercase).nfkd();
    letters.filter(|c| !is_combining_mark(*c)).map(|c| stands_for(text::digit(c).unwrap_or(c))).collect()
}

/// The letter that a sign or digit usually replaces; the same as in `common/make.py`.
const fn stands_for(sign: char) -> char {
    match sign {
        '@' | '4' => 'a',
        '8' => 'b',
        '3' => 'e',
        '1' | '!' | '|' | 'l' => 'i',
        '0' => 'o',
        '$' | '5' => 's',
        '7' => 't',
        other => other,
    }
}

/// The digits on the same keys as the signs of the number row: `!@#` is `123`.
pub(super) fn without_shift(text: &[char]) -> Vec<char> {
    let row = [')', '!', '@', '#', '$', '%', '^', '&', '*', '('];
    let digit = |sign: char| ('0'..='9').zip(row).find(|(_, on_it)| *on_it == sign).map_or(sign, |(digit, _)| digit);
    text.iter().copied().map(digit).collect()
}

/// The text without blanks, dots, dashes, underscores and slashes.
pub(super) fn without_separators(text: &[char]) -> Vec<char> {
    text.iter().copied().filter(|c| !is_separator(*c)).collect()
}

/// Whether a sign is a usual separator of words.
pub(super) fn is_separator(c: char) -> bool {
    c.is_whitespace() || matches!(c, '.' | '-' | '_' | '/')
}

/// The unit that a text repeats, the last repetition perhaps cut short; the whole text where it repeats nothing.
pub(super) fn repeated<T: PartialEq>(text: &[T]) -> &[T] {
    let repeats = |period: &usize| text.iter().skip(*period).zip(text).all(|(later, earlier)| later == earlier);
    let period = (1..=text.len() / 2).find(repeats);
    &text[..period.unwrap_or(text.len())]
}

/// All texts that remain when usual prefixes and suffixes of a word are removed: digits, years, signs. `is_known` says
/// whether a sequence of digits is a common one.
pub(super) fn cores<'a>(
    text: &'a [char],
    is_known: impl Fn(&[char]) -> bool + Copy,
) -> impl Iterator<Item = &'a [char]> {
    let costs = move |length: usize, affix: &dyn Fn(usize) -> &'a [char]| -> Vec<(usize, u64)> {
        (0..=length.min(AFFIX_MAX)).filter_map(|taken| Some((taken, tries(affix(taken), is_known)?))).collect()
    };
    let before = costs(text.len(), &|taken| &text[..taken]);
    let after = costs(text.len(), &|taken| &text[text.len() - taken..]);
    before.into_iter().flat_map(move |(first, cost)| {
        let fits = move |(last, other): &(usize, u64)| first + last <= text.len() && cost * other <= TRIES_MAX;
        let rests: Vec<usize> = after.iter().filter(|pair| fits(pair)).map(|(last, _)| *last).collect();
        rests.into_iter().map(move |last| &text[first..text.len() - last])
    })
}

/// How many guesses such a prefix or suffix takes, roughly; `None` for one that is not of the usual form: signs,
/// digits, signs.
fn tries(affix: &[char], is_known: impl Fn(&[char]) -> bool) -> Option<u64> {
    let sign = |c: &&char| !c.is_alphanumeric();
    let before = affix.iter().take_while(sign).count();
    let after = affix[before..].iter().rev().take_while(sign).count();
    let digits = &affix[before..affix.len() - after];
    let (before, after) = (&affix[..before], &affix[affix.len() - after..]);
    Some(tries_of_signs(before) * tries_of_digits(digits, is_known)? * tries_of_signs(after))
}

/// Guesses for the signs: each is probably one of the few that most people use; repeating one costs nothing more.
fn tries_of_signs(signs: &[char]) -> u64 {
    let each = |c: &char| if "!@#$.,_-*?&+ ".contains(*c) { 3 } else { 30 };
    repeated(signs).iter().map(each).fold(1, u64::saturating_mul)
}

fn tries_of_digits(digits: &[char], is_known: impl Fn(&[char]) -> bool) -> Option<u64> {
    if !digits.iter().all(char::is_ascii_digit) {
        return None;
    }
    if digits.is_empty() {
        return Some(1);
    }
    let once = repeated(digits);
    let is_year = digits.len() == 4 && matches!(digits, ['1', '9', ..] | ['2', '0', ..]);
    if digits.len() > 2 && (is_row(once) || is_row_of_pairs(once) || is_known(digits)) {
        return Some(10);
    }
    match once.len() {
        _ if is_year => Some(60),
        length @ 1..=3 => Some(10_u64.pow(length as u32)),
        _ => None,
    }
}

/// Whether digits go up or down by one, or stay the same, also across 9 and 0: `4567`, `321`, `8901`, `0000`.
fn is_row(digits: &[char]) -> bool {
    let value = |c: &char| c.to_digit(10).unwrap_or_default();
    let steps = || digits.windows(2).map(|pair| (value(&pair[1]) + 10 - value(&pair[0])) % 10);
    digits.len() < 2 || [0, 1, 9].into_iter().any(|step| steps().all(|s| s == step))
}

/// Whether digits are a row of pairs, such as `112233`.
fn is_row_of_pairs(digits: &[char]) -> bool {
    let pairs = digits.chunks_exact(2);
    let firsts: Vec<char> = pairs.clone().map(|pair| pair[0]).collect();
    pairs.remainder().is_empty() && pairs.clone().all(|pair| pair[0] == pair[1]) && is_row(&firsts)
}

/// Whether a text is a date between 1900 and 2099, as eight digits in one of the usual orders: there are some 70 000.
pub(super) fn is_date(text: &[char]) -> bool {
    let number = |from: usize, to: usize| {
        text[from..to]
            .iter()
            .try_fold(0, |number, c| Some(number * 10 + c.to_digit(10).filter(|_| c.is_ascii_digit())?))
    };
    let is = |year: (usize, usize), first: usize, second: usize| {
        let (Some(year), Some(first), Some(second)) =
            (number(year.0, year.1), number(first, first + 2), number(second, second + 2))
        else {
            return false;
        };
        let is_day_of = |day: u32, month: u32| (1..=31).contains(&day) && (1..=12).contains(&month);
        (1900..2100).contains(&year) && (is_day_of(first, second) || is_day_of(second, first))
    };
    text.len() == 8 && (is((4, 8), 0, 2) || is((0, 4), 4, 6))
}

/// Longest usual prefix or suffix, in characters.
const AFFIX_MAX: usize = 12;
/// When an addition takes more guesses than this, the password counts as hard enough to guess: a word with three random
/// digits is not, a word with four is.
const TRIES_MAX: u64 = 5000;

#[cfg(test)]
mod tests {
    use super::*;

    fn chars(text: &str) -> Vec<char> {
        text.chars().collect()
    }

    #[test]
    fn what_stands_for_the_same_letters_is_folded_to_the_same() {
        for (text, folded) in [
            ("P@ssw0rd", "password"),
            ("PA$$WORD", "password"),
            ("L3tm31n", "ietmein"),
            ("Ｐａｓｓ", "pass"),
            ("contraseña", "contrasena"),
            ("Şifre", "sifre"),
            ("İstanbul", "istanbui"),
            ("пароль", "пароль"),
            ("pa٥٥w۰rd", "password"),
        ] {
            assert_eq!(fold(text.chars()), folded, "{text}");
        }
    }

    #[test]
    fn usual_additions_come_off_and_others_stay() {
        let has_core = |text: &str, core: &str| cores(&chars(text), |_| false).any(|found| found == chars(core));
        for text in [
            "word",
            "word1",
            "word12",
            "word847",
            "word2024",
            "word1999!",
            "word@123",
            "123word",
            "!word!",
            "word123456789",
            "word!!!",
            "word112233",
            "word#2025#",
            "word1212",
            "2024word1999",
            "word8901",
            "word@@0000",
            "007word!",
        ] {
            assert!(has_core(text, "word"), "{text}");
        }
        for text in ["word4821", "word!739#?", "word7!2024", "word1a", "word<>^%", "84word92!", "word15081990"] {
            assert!(!has_core(text, "word"), "{text}");
        }
    }

    #[test]
    fn rows_of_keys_are_the_digits_on_them() {
        assert_eq!(without_shift(&chars("!QAZ@WSX")), chars("1QAZ2WSX"));
        assert_eq!(without_shift(&chars(")(*&^%$#@!")), chars("0987654321"));
    }
}
