//! The files of the packages in a folder, read once and held in memory. A request can name only what is in the list that
//! was made then: no path of a request ever reaches the disk.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use serde::Deserialize;

use super::bundle::Bundle;
use super::package::{Package, Version, content_type, is_file_name};

/// The bundles of a `node_modules` folder. Clones share them.
#[derive(Clone, Debug)]
pub struct Bundles {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    folder: PathBuf,
    packages: RwLock<Arc<Vec<Installed>>>,
}

/// One package of the folder.
#[derive(Debug)]
struct Installed {
    package: Package,
    version: Version,
    files: HashMap<String, Arc<Bundle>>,
}

/// A file that a request named.
#[derive(Clone, Debug)]
pub struct Found {
    /// The file.
    pub bundle: Arc<Bundle>,
    /// Whether the request named the exact version, so that the answer never changes.
    pub is_exact: bool,
}

/// Why a folder can't be used: a sentence that goes on after the name of its key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("names {folder}, {reason}")]
pub struct BundlesError {
    folder: String,
    reason: String,
}

impl Bundles {
    /// Reads the packages below `folder`, which is a `node_modules` folder: `@clerk/clerk-js` and `@clerk/ui`, of which one
    /// may be missing. Blocks while it reads.
    ///
    /// # Errors
    /// When there is neither, when a package can't be read, or when its files have more than 64 MiB together.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, BundlesError> {
        let folder = folder.into();
        let packages = RwLock::new(Arc::new(read(&folder)?));
        Ok(Self { shared: Arc::new(Shared { folder, packages }) })
    }

    /// Reads the folder again. The files before stay where it can't be read.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn reload(&self) -> Result<(), BundlesError> {
        let fresh = Arc::new(read(&self.shared.folder)?);
        *self.shared.packages.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// The packages and their versions, such as `@clerk/clerk-js@6.40.0`.
    pub fn versions(&self) -> Vec<String> {
        self.packages().iter().map(|installed| format!("{}@{}", installed.package, installed.version)).collect()
    }

    /// The file `name` of `package`, if `selector` means the version that is there.
    pub fn find(&self, package: Package, selector: &str, name: &str) -> Option<Found> {
        let packages = self.packages();
        let installed = packages.iter().find(|installed| installed.package == package)?;
        if !installed.version.is_meant_by(selector) {
            return None;
        }
        let bundle = installed.files.get(name)?.clone();
        Some(Found { bundle, is_exact: selector == installed.version.as_str() })
    }

    fn packages(&self) -> Arc<Vec<Installed>> {
        self.shared.packages.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl BundlesError {
    fn new(folder: &Path, reason: impl Into<String>) -> Self {
        Self { folder: folder.display().to_string(), reason: reason.into() }
    }

    fn of(folder: &Path, error: &io::Error) -> Self {
        Self::new(folder, format!("which can't be read: {error}"))
    }
}

/// The part of a `package.json` that counts here.
#[derive(Deserialize)]
struct Manifest {
    name: String,
    version: String,
}

/// How much of the limits is used.
#[derive(Default)]
struct Used {
    files: usize,
    bytes: u64,
}

fn read(folder: &Path) -> Result<Vec<Installed>, BundlesError> {
    let root = fs::canonicalize(folder).map_err(|error| BundlesError::of(folder, &error))?;
    let (mut used, mut packages) = (Used::default(), Vec::new());
    for package in Package::ALL {
        let place = folder.join("@clerk").join(package.name());
        if within(&root, &place).is_some() {
            packages.push(read_package(&root, &place, package, &mut used)?);
        }
    }
    if packages.is_empty() {
        let neither = "which has neither @clerk/clerk-js nor @clerk/ui; fill it with `vestibule vendor`, or name a \
                       `node_modules` folder that has them";
        return Err(BundlesError::new(folder, neither));
    }
    Ok(packages)
}

fn read_package(root: &Path, place: &Path, package: Package, used: &mut Used) -> Result<Installed, BundlesError> {
    let unreadable = |error: io::Error| BundlesError::of(place, &error);
    let manifest = place.join("package.json");
    let is_small = fs::metadata(&manifest).map_err(unreadable)?.len() <= MANIFEST_MAX;
    let manifest = if is_small { fs::read(&manifest).map_err(unreadable)? } else { Vec::new() };
    let manifest: Manifest =
        serde_json::from_slice(&manifest).map_err(|_| BundlesError::new(place, "whose package.json can't be read"))?;
    let version: Version = match manifest.version.parse() {
        Ok(version) if manifest.name == package.to_string() => version,
        _ => return Err(BundlesError::new(place, format!("whose package.json is not that of {package}"))),
    };
    let mut files = HashMap::new();
    for entry in fs::read_dir(place.join("dist")).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let Some(content_type) = content_type(&name).filter(|_| is_file_name(&name)) else { continue };
        // A link that leads out of the folder, or to nothing, is not in the list.
        let Some(path) = within(root, &entry.path()) else { continue };
        let metadata = fs::metadata(&path).map_err(unreadable)?;
        if !metadata.is_file() {
            continue;
        }
        used.files += 1;
        used.bytes += metadata.len();
        if used.files > FILES_MAX || used.bytes > BYTES_MAX {
            return Err(BundlesError::new(place, "whose files have more than 64 MiB, or are more than 2000"));
        }
        let content = fs::read(&path).map_err(unreadable)?;
        files.insert(name, Arc::new(Bundle::new(content_type, content.into())));
    }
    if files.is_empty() {
        return Err(BundlesError::new(place, "whose folder `dist` has no file that browsers load"));
    }
    Ok(Installed { package, version, files })
}

