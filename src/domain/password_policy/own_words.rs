//! The names and identifiers of the person and of the application: an attacker tries these first.

use super::common::is_common;
use super::disguise::{fold, is_separator, repeated, without_separators};

/// Words that a password must not be made of.
#[derive(Clone, Debug, Default)]
pub(super) struct OwnWords {
    /// As they were given.
    written: Vec<String>,
    /// Folded, without duplicates.
    folded: Vec<String>,
}

impl OwnWords {
    /// Adds a name of the person or the application: an address, a number, a name, a host. Its parts are added too.
    pub(super) fn add(&mut self, text: &str) {
        if text.is_empty() || text.chars().count() > WORD_MAX {
            return;
        }
        self.written.push(text.to_owned());
        let (local, domain) = text.split_once('@').unwrap_or((text, ""));
        self.note(text);
        self.note(local);
        // The last label of a domain, such as `com` or `de`, is not specific to the person.
        let labels = domain.rsplit_once('.').map_or("", |(labels, _)| labels);
        for part in local.split(|c: char| !c.is_alphabetic()).chain(labels.split('.')) {
            self.note(part);
        }
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        if text.starts_with('+') {
            // Phone numbers are written with and without country and area code.
            for from in 0..digits.len().saturating_sub(NUMBER_MIN) + 1 {
                self.note(&digits[from..]);
            }
        }
    }

    /// The words as they were given.
    #[cfg(feature = "zxcvbn")]
    pub(super) fn written(&self) -> impl Iterator<Item = &str> {
        self.written.iter().map(String::as_str)
    }

    /// Whether a password consists of these words: without them nothing is left, or very little, or a common password.
    /// Reversed words count too. Of an address the local part alone is also checked, since an attacker next tries the
    /// same name at another service. `password` is in lower case.
    pub(super) fn make_up(&self, password: &[char]) -> bool {
        self.is_made_of(password) || local_part(password).is_some_and(|local| self.is_made_of(local))
    }

    fn is_made_of(&self, password: &[char]) -> bool {
        let plain = without_separators(repeated(password));
        let mut left: Vec<(char, char)> =
            plain.iter().flat_map(|c| fold([*c]).chars().map(|folded| (folded, *c)).collect::<Vec<_>>()).collect();
        let length = left.len();
        let mut words: Vec<Vec<char>> = self.folded.iter().map(|word| word.chars().collect()).collect();
        // Shorter words occur reversed in other passwords by chance.
        let long = self.folded.iter().filter(|word| word.chars().count() >= BACKWARDS_MIN);
        words.extend(long.map(|word| word.chars().rev().collect()));
        words.sort_by_key(|word| std::cmp::Reverse(word.len()));
        for word in words {
            left = without(left, &word);
        }
        let left: Vec<char> = left.into_iter().map(|(_, written)| written).collect();
        let is_number = left.len() <= NUMBER_MAX && left.iter().all(char::is_ascii_digit);
        left.len() < length && (left.len() <= LEFT_MAX || is_number || is_common(&left))
    }

    fn note(&mut self, word: &str) {
        let letters: Vec<char> = word.chars().filter(|c| !is_separator(*c)).collect();
        let folded = fold(letters);
        // Two letters occur in many passwords by chance; two Chinese characters are a person's name.
        let least = if folded.is_ascii() { 3 } else { 2 };
        if folded.chars().count() >= least && self.folded.len() < WORDS_MAX && !self.folded.contains(&folded) {
            self.folded.push(folded);
        }
    }
}

/// What is before the `@` of a text that looks like an address.
fn local_part(text: &[char]) -> Option<&[char]> {
    let at = text.iter().rposition(|c| *c == '@')?;
    let (local, domain) = (&text[..at], &text[at + 1..]);
    let is_domain = domain.contains(&'.') && domain.iter().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-'));
    is_domain.then_some(local)
}

/// `text` without all occurrences of `word`.
fn without(text: Vec<(char, char)>, word: &[char]) -> Vec<(char, char)> {
    let mut left = Vec::with_capacity(text.len());
    let mut rest = text.as_slice();
    while let Some((first, after)) = rest.split_first() {
        if rest.len() >= word.len() && rest.iter().zip(word).all(|((folded, _), letter)| folded == letter) {
            rest = &rest[word.len()..];
        } else {
            left.push(*first);
            rest = after;
        }
    }
    left
}

/// A longer word can't be in the examined part of a password.
const WORD_MAX: usize = super::EXAMINED_MAX;
/// Maximum number of words. A person has about ten, their parts included.
const WORDS_MAX: usize = 64;
/// The shortest word that is also checked in reverse.
const BACKWARDS_MIN: usize = 4;
/// Up to this many letters beside the own words are too few.
const LEFT_MAX: usize = 3;
/// Digits of a date of birth: an attacker who knows the name probably knows that date too.
const NUMBER_MAX: usize = 8;
/// The shortest telephone number in common use, in digits.
const NUMBER_MIN: usize = 7;

#[cfg(test)]
mod tests {
    use super::*;

    fn own(words: &[&str]) -> OwnWords {
        let mut own = OwnWords::default();
        words.iter().for_each(|word| own.add(word));
        own
    }

    fn is_made(password: &str, words: &[&str]) -> bool {
        own(words).make_up(&password.chars().flat_map(char::to_lowercase).collect::<Vec<_>>())
    }

    #[test]
    fn a_password_made_of_own_words_is_found_in_any_spelling() {
        let ada =
            ["ada.lovelace@analytical.example", "countess1815", "Ada", "Lovelace", "+14155552671", "Fernwood Tea"];
        for password in [
            "ada.lovelace@analytical.example",
            "Ada.Lovelace@analytical.example1",
            "adalovelace",
            "LovelaceAda!",
            "ada_lovelace_1815",
            "L0velace2024",
            "countess1815",
            "Countess!",
            "lovelace",
            "lovelacelovelace",
            "analytical1",
            "adaanalytical7",
            "xLovelace9q",
            "4155552671",
            "+1 415 555 2671",
            "5552671!",
            "fernwoodtea",
            "Fernwood-Tea-2025",
            "adasunshine1",
            "Ada10121815",
            "10.12.1815ada",
            "ada.lovelace@mail.example",
            "Ada.Lovelace@gmail.com",
            "lovelace1815@proton.me",
            "ecalevol",
            "Ecalevol.Ada2024",
            "elpmaxe.lacitylana@ecalevol.ada",
            "5181ssetnuoc",
            "lovelaceecalevol",
            "ada١٢٣٤",
        ] {
            assert!(is_made(password, &ada), "{password}");
        }
        for password in [
            "wanders under elms",
            "elms@under.example",
            "lovelace wanders",
            "adamant-herring-42",
            "canada goose egg",
            "tK7#vq2Lz9",
        ] {
            assert!(!is_made(password, &ada), "{password}");
        }
    }

    #[test]
    fn names_in_other_writings_count_and_short_ones_do_not() {
        assert!(is_made("王小明王小明123", &["王小明"]));
        assert!(is_made("Müller2024", &["mueller", "Müller"]) && is_made("muller99", &["Müller"]));
        assert!(!is_made("boxing kangaroo", &["Bo"]));
        assert!(!is_made("", &["Ada"]) && !is_made("ada", &[]));
    }

    #[test]
    fn whatever_is_given_the_words_are_few_and_short() {
        let mut own = OwnWords::default();
        for n in 0..1000 {
            own.add(&format!("word{n}.{}@a.b.c.example", "x.".repeat(n)));
        }
        assert!(own.folded.len() <= WORDS_MAX && own.written().all(|word| word.chars().count() <= WORD_MAX));
    }
}
