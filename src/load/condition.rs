//! Conditions that fail a run, such as `p99>200ms`, for use in CI pipelines.

use std::fmt;
use std::str::FromStr;

use super::recorder::Step;

/// A parsed condition, with its text.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    written: String,
    pub(super) measure: Measure,
    order: Order,
    limit: f64,
}

/// What a condition compares. Times are in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Measure {
    /// A quantile of the duration of sign-ups, or of one of their steps: 0.99 is p99, 1 is the maximum.
    Latency(Option<Step>, f64),
    /// The mean duration.
    Mean(Option<Step>),
    /// Failed sign-ups: their number, or their share of those begun.
    Failed(Unit),
    /// Sign-ups that were due and did not begin.
    NotStarted,
    /// Completed sign-ups.
    Completed,
    /// Sign-ups abandoned on purpose.
    Abandoned,
    /// Completed sign-ups per second.
    CompletedPerS,
    /// Reached rate divided by offered rate, at most 1. Only with `--rate`.
    Reached,
}

/// Unit of a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Unit {
    Count,
    Share,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Order {
    Above,
    AtLeast,
    Below,
    AtMost,
    Equal,
}

/// The text is not a valid condition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidCondition(String);

impl Condition {
    /// Whether the measured value meets the condition. A value that could not be measured meets each: a run without
    /// data is no success.
    pub(super) fn is_met(&self, measured: Option<f64>) -> bool {
        let Some(measured) = measured else { return true };
        match self.order {
            Order::Above => measured > self.limit,
            Order::AtLeast => measured >= self.limit,
            Order::Below => measured < self.limit,
            Order::AtMost => measured <= self.limit,
            Order::Equal => (measured - self.limit).abs() < f64::EPSILON,
        }
    }

    /// Whether it is only defined for a run with `--rate`.
    pub const fn needs_rate(&self) -> bool {
        matches!(self.measure, Measure::Reached)
    }

    /// A measured value in the condition's unit, for messages.
    pub(super) fn shown(&self, measured: Option<f64>) -> String {
        match (measured, self.measure) {
            (None, _) => "nothing was measured".into(),
            (Some(value), Measure::Latency(..) | Measure::Mean(_)) => format!("it is {value:.2} ms"),
            (Some(value), Measure::Reached | Measure::Failed(Unit::Share)) => format!("it is {:.1} %", value * 100.0),
            (Some(value), Measure::CompletedPerS) => format!("it is {value:.1}"),
            (Some(value), _) => format!("it is {value:.0}"),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl FromStr for Condition {
    type Err = InvalidCondition;

    fn from_str(text: &str) -> Result<Self, InvalidCondition> {
        let plain: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let at = plain.find(['<', '>', '=']).ok_or_else(|| invalid(text, "has no <, >, <=, >= or = in it"))?;
        let (name, rest) = plain.split_at(at);
        let (order, limit) = [
            (">=", Order::AtLeast),
            ("<=", Order::AtMost),
            ("==", Order::Equal),
            (">", Order::Above),
            ("<", Order::Below),
            ("=", Order::Equal),
        ]
        .iter()
        .find_map(|(sign, order)| Some((*order, rest.strip_prefix(sign)?)))
        .ok_or_else(|| invalid(text, "has no <, >, <=, >= or = in it"))?;
        let unit = if limit.ends_with('%') { Unit::Share } else { Unit::Count };
        let measure = measure(name, unit).ok_or_else(|| invalid(text, &format!("names no known measure: {KNOWN}")))?;
        let limit = match measure {
            Measure::Latency(..) | Measure::Mean(_) => milliseconds(limit).ok_or("needs a time, such as 200ms or 1.5s"),
            Measure::Reached => number(limit).ok_or("needs a share, such as 0.95 or 95%"),
            Measure::Failed(_) => number(limit).ok_or("needs a number, such as 0 or 1%"),
            _ if unit == Unit::Share => Err("is a count, so its limit can't be a share"),
            _ => number(limit).ok_or("needs a number"),
        }
        .map_err(|why| invalid(text, why))?;
        if measure == Measure::Reached && limit > 1.0 {
            return Err(invalid(text, "is impossible: `reached` is at most 1 (100%)"));
        }
        Ok(Self { written: plain, measure, order, limit })
    }
}

fn measure(name: &str, unit: Unit) -> Option<Measure> {
    let (step, what) = match name.split_once('.') {
        Some((step, what)) if Step::named(step).is_some() => (Step::named(step), what),
        _ => (None, name),
    };
    Some(match (step, what) {
        (step, "p50") => Measure::Latency(step, 0.5),
        (step, "p90") => Measure::Latency(step, 0.9),
        (step, "p95") => Measure::Latency(step, 0.95),
        (step, "p99") => Measure::Latency(step, 0.99),
        (step, "p99.9" | "p99_9") => Measure::Latency(step, 0.999),
        (step, "max") => Measure::Latency(step, 1.0),
        (step, "mean") => Measure::Mean(step),
        (Some(_), _) => return None,
        (None, "failed") => Measure::Failed(unit),
        (None, "not_started") => Measure::NotStarted,
        (None, "completed") => Measure::Completed,
        (None, "abandoned") => Measure::Abandoned,
        (None, "completed_per_s") => Measure::CompletedPerS,
        (None, "reached") => Measure::Reached,
        _ => return None,
    })
}

fn milliseconds(text: &str) -> Option<f64> {
    // `s` comes last, because all units end in it.
    let units = [("ms", 1.0), ("us", 0.001), ("µs", 0.001), ("s", 1000.0)];
    let (value, factor) = units.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)))?;
    Some(number(value)? * factor)
}

