//! Hashes that the ledger stores on disk, so they never change: whole entries for the manifest, keys for the filter. Maps in
//! memory use the second one too.

use std::hash::{BuildHasher, Hasher, RandomState};

const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;

/// A hash of one stored entry; the xor over all entries tells whether two sets of entries are equal.
#[cfg(any(feature = "sled", test))]
pub(super) fn entry(key: &[u8], value: &[u8]) -> u64 {
    finish(absorb(absorb(MULTIPLIER, key), value))
}

/// A hash of a key, different in every data directory.
#[cfg(any(feature = "sled", test))]
pub(super) fn key(seed: u64, key: &[u8]) -> u64 {
    finish(absorb(seed ^ MULTIPLIER, key))
}

/// Hashes the keys of a map in memory, in another way in each map: faster than the usual hash, and safe here, since nobody
/// outside chooses the bytes of keys. They are ids, times, and digests of what people type.
#[derive(Debug, Clone)]
pub(super) struct Keys(u64);

/// One hash of one key.
#[derive(Debug)]
pub(super) struct KeyHasher(u64);

impl Default for Keys {
    fn default() -> Keys {
        Keys(RandomState::new().build_hasher().finish())
    }
}

impl BuildHasher for Keys {
    type Hasher = KeyHasher;

    fn build_hasher(&self) -> KeyHasher {
        KeyHasher(self.0)
    }
}

impl Hasher for KeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = absorb(self.0, bytes);
    }

    /// The length of the key, which comes with its bytes too.
    fn write_usize(&mut self, _length: usize) {}

    fn finish(&self) -> u64 {
        finish(self.0)
    }
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
    use std::collections::HashSet;

    use bytes::Bytes;

    use super::*;

    #[test]
    fn hashes_on_disk_never_change() {
        assert_eq!(super::entry(b"", b""), super::entry(b"", b""));
        assert_ne!(super::entry(b"ab", b"c"), super::entry(b"a", b"bc"));
        assert_ne!(super::entry(b"a", b""), super::entry(b"a", b"\0"));
        assert_ne!(super::key(1, b"a"), super::key(2, b"a"));
    }

    #[test]
    fn each_map_hashes_in_its_own_way_and_keys_spread_over_it() {
        let (one, other) = (Keys::default(), Keys::default());
        let key = |n: u32| Bytes::copy_from_slice(&n.to_be_bytes());
        assert_eq!(one.hash_one(key(7)), one.hash_one(key(7)));
        assert_eq!(one.hash_one(key(7)), one.hash_one(&key(7)[..]), "a map of `Bytes` is asked for slices");
        assert_ne!(one.hash_one(key(7)), other.hash_one(key(7)));
        let low: HashSet<u64> = (0..10_000).map(|n| one.hash_one(key(n)) % 64).collect();
        let high: HashSet<u64> = (0..10_000).map(|n| one.hash_one(key(n)) >> 57).collect();
        assert_eq!((low.len(), high.len()), (64, 128));
    }
}
