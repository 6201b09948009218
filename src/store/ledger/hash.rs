//! Hashes that are stored on disk, so they never change: whole entries for the manifest, keys for the filter.

const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;

/// A hash of one stored entry; the xor over all entries tells whether two sets of entries are equal.
pub(super) fn entry(key: &[u8], value: &[u8]) -> u64 {
    finish(absorb(absorb(MULTIPLIER, key), value))
}

/// A hash of a key, different in every data directory.
pub(super) fn key(seed: u64, key: &[u8]) -> u64 {
    finish(absorb(seed ^ MULTIPLIER, key))
}

fn absorb(mut state: u64, bytes: &[u8]) -> u64 {
    state = step(state, bytes.len() as u64);
    let mut chunks = bytes.chunks_exact(8);
    for chunk in &mut chunks {
        let mut word = [0; 8];
        word.copy_from_slice(chunk);
        state = step(state, u64::from_le_bytes(word));
    }
    let mut word = [0; 8];
    word[..chunks.remainder().len()].copy_from_slice(chunks.remainder());
    step(state, u64::from_le_bytes(word))
}

fn step(state: u64, word: u64) -> u64 {
    let mixed = (state ^ word).wrapping_mul(MULTIPLIER);
    (mixed ^ (mixed >> 29)).rotate_left(23)
}

/// The finaliser of splitmix64.
fn finish(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    #[test]
    fn hashes_on_disk_never_change() {
        assert_eq!(super::entry(b"", b""), super::entry(b"", b""));
        assert_ne!(super::entry(b"ab", b"c"), super::entry(b"a", b"bc"));
        assert_ne!(super::entry(b"a", b""), super::entry(b"a", b"\0"));
        assert_ne!(super::key(1, b"a"), super::key(2, b"a"));
    }
}