fn number(text: &str) -> Option<f64> {
    let (digits, divisor) = text.strip_suffix('%').map_or((text, 1.0), |digits| (digits, 100.0));
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    digits.parse::<f64>().ok().filter(|_| is_plain).map(|number| number / divisor)
}

fn invalid(text: &str, why: &str) -> InvalidCondition {
    InvalidCondition(format!("`{text}` {why}"))
}

const KNOWN: &str = "p50, p90, p95, p99, p99.9, max and mean (of a step too: attempt.p99), failed, not_started, \
    completed, abandoned, completed_per_s, reached";

#[cfg(test)]
mod tests {
    use super::*;

    fn met(text: &str, measured: f64) -> bool {
        text.parse::<Condition>().expect(text).is_met(Some(measured))
    }

    #[test]
    fn conditions_say_what_they_look_like() {
        for (text, above, below) in [
            ("p99>200ms", 200.1, 200.0),
            ("p99 >= 0.2s", 200.0, 199.9),
            ("p99.9>1500us", 1.6, 1.5),
            ("attempt.p95>20ms", 21.0, 19.0),
            ("prepare.p99.9>20ms", 21.0, 19.0),
            ("create.max>1s", 1001.0, 999.0),
            ("mean>5ms", 5.1, 4.9),
            ("failed>0", 1.0, 0.0),
            ("failed>=1%", 0.01, 0.009),
            ("reached>=0.95", 0.95, 0.94),
            ("not_started>0", 1.0, 0.0),
        ] {
            assert!(met(text, above) && !met(text, below), "{text}");
        }
        for (text, below, above) in
            [("reached<95%", 0.949, 0.95), ("completed<=10", 10.0, 11.0), ("completed_per_s<100", 99.0, 100.0)]
        {
            assert!(met(text, below) && !met(text, above), "{text}");
        }
        assert!(met("completed=10", 10.0) && met("completed==10", 10.0) && !met("completed=10", 9.0));
        assert!("p99>1s".parse::<Condition>().expect("one").is_met(None), "nothing measured is no success");
    }

    #[test]
    fn what_is_no_condition_is_refused_with_the_reason() {
        for (text, why) in [
            ("", "has no <"),
            ("p99", "has no <"),
            ("p99>200", "needs a time"),
            ("p99>ms", "needs a time"),
            ("p99>-1ms", "needs a time"),
            ("p99>1e3ms", "needs a time"),
            ("p98>1ms", "names no known measure"),
            ("walk.p99>1ms", "names no known measure"),
            ("attempt.failed>1", "names no known measure"),
            ("failed>some", "needs a number"),
            ("failed>NaN", "needs a number"),
            ("completed<5%", "can't be a share"),
            ("reached<1.5", "at most 1"),
            ("reached<150%", "at most 1"),
            (">5", "names no known measure"),
        ] {
            let refused = text.parse::<Condition>().expect_err(text).to_string();
            assert!(refused.contains(why) && refused.starts_with(&format!("`{text}`")), "{refused}");
        }
    }
}
