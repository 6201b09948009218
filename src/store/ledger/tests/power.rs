//! A disk that loses unsynced data. It observes the ledger's file operations, separates what would survive from what
//! was merely written, and at the end creates a directory as after a power loss, or after the end of the process.
//!
//! sled writes its files itself; of those there is an image from the last sync, and one from the end.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicUsize;

use super::*;

/// Writes survive in pieces of this size.
const SECTOR: usize = 512;

/// The disk of one run of a ledger.
#[derive(Debug)]
pub(super) struct PowerDisk {
    /// The data directory of this run.
    root: PathBuf,
    /// The run ends after this many operations.
    ends_after: usize,
    operations: AtomicUsize,
    /// How many of a thousand operations fail in a way that the process survives.
    fails: u64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    random: Random,
    /// Every file that ever existed; names refer to them.
    files: Vec<Contents>,
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    /// Changes of names that are not synced, with their directory.
    changes: Vec<(PathBuf, Change)>,
    /// sled's directory at its last sync.
    snapshots: Option<PathBuf>,
    /// Whether the disk is full for the next write, once.
    full: bool,
    /// Created when the run ends.
    image: Option<PathBuf>,
    /// Whether only the process ended: written data is present, but a later power loss may still lose it.
    powered: bool,
}

/// What a still running system knows beyond what is on its disk.
#[derive(Debug)]
pub(super) struct Inheritance {
    files: Vec<Contents>,
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    changes: Vec<(PathBuf, Change)>,
    snapshots: Option<PathBuf>,
}

#[derive(Debug, Default, Clone)]
struct Contents {
    durable: Vec<u8>,
    pending: Vec<(u64, Vec<u8>)>,
}

#[derive(Debug, Clone)]
enum Change {
    Name(PathBuf, usize),
    Forget(PathBuf),
    Rename(PathBuf, PathBuf),
}

impl PowerDisk {
    /// A disk with the content of this directory: all of it durable, except what it inherits.
    pub(super) fn over(
        root: &Path,
        inherited: Option<Inheritance>,
        seed: u64,
        ends_after: usize,
        fails: u64,
    ) -> Arc<PowerDisk> {
        let Inheritance { files, names, durable_names, changes, snapshots } =
            inherited.unwrap_or_else(|| Inheritance::durable(root));
        let state = State {
            random: Random(seed),
            files,
            names,
            durable_names,
            changes,
            snapshots,
            full: false,
            image: None,
            powered: false,
        };
        Arc::new(PowerDisk {
            root: root.to_owned(),
            ends_after,
            operations: AtomicUsize::new(0),
            fails,
            state: Mutex::new(state),
        })
    }

    pub(super) fn disk(self: &Arc<Self>) -> Disk {
        Disk { faults: Some(Arc::clone(self) as Arc<dyn Faults>) }
    }

    /// Whether the run has ended.
    pub(super) fn has_ended(&self) -> bool {
        self.state.lock().unwrap().image.is_some()
    }

    /// Ends the run, if it has not ended before; returns the directory of the next run and what that inherits.
    pub(super) fn end(&self) -> (PathBuf, Option<Inheritance>) {
        let mut state = self.state.lock().unwrap();
        state.end(&self.root);
        let inheritance = state.powered.then(|| Inheritance {
            files: std::mem::take(&mut state.files),
            names: std::mem::take(&mut state.names),
            durable_names: std::mem::take(&mut state.durable_names),
            changes: std::mem::take(&mut state.changes),
            snapshots: state.snapshots.take(),
        });
        (state.image.clone().unwrap(), inheritance)
    }

    fn relative(&self, path: &Path) -> Option<PathBuf> {
        path.strip_prefix(&self.root).ok().map(Path::to_owned)
    }
}

impl Inheritance {
    fn durable(root: &Path) -> Inheritance {
        let paths = tracked(root);
        let content = |path: &PathBuf| std::fs::read(root.join(path)).unwrap();
        let files = paths.iter().map(|path| Contents { durable: content(path), pending: Vec::new() }).collect();
        let names: BTreeMap<_, _> = paths.into_iter().zip(0..).collect();
        let snapshots = root.join("sled").exists().then(|| copy_aside(root));
        Inheritance { files, durable_names: names.clone(), names, changes: Vec::new(), snapshots }
    }
}

