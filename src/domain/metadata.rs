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
        if text.len() > METADATA_MAX {
            return Err(ErrorCode::FormParamExceedsAllowedSize.on(param).with(METADATA_MAX as u32));
        }
        if nesting(text) > METADATA_DEPTH {
            return Err(ErrorCode::FormParamValueInvalid.on(param));
        }
        match serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text) {
            Ok(object) => Ok(Self(serde_json::Value::Object(object).to_string())),
            Err(_) => Err(ErrorCode::FormParamValueInvalid.on(param)),
        }
    }

    /// The JSON object as text, without blanks.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

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
