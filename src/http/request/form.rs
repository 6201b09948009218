//! Parameters of a query or a form body (`application/x-www-form-urlencoded`), decoded strictly: a value that is not
//! UTF-8 is an error instead of being repaired. An empty parameter counts as absent, because clerk-js sends `null` as
//! an empty one ([guide: Parameters](crate::guide::contract#parameters)). The few that are empty to remove a value are
//! read by [`Params::said`].

use std::ops::RangeInclusive;
use std::sync::OnceLock;

use crate::domain::rejection::{ErrorCode, Reason};
use crate::domain::time::Timestamp;
use crate::http::operations::parameters;

/// Decoded parameters, in the order in which they came.
#[derive(Clone, Debug, Default)]
pub(in crate::http) struct Params {
    pairs: Vec<(String, Value)>,
    /// The parameters that the route says it reads, where that is looked at.
    declared: OnceLock<[&'static str; 2]>,
}

/// A value, unless its bytes are not UTF-8.
type Value = Result<String, NotUtf8>;

#[derive(Clone, Copy, Debug)]
struct NotUtf8;

/// More parameters than allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) struct TooMany;

impl Params {
    /// Decodes a query or a form body with at most `max` parameters.
    pub(in crate::http) fn decode(encoded: &[u8], max: usize) -> Result<Self, TooMany> {
        let pairs = || encoded.split(|b| *b == b'&').filter(|p| !p.is_empty());
        if pairs().count() > max {
            return Err(TooMany);
        }
        Ok(Self { pairs: pairs().map(pair).collect(), declared: OnceLock::new() })
    }

    /// Notes which parameters the route says that it reads (`http/operations.rs`): a debug build stops where it reads another.
    pub(in crate::http) fn declare(&self, lists: [&'static str; 2]) {
        // A request that is answered twice declares the same.
        let _first = self.declared.set(lists);
    }

    fn assert_declared(&self, name: &str) {
        if cfg!(debug_assertions)
            && let Some(lists) = self.declared.get()
        {
            let mut declared = lists.iter().copied().flat_map(parameters);
            assert!(
                declared.any(|(known, _)| known == name),
                "no row of http/operations.rs names the parameter {name}"
            );
        }
    }

    /// The value of a parameter that may appear once; an empty one counts as absent.
    pub(in crate::http) fn single(&self, name: &str) -> Result<Option<&str>, Reason> {
        self.said(name).map(|value| value.filter(|text| !text.is_empty()))
    }

    /// The same, where an empty value has a meaning.
    pub(in crate::http) fn said(&self, name: &str) -> Result<Option<&str>, Reason> {
        self.assert_declared(name);
        let mut values = self.pairs.iter().filter(|(n, _)| n == name).map(|(_, v)| v);
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some(Ok(value)), None) => Ok(Some(value)),
            (Some(Err(NotUtf8)), None) => Err(ErrorCode::FormParamValueInvalid.on(name)),
            (Some(_), Some(_)) => Err(ErrorCode::FormParamDuplicate.on(name)),
        }
    }

    /// The values of a parameter that may be repeated, as `name` or as `name[]`; empty ones count as absent.
    pub(in crate::http) fn all(&self, name: &str) -> Result<Vec<&str>, Reason> {
        self.assert_declared(name);
        let is_meant = |given: &str| given.strip_suffix("[]").unwrap_or(given) == name;
        let values = self.pairs.iter().filter(|(given, _)| is_meant(given)).map(|(_, value)| value.as_deref());
        let values =
            values.collect::<Result<Vec<_>, _>>().map_err(|NotUtf8| ErrorCode::FormParamValueInvalid.on(name))?;
        Ok(values.into_iter().filter(|value| !value.is_empty()).collect())
    }

    /// The value of a parameter that clients send by themselves, so that a refusal would help neither person nor
    /// developer. Of several values the first readable one is taken; unreadable ones count as absent.
    pub(in crate::http) fn hint(&self, name: &str) -> Option<&str> {
        self.assert_declared(name);
        let mut readable = self.pairs.iter().filter(|(n, _)| n == name).filter_map(|(_, value)| value.as_deref().ok());
        readable.find(|text| !text.is_empty())
    }

    /// The refusal of a parameter that the route does not have, where it is there: who sends it would wait for what never comes.
    pub(in crate::http) fn refuse(&self, name: &str) -> Option<Reason> {
        self.pairs.iter().any(|(given, _)| given == name).then(|| ErrorCode::FormParamUnknown.on(name))
    }

