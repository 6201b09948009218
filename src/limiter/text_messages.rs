//! All limits against pumping: text messages a day to one prefix, to one country and to all numbers together, and a
//! breaker for prefixes whose codes hardly anybody uses.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use crate::domain::settings::source_limits::{Conversion, SourceLimits};
use crate::domain::time::{Span, Timestamp};

use super::prefix::{PrefixLimited, PrefixLimiter};

/// Counts text messages by where they go.
#[derive(Debug, Default)]
pub struct TextMessageLimiter {
    total: Option<PrefixLimiter>,
    country: Option<PrefixLimiter>,
    prefix: Option<PrefixLimiter>,
    conversion: Option<ConversionBreaker>,
}

/// Where a text message goes.
#[derive(Clone, Copy, Debug)]
pub struct Destination<'a> {
    /// The country of the number (ISO 3166-1), or what stands for one.
    pub country: &'a str,
    /// The prefix of the number.
    pub prefix: &'a str,
}

/// A limit for text messages is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextMessageLimited {
    /// The configuration key of the limit.
    pub key: &'static str,
    /// Time until such messages are accepted again.
    pub retry_after: Span,
    /// Whether this is its first refusal, which the caller should log.
    pub is_news: bool,
}

impl TextMessageLimiter {
    /// A limiter with these limits.
    pub fn new(limits: &SourceLimits) -> Self {
        Self {
            total: limits.sms_per_day.map(PrefixLimiter::new),
            country: limits.sms_per_country.map(PrefixLimiter::new),
            prefix: limits.sms_per_prefix.map(PrefixLimiter::new),
            conversion: limits.sms_conversion.map(ConversionBreaker::new),
        }
    }

    /// Counts one message, unless a limit is reached.
    ///
    /// # Errors
    /// [`TextMessageLimited`] by the first limit that is reached; nothing is counted then.
    pub fn spend(&self, to: Destination<'_>, now: Timestamp) -> Result<(), TextMessageLimited> {
        let limits = self.limits(to);
        for (place, (limiter, name, key)) in limits.iter().enumerate() {
            let Some(limiter) = limiter else { continue };
            if let Err(PrefixLimited { retry_after, is_news }) = limiter.spend(name, now) {
                uncount(&limits[..place]);
                return Err(TextMessageLimited { key, retry_after, is_news });
            }
        }
        if let Some(breaker) = &self.conversion
            && let Err(PrefixLimited { retry_after, is_news }) = breaker.admit(to.prefix, now)
        {
            uncount(&limits);
            return Err(TextMessageLimited { key: "limits.sms_conversion_min", retry_after, is_news });
        }
        Ok(())
    }

    /// Uncounts a message that was not sent.
    pub fn take_back(&self, to: Destination<'_>) {
        uncount(&self.limits(to));
    }

    /// Notes that a provider has taken a message to this prefix. Only then can its code be used.
    pub fn note_sent(&self, prefix: &str, now: Timestamp) {
        if let Some(breaker) = &self.conversion {
            breaker.note_sent(prefix, now);
        }
    }

    /// Notes that a person gave the code of a message to this prefix.
    pub fn note_proof(&self, prefix: &str) {
        if let Some(breaker) = &self.conversion {
            breaker.note_proof(prefix);
        }
    }

    /// Each daily limit, with what it counts here and its key.
    const fn limits<'a>(&'a self, to: Destination<'a>) -> [Limit<'a>; 3] {
        [
            (self.total.as_ref(), "", "limits.sms_per_day"),
            (self.country.as_ref(), to.country, "limits.sms_country_per_day"),
            (self.prefix.as_ref(), to.prefix, "limits.sms_prefix_per_day"),
        ]
    }
}

type Limit<'a> = (Option<&'a PrefixLimiter>, &'a str, &'static str);

fn uncount(limits: &[Limit<'_>]) {
    for (limiter, name, _) in limits {
        if let Some(limiter) = limiter {
            limiter.take_back(name);
        }
    }
}

/// Stops prefixes for a time of whose messages too few are answered with their code: fraudsters have messages sent, and
/// never use them.
#[derive(Debug)]
struct ConversionBreaker {
    terms: Conversion,
    days: Mutex<Days>,
}

#[derive(Debug, Default)]
struct Days {
    rates: HashMap<String, Rate>,
    /// The prefixes, in the order in which they were first seen.
    queue: VecDeque<String>,
}

#[derive(Debug)]
struct Rate {
    since: Timestamp,
    sends: u32,
    proofs: u32,
    /// Until when the prefix is stopped.
    stopped_until: Option<Timestamp>,
}

impl ConversionBreaker {
    fn new(terms: Conversion) -> Self {
        Self { terms, days: Mutex::default() }
    }

    fn admit(&self, prefix: &str, now: Timestamp) -> Result<(), PrefixLimited> {
        let mut days = self.days.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(rate) = days.rates.get_mut(prefix) else { return Ok(()) };
        let mut is_news = false;
        if rate.stopped_until.is_none() && rate.is_below(&self.terms) {
            rate.stopped_until = Some(now + self.terms.pause);
            is_news = true;
        }
        match rate.stopped_until {
            Some(until) if now < until => Err(PrefixLimited { retry_after: until.since(now), is_news }),
            is_over => {
                if is_over.is_some() || now.since(rate.since) >= DAY {
                    *rate = Rate::beginning(now);
                }
                Ok(())
            }
        }
    }

    fn note_sent(&self, prefix: &str, now: Timestamp) {
        let mut days = self.days.lock().unwrap_or_else(PoisonError::into_inner);
        let rate = days.rate(prefix, now);
        rate.sends = rate.sends.saturating_add(1);
    }

    fn note_proof(&self, prefix: &str) {
        let mut days = self.days.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rate) = days.rates.get_mut(prefix) {
            rate.proofs += 1;
        }
    }
}

