//! The consecutive failures to sign in to one account.

use serde::{Deserialize, Serialize};

use crate::domain::sign_in::{Failures, SourceMark};
use crate::domain::time::Timestamp;
use crate::store::kv::codec::Record;
use crate::store::kv::key::Kind;

/// The consecutive failures to sign in to one account, which the key identifies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::store) struct FailuresRecordV1 {
    passwords: u32,
    codes: u32,
    known: u32,
    known_at: u64,
    at: u64,
    sources: Vec<(SourceMark, u32, u64)>,
}

impl Record for FailuresRecordV1 {
    const KIND: Kind = Kind::Failures;
    const SCHEMA: u8 = 1;
}

impl From<&Failures> for FailuresRecordV1 {
    fn from(failures: &Failures) -> Self {
        let sources = failures.sources.iter().map(|(mark, used, at)| (*mark, *used, at.as_millis()));
        Self {
            passwords: failures.passwords,
            codes: failures.codes,
            known: failures.known,
            known_at: failures.known_at.as_millis(),
            at: failures.at.as_millis(),
            sources: sources.collect(),
        }
    }
}

impl From<FailuresRecordV1> for Failures {
    fn from(record: FailuresRecordV1) -> Self {
        let sources = record.sources.into_iter().map(|(mark, used, at)| (mark, used, Timestamp::from_millis(at)));
        Self {
            passwords: record.passwords,
            codes: record.codes,
            known: record.known,
            known_at: Timestamp::from_millis(record.known_at),
            at: Timestamp::from_millis(record.at),
            sources: sources.collect(),
        }
    }
}
