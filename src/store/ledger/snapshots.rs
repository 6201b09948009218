//! sled's directory: what has to be repaired before sled opens it, and what has to be synced after sled wrote.
//!
//! Beside its log sled keeps two small files that save it work and hold no data of ours: `snap.<lsn>`, an index of the
//! log at an earlier open, and `conf`, its constants. It writes them at an open, and it refuses to open if a crash left
//! one of them unfinished, although its log is complete. So unfinished ones are set aside; the content of the log is
//! compared with the manifest afterwards in any case.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::Dir;

use super::error::{OpenError, at};
use super::file::{Directory, Disk};
use super::patience::patiently;
use super::tree::{Failure, Tree};

/// The snapshots as they were opened.
#[derive(Debug)]
pub(super) struct Snapshots {
    pub(super) tree: Tree,
    pub(super) files: SnapshotFiles,
    /// Whether sled opened only after some of its files were set aside, so that its content must be verified first.
    pub(super) doubtful: bool,
}

/// The files to sync after sled's flush, which returns before the data is on the disk. They are opened once: a
/// checkpoint needs no descriptor.
#[derive(Debug)]
pub(super) struct SnapshotFiles {
    log: File,
    directory: Directory,
    blobs: PathBuf,
    blobs_listed: Dir,
    blobs_directory: File,
    blobs_synced: HashSet<OsString>,
}

impl Snapshots {
    /// Opens sled's directory.
    pub(super) fn open(disk: &Disk, path: &Path, cache_bytes: u64, sync: bool) -> Result<Snapshots, OpenError> {
        disk.make_directory(path).map_err(at(path))?;
        remove_unfinished(disk, path).map_err(at(path))?;
        let refused = |failure| match failure {
            Failure::Io(error) => at(path)(error),
            Failure::Content(what) => OpenError::Snapshots { path: path.to_owned(), what },
        };
        let (tree, doubtful) = match open_tree(path, cache_bytes) {
            Ok(tree) => (tree, false),
            Err(Failure::Content(what)) => {
                let aside = SetAside::all(disk, path).map_err(at(path))?;
                if aside.0.is_empty() {
                    return Err(refused(Failure::Content(what)));
                }
                tracing::warn!(
                    path = %path.display(),
                    files = ?aside.names(),
                    reason = what,
                    "sled refused its own files beside the log; they were set aside, and it reads the whole log"
                );
                match open_tree(path, cache_bytes) {
                    Ok(tree) => (tree, true),
                    Err(failure) => {
                        aside.put_back(disk);
                        return Err(refused(failure));
                    }
                }
            }
            Err(failure) => return Err(refused(failure)),
        };
        let mut files = SnapshotFiles::open(disk, path).map_err(at(path))?;
        if sync {
            // sled never syncs this file.
            let conf = path.join(CONF);
            File::open(&conf).and_then(|file| file.sync_all()).map_err(at(&conf))?;
            files.sync(|_| true).map_err(at(path))?;
        }
        Ok(Snapshots { tree, files, doubtful })
    }
}

impl SnapshotFiles {
    fn open(disk: &Disk, path: &Path) -> io::Result<SnapshotFiles> {
        let blobs = path.join("blobs");
        Ok(SnapshotFiles {
            log: File::open(path.join(LOG))?,
            directory: disk.directory(path)?,
            blobs_listed: Dir::new(File::open(&blobs)?)?,
            blobs_directory: File::open(&blobs)?,
            blobs,
            blobs_synced: HashSet::new(),
        })
    }

    /// Makes sled's writes durable. Temporary errors are retried until `give_up`.
    pub(super) fn sync(&mut self, give_up: impl Fn(Duration) -> bool) -> io::Result<()> {
        patiently("syncing the snapshots", give_up, || self.sync_once())
    }

