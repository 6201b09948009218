//! The codes of authenticator apps: TOTP (RFC 6238) with SHA-1, six digits and steps of 30 seconds, which is what all apps
//! can do. The MAC is that of the cryptographic library; what is left is a division and a truncation (RFC 4226 5.3).

use aws_lc_rs::{constant_time, hmac};

use crate::domain::ports::Entropy;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;

/// The number of bytes of a secret: as many as the MAC has (RFC 4226 4, R6).
const TOTP_SECRET_BYTES: usize = 20;

/// A new secret.
pub fn new_totp_secret(entropy: &mut dyn Entropy) -> Secret<Vec<u8>> {
    let mut bytes = vec![0; TOTP_SECRET_BYTES];
    entropy.fill(&mut bytes);
    Secret::new(bytes)
}

/// The time step of a code, if it is the one of now, of the step before or of the one after: clocks differ, and typing takes
/// time. All three are compared.
pub fn totp_step(secret: &[u8], code: &[u8; 6], now: Timestamp) -> Option<u64> {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let current = now.as_secs() / STEP_S;
    let mut found = None;
    for step in current.saturating_sub(1)..=current + 1 {
        if constant_time::verify_slices_are_equal(&code_at(&key, step), code).is_ok() {
            found = Some(step);
        }
    }
    found
}

/// The secret as people type it and apps read it: base32 without padding (RFC 4648 6).
pub fn totp_secret_text(secret: &[u8]) -> String {
    let mut text = String::with_capacity(secret.len().div_ceil(5) * 8);
    for chunk in secret.chunks(5) {
        let mut bits = [0; 8];
        bits[3..3 + chunk.len()].copy_from_slice(chunk);
        let bits = u64::from_be_bytes(bits);
        let digits = (chunk.len() * 8).div_ceil(5);
        text.extend((0..digits).map(|n| char::from(BASE32[(bits >> (35 - 5 * n)) as usize % 32])));
    }
    text
}

/// Reads a secret in base32, in capital or small letters, with or without padding and blanks; `None` for anything else, and
/// for a secret of fewer than 10 or more than 128 bytes.
pub fn read_totp_secret(text: &str) -> Option<Secret<Vec<u8>>> {
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for digit in text.bytes().filter(|b| !b.is_ascii_whitespace() && *b != b'=') {
        let value = BASE32.iter().position(|known| *known == digit.to_ascii_uppercase())?;
        bits = (bits << 5) | value as u32;
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
        if bytes.len() > SECRET_MAX {
            return None;
        }
    }
    (bytes.len() >= SECRET_MIN).then(|| Secret::new(bytes))
}

fn code_at(key: &hmac::Key, step: u64) -> [u8; 6] {
    let mac = hmac::sign(key, &step.to_be_bytes());
    let mac = mac.as_ref();
    let at = usize::from(mac[mac.len() - 1] & 0xf);
    let mut number = u32::from_be_bytes([mac[at], mac[at + 1], mac[at + 2], mac[at + 3]]) & 0x7fff_ffff;
    let mut code = [b'0'; 6];
    for digit in code.iter_mut().rev() {
        *digit += (number % 10) as u8;
        number /= 10;
    }
    code
}

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// The length of a step, in seconds.
const STEP_S: u64 = 30;
const SECRET_MIN: usize = 10;
const SECRET_MAX: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret of the test values of RFC 6238, Appendix B.
    const SECRET: &[u8] = b"12345678901234567890";

    #[test]
    fn the_codes_are_those_of_the_standard() {
        for (seconds, code) in [
            (59, b"287082"),
            (1_111_111_109, b"081804"),
            (1_111_111_111, b"050471"),
            (1_234_567_890, b"005924"),
            (2_000_000_000, b"279037"),
            (20_000_000_000, b"353130"),
        ] {
            assert_eq!(totp_step(SECRET, code, at(seconds)), Some(seconds / 30), "{seconds}");
        }
    }

    #[test]
    fn a_code_is_good_one_step_before_and_after_its_own() {
        for (seconds, expected) in [(0, None), (29, None), (30, Some(2)), (60, Some(2)), (119, Some(2)), (120, None)] {
            let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, SECRET);
            assert_eq!(totp_step(SECRET, &code_at(&key, 2), at(seconds)), expected, "{seconds}");
        }
        assert_eq!(totp_step(SECRET, b"000000", at(59)), None);
    }

    #[test]
    fn a_secret_is_text_and_comes_back_from_it() {
        assert_eq!(totp_secret_text(b"foobar"), "MZXW6YTBOI", "RFC 4648 10");
        assert_eq!(totp_secret_text(SECRET), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        for length in [10, 16, 20, 33, 128] {
            let secret: Vec<u8> = (0..length).map(|n| (n * 37) as u8).collect();
            let text = totp_secret_text(&secret);
            for spelling in [text.clone(), text.to_lowercase(), format!("{text}==="), format!(" {text}\n")] {
                assert_eq!(read_totp_secret(&spelling).map(Secret::into_inner), Some(secret.clone()), "{spelling}");
            }
        }
        for odd in ["", "MZXW6YTBOI", "1".repeat(32).as_str(), "A".repeat(10_000).as_str(), "GEZDGNBVGY3TQOJÄ"] {
            assert!(read_totp_secret(odd).is_none(), "{odd}");
        }
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }
}
