//! Chance: the only place that draws random bytes.
//!
//! A decision draws from a generator of its own, which [`Seeds`] gives it. So decisions on several threads do not wait
//! for each other, and each of them can be repeated from its seed.

use std::cell::RefCell;
use std::sync::{Mutex, PoisonError};

#[cfg(any(test, feature = "test-util"))]
use aws_lc_rs::digest;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng, SeedableRng};
use zeroize::Zeroizing;

use crate::domain::ports::Entropy;

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

/// What all random bytes of one decision follow from. It is as secret as the codes that are made of them, and belongs in
/// no log.
pub type Seed = Zeroizing<[u8; 32]>;

/// The source that all decisions share. It is locked while a seed is drawn, and not while a decision is made.
pub struct Seeds(Mutex<Box<dyn Entropy + Send>>);

impl Seeds {
    /// Seeds drawn from this source.
    pub fn from_source(source: Box<dyn Entropy + Send>) -> Self {
        Self(Mutex::new(source))
    }

    /// The random bytes of one decision.
    pub const fn decision(&self) -> DecisionEntropy<'_> {
        DecisionEntropy { seed: SeedOf::Drawn(self), generator: None }
    }

    fn draw(&self) -> Seed {
        let mut seed = Seed::default();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill(&mut *seed);
        seed
    }
}

/// The random bytes of one decision: ChaCha20 under a seed. The seed is drawn when the decision asks for its first byte,
/// so that one which asks for none, such as a read, draws nothing.
pub struct DecisionEntropy<'a> {
    seed: SeedOf<'a>,
    generator: Option<ChaCha20Rng>,
}

enum SeedOf<'a> {
    Drawn(&'a Seeds),
    #[cfg(test)]
    Given(Seed),
}

#[cfg(test)]
impl DecisionEntropy<'static> {
    /// The same bytes for the same seed: with them a decision is made again exactly as it was.
    pub const fn from_seed(seed: Seed) -> Self {
        Self { seed: SeedOf::Given(seed), generator: None }
    }
}

impl Entropy for DecisionEntropy<'_> {
    fn fill(&mut self, buffer: &mut [u8]) {
        let generator = self.generator.get_or_insert_with(|| match &self.seed {
            SeedOf::Drawn(seeds) => ChaCha20Rng::from_seed(*seeds.draw()),
            #[cfg(test)]
            SeedOf::Given(seed) => ChaCha20Rng::from_seed(**seed),
        });
        generator.fill_bytes(buffer);
    }
}

/// Random bytes for a name that no other has, such as a request's. Each thread draws them a block at a time, because a
/// draw costs more than such a name may. The rest of a block lies in memory until it is used: it is not for secrets.
#[cfg_attr(not(feature = "server"), allow(dead_code, reason = "only requests over HTTP get such names"))]
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
#[cfg(any(test, feature = "test-util"))]
#[derive(Clone, Debug)]
pub struct SeededEntropy {
    seed: u64,
    counter: u64,
}

#[cfg(any(test, feature = "test-util"))]
impl SeededEntropy {
    /// A source whose bytes depend on `seed` only.
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

/// Names per block: 256 of 16 bytes are 4 KiB.
const NAMES_DRAWN: usize = 256;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_decision_draws_one_seed_when_it_asks_for_its_first_byte_and_none_before() {
        let mut drawn = SeededEntropy::new(7);
        let mut seed = || {
            let mut seed = Seed::default();
            drawn.fill(&mut *seed);
            seed
        };
        let seeds = Seeds::from_source(Box::new(SeededEntropy::new(7)));
        drop(seeds.decision());
        for decision in 0..3 {
            let (mut first, mut replayed) = (seeds.decision(), DecisionEntropy::from_seed(seed()));
            let bytes = |entropy: &mut DecisionEntropy<'_>| {
                let mut parts = ([0; 6], [0; 100]);
                entropy.fill(&mut parts.0);
                entropy.fill(&mut parts.1);
                parts
            };
            assert_eq!(bytes(&mut first), bytes(&mut replayed), "decision {decision}");
        }
    }

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
