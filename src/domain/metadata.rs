//! Metadata: JSON objects that the engine stores as text and does not interpret.

use super::rejection::{ErrorCode, Reason};

/// Metadata: a JSON object of limited size and depth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata(String);

impl Metadata {
    /// Reads the JSON object in `text`, the value of the parameter `param`; an empty text is an empty object. The depth
    /// limit is below what serde_json accepts.
    ///
    /// # Errors
    /// `form_param_value_invalid` for anything else, `form_param_exceeds_allowed_size`.
    pub fn parse(param: &str, text: &str) -> Result<Self, Reason> {
        if text.is_empty() {
            return Ok(Self("{}".into()));
        }
        let too_large = || ErrorCode::FormParamExceedsAllowedSize.on(param).with(METADATA_MAX as u32);
        if text.len() > METADATA_MAX {
            return Err(too_large());
        }
        if nesting(text) > METADATA_DEPTH {
            return Err(ErrorCode::FormParamValueInvalid.on(param));
        }
        let object: Object = serde_json::from_str(text).map_err(|_| ErrorCode::FormParamValueInvalid.on(param))?;
        let written = serde_json::Value::Object(object).to_string();
        // A number may be longer in the form that is stored: `9e9` is written as `9000000000.0`.
        if written.len() > METADATA_MAX { Err(too_large()) } else { Ok(Self(written)) }
    }

    /// This change merged into what is stored (RFC 7396): objects are merged at every depth, `null` deletes, and
    /// everything else replaces. A stored text that is no JSON object counts as an empty one.
    ///
    /// # Errors
    /// As [`Self::parse`], about the result.
    pub fn merged_into(&self, param: &str, stored: &str) -> Result<Self, Reason> {
        let mut target = object(stored);
        merge(&mut target, object(&self.0));
        Self::parse(param, &serde_json::Value::Object(target).to_string())
    }

    /// The JSON object as text, without blanks.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn object(text: &str) -> Object {
    serde_json::from_str(text).unwrap_or_default()
}

/// The depth is bounded by [`METADATA_DEPTH`], which `change` was checked for.
fn merge(target: &mut Object, change: Object) {
    for (key, value) in change {
        match value {
            serde_json::Value::Null => target.retain(|known, _| *known != key),
            serde_json::Value::Object(inner) => {
                let slot = target.entry(key).or_insert(serde_json::Value::Null);
                // What is no object has no members to keep. Into an empty one the `null`s of the change do not go.
                let mut next = slot.as_object_mut().map(std::mem::take).unwrap_or_default();
                merge(&mut next, inner);
                *slot = serde_json::Value::Object(next);
            }
            value => {
                target.insert(key, value);
            }
        }
    }
}

type Object = serde_json::Map<String, serde_json::Value>;

/// The greatest nesting depth of brackets outside strings.
fn nesting(json: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// The largest metadata, in bytes of JSON ([guide: Parameters](crate::guide::contract#parameters)).
const METADATA_MAX: usize = 8 * 1024;
/// How deep metadata may nest ([guide: Resource exhaustion](crate::guide::security#resource-exhaustion)).
const METADATA_DEPTH: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_merge_is_that_of_rfc_7396() {
        // The examples of appendix A whose two sides are objects.
        for (stored, change, result) in [
            (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"a":null}"#, "{}"),
            (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
            (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#),
            (r#"{"a":{"b":"c"}}"#, r#"{"a":{"b":"d","c":null}}"#, r#"{"a":{"b":"d"}}"#),
            (r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#),
            (r#"{"e":null}"#, r#"{"a":1}"#, r#"{"a":1,"e":null}"#),
            ("{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
        ] {
            let merged = merged(stored, change).expect(change);
            assert_eq!(object(merged.as_str()), object(result), "{stored} {change}");
        }
    }

    #[test]
    fn a_merge_is_bounded_by_what_it_gives_and_not_by_its_parts_alone() {
        let half = format!(r#"{{"a":"{}"}}"#, "x".repeat(METADATA_MAX * 2 / 3));
        let other = format!(r#"{{"b":"{}"}}"#, "x".repeat(METADATA_MAX * 2 / 3));
        let code = |result: Result<Metadata, Reason>| result.map_err(|reason| reason.code);
        assert_eq!(code(merged(&half, &other)), Err(ErrorCode::FormParamExceedsAllowedSize));
        assert!(merged(&half, r#"{"a":null}"#).is_ok());
        for no_object in ["[]", "1", "null", "{", r#""a""#] {
            assert_eq!(code(merged("{}", no_object)), Err(ErrorCode::FormParamValueInvalid), "{no_object}");
        }
        let deep = format!("{}1{}", r#"{"a":"#.repeat(40), "}".repeat(40));
        assert_eq!(code(merged("{}", &deep)), Err(ErrorCode::FormParamValueInvalid));
    }

    #[test]
    fn metadata_is_bounded_in_the_form_that_is_stored() {
        let of = |count| format!(r#"{{"a":[{}]}}"#, vec!["9e9"; count].join(","));
        let code = |text: &str| Metadata::parse("m", text).map_err(|reason| reason.code);
        assert!(of(2_000).len() < METADATA_MAX);
        assert_eq!(code(&of(2_000)), Err(ErrorCode::FormParamExceedsAllowedSize));
        assert!(code(&of(600)).is_ok_and(|metadata| metadata.as_str().len() > of(600).len()));
    }

    fn merged(stored: &str, change: &str) -> Result<Metadata, Reason> {
        Metadata::parse("m", change)?.merged_into("m", stored)
    }
}