    /// A reader that collects all errors of the parameters that it reads.
    pub(in crate::http) fn reader<'a>(&'a self, reasons: &'a mut Vec<Reason>) -> Reader<'a> {
        Reader { params: self, reasons }
    }
}

/// Reads parameters one by one and collects their errors.
pub(in crate::http) struct Reader<'a> {
    params: &'a Params,
    reasons: &'a mut Vec<Reason>,
}

impl Reader<'_> {
    /// A count; `None` when it is absent or invalid.
    pub(in crate::http) fn number(&mut self, name: &str) -> Option<usize> {
        let text = self.take(name)?;
        let number = text.parse().map_err(|_| ErrorCode::FormParamTypeInvalid.on(name));
        number.map_err(|reason| self.reasons.push(reason)).ok()
    }

    /// A count within a range; `None` when it is absent or invalid.
    pub(in crate::http) fn number_in(&mut self, name: &str, range: RangeInclusive<usize>) -> Option<usize> {
        let number = self.number(name)?;
        if !range.contains(&number) {
            self.reasons.push(ErrorCode::FormParamValueInvalid.on(name));
            return None;
        }
        Some(number)
    }

    /// A boolean; `None` when it is absent or invalid.
    pub(in crate::http) fn flag(&mut self, name: &str) -> Option<bool> {
        let text = self.take(name)?;
        let flag = text.parse().map_err(|_| ErrorCode::FormParamTypeInvalid.on(name));
        flag.map_err(|reason| self.reasons.push(reason)).ok()
    }

    /// A time in milliseconds since 1970; `None` when it is absent or invalid.
    pub(in crate::http) fn time(&mut self, name: &str) -> Option<Timestamp> {
        self.number(name).map(|ms| Timestamp::from_millis(ms as u64))
    }

    /// The values of a parameter that may be repeated ([`Params::all`]); none when one of them is invalid.
    pub(in crate::http) fn all(&mut self, name: &str) -> Vec<String> {
        match self.params.all(name) {
            Ok(values) => values.into_iter().map(str::to_owned).collect(),
            Err(reason) => {
                self.reasons.push(reason);
                Vec::new()
            }
        }
    }

    /// The value of a parameter; `None` when it is absent, empty or invalid.
    pub(in crate::http) fn take(&mut self, name: &str) -> Option<String> {
        self.noted(self.params.single(name))
    }

    /// The same, where an empty value removes the stored one.
    pub(in crate::http) fn take_or_clear(&mut self, name: &str) -> Option<String> {
        self.noted(self.params.said(name))
    }

    /// The value of a parameter that clients send by themselves ([`Params::hint`]); it causes no errors.
    pub(in crate::http) fn hint(&mut self, name: &str) -> Option<String> {
        self.params.hint(name).map(str::to_owned)
    }

    /// The same, where an empty value removes the stored one.
    pub(in crate::http) fn hint_or_clear(&mut self, name: &str) -> Option<String> {
        self.hint(name).or_else(|| self.params.said(name).ok().flatten().map(str::to_owned))
    }

    fn noted(&mut self, value: Result<Option<&str>, Reason>) -> Option<String> {
        match value {
            Ok(value) => value.map(str::to_owned),
            Err(reason) => {
                self.reasons.push(reason);
                None
            }
        }
    }
}

fn pair(encoded: &[u8]) -> (String, Value) {
    let (name, value) = match encoded.iter().position(|b| *b == b'=') {
        Some(at) => (&encoded[..at], &encoded[at + 1..]),
        None => (encoded, &[][..]),
    };
    let name = String::from_utf8(unescape(name)).unwrap_or_default();
    (name, String::from_utf8(unescape(value)).map_err(|_| NotUtf8))
}

