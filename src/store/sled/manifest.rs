//! A small text file that says how sled was left, so that a loss inside it is noticed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use super::error::OpenError;
use super::{file, hash};

/// The newest format of a data directory that is understood.
pub(super) const FORMAT: u32 = 1;

/// How many entries there are of each kind, and the xor of their hashes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sums(pub(super) BTreeMap<u8, (u64, u64)>);

/// A checkpoint that has begun: sled holds either the old or the new value of each key in its segments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pending {
    /// The checkpoint covers the epochs below this one.
    pub(super) to_epoch: u64,
    /// All entries whose keys the checkpoint does not touch.
    pub(super) rest: Sums,
}

/// The state of the snapshots after the last whole checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Manifest {
    /// The directory's own random number, in every frame of its journal.
    pub(super) stamp: u64,
    /// The first group that the snapshots do not have.
    pub(super) sequence: u64,
    /// The first segment epoch that they do not have; older frames are leftovers.
    pub(super) epoch: u64,
    /// How much of the filter file counts.
    pub(super) filter_bytes: u64,
    /// The checksum of that part.
    pub(super) filter_crc: u32,
    /// What the snapshots hold.
    pub(super) sums: Sums,
    /// A checkpoint in progress.
    pub(super) pending: Option<Pending>,
}

impl Sums {
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

    /// The first difference, in words.
    pub(super) fn difference(&self, found: &Sums) -> Option<String> {
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
        Manifest { stamp, sequence: 1, epoch: 1, filter_bytes: 0, filter_crc: 0, sums: Sums::default(), pending: None }
    }

    /// Reads the manifest of a data directory, if there is one.
    pub(super) fn read(path: &Path) -> Result<Option<Manifest>, OpenError> {
        let text = match std::fs::read(path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => {
                return Err(OpenError::Io { path: path.to_owned(), source });
            }
        };
        let format = text.lines().next().and_then(|line| line.strip_prefix("vestibule "));
        if let Some(found) = format.and_then(|number| number.parse().ok())
            && found > FORMAT
        {
            return Err(OpenError::Newer { path: path.to_owned(), found, supported: FORMAT });
        }
        match parse(&text) {
            Some(manifest) => Ok(Some(manifest)),
            None => Err(OpenError::Damaged {
                path: path.to_owned(),
                offset: 0,
                what: "the checksum of the manifest does not hold".into(),
            }),
        }
    }

    /// Replaces the manifest.
    pub(super) fn write(&self, path: &Path, sync: bool) -> io::Result<()> {
        let unfinished = path.with_extension("tmp");
        let mut made = File::create(&unfinished)?;
        made.write_all(self.text().as_bytes())?;
        if sync {
            made.sync_all()?;
        }
        std::fs::rename(&unfinished, path)?;
        if sync {
            file::sync_directory(path)?;
        }
        Ok(())
    }

    fn text(&self) -> String {
        let mut text = format!(
            "vestibule {FORMAT}\nstamp {:016x}\nsequence {}\nepoch {}\nfilter {} {:08x}\n",
            self.stamp, self.sequence, self.epoch, self.filter_bytes, self.filter_crc
        );
        let mut sums = |name: &str, sums: &Sums| {
            for (kind, (count, xor)) in &sums.0 {
                let _ = writeln!(text, "{name} {kind} {count} {xor:016x}");
            }
        };
        sums("kind", &self.sums);
        if let Some(pending) = &self.pending {
            sums("rest", &pending.rest);
            let _ = writeln!(text, "pending {}", pending.to_epoch);
        }
        let crc = crc32fast::hash(text.as_bytes());
        let _ = writeln!(text, "crc32 {crc:08x}");
        text
    }
}

fn parse(text: &str) -> Option<Manifest> {
    let (body, crc) = text.strip_suffix('\n')?.rsplit_once("crc32 ")?;
    if u32::from_str_radix(crc, 16).ok()? != crc32fast::hash(body.as_bytes()) {
        return None;
    }
    let mut manifest = Manifest::new(0);
    let mut rest = Sums::default();
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_reads_as_it_was_written_and_refuses_a_change() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("manifest");
        assert_eq!(Manifest::read(&path).unwrap(), None);
        let mut manifest = Manifest::new(77);
        manifest.sums.add(b"ab", b"c");
        manifest.pending = Some(Pending { to_epoch: 9, rest: manifest.sums.clone() });
        manifest.write(&path, true).unwrap();
        assert_eq!(Manifest::read(&path).unwrap(), Some(manifest.clone()));

        let text = manifest.text();
        std::fs::write(&path, text.replace("sequence 1", "sequence 2")).unwrap();
        assert!(matches!(Manifest::read(&path), Err(OpenError::Damaged { .. })));
        std::fs::write(&path, text.replace("vestibule 1", "vestibule 2")).unwrap();
        assert!(matches!(Manifest::read(&path), Err(OpenError::Newer { found: 2, .. })));
    }
}
