//! Files and directories of the ledger, each opened once and kept. Tests can observe every operation here, and make it
//! fail.
//!
//! sled accesses its own files itself; everything else of a data directory is written, synced, renamed and removed
//! through this module.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
#[cfg(test)]
use std::sync::Arc;

/// Where files are opened, renamed and removed.
#[derive(Debug, Clone, Default)]
pub(super) struct Disk {
    #[cfg(test)]
    pub(super) faults: Option<Arc<dyn super::tests::Faults>>,
}

/// A file operation, as tests observe it.
#[derive(Debug, Clone, Copy)]
#[allow(dead_code, reason = "only the disks of the tests look inside")]
pub(super) enum Operation<'a> {
    /// Open a file or a directory.
    Open(&'a Path),
    /// Create an empty file, or empty the existing one.
    Create(&'a Path),
    Write {
        path: &'a Path,
        offset: u64,
        bytes: &'a [u8],
    },
    /// fsync or fdatasync of a file.
    Sync(&'a Path),
    /// fsync of a directory: makes the names in it durable.
    SyncDirectory(&'a Path),
    Rename(&'a Path, &'a Path),
    Remove(&'a Path),
    /// Create a directory.
    MakeDirectory(&'a Path),
}

/// One open file.
#[derive(Debug)]
pub(super) struct DiskFile {
    disk: Disk,
    file: File,
    path: PathBuf,
}

/// One open directory.
#[derive(Debug)]
pub(super) struct Directory {
    disk: Disk,
    file: File,
    path: PathBuf,
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
        self.notice(Operation::Open(path))?;
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        Ok(DiskFile { disk: self.clone(), file, path: path.to_owned() })
    }

    /// Creates an empty file, or empties the existing one.
    pub(super) fn create(&self, path: &Path) -> io::Result<DiskFile> {
        self.notice(Operation::Create(path))?;
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path)?;
        Ok(DiskFile { disk: self.clone(), file, path: path.to_owned() })
    }

    /// Creates a file that gets its name only when it is complete: `fill` writes it under another name.
    pub(super) fn create_whole(
        &self,
        path: &Path,
        sync: bool,
        fill: impl FnOnce(&DiskFile) -> io::Result<()>,
    ) -> io::Result<DiskFile> {
        let unfinished = path.with_extension("tmp");
        let made = self.create_as(&unfinished, path, sync, fill);
        if made.is_err() {
            // A remaining unfinished file is removed at the next start.
            let _ = self.remove(&unfinished);
        }
        made
    }

    fn create_as(
        &self,
        unfinished: &Path,
        path: &Path,
        sync: bool,
        fill: impl FnOnce(&DiskFile) -> io::Result<()>,
    ) -> io::Result<DiskFile> {
        let mut made = self.create(unfinished)?;
        fill(&made)?;
        if sync {
            made.sync_all()?;
        }
        self.rename(unfinished, path)?;
        made.path = path.to_owned();
        Ok(made)
    }

    /// Opens a directory.
    pub(super) fn directory(&self, path: &Path) -> io::Result<Directory> {
        self.notice(Operation::Open(path))?;
        Ok(Directory { disk: self.clone(), file: File::open(path)?, path: path.to_owned() })
    }

    /// Creates a directory unless it exists.
    pub(super) fn make_directory(&self, path: &Path) -> io::Result<()> {
        if path.is_dir() {
            return Ok(());
        }
        self.notice(Operation::MakeDirectory(path))?;
        std::fs::create_dir_all(path)
    }

    pub(super) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.notice(Operation::Rename(from, to))?;
        std::fs::rename(from, to)
    }

    pub(super) fn remove(&self, path: &Path) -> io::Result<()> {
        self.notice(Operation::Remove(path))?;
        std::fs::remove_file(path)
    }

    /// How many bytes of a write succeed; other operations succeed or fail as a whole.
    #[cfg(test)]
    fn notice(&self, operation: Operation<'_>) -> io::Result<usize> {
        match &self.faults {
            Some(faults) => faults.notice(operation),
            None => Ok(operation.length()),
        }
    }

    #[cfg(not(test))]
    fn notice(&self, operation: Operation<'_>) -> io::Result<usize> {
        Ok(operation.length())
    }
}

impl Operation<'_> {
    pub(super) fn length(&self) -> usize {
        match self {
            Operation::Write { bytes, .. } => bytes.len(),
            _ => 0,
        }
    }
}

impl DiskFile {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The size in bytes.
    pub(super) fn length(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// Writes all bytes, or returns how many were written.
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

    /// Reads a range and writes the same bytes again: after a failed sync the system may wrongly assume that the disk
    /// has them.
    pub(super) fn rewrite(&self, offset: u64, bytes: u64) -> io::Result<()> {
        let content = self.read_at(offset, bytes as usize)?;
        self.write_at(&content, offset).map_err(|short| short.source)
    }

    /// fdatasync.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.disk.notice(Operation::Sync(&self.path))?;
        self.file.sync_data()
    }

    /// fsync.
    pub(super) fn sync_all(&self) -> io::Result<()> {
        self.disk.notice(Operation::Sync(&self.path))?;
        self.file.sync_all()
    }

    /// Reads at most this many bytes from the start.
    pub(super) fn read(&self, bytes: u64) -> io::Result<Vec<u8>> {
        self.read_at(0, self.length()?.min(bytes) as usize)
    }

    /// Reads exactly this many bytes.
    pub(super) fn read_at(&self, offset: u64, bytes: usize) -> io::Result<Vec<u8>> {
        let mut content = vec![0; bytes];
        self.file.read_exact_at(&mut content, offset)?;
        Ok(content)
    }

    fn write_some(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let allowed = self.disk.notice(Operation::Write { path: &self.path, offset, bytes })?;
        self.file.write_at(&bytes[..allowed], offset)
    }
}

impl Directory {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the names in it durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.disk.notice(Operation::SyncDirectory(&self.path))?;
        self.file.sync_all()
    }

    /// The bytes on its disk that are free for this process.
    pub(super) fn free_bytes(&self) -> io::Result<u64> {
        #[cfg(test)]
        if let Some(free) = self.disk.faults.as_ref().and_then(|faults| faults.free_bytes()) {
            return Ok(free);
        }
        let disk = rustix::fs::fstatvfs(&self.file)?;
        Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
    }
}

fn short(written: usize, source: io::Error) -> ShortWrite {
    ShortWrite { written: written as u64, source }
}
