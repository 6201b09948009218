//! Without the feature `phone` nothing is known of any country's numbers, so that none is accepted.

/// The number in E.164: none is.
pub(super) const fn e164(_spelled: &str) -> Option<String> {
    None
}

/// The country whose number it is: not known.
pub(super) const fn country(_e164: &str) -> Option<String> {
    None
}

/// Whether a text message to it may cost its sender much: it may.
pub(super) const fn is_costly(_e164: &str) -> bool {
    true
}

/// How many digits its calling code has: not known.
pub(super) const fn calling_code_length(_e164: &str) -> Option<usize> {
    None
}
