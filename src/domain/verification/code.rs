//! Six-digit codes: uniform, with their leading zeros (SECURITY R-C1).

use std::fmt;

use crate::domain::context::Entropy;

/// How many decimal digits a code has.
pub const CODE_DIGITS: usize = 6;

/// A code, in the clear: lives only until it is digested and sealed.
#[derive(Clone, PartialEq, Eq)]
pub struct Code([u8; CODE_DIGITS]);

impl Code {
    /// The fixed code of test addresses (CONTRACT 17).
    pub const TEST: Self = Self(*b"424242");

    /// A fresh code, each of the million equally likely: draws beyond the largest multiple are drawn again.
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

    /// Reads a code as a person typed it; blanks around and between the digits are allowed.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > 64 {
            return None;
        }
        let digits: Vec<u8> = text.bytes().filter(|b| *b != b' ').collect();
        let digits: [u8; CODE_DIGITS] = digits.try_into().ok()?;
        digits.iter().all(u8::is_ascii_digit).then_some(Self(digits))
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

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[code]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leading_zeros_are_kept() {
        assert_eq!(Code::from_number(42).expose(), "000042");
    }

    #[test]
    fn only_six_ascii_digits_are_a_code() {
        assert_eq!(Code::parse(" 123 456 "), Some(Code(*b"123456")));
        for odd in ["", "12345", "1234567", "١٢٣٤٥٦", "12345\0", "12345a", &"1".repeat(100_000)] {
            assert_eq!(Code::parse(odd), None);
        }
    }
}
