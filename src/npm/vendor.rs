//! Fetches a package from a registry of npm into a folder for [`Bundles`](super::Bundles). Only what has the expected SHA-512
//! gets there, and it replaces what was there in one step.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_lc_rs::digest::{SHA512, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Request;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use serde::Deserialize;
use url::Url;

use super::bundles::check;
use super::package::Wanted;
use super::unpack::unpack;
use crate::outbound::{Outbound, OutboundError, OutboundOptions};

/// The public registry of npm.
pub const REGISTRY: &str = "https://registry.npmjs.org";

/// A registry, and the folder that is filled from it.
#[derive(Clone, Debug)]
pub struct Vendor {
    registry: Url,
    folder: PathBuf,
    outbound: Outbound,
}

/// A package that was put into the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vendored {
    /// Its name and version, such as `@clerk/ui@1.34.0`.
    pub name: String,
    /// How many files browsers can load of it.
    pub files: usize,
    /// Whether its SHA-512 is one that this program knows. Else it is the one that the registry tells.
    pub is_pinned: bool,
}

/// A package that was fetched and has the right SHA-512, and is not in the folder yet.
#[derive(Clone)]
pub struct Fetched {
    wanted: Wanted,
    archive: Vec<u8>,
    is_pinned: bool,
}

/// Why a package was not fetched, or not put into the folder. What was there is left as it was then.
#[derive(Debug, thiserror::Error)]
pub enum VendorError {
    /// The registry could not be asked.
    #[error("{0}")]
    Outbound(#[from] OutboundError),
    /// The registry answered with another status than 200.
    #[error("{url} answered with status {status}")]
    Status {
        /// What was asked for.
        url: String,
        /// The status.
        status: u16,
    },
    /// The registry's description of the package has no SHA-512.
    #[error("the registry gives no SHA-512 for {0}")]
    NoIntegrity(String),
    /// The registry's SHA-512 is another than the one that this program knows.
    #[error("the registry gives another SHA-512 for {0} than the one that this program knows; it is not fetched")]
    NotPinned(String),
    /// The archive has another SHA-512.
    #[error("the archive of {0} has another SHA-512 than it must have; it is not unpacked")]
    Mismatch(String),
    /// The folder can't be written, or the archive can't be read.
    #[error("{0}: {1}")]
    Folder(String, io::Error),
}

impl Vendor {
    /// Fetches from `registry` into `folder`.
    pub fn new(registry: Url, folder: impl Into<PathBuf>) -> Self {
        let options = OutboundOptions {
            // The operator names the registry, which may be in their own network.
            allow_private: true,
            timeout: Duration::from_secs(120),
            connect_timeout: Some(Duration::from_secs(10)),
            body_max: ARCHIVE_MAX,
            ..OutboundOptions::default()
        };
        Self { registry, folder: folder.into(), outbound: Outbound::new(options) }
    }

    /// Fetches one package and compares its SHA-512.
    ///
    /// # Errors
    /// When the registry can't be asked, or the archive has another SHA-512 than it must have.
    pub async fn fetch(&self, wanted: &Wanted) -> Result<Fetched, VendorError> {
        let (package, version) = (wanted.package, &wanted.version);
        let name = format!("{package}@{version}");
        let told = self.integrity(wanted, &name).await?;
        let pinned = package.pinned();
        let is_pinned = version.as_str() == pinned.0;
        if is_pinned && told != pinned.1 {
            return Err(VendorError::NotPinned(name));
        }
        // Where archives are is a convention of all registries. What the registry tells may name a host behind it.
        let archive = self.get(&format!("{package}/-/{}-{version}.tgz", package.name())).await?;
        let sum = format!("sha512-{}", STANDARD.encode(digest(&SHA512, &archive)));
        if sum != told {
            return Err(VendorError::Mismatch(name));
        }
        Ok(Fetched { wanted: wanted.clone(), archive, is_pinned })
    }

