//! Randomness: the only place that draws random bytes.

use std::cell::RefCell;

use aws_lc_rs::digest;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};

use crate::domain::context::Entropy;

/// Random bytes of the operating system, for secrets too.
#[derive(Debug)]
pub struct OsEntropy(SystemRandom);

impl OsEntropy {
    /// A source of random bytes.
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

/// Random bytes for a unique name, such as a request id. Each thread draws them in blocks, because one system call per
/// name would cost too much. Unused bytes stay in memory, so they must not become secrets.
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
    /// Number of unused names in the block, and the block.
    static DRAWN: RefCell<(usize, [[u8; 16]; NAMES_DRAWN])> = const { RefCell::new((0, [[0; 16]; NAMES_DRAWN])) };
}

/// Deterministic bytes: SHA-256 of the seed and a counter. For tests and simulations only.
#[derive(Clone, Debug)]
pub struct SeededEntropy {
    seed: u64,
    counter: u64,
}

impl SeededEntropy {
    /// A source whose bytes depend on `seed` only.
    pub const fn new(seed: u64) -> Self {
        Self { seed, counter: 0 }
    }
}

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

/// Names per block: 256 of 16 bytes are 4 KiB.
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
