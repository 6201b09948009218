//! Six-digit codes: uniformly distributed, leading zeros included
//! ([guide: Codes and links](crate::guide::security#codes-and-links)).

use std::fmt;

use crate::domain::ports::Entropy;
use crate::domain::text;

/// Number of decimal digits of a code.
pub(super) const CODE_DIGITS: usize = 6;

/// A code, in clear text: exists only until it is digested and sealed.
#[derive(Clone, PartialEq, Eq)]
pub struct OneTimeCode([u8; CODE_DIGITS]);

impl OneTimeCode {
    /// The fixed code of test addresses ([guide: Test mode](crate::guide::contract_sign_ups#test-mode)).
    pub const TEST: Self = Self(*b"424242");

    /// A new code, each of the million equally likely: random numbers beyond the largest multiple of a million are
    /// rejected.
    pub fn generate(entropy: &mut dyn Entropy) -> Self {
        const CODES: u32 = 1_000_000;
        const LIMIT: u32 = u32::MAX - u32::MAX % CODES;
        loop {
            let mut bytes = [0; 4];
            entropy.fill(&mut bytes);
            let draw = u32::from_le_bytes(bytes);
            if draw < LIMIT {
                return Self::from_number(draw % CODES);
            }
        }
    }

    /// Reads a code as a person typed or pasted it, in the digits of any script. Blanks, punctuation and symbols around
    /// and between the digits are ignored, and so are words before it that were copied along (`OneTimeCode: 123456`). A
    /// letter directly at a digit, or after the code, makes it invalid. An invalid code is reported as a wrong one, but
    /// uses up no attempt: it could not have been right.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > SPELLING_MAX {
            return None;
        }
        let figures = text::figures(text);
        let (words, rest) = figures.split_at(figures.find(|c: char| c.is_ascii_digit())?);
        let is_beside = |c: char| text::is_blank(c) || text::is_sign(c);
        let is_word = |c: char| is_beside(c) || text::is_letter(c) || text::is_mark(c);
        if !words.chars().all(is_word) || !words.chars().next_back().is_none_or(is_beside) {
            return None;
        }
        let digits: Vec<char> = rest.chars().filter(|c| !is_beside(*c)).collect();
        let digits: [char; CODE_DIGITS] = digits.try_into().ok()?;
        digits.iter().all(char::is_ascii_digit).then(|| Self(digits.map(|digit| digit as u8)))
    }

    /// The six ASCII digits.
    pub const fn as_bytes(&self) -> &[u8; CODE_DIGITS] {
        &self.0
    }

    /// The code as text, for the message that carries it.
    pub fn expose(&self) -> String {
        self.0.iter().map(|b| char::from(*b)).collect()
    }

    fn from_number(mut number: u32) -> Self {
        let mut digits = [b'0'; CODE_DIGITS];
        for digit in digits.iter_mut().rev() {
            *digit += (number % 10) as u8;
            number /= 10;
        }
        Self(digits)
    }
}

impl fmt::Debug for OneTimeCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[code]")
    }
}

/// The longest spelling of a code, in bytes.
const SPELLING_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leading_zeros_are_kept() {
        assert_eq!(OneTimeCode::from_number(42).expose(), "000042");
    }

    #[test]
    fn six_digits_are_a_code_however_they_are_written() {
        for spelling in [
            "123456",
            " 123 456 ",
            "123-456",
            "123\u{2013}456",
            "123\u{2011}456",
            "123\u{2212}456",
            "123.456",
            "123456.",
            "1 2 3 4 5 6",
            " 123 456\r\n",
            "\t123\u{a0}456\n",
            "123\u{202f}456",
            "123\u{3000}456",
            "\u{2066}123456\u{2069}",
            "\u{202a}123\u{200b}456\u{202c}",
            "\u{feff}123\u{ad}456",
            "１２３４５６",
            "１２３－４５６",
            "١٢٣٤٥٦",
            "۱۲۳۴۵۶",
            "१२३४५६",
            "১২৩৪৫৬",
            "๑๒๓ ๔๕๖",
            "𝟏𝟐𝟑𝟒𝟓𝟔",
            "12٣４5۶",
            "\"123456\"",
            "“123456”",
            "(123456)",
            "【123456】",
            "#123456",
            "123,456",
            "123_456",
            "123·456",
            "123/456",
            "123'456",
            "**123456**",
            "`123456`",
            "123456!",
            "+123456",
            "<123456>",
            "Code: 123456",
            "code:123456",
            "G-123456",
            "Your code is 123 456.",
            "验证码：123456",
            "คือ 123456",
        ] {
            assert_eq!(OneTimeCode::parse(spelling), Some(OneTimeCode(*b"123456")), "{spelling:?}");
        }
    }

    #[test]
    fn what_has_not_six_digits_is_no_code() {
        for odd in [
            "",
            " ",
            "12345",
            "1234567",
            "12345\0",
            "12345a",
            "123a456",
            "1 2 3 4 5 б",
            "12345①",
            "12345²",
            "a123456",
            "Code123456",
            "b 123456 b",
            "123456b",
            "123456 b",
            "123 b 456",
            "Code: 12345",
            "Code: 1234567",
            "2 codes: 123456",
            "Code: ①123456",
            "###",
            &"1".repeat(100_000),
            &" ".repeat(100_000),
        ] {
            assert_eq!(OneTimeCode::parse(odd), None, "{odd:.20}");
        }
    }
}
