//! The messages that wait for another attempt at an endpoint.

use crate::domain::id::WebhookEndpointId;
use crate::domain::webhook::Retry;
use crate::store::error::StoreError;
use crate::store::kv::codec;
use crate::store::kv::key;
use crate::store::kv::reads::Reads;
use crate::store::kv::record::WebhookRetryRecordV1;

use super::Reader;

impl<R: Reads> Reader<'_, R> {
    /// The first `limit` of them. One that can't be read is left out, so there may be more where there are fewer.
    pub(super) fn webhook_retries(&self, of: WebhookEndpointId, limit: usize) -> Result<Vec<Retry>, StoreError> {
        let prefix = key::webhook_retries_of(of);
        let mut found = Vec::new();
        for (key, value) in self.kv.scan(&prefix, &prefix, limit)? {
            let read = codec::decode::<WebhookRetryRecordV1>(&value).and_then(|record| {
                let key = key::parse_webhook_retry(&key);
                let key = key.ok_or_else(|| StoreError::Damaged("the key of a waiting webhook".into()))?;
                Ok(record.of(key))
            });
            found.extend(self.unreadable.skip(&key, read)?);
        }
        Ok(found)
    }
}
