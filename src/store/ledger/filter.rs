//! An in-memory filter over the keys of one kind, so that a look-up of a free identifier needs no disk read.
//!
//! A blocked Bloom filter of 16 bits per key that grows by adding levels. It has no false negatives; a removed key
//! stays in it as a false positive until the filter is rebuilt at a later start.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::file::{Directory, Disk, DiskFile};

/// Bits set per key, all within one block of 512 bits: one cache line per level.
const PROBES: u32 = 7;
const BLOCK_WORDS: usize = 8;
const KEYS_PER_BLOCK: usize = 32;
const KEYS_MIN: usize = 1 << 14;

/// The set of keys that may exist.
#[derive(Debug)]
pub(super) struct Filter {
    levels: RwLock<Vec<Arc<Level>>>,
}

#[derive(Debug)]
struct Level {
    words: Vec<AtomicU64>,
    keys_max: usize,
    keys: AtomicUsize,
}

impl Filter {
    /// A filter with room for this many keys at two bytes each; beyond that each new level adds half of the total.
    pub(super) fn with_room_for(keys: usize) -> Filter {
        Filter { levels: RwLock::new(vec![Arc::new(Level::new(keys))]) }
    }

    /// Whether a key with this hash may have been added.
    pub(super) fn may_contain(&self, hash: u64) -> bool {
        let levels = self.levels.read().unwrap_or_else(PoisonError::into_inner);
        levels.iter().rev().any(|level| level.contains(hash))
    }

    /// Adds the hash of a key. Only one thread at a time may add.
    pub(super) fn add(&self, hash: u64) {
        if self.may_contain(hash) {
            return;
        }
        let (last, total) = {
            let levels = self.levels.read().unwrap_or_else(PoisonError::into_inner);
            let room = |level: &&Arc<Level>| level.keys.load(Ordering::Relaxed) < level.keys_max;
            (levels.last().filter(room).cloned(), levels.iter().map(|level| level.keys_max).sum::<usize>())
        };
        let level = last.unwrap_or_else(|| {
            // Zeroing a large level takes a while, and readers must not wait for it.
            let next = Arc::new(Level::new(total / 2));
            self.levels.write().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&next));
            next
        });
        level.set(hash);
    }
}

impl Level {
    fn new(keys: usize) -> Level {
        let blocks = keys.max(KEYS_MIN).div_ceil(KEYS_PER_BLOCK);
        Level {
            words: (0..blocks * BLOCK_WORDS).map(|_| AtomicU64::new(0)).collect(),
            keys_max: blocks * KEYS_PER_BLOCK,
            keys: AtomicUsize::new(0),
        }
    }

    fn contains(&self, hash: u64) -> bool {
        self.bits(hash).all(|(word, bit)| self.words[word].load(Ordering::Relaxed) & bit != 0)
    }

    fn set(&self, hash: u64) {
        for (word, bit) in self.bits(hash) {
            self.words[word].fetch_or(bit, Ordering::Relaxed);
        }
        self.keys.fetch_add(1, Ordering::Relaxed);
    }

    fn bits(&self, hash: u64) -> impl Iterator<Item = (usize, u64)> {
        let blocks = (self.words.len() / BLOCK_WORDS) as u128;
        let block = ((u128::from(hash) * blocks) >> 64) as usize;
        // The high bits select the block; a multiplication spreads the low bits over the probes.
        let probes = hash.wrapping_mul(0xD6E8_FEB8_6659_FD93).rotate_left(32) ^ hash;
        (0..PROBES).map(move |probe| {
            let at = (probes >> (probe * 9)) & 511;
            (block * BLOCK_WORDS + (at >> 6) as usize, 1 << (at & 63))
        })
    }
}

/// The hashes of all keys in sled, eight bytes each; every checkpoint appends to it. The manifest has the valid length.
/// The first eight bytes identify the kind.
#[derive(Debug)]
pub(super) struct FilterFile {
    file: DiskFile,
    bytes: u64,
    hasher: crc32fast::Hasher,
}

impl FilterFile {
    /// Opens the file and reads the valid hashes; `None` if they are not reliable.
    pub(super) fn load(
        disk: &Disk,
        path: &Path,
        kind: u8,
        bytes: u64,
        crc: u32,
    ) -> io::Result<Option<(FilterFile, Vec<u64>)>> {
        let file = match disk.open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        if bytes < 8 || !bytes.is_multiple_of(8) || file.length()? < bytes {
            return Ok(None);
        }
        let content = file.read(bytes)?;
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&content);
        let mut words = content.chunks_exact(8).map(|chunk| {
            let mut word = [0; 8];
            word.copy_from_slice(chunk);
            u64::from_le_bytes(word)
        });
        if hasher.clone().finalize() != crc || words.next() != Some(u64::from(kind)) {
            return Ok(None);
        }
        let hashes = words.collect();
        Ok(Some((FilterFile { file, bytes, hasher }, hashes)))
    }

    /// Replaces the content by these hashes.
    pub(super) fn create(
        disk: &Disk,
        directory: &Directory,
        name: &str,
        kind: u8,
        hashes: &[u64],
        sync: bool,
    ) -> io::Result<FilterFile> {
        let file = disk.create(&directory.path().join(name))?;
        let hasher = crc32fast::Hasher::new();
        let mut made = FilterFile { file, bytes: 0, hasher };
        made.append(&[u64::from(kind)], sync)?;
        made.append(hashes, sync)?;
        if sync {
            directory.sync()?;
        }
        Ok(made)
    }

    /// Appends hashes after the valid part.
    pub(super) fn append(&mut self, hashes: &[u64], sync: bool) -> io::Result<()> {
        let content: Vec<u8> = hashes.iter().flat_map(|hash| hash.to_le_bytes()).collect();
        self.file.write_at(&content, self.bytes).map_err(|short| short.source)?;
        if sync && !content.is_empty() {
            self.file.sync()?;
        }
        self.bytes += content.len() as u64;
        self.hasher.update(&content);
        Ok(())
    }

    /// The length and the checksum of the valid part.
    pub(super) fn extent(&self) -> (u64, u32) {
        (self.bytes, self.hasher.clone().finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::hash;

    #[test]
    fn has_no_false_negatives_and_few_false_positives_while_growing() {
        let filter = Filter::with_room_for(0);
        let hash = |number: u64| hash::key(7, &number.to_be_bytes());
        for number in 0..100_000 {
            filter.add(hash(number));
        }
        assert!((0..100_000).all(|number| filter.may_contain(hash(number))));
        let wrong = (100_000..200_000).filter(|number| filter.may_contain(hash(*number))).count();
        assert!(wrong < 1_500, "{wrong} false positives in 100 000");
    }
}
