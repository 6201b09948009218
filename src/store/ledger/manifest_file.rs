//! The file of the manifest: room for two copies, of which the older is overwritten each time, so that an incomplete
//! write leaves the other one intact. The file is opened once; replacing the manifest needs no file name and no
//! descriptor.

use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::error::{OpenError, at};
use super::file::{Directory, Disk, DiskFile};
use super::frame::BLOCK;
use super::manifest::{self, FORMAT, Manifest};
use super::patience::patiently;

/// The manifest, in memory and on the disk.
#[derive(Debug)]
pub(super) struct ManifestFile {
    file: DiskFile,
    sync: bool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    manifest: Manifest,
    /// The slot with the latest copy.
    slot: u64,
}

impl ManifestFile {
    /// Opens the manifest of a data directory, if it exists.
    pub(super) fn open(disk: &Disk, path: &Path, sync: bool) -> Result<Option<ManifestFile>, OpenError> {
        let file = match disk.open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(at(path)(source)),
        };
        let content = file.read(2 * SLOT).map_err(at(path))?;
        let mut newest: Option<State> = None;
        let mut unreadable = false;
        for (slot, bytes) in content.chunks(SLOT as usize).enumerate() {
            let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
            if end == 0 {
                continue;
            }
            let text = String::from_utf8_lossy(&bytes[..end]);
            if let Some(found) = manifest::format(&text).filter(|found| *found > FORMAT) {
                return Err(OpenError::Newer { path: path.to_owned(), found, supported: FORMAT });
            }
            match manifest::parse(&text) {
                Some(manifest)
                    if newest.as_ref().is_none_or(|other| other.manifest.generation < manifest.generation) =>
                {
                    newest = Some(State { manifest, slot: slot as u64 });
                }
                Some(_) => {}
                None => unreadable = true,
            }
        }
        let Some(state) = newest else {
            return Err(OpenError::Damaged {
                path: path.to_owned(),
                offset: 0,
                what: "the checksum of the manifest does not hold".into(),
            });
        };
        if unreadable {
            tracing::warn!(
                file = %path.display(),
                generation = state.manifest.generation,
                "one of the two copies of the manifest is unfinished; the other is used"
            );
        }
        Ok(Some(ManifestFile { file, sync, state: Mutex::new(state) }))
    }

    /// Creates the manifest of a new data directory.
    pub(super) fn create(
        disk: &Disk,
        path: &Path,
        manifest: Manifest,
        sync: bool,
        directory: &Directory,
    ) -> io::Result<ManifestFile> {
        let file = disk.create_whole(path, sync, |file| {
            let mut content = slot(&manifest)?;
            content.resize(2 * SLOT as usize, 0);
            file.write_at(&content, 0).map_err(|short| short.source)
        })?;
        if sync {
            directory.sync()?;
        }
        Ok(ManifestFile { file, sync, state: Mutex::new(State { manifest, slot: 0 }) })
    }

    /// The manifest as it was last written.
    pub(super) fn current(&self) -> Manifest {
        self.lock().manifest.clone()
    }

    /// Changes the manifest on disk, then in memory. Temporary errors are retried until `give_up`.
    pub(super) fn update(
        &self,
        give_up: impl Fn(Duration) -> bool,
        change: impl FnOnce(&mut Manifest),
    ) -> io::Result<()> {
        let mut state = self.lock();
        let mut next = state.manifest.clone();
        change(&mut next);
        next.generation += 1;
        let content = slot(&next)?;
        let slot = 1 - state.slot;
        patiently("the manifest", give_up, || {
            self.file.write_at(&content, slot * SLOT).map_err(|short| short.source)?;
            if self.sync { self.file.sync() } else { Ok(()) }
        })?;
        *state = State { manifest: next, slot };
        Ok(())
    }

    /// The path of the file.
    pub(super) fn path(&self) -> &Path {
        self.file.path()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A copy of the manifest, padded to its slot.
fn slot(manifest: &Manifest) -> io::Result<Vec<u8>> {
    let mut content = manifest.text().into_bytes();
    if content.len() >= SLOT as usize {
        return Err(io::Error::other(format!("the manifest takes {} bytes", content.len())));
    }
    // A zero ends it; remains of an older and longer copy after it do not count.
    content.resize((content.len() + 1).next_multiple_of(BLOCK), 0);
    Ok(content)
}

/// Bytes of one copy: enough for a thousand segments and all kinds twice.
const SLOT: u64 = 64 << 10;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn open(path: &Path) -> Result<Option<ManifestFile>, OpenError> {
        ManifestFile::open(&Disk::default(), path, false)
    }

    fn create(path: &Path) -> ManifestFile {
        let disk = Disk::default();
        let directory = disk.directory(path.parent().unwrap()).unwrap();
        ManifestFile::create(&disk, path, Manifest::new(77), false, &directory).unwrap()
    }

    fn to(sequence: u64) -> impl FnOnce(&mut Manifest) {
        move |manifest| manifest.sequence = sequence
    }

    #[test]
    fn a_write_cut_short_leaves_the_manifest_before_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("manifest");
        assert!(open(&path).unwrap().is_none());
        let file = create(&path);
        for sequence in 2..6 {
            file.update(|_| true, to(sequence)).unwrap();
        }
        let before = std::fs::read(&path).unwrap();
        file.update(|_| true, to(6)).unwrap();
        let after = std::fs::read(&path).unwrap();
        let changed = (0..after.len()).filter(|at| before[*at] != after[*at]).collect::<Vec<_>>();
        for cut in changed {
            std::fs::write(&path, [&after[..cut], &before[cut..]].concat()).unwrap();
            let found = open(&path).unwrap().unwrap().current();
            assert_eq!(found.sequence, 5, "cut at {cut}");
        }
        std::fs::write(&path, &after).unwrap();
        assert_eq!(open(&path).unwrap().unwrap().current().sequence, 6);
    }

    #[test]
    fn a_manifest_of_the_first_format_is_kept_until_another_is_whole() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("manifest");
        let body = "vestibule 1\nstamp 000000000000004d\nsequence 4\nepoch 3\nfilter 0 00000000\n";
        let old = format!("{body}crc32 {:08x}\n", crc32fast::hash(body.as_bytes()));
        std::fs::write(&path, &old).unwrap();
        let file = open(&path).unwrap().unwrap();
        assert_eq!((file.current().sequence, file.current().segments), (4, None));
        file.update(|_| true, to(5)).unwrap();
        assert!(std::fs::read(&path).unwrap().starts_with(old.as_bytes()));
        assert_eq!(open(&path).unwrap().unwrap().current().sequence, 5);
    }

    #[test]
    fn neither_copy_readable_or_a_newer_format_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("manifest");
        let file = create(&path);
        file.update(|_| true, to(2)).unwrap();
        let whole = std::fs::read(&path).unwrap();
        let text = |from: &str, into: &str| {
            let mut content = Vec::new();
            for slot in whole.chunks(SLOT as usize) {
                content.extend(String::from_utf8(slot.to_vec()).unwrap().replacen(from, into, 1).into_bytes());
            }
            content
        };
        std::fs::write(&path, text("stamp 0", "stamp 1")).unwrap();
        assert!(matches!(open(&path), Err(OpenError::Damaged { .. })));
        std::fs::write(&path, text("vestibule 3", "vestibule 4")).unwrap();
        assert!(matches!(open(&path), Err(OpenError::Newer { found: 4, .. })));
        std::fs::write(&path, "").unwrap();
        assert!(matches!(open(&path), Err(OpenError::Damaged { .. })));
    }
}
