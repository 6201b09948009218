//! What is said of a person beside identifiers: names, and the id in the application's backend. They are read the same
//! way at a sign-up and in calls of the backend.

use super::locale;
use super::rejection::{ErrorCode, Reason};
use super::text;

/// Reads a first or last name, given as `param`.
///
/// # Errors
/// `form_param_max_length_exceeded`, `form_param_format_invalid` for characters that no name has, `form_param_nil`
/// where nothing is visible.
pub fn name(param: &str, text: &str) -> Result<String, Reason> {
    let too_long = || ErrorCode::FormParamMaxLengthExceeded.on(param).with(NAME_MAX as u32);
    let text = text::trim(text);
    // Counted in bytes, before any work on it: no character has more than four.
    if text.len() > 4 * NAME_MAX {
        return Err(too_long());
    }
    match text::name(text) {
        None => Err(ErrorCode::FormParamFormatInvalid.on(param)),
        Some(name) if name.is_empty() => Err(ErrorCode::FormParamNil.on(param)),
        Some(name) if name.chars().count() > NAME_MAX => Err(too_long()),
        Some(name) => Ok(name),
    }
}

/// Reads a locale that the application's backend gives.
///
/// # Errors
/// `form_param_format_invalid` where it begins with no language.
pub fn locale(text: &str) -> Result<String, Reason> {
    locale::locale(text).ok_or_else(|| ErrorCode::FormParamFormatInvalid.on("locale"))
}

/// Reads the id that the application's backend has for a user.
///
/// # Errors
/// `form_param_max_length_exceeded`, `form_param_format_invalid` for control characters.
pub fn external_id(text: &str) -> Result<String, Reason> {
    const PARAM: &str = "external_id";
    if text.chars().count() > EXTERNAL_ID_MAX {
        return Err(ErrorCode::FormParamMaxLengthExceeded.on(PARAM).with(EXTERNAL_ID_MAX as u32));
    }
    if text.chars().any(char::is_control) {
        return Err(ErrorCode::FormParamFormatInvalid.on(PARAM));
    }
    Ok(text.to_owned())
}

/// The longest name, in code points.
const NAME_MAX: usize = 256;
/// The longest external id, in code points.
const EXTERNAL_ID_MAX: usize = 256;
