//! Without the feature `phone` no numbering plans are known, so no number is accepted.

/// The number in E.164: always `None`.
pub(super) const fn e164(_spelled: &str) -> Option<String> {
    None
}

/// The country of the number: not known.
pub(super) const fn country(_e164: &str) -> Option<String> {
    None
}

/// Whether a text message to it may cost much: assumed, as the number is not known.
pub(super) const fn is_costly(_e164: &str) -> bool {
    true
}

/// Number of digits of its calling code: not known.
pub(super) const fn calling_code_length(_e164: &str) -> Option<usize> {
    None
}
