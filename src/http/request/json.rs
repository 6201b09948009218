//! Parameters of a backend's call: a JSON object, read by name. Unknown names are ignored, because every release of
//! Clerk's packages adds some; a value of the wrong type is an error under its name.

use bytes::Bytes;
use hyper::body::Body;
use hyper::header::{CONTENT_TYPE, HeaderMap};
use serde_json::{Map, Value};

use crate::domain::metadata::Metadata;
use crate::domain::rejection::{ErrorCode, Reason};
use crate::domain::rfc3339;
use crate::domain::secret::Secret;
use crate::domain::sign_up::Patch;
use crate::domain::time::Timestamp;

use super::body;
use crate::http::HttpOptions;
use crate::http::operations::parameters;
use crate::http::response::error::{HttpError, TransportError};

/// A JSON object's values by name.
#[derive(Clone, Debug, Default)]
pub(in crate::http) struct Json {
    values: Map<String, Value>,
    /// The names that the route says it reads, where that is looked at.
    declared: Option<&'static str>,
}

/// Reads a JSON body: an object, or several in a list. An empty body and `null` are an empty object.
///
/// # Errors
/// When it is something else, too large or too slow.
pub(in crate::http) async fn read<B>(
    headers: &HeaderMap,
    body: B,
    options: &HttpOptions,
) -> Result<Vec<Json>, HttpError>
where
    B: Body<Data = Bytes> + Unpin,
{
    let bytes = body::read(headers, body, options).await?;
    if bytes.is_empty() {
        return Ok(vec![Json::default()]);
    }
    let content_type = headers.get(CONTENT_TYPE).map(|value| value.as_bytes()).unwrap_or_default();
    let essence = content_type.split(|b| *b == b';').next().unwrap_or_default();
    if !essence.trim_ascii().eq_ignore_ascii_case(b"application/json") {
        return Err(TransportError::UnsupportedContentType.into());
    }
    decode(&bytes)
}

fn decode(bytes: &[u8]) -> Result<Vec<Json>, HttpError> {
    let object = |value| match value {
        Value::Object(values) => Ok(Json { values, declared: None }),
        _ => Err(HttpError::document("", "The body must be a JSON object, or a list of them.")),
    };
    match serde_json::from_slice(bytes) {
        // Some packages send it where their caller gives no parameters.
        Ok(Value::Null) => Ok(vec![Json::default()]),
        Ok(Value::Array(values)) => values.into_iter().map(object).collect(),
        Ok(value) => Ok(vec![object(value)?]),
        Err(error) => Err(HttpError::document("", &format!("The body is not JSON: {error}"))),
    }
}

impl Json {
    /// Notes which values the route says that it reads (`http/operations.rs`): a debug build stops where it reads another.
    pub(in crate::http) const fn declare(&mut self, list: &'static str) {
        self.declared = Some(list);
    }

    fn assert_declared(&self, name: &str) {
        if cfg!(debug_assertions)
            && let Some(list) = self.declared
        {
            let is_known = parameters(list).any(|(known, _)| known == name);
            assert!(is_known, "no row of http/operations.rs names the parameter {name}");
        }
    }

    /// A reader that collects all errors of the values that it reads.
    pub(in crate::http) fn reader<'a>(&'a self, reasons: &'a mut Vec<Reason>) -> Reader<'a> {
        Reader { json: self, reasons }
    }
}

/// Reads values one by one and collects their errors. `null` counts as absent.
pub(in crate::http) struct Reader<'a> {
    json: &'a Json,
    reasons: &'a mut Vec<Reason>,
}

