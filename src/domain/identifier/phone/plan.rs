//! The numbering plans of all countries.

use rlibphonenumber::{NumberLengthType, PHONE_NUMBER_UTIL, PhoneNumberFormat, PhoneNumberType, Region};

/// The number in E.164, given what follows the `+`; `None` unless a message could reach it.
pub(super) fn e164(spelled: &str) -> Option<String> {
    let number = read(spelled).filter(is_reachable)?;
    Some(number.format_as(PhoneNumberFormat::E164).into_owned())
}

/// The country of the number as ISO 3166-1 code.
pub(super) fn country(e164: &str) -> Option<String> {
    let number = PHONE_NUMBER_UTIL.parse(e164, None).ok()?;
    // Within +7 the areas that begin with 6 and 7 belong to another country, even unknown ones.
    if e164.starts_with("+76") || e164.starts_with("+77") {
        return Some("KZ".to_owned());
    }
    let region = number.get_region_code().or_else(|| main_region(&number));
    region.filter(|region| *region != Region::World).map(|region| region.to_string())
}

/// Whether a text message to it may cost the operator much.
pub(super) fn is_costly(e164: &str) -> bool {
    let Ok(number) = PHONE_NUMBER_UTIL.parse(e164, None) else { return true };
    let of_no_country = ["800", "808", "870", "878", "881", "882", "883", "888", "979"];
    let costly = [PhoneNumberType::PremiumRate, PhoneNumberType::SharedCost, PhoneNumberType::PersonalNumber];
    of_no_country.contains(&&*number.country_code.to_string()) || costly.contains(&number.get_type())
}

/// Number of digits of its calling code.
pub(super) fn calling_code_length(e164: &str) -> Option<usize> {
    PHONE_NUMBER_UTIL.parse(e164, None).ok().map(|number| number.country_code.to_string().len())
}

/// Reads what follows the `+`. A zero in brackets is dialled only within the country: it is left out, unless it is also
/// dialled from abroad, as in Italy.
fn read(spelled: &str) -> Option<rlibphonenumber::PhoneNumber> {
    let parse = |spelled: &str| {
        let digits: String = spelled.chars().filter(char::is_ascii_digit).collect();
        PHONE_NUMBER_UTIL.parse(format!("+{digits}"), None).ok()
    };
    let whole = parse(spelled);
    let spelled = spelled.replace('[', "(").replace(']', ")");
    if !spelled.contains(TRUNK_ZERO) || whole.as_ref().is_some_and(rlibphonenumber::PhoneNumber::is_valid) {
        return whole;
    }
    parse(&spelled.replacen(TRUNK_ZERO, "", 1)).filter(is_reachable).or(whole)
}

/// Whether a message could reach it: it is no local, short or emergency number.
fn is_reachable(number: &rlibphonenumber::PhoneNumber) -> bool {
    let significant = number.get_national_significant_number();
    number.is_possible_with_reason() == Ok(NumberLengthType::IsPossible)
        && significant.len() >= SIGNIFICANT_MIN
        && (main_region(number) == Some(Region::World) || is_as_long_as_lines_are(number))
        && match number.country_code {
            1 => is_north_american(&significant),
            _ => !keeps_trunk_zero(number, &significant),
        }
}

/// Whether it begins with the trunk zero of national calls although that is not part of numbers there: without the zero
/// it is too short.
fn keeps_trunk_zero(number: &rlibphonenumber::PhoneNumber, significant: &str) -> bool {
    let begins_so = |kind| {
        let example = PHONE_NUMBER_UTIL.get_example_number_for_type_and_region(main_region(number)?, kind).ok()?;
        Some(example.get_national_significant_number().starts_with('0'))
    };
    let kinds = [PhoneNumberType::FixedLine, PhoneNumberType::Mobile];
    significant.starts_with('0') && !kinds.into_iter().any(|kind| begins_so(kind) == Some(true))
}

/// Whether its length is that of a telephone number in its country, not that of a service number.
fn is_as_long_as_lines_are(number: &rlibphonenumber::PhoneNumber) -> bool {
    let is = |kind| PHONE_NUMBER_UTIL.is_possible_number_for_type_with_reason(number, kind);
    [PhoneNumberType::FixedLineOrMobile, PhoneNumberType::VoIP]
        .into_iter()
        .any(|kind| is(kind) == Ok(NumberLengthType::IsPossible))
}

/// The main country of a calling code.
fn main_region(number: &rlibphonenumber::PhoneNumber) -> Option<Region> {
    PHONE_NUMBER_UTIL.get_region_for_country_code(number.country_code)
}

/// Whether the area and the exchange are valid in the North American Numbering Plan: neither begins with 0 or 1, and
/// areas such as 911 are services. Test numbers may have any area
/// ([guide: Test mode](crate::guide::contract_sign_ups#test-mode)).
fn is_north_american(significant: &str) -> bool {
    let begins = |at: usize| significant.as_bytes().get(at).is_some_and(|digit| (b'2'..=b'9').contains(digit));
    let is_for_tests = significant.get(3..8) == Some("55501");
    is_for_tests || (begins(0) && begins(3) && significant.get(1..3) != Some("11"))
}

/// The shortest numbers of any country (Niue); shorter ones are emergency or service numbers.
const SIGNIFICANT_MIN: usize = 4;
const TRUNK_ZERO: &str = "(0)";
