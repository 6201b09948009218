//! Whether a folder could be used, checked without leaving files behind.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;
#[cfg(any(feature = "cli", feature = "unstable"))]
use rustix::fs::{Access, AtFlags, CWD, accessat};

#[cfg(any(feature = "cli", feature = "unstable"))]
use super::private::is_ours;

/// Whether a store could be opened in `folder`: the folder can be created, or it and the files of a store in it can be
/// read and written.
///
/// # Errors
/// The error that creating or opening it would give.
#[cfg(any(feature = "cli", feature = "unstable"))]
pub fn could_hold_data(folder: &Path) -> io::Result<()> {
    could_be_written(folder)?;
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if is_ours(&entry.file_name().to_string_lossy()) {
            accessat(CWD, entry.path(), Access::READ_OK | Access::WRITE_OK, AtFlags::EACCESS)?;
        }
    }
    Ok(())
}

/// Whether files could be created in `folder`, or `folder` itself if it is missing.
///
/// # Errors
/// The error that creating them would give.
pub fn could_be_written(folder: &Path) -> io::Result<()> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    match fs::metadata(folder) {
        Ok(metadata) if metadata.is_dir() => try_in(folder),
        Ok(_) => Err(ErrorKind::NotADirectory.into()),
        // A dangling link prevents creating a folder with this name.
        Err(error) if error.kind() == ErrorKind::NotFound && folder.symlink_metadata().is_ok() => {
            Err(ErrorKind::AlreadyExists.into())
        }
        Err(error) if error.kind() == ErrorKind::NotFound => match folder.parent() {
            Some(parent) => could_be_written(parent),
            None => Err(error),
        },
        Err(error) => Err(error),
    }
}

/// Creates a file without a name, which is gone when it is closed (`O_TMPFILE`, open(2)). Permissions alone are not
/// enough: root may do everything and still can't create a file in `/proc`.
fn try_in(folder: &Path) -> io::Result<()> {
    let flags = OFlags::TMPFILE.bits().cast_signed();
    let made = OpenOptions::new().write(true).mode(0o600).custom_flags(flags).open(folder);
    match made.map(drop) {
        Err(error) if error.kind() == ErrorKind::Unsupported || error.kind() == ErrorKind::IsADirectory => {
            try_with_a_name(folder)
        }
        done => done,
    }
}

/// The same on file systems that do not support files without a name.
fn try_with_a_name(folder: &Path) -> io::Result<()> {
    let path = folder.join(format!(".vestibule-check-{}", std::process::id()));
    File::create_new(&path)?;
    fs::remove_file(&path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use tempfile::TempDir;

    use super::*;

    #[test]
    fn what_could_not_be_made_is_told_and_nothing_is_left_behind() {
        let folder = TempDir::new().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::write(at("file"), "").expect("a file");
        symlink(at("nowhere"), at("link")).expect("a link");
        for (path, expected) in [
            (at(""), None),
            (at("new"), None),
            (at("new/deeper/still"), None),
            (at("file"), Some(ErrorKind::NotADirectory)),
            (at("file/new"), Some(ErrorKind::NotADirectory)),
            (at("link"), Some(ErrorKind::AlreadyExists)),
            (at("link/new"), Some(ErrorKind::AlreadyExists)),
        ] {
            assert_eq!(could_hold_data(&path).err().map(|error| error.kind()), expected, "{}", path.display());
        }
        assert!(could_hold_data(Path::new("/proc/vestibule")).is_err(), "not even root makes anything there");
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 2);
        try_with_a_name(folder.path()).expect("a file that goes again");
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 2);
    }

    #[test]
    fn a_folder_and_files_of_somebody_else_are_told() {
        if rustix::process::geteuid().is_root() {
            // Root has all permissions; tests/it/cli.rs runs this check as another user.
            return;
        }
        let folder = TempDir::new().expect("a folder");
        let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("permissions");
        let refused = |path: &Path| could_hold_data(path).err().map(|error| error.kind());
        let lock = folder.path().join("lock");
        fs::write(&lock, "").expect("a file");
        assert_eq!(refused(folder.path()), None);
        set(&lock, 0o400);
        assert_eq!(refused(folder.path()), Some(ErrorKind::PermissionDenied));
        set(&lock, 0o600);
        set(folder.path(), 0o500);
        assert_eq!(refused(folder.path()), Some(ErrorKind::PermissionDenied));
        assert_eq!(refused(&folder.path().join("new")), Some(ErrorKind::PermissionDenied));
        set(folder.path(), 0o700);
    }
}
