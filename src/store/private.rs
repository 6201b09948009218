//! Permissions of the data folder: access for its owner only, whatever the umask was when its files were created.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::OFlags;

/// Creates the data folder if missing, and removes the permissions of other users from it and from the files of a store
/// and its key in it. Logs one line if that changed something. Unknown files are left unchanged.
///
/// # Errors
/// When the folder can't be created or read. Permissions that can't be changed are logged: on some volumes another user
/// owns the files.
pub fn make_private(folder: &Path) -> io::Result<()> {
    let found = narrow_store(folder)?;
    if found.narrowed > 0 {
        tracing::warn!(
            path = %folder.display(),
            narrowed = found.narrowed,
            key = found.key,
            "other users of this machine had access to files in the data folder; now only their owner has{}",
            if found.key { ", but the instance key may have been read before" } else { "" }
        );
    }
    if let Some(refusal) = found.refusal {
        tracing::warn!(path = %folder.display(), refusal, "other users of this machine may have access to files in the \
                                                           data folder");
    }
    Ok(())
}

/// The same without logging, for files that were just created.
pub(super) fn keep_private(folder: &Path) -> io::Result<()> {
    narrow_store(folder).map(drop)
}

#[derive(Debug, Default)]
struct Found {
    narrowed: usize,
    /// Whether the instance key was among the changed files.
    key: bool,
    /// The first path whose permissions could not be changed, and why.
    refusal: Option<String>,
}

fn narrow_store(folder: &Path) -> io::Result<Found> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mut found = Found::default();
    if fs::metadata(folder)?.permissions().mode() & STICKY != 0 {
        // A folder such as /tmp is shared by all users.
        found.refusal = Some(format!("{} is shared by all users", folder.display()));
    } else {
        found.narrow(folder, OFlags::empty());
    }
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let path = folder.join(&name);
        let name = name.to_string_lossy();
        if is_ours(&name) {
            found.visit(&path, name.starts_with(KEY), DEPTH_MAX);
        }
    }
    Ok(found)
}

/// Whether a file with this name in the data folder belongs to a store or is its key.
pub(super) fn is_ours(name: &str) -> bool {
    OURS.iter().any(|ours| name.starts_with(ours))
}

impl Found {
    /// A file, or a folder with its content.
    fn visit(&mut self, path: &Path, is_key: bool, depth: usize) {
        let before = self.narrowed;
        let is_folder = self.narrow(path, OFlags::NOFOLLOW);
        self.key |= is_key && self.narrowed > before;
        if !is_folder || depth == 0 {
            return;
        }
        match fs::read_dir(path) {
            Ok(entries) => {
                entries.flatten().for_each(|entry| self.visit(&entry.path(), is_key, depth - 1));
            }
            Err(error) => self.refuse(path, &error),
        }
    }

    /// Removes excess permissions of one file or folder, unless it is a link; returns whether it is a folder.
    fn narrow(&mut self, path: &Path, flags: OFlags) -> bool {
        let flags = (flags | OFlags::NONBLOCK).bits().cast_signed();
        let narrowed = OpenOptions::new().read(true).custom_flags(flags).open(path).and_then(|file| {
            let metadata = file.metadata()?;
            let wanted = if metadata.is_dir() { 0o700 } else { 0o600 };
            let mode = metadata.permissions().mode() & 0o7777;
            if mode & !wanted & 0o777 != 0 {
                file.set_permissions(Permissions::from_mode(mode & wanted))?;
                self.narrowed += 1;
            }
            Ok(metadata.is_dir())
        });
        match narrowed {
            Ok(is_folder) => is_folder,
            // The file may have been replaced by sled meanwhile, and a link was made by the operator.
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => false,
            Err(error) => {
                self.refuse(path, &error);
                false
            }
        }
    }

    fn refuse(&mut self, path: &Path, error: &io::Error) {
        self.refusal.get_or_insert_with(|| format!("{}: {error}", path.display()));
    }
}

/// Prefixes of the names of a store's files and of its key.
const OURS: [&str; 6] = ["lock", "manifest", "filter", "journal", "sled", KEY];
const KEY: &str = "instance.key";
/// The deepest files are sled's blobs: `sled/blobs/1`.
const DEPTH_MAX: usize = 3;
const STICKY: u32 = 0o1000;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_missing_folder_is_made_for_its_owner_alone() {
        let parent = tempfile::tempdir().expect("a folder");
        let folder = parent.path().join("a/b");
        make_private(&folder).expect("room");
        assert_eq!(mode(&folder), 0o700);
    }

    #[test]
    fn what_is_too_wide_is_narrowed_and_the_rest_is_left_alone() {
        let parent = tempfile::tempdir().expect("a folder");
        let folder = parent.path().join("data");
        fs::create_dir_all(folder.join("sled/blobs")).expect("folders");
        let files = ["instance.key", "manifest", "lock", "filter", "sled/db", "sled/blobs/1"];
        for file in files {
            fs::write(folder.join(file), "x").expect("a file");
            set(&folder.join(file), 0o664);
        }
        fs::write(folder.join("notes"), "the operator's").expect("a file");
        set(&folder.join("notes"), 0o644);
        set(&folder.join("lock"), 0o400);
        let outside = parent.path().join("outside");
        fs::write(&outside, "x").expect("a file");
        set(&outside, 0o644);
        symlink(&outside, folder.join("sled/link")).expect("a link");
        for path in [folder.clone(), folder.join("sled"), folder.join("sled/blobs")] {
            set(&path, 0o755);
        }
        make_private(&folder).expect("its own");
        for path in [folder.clone(), folder.join("sled"), folder.join("sled/blobs")] {
            assert_eq!(mode(&path), 0o700, "{}", path.display());
        }
        for file in files.iter().filter(|file| **file != "lock") {
            assert_eq!(mode(&folder.join(file)), 0o600, "{file}");
        }
        assert_eq!((mode(&folder.join("lock")), mode(&folder.join("notes")), mode(&outside)), (0o400, 0o644, 0o644));
        assert_eq!(narrow_store(&folder).expect("its own").narrowed, 0, "once is enough");
    }

    #[test]
    fn a_folder_that_all_users_share_stays_shared() {
        let folder = tempfile::tempdir().expect("a folder");
        set(folder.path(), 0o1777);
        make_private(folder.path()).expect("readable");
        assert_eq!(mode(folder.path()), 0o1777);
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("a file").permissions().mode() & 0o7777
    }

    fn set(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).expect("permissions");
    }
}
