//! The subject: the stable id of a person at a provider. Some providers send it as a number. Two long numbers that are
//! equal as floats must stay two persons.

use std::collections::HashMap;

use serde_json::value::RawValue;
use serde_json::{Number, Value};

/// The subject at `pointer`; `None` if the value is neither text nor number.
pub(super) fn subject(said: &Value, pointer: &str) -> Option<String> {
    match said.pointer(pointer).filter(|_| !pointer.is_empty())? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Parses `json` and replaces the number at `pointer` with one canonical form. A whole number becomes all its digits,
/// however it is written (`1e3` and `1000.0` are the subject 1000). A fraction is written as serde_json writes it, or
/// as received where that would lose digits. An exponent beyond [`EXPONENT_MAX`] gives no subject.
///
/// Integers of 64 bits keep the form in which they were always stored. Whole numbers written with a point or an
/// exponent were once stored as `1000.0`; that form is not recognised any more.
///
/// # Errors
/// Where `json` is not valid JSON.
pub(super) fn read(json: &[u8], pointer: &str) -> Result<Value, serde_json::Error> {
    let mut said: Value = serde_json::from_slice(json)?;
    if let Some(Value::Number(number)) = said.pointer_mut(pointer).filter(|_| !pointer.is_empty())
        && !(number.is_i64() || number.is_u64())
        && let Some(written) = std::str::from_utf8(json).ok().and_then(|text| raw_at(text, pointer))
        && let name = canonical(&written, number)
        && let Some(place) = said.pointer_mut(pointer)
    {
        *place = name.map_or(Value::Null, Value::String);
    }
    Ok(said)
}

/// The value as received. Of members with the same name the last one counts, as in serde_json.
fn raw_at(json: &str, pointer: &str) -> Option<String> {
    let mut here: &str = json;
    for name in pointer.split('/').skip(1) {
        let members: HashMap<String, &RawValue> = serde_json::from_str(here).ok()?;
        here = members.get(name)?.get();
    }
    Some(here.trim().to_owned())
}

/// The canonical form of a number that is no 64-bit integer; `None` if it is too large to write out.
fn canonical(written: &str, read: &Number) -> Option<String> {
    let (digits, point) = decimal(written)?;
    let is_whole = usize::try_from(point).is_ok_and(|point| digits.len() <= point);
    if digits.is_empty() {
        return Some("0".into());
    }
    if !is_whole {
        let read = read.to_string();
        let is_all_of_it = decimal(&read) == Some((digits, point));
        return Some(if is_all_of_it { read } else { written.to_owned() });
    }
    let exponent = written.split_once(['e', 'E']).map_or(Ok(0), |(_, exponent)| exponent.parse::<i64>()).ok()?;
    if exponent > EXPONENT_MAX {
        return None;
    }
    let sign = if written.starts_with('-') { "-" } else { "" };
    let zeros = usize::try_from(point).ok()? - digits.len();
    Some(format!("{sign}{digits}{}", "0".repeat(zeros)))
}

/// The significant digits of a JSON number and the position of its decimal point.
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

/// The largest exponent that is written out; no provider has that many people.
const EXPONENT_MAX: i64 = 40;

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
            ("1.8446744073709551617e19", "18446744073709551617"),
            ("-18446744073709551617.00", "-18446744073709551617"),
            ("0.12345678901234567890123", "0.12345678901234567890123"),
        ] {
            assert_eq!(name_in(&format!("{{\"sub\": {written} }}"), "/sub").as_deref(), Some(name));
        }
    }

    #[test]
    fn one_number_is_one_person_however_it_is_written() {
        for (spellings, name) in [
            (&["1000", "1e3", "1E3", "1e+3", "1000.0", "1000.000", "10e2", "0.1e4", "10000e-1", "1.000e3"][..], "1000"),
            (&["0", "-0", "0.0", "-0.0", "0e5", "0E-7", "0e99"], "0"),
            (&["-5", "-5.0", "-50e-1"], "-5"),
            (&["9007199254740993", "9007199254740993.0", "9.007199254740993e15"], "9007199254740993"),
            (&["100000000000000000000", "1E20", "1e20", "10e19"], "100000000000000000000"),
            (&["1e40"], "10000000000000000000000000000000000000000"),
            (&["1.5", "1.50", "15e-1"], "1.5"),
        ] {
            for written in spellings {
                let json = format!("{{\"sub\":{written}}}");
                assert_eq!(name_in(&json, "/sub").as_deref(), Some(name), "{written}");
            }
        }
    }

    #[test]
    fn a_number_with_a_huge_exponent_is_no_subject() {
        for written in ["1e41", "1E+41", "-1e300", "123.5e41"] {
            assert_eq!(name_in(&format!("{{\"sub\":{written}}}"), "/sub"), None, "{written}");
        }
    }

    #[test]
    fn a_person_known_by_a_shorter_number_stays_known() {
        for written in ["0", "123", "-5", "9007199254740993", "18446744073709551615", "1.50", "0.1", "1e-7", "2.5e-300"]
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