    /// Puts a package in the place of the version before. Blocks while it writes.
    ///
    /// # Errors
    /// When the folder can't be written, or a server could not use what is in the archive.
    pub fn put(&self, fetched: &Fetched) -> Result<Vendored, VendorError> {
        let Fetched { wanted, archive, is_pinned } = fetched;
        let files = put(archive, &self.folder, wanted).map_err(|error| {
            let place = self.folder.join("@clerk").join(wanted.package.name());
            VendorError::Folder(place.display().to_string(), error)
        })?;
        Ok(Vendored { name: format!("{}@{}", wanted.package, wanted.version), files, is_pinned: *is_pinned })
    }

    /// The SHA-512 that the registry tells.
    async fn integrity(&self, wanted: &Wanted, name: &str) -> Result<String, VendorError> {
        #[derive(Deserialize)]
        struct Description {
            version: String,
            dist: Dist,
        }
        #[derive(Deserialize)]
        struct Dist {
            integrity: String,
        }
        let text = self.get(&format!("{}/{}", wanted.package, wanted.version)).await?;
        let missing = || VendorError::NoIntegrity(name.to_owned());
        let told: Description = serde_json::from_slice(&text).map_err(|_| missing())?;
        let sum = told.dist.integrity.split_whitespace().find(|sum| sum.starts_with("sha512-"));
        sum.filter(|_| told.version == wanted.version.as_str()).map(str::to_owned).ok_or_else(missing)
    }

    async fn get(&self, path: &str) -> Result<Vec<u8>, VendorError> {
        let url = format!("{}/{path}", self.registry.as_str().trim_end_matches('/'));
        let request = Request::get(&url).body(Vec::new());
        let request = request.map_err(|error| VendorError::Folder(url.clone(), io::Error::other(error)))?;
        let answer = self.outbound.send(request).await?;
        match answer.status().as_u16() {
            200 => Ok(answer.into_body()),
            status => Err(VendorError::Status { url, status }),
        }
    }
}

/// Unpacks beside the place of the package, and then changes places with what is there: readers see the old files or the new
/// ones.
fn put(archive: &[u8], folder: &Path, wanted: &Wanted) -> io::Result<usize> {
    let package = wanted.package;
    let scope = folder.join("@clerk");
    fs::create_dir_all(&scope)?;
    let (place, fresh) =
        (scope.join(package.name()), scope.join(format!(".{}-{}", package.name(), std::process::id())));
    if fresh.exists() {
        // Of a process with the same id that was interrupted.
        fs::remove_dir_all(&fresh)?;
    }
    fs::create_dir(&fresh)?;
    let done = unpack(archive, &fresh).and_then(|files| {
        if files == 0 {
            return Err(io::Error::other("the archive has no file that browsers load"));
        }
        check(&fresh, package, &wanted.version)
            .map_err(|error| io::Error::other(format!("a server could not use it: `npm_dir` {error}")))?;
        let is_there = fs::symlink_metadata(&place).is_ok();
        if is_there {
            exchange(&fresh, &place)?
        } else {
            fs::rename(&fresh, &place)?
        }
        Ok(files)
    });
    // What is left under this name is the version before, or what could not be unpacked.
    if let Ok(left) = fs::symlink_metadata(&fresh) {
        if left.is_dir() { fs::remove_dir_all(&fresh)? } else { fs::remove_file(&fresh)? }
    }
    done
}

/// Lets two folders change places: in one step where the file system can, else in three.
fn exchange(fresh: &Path, place: &Path) -> io::Result<()> {
    match renameat_with(CWD, fresh, CWD, place, RenameFlags::EXCHANGE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            let aside = fresh.with_extension("before");
            fs::rename(place, &aside)?;
            fs::rename(fresh, place)?;
            fs::rename(aside, fresh)
        }
        done => Ok(done?),
    }
}

/// The archives of today have 10 MB.
const ARCHIVE_MAX: usize = 64 * 1024 * 1024;
