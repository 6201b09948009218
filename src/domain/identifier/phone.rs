//! Phone numbers.

#[cfg(not(feature = "phone"))]
mod absent;
#[cfg(feature = "phone")]
mod plan;

use crate::domain::rejection::{ErrorCode, Reason};
use crate::domain::text;

#[cfg(not(feature = "phone"))]
use absent as plan;

/// A phone number in E.164.
#[derive(Clone, PartialEq, Eq)]
pub struct PhoneNumber(String);

impl PhoneNumber {
    /// Reads a phone number in international spelling as a person typed or pasted it, or a link to it (`tel:`, `sms:`).
    ///
    /// # Errors
    /// `form_param_format_invalid` unless a message could reach it from abroad: it has a country code, an area code, no
    /// extension, and a length that is valid in its country. Whether the number is assigned is not checked: ranges are
    /// assigned faster than any list of them is updated.
    pub fn parse(text: &str) -> Result<Self, Reason> {
        let invalid = || ErrorCode::FormParamFormatInvalid.on("phone_number");
        let trimmed = text::trim(text);
        if trimmed.len() > 4 * SPELLING_MAX {
            return Err(invalid());
        }
        let figures = text::figures(trimmed);
        let digits = international(&figures).filter(|digits| is_spelled_with_digits(digits)).ok_or_else(invalid)?;
        plan::e164(digits).map(Self).ok_or_else(invalid)
    }

    /// Whether a text looks like a phone number in international spelling, valid or not.
    pub fn is_meant(text: &str) -> bool {
        let trimmed = text::trim(text);
        trimmed.len() <= 4 * SPELLING_MAX && international(&text::figures(trimmed)).is_some()
    }

    /// Reads the beginning of a number in international spelling, in E.164; `None` where it is no such beginning.
    pub fn parse_prefix(text: &str) -> Option<String> {
        let figures = text::figures(text);
        let spelled = international(&figures).filter(|digits| is_spelled_with_digits(digits))?;
        let digits: String = spelled.chars().filter(char::is_ascii_digit).collect();
        (!digits.is_empty()).then(|| format!("+{digits}"))
    }

    /// A part of a number as people write it, in the form in which numbers are stored: without separators.
    /// Empty where it is no part of a number.
    pub fn fragment(text: &str) -> String {
        let figures = text::figures(text::trim(text));
        let figures = figures.trim_start_matches(['(', '[', ' ']);
        let (plus, digits) = figures.strip_prefix('+').map_or(("", figures), |digits| ("+", digits));
        if !is_spelled_with_digits(digits) {
            return String::new();
        }
        let digits: String = digits.chars().filter(char::is_ascii_digit).collect();
        if digits.is_empty() { digits } else { format!("{plus}{digits}") }
    }

    /// Restores a number that is already normalised, as records store it.
    pub const fn restore(e164: String) -> Self {
        Self(e164)
    }

    /// The number in E.164.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The country of the number as ISO 3166-1 code; `None` for numbers of no single country. Where several countries
    /// share a calling code, a number with an unknown area code counts as one of the main country: most of those are
    /// new areas there.
    pub fn country(&self) -> Option<String> {
        plan::country(&self.0)
    }

    /// Whether a text message to it may cost the operator much: premium-rate, shared-cost and personal numbers, and
    /// numbers of no country, which are satellites and other networks outside normal tariffs (ITU-T E.164 assigned
    /// codes +800, +808, +870, +878, +881, +882, +883, +888, +979).
    pub fn is_costly(&self) -> bool {
        plan::is_costly(&self.0)
    }

    /// The calling code and the three digits after it: a range that usually belongs to one operator, perhaps to one
    /// fraudster.
    pub fn prefix(&self) -> &str {
        let code = plan::calling_code_length(&self.0).unwrap_or(3);
        self.0.get(..1 + code + 3).unwrap_or(&self.0)
    }

    /// Whether it is a test number: `+1XXX5550100` to `+1XXX5550199`
    /// ([guide: Test mode](crate::guide::contract_sign_ups#test-mode)).
    pub fn is_test(&self) -> bool {
        self.0.len() == 12 && self.0.starts_with("+1") && self.0[5..].starts_with("55501")
    }
}

/// What follows the `+` of an international spelling; the `+` may be in brackets with the country code.
fn international(figures: &str) -> Option<&str> {
    let number = ["tel:", "sms:"].into_iter().find_map(|scheme| text::without_scheme(figures, scheme));
    number.unwrap_or(figures).trim_start_matches(['(', '[', ' ']).strip_prefix('+')
}

