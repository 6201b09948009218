//! The provider's lasting name for a person. Some providers write it as a number, and two long numbers that are one as a
//! float must stay two persons.

use std::collections::HashMap;

use serde_json::value::RawValue;
use serde_json::{Number, Value};

/// The name at `pointer`; `None` where there is no text and no number.
pub(super) fn subject(said: &Value, pointer: &str) -> Option<String> {
    match said.pointer(pointer).filter(|_| !pointer.is_empty())? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// What `json` says, with the number at `pointer` as the text of its digits where it would lose some. All others stay as
/// serde_json reads them, so that a person who is known by a shorter number still is.
///
/// # Errors
/// Where it is no JSON.
pub(super) fn read(json: &[u8], pointer: &str) -> Result<Value, serde_json::Error> {
    let mut said: Value = serde_json::from_slice(json)?;
    if let Some(Value::Number(number)) = said.pointer_mut(pointer).filter(|_| !pointer.is_empty())
        && let Some(written) = std::str::from_utf8(json).ok().and_then(|text| written_at(text, pointer))
        && loses_digits(&written, number)
        && let Some(place) = said.pointer_mut(pointer)
    {
        *place = Value::String(written);
    }
    Ok(said)
}

/// How a value is written. Of members of the same name the last one counts, as with serde_json.
fn written_at(json: &str, pointer: &str) -> Option<String> {
    let mut here: &str = json;
    for name in pointer.split('/').skip(1) {
        let members: HashMap<String, &RawValue> = serde_json::from_str(here).ok()?;
        here = members.get(name)?.get();
    }
    Some(here.trim().to_owned())
}

/// Whether a number was written with more digits than are left of it. Whole numbers beyond 64 bits are names in all
/// their digits, whether a float could hold them or not.
fn loses_digits(written: &str, read: &Number) -> bool {
    let is_whole = written.trim_start_matches('-').bytes().all(|byte| byte.is_ascii_digit());
    let fits = read.is_i64() || read.is_u64();
    !fits && ((is_whole && written != "-0") || decimal(written) != decimal(&read.to_string()))
}

/// The digits of a number as JSON writes it, without zeros at the ends, and the place of its point.
fn decimal(written: &str) -> Option<(String, i64)> {
    let (number, exponent) = written.split_once(['e', 'E']).unwrap_or((written, "0"));
    let (whole, fraction) =
        number.trim_start_matches('-').split_once('.').unwrap_or((number.trim_start_matches('-'), ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_start_matches('0');
    if significant.is_empty() {
        return Some((String::new(), 0));
    }
    let leading = i64::try_from(digits.len() - significant.len()).ok()?;
    let point = i64::try_from(whole.len()).ok()?.checked_sub(leading)?.checked_add(exponent.parse().ok()?)?;
    Some((significant.trim_end_matches('0').to_owned(), point))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name_in(json: &str, pointer: &str) -> Option<String> {
        subject(&read(json.as_bytes(), pointer).expect("JSON"), pointer)
    }

    #[test]
    fn every_digit_of_a_number_counts() {
        for (written, name) in [
            ("18446744073709551615", "18446744073709551615"),
            ("18446744073709551616", "18446744073709551616"),
            ("18446744073709551617", "18446744073709551617"),
            ("-9223372036854775809", "-9223372036854775809"),
            ("123456789012345678901234567890", "123456789012345678901234567890"),
            ("100000000000000000000", "100000000000000000000"),
            ("1.8446744073709551617e19", "1.8446744073709551617e19"),
            ("0.12345678901234567890123", "0.12345678901234567890123"),
        ] {
            assert_eq!(name_in(&format!("{{\"sub\": {written} }}"), "/sub").as_deref(), Some(name));
        }
    }

    #[test]
    fn whoever_is_known_by_a_shorter_number_stays_known() {
        for written in ["0", "123", "-5", "9007199254740993", "1e3", "1.0", "1.50", "-0", "0.1", "1E20", "1e-7", "0.0"]
        {
            let today: Value = serde_json::from_str(written).expect("a number");
            assert_eq!(name_in(&format!("{{\"sub\":{written}}}"), "/sub"), Some(today.to_string()), "{written}");
        }
        assert_eq!(name_in(r#"{"sub":123}"#, "/sub").as_deref(), Some("123"));
        assert_eq!(name_in(r#"{"sub":"123"}"#, "/sub").as_deref(), Some("123"));
    }

    #[test]
    fn it_is_found_wherever_the_provider_puts_it() {
        for (json, pointer, name) in [
            (
                r#"{"data":{"user":{"open_id":99999999999999999999}}}"#,
                "/data/user/open_id",
                Some("99999999999999999999"),
            ),
            (r#"{"sub":1,"sub":99999999999999999991}"#, "/sub", Some("99999999999999999991")),
            (r#"{"sub":99999999999999999991,"sub":2}"#, "/sub", Some("2")),
            (
                r#"{"data":{"id":99999999999999999991},"data":{"id":99999999999999999992}}"#,
                "/data/id",
                Some("99999999999999999992"),
            ),
            (r#"{"s\u0075b":99999999999999999991}"#, "/sub", Some("99999999999999999991")),
            (r#"{"sub":[99999999999999999991]}"#, "/sub", None),
            (r#"{"sub":null}"#, "/sub", None),
            (r#"[1]"#, "/sub", None),
            ("7", "", None),
        ] {
            assert_eq!(name_in(json, pointer).as_deref(), name, "{json}");
        }
        assert!(read(b"{\"sub\":1e999}", "/sub").is_err() && read(b"no JSON", "/sub").is_err());
    }
}
