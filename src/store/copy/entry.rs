//! The entries of a store.

use bytes::Bytes;

use crate::store::kv::codec;
use crate::store::kv::record::ValueRecordV1;

/// An entry, with its value in plain.
pub(super) type Entry = (Bytes, Bytes);

/// The time in a named value.
pub(super) fn time_in(value: &[u8]) -> Option<u64> {
    let record = codec::decode::<ValueRecordV1>(value).ok()?;
    record.bytes.try_into().ok().map(u64::from_be_bytes)
}
