//! Chance: the only place that draws random bytes.

use std::cell::RefCell;

#[cfg(any(test, feature = "test-util"))]
use aws_lc_rs::digest;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};

use crate::domain::context::Entropy;

/// The operating system's random bytes.
#[derive(Debug)]
pub struct OsEntropy(SystemRandom);

impl OsEntropy {
    /// A source that is ready to use.
    pub fn new() -> Self {
        Self(SystemRandom::new())
    }
}

impl Default for OsEntropy {
    fn default() -> Self {
        Self::new()
    }
}

impl Entropy for OsEntropy {
    fn fill(&mut self, buffer: &mut [u8]) {
        self.0.fill(buffer).expect("the operating system gives random bytes; without them nothing here is safe");
    }
}

/// Random bytes for a name that no other has, such as a request's. Each thread draws them a block at a time, because a
/// draw costs more than such a name may. The rest of a block lies in memory until it is used: it is not for secrets.
pub fn unique_bytes() -> [u8; 16] {
    DRAWN.with_borrow_mut(|(left, block)| {
        if *left == 0 {
            OsEntropy::new().fill(block.as_flattened_mut());
            *left = NAMES_DRAWN;
        }
        *left -= 1;
        block[*left]
    })
}

thread_local! {
    /// How many names of the block are left, and the block.
    static DRAWN: RefCell<(usize, [[u8; 16]; NAMES_DRAWN])> = const { RefCell::new((0, [[0; 16]; NAMES_DRAWN])) };
}

/// The same bytes for the same seed: SHA-256 of the seed and a counter. For tests and simulations only.
#[cfg(any(test, feature = "test-util"))]
#[derive(Clone, Debug)]
pub struct SeededEntropy {
    seed: u64,
    counter: u64,
}

#[cfg(any(test, feature = "test-util"))]
impl SeededEntropy {
    /// A source that depends on `seed` alone.
    pub const fn new(seed: u64) -> Self {
        Self { seed, counter: 0 }
    }
}

#[cfg(any(test, feature = "test-util"))]
impl Entropy for SeededEntropy {
    fn fill(&mut self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(digest::SHA256_OUTPUT_LEN) {
            let input = [self.seed.to_be_bytes(), self.counter.to_be_bytes()].concat();
            let block = digest::digest(&digest::SHA256, &input);
            chunk.copy_from_slice(&block.as_ref()[..chunk.len()]);
            self.counter += 1;
        }
    }
}

/// How many names a thread draws at once: 4 KiB.
const NAMES_DRAWN: usize = 256;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_differ_within_a_block_between_blocks_and_between_threads() {
        let draw = || std::iter::repeat_with(unique_bytes).take(2 * NAMES_DRAWN + 1).collect::<Vec<_>>();
        let mut names = draw();
        for thread in [std::thread::spawn(draw), std::thread::spawn(draw)] {
            names.extend(thread.join().expect("no panic"));
        }
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), 3 * (2 * NAMES_DRAWN + 1));
        for place in 0..16 {
            let values: HashSet<u8> = names.iter().map(|name| name[place]).collect();
            assert!(values.len() > 128, "byte {place} is as random as the others");
        }
    }
}