impl Reader<'_> {
    /// A text; an empty one counts as absent.
    pub(in crate::http) fn text(&mut self, name: &str) -> Option<String> {
        self.text_or_clear(name).filter(|text| !text.is_empty())
    }

    /// The same, where an empty value or `null` removes the stored one.
    pub(in crate::http) fn text_or_clear(&mut self, name: &str) -> Option<String> {
        if self.is_null(name) {
            return Some(String::new());
        }
        self.take(name, |value| value.as_str().map(str::to_owned))
    }

    /// A boolean.
    pub(in crate::http) fn flag(&mut self, name: &str) -> Option<bool> {
        self.take(name, Value::as_bool)
    }

    /// A count.
    pub(in crate::http) fn count(&mut self, name: &str) -> Option<u64> {
        self.take(name, Value::as_u64)
    }

    /// An object, as text.
    pub(in crate::http) fn object(&mut self, name: &str) -> Option<String> {
        self.take(name, |value| value.is_object().then(|| value.to_string()))
    }

    /// The same, as a change of the stored value.
    pub(in crate::http) fn patch(&mut self, name: &str) -> Patch<String> {
        match self.text_or_clear(name) {
            None => Patch::Keep,
            Some(text) if text.is_empty() => Patch::Clear,
            Some(text) => Patch::Set(text),
        }
    }

    /// A text that must stay out of logs; an empty one counts as absent.
    pub(in crate::http) fn secret(&mut self, name: &str) -> Option<Secret<String>> {
        self.text(name).map(Secret::new)
    }

    /// A text, also an empty one.
    pub(in crate::http) fn word(&mut self, name: &str) -> Option<String> {
        self.take(name, |value| value.as_str().map(str::to_owned))
    }

    /// Refuses a text that differs from the one that is in force and can't be changed by a call.
    pub(in crate::http) fn fixed_word(&mut self, name: &str, in_force: &str) {
        if self.word(name).is_some_and(|text| text != in_force) {
            self.reasons.push(ErrorCode::FormParamValueInvalid.on(name));
        }
    }

    /// The same for a boolean.
    pub(in crate::http) fn fixed_flag(&mut self, name: &str, in_force: bool) {
        if self.flag(name).is_some_and(|is_on| is_on != in_force) {
            self.reasons.push(ErrorCode::FormParamValueInvalid.on(name));
        }
    }

    /// A list of texts; none counts as an empty one.
    pub(in crate::http) fn texts(&mut self, name: &str) -> Vec<String> {
        self.list(name).unwrap_or_default()
    }

    /// A list of texts, also an empty one.
    pub(in crate::http) fn list(&mut self, name: &str) -> Option<Vec<String>> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        self.take(name, |value| value.as_array()?.iter().map(text).collect())
    }

    /// A count of at most 32 bits.
    pub(in crate::http) fn small_count(&mut self, name: &str) -> Option<u32> {
        self.take(name, |value| u32::try_from(value.as_u64()?).ok())
    }

    /// A small count as a change of the stored value.
    pub(in crate::http) fn small_count_patch(&mut self, name: &str) -> Patch<u32> {
        if self.is_null(name) {
            return Patch::Clear;
        }
        self.small_count(name).map_or(Patch::Keep, Patch::Set)
    }

    /// A time, as a text of RFC 3339.
    pub(in crate::http) fn time(&mut self, name: &str) -> Option<Timestamp> {
        let text = self.text(name)?;
        let time = rfc3339::parse(&text);
        if time.is_none() {
            self.reasons.push(ErrorCode::FormParamFormatInvalid.on(name));
        }
        time
    }

    /// An object that is stored as metadata.
    pub(in crate::http) fn metadata(&mut self, name: &str) -> Option<Metadata> {
        let text = self.object(name)?;
        Metadata::parse(name, &text).map_err(|reason| self.reasons.push(reason)).ok()
    }

    /// Refuses values of these names, which it would be wrong to ignore.
    pub(in crate::http) fn refuse(&mut self, names: &[&str]) {
        let is_given = |name: &&&str| self.json.values.get(**name).is_some_and(|value| !value.is_null());
        let given = names.iter().filter(is_given);
        self.reasons.extend(given.map(|name| ErrorCode::FormParamUnknown.on(name)));
    }

    fn is_null(&self, name: &str) -> bool {
        self.json.assert_declared(name);
        self.json.values.get(name).is_some_and(Value::is_null)
    }

    fn take<T>(&mut self, name: &str, read: impl FnOnce(&Value) -> Option<T>) -> Option<T> {
        self.json.assert_declared(name);
        let value = self.json.values.get(name).filter(|value| !value.is_null())?;
        let read = read(value);
        if read.is_none() {
            self.reasons.push(ErrorCode::FormParamTypeInvalid.on(name));
        }
        read
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_by_name_and_type() {
        let json = one(br#"{"a":"text","b":true,"c":7,"d":{"x":[1]},"e":null,"more":[]}"#);
        let mut reasons = Vec::new();
        let mut reader = json.reader(&mut reasons);
        assert_eq!(reader.text("a").as_deref(), Some("text"));
        assert_eq!((reader.flag("b"), reader.count("c")), (Some(true), Some(7)));
        assert_eq!(reader.object("d").as_deref(), Some(r#"{"x":[1]}"#));
        assert_eq!((reader.text("e"), reader.text("f")), (None, None));
        assert_eq!(reasons, []);
    }

    #[test]
    fn an_empty_text_is_none_unless_it_takes_something_away() {
        let json = one(br#"{"a":"","b":null,"c":"text"}"#);
        let mut reasons = Vec::new();
        let mut reader = json.reader(&mut reasons);
        assert_eq!(["a", "b", "c", "d"].map(|name| reader.text(name)), [None, None, Some("text".into()), None]);
        let empty = Some(String::new());
        let cleared = ["a", "b", "c", "d"].map(|name| reader.text_or_clear(name));
        assert_eq!(cleared, [empty.clone(), empty, Some("text".into()), None]);
        assert_eq!(reasons, []);
    }

    #[test]
    fn every_value_of_the_wrong_type_is_told() {
        let json = one(br#"{"a":1,"b":"true","c":-1,"d":[]}"#);
        let mut reasons = Vec::new();
        let mut reader = json.reader(&mut reasons);
        assert_eq!(
            (reader.text("a"), reader.flag("b"), reader.count("c"), reader.object("d")),
            (None, None, None, None)
        );
        assert_eq!(reasons, ["a", "b", "c", "d"].map(|name| ErrorCode::FormParamTypeInvalid.on(name)));
    }

    #[test]
    fn a_change_keeps_what_is_absent_and_clears_what_is_null() {
        let json = one(br#"{"a":"","b":null,"c":"text","d":null,"e":7,"f":4294967296}"#);
        let mut reasons = Vec::new();
        let mut reader = json.reader(&mut reasons);
        let changes = ["a", "b", "c", "x"].map(|name| reader.patch(name));
        assert_eq!(changes, [Patch::Clear, Patch::Clear, Patch::Set("text".into()), Patch::Keep]);
        let changes = ["d", "e", "x", "f"].map(|name| reader.small_count_patch(name));
        assert_eq!(changes, [Patch::Clear, Patch::Set(7), Patch::Keep, Patch::Keep]);
        assert_eq!(reasons, [ErrorCode::FormParamTypeInvalid.on("f")]);
    }

    #[test]
    fn lists_times_and_metadata_are_read_whole_or_not_at_all() {
        let json =
            one(br#"{"a":["x","y"],"b":["x",1],"c":"1970-01-01T00:00:01Z","d":"soon","e":{"k":1},"f":[],"g":1}"#);
        let mut reasons = Vec::new();
        let mut reader = json.reader(&mut reasons);
        assert_eq!((reader.texts("a"), reader.texts("b")), (vec!["x".into(), "y".into()], vec![]));
        assert_eq!((reader.time("c"), reader.time("d")), (Some(Timestamp::from_millis(1000)), None));
        let metadata = reader.metadata("e");
        assert_eq!((metadata.as_ref().map(Metadata::as_str), reader.metadata("f")), (Some(r#"{"k":1}"#), None));
        reader.refuse(&["g", "absent"]);
        let expected = [
            ErrorCode::FormParamTypeInvalid.on("b"),
            ErrorCode::FormParamFormatInvalid.on("d"),
            ErrorCode::FormParamTypeInvalid.on("f"),
            ErrorCode::FormParamUnknown.on("g"),
        ];
        assert_eq!(reasons, expected);
    }

    #[test]
    fn what_a_call_can_not_change_is_taken_only_as_it_is() {
        let json = one(br#"{"a":true,"b":false,"c":"x","d":"","e":null,"f":[],"g":1}"#);
        let mut reasons = Vec::new();
        let mut reader = json.reader(&mut reasons);
        for name in ["a", "b", "absent", "e"] {
            reader.fixed_flag(name, true);
        }
        for name in ["c", "d", "absent", "e"] {
            reader.fixed_word(name, "x");
        }
        assert_eq!((reader.list("f"), reader.list("e"), reader.word("d")), (Some(vec![]), None, Some(String::new())));
        reader.fixed_flag("g", true);
        let expected = [
            ErrorCode::FormParamValueInvalid.on("b"),
            ErrorCode::FormParamValueInvalid.on("d"),
            ErrorCode::FormParamTypeInvalid.on("g"),
        ];
        assert_eq!(reasons, expected);
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for body in [&b"7"[..], b"\"x\"", b"[1]", b"[null]", b"{", b"{\"a\":1}x", b"\xff", &[b'['; 4000]] {
            assert!(decode(body).is_err(), "{body:?}");
        }
        assert_eq!(decode(b"[{},{}]").expect("two").len(), 2);
    }

    #[test]
    fn null_gives_no_parameters() {
        let json = one(b" null ");
        assert_eq!(json.reader(&mut Vec::new()).text("a"), None);
    }

    fn one(body: &[u8]) -> Json {
        decode(body).expect("JSON").remove(0)
    }
}
