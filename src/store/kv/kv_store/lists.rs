//! What is listed for administrators and for the application: sign-ups that wait for approval, and the application's
//! values.

use bytes::Bytes;

use crate::domain::application_value::ApplicationValue;
use crate::domain::id::SignUpId;
use crate::domain::sign_up::SignUp;
use crate::store::error::StoreError;
use crate::store::kv::codec;
use crate::store::kv::key::{self, Kind};
use crate::store::kv::reads::Reads;
use crate::store::kv::record::{ApplicationValueRecordV1, SignUpRecordV3};

use super::{Reader, from_after};

impl<R: Reads> Reader<'_, R> {
    pub(super) fn awaiting_approval(&self, after: Option<SignUpId>, limit: usize) -> Result<Vec<SignUp>, StoreError> {
        let last = after.map(|id| self.waiting(id)).transpose()?.flatten();
        let last = last.and_then(|sign_up| Some(key::awaiting_approval(sign_up.waits_since()?, sign_up.id)));
        let (mut from, mut found) = (from_after(Kind::AwaitingApproval, last), Vec::new());
        while found.len() < limit {
            let asked = limit - found.len();
            let entries = self.kv.scan(&[Kind::AwaitingApproval.byte()], &from, asked)?;
            for id in entries.iter().filter_map(|(key, _)| key::parse_awaiting_approval(key)) {
                let read = self.waiting(id);
                found.extend(self.unreadable.skip(&key::sign_up(id), read)?.flatten());
            }
            match entries.last() {
                Some((last, _)) if entries.len() == asked => {
                    from = from_after(Kind::AwaitingApproval, Some(last.clone()));
                }
                _ => break,
            }
        }
        Ok(found)
    }

    /// An open sign-up that waits for approval.
    fn waiting(&self, id: SignUpId) -> Result<Option<SignUp>, StoreError> {
        let bytes = self.kv.get(&key::sign_up(id))?;
        let record = bytes.map(|bytes| codec::decode::<SignUpRecordV3>(&bytes)).transpose()?;
        let sign_up = record.map(|record| SignUp::try_from(record.sign_up)).transpose()?;
        Ok(sign_up.filter(|sign_up| sign_up.waits_since().is_some()))
    }

    pub(super) fn application_values(
        &self,
        beginning: &Bytes,
        after: Option<Bytes>,
        limit: usize,
    ) -> Result<Vec<ApplicationValue>, StoreError> {
        let mut found = Vec::new();
        let last = match after.filter(|last| last >= beginning) {
            Some(last) => last,
            None => {
                // The name that is the prefix itself: a scan from there may include it or not.
                if let Some(value) = self.kv.get(beginning)?.filter(|_| limit > 0) {
                    found.extend(self.listed(beginning, &value)?);
                }
                beginning.clone()
            }
        };
        let mut from = from_after(Kind::ApplicationValue, Some(last));
        while found.len() < limit {
            let asked = limit - found.len();
            let entries = self.kv.scan(beginning, &from, asked)?;
            for (key, value) in &entries {
                found.extend(self.listed(key, value)?);
            }
            match entries.last() {
                Some((last, _)) if entries.len() == asked => {
                    from = from_after(Kind::ApplicationValue, Some(last.clone()));
                }
                _ => break,
            }
        }
        Ok(found)
    }

    fn listed(&self, key: &[u8], value: &[u8]) -> Result<Option<ApplicationValue>, StoreError> {
        let record = self.unreadable.skip(key, codec::decode::<ApplicationValueRecordV1>(value))?;
        let key = key::parse_application_value(key);
        Ok(key.zip(record).map(|(key, record)| ApplicationValue { key, bytes: record.bytes }))
    }
}