impl Faults for PowerDisk {
    fn notice(&self, operation: Operation<'_>) -> io::Result<usize> {
        let mut state = self.state.lock().unwrap();
        let number = self.operations.fetch_add(1, Ordering::Relaxed);
        if number >= self.ends_after {
            // The write in progress may have reached the disk in part.
            if state.image.is_none() {
                if let Operation::Write { path, offset, bytes } = operation {
                    let part = state.random.below(bytes.len() as u64 + 1) as usize;
                    state.write(&self.relative(path).unwrap(), offset, &bytes[..part]);
                }
                state.end(&self.root);
            }
            return Err(io::Error::other("the power is gone"));
        }
        let fails = state.random.below(1000) < self.fails;
        if fails || (state.full && matches!(operation, Operation::Write { .. })) {
            return state.fail(operation, |path| self.relative(path));
        }
        match operation {
            Operation::Open(_) | Operation::MakeDirectory(_) => {}
            Operation::Create(path) => state.create(self.relative(path).unwrap()),
            Operation::Write { path, offset, bytes } => state.write(&self.relative(path).unwrap(), offset, bytes),
            Operation::Sync(path) => state.sync(&self.relative(path).unwrap()),
            Operation::SyncDirectory(path) => {
                if path == self.root.join("sled") {
                    state.snapshots_synced(&self.root);
                } else if let Some(directory) = self.relative(path) {
                    state.sync_directory(&directory);
                }
            }
            Operation::Rename(from, to) => {
                state.change(Change::Rename(self.relative(from).unwrap(), self.relative(to).unwrap()));
            }
            Operation::Remove(path) => {
                // Removing a missing file changes nothing.
                let path = self.relative(path).unwrap();
                if state.names.contains_key(&path) {
                    state.change(Change::Forget(path));
                }
            }
        }
        Ok(operation.length())
    }
}

impl State {
    fn create(&mut self, path: PathBuf) {
        // Emptying an existing file is modelled as a new file: the old content may survive under its name until that is
        // synced.
        let id = self.files.len();
        self.files.push(Contents::default());
        self.change(Change::Name(path, id));
    }

    fn write(&mut self, path: &Path, offset: u64, bytes: &[u8]) {
        let id = self.names[path];
        self.files[id].pending.push((offset, bytes.to_vec()));
    }

    fn sync(&mut self, path: &Path) {
        let id = self.names[path];
        let file = &mut self.files[id];
        for (offset, bytes) in std::mem::take(&mut file.pending) {
            apply(&mut file.durable, offset, &bytes);
        }
    }

    fn sync_directory(&mut self, directory: &Path) {
        let (synced, later) = std::mem::take(&mut self.changes).into_iter().partition(|(of, _)| of == directory);
        self.changes = later;
        let synced: Vec<(PathBuf, Change)> = synced;
        for (_, change) in synced {
            rename(&mut self.durable_names, change);
        }
    }

    fn change(&mut self, change: Change) {
        let (Change::Name(path, _) | Change::Forget(path) | Change::Rename(path, _)) = &change;
        let directory = path.parent().unwrap().to_owned();
        rename(&mut self.names, change.clone());
        self.changes.push((directory, change));
    }

    /// An operation that fails although the disk continues to work; most such operations must not be followed by an
    /// acknowledgement.
    fn fail(&mut self, operation: Operation<'_>, relative: impl Fn(&Path) -> Option<PathBuf>) -> io::Result<usize> {
        let passing = [Errno::INTR, Errno::AGAIN, Errno::NOMEM, Errno::MFILE, Errno::NFILE];
        let pass = passing[self.random.below(5) as usize];
        match operation {
            Operation::Write { path, offset, bytes } => match self.random.below(4) {
                _ if std::mem::take(&mut self.full) => Err(Errno::NOSPC.into()),
                0 => Err(pass.into()),
                1 => Err(Errno::NOSPC.into()),
                number => {
                    self.full = number == 2;
                    let part = 1 + self.random.below(bytes.len() as u64) as usize;
                    self.write(&relative(path).unwrap(), offset, &bytes[..part]);
                    Ok(part)
                }
            },
            Operation::Sync(_) | Operation::SyncDirectory(_) if self.random.below(4) == 0 => Err(Errno::IO.into()),
            // A part of the pending data is lost for good, while the system assumes that it is written.
            Operation::Sync(path) => {
                let id = self.names[&relative(path).unwrap()];
                self.files[id].pending.clear();
                Err(pass.into())
            }
            _ => Err(pass.into()),
        }
    }

    fn snapshots_synced(&mut self, root: &Path) {
        if let Some(old) = self.snapshots.replace(copy_aside(root)) {
            std::fs::remove_dir_all(old).unwrap();
        }
    }

