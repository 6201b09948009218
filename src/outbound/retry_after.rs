//! The header `Retry-After` (RFC 9110 10.2.3): a number of seconds, or a date.

use crate::domain::time::{Span, Timestamp};

/// How long to wait from `now`. `None` if the value is neither a number of seconds nor a date in the form that senders
/// must use, such as `Sun, 06 Nov 1994 08:49:37 GMT`. A date in the past means no wait.
pub(crate) fn retry_after(value: &str, now: Timestamp) -> Option<Span> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number beyond 64 bits is as good as the largest one.
        return Some(Span::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    Some(date(value)?.since(now))
}

/// A date in the form IMF-fixdate (RFC 9110 5.6.7). The day of the week is not checked.
fn date(value: &str) -> Option<Timestamp> {
    let (_, rest) = value.split_once(", ")?;
    let parts: Vec<&str> = rest.split(' ').collect();
    let [day, month, year, time, "GMT"] = parts[..] else { return None };
    let month = MONTHS.iter().position(|name| *name == month)?;
    let time: Vec<&str> = time.split(':').collect();
    let [hour, minute, second] = time[..] else { return None };
    let (day, year) = (digits(day, 2)?, digits(year, 4)?);
    let (hour, minute, second) = (digits(hour, 2)?, digits(minute, 2)?, digits(second, 2)?);
    // 60 is a leap second.
    if !(1..=31).contains(&day) || year < 1970 || hour >= 24 || minute >= 60 || second > 60 {
        return None;
    }
    let leap_days = |year: u64| year / 4 - year / 100 + year / 400;
    let is_leap = leap_days(year) > leap_days(year - 1);
    let past_leap_day = u64::from(is_leap && month >= 2);
    let days =
        365 * (year - 1970) + leap_days(year - 1) - leap_days(1969) + DAYS_BEFORE[month] + past_leap_day + (day - 1);
    let seconds = ((days * 24 + hour) * 60 + minute) * 60 + second;
    Some(Timestamp::from_millis(seconds * 1000))
}

/// A number of exactly `length` decimal digits.
fn digits(text: &str, length: usize) -> Option<u64> {
    let is_number = text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// Days of a common year before each month.
const DAYS_BEFORE: [u64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_read() {
        let now = Timestamp::from_millis(784_111_777_000);
        for (value, seconds) in [
            ("0", Some(0)),
            (" 120 ", Some(120)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(0)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
            ("Sun, 06 Nov 1994 07:00:00 GMT", Some(0)),
            ("", None),
            ("-1", None),
            ("+1", None),
            ("1.5", None),
            ("soon", None),
            ("Sun, 06 Nov 1994 08:50:37", None),
            ("Sun, 06 Nov 1994 08:50:37 CET", None),
            ("Sunday, 06-Nov-94 08:49:37 GMT", None),
            ("Sun, 6 Nov 1994 08:50:37 GMT", None),
            ("Sun, 06 nov 1994 08:50:37 GMT", None),
            ("Sun, 06 Nov 1994 24:50:37 GMT", None),
            ("Sun, 00 Nov 1994 08:50:37 GMT", None),
            ("Sun, 06 Nov 0000 08:50:37 GMT", None),
        ] {
            assert_eq!(retry_after(value, now), seconds.map(Span::from_secs), "{value}");
        }
        assert_eq!(retry_after("99999999999999999999999", now), Some(Span::from_millis(u64::MAX)));
    }

    #[test]
    fn dates_are_counted_over_leap_years() {
        for (value, seconds) in [
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Tue, 29 Feb 2000 00:00:00 GMT", 951_782_400),
            ("Wed, 01 Mar 2000 00:00:00 GMT", 951_868_800),
            ("Sun, 31 Dec 2023 23:59:59 GMT", 1_704_067_199),
            ("Thu, 29 Feb 2024 12:00:00 GMT", 1_709_208_000),
            ("Mon, 01 Mar 2100 00:00:00 GMT", 4_107_542_400),
        ] {
            assert_eq!(retry_after(value, Timestamp::EPOCH), Some(Span::from_secs(seconds)), "{value}");
        }
    }
}
