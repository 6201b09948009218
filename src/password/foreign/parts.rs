//! The parts that digests are written with: numbers, hexadecimal and base64.

use std::str::FromStr;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// The standard alphabet. Padding may be there or not; what is written has none.
pub(super) const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT.with_encode_padding(false));

/// The same; what is written has padding.
pub(super) const BASE64_PADDED: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);

/// The alphabet of bcrypt. Some systems leave bits in the last character that mean nothing.
pub(super) const BASE64_BCRYPT: GeneralPurpose =
    GeneralPurpose::new(&alphabet::BCRYPT, LENIENT.with_encode_padding(false).with_decode_allow_trailing_bits(true));

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);

/// Base64 of the standard alphabet.
pub(super) fn base64(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text).ok()
}

/// Base64 of the standard alphabet or of the one for addresses.
pub(super) fn base64_of_either(text: &str) -> Option<Vec<u8>> {
    base64(&text.replace('-', "+").replace('_', "/"))
}

/// Hexadecimal digits of either case, two for each byte.
pub(super) fn hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.chars().map(|digit| digit.to_digit(16)).collect::<Option<Vec<u32>>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    let bytes = pairs.iter().map(|[high, low]| u8::try_from(high * 16 + low)).collect::<Result<_, _>>().ok()?;
    rest.is_empty().then_some(bytes)
}

/// A whole number in decimal digits, without a sign and without zeros before it.
pub(super) fn number<N: FromStr>(text: &str) -> Option<N> {
    let is_plain = text.bytes().all(|digit| digit.is_ascii_digit()) && (text.len() == 1 || !text.starts_with('0'));
    is_plain.then(|| text.parse().ok())?
}