    /// Creates the directory for the next start.
    fn end(&mut self, root: &Path) {
        if self.image.is_some() {
            return;
        }
        let image = beside(root);
        std::fs::create_dir_all(image.join("journal")).unwrap();
        // After the end of the process everything written is present. After a power loss all, none or some of the
        // unsynced data is.
        let how = self.random.below(6);
        self.powered = how < 2;
        let kept = match how {
            0 | 1 => self.changes.len(),
            2 => 0,
            _ => self.random.below(self.changes.len() as u64 + 1) as usize,
        };
        let mut names = self.durable_names.clone();
        for (_, change) in &self.changes[..kept] {
            rename(&mut names, change.clone());
        }
        let lost_pages = self.random.0;
        for (path, id) in &names {
            let file = &self.files[*id];
            let mut content = file.durable.clone();
            for (order, (offset, bytes)) in file.pending.iter().enumerate() {
                for (number, sector) in bytes.chunks(SECTOR).enumerate() {
                    let survives = match how {
                        0 | 1 => true,
                        2 => false,
                        3 => self.random.below(2) == 0,
                        // Whole pages, as most disks lose them; or only the first write.
                        4 => {
                            (lost_pages ^ ((*offset + (number * SECTOR) as u64) / 4096)).count_ones().is_multiple_of(2)
                        }
                        _ => order > 0,
                    };
                    if survives {
                        apply(&mut content, offset + (number * SECTOR) as u64, sector);
                    }
                }
            }
            std::fs::write(image.join(path), content).unwrap();
        }
        match &self.snapshots {
            Some(synced) if !self.powered && self.random.below(2) == 0 => copy(synced, &image.join("sled")),
            Some(synced) if !self.powered => {
                let synced = synced.clone();
                copy(&root.join("sled"), &image.join("sled"));
                self.mix(&synced, &image.join("sled"));
            }
            _ => copy(&root.join("sled"), &image.join("sled")),
        }
        self.image = Some(image);
    }

    /// Reverts some pages of sled's log to their state at the last sync.
    fn mix(&mut self, synced: &Path, image: &Path) {
        let (Ok(old), Ok(mut new)) = (std::fs::read(synced.join("db")), std::fs::read(image.join("db"))) else {
            return;
        };
        for page in 0..new.len().div_ceil(4096) {
            if self.random.below(2) == 0 {
                let range = page * 4096..((page + 1) * 4096).min(new.len());
                for at in range {
                    new[at] = old.get(at).copied().unwrap_or(0);
                }
            }
        }
        std::fs::write(image.join("db"), new).unwrap();
    }
}

impl Drop for State {
    fn drop(&mut self) {
        if let Some(snapshots) = &self.snapshots {
            let _ = std::fs::remove_dir_all(snapshots);
        }
    }
}

fn apply(content: &mut Vec<u8>, offset: u64, bytes: &[u8]) {
    let end = offset as usize + bytes.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[offset as usize..end].copy_from_slice(bytes);
}

fn rename(names: &mut BTreeMap<PathBuf, usize>, change: Change) {
    match change {
        Change::Name(path, id) => drop(names.insert(path, id)),
        Change::Forget(path) => drop(names.remove(&path)),
        Change::Rename(from, to) => {
            if let Some(id) = names.remove(&from) {
                names.insert(to, id);
            }
        }
    }
}

/// The files of a data directory except sled's, by their path in it.
fn tracked(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for directory in ["", "journal"] {
        let Ok(entries) = std::fs::read_dir(root.join(directory)) else { continue };
        let entries = entries.map(|entry| entry.unwrap()).filter(|entry| entry.file_type().unwrap().is_file());
        found.extend(entries.map(|entry| Path::new(directory).join(entry.file_name())));
    }
    found
}

/// A new name in the directory of all runs.
fn beside(root: &Path) -> PathBuf {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    root.with_file_name(format!("life-{}", NUMBER.fetch_add(1, Ordering::Relaxed)))
}

fn copy_aside(root: &Path) -> PathBuf {
    let aside = beside(root);
    copy(&root.join("sled"), &aside);
    aside
}

/// Copies files that sled may be writing.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    let Ok(entries) = std::fs::read_dir(from) else { return };
    for entry in entries.map(|entry| entry.unwrap()) {
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &target);
        } else if let Ok(content) = std::fs::read(&path) {
            std::fs::write(target, content).unwrap();
        }
    }
}
