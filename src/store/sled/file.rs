//! Positioned writes and syncs of journal files, with a seam at which tests make them fail.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
#[cfg(test)]
use std::sync::Arc;

/// Opens the files of the journal.
#[derive(Debug, Clone, Default)]
pub(super) struct Disk {
    #[cfg(test)]
    pub(super) faults: Arc<super::tests::Faults>,
}

/// One file of the journal.
#[derive(Debug)]
pub(super) struct DiskFile {
    file: File,
    path: PathBuf,
    #[cfg(test)]
    faults: Arc<super::tests::Faults>,
}

/// A write that ended early, after this many bytes.
#[derive(Debug)]
pub(super) struct ShortWrite {
    pub(super) written: u64,
    pub(super) source: io::Error,
}

impl Disk {
    /// Opens an existing file.
    pub(super) fn open(&self, path: &Path) -> io::Result<DiskFile> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        Ok(self.wrap(file, path))
    }

    /// Makes a file of zeros that occupies its blocks; it appears under its name only when it is whole.
    pub(super) fn create_zeroed(&self, path: &Path, bytes: u64, sync: bool) -> io::Result<DiskFile> {
        let unfinished = path.with_extension("tmp");
        let made = self.fill(&unfinished, path, bytes, sync);
        if made.is_err() {
            // What is left of it is removed at the next start at the latest.
            let _ = std::fs::remove_file(&unfinished);
        }
        made
    }

    fn fill(&self, unfinished: &Path, path: &Path, bytes: u64, sync: bool) -> io::Result<DiskFile> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(unfinished)?;
        let made = self.wrap(file, path);
        made.zero(0, bytes).map_err(|short| short.source)?;
        if sync {
            made.file.sync_all()?;
        }
        std::fs::rename(unfinished, path)?;
        if sync {
            sync_directory(path)?;
        }
        Ok(made)
    }

    fn wrap(&self, file: File, path: &Path) -> DiskFile {
        DiskFile {
            file,
            path: path.to_owned(),
            #[cfg(test)]
            faults: Arc::clone(&self.faults),
        }
    }
}

impl DiskFile {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes all of it, or says how much was written.
    pub(super) fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), ShortWrite> {
        let mut written = 0;
        while written < bytes.len() {
            match self.write_some(&bytes[written..], offset + written as u64) {
                Ok(0) => return Err(short(written, io::ErrorKind::WriteZero.into())),
                Ok(count) => written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(short(written, source)),
            }
        }
        Ok(())
    }

    /// Writes zeros over a range.
    pub(super) fn zero(&self, offset: u64, bytes: u64) -> Result<(), ShortWrite> {
        static ZEROS: [u8; 64 << 10] = [0; 64 << 10];
        let mut done = 0;
        while done < bytes {
            let count = (bytes - done).min(ZEROS.len() as u64);
            self.write_at(&ZEROS[..count as usize], offset + done)
                .map_err(|error| short((done + error.written) as usize, error.source))?;
            done += count;
        }
        Ok(())
    }

    /// fdatasync.
    pub(super) fn sync(&self) -> io::Result<()> {
        #[cfg(test)]
        self.faults.sync()?;
        self.file.sync_data()
    }

    /// Reads from the start, at most this many bytes.
    pub(super) fn read(&self, bytes: u64) -> io::Result<Vec<u8>> {
        self.read_at(0, self.length()?.min(bytes) as usize)
    }

    /// Reads exactly this many bytes.
    pub(super) fn read_at(&self, offset: u64, bytes: usize) -> io::Result<Vec<u8>> {
        let mut content = vec![0; bytes];
        self.file.read_exact_at(&mut content, offset)?;
        Ok(content)
    }

    /// Its size.
    pub(super) fn length(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn write_some(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        #[cfg(test)]
        let bytes = self.faults.write(bytes)?;
        self.file.write_at(bytes, offset)
    }
}

/// Makes the names in the directory of this file survive.
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

fn short(written: usize, source: io::Error) -> ShortWrite {
    ShortWrite { written: written as u64, source }
}
