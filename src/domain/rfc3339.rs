//! Times as RFC 3339 writes them, such as `2024-02-29T23:59:59.250Z`: what `JSON.stringify` makes of a `Date`.

use super::time::Timestamp;

/// Reads a time; digits beyond milliseconds are cut off. `None` for other texts, and for times before 1970.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let (date, rest) = (text.get(..10)?, text.get(11..)?);
    if !matches!(text.as_bytes().get(10)?, b'T' | b't' | b' ') {
        return None;
    }
    let (time, offset_min) = match rest.strip_suffix(['Z', 'z']) {
        Some(time) => (time, 0),
        None => {
            let (time, offset) = rest.split_at_checked(rest.len().checked_sub(6)?)?;
            (time, offset_minutes(offset)?)
        }
    };
    let (clock, fraction) = time.split_once('.').map_or((time, None), |(clock, fraction)| (clock, Some(fraction)));
    let [hour, minute, second] = three(clock, ':', [2, 2, 2])?;
    let millis = fraction.map_or(Some(0), thousandths)?;
    // A leap second counts as the second after it.
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let seconds = days(three(date, '-', [4, 2, 2])?)? * 86_400 + hour * 3600 + (minute - offset_min) * 60 + second;
    u64::try_from(seconds * 1000 + millis).ok().map(Timestamp::from_millis)
}

/// The days from 1970 to a date of the Gregorian calendar. Years begin in March here, so that the leap day is the last.
fn days([year, month, day]: [i64; 3]) -> Option<i64> {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + i64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=length).contains(&day) {
        return None;
    }
    let year = if month > 2 { year } else { year - 1 };
    let from_march = (month + 9) % 12;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    Some(year * 365 + leap_days + (153 * from_march + 2) / 5 + day - 1 - FROM_MARCH_0_TO_1970)
}

/// `+01:30` and the like, in minutes.
fn offset_minutes(text: &str) -> Option<i64> {
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = text.get(1..)?.split_once(':')?;
    let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

fn thousandths(fraction: &str) -> Option<i64> {
    digits(fraction, fraction.len())?;
    digits(format!("{fraction:0<3}").get(..3)?, 3)
}

fn three(text: &str, separator: char, widths: [usize; 3]) -> Option<[i64; 3]> {
    let mut parts = text.split(separator);
    let mut next = |width| digits(parts.next()?, width);
    let read = [next(widths[0])?, next(widths[1])?, next(widths[2])?];
    parts.next().is_none().then_some(read)
}

/// A number of exactly `width` digits, at most 18 of which are read.
fn digits(text: &str, width: usize) -> Option<i64> {
    let is_number = !text.is_empty() && text.len() == width && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number {
        return None;
    }
    text.get(..width.min(18))?.parse().ok()
}

/// The days from 1 March of the year 0 to 1 January 1970.
const FROM_MARCH_0_TO_1970: i64 = 719_468;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_javascript_and_others_write_them() {
        for (text, ms) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1970-01-01T01:00:00.001+01:00", 1),
            ("2000-02-29T00:00:00.000Z", 951_782_400_000),
            ("2024-02-29T23:59:59.25Z", 1_709_251_199_250),
            ("2024-02-29T18:29:59.2509999-05:30", 1_709_251_199_250),
            ("2025-01-01t00:00:00z", 1_735_689_600_000),
            ("2016-12-31 23:59:60Z", 1_483_228_800_000),
        ] {
            assert_eq!(parse(text), Some(Timestamp::from_millis(ms)), "{text}");
        }
    }

    #[test]
    fn other_texts_are_no_times() {
        for text in [
            "",
            "2024-02-29",
            "2024-02-29T23:59:59",
            "2023-02-29T00:00:00Z",
            "2024-13-01T00:00:00Z",
            "2024-00-01T00:00:00Z",
            "2024-04-31T00:00:00Z",
            "2024-04-00T00:00:00Z",
            "2024-04-01T24:00:00Z",
            "2024-04-01T00:00:00.Z",
            "2024-04-01T00:00:00+1:00",
            "2024-4-01T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "1735689600000",
            "2024-04-01T00:00:00é",
            "2024-04-01T00:00:00+24:00",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
