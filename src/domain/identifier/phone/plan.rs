//! What is known of the numbers of all countries.

use rlibphonenumber::{NumberLengthType, PHONE_NUMBER_UTIL, PhoneNumberFormat, PhoneNumberType, Region};

/// The number in E.164, given what follows the `+`; `None` unless a message could reach it.
pub(super) fn e164(spelled: &str) -> Option<String> {
    let number = read(spelled).filter(is_reachable)?;
    Some(number.format_as(PhoneNumberFormat::E164).into_owned())
}

/// The country whose number it is, by its ISO 3166-1 code.
pub(super) fn country(e164: &str) -> Option<String> {
    let number = PHONE_NUMBER_UTIL.parse(e164, None).ok()?;
    // Of +7 the areas that begin with 6 and 7 are another country's, known or not.
    if e164.starts_with("+76") || e164.starts_with("+77") {
        return Some("KZ".to_owned());
    }
    let region = number.get_region_code().or_else(|| main_region(&number));
    region.filter(|region| *region != Region::World).map(|region| region.to_string())
}

/// Whether a text message to it may cost its sender much.
pub(super) fn is_costly(e164: &str) -> bool {
    let Ok(number) = PHONE_NUMBER_UTIL.parse(e164, None) else { return true };
    let of_no_country = ["800", "808", "870", "878", "881", "882", "883", "888", "979"];
    let costly = [PhoneNumberType::PremiumRate, PhoneNumberType::SharedCost, PhoneNumberType::PersonalNumber];
    of_no_country.contains(&&*number.country_code.to_string()) || costly.contains(&number.get_type())
}

/// How many digits its calling code has.
pub(super) fn calling_code_length(e164: &str) -> Option<usize> {
    PHONE_NUMBER_UTIL.parse(e164, None).ok().map(|number| number.country_code.to_string().len())
}

/// Reads what follows the `+`. A zero in brackets is for those who call within the country: it is left out, unless the
/// country dials it from abroad too, as Italy does.
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

/// Whether a message could reach it: it is no local number, no short number and no emergency number.
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

/// Whether it begins with the zero of calls within the country although it is not part of numbers there: without it too
/// little is left.
fn keeps_trunk_zero(number: &rlibphonenumber::PhoneNumber, significant: &str) -> bool {
    let begins_so = |kind| {
        let example = PHONE_NUMBER_UTIL.get_example_number_for_type_and_region(main_region(number)?, kind).ok()?;
        Some(example.get_national_significant_number().starts_with('0'))
    };
    let kinds = [PhoneNumberType::FixedLine, PhoneNumberType::Mobile];
    significant.starts_with('0') && !kinds.into_iter().any(|kind| begins_so(kind) == Some(true))
}

/// Whether it is as long as numbers of telephones are in its country, rather than those of services.
fn is_as_long_as_lines_are(number: &rlibphonenumber::PhoneNumber) -> bool {
    let is = |kind| PHONE_NUMBER_UTIL.is_possible_number_for_type_with_reason(number, kind);
    [PhoneNumberType::FixedLineOrMobile, PhoneNumberType::VoIP]
        .into_iter()
        .any(|kind| is(kind) == Ok(NumberLengthType::IsPossible))
}

/// The country that a calling code belongs to first.
fn main_region(number: &rlibphonenumber::PhoneNumber) -> Option<Region> {
    PHONE_NUMBER_UTIL.get_region_for_country_code(number.country_code)
}

/// Whether the area and the exchange are such as the North American Numbering Plan gives out: neither begins with 0 or
/// 1, and areas such as 911 are services. Numbers for tests may have any area
/// ([guide: Test mode](crate::guide::contract_sign_ups#test-mode)).
fn is_north_american(significant: &str) -> bool {
    let begins = |at: usize| significant.as_bytes().get(at).is_some_and(|digit| (b'2'..=b'9').contains(digit));
    let is_for_tests = significant.get(3..8) == Some("55501");
    is_for_tests || (begins(0) && begins(3) && significant.get(1..3) != Some("11"))
}

/// No country's numbers are shorter (Niue); what is shorter is an emergency number or another service.
const SIGNIFICANT_MIN: usize = 4;
const TRUNK_ZERO: &str = "(0)";
