//! The scan for expired records, in pages.

use bytes::Bytes;

/// A position in the scan; the default is its beginning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScanCursor(pub(in crate::store) Bytes);

/// A record that was expired at the time of the scan; the commit checks again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpiredKey(pub(in crate::store) Bytes);

/// One page of the scan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScanPage {
    /// The expired records.
    pub stale: Vec<ExpiredKey>,
    /// Where the next page begins.
    pub next: ScanCursor,
}
