//! What a side of a copy has, in a few numbers.

use std::fmt;

use aws_lc_rs::digest::Context;
use bytes::Bytes;

use crate::domain::text::hex;
use crate::store::kv::codec::SEALED_MAGIC;

/// The entries of a store, in a few numbers. Two stores with the same entries have the same, however each of them seals its
/// values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CopySummary {
    /// How many keys there are.
    pub keys: u64,
    /// How many bytes keys and plain values have.
    pub bytes: u64,
    /// How many values could not be opened. They are copied as they are.
    pub unopened: u64,
    /// The SHA-256 of all keys and plain values, in the order of the keys, each behind its length.
    pub digest: [u8; 32],
}

impl fmt::Display for CopySummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { keys, bytes, unopened: _, digest } = self;
        write!(f, "{keys} keys, {bytes} bytes, SHA-256 {}", hex(digest))
    }
}

impl CopySummary {
    /// Adds an entry; the digest is that of `context` at the end.
    pub(super) fn add(&mut self, context: &mut Context, key: &Bytes, value: &Bytes) {
        for part in [key, value] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
            self.bytes += part.len() as u64;
        }
        self.keys += 1;
        self.unopened += u64::from(value.starts_with(&SEALED_MAGIC));
    }
}
