//! The manifest of a data directory: the content of sled, so that a loss inside it is noticed; the segments of the
//! journal; and the used epochs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::store::hash;

/// The newest format of a data directory that this version can read. The second one lists the journal's files. The third
/// one reads like the second: it keeps versions out that would write users without their places in the lists of users.
pub(super) const FORMAT: u32 = 3;

/// For each kind: the number of entries, and the xor of their hashes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct KindDigests(pub(super) BTreeMap<u8, (u64, u64)>);

/// A checkpoint that has begun: sled holds either the old or the new value of each key in its segments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pending {
    /// The checkpoint covers the epochs below this one.
    pub(super) to_epoch: u64,
    /// All entries whose keys the checkpoint does not touch.
    pub(super) rest: KindDigests,
}

/// The state of the snapshots after the last complete checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Manifest {
    /// The directory's own random number, which is in every frame of its journal.
    pub(super) stamp: u64,
    /// The first group that the snapshots do not have.
    pub(super) sequence: u64,
    /// The first segment epoch that they do not have; older frames are leftovers.
    pub(super) epoch: u64,
    /// The valid length of the filter file, in bytes.
    pub(super) filter_bytes: u64,
    /// The checksum of that part.
    pub(super) filter_crc: u32,
    /// The digests of the snapshots.
    pub(super) sums: KindDigests,
    /// A checkpoint in progress.
    pub(super) pending: Option<Pending>,
    /// The number of this write of the manifest.
    pub(super) generation: u64,
    /// The first epoch of the last start. The next start begins with a higher one, whatever it finds, so that unknown
    /// frames can never continue its own.
    pub(super) floor: u64,
    /// The files of the journal, by number; `None` in the first format.
    pub(super) segments: Option<BTreeMap<u32, Listed>>,
}

/// A file of the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Listed {
    /// Its size in bytes.
    pub(super) bytes: u64,
    /// Whether it ends with a mark; a segment of the first format that still has groups does not.
    pub(super) marked: bool,
}

impl KindDigests {
    pub(super) fn add(&mut self, key: &[u8], value: &[u8]) {
        let (count, xor) = self.0.entry(kind_of(key)).or_default();
        *count += 1;
        *xor ^= hash::entry(key, value);
    }

    pub(super) fn subtract(&mut self, key: &[u8], value: &[u8]) {
        let (count, xor) = self.0.entry(kind_of(key)).or_default();
        *count = count.wrapping_sub(1);
        *xor ^= hash::entry(key, value);
    }

    /// The first difference, as text.
    pub(super) fn difference(&self, found: &KindDigests) -> Option<String> {
        let kinds = self.0.keys().chain(found.0.keys());
        kinds.map(|kind| (kind, self.of(*kind), found.of(*kind))).find_map(|(kind, left, found)| {
            let (expected, _) = left;
            let (present, _) = found;
            match (expected == present, left == found) {
                (_, true) => None,
                (true, _) => Some(format!("a value of kind {kind} among {present} differs from what was written")),
                (false, _) => Some(format!("kind {kind} has {present} entries and was left with {expected}")),
            }
        })
    }

    fn of(&self, kind: u8) -> (u64, u64) {
        self.0.get(&kind).copied().unwrap_or_default()
    }
}

impl Manifest {
    pub(super) fn new(stamp: u64) -> Manifest {
        Manifest {
            stamp,
            sequence: 1,
            epoch: 1,
            filter_bytes: 0,
            filter_crc: 0,
            sums: KindDigests::default(),
            pending: None,
            generation: 0,
            floor: 0,
            segments: None,
        }
    }

    /// The first epoch of a start, where `next` is above all epochs found. Epochs count segments within one start, so
    /// the floor suffices for the next start to be above all of them.
    pub(super) fn first_epoch(&self, next: u64) -> u64 {
        ((self.floor.max(next) >> EPOCHS_BITS) + 1) << EPOCHS_BITS
    }

    /// The manifest as text.
    pub(super) fn text(&self) -> String {
        let mut text = format!(
            "vestibule {FORMAT}\nstamp {:016x}\nsequence {}\nepoch {}\nfilter {} {:08x}\ngeneration {}\nfloor {}\n",
            self.stamp, self.sequence, self.epoch, self.filter_bytes, self.filter_crc, self.generation, self.floor
        );
        let mut sums = |name: &str, sums: &KindDigests| {
            for (kind, (count, xor)) in &sums.0 {
                let _ = writeln!(text, "{name} {kind} {count} {xor:016x}");
            }
        };
        sums("kind", &self.sums);
        if let Some(pending) = &self.pending {
            sums("rest", &pending.rest);
            let _ = writeln!(text, "pending {}", pending.to_epoch);
        }
        for (number, segment) in self.segments.iter().flatten() {
            let kind = if segment.marked { "segment" } else { "unmarked" };
            let _ = writeln!(text, "{kind} {number} {}", segment.bytes);
        }
        let crc = crc32fast::hash(text.as_bytes());
        let _ = writeln!(text, "crc32 {crc:08x}");
        text
    }
}