    fn sync_once(&mut self) -> io::Result<()> {
        // Blobs are written once and never changed; each is synced before the log that refers to it.
        let mut present = HashSet::new();
        self.blobs_listed.rewind();
        while let Some(blob) = self.blobs_listed.read() {
            let name = OsString::from_vec(blob?.file_name().to_bytes().to_vec());
            if name == "." || name == ".." {
                continue;
            }
            if !self.blobs_synced.contains(&name) {
                match File::open(self.blobs.join(&name)) {
                    Ok(file) => file.sync_data()?,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    Err(error) => return Err(error),
                }
            }
            present.insert(name);
        }
        if present != self.blobs_synced {
            self.blobs_directory.sync_all()?;
        }
        self.blobs_synced = present;
        self.log.sync_data()?;
        self.directory.sync()
    }
}

/// Files of sled that were renamed, with their original names.
struct SetAside(Vec<(PathBuf, PathBuf)>);

impl SetAside {
    /// Renames the files that sled can do without, to names that it ignores.
    fn all(disk: &Disk, path: &Path) -> io::Result<SetAside> {
        let mut aside = SetAside(Vec::new());
        for (from, name) in entries(path)? {
            let broken = name.starts_with(INDEX) || (name == CONF && !is_whole(&from)?);
            if !broken {
                continue;
            }
            let free = |number: &u32| !path.join(format!("aside-{number}.{name}")).exists();
            let number = (1..10_000).find(free).unwrap_or(10_000);
            let to = path.join(format!("aside-{number}.{name}"));
            disk.rename(&from, &to)?;
            aside.0.push((from, to));
        }
        Ok(aside)
    }

    fn put_back(&self, disk: &Disk) {
        for (from, to) in &self.0 {
            if let Err(error) = disk.rename(to, from) {
                tracing::warn!(%error, file = %to.display(), "a file that was set aside could not be put back");
            }
        }
    }

    fn names(&self) -> Vec<String> {
        self.0.iter().map(|(_, to)| to.display().to_string()).collect()
    }
}

/// Removes an unfinished index, which sled does not need, but whose name its reader takes for a finished one. Also
/// removes incomplete constants beside an empty log.
fn remove_unfinished(disk: &Disk, path: &Path) -> io::Result<()> {
    let empty = path.join(LOG).metadata().map_or(true, |log| log.len() == 0);
    for (file, name) in entries(path)? {
        let index = name.starts_with(INDEX) && name.ends_with(".generating");
        let constants = name == CONF && empty && !is_whole(&file)?;
        if index || constants {
            tracing::warn!(file = %file.display(), "a file that sled left unfinished at an earlier start was removed");
            disk.remove(&file)?;
        }
    }
    Ok(())
}

/// sled releases its own lock shortly after the last handle is dropped; our lock is held already, so waiting is safe.
fn open_tree(path: &Path, cache_bytes: u64) -> Result<Tree, Failure> {
    let deadline = Instant::now() + Duration::from_secs(2);
    loop {
        match Tree::open(path, cache_bytes) {
            Err(Failure::Io(error)) if error.to_string().contains("acquire lock") && Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(10));
            }
            done => return done,
        }
    }
}

fn entries(path: &Path) -> io::Result<Vec<(PathBuf, String)>> {
    let named = |entry: io::Result<std::fs::DirEntry>| {
        entry.map(|entry| (entry.path(), entry.file_name().to_string_lossy().into_owned()))
    };
    std::fs::read_dir(path)?.map(named).collect()
}

/// Whether the constants end with a valid checksum.
fn is_whole(conf: &Path) -> io::Result<bool> {
    let bytes = std::fs::read(conf)?;
    let Some((body, crc)) = bytes.split_last_chunk::<4>() else {
        return Ok(false);
    };
    Ok(!body.is_empty() && crc32fast::hash(body).to_le_bytes() == *crc)
}

const LOG: &str = "db";
const CONF: &str = "conf";
const INDEX: &str = "snap.";
