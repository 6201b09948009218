//! Phone numbers.

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, PhoneNumberType};

use crate::domain::rejection::{Code, Reason};

/// A phone number in E.164.
#[derive(Clone, PartialEq, Eq)]
pub struct PhoneNumber(String);

impl PhoneNumber {
    /// Reads a phone number in international spelling.
    ///
    /// # Errors
    /// `form_param_format_invalid` unless it is a possible number with its country code and no extension.
    pub fn parse(text: &str) -> Result<Self, Reason> {
        let invalid = || Code::FormParamFormatInvalid.on("phone_number");
        let typed = text.trim();
        let spelled = |c: char| c.is_ascii_digit() || "+-(). ".contains(c);
        if typed.len() > 64 || !typed.starts_with('+') || !typed.chars().all(spelled) {
            return Err(invalid());
        }
        let number = PHONE_NUMBER_UTIL.parse(typed, None).map_err(|_| invalid())?;
        if !PHONE_NUMBER_UTIL.is_possible_number(&number) {
            return Err(invalid());
        }
        Ok(Self(number.format_as(PhoneNumberFormat::E164).into_owned()))
    }

    /// A number that was normalised before, as records keep it.
    pub const fn restore(e164: String) -> Self {
        Self(e164)
    }

    /// The number in E.164.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The country whose number it is, by its ISO 3166-1 code; `None` for numbers of no single country, and for those
    /// that no country has given out.
    pub fn country(&self) -> Option<String> {
        let number = PHONE_NUMBER_UTIL.parse(&self.0, None).ok()?;
        number.get_region_code().map(|region| region.to_string())
    }

    /// Whether a text message to it may cost its sender much: premium-rate, shared-cost and personal numbers, and those
    /// of no country, which are satellites and other networks beyond all tariffs (ITU-T E.164 assigned codes +800, +808,
    /// +870, +878, +881, +882, +883, +888, +979).
    pub fn is_costly(&self) -> bool {
        let Ok(number) = PHONE_NUMBER_UTIL.parse(&self.0, None) else { return true };
        let of_no_country = ["800", "808", "870", "878", "881", "882", "883", "888", "979"];
        let costly = [PhoneNumberType::PremiumRate, PhoneNumberType::SharedCost, PhoneNumberType::PersonalNumber];
        of_no_country.contains(&&*number.country_code.to_string()) || costly.contains(&number.get_type())
    }

    /// The calling code and three digits behind it: a range of numbers that one operator, and perhaps one swindler, has.
    pub fn prefix(&self) -> &str {
        let code = PHONE_NUMBER_UTIL.parse(&self.0, None).map_or(3, |number| number.country_code.to_string().len());
        self.0.get(..1 + code + 3).unwrap_or(&self.0)
    }

    /// Whether it is a test number: `+1XXX5550100` to `+1XXX5550199` (CONTRACT 17).
    pub fn is_test(&self) -> bool {
        self.0.len() == 12 && self.0.starts_with("+1") && self.0[5..].starts_with("55501")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phone_spellings_become_e164() {
        for spelling in ["+14155552671", "+1 (415) 555-2671", " +1-415-555-2671"] {
            assert_eq!(PhoneNumber::parse(spelling).expect("a phone number").as_str(), "+14155552671");
        }
        for odd in
            ["", "4155552671", "+1", "+1415555267100000", "+14155552671;ext=3", "+1415555abcd", "+14155552671 ext 9"]
        {
            assert!(PhoneNumber::parse(odd).is_err(), "{odd}");
        }
        assert!(PhoneNumber::parse("+12015550123").expect("a phone number").is_test());
        assert!(!PhoneNumber::parse("+14155552671").expect("a phone number").is_test());
    }

    #[test]
    fn numbers_that_cost_their_sender_much_are_known() {
        let is_costly = |text: &str| PhoneNumber::parse(text).expect(text).is_costly();
        for number in [
            "+979123456789",
            "+881612345678",
            "+8825412345678",
            "+883510012345",
            "+870773111632",
            "+80012345678",
            "+19005551234",
            "+447012345678",
            "+33891234567",
        ] {
            assert!(is_costly(number), "{number}");
        }
        for number in
            ["+14155552671", "+12015550123", "+4915112345678", "+447400123456", "+919876543210", "+18005551234"]
        {
            assert!(!is_costly(number), "{number}");
        }
    }

    #[test]
    fn a_prefix_is_the_calling_code_and_three_digits() {
        for (number, prefix) in [("+14155552671", "+1415"), ("+4915112345678", "+49151"), ("+252612345678", "+252612")]
        {
            assert_eq!(PhoneNumber::parse(number).expect(number).prefix(), prefix);
        }
    }
}
