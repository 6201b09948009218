//! Encryption of the values in a map that several nodes share: as in `seal.rs`, under one key and the number of the deployment.
//! Each start of a node draws its own subkey, so no two nodes use a nonce twice.

use bytes::Bytes;

use super::projection::{ProjectedUsers, projected_users};
use super::seal::Sealer;
use super::shared_map::{AppendError, Batch, SharedMap, Stamp, Versioned};
use crate::store::error::StoreError;
use crate::store::health::Health;

/// A shared map that seals its values in the underlying map.
pub struct SealedShared<M> {
    beneath: M,
    /// `None` passes values unchanged.
    sealer: Option<Sealer>,
}

impl<M> SealedShared<M> {
    pub(in crate::store) const fn over(beneath: M, sealer: Option<Sealer>) -> Self {
        Self { beneath, sealer }
    }

    /// The opened value. One that can't be opened is returned unchanged, and no reader will take it for a record.
    fn open(&self, key: &[u8], value: Bytes) -> Bytes {
        self.sealer.as_ref().and_then(|sealer| sealer.open(key, &value)).unwrap_or(value)
    }

    fn opened(&self, mut entries: Vec<(Bytes, Bytes)>) -> Vec<(Bytes, Bytes)> {
        for (key, value) in &mut entries {
            *value = self.open(key, std::mem::take(value));
        }
        entries
    }
}

impl<M: SharedMap> SharedMap for SealedShared<M> {
    async fn get_many(&self, keys: &[Bytes]) -> Result<Vec<Option<Versioned>>, StoreError> {
        let mut found = self.beneath.get_many(keys).await?;
        for (key, entry) in keys.iter().zip(&mut found) {
            if let Some(entry) = entry {
                entry.value = self.open(key, std::mem::take(&mut entry.value));
            }
        }
        Ok(found)
    }

    async fn scan(&self, prefix: &[u8], from: &[u8], limit: usize) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        Ok(self.opened(self.beneath.scan(prefix, from, limit).await?))
    }

    async fn scan_back(&self, prefix: &[u8], below: &[u8], limit: usize) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        Ok(self.opened(self.beneath.scan_back(prefix, below, limit).await?))
    }

    async fn append(&self, stamp: Stamp, batch: &Batch) -> Result<(), AppendError> {
        let users =
            if self.beneath.asks_for_users() { projected_users(&batch.writes) } else { Ok(ProjectedUsers::default()) };
        let Ok(users) = users.inspect_err(|error| tracing::error!(%error, "a user that is written can't be read"))
        else {
            return Err(AppendError::Unavailable);
        };
        let sealer = self.sealer.as_ref().filter(|sealer| sealer.seals());
        let sealed = |(key, value): (&Bytes, &Option<Bytes>)| {
            let seal = |value: &Bytes| sealer.map_or_else(|| value.clone(), |sealer| sealer.seal(key, value));
            (key.clone(), value.as_ref().map(seal))
        };
        let writes = batch.writes.iter().map(sealed).collect();
        self.beneath.append(stamp, &Batch { expected: batch.expected.clone(), writes, users }).await
    }

    fn asks_for_users(&self) -> bool {
        self.beneath.asks_for_users()
    }

    async fn pause(&self, tries: u32) {
        self.beneath.pause(tries).await;
    }

    fn health(&self) -> Health {
        self.beneath.health()
    }

    async fn close(&self) {
        self.beneath.close().await;
    }
}
