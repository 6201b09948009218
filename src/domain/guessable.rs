//! Detects keys that are easy to guess, whatever their length.

/// Why a key is not random, phrased as the end of a sentence that begins with "it"; `None` if it may be random.
pub fn guessable(bytes: &[u8]) -> Option<&'static str> {
    let mut distinct = bytes.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    let is_block = |length: usize| bytes.iter().zip(bytes.iter().skip(length)).all(|(a, b)| a == b);
    let steps = bytes.windows(2).filter(|pair| matches!(pair[1].wrapping_sub(pair[0]), 0 | 1 | 255)).count();
    let lower = bytes.to_ascii_lowercase();
    let has = |word: &&str| lower.windows(word.len()).any(|part| part == word.as_bytes());
    if distinct.len() < DISTINCT_MIN {
        Some("has few different characters")
    } else if PUBLISHED.iter().any(|key| key.as_bytes() == bytes) {
        Some("is the one of an example")
    } else if (1..=bytes.len() / 2).any(is_block) {
        Some("repeats itself")
    } else if steps * 2 > bytes.len() {
        Some("follows the alphabet")
    } else if WORDS.iter().any(has) {
        Some("is made of words for examples")
    } else {
        None
    }
}

/// Minimum number of distinct digits: 32 random hexadecimal digits have fewer only about once in a million keys.
const DISTINCT_MIN: usize = 8;
/// Keys that documentation prints: those of Standard Webhooks and of Svix.
const PUBLISHED: [&str; 2] = ["MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "C2FVsBQIhrscChlQIMV+b5sSYspob7oD"];
/// Long enough not to occur in a random key by chance.
const WORDS: [&str; 8] =
    ["changeme", "yoursecret", "secretkey", "example", "placeholder", "replaceme", "0123456789", "abcdefgh"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_nobody_drew_is_known() {
        for key in [
            "00000000000000000000000000000000",
            "aaaaaaaabbbbbbbbccccccccdddddddd",
            "abababababababababababababababab",
            "7f3kq09xz7f3kq09xz7f3kq09xz7f3kq09xz",
            "abcdefghijklmnopqrstuvwxyz012345",
            "yoursecretkey7f3kq09xzb2m4w8d1c5",
            "0123456789abcdef0123456789abcdef",
            "q7EXAMPLEkeyz81mwd93jx02bvh5tn6c",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        ] {
            assert!(guessable(key.as_bytes()).is_some(), "{key}");
        }
        for key in [
            "b5c1f0e27d9a48336c2e7f10ab94d85e",
            "4eC39HqLyjWDarjtT1zdp7dcQ8mKx2Vn",
            "T1zdp7dcQ8mKx2Vn4eC39HqLyjWDarjtb5c1f0e27d9a48336c2e7f10ab94d85e",
        ] {
            assert_eq!(guessable(key.as_bytes()), None, "{key}");
        }
    }
}
