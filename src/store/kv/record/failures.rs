//! The consecutive failures to sign in to one account.

use serde::{Deserialize, Serialize};

use crate::domain::sign_in::{Failures, Locks, SourceMark};
use crate::domain::time::Timestamp;
use crate::store::StoreError;
use crate::store::kv::codec::{Older, Record};
use crate::store::kv::key::Kind;

/// The consecutive failures to sign in to one account, which the key identifies, and what they lock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::store) struct FailuresRecordV2 {
    before: FailuresRecordV1,
    passwords_until: Option<u64>,
    codes_until: Option<u64>,
    known_until: Option<u64>,
}

/// The first schema, before failures could lock an account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct FailuresRecordV1 {
    passwords: u32,
    codes: u32,
    known: u32,
    known_at: u64,
    at: u64,
    sources: Vec<(SourceMark, u32, u64)>,
}

impl Record for FailuresRecordV2 {
    const KIND: Kind = Kind::Failures;
    const SCHEMA: u8 = 2;

    fn from_older(older: Older<'_>) -> Result<Self, StoreError> {
        let before = older.read::<FailuresRecordV1>()?;
        Ok(Self { before, passwords_until: None, codes_until: None, known_until: None })
    }
}

impl Record for FailuresRecordV1 {
    const KIND: Kind = Kind::Failures;
    const SCHEMA: u8 = 1;
}

impl From<&Failures> for FailuresRecordV2 {
    fn from(failures: &Failures) -> Self {
        let sources = failures.sources.iter().map(|(mark, used, at)| (*mark, *used, at.as_millis()));
        let before = FailuresRecordV1 {
            passwords: failures.passwords,
            codes: failures.codes,
            known: failures.known,
            known_at: failures.known_at.as_millis(),
            at: failures.at.as_millis(),
            sources: sources.collect(),
        };
        let until = |lock: Option<Timestamp>| lock.map(Timestamp::as_millis);
        let Locks { passwords, codes, known } = failures.locks;
        Self { before, passwords_until: until(passwords), codes_until: until(codes), known_until: until(known) }
    }
}

impl From<FailuresRecordV2> for Failures {
    fn from(record: FailuresRecordV2) -> Self {
        let until = |lock: Option<u64>| lock.map(Timestamp::from_millis);
        let locks = Locks {
            passwords: until(record.passwords_until),
            codes: until(record.codes_until),
            known: until(record.known_until),
        };
        let record = record.before;
        let sources = record.sources.into_iter().map(|(mark, used, at)| (mark, used, Timestamp::from_millis(at)));
        Self {
            passwords: record.passwords,
            codes: record.codes,
            known: record.known,
            known_at: Timestamp::from_millis(record.known_at),
            at: Timestamp::from_millis(record.at),
            sources: sources.collect(),
            locks,
        }
    }
}