/// The bytes of an encoded component: `+` is a space, `%XX` a byte, and any other `%` itself.
fn unescape(component: &[u8]) -> Vec<u8> {
    let digit = |at: usize| component.get(at).and_then(|b| char::from(*b).to_digit(16));
    let mut bytes = Vec::with_capacity(component.len());
    let mut at = 0;
    loop {
        // Most of it is written as it is.
        let plain = component[at..].iter().take_while(|byte| !matches!(byte, b'%' | b'+')).count();
        bytes.extend_from_slice(&component[at..at + plain]);
        at += plain;
        let Some(byte) = component.get(at) else { return bytes };
        at += 1;
        match (byte, digit(at), digit(at + 1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high * 16 + low) as u8);
                at += 2;
            }
            (b'+', ..) => bytes.push(b' '),
            _ => bytes.push(*byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoding_agrees_with_the_url_standard() {
        for text in [
            "",
            "a=1&b=2",
            "a",
            "a=&=b&&c",
            "email_address=ada%2Btag%40example.com",
            "first_name=J%C3%BCrgen+M%C3%BCller",
            "odd=%&odd2=%4&odd3=%zz%41",
            "metadata=%7B%22a%22%3A%22b%3Dc%26d%22%7D",
            "eq=a=b=c",
        ] {
            let ours = Params::decode(text.as_bytes(), 100).expect("few enough");
            let ours: Vec<(String, String)> = ours.pairs.into_iter().map(|(n, v)| (n, v.expect("UTF-8"))).collect();
            let theirs: Vec<(String, String)> = form_urlencoded::parse(text.as_bytes()).into_owned().collect();
            assert_eq!(ours, theirs, "{text}");
        }
    }

    #[test]
    fn a_single_valued_parameter_comes_once_and_in_utf_8() {
        let params = Params::decode(b"a=1&a=2&b=%FF&c=3&d=%EF%BF%BD", 100).expect("few enough");
        assert_eq!(params.single("a"), Err(ErrorCode::FormParamDuplicate.on("a")));
        assert_eq!(params.single("b"), Err(ErrorCode::FormParamValueInvalid.on("b")));
        assert_eq!(params.single("c"), Ok(Some("3")));
        assert_eq!(params.single("d"), Ok(Some("\u{fffd}")));
        assert_eq!(params.single("e"), Ok(None));
        let mut reasons = Vec::new();
        let mut reader = params.reader(&mut reasons);
        assert_eq!(reader.take("a"), None);
        assert_eq!(reader.take("b"), None);
        assert_eq!(reader.take("c").as_deref(), Some("3"));
        assert_eq!(reasons.len(), 2, "both are reported");
    }

    #[test]
    fn an_empty_parameter_is_an_absent_one_unless_it_takes_something_away() {
        let params = Params::decode(b"ticket=&strategy&first_name=&limit=", 100).expect("few enough");
        for name in ["ticket", "strategy", "first_name"] {
            assert_eq!((params.single(name), params.said(name)), (Ok(None), Ok(Some(""))), "{name}");
        }
        let mut reasons = Vec::new();
        let mut reader = params.reader(&mut reasons);
        assert_eq!((reader.take("ticket"), reader.number("limit")), (None, None));
        assert_eq!(reader.take_or_clear("first_name").as_deref(), Some(""));
        assert_eq!(reasons, []);
    }

    #[test]
    fn what_clients_send_by_themselves_is_never_at_fault() {
        let form = b"locale=%FF&locale=&locale=de&locale=fr&channel=%C3%28&timezone=&captcha_error";
        let params = Params::decode(form, 100).expect("few enough");
        let mut reasons = Vec::new();
        let mut reader = params.reader(&mut reasons);
        assert_eq!(reader.hint("locale").as_deref(), Some("de"), "the first that can be read");
        for name in ["channel", "timezone", "captcha_error", "absent"] {
            assert_eq!(reader.hint(name), None, "{name}");
        }
        let cleared = ["locale", "timezone", "channel", "absent"].map(|name| reader.hint_or_clear(name));
        assert_eq!(cleared.each_ref().map(Option::as_deref), [Some("de"), Some(""), None, None]);
        assert_eq!(reasons, []);
    }

    #[test]
    fn a_repeated_parameter_is_a_list() {
        let params = Params::decode(b"a=1&b[]=2&a=&a[]=3&c=%FF&ab=4&flag=true&odd=yes&at=5", 100).expect("few enough");
        assert_eq!(params.all("a"), Ok(vec!["1", "3"]));
        assert_eq!((params.all("b"), params.all("d")), (Ok(vec!["2"]), Ok(vec![])));
        let mut reasons = Vec::new();
        let mut reader = params.reader(&mut reasons);
        assert_eq!((reader.all("c"), reader.flag("flag"), reader.flag("odd")), (vec![], Some(true), None));
        assert_eq!((reader.time("at"), reader.time("odd")), (Some(Timestamp::from_millis(5)), None));
        let invalid = ErrorCode::FormParamTypeInvalid.on("odd");
        assert_eq!(reasons, [ErrorCode::FormParamValueInvalid.on("c"), invalid.clone(), invalid]);
    }

    #[test]
    fn a_flood_of_parameters_is_refused() {
        let flood = "a=1&".repeat(101);
        assert_eq!(Params::decode(flood.as_bytes(), 100).err(), Some(TooMany));
        assert!(Params::decode(&flood.as_bytes()[4..], 100).is_ok());
    }
}
