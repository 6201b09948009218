//! How commits change the endpoints of webhooks, and store the results of deliveries.

use crate::domain::id::WebhookEndpointId;
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::time::Timestamp;
use crate::domain::webhook::{State, WebhookEndpoint};
use crate::store::commit::{WebhookChange, WebhookProgress};
use crate::store::error::{CommitError, StoreError};
use crate::store::kv::key;
use crate::store::kv::reads::Reads;
use crate::store::kv::record::{WebhookEndpointRecordV1, WebhookRetryRecordV1};

use super::Transaction;

impl<K: Reads> Transaction<'_, '_, K> {
    pub(super) fn webhook(&mut self, change: &WebhookChange) -> Result<(), CommitError> {
        let next = match change {
            WebhookChange::Create(endpoint) => {
                if self.endpoint(endpoint.id)?.is_some() {
                    return Err(CommitError::Stale);
                }
                (**endpoint).clone()
            }
            WebhookChange::Change { next, expected_version } => {
                let known = self.endpoint(next.id)?.ok_or_else(gone)?;
                if known.version != *expected_version {
                    return Err(CommitError::Stale);
                }
                WebhookEndpoint { progress: known.progress, ..(**next).clone() }
            }
            WebhookChange::MoveTo(id, cursor) => {
                let mut known = self.endpoint(*id)?.ok_or_else(gone)?;
                known.progress.cursor = *cursor;
                known.version += 1;
                known
            }
            WebhookChange::Delete(id) => {
                self.endpoint(*id)?.ok_or_else(gone)?;
                self.remove(key::webhook_endpoint(*id));
                for waiting in self.keys_that_begin_with(&key::webhook_retries_of(*id), RETRIES_REMOVED_MAX)? {
                    self.remove(waiting);
                }
                return Ok(());
            }
        };
        Ok(self.put(key::webhook_endpoint(next.id), &WebhookEndpointRecordV1::from(&next))?)
    }

    /// Its only errors are those of the store.
    pub(super) fn webhook_progress(&mut self, made: &WebhookProgress, at: Timestamp) -> Result<(), StoreError> {
        let key = key::webhook_endpoint(made.endpoint);
        let read = self.batch.unreadable.skip(&key, self.endpoint(made.endpoint))?;
        let Some(mut endpoint) = read.flatten() else { return Ok(()) };
        let progress = &mut endpoint.progress;
        for done in &made.done {
            let key = key::webhook_retry(done);
            if self.get(&key)?.is_some() {
                self.remove(key);
                progress.waiting = progress.waiting.saturating_sub(1);
            }
        }
        for retry in &made.retries {
            let key = key::webhook_retry(&retry.key);
            progress.waiting += u64::from(self.get(&key)?.is_none());
            self.put(key, &WebhookRetryRecordV1::from(retry))?;
        }
        if let Some(moved) = made.cursor.filter(|moved| moved.from == progress.cursor) {
            progress.cursor = Some(moved.to);
        }
        progress.health = made.health.unwrap_or(progress.health);
        if let (State::Enabled, Some(why)) = (endpoint.state, made.disabled) {
            endpoint.state = State::Disabled(why);
            endpoint.version += 1;
            endpoint.updated_at = endpoint.updated_at.max(at);
        }
        self.put(key, &WebhookEndpointRecordV1::from(&endpoint))
    }

    fn endpoint(&self, id: WebhookEndpointId) -> Result<Option<WebhookEndpoint>, StoreError> {
        let record: Option<WebhookEndpointRecordV1> = self.record(&key::webhook_endpoint(id))?;
        Ok(record.map(WebhookEndpoint::from))
    }
}

fn gone() -> Rejection {
    ErrorCode::ResourceNotFound.into()
}

/// The most messages that are removed with their endpoint; the scan for expired records finds further ones.
const RETRIES_REMOVED_MAX: usize = 10_000;
