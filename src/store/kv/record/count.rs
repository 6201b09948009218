//! A part of a count.

use serde::{Deserialize, Serialize};

use crate::store::kv::codec::Record;
use crate::store::kv::key::Kind;

/// How many records are counted under the key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::store) struct CountRecordV1 {
    pub(in crate::store) count: u64,
}

impl Record for CountRecordV1 {
    const KIND: Kind = Kind::Count;
    const SCHEMA: u8 = 1;
}
