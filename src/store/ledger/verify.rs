//! Compares the snapshots with what the manifest says of them, a slice of time at a time.

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

/// How far a comparison has come.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// There are entries left.
    More,
    /// Everything is as it was left.
    Same,
    /// What differs.
    Different(String),
}

impl Verification {
    pub(super) fn new(expected: KindDigests, undecided: HashSet<Bytes>) -> Verification {
        Verification { expected, undecided, found: KindDigests::default(), next: Some(Vec::new()) }
    }

    /// Goes on until this moment.
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