/// Whether there are digits, and beside them only the usual separators.
fn is_spelled_with_digits(spelled: &str) -> bool {
    spelled.len() <= SPELLING_MAX && spelled.chars().all(|c| c.is_ascii_digit() || SEPARATORS.contains(c))
}

/// The longest spelling of a number, in characters: fifteen digits with room for separators.
const SPELLING_MAX: usize = 64;
/// Separators between digits; the last ones are the middle dots of several scripts.
const SEPARATORS: &str = "-(). /[]~_\u{b7}\u{2022}\u{2027}\u{2219}\u{22c5}\u{30fb}\u{ff65}";

#[cfg(test)]
mod tests {
    use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, PhoneNumberType};

    use super::*;

    fn phone(text: &str) -> Option<String> {
        PhoneNumber::parse(text).ok().map(|phone| phone.as_str().to_owned())
    }

    #[test]
    fn phone_spellings_become_e164() {
        for spelling in [
            "+14155552671",
            "+1 (415) 555-2671",
            " +1-415-555-2671",
            "+1.415.555.2671",
            "(+1) 415 555 2671",
            "+1 415\u{2011}555\u{2011}2671",
            "+1\u{a0}415\u{202f}555\u{2013}2671",
            "\u{202a}+14155552671\u{202c}",
            "\u{2066}+1 415\u{200b} 555\u{2060} 2671\u{2069}\r\n",
            "＋１４１５５５５２６７１",
            "＋１（４１５）５５５－２６７１",
            "＋１　４１５ー５５５ー２６７１",
            "+١٤١٥٥٥٥٢٦٧١",
            "+۱ ۴۱۵ ۵۵۵ ۲۶۷۱",
            "+१४१५५५५२६७१",
            "tel:+1-415-555-2671",
            "TEL:+14155552671",
            "sms:+1-415-555-2671",
            "SMS:+14155552671",
            "\u{fe62}1 415 555 2671",
            "\u{ff0b}1 415 555 2671",
            "\u{fe62}1\u{fe59}415\u{fe5a}5552671",
            "+1 [415] 555 2671",
            "[+1] 415-555-2671",
            "+1~415~555~2671",
            "+1\u{301c}415\u{ff5e}5552671",
            "+1·415·555·2671",
            "+1•415・555･2671",
            "+1_415_555_2671",
        ] {
            assert_eq!(phone(spelling).as_deref(), Some("+14155552671"), "{spelling:?}");
            assert!(PhoneNumber::is_meant(spelling), "{spelling:?}");
        }
        assert_eq!(phone("+49 30/12345678").as_deref(), Some("+493012345678"));
        for number in ["+12015550123", "+10005550100", "+11235550142", "+19115550199"] {
            assert!(PhoneNumber::parse(number).expect(number).is_test(), "{number}");
        }
        assert!(!PhoneNumber::parse("+14155552671").expect("a phone number").is_test());
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for odd in [
            "",
            "+",
            "4155552671",
            "0014155552671",
            "+1",
            "+1415555267100000",
            "+14155552671;ext=3",
            "tel:+14155552671;ext=3",
            "tel:4155552671",
            "sms:0014155552671",
            "sms:+14155552671?body=hello",
            "sms:tel:+14155552671",
            "00 1 [415] 555 2671",
            "+1415555abcd",
            "+1 415 555 CODE",
            "＋１４１５５５５ａｂｃｄ",
            "+14155552671 ext 9",
            "+14155552671x9",
            "+14155552671,9",
            "+14155552671#9",
            "+14155552671 / +14155552672",
            "++14155552671",
            "+1+4155552671",
            "+1 415 555 267①",
            "+14155552671²",
            "+9991234567",
            "14155552671+",
        ] {
            assert_eq!(phone(odd), None, "{odd}");
        }
        let long = format!("+1{}4155552671", " ".repeat(60_000));
        assert_eq!(phone(&long), None);
    }

    #[test]
    fn a_zero_in_brackets_is_left_out_unless_it_is_dialled_from_abroad() {
        for (spelling, number) in [
            ("+49 (0)30 12345678", "+493012345678"),
            ("+49 (0) 30 12345678", "+493012345678"),
            ("+49（０）30 12345678", "+493012345678"),
            ("+49 [0] 30 12345678", "+493012345678"),
            ("+44 (0)20 7946 0958", "+442079460958"),
            ("+44(0)7400 123456", "+447400123456"),
            ("+33 (0)6 12 34 56 78", "+33612345678"),
            ("+31 (0)20 123 4567", "+31201234567"),
            ("+41 (0)44 668 18 00", "+41446681800"),
            ("+30 (0)210 123 4567", "+302101234567"),
            ("+34 (0)912 345 678", "+34912345678"),
            ("+45 (0)32 12 34 56", "+4532123456"),
            ("+1 (0)415 555 2671", "+14155552671"),
            ("+39 (0)6 6982 1234", "+390669821234"),
            ("+39 (0)331 123456", "+390331123456"),
        ] {
            assert_eq!(phone(spelling).as_deref(), Some(number), "{spelling}");
        }
    }

    #[test]
    fn reading_a_number_twice_changes_nothing() {
        for number in ["+493012345678", "+390669821234", "+5491123456789", "+79161234567", "+6831234"] {
            let once = phone(number).expect(number);
            assert_eq!(phone(&once).as_ref(), Some(&once), "{number}");
        }
    }

    #[test]
    fn numbers_that_no_message_can_reach_are_refused() {
        // Without an area code.
        for local in ["+15552671", "+49112", "+4420794", "+552345678", "+8613800"] {
            assert_eq!(phone(local), None, "{local}");
        }
        // Emergency and service numbers, with every calling code.
        for code in PHONE_NUMBER_UTIL.get_supported_calling_codes() {
            for short in ["110", "111", "112", "113", "115", "118", "119", "190", "911", "999", "000", "100", "101"] {
                assert_eq!(phone(&format!("+{code}{short}")), None, "+{code} {short}");
                assert_eq!(phone(&format!("+{code}0{short}")), None, "+{code} 0{short}");
            }
        }
        // Services within a country.
        for service in ["+61131234", "+8610086", "+491150", "+331234", "+44116123"] {
            assert_eq!(phone(service), None, "{service}");
        }
        // Numbers that the North American plan does not assign.
        for none in ["+10155552671", "+11155552671", "+14150552671", "+14151552671", "+19115552671", "+14115552671"] {
            assert_eq!(phone(none), None, "{none}");
        }
    }

    #[test]
    fn numbers_of_every_country_are_taken() {
        let mut countries = 0;
        for region in PHONE_NUMBER_UTIL.get_supported_regions() {
            for kind in [PhoneNumberType::Mobile, PhoneNumberType::FixedLine, PhoneNumberType::VoIP] {
                let Ok(example) = PHONE_NUMBER_UTIL.get_example_number_for_type_and_region(region, kind) else {
                    continue;
                };
                let number = example.format_as(PhoneNumberFormat::E164).into_owned();
                assert_eq!(phone(&number).as_ref(), Some(&number), "{region}");
                countries += 1;
            }
        }
        assert!(countries > 400, "{countries}");
    }

    #[test]
    fn numbers_that_are_newer_than_what_is_known_are_taken() {
        for number in
            ["+14365552671", "+18615552671", "+12355552671", "+4915912345678", "+447111123456", "+33799999999"]
        {
            assert_eq!(phone(number).as_deref(), Some(number));
        }
    }

    #[test]
    fn areas_that_are_not_known_are_the_main_country_s() {
        for (number, country) in [
            ("+14155552671", "US"),
            ("+14365552671", "US"),
            ("+18615552671", "US"),
            ("+12345552671", "US"),
            ("+12995552671", "US"),
            ("+16135550123", "CA"),
            ("+17875552671", "PR"),
            ("+18765552671", "JM"),
            ("+18095552671", "DO"),
            ("+79161234567", "RU"),
            ("+72161234567", "RU"),
            ("+77012345678", "KZ"),
            ("+76012345678", "KZ"),
            ("+447400123456", "GB"),
            ("+442179460958", "GB"),
            ("+447797712345", "JE"),
            ("+447781123456", "GG"),
            ("+447624123456", "IM"),
            ("+61412345678", "AU"),
            ("+61612345678", "AU"),
            ("+390612345678", "IT"),
            ("+390669821234", "VA"),
            ("+212612345678", "MA"),
            ("+4740612345", "NO"),
            ("+358412345678", "FI"),
            ("+4930123456", "DE"),
        ] {
            assert_eq!(PhoneNumber::restore(number.into()).country().as_deref(), Some(country), "{number}");
        }
        for of_no_country in ["+80012345678", "+881612345678", "+9991234567"] {
            assert_eq!(PhoneNumber::restore(of_no_country.into()).country(), None, "{of_no_country}");
        }
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
