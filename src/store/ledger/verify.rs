//! Compares the snapshots with the manifest, one time slice after another.

use std::collections::HashSet;
use std::time::Instant;

use bytes::Bytes;

use super::manifest::KindDigests;
use super::tree::Tree;

/// A comparison in progress.
#[derive(Debug)]
pub(super) struct Verification {
    expected: KindDigests,
    /// Keys that an interrupted checkpoint may or may not have written; the journal still has them.
    undecided: HashSet<Bytes>,
    found: KindDigests,
    next: Option<Vec<u8>>,
}

/// The progress of a comparison.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// There are entries left.
    More,
    /// The snapshots match the manifest.
    Same,
    /// They differ; the difference as text.
    Different(String),
}

impl Verification {
    pub(super) fn new(expected: KindDigests, undecided: HashSet<Bytes>) -> Verification {
        Verification { expected, undecided, found: KindDigests::default(), next: Some(Vec::new()) }
    }

    /// Continues until this time.
    pub(super) fn run(&mut self, tree: &Tree, until: Instant) -> Result<Progress, String> {
        let Some(from) = self.next.take() else {
            return Ok(self.result());
        };
        let mut seen: u32 = 0;
        tree.visit(&from, |key, value| {
            seen += 1;
            if seen.is_multiple_of(1024) && Instant::now() >= until {
                self.next = Some(key.to_vec());
                return false;
            }
            if !self.undecided.contains(key) {
                self.found.add(key, value);
            }
            true
        })?;
        Ok(match self.next {
            Some(_) => Progress::More,
            None => self.result(),
        })
    }

    fn result(&self) -> Progress {
        match self.expected.difference(&self.found) {
            Some(difference) => Progress::Different(difference),
            None => Progress::Same,
        }
    }
}
