//! The names of the files and folders in the data folder.

pub(super) const LOCK: &str = "lock";
pub(super) const MANIFEST: &str = "manifest";
pub(super) const SNAPSHOTS: &str = "sled";
pub(super) const JOURNAL: &str = "journal";
pub(super) const FILTER: &str = "filter";
