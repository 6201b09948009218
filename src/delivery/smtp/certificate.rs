//! When a certificate ends, for people to read. Whether it is trusted is decided by the TLS library, not here.

use crate::domain::time::Timestamp;

use super::super::der::{SEQUENCE, element};

/// The end of the validity of a certificate in DER (RFC 5280 4.1); `None` if it can't be read.
pub(super) fn ends_at(der: &[u8]) -> Option<Timestamp> {
    let (SEQUENCE, certificate, _) = element(der)? else { return None };
    let (SEQUENCE, mut rest, _) = element(certificate)? else { return None };
    // The version may be left out; then come serial number, algorithm and issuer.
    if let (VERSION, _, behind) = element(rest)? {
        rest = behind;
    }
    for _ in 0..3 {
        rest = element(rest)?.2;
    }
    let (SEQUENCE, validity, _) = element(rest)? else { return None };
    let (kind, text, _) = element(element(validity)?.2)?;
    time(kind, std::str::from_utf8(text).ok()?)
}

/// `YYMMDDhhmmssZ` or `YYYYMMDDhhmmssZ` (RFC 5280 4.1.2.5).
fn time(kind: u8, text: &str) -> Option<Timestamp> {
    let (year_digits, text) = match kind {
        UTC_TIME => (2, text),
        GENERALIZED_TIME => (4, text),
        _ => return None,
    };
    let digits = text.strip_suffix('Z').filter(|digits| digits.len() == year_digits + 10)?;
    let (year, rest) = digits.split_at_checked(year_digits)?;
    let year: i64 = year.parse().ok()?;
    let year = if year_digits == 2 { year + if year < 50 { 2000 } else { 1900 } } else { year };
    let part = |at: usize| rest.get(2 * at..2 * at + 2).and_then(|part| part.parse::<i64>().ok());
    let (month, day) = (part(0)?, part(1)?);
    // Days since 1970, counted in eras of 400 years that begin in March.
    let march = (month + 9) % 12;
    let year = if month <= 2 { year - 1 } else { year };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * march + 2) / 5 + day - 1 - 719_468;
    let seconds = ((days * 24 + part(2)?) * 60 + part(3)?) * 60 + part(4)?;
    Some(Timestamp::from_millis(u64::try_from(seconds).ok()?.checked_mul(1000)?))
}

const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_certificate_is_read() {
        let certificate = include_bytes!("../../../tests/support/tls/cert.der");
        let ends_at = ends_at(certificate).expect("a certificate");
        // In the year 2120, as the folder of the certificate says.
        assert!((4_733_510_400..4_765_132_800).contains(&ends_at.as_secs()), "{ends_at:?}");
        assert_eq!(super::ends_at(&certificate[..40]), None);
    }

    #[test]
    fn both_forms_of_times_are_read() {
        for (kind, text, seconds) in [
            (UTC_TIME, "700101000000Z", Some(0)),
            (UTC_TIME, "491231235959Z", Some(2_524_607_999)),
            (GENERALIZED_TIME, "20500101000000Z", Some(2_524_608_000)),
            (GENERALIZED_TIME, "20000301000000Z", Some(951_868_800)),
            (UTC_TIME, "7001010000Z", None),
            (UTC_TIME, "20500101000000Z", None),
            (0x13, "700101000000Z", None),
        ] {
            assert_eq!(time(kind, text), seconds.map(|s| Timestamp::from_millis(s * 1000)), "{text}");
        }
    }
}