/// The format that a text declares.
pub(super) fn format(text: &str) -> Option<u32> {
    text.lines().next()?.strip_prefix("vestibule ")?.parse().ok()
}

/// Parses a text, whose checksum must be valid.
pub(super) fn parse(text: &str) -> Option<Manifest> {
    let (body, crc) = text.strip_suffix('\n')?.rsplit_once("crc32 ")?;
    if u32::from_str_radix(crc, 16).ok()? != crc32fast::hash(body.as_bytes()) {
        return None;
    }
    let mut manifest = Manifest::new(0);
    if format(text)? > 1 {
        manifest.segments = Some(BTreeMap::new());
    }
    let mut rest = KindDigests::default();
    for line in body.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["vestibule", _] => {}
            ["stamp", stamp] => manifest.stamp = u64::from_str_radix(stamp, 16).ok()?,
            ["sequence", sequence] => manifest.sequence = sequence.parse().ok()?,
            ["epoch", epoch] => manifest.epoch = epoch.parse().ok()?,
            ["filter", bytes, crc] => {
                manifest.filter_bytes = bytes.parse().ok()?;
                manifest.filter_crc = u32::from_str_radix(crc, 16).ok()?;
            }
            ["generation", generation] => manifest.generation = generation.parse().ok()?,
            ["floor", floor] => manifest.floor = floor.parse().ok()?,
            [kind @ ("segment" | "unmarked"), number, bytes] => {
                let listed = Listed { bytes: bytes.parse().ok()?, marked: kind == "segment" };
                manifest.segments.as_mut()?.insert(number.parse().ok()?, listed);
            }
            [name @ ("kind" | "rest"), kind, count, xor] => {
                let sums = if name == "kind" { &mut manifest.sums } else { &mut rest };
                let entry = (count.parse().ok()?, u64::from_str_radix(xor, 16).ok()?);
                sums.0.insert(kind.parse().ok()?, entry);
            }
            ["pending", to_epoch] => {
                manifest.pending = Some(Pending { to_epoch: to_epoch.parse().ok()?, rest: std::mem::take(&mut rest) });
            }
            _ => return None,
        }
    }
    Some(manifest)
}

fn kind_of(key: &[u8]) -> u8 {
    key.first().copied().unwrap_or_default()
}

const EPOCHS_BITS: u32 = 32;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_reads_as_it_was_written_and_refuses_a_change() {
        let mut manifest = Manifest::new(77);
        manifest.sums.add(b"ab", b"c");
        manifest.pending = Some(Pending { to_epoch: 9, rest: manifest.sums.clone() });
        (manifest.generation, manifest.floor) = (5, 1 << 32);
        let listed = |marked| Listed { bytes: 1 << 16, marked };
        manifest.segments = Some([(0, listed(true)), (u32::MAX, listed(false))].into());
        let text = manifest.text();
        assert_eq!(parse(&text), Some(manifest));
        assert_eq!(parse(&text.replace("sequence 1", "sequence 2")), None);
        for length in 0..text.len() {
            assert_eq!(parse(&text[..length]), None, "cut at {length}");
        }
    }

    #[test]
    fn a_manifest_of_the_first_format_still_reads() {
        let body = "vestibule 1\nstamp 000000000000004d\nsequence 4\nepoch 3\nfilter 16 0000002a\n\
            kind 97 1 00000000000000ff\nrest 97 2 0000000000000001\npending 9\n";
        let text = format!("{body}crc32 {:08x}\n", crc32fast::hash(body.as_bytes()));
        let mut expected = Manifest { sequence: 4, epoch: 3, filter_bytes: 16, filter_crc: 42, ..Manifest::new(77) };
        expected.sums.0.insert(97, (1, 255));
        expected.pending = Some(Pending { to_epoch: 9, rest: KindDigests([(97, (2, 1))].into()) });
        assert_eq!(parse(&text), Some(expected));
    }

    #[test]
    fn no_start_begins_with_an_epoch_that_an_earlier_one_may_have_used() {
        let mut manifest = Manifest { epoch: 57, ..Manifest::new(1) };
        let mut used = manifest.epoch + 1000;
        for _ in 0..4 {
            // The next start finds no frame of the earlier one.
            let first = manifest.first_epoch(manifest.epoch);
            assert!(first > used, "{first} after {used}");
            manifest.floor = first;
            used = first + 100_000;
        }
    }
}