/// Whether a server could read the package at `place`, of this version, with the file that browsers begin with.
///
/// # Errors
/// A sentence that begins with "names".
#[cfg(feature = "cli")]
pub(super) fn check(place: &Path, package: Package, version: &Version) -> Result<(), BundlesError> {
    let root = fs::canonicalize(place).map_err(|error| BundlesError::of(place, &error))?;
    let installed = read_package(&root, place, package, &mut Used::default())?;
    if installed.version != *version {
        return Err(BundlesError::new(place, format!("whose package.json names version {}", installed.version)));
    }
    match installed.files.contains_key(package.entry()) {
        true => Ok(()),
        false => Err(BundlesError::new(place, format!("which has no {}", package.entry()))),
    }
}

/// Where a path leads, if that is below `root`, which has no links in it.
fn within(root: &Path, path: &Path) -> Option<PathBuf> {
    fs::canonicalize(path).ok().filter(|found| found.starts_with(root))
}

const MANIFEST_MAX: u64 = 1024 * 1024;
/// Limits of both packages together. Version 6 of clerk-js and version 1 of ui have 250 files of 20 MB.
const FILES_MAX: usize = 2000;
const BYTES_MAX: u64 = 64 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use tempfile::{TempDir, tempdir};

    use super::*;

    #[test]
    fn a_file_is_found_by_its_package_a_version_and_its_name() {
        let folder = folder();
        let bundles = Bundles::open(folder.path()).expect("bundles");
        assert_eq!(bundles.versions(), ["@clerk/clerk-js@6.40.0", "@clerk/ui@1.34.0"]);
        let found = |selector, name| bundles.find(Package::ClerkJs, selector, name).map(|found| found.is_exact);
        assert_eq!(found("6.40.0", "clerk.browser.js"), Some(true));
        assert_eq!(found("6", "clerk.browser.js"), Some(false));
        assert_eq!(found("latest", "clerk.browser.js"), Some(false));
        for (selector, name) in [
            ("5", "clerk.browser.js"),
            ("6.40.1", "clerk.browser.js"),
            ("6", "ui.browser.js"),
            ("6", "../package.json"),
            ("6", "types.d.ts"),
            ("6", "deep"),
            ("6", "deep/x.js"),
            ("6", ""),
        ] {
            assert_eq!(found(selector, name), None, "{selector} {name}");
        }
        let ui = bundles.find(Package::Ui, "1", "ui.browser.js").expect("there");
        assert_eq!(
            (ui.bundle.plain().as_ref(), ui.bundle.content_type()),
            (&b"ui"[..], "text/javascript; charset=utf-8")
        );
    }

    #[test]
    fn what_a_link_leads_to_outside_of_the_folder_is_not_there() {
        let (folder, other) = (folder(), tempdir().expect("a folder"));
        let secret = other.path().join("secret.js");
        fs::write(&secret, "secret").expect("a file");
        let dist = folder.path().join("@clerk/clerk-js/dist");
        symlink(&secret, dist.join("out.js")).expect("a link");
        symlink(dist.join("nothing"), dist.join("nowhere.js")).expect("a link");
        symlink(dist.join("clerk.browser.js"), dist.join("in.js")).expect("a link");
        let bundles = Bundles::open(folder.path()).expect("bundles");
        let is_there = |name| bundles.find(Package::ClerkJs, "6", name).is_some();
        assert_eq!((is_there("out.js"), is_there("nowhere.js"), is_there("in.js")), (false, false, true));

        // A whole package outside of it, too.
        fs::remove_dir_all(folder.path().join("@clerk/ui")).expect("a folder");
        install(other.path(), "ui", "1.34.0", "ui.browser.js", "other");
        symlink(other.path().join("@clerk/ui"), folder.path().join("@clerk/ui")).expect("a link");
        assert_eq!(Bundles::open(folder.path()).expect("bundles").versions(), ["@clerk/clerk-js@6.40.0"]);
    }

    #[test]
    fn a_folder_that_is_read_again_keeps_its_files_where_it_can_not_be() {
        let folder = folder();
        let bundles = Bundles::open(folder.path()).expect("bundles");
        install(folder.path(), "clerk-js", "6.41.0", "clerk.browser.js", "newer");
        bundles.reload().expect("bundles");
        let content = || bundles.find(Package::ClerkJs, "6", "clerk.browser.js").expect("there").bundle.plain().clone();
        assert_eq!(content(), "newer");
        assert!(bundles.find(Package::ClerkJs, "6.40.0", "clerk.browser.js").is_none());
        fs::write(folder.path().join("@clerk/clerk-js/package.json"), "{").expect("a file");
        assert!(bundles.reload().is_err());
        assert_eq!(content(), "newer");
    }

    #[test]
    fn a_folder_that_is_no_use_says_why() {
        let empty = tempdir().expect("a folder");
        let reason = |folder: &Path| Bundles::open(folder).expect_err("of no use").to_string();
        assert!(reason(empty.path()).contains("neither @clerk/clerk-js nor @clerk/ui"), "{}", reason(empty.path()));
        assert!(reason(&empty.path().join("missing")).contains("can't be read"));
        install(empty.path(), "ui", "one", "ui.browser.js", "");
        assert!(reason(empty.path()).contains("not that of @clerk/ui"));
        install(empty.path(), "ui", "1.34.0", "readme.txt", "");
        fs::remove_file(empty.path().join("@clerk/ui/dist/ui.browser.js")).expect("a file");
        assert!(reason(empty.path()).contains("no file that browsers load"));
        let large = fs::File::create(empty.path().join("@clerk/ui/dist/large.js")).expect("a file");
        large.set_len(BYTES_MAX + 1).expect("a sparse file");
        assert!(reason(empty.path()).contains("more than 64 MiB"));
    }

    fn folder() -> TempDir {
        let folder = tempdir().expect("a folder");
        install(folder.path(), "clerk-js", "6.40.0", "clerk.browser.js", "clerk");
        install(folder.path(), "ui", "1.34.0", "ui.browser.js", "ui");
        let dist = folder.path().join("@clerk/clerk-js/dist");
        fs::write(dist.join("types.d.ts"), "").expect("a file");
        fs::create_dir(dist.join("deep")).expect("a folder");
        fs::write(dist.join("deep/x.js"), "").expect("a file");
        folder
    }

    fn install(folder: &Path, package: &str, version: &str, name: &str, content: &str) {
        let place = folder.join("@clerk").join(package);
        fs::create_dir_all(place.join("dist")).expect("a folder");
        let manifest = format!("{{\"name\": \"@clerk/{package}\", \"version\": \"{version}\"}}");
        fs::write(place.join("package.json"), manifest).expect("a file");
        fs::write(place.join("dist").join(name), content).expect("a file");
    }
}
