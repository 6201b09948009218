//! How commits change what the application's backend lists, and named values that several callers may change.

use bytes::Bytes;

use crate::domain::rejection::{ErrorCode, Rejection};
use crate::store::commit::{ListedChange, NamedValueWrite, RedirectUrlChange};
use crate::store::error::CommitError;
use crate::store::kv::key;
use crate::store::kv::reads::Reads;
use crate::store::kv::record::{ListedRecordV1, RedirectUrlRecordV1, ValueRecordV1};

use super::Transaction;

impl<K: Reads> Transaction<'_, '_, K> {
    pub(super) fn listed(&mut self, change: &ListedChange) -> Result<(), CommitError> {
        match change {
            ListedChange::Add(listed) => {
                let key = self.unlisted(key::listed(listed.list, listed.id), "identifier")?;
                Ok(self.put(key, &ListedRecordV1::from(&**listed))?)
            }
            ListedChange::Remove(list, id) => self.remove_listed(key::listed(*list, *id)),
        }
    }

    pub(super) fn redirect_url(&mut self, change: &RedirectUrlChange) -> Result<(), CommitError> {
        match change {
            RedirectUrlChange::Add(listed) => {
                let key = self.unlisted(key::redirect_url(listed.id), "url")?;
                Ok(self.put(key, &RedirectUrlRecordV1::from(&**listed))?)
            }
            RedirectUrlChange::Remove(id) => self.remove_listed(key::redirect_url(*id)),
        }
    }

    pub(super) fn value(&mut self, write: &NamedValueWrite) -> Result<(), CommitError> {
        let key = key::value(&write.name);
        let stored: Option<ValueRecordV1> = self.record(&key)?;
        if stored.map(|record| record.bytes) != write.expected {
            return Err(CommitError::Stale);
        }
        Ok(self.put(key, &ValueRecordV1 { bytes: write.next.clone() })?)
    }

    /// The key, if nothing is listed under it.
    fn unlisted(&self, key: Bytes, param: &str) -> Result<Bytes, CommitError> {
        match self.get(&key)? {
            None => Ok(key),
            Some(_) => Err(Rejection::from(ErrorCode::DuplicateRecord.on(param)).into()),
        }
    }

    fn remove_listed(&mut self, key: Bytes) -> Result<(), CommitError> {
        if self.get(&key)?.is_none() {
            return Err(Rejection::from(ErrorCode::ResourceNotFound).into());
        }
        self.remove(key);
        Ok(())
    }
}