impl Days {
    /// The rate of a prefix. Where there are too many, the one that was seen first is forgotten.
    fn rate(&mut self, prefix: &str, now: Timestamp) -> &mut Rate {
        if !self.rates.contains_key(prefix) {
            while self.rates.len() >= PREFIXES_MAX
                && let Some(oldest) = self.queue.pop_front()
            {
                self.rates.remove(&oldest);
            }
            self.queue.push_back(prefix.to_owned());
        }
        self.rates.entry(prefix.to_owned()).or_insert_with(|| Rate::beginning(now))
    }
}

impl Rate {
    const fn beginning(now: Timestamp) -> Self {
        Self { since: now, sends: 0, proofs: 0, stopped_until: None }
    }

    const fn is_below(&self, terms: &Conversion) -> bool {
        self.sends >= terms.after && (self.proofs as u64) * 100 < (terms.least_percent as u64) * (self.sends as u64)
    }
}

const DAY: Span = Span::from_secs(86_400);
const PREFIXES_MAX: usize = 65_536;

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Span = Span::from_secs(600);

    fn limits() -> SourceLimits {
        SourceLimits {
            sms_per_prefix: None,
            sms_per_country: None,
            sms_per_day: None,
            sms_conversion: None,
            ..SourceLimits::default()
        }
    }

    fn at(s: u64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + s * 1000)
    }

    fn to<'a>(country: &'a str, prefix: &'a str) -> Destination<'a> {
        Destination { country, prefix }
    }

    /// The key of the limit that refuses, and whether it is news.
    fn refused(limiter: &TextMessageLimiter, to: Destination<'_>, now: u64) -> Option<(&'static str, bool)> {
        limiter.spend(to, at(now)).err().map(|limited| (limited.key, limited.is_news))
    }

    #[test]
    fn each_limit_names_its_key_and_counts_nothing_that_another_one_refuses() {
        let all = SourceLimits { sms_per_day: Some(5), sms_per_country: Some(3), sms_per_prefix: Some(2), ..limits() };
        let limiter = TextMessageLimiter::new(&all);
        let asked = |country, prefix| refused(&limiter, to(country, prefix), 1);
        assert_eq!([asked("DE", "+49151"), asked("DE", "+49151")], [None, None]);
        for is_news in [true, false, false] {
            assert_eq!(asked("DE", "+49151"), Some(("limits.sms_prefix_per_day", is_news)));
        }
        assert_eq!(asked("DE", "+49160"), None, "the refused ones took nothing of the country's share");
        assert_eq!(asked("DE", "+49170"), Some(("limits.sms_country_per_day", true)));
        assert_eq!([asked("FR", "+33601"), asked("FR", "+33602")], [None, None]);
        assert_eq!(asked("US", "+1415"), Some(("limits.sms_per_day", true)));
        limiter.take_back(to("FR", "+33602"));
        assert_eq!(asked("US", "+1415"), None);
    }

    #[test]
    fn a_prefix_whose_codes_are_not_used_is_stopped_for_a_time_and_others_are_not() {
        let conversion = Conversion { least_percent: 10, after: 20, pause: PAUSE };
        let limiter = TextMessageLimiter::new(&SourceLimits { sms_conversion: Some(conversion), ..limits() });
        for n in 0..20 {
            for prefix in ["+49151", "+99999"] {
                assert_eq!(limiter.spend(to("", prefix), at(n)), Ok(()));
                limiter.note_sent(prefix, at(n));
            }
            if n % 10 == 0 {
                limiter.note_proof("+49151");
            }
        }
        let key = "limits.sms_conversion_min";
        let stopped = TextMessageLimited { key, retry_after: PAUSE, is_news: true };
        assert_eq!(limiter.spend(to("", "+99999"), at(20)), Err(stopped));
        assert_eq!(refused(&limiter, to("", "+99999"), 21), Some((key, false)));
        assert_eq!(refused(&limiter, to("", "+49151"), 21), None, "a tenth of its codes was used");
        assert_eq!(refused(&limiter, to("", "+99999"), 620), None, "it begins anew");
    }

    #[test]
    fn codes_that_nobody_got_do_not_stop_a_prefix() {
        let conversion = Conversion { least_percent: 10, after: 20, pause: PAUSE };
        let limiter = TextMessageLimiter::new(&SourceLimits { sms_conversion: Some(conversion), ..limits() });
        for n in 0..100 {
            assert_eq!(limiter.spend(to("", "+49151"), at(n)), Ok(()), "its provider is down");
        }
        (0..19).for_each(|n| limiter.note_sent("+49151", at(n)));
        assert_eq!(limiter.spend(to("", "+49151"), at(100)), Ok(()));
        limiter.note_sent("+49151", at(100));
        assert_eq!(refused(&limiter, to("", "+49151"), 101), Some(("limits.sms_conversion_min", true)));
    }

    #[test]
    fn many_prefixes_take_bounded_memory() {
        let breaker = ConversionBreaker::new(Conversion { least_percent: 10, after: 1, pause: PAUSE });
        for n in 0..200_000 {
            breaker.note_sent(&format!("+{n}"), at(1));
        }
        let days = breaker.days.lock().expect("no panic");
        assert!(days.rates.len() <= PREFIXES_MAX && days.queue.len() <= PREFIXES_MAX);
    }
}
