//! Takes the files that browsers load out of the archive of a package (RFC 1952, and tar as POSIX.1-1988 has it). Nothing
//! else is written: no other folder, no link, no file that the archive only names.

use std::fs;
use std::io::{self, Read};
use std::path::{Component, Path};

use flate2::read::GzDecoder;
use tar::{Archive, EntryType};

use super::package::is_file_name;

/// Writes `package.json`, the licence and the files of `dist` that browsers load into `folder`, which is empty. Returns how many files
/// of `dist` there are.
///
/// # Errors
/// When the archive can't be read or is larger than any release of the packages, or when a file can't be written.
pub(super) fn unpack(archive: &[u8], folder: &Path) -> io::Result<usize> {
    fs::create_dir(folder.join("dist"))?;
    // The limit is on what comes out, since a small archive can hold any amount of zeros.
    let bounded = GzDecoder::new(archive).take(UNPACKED_MAX);
    let mut archive = Archive::new(bounded);
    let mut count = 0;
    for (at, entry) in archive.entries()?.enumerate() {
        if at >= ENTRIES_MAX {
            return Err(io::Error::other("it has too many entries"));
        }
        let mut entry = entry?;
        if entry.header().entry_type() != EntryType::Regular {
            continue;
        }
        let path = entry.path()?.into_owned();
        let Some((in_dist, name)) = place(&path) else { continue };
        let to = if in_dist { folder.join("dist").join(name) } else { folder.join(name) };
        // A name that comes twice is no archive of a registry.
        let mut file = fs::OpenOptions::new().write(true).create_new(true).open(to)?;
        let written = io::copy(&mut entry, &mut file)?;
        if written != entry.size() {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it ends early, or unpacks to more than 256 MiB"));
        }
        count += usize::from(in_dist);
    }
    Ok(count)
}

/// Whether a file of the archive belongs to `dist`, and its name; `None` for what is left out. The first part of a path is
/// the folder of the package, whatever it is called.
fn place(path: &Path) -> Option<(bool, &str)> {
    let parts: Option<Vec<&str>> = path
        .components()
        .map(|part| match part {
            Component::Normal(part) => part.to_str(),
            _ => None,
        })
        .collect();
    match parts?[..] {
        [_, name @ ("package.json" | "LICENSE")] => Some((false, name)),
        [_, "dist", name] if is_file_name(name) => Some((true, name)),
        _ => None,
    }
}

/// The packages of today unpack to 40 MB and have 3500 entries.
const UNPACKED_MAX: u64 = 256 * 1024 * 1024;
const ENTRIES_MAX: usize = 20_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_browsers_load_has_a_place() {
        for (path, expected) in [
            ("package/dist/clerk.browser.js", Some((true, "clerk.browser.js"))),
            ("package/package.json", Some((false, "package.json"))),
            ("ui/LICENSE", Some((false, "LICENSE"))),
            ("package/dist/types/index.d.ts", None),
            ("package/dist/deep/x.js", None),
            ("package/dist/index.d.ts", None),
            ("package/src/x.js", None),
            ("package/../dist/x.js", None),
            ("../dist/x.js", None),
            ("/package/dist/x.js", None),
            ("package/dist/../x.js", None),
            ("package/dist/..", None),
            ("package.json", None),
        ] {
            assert_eq!(place(Path::new(path)), expected, "{path}");
        }
    }
}
